// What a verb may touch of the process. Verbs get it as an argument, so that tests call them without a process.
import type { Readable, Writable } from 'node:stream';
import type { ControlAddress, ControlClient, ControlClientOptions } from '../client/control-client.ts';

/** Signals that a verb may take over; everything else keeps Node's default. */
export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface Io {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls the listener at each arrival until the returned function is called; meanwhile the default (dying) is off. */
  onSignal(name: SignalName, listener: () => void): () => void;
  /** Hands over every error that nobody caught, in place of dying from it, until the returned function is called. */
  onFault(listener: (error: unknown) => void): () => void;
  /** Ends the process at once. */
  exitNow(code: number): void;
  readonly pid: number;
  /** Makes the client of a gateway's operator API; opens nothing by itself. */
  connect(address: ControlAddress, options: ControlClientOptions): ControlClient;
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  sleep(delayMs: number): Promise<void>;
}

/** Most that is read from standard input or a file that a flag names. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** Everything on standard input as bytes. Throws when there is more than a bound. */
export async function readAll(stdin: Readable, maxBytes: number = MAX_INPUT_BYTES): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stdin as AsyncIterable<Buffer | string>) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    size += bytes.length;
    if (size > maxBytes) {
      throw new Error(`more than ${maxBytes} bytes on standard input`);
    }
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}
