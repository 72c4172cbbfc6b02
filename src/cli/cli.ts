// The verbs by name, and what happens before one of them is chosen. A verb's code is loaded only when it is called.
import { nearest } from '../lib/text.ts';
import { EXIT, writeJsonError } from './command.ts';
import type { Noun, Verb } from './command.ts';
import type { Io } from './io.ts';
import { align } from './printer.ts';

/** What each file of a verb exports. */
export interface VerbModule {
  readonly command: Verb | Noun;
  run(args: readonly string[], io: Io): Promise<number>;
}

/** Every verb of this version, in the order in which usage lists them. */
export const VERBS: Readonly<Record<string, () => Promise<VerbModule>>> = {
  gateway: () => import('./gateway.ts'),
  validate: () => import('./validate.ts'),
  lint: () => import('./lint.ts'),
  test: () => import('./test.ts'),
  explain: () => import('./explain.ts'),
  approvals: () => import('./approvals.ts'),
  grants: () => import('./grants.ts'),
  reviewer: () => import('./reviewer.ts'),
  audit: () => import('./audit.ts'),
  secrets: () => import('./secrets.ts'),
  operators: () => import('./operators.ts'),
  devices: () => import('./devices.ts'),
  join: () => import('./join.ts'),
  leave: () => import('./leave.ts'),
  run: () => import('./run.ts'),
  'escape-test': () => import('./escape-test.ts'),
  context: () => import('./context.ts'),
  mcp: () => import('./mcp.ts'),
  env: () => import('./env.ts'),
  profiles: () => import('./profiles.ts'),
  ca: () => import('./ca.ts'),
  kubeconfig: () => import('./kubeconfig.ts'),
  'known-hosts': () => import('./known-hosts.ts'),
  reload: () => import('./reload.ts'),
  status: () => import('./status.ts'),
  doctor: () => import('./doctor.ts'),
  version: () => import('./version.ts'),
  completion: () => import('./completion.ts'),
};

/** Other names of verbs. */
const ALIASES: Readonly<Record<string, string>> = { '-v': 'version', '--version': 'version', uninstall: 'leave' };

/** Words before the verb that belong to it, so that `clawpatrol --json status` works. */
const COMMON_FLAGS: readonly string[] = ['--json', '--no-color'];

/** Runs one command line (without node and script) to its exit code. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const at = argv.findIndex((word) => !COMMON_FLAGS.includes(word));
  const word = at === -1 ? undefined : argv[at];
  if (word === 'help' && argv[at + 1] !== undefined) {
    return runCli([...argv.slice(at + 1), '--help'], io);
  }
  if (word === '-h' || word === '--help' || word === 'help') {
    io.stdout.write(await usage());
    return EXIT.ok;
  }
  const name = word !== undefined && Object.hasOwn(ALIASES, word) ? ALIASES[word] : word;
  const load = name === undefined || !Object.hasOwn(VERBS, name) ? undefined : VERBS[name];
  if (load === undefined) {
    return refuseVerb(name, argv.includes('--json'), io);
  }
  const verb = await load();
  const [flags, rest] = [argv.slice(0, at), argv.slice(at + 1)];
  return verb.run('verbs' in verb.command ? behindSubVerb(flags, rest) : [...flags, ...rest], io);
}

async function refuseVerb(name: string | undefined, asJson: boolean, io: Io): Promise<number> {
  const near = name === undefined ? null : nearest(name, Object.keys(VERBS));
  const complaint =
    name === undefined ? 'no verb' : `unknown verb "${name}"${near === null ? '' : `; did you mean ${near}?`}`;
  if (asJson) {
    writeJsonError(io, 'usage', complaint);
  }
  // Below the whole list the one word that helps would be out of sight.
  const help = near === null ? await usage() : `${USAGE}\nclawpatrol --help lists the verbs.\n`;
  io.stderr.write(`clawpatrol: ${complaint}\n\n${help}`);
  return EXIT.usage;
}

/** Flags that every verb has may stand anywhere; a noun's belong to its sub-verb: `--json approvals list`, `approvals --json list`. */
function behindSubVerb(flags: readonly string[], rest: readonly string[]): readonly string[] {
  const at = rest.findIndex((word) => !COMMON_FLAGS.includes(word));
  if (at === -1) {
    return [...flags, ...rest];
  }
  return [...rest.slice(at, at + 1), ...flags, ...rest.slice(0, at), ...rest.slice(at + 1)];
}

const USAGE = 'Usage: clawpatrol VERB [ARGS]';

/** The list of verbs. */
async function usage(): Promise<string> {
  const modules = await Promise.all(Object.values(VERBS).map((load) => load()));
  const rows = modules.map(({ command }) => [`  ${command.name}`, command.summary]);
  return [
    USAGE,
    '',
    ...align(rows),
    '',
    'clawpatrol VERB --help says what a verb takes. Every verb that prints takes --json and --no-color.',
    '',
  ].join('\n');
}
