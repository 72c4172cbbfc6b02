// The real daemon as a child process: `clawpatrol gateway` with its own state folder, stopped with the test.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, type CleanUp } from './temp.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');

const AFTER_EXIT_MS = 5_000;

export interface GatewayProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stateDir: string;
  readonly configPath: string;
  /** Address by name from the `ready` line, for example `postgres.pg` → `127.0.0.1:40001`. */
  readonly addresses: ReadonlyMap<string, string>;
  port(name: string): number;
  /** Everything that the daemon has logged so far. */
  log(): string;
  /** Runs the command line against this gateway and waits for it. */
  cli(...args: string[]): CliResult;
  /** The same with something to read on standard input. */
  cliWith(input: string, ...args: string[]): CliResult;
  /** Sends SIGTERM and gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GatewayOptions {
  /** HCL text, or files by name for a folder. */
  readonly config: string | Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Keep using the state folder of an earlier gateway. */
  readonly stateDir?: string;
  readonly readyWithinMs?: number;
}

/** Runs one command to its end, without a gateway. */
export function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input: string = '',
): CliResult {
  const result = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', NO_COLOR: '1', ...env },
    input,
    timeout: 120_000,
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Starts the daemon and waits for its `ready` line; throws with its log when it does not come. */
export async function startGateway(cleanUp: CleanUp, options: GatewayOptions): Promise<GatewayProcess> {
  const folder = temporaryFolder(cleanUp, 'clawpatrol-gw');
  const stateDir = options.stateDir ?? join(folder, 'state');
  const configPath = writeConfig(folder, options.config);
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', MAIN, 'gateway', configPath, '--state-dir', stateDir],
    {
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const exited = endOf(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-2_000_000);
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
    }
    const forced = setTimeout(() => child.kill('SIGKILL'), 40_000);
    const code = await exited;
    clearTimeout(forced);
    return code;
  };
  cleanUp.after(async () => {
    await stop();
  });
  const to = ['--gateway', `unix:${join(stateDir, 'control.sock')}`];
  const line = await readyLine(child, exited, () => log, options.readyWithinMs ?? 120_000);
  // What it had logged before that line stands in another pipe: by the next turn that has been read.
  await new Promise((resolve) => setImmediate(resolve));
  const addresses = new Map(
    line
      .split(' ')
      .slice(1)
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const),
  );
  return {
    child,
    pid: child.pid ?? -1,
    stateDir,
    configPath,
    addresses,
    port: (name) => Number(/:(\d+)$/.exec(addresses.get(name) ?? '')?.[1] ?? Number.NaN),
    log: () => log,
    cli: (...args) => runCli([...args, ...to], { HOME: folder }),
    cliWith: (input, ...args) => runCli([...args, ...to], { HOME: folder }, input),
    stop,
    exited,
  };
}

/** Its code, once what it said last has been read too. What it leaves running may hold its pipes: that is not waited for long. */
function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      setTimeout(() => resolve(code), AFTER_EXIT_MS).unref();
    });
    child.once('close', (code: number | null) => resolve(code));
  });
}

function writeConfig(folder: string, config: GatewayOptions['config']): string {
  if (typeof config === 'string') {
    const path = join(folder, 'gateway.hcl');
    writeFileSync(path, config);
    return path;
  }
  const path = join(folder, 'config');
  mkdirSync(path);
  for (const [name, text] of Object.entries(config)) {
    writeFileSync(join(path, name), text);
  }
  return path;
}

async function readyLine(
  child: ChildProcess,
  exited: Promise<number | null>,
  log: () => string,
  withinMs: number,
): Promise<string> {
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the gateway was not ready after ${withinMs} ms:\n${log()}`)),
        withinMs,
      );
      void exited.then((code) => reject(new Error(`the gateway ended with ${code}:\n${text}${log()}`)));
      child.stdout?.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        // The last one has no end yet.
        const lines = text.split('\n').slice(0, -1);
        const line = lines.find((candidate) => candidate.startsWith('ready '));
        if (line !== undefined) {
          // What it logged before is in the other pipe, and is read in this turn of the loop.
          setImmediate(resolve, line);
        }
      });
    });
  } finally {
    clearTimeout(timer);
  }
}
