// clawpatrol approvals: what waits for a person, shown whole, and the person's word on it.
import { APPROVAL_STATES } from '../approvals/approval.ts';
import type { ApprovalsQuery, ControlClient } from '../client/control-client.ts';
import type { ApprovalJson } from '../client/approval-shapes.ts';
import { formatDuration } from '../lib/units.ts';
import { shorten, visible } from '../lib/text.ts';
import { approvalLines } from './approval-text.ts';
import { CliError, EXIT, flag, intOption, runCommand, textOption, wordOption } from './command.ts';
import type { Call, Noun } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import { hintAtFilter } from './empty-list.ts';
import type { Io } from './io.ts';
import { formatAge } from './printer.ts';
import { askLine, canAsk } from './prompt.ts';

const STATES = [...APPROVAL_STATES, 'all'] as const;
const POLL_MS = 500;
const ID_OPERAND = ['<id>', 'id of the approval, or a unique prefix of 8 characters or more'] as const;

const TOGETHER = ['--together <n>', 'answer as many equal requests, this one included (default 1)'] as const;

async function list(call: Call): Promise<number> {
  const client = await connect(call);
  const endpoint = textOption(call, 'endpoint');
  const device = textOption(call, 'device');
  if (flag(call, 'breakGlass')) {
    return listBroken(call, client);
  }
  const query: ApprovalsQuery = {
    state: wordOption(call, 'state', STATES) ?? 'pending',
    limit: intOption(call, 'limit', 1, 1000) ?? 100,
    ...(endpoint === null ? {} : { endpoint }),
    ...(device === null ? {} : { device }),
  };
  const page = await client.approvals.list(query);
  if (call.out.json) {
    call.out.object(page);
    return EXIT.ok;
  }
  const nowMs = call.io.now();
  call.out.table(
    ['ID', 'AGE', 'RISK', 'ENDPOINT', 'DEVICE', 'SUMMARY'],
    page.items.map((item) => [
      item.id,
      formatAge(nowMs - Date.parse(item.created)),
      item.risk,
      item.endpoint,
      item.device,
      item.alike > 1 ? `${item.alike} × ${item.summary}` : item.summary,
    ]),
  );
  if (page.items.length === 0) {
    await hintAtFilter(call, client, { endpoint });
  }
  return EXIT.ok;
}

/** What one person decided alone: who, why, and what became of it. */
async function listBroken(call: Call, client: ControlClient): Promise<number> {
  if (['state', 'endpoint', 'device'].some((name) => textOption(call, name) !== null)) {
    throw new CliError('usage', EXIT.usage, '--break-glass lists all of them: it goes with --limit only');
  }
  const page = await client.approvals.broken({ limit: intOption(call, 'limit', 1, 1000) ?? 100 });
  if (call.out.json) {
    call.out.object(page);
    return EXIT.ok;
  }
  call.out.table(
    ['ID', 'AT', 'BY', 'STATE', 'RISK', 'ENDPOINT', 'DEVICE', 'REASON'],
    page.items.flatMap(({ id, votes, state, risk, endpoint, device }) =>
      votes
        .filter(({ break_glass: missing }) => missing !== null)
        .map(({ at, by, note }) => [id, at, by, state, risk, endpoint, device, shorten(note, 120)]),
    ),
  );
  return EXIT.ok;
}

async function show(call: Call): Promise<number> {
  const approval = await (await connect(call)).approvals.show(call.operands[0] ?? '');
  print(call, approval);
  return EXIT.ok;
}

function print(call: Call, approval: ApprovalJson): void {
  if (call.out.json) {
    call.out.object(approval);
  } else {
    approvalLines(approval, call.io.now()).forEach((text) => call.out.line(text));
  }
}

async function approve(call: Call): Promise<number> {
  const client = await connect(call);
  const id = call.operands[0] ?? '';
  const note = textOption(call, 'note');
  const grant = textOption(call, 'grant');
  const reason = breakGlassOf(call, grant);
  let digest = textOption(call, 'digest');
  if (digest === null) {
    if (!canAsk(call.io) || call.out.json) {
      throw new CliError(
        'usage',
        EXIT.usage,
        '--digest is needed where nobody can be asked: give the digest that `approvals show` printed',
      );
    }
    const approval = await client.approvals.show(id);
    print(call, approval);
    if (approval.state !== 'pending') {
      throw new CliError(
        'decided',
        EXIT.no,
        `approval ${approval.id} is ${approval.state}; there is nothing to decide`,
      );
    }
    if (grant !== null) {
      await printPreview(call, client, approval.id, grant);
    }
    if (reason !== null) {
      call.out.line('\nBREAK-GLASS: you decide alone what takes more. Everybody is told at once, with your reason.');
    }
    const what = grant === null ? 'exactly this request, once' : 'this request, and what the grant covers';
    const answer = await askLine(call.io, `\nApprove ${what}? Type yes: `);
    if (answer?.trim().toLowerCase() !== 'yes') {
      const heard = answer === null || answer.trim() === '' ? '' : ` (${JSON.stringify(answer.trim())} is not yes)`;
      call.out.complain(`not approved${heard}; the request still waits`);
      return EXIT.no;
    }
    digest = approval.request.digest;
  }
  const together = intOption(call, 'together', 1, 10_000);
  const voted = await client.approvals.approve(id, {
    digest,
    ...(note === null ? {} : { note }),
    ...(grant === null ? {} : { grant }),
    ...(together === null ? {} : { together: String(together) }),
    ...(reason === null ? {} : { break_glass: reason }),
  });
  const settled = flag(call, 'wait') ? await waitUntilDecided(call, client, voted) : voted;
  return report(call, settled);
}

/** The reason to decide alone; null when that is not asked for. */
function breakGlassOf(call: Call, grant: string | null): string | null {
  const wanted = flag(call, 'breakGlass');
  const reason = textOption(call, 'reason');
  const wrong = !wanted
    ? reason === null
      ? null
      : '--reason goes with --break-glass; what is kept with an ordinary approval is --note'
    : reason === null || reason.trim() === ''
      ? '--break-glass needs --reason: everybody is told it'
      : grant !== null || intOption(call, 'together', 1, 10_000) !== null || textOption(call, 'note') !== null
        ? '--break-glass is for one request and has its own reason: leave --grant, --together and --note out'
        : null;
  if (wrong !== null) {
    throw new CliError('usage', EXIT.usage, wrong);
  }
  return reason;
}

/** What a grant would cover, before anybody says yes to it. */
async function printPreview(call: Call, client: ControlClient, id: string, grant: string): Promise<void> {
  const scope = grant.includes('scope=shape') ? 'shape' : 'exact';
  const { sentence, objection, last_week: week } = await client.grants.preview(id, scope);
  if (objection !== null) {
    throw new CliError('grant_refused', EXIT.no, objection);
  }
  call.out.line('');
  call.out.line(`grant, ${visible(grant)}: ${visible(sentence ?? '')}`);
  const counted = `${week.covered} of ${week.looked_at}${week.truncated ? ' (the newest)' : ''}`;
  call.out.line(`  in the last week it would have covered ${counted} actions of this agent at this endpoint`);
  week.samples.forEach(({ at, summary }) => call.out.line(`  | ${at} ${visible(shorten(summary, 100))}`));
}

async function deny(call: Call): Promise<number> {
  const client = await connect(call);
  const given = textOption(call, 'note');
  const asked = given === null && canAsk(call.io) && !call.out.json;
  const note = (asked ? await askLine(call.io, 'Reason, told to the agent: ') : given)?.trim() ?? '';
  if (note === '') {
    throw new CliError('usage', EXIT.usage, '--note is needed: the agent is told why it was denied');
  }
  const together = intOption(call, 'together', 1, 10_000);
  const denied = await client.approvals.deny(call.operands[0] ?? '', {
    note,
    ...(together === null ? {} : { together: String(together) }),
  });
  if (call.out.json) {
    call.out.object(denied);
  } else {
    call.out.line(`denied ${denied.id}: ${summaryOf(denied)}`);
  }
  return EXIT.ok;
}

/** Asks until the approval is decided; the gateway ends every wait itself at `expires`. */
async function waitUntilDecided(call: Call, client: ControlClient, approval: ApprovalJson): Promise<ApprovalJson> {
  let current = approval;
  while (current.state === 'pending') {
    await call.io.sleep(POLL_MS);
    current = await client.approvals.show(approval.id);
  }
  return current;
}

/** Prints what became of the approval after a vote for it. */
function report(call: Call, approval: ApprovalJson): number {
  const refused = approval.state !== 'approved' && approval.state !== 'pending';
  if (call.out.json) {
    call.out.object(approval);
  } else if (approval.state === 'pending') {
    const leftMs = Date.parse(approval.expires) - call.io.now();
    const who = `${approval.approver} (stage ${approval.stage + 1} of ${approval.approvers.length})`;
    call.out.line(`recorded ${approval.id}: still waits for ${who}, for ${formatDuration(Math.max(0, leftMs))} more`);
  } else {
    call.out.line(`${approval.state} ${approval.id}: ${summaryOf(approval)}`);
  }
  return refused ? EXIT.no : EXIT.ok;
}

function summaryOf(approval: ApprovalJson): string {
  return visible(shorten(approval.summary, 120));
}

export const command: Noun = {
  name: 'approvals',
  summary: 'list, show, approve or deny requests that wait for a person',
  verbs: [
    {
      name: 'list',
      summary: 'requests that wait, one a line',
      options: [
        ['--state <state>', `one of ${STATES.join(', ')} (default pending)`],
        ['--endpoint <endpoint>', 'only of this endpoint'],
        ['--device <device>', 'only of this device'],
        ['--break-glass', 'those that one person decided alone, newest first'],
        ['--limit <n>', 'at most so many (default 100)'],
        ...GATEWAY_OPTIONS,
      ],
      act: list,
    },
    {
      name: 'show',
      summary: 'one request, whole: text, digest, facts, rule, measured effect, votes',
      operands: [ID_OPERAND],
      options: GATEWAY_OPTIONS,
      act: show,
    },
    {
      name: 'approve',
      summary: 'let exactly this request through, once',
      operands: [ID_OPERAND],
      options: [
        [
          '--digest <sha256>',
          'digest of the request that was seen; another digest is refused. Needed unless this is a terminal',
        ],
        ['--note <text>', 'kept in the log'],
        [
          '--grant <grant>',
          'DURATION[,uses=N][,scope=exact|shape]: what is like it passes without asking, that long and so often',
        ],
        TOGETHER,
        [
          '--break-glass',
          'in an emergency: decide alone what takes more people, if break_glass of the approver names you; recorded, and everybody is told',
        ],
        ['--reason <text>', 'why, with --break-glass: 10 characters or more'],
        ['--wait', 'wait until the request is decided (when more votes are needed)'],
        ...GATEWAY_OPTIONS,
      ],
      examples: [
        'approvals approve 01a20497-e233    # shows the request and asks',
        'approvals approve 01a20497-e233 --grant 15m,uses=20,scope=shape',
      ],
      act: approve,
    },
    {
      name: 'deny',
      summary: 'refuse the request',
      operands: [ID_OPERAND],
      options: [
        ['--note <text>', 'told to the agent, and kept in the log; needed where nobody can be asked'],
        TOGETHER,
        ...GATEWAY_OPTIONS,
      ],
      act: deny,
    },
  ],
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
