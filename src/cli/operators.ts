// clawpatrol operators: who may log in to the dashboard, and the tokens with which the command line acts as one of them. Passwords come
// from standard input or a hidden prompt, never from the command line.
import { ROLES } from '../dashboard/roles.ts';
import { Secret } from '../lib/secret.ts';
import { CliError, EXIT, flag, runCommand, textOption, wordOption } from './command.ts';
import type { Call, Noun } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import { readAll } from './io.ts';
import type { Io } from './io.ts';
import { askHidden } from './prompt.ts';

const NAME = [['<name>', 'account of the operator']] as const;
/** More than any password has, so that one that is too long is told so by the gateway. */
const MAX_PASSWORD_BYTES = 4096;

async function add(call: Call): Promise<number> {
  const [name = ''] = call.operands;
  const role = wordOption(call, 'role', ROLES) ?? 'approver';
  const profiles = profilesOf(call);
  const optional = Object.entries({ email: textOption(call, 'email'), slack: textOption(call, 'slack') });
  const given = Object.fromEntries(optional.filter((entry): entry is [string, string] => entry[1] !== null));
  const password = await readPassword(call, name);
  const made = await (
    await connect(call)
  ).operators.add({
    name,
    role,
    ...given,
    ...(profiles.length === 0 ? {} : { profiles }),
    password,
  });
  return done(call, made, `added ${made.name}, ${made.role}; sees ${scopeText(made.profiles)}`);
}

async function scope(call: Call): Promise<number> {
  const [name = ''] = call.operands;
  const profiles = profilesOf(call);
  if (flag(call, 'all') === profiles.length > 0) {
    throw new CliError('usage', EXIT.usage, 'give --profile, once or more often, or --all');
  }
  const changed = await (await connect(call)).operators.setScope(name, flag(call, 'all') ? null : profiles);
  return done(call, changed, `${changed.name} sees ${scopeText(changed.profiles)} from now on`);
}

function profilesOf({ options }: Call): readonly string[] {
  const given = options['profile'];
  return Array.isArray(given) ? given.filter((name): name is string => typeof name === 'string') : [];
}

function scopeText(profiles: readonly string[] | null): string {
  return profiles === null ? 'everything' : profiles.join(', ');
}

async function passwd(call: Call): Promise<number> {
  const [name = ''] = call.operands;
  const password = await readPassword(call, name);
  const changed = await (await connect(call)).operators.setPassword(name, password);
  return done(call, changed, `changed the password of ${name}; every session and token of theirs is over`);
}

async function token(call: Call): Promise<number> {
  const [name = ''] = call.operands;
  const expires = textOption(call, 'expires') ?? '';
  if (expires === '') {
    throw new CliError('usage', EXIT.usage, '--expires is missing: write how long the token works, such as 720h');
  }
  const made = await (await connect(call)).operators.issueToken(name, expires);
  return done(call, made, made.token);
}

async function remove(call: Call): Promise<number> {
  const [name = ''] = call.operands;
  const removed = await (await connect(call)).operators.remove(name);
  return done(call, removed, `removed ${name}`);
}

async function list(call: Call): Promise<number> {
  const page = await (await connect(call)).operators.list();
  if (call.out.json) {
    call.out.object(page);
  } else {
    call.out.table(
      ['NAME', 'ROLE', 'SEES', 'EMAIL', 'SLACK', 'TOKENS'],
      page.items.map((one) => [
        one.name,
        one.role,
        scopeText(one.profiles),
        one.email || '-',
        one.slack || '-',
        String(one.tokens),
      ]),
    );
  }
  return EXIT.ok;
}

function done(call: Call, object: object, line: string): number {
  if (call.out.json) {
    call.out.object(object);
  } else {
    call.out.line(line);
  }
  return EXIT.ok;
}

async function readPassword({ io }: Call, name: string): Promise<Secret> {
  if (io.stdin.isTTY !== true) {
    return new Secret((await readAll(io.stdin, MAX_PASSWORD_BYTES)).toString('utf8').replace(/\r?\n$/, ''));
  }
  const first = await askHidden(io, `Password of ${name}, 12 characters or more (not shown): `);
  const again = await askHidden(io, 'Once more: ');
  if (first === null || first !== again) {
    throw new CliError('usage', EXIT.usage, 'the two are not the same; nothing was changed');
  }
  return new Secret(first);
}

export const command: Noun = {
  name: 'operators',
  summary: 'who may log in to the dashboard, and their tokens',
  verbs: [
    {
      name: 'add',
      summary: 'make an account; its password is read from standard input or a hidden prompt',
      operands: NAME,
      options: [
        ['--role <role>', `one of ${ROLES.join(', ')} (default: approver)`],
        ['--email <address>', 'counts as the same person in lists of approvers'],
        ['--slack <id>', 'Slack member id of the same person'],
        ['--profile <name>', 'sees this profile and nothing of others; repeatable (default: everything)'],
        ...GATEWAY_OPTIONS,
      ],
      repeatable: ['profile'],
      act: add,
    },
    {
      name: 'scope',
      summary: 'set which profiles an operator sees; acts at once, also on what is open',
      operands: NAME,
      options: [
        ['--profile <name>', 'sees this profile and nothing of others; repeatable'],
        ['--all', 'sees everything'],
        ...GATEWAY_OPTIONS,
      ],
      repeatable: ['profile'],
      act: scope,
    },
    {
      name: 'list',
      summary: 'accounts with role, what they see, and number of tokens',
      options: GATEWAY_OPTIONS,
      act: list,
    },
    {
      name: 'passwd',
      summary: 'set a password; ends every session and token of the account',
      operands: NAME,
      options: GATEWAY_OPTIONS,
      act: passwd,
    },
    {
      name: 'token',
      summary: 'print a new token, once, for --token-file',
      operands: NAME,
      options: [['--expires <duration>', 'how long it works, such as 720h'], ...GATEWAY_OPTIONS],
      act: token,
    },
    {
      name: 'rm',
      summary: 'remove an account; what it holds ends at once',
      operands: NAME,
      options: GATEWAY_OPTIONS,
      act: remove,
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
