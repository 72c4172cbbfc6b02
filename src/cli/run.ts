// clawpatrol run: one process tree inside the tunnel. Only its own network goes through the gateway, and it has no other. `--mode proxy` routes
// what honours proxy variables, and contains nothing.
import { startInnerHalf } from '../client/run/inner-half.ts';
import type { InnerHalf } from '../client/run/inner-half.ts';
import { RunError } from '../client/run/run-error.ts';
import type { RunOptions } from '../client/run/registration.ts';
import { CliError, EXIT, runCommand, runWithoutFlags, textOption, wordOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import type { Io } from './io.ts';

/** Ends of `run` itself, before the command has begun (config reference 6.7). */
const FAILED = 125;
const MODES = ['tunnel', 'proxy'] as const;
/** Flags that take a value: the word behind them is not the command. */
const WITH_VALUE: readonly string[] = [
  '--profile',
  '--label',
  '--ca-dir',
  '--incident',
  '--intent',
  '--expose',
  '--host-loopback',
  '--mode',
];
/** Flags with which nothing may be started yet, or nothing of the tunnel. */
const NOT_TUNNELLED = /^(?:-h|--help|--mode(?:=.*)?)$/;
const MAX_INCIDENT_CHARS = 100;
/** As of the agent-facing name's POST /intent. */
const MAX_INTENT_BYTES = 4096;
const MAX_PORTS = 16;

/** `inner` has been started where the command line looked as if it were needed. */
async function act(call: Call, words: readonly string[], inner: InnerHalf | null): Promise<number> {
  const [command, ...args] = words;
  if (command === undefined) {
    throw new CliError('usage', EXIT.usage, 'what is to be run? write clawpatrol run [flags] [--] command [arguments]');
  }
  const { io } = call;
  const mode = wordOption(call, 'mode', MODES) ?? 'tunnel';
  const { devicePaths, readDevice } = await import('../client/device-files.ts');
  const paths = devicePaths(io.env, textOption(call, 'caDir'));
  const record = readDevice(paths);
  if (record === null) {
    const why =
      (io.env['CLAWPATROL_RUN'] ?? '') === ''
        ? 'this machine has not joined a gateway: clawpatrol join https://GATEWAY first'
        : 'this is inside a run already: start the command without `clawpatrol run`, it goes through the same tunnel';
    throw new CliError('not_joined', FAILED, why);
  }
  const [expose, hostLoopback] = [portsOf(call, 'expose'), portsOf(call, 'hostLoopback')];
  if (mode === 'proxy' && expose.length + hostLoopback.length > 0) {
    const why = 'in proxy mode the command has the machine’s own network: there is nothing to expose';
    throw new CliError('usage', EXIT.usage, why);
  }
  const options: RunOptions = {
    paths,
    record,
    command,
    args,
    env: io.env,
    profile: textOption(call, 'profile'),
    label: textOption(call, 'label') ?? command.split('/').at(-1) ?? '',
    ...claimsOf(call),
    expose,
    hostLoopback,
    setEnvironment: call.options['env'] !== false && io.env['CLAWPATROL_NO_ENV'] !== '1',
    onSignal: (listener) => watchSignals(io, listener),
    warn: (message) => void io.stderr.write(`clawpatrol run: ${message}\n`),
    note: noteOf(io),
  };
  try {
    if (mode === 'proxy') {
      const { runWithProxy } = await import('../client/run/proxy-run.ts');
      return await runWithProxy(options);
    }
    const { runInTunnel } = await import('../client/run/outside.ts');
    return await runInTunnel(options, inner ?? startInnerHalf());
  } catch (error) {
    if (error instanceof RunError) {
      throw new CliError('run', FAILED, error.message);
    }
    throw error;
  }
}

function claimsOf(call: Call): Pick<RunOptions, 'incident' | 'intent'> {
  const incident = textOption(call, 'incident') ?? call.io.env['CLAWPATROL_INCIDENT'] ?? '';
  const intent = textOption(call, 'intent') ?? '';
  if (incident.length > MAX_INCIDENT_CHARS || Buffer.byteLength(intent) > MAX_INTENT_BYTES) {
    const why = `--incident takes ${MAX_INCIDENT_CHARS} characters and --intent ${MAX_INTENT_BYTES} bytes at most`;
    throw new CliError('usage', EXIT.usage, why);
  }
  return { incident, intent };
}

/** Whole numbers of ports, each once. */
function portsOf(call: Call, name: string): readonly number[] {
  const given = call.options[name];
  const texts = Array.isArray(given) ? given.map(String) : [];
  const ports = texts.map((text) => (/^\d{1,5}$/.test(text) ? Number(text) : 0));
  if (ports.length > MAX_PORTS || ports.some((port) => port < 1 || port > 65_535)) {
    const flag = name === 'expose' ? '--expose' : '--host-loopback';
    throw new CliError('usage', EXIT.usage, `${flag} takes a port, and may stand ${MAX_PORTS} times at most`);
  }
  return [...new Set(ports)];
}

/** Milliseconds from the start of this process, on standard error, where CLAWPATROL_DEBUG asks for it. */
function noteOf({ env, stderr }: Io): RunOptions['note'] {
  if (env['CLAWPATROL_DEBUG'] !== '1') {
    return () => {};
  }
  const note = (step: string, atMs: number = performance.timeOrigin + performance.now()): void =>
    void stderr.write(`clawpatrol run: +${Math.round(atMs - performance.timeOrigin)} ms ${step}\n`);
  note('the program is loaded');
  return note;
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
    ['--profile <name>', 'refused unless it is the profile of this device, which an operator chooses'],
    ['--label <text>', 'what the run is called in the log (default: the command)'],
    [
      '--incident <id>',
      'the incident that it works on: told to approvers as the agent’s word, and to the command in CLAWPATROL_INCIDENT',
    ],
    ['--intent <text>', 'why: told to approvers as the agent’s word'],
    [
      '--mode <mode>',
      'tunnel (default) contains the command; proxy routes what honours proxy variables, anywhere, and contains nothing',
    ],
    ['--expose <port>', 'a port in the run, also at 127.0.0.1 of this machine; may be repeated'],
    ['--host-loopback <port>', 'a port at 127.0.0.1 of this machine, also in the run; may be repeated'],
    ['--no-env', 'leave the variables for certificates and placeholders alone'],
    ['--no-auto-expose', 'accepted: nothing is exposed that --expose does not name'],
    ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
  ],
  repeatable: ['expose', 'host-loopback'],
  examples: ['run claude', "run --incident PX1 -- psql -h db.internal.example -c 'select 1'"],
  act: (call) => act(call, [], null),
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
export async function run(args: readonly string[], io: Io): Promise<number> {
  const { flags, words } = splitCommand(args);
  // Before the flags are even read: the rest of this program loads while the second process starts.
  const inner = words.length > 0 && !flags.some((flag) => NOT_TUNNELLED.test(flag)) ? startInnerHalf() : null;
  try {
    const verb: Verb = { ...command, act: (call) => act(call, words, inner) };
    return await (flags.length === 0 && words.length > 0 ? runWithoutFlags(verb, io) : runCommand(verb, flags, io));
  } finally {
    inner?.dismiss();
  }
}
