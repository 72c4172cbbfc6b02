// clawpatrol context set: says what an agent works on and why, to the gateway's own name. It is the agent's word, and shown as such.
import { createAgentLink } from '../client/agent-link.ts';
import { LinkError } from '../client/link-answer.ts';
import { isObject } from '../lib/fields.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Noun } from './command.ts';
import type { Io } from './io.ts';
import { visible } from '../lib/text.ts';

/** By flag, the key of POST /context. */
const SAID = { incident: 'incident', task: 'task', intent: 'reason', reason: 'reason', parent: 'parent' } as const;

async function set(call: Call): Promise<number> {
  if (textOption(call, 'intent') !== null && textOption(call, 'reason') !== null) {
    throw new CliError('usage', EXIT.usage, '--intent and --reason are the same: give one');
  }
  const said: Record<string, string> = {};
  for (const [flag, key] of Object.entries(SAID)) {
    const text = textOption(call, flag);
    if (text !== null) {
      said[key] = text;
    }
  }
  if (Object.keys(said).length === 0) {
    throw new CliError('usage', EXIT.usage, 'say something: --incident, --task, --intent or --parent');
  }
  const { inForce, incidentIs } = await post(call, said);
  if (call.out.json) {
    call.out.object({ said: inForce, ...(incidentIs === '' ? {} : { incident_is: incidentIs }) });
    return EXIT.ok;
  }
  Object.entries(inForce)
    .filter(([, text]) => text !== '')
    .forEach(([name, text]) => call.out.line(`${name}: ${visible(String(text))}`));
  const known = KNOWN.get(incidentIs);
  if (known !== undefined) {
    call.out.complain(`the incident ${known}`);
  }
  return EXIT.ok;
}

/** What the source of incidents says of the id, where that is not what was hoped for. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['resolved', 'is over: rules and approvers see that'],
  ['absent', 'is not known: it is shown as your word alone'],
  ['unavailable', 'could not be looked up now: say it again in a moment'],
]);

interface Said {
  /** What is in force afterwards. */
  readonly inForce: Readonly<Record<string, unknown>>;
  /** "" when no incident was named, or nobody knows of incidents. */
  readonly incidentIs: string;
}

async function post(call: Call, said: object): Promise<Said> {
  try {
    const answer: unknown = JSON.parse(
      await createAgentLink(call.io.env, textOption(call, 'caDir')).post('/context', said),
    );
    const { said: inForce, incident_is: known }: Readonly<Record<string, unknown>> = isObject(answer) ? answer : {};
    return { inForce: isObject(inForce) ? inForce : {}, incidentIs: typeof known === 'string' ? known : '' };
  } catch (error) {
    if (error instanceof LinkError) {
      throw error.status === 0
        ? new CliError('unreachable', EXIT.unreachable, error.message)
        : new CliError('refused', error.status === 400 ? EXIT.usage : EXIT.no, error.message);
    }
    throw error;
  }
}

export const command: Noun = {
  name: 'context',
  summary: 'say what an agent works on and why: its word, for those who approve and for the log',
  verbs: [
    {
      name: 'set',
      summary: 'attach incident, task, intent or parent action to what this agent does; "" takes one back',
      options: [
        ['--incident <id>', 'the incident that it works on'],
        ['--task <text>', 'what it is doing, in one line'],
        ['--intent <text>', 'why, for those who approve; at most 4 KiB'],
        ['--reason <text>', 'the same as --intent'],
        ['--parent <id>', 'id of the action that led to this work'],
        ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
      ],
      act: set,
    },
  ],
};

/** Runs the noun. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
