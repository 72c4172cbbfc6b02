// Runs a program that prints a secret: no shell, a named few variables, a deadline, a bound, and no word of its output anywhere else.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import { createDeferred } from '../lib/deferred.ts';

export interface SecretCommand {
  readonly argv: readonly string[];
  /** Variables that the program gets beside PATH, HOME and LANG. */
  readonly passEnv: readonly string[];
  readonly timeoutMs: number;
}

export interface RunParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** More output than this is a failure. */
  readonly maxBytes: number;
}

export type RunResult =
  | { readonly kind: 'done'; readonly output: Buffer }
  /** `why` goes on from the command's name: `ended with status 1`. Never holds output, since that may be a secret in part. */
  | { readonly kind: 'failed'; readonly why: string };

const ALWAYS_PASSED = ['PATH', 'HOME', 'LANG'];

/** Runs it to its end. Never rejects. */
export function runForSecret(command: SecretCommand, { env, clock, maxBytes }: RunParts): Promise<RunResult> {
  const { promise, resolve } = createDeferred<RunResult>();
  const child = start(command, env);
  if (child === null) {
    return Promise.resolve({ kind: 'failed', why: 'cannot be a command' });
  }
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  const finish = (result: RunResult): void => {
    timer.cancel();
    child.stdout.destroy();
    resolve(result);
  };
  const giveUp = (why: string): void => {
    killGroup(child.pid);
    finish({ kind: 'failed', why });
  };
  const timer = clock.after(command.timeoutMs, () => giveUp(`did not end within ${command.timeoutMs} ms`));
  child.on('error', (error) => {
    const code = 'code' in error ? String(error.code) : 'unknown';
    finish({
      kind: 'failed',
      why: code === 'ENOENT' ? 'was not found; give its full path' : `could not be started (${code})`,
    });
  });
  child.stdout.on('data', (piece: Buffer) => {
    sizeBytes += piece.length;
    pieces.push(piece);
    if (sizeBytes > maxBytes) {
      giveUp('printed more than a secret may be');
    }
  });
  child.on('close', (status, signal) => {
    const how = signal === null ? `ended with status ${status}` : `was ended by ${signal}`;
    finish(status === 0 ? { kind: 'done', output: Buffer.concat(pieces) } : { kind: 'failed', why: how });
  });
  return promise;
}

/** Null when the words cannot be a command at all (empty, or with a NUL). */
function start(
  { argv, passEnv }: SecretCommand,
  env: RunParts['env'],
): ChildProcessByStdio<null, Readable, null> | null {
  const [program = '', ...args] = argv;
  try {
    // Detached: it leads a process group of its own, so that whatever it started can be ended with it.
    return spawn(program, args, {
      env: childEnvironment(passEnv, env),
      stdio: ['ignore', 'pipe', 'ignore'],
      shell: false,
      detached: true,
    });
  } catch {
    return null;
  }
}

/** The gateway's own variables go to no child, even when they are named. */
function childEnvironment(passEnv: readonly string[], env: RunParts['env']): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of [...ALWAYS_PASSED, ...passEnv]) {
    const value = env[name];
    if (value !== undefined && !name.startsWith('CLAWPATROL_')) {
      passed[name] = value;
    }
  }
  return passed;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) {
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
