// Calls a verb in this process: captured output, no sockets, a fake client of the operator API.
import { PassThrough, Readable, Writable } from 'node:stream';
import { runCli } from '../../src/cli/cli.ts';
import type { Io, SignalName } from '../../src/cli/io.ts';
import type { ControlAddress, ControlClient } from '../../src/client/control-client.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as one JSON value. */
  json(): unknown;
}

export interface CliOptions {
  readonly input?: string;
  /** Input and output are a terminal. */
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly client?: Partial<ControlClient>;
  readonly onConnect?: (address: ControlAddress) => void;
  readonly nowMs?: number;
  readonly signals?: Map<SignalName, () => void>;
}

class Sink extends Writable {
  text = '';
  isTTY = false;
  columns = 80;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

/** Every call that a test did not give fails when it is made. */
function fakeClient(parts: Partial<ControlClient>): ControlClient {
  const missing = (): never => {
    throw new Error('this test gave the client no such call');
  };
  const group: unknown = new Proxy({}, { get: () => missing });
  const calls = { approvals: group, audit: group, secrets: group, ca: group, profiles: group };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every property that the type has is there
  return { ...calls, status: missing, reload: missing, ...parts } as unknown as ControlClient;
}

/** Runs `clawpatrol ARGS` to its exit code. */
export async function runVerb(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const stdout = new Sink();
  const stderr = new Sink();
  const terminal = options.terminal === true;
  stdout.isTTY = terminal;
  stderr.isTTY = terminal;
  const stdin = terminal
    ? Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
    : Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)], { objectMode: false });
  if (stdin instanceof PassThrough) {
    stdin.end(options.input ?? '');
  }
  const io: Io = {
    stdout,
    stderr,
    stdin,
    env: options.env ?? {},
    onSignal: (name, listener) => {
      options.signals?.set(name, listener);
      return () => options.signals?.delete(name);
    },
    onFault: () => () => {},
    exitNow: (exitCode) => {
      throw new Error(`the process would have ended with ${exitCode}`);
    },
    pid: 4242,
    connect: (address) => {
      options.onConnect?.(address);
      return fakeClient(options.client ?? {});
    },
    now: () => options.nowMs ?? 1_800_000_000_000,
    sleep: () => Promise.resolve(),
  };
  const code = await runCli(args, io);
  return {
    code,
    stdout: stdout.text,
    stderr: stderr.text,
    json: () => JSON.parse(stdout.text) as unknown,
  };
}
