// Questions to a person at a terminal.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Io } from './io.ts';

/** True when a person can be asked: input and output are both a terminal. */
export function canAsk(io: Io): boolean {
  return io.stdin.isTTY === true && io.stdout.isTTY === true;
}

/** The line that was typed, or null at end of input. */
export function askLine(io: Io, question: string): Promise<string | null> {
  io.stdout.write(question);
  return readLine(io, io.stdout);
}

/** The same without echo, for secrets. */
export async function askHidden(io: Io, question: string): Promise<string | null> {
  io.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done): void => done() });
  const answer = await readLine(io, nowhere);
  io.stderr.write('\n');
  return answer;
}

function readLine(io: Io, echo: Writable): Promise<string | null> {
  // With `terminal`, readline switches the terminal's own echo off and writes what is typed to `echo`.
  const reader = createInterface({ input: io.stdin, output: echo, terminal: io.stdin.isTTY === true });
  return new Promise((resolve) => {
    let answer: string | null = null;
    reader.once('line', (line) => {
      answer = line;
      reader.close();
    });
    reader.once('SIGINT', () => reader.close());
    reader.once('close', () => resolve(answer));
  });
}
