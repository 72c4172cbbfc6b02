// Runs a client program and waits for it, without a shell.
import { spawn } from 'node:child_process';

export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Working folder; this process's own when left out. */
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Called with everything printed so far (both streams) whenever more comes; may send signals. */
  readonly watch?: (printed: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** What a child of a killed program may still hold open is not waited for longer than this. */
const AFTER_KILL_MS = 5_000;

/** Resolves when the program has ended; kills it at the time limit (default 60 s), and says so on its stderr. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const child = spawn(program, [...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/tmp', LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let stdout = '';
  let stderr = '';
  const saw = (): void => options.watch?.(stdout + stderr, (signal) => void child.kill(signal));
  // As text by the stream: a letter of several bytes may come in two pieces.
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    saw();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    saw();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const limitMs = options.timeoutMs ?? 60_000;
  let timer: NodeJS.Timeout | undefined;
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status));
    timer = setTimeout(() => {
      stderr += `\n${program} ${args.join(' ')}: killed after ${limitMs} ms\n`;
      child.kill('SIGKILL');
      timer = setTimeout(() => resolve(null), AFTER_KILL_MS);
    }, limitMs);
  });
  clearTimeout(timer);
  return { code, stdout, stderr };
}
