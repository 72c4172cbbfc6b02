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

/** Resolves when the program has ended; kills it at the time limit (default 60 s). */
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
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
    saw();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
    saw();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status));
  });
  clearTimeout(timer);
  return { code, stdout, stderr };
}
