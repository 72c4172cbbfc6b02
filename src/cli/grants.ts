// clawpatrol grants: what may pass without asking because somebody said so, and the end of that.
import type { GrantJson } from '../client/approval-shapes.ts';
import { visible } from '../lib/text.ts';
import { formatDuration } from '../lib/units.ts';
import { EXIT, flag, runCommand, textOption } from './command.ts';
import type { Call, Noun } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';
import { align } from './printer.ts';

const ID_OPERAND = ['<id>', 'id of the grant, or a unique prefix of 8 characters or more'] as const;

async function list(call: Call): Promise<number> {
  const client = await connect(call);
  const page = await client.grants.list(flag(call, 'all') ? { all: 'true' } : {});
  if (call.out.json) {
    call.out.object(page);
    return EXIT.ok;
  }
  call.out.table(
    ['ID', 'STATE', 'USES', 'ENDPOINT', 'DEVICE', 'COVERS'],
    page.items.map((grant) => [
      grant.id,
      stateOf(grant, call.io.now()),
      `${grant.uses}/${grant.max_uses}`,
      grant.endpoint,
      grant.device,
      visible(grant.sentence),
    ]),
  );
  return EXIT.ok;
}

async function show(call: Call): Promise<number> {
  const grant = await (await connect(call)).grants.show(call.operands[0] ?? '');
  print(call, grant);
  return EXIT.ok;
}

async function revoke(call: Call): Promise<number> {
  const note = textOption(call, 'note');
  const client = await connect(call);
  const grant = await client.grants.revoke(call.operands[0] ?? '', note === null ? {} : { note });
  if (call.out.json) {
    call.out.object(grant);
  } else {
    call.out.line(`revoked ${grant.id}: ${visible(grant.sentence)}`);
  }
  return EXIT.ok;
}

function print(call: Call, grant: GrantJson): void {
  if (call.out.json) {
    call.out.object(grant);
    return;
  }
  const rows: readonly (readonly [string, string])[] = [
    ['grant', grant.id],
    ['state', stateOf(grant, call.io.now())],
    ...(grant.ended === '' ? [] : ([['ended', grant.ended]] as const)),
    ['covers', grant.sentence],
    ['scope', grant.scope],
    ['agent', `${grant.device}, profile ${grant.profile}`],
    ['endpoint', `${grant.endpoint} (${grant.family})`],
    ['credential', grant.credential ?? 'none'],
    ['risk', `${grant.risk} at most`],
    ['uses', `${grant.uses} of ${grant.max_uses}`],
    ['given by', `${grant.by.join(', ')} as ${grant.approver}`],
    ['approval', grant.approval],
    ['created', grant.created],
    ['expires', grant.expires],
  ];
  align(rows.map(([name, value]) => [name, visible(value)])).forEach((line) => call.out.line(line));
}

function stateOf(grant: GrantJson, nowMs: number): string {
  return grant.state === 'active'
    ? `active, ${formatDuration(Math.max(0, Date.parse(grant.expires) - nowMs))} left`
    : grant.state;
}

export const command: Noun = {
  name: 'grants',
  summary: 'list, show or revoke what may pass without asking for a while',
  verbs: [
    {
      name: 'list',
      summary: 'grants in force, one a line',
      options: [['--all', 'ended ones too'], ...GATEWAY_OPTIONS],
      act: list,
    },
    { name: 'show', summary: 'one grant', operands: [ID_OPERAND], options: GATEWAY_OPTIONS, act: show },
    {
      name: 'revoke',
      summary: 'end a grant at once; the next request like it asks again',
      operands: [ID_OPERAND],
      options: [['--note <text>', 'kept in the log'], ...GATEWAY_OPTIONS],
      act: revoke,
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
