// clawpatrol run: one process tree inside the tunnel. Only its own network goes through the gateway, and it has no other.
import { devicePaths, readDevice } from '../client/device-files.ts';
import { LinkError } from '../client/gateway-link.ts';
import { RunError, runInTunnel } from '../client/run/outside.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import type { Io } from './io.ts';

/** Ends of `run` itself, before the command has begun (config reference 6.7). */
const FAILED = 125;
/** Flags that take a value: the word behind them is not the command. */
const WITH_VALUE: readonly string[] = ['--profile', '--label', '--ca-dir'];

async function act(call: Call, words: readonly string[]): Promise<number> {
  const [command, ...args] = words;
  if (command === undefined) {
    throw new CliError('usage', EXIT.usage, 'what is to be run? write clawpatrol run [flags] [--] command [arguments]');
  }
  const { io } = call;
  const paths = devicePaths(io.env, textOption(call, 'caDir'));
  const record = readDevice(paths);
  if (record === null) {
    throw new CliError(
      'not_joined',
      FAILED,
      'this machine has not joined a gateway: clawpatrol join https://GATEWAY first',
    );
  }
  try {
    return await runInTunnel({
      paths,
      record,
      command,
      args,
      env: io.env,
      profile: textOption(call, 'profile'),
      label: textOption(call, 'label') ?? command.split('/').at(-1) ?? '',
      setEnvironment: call.options['env'] !== false && io.env['CLAWPATROL_NO_ENV'] !== '1',
      onSignal: (listener) => watchSignals(io, listener),
    });
  } catch (error) {
    if (error instanceof RunError || error instanceof LinkError) {
      throw new CliError('run', FAILED, error.message);
    }
    throw error;
  }
}

function watchSignals(io: Io, listener: (name: 'SIGTERM' | 'SIGHUP' | 'SIGINT') => void): () => void {
  const releases = (['SIGTERM', 'SIGHUP', 'SIGINT'] as const).map((name) =>
    // A terminal has sent SIGINT to the command itself already.
    io.onSignal(name, () => (name === 'SIGINT' && io.stdin.isTTY === true ? undefined : listener(name))),
  );
  return () => releases.forEach((release) => release());
}

export const command: Verb = {
  name: 'run',
  summary: 'run one command, and everything that it starts, inside the tunnel and nowhere else',
  operands: [['[command...]', 'the command with its arguments; flags behind it are its own']],
  options: [
    ['--profile <name>', 'within what the device may have'],
    ['--label <text>', 'what the run is called in the log (default: the command)'],
    ['--no-env', 'leave the variables for certificates alone'],
    ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
  ],
  act: (call) => act(call, []),
};

/** Where the command begins: the first word that is no flag, or the one behind `--`. */
export function splitCommand(args: readonly string[]): {
  readonly flags: readonly string[];
  readonly words: readonly string[];
} {
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--') {
      return { flags: args.slice(0, at), words: args.slice(at + 1) };
    }
    if (WITH_VALUE.includes(word)) {
      at += 1;
    } else if (!word.startsWith('-')) {
      return { flags: args.slice(0, at), words: args.slice(at) };
    }
  }
  return { flags: args, words: [] };
}

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  const { flags, words } = splitCommand(args);
  return runCommand({ ...command, act: (call) => act(call, words) }, flags, io);
}
