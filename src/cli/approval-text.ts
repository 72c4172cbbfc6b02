// A parked request as text for a person who has to decide about it: all of it, and nothing in it that a terminal obeys.
import { claimRows } from '../approvals/claims.ts';
import type { ApprovalJson, ReviewJson } from '../client/approval-shapes.ts';
import { isObject } from '../lib/fields.ts';
import { visible } from '../lib/text.ts';
import { formatDuration } from '../lib/units.ts';
import { align } from './printer.ts';

/** Every line is either ours or begins with `  | `, so that a request cannot pretend to be what surrounds it. */
export function approvalLines(approval: ApprovalJson, nowMs: number): string[] {
  return [
    ...align(headRows(approval, nowMs).map(([name, value]) => [name, visible(value)])),
    '',
    ...requestLines(approval),
    ...section('facts', factRows(telling(approval.facts, approval.family))),
    ...effectLines(approval),
    ...wordLines(approval),
    ...approval.reviews.flatMap(reviewLines),
    ...voteLines(approval),
  ];
}

function headRows(approval: ApprovalJson, nowMs: number): [string, string][] {
  const leftMs = Date.parse(approval.expires) - nowMs;
  const waits = approval.state === 'pending';
  const asked =
    approval.approvers.length > 1 ? ` (stage ${approval.stage + 1} of ${approval.approvers.join(', ')})` : '';
  const causes = approval.risk_causes.length > 0 ? ` (${approval.risk_causes.join(', ')})` : '';
  return [
    ['approval', approval.id],
    [
      'state',
      waits
        ? `pending, expires in ${formatDuration(Math.max(0, leftMs))}`
        : `${approval.state} ${approval.decided ?? ''}`,
    ],
    ...(approval.ended === '' ? [] : ([['ended', approval.ended]] as [string, string][])),
    ['created', approval.created],
    ['action', approval.action_id],
    ['agent', agentText(approval)],
    ['endpoint', `${approval.endpoint} (${approval.family})`],
    ['risk', `${approval.risk}${causes}`],
    ['rule', approval.rule === '' ? 'none matched; the risk tier asks' : approval.rule],
    ['reason', approval.reason],
    ['asked', `${approval.approver}${asked}, ${approval.required} needed`],
    ...(approval.in_transaction
      ? ([['locks', 'inside an open transaction: it holds its locks while it waits']] as [string, string][])
      : []),
    ...(approval.alike > 1
      ? ([['alike', `${approval.alike} equal requests wait; --together ${approval.alike} answers them all`]] as [
          string,
          string,
        ][])
      : []),
    ...(approval.grants_made.length > 0 ? ([['grants', approval.grants_made.join(', ')]] as [string, string][]) : []),
    ['summary', approval.summary],
  ];
}

function agentText(approval: ApprovalJson): string {
  const run = approval.run === '' ? '' : `, run ${approval.run}`;
  return `${approval.device}, profile ${approval.profile}, from ${approval.agent_ip}${run}`;
}

function requestLines(approval: ApprovalJson): string[] {
  const { digest, bytes, complete, text, parameters } = approval.request;
  const lines = [`request, ${bytes} bytes, ${complete ? 'complete' : 'CUT'}, sha256 ${digest}`, ...quoted(text)];
  if (!complete) {
    lines.push(`  CUT after ${Buffer.byteLength(text)} of ${bytes} bytes: the rest is not shown and was not kept`);
  }
  if (parameters.length > 0) {
    lines.push('parameters');
    parameters.forEach((value, index) => {
      lines.push(...quoted(value === null ? 'NULL' : `'${value}'`, `$${index + 1} = `));
    });
  }
  return lines;
}

function quoted(text: string, label: string = ''): string[] {
  return `${label}${visible(text, true)}`.split('\n').map((line) => `  | ${line}`);
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [title, ...align(rows).map((line) => `  ${line}`)];
}

/** What facts of these families are worth where they have no meaning, so that people need not read them; `--json` has them. */
const MEANINGLESS: Readonly<Record<string, unknown>> = {
  'graphql.operations': 0,
  'rpc.batch': 0,
  'mcp.direction': 'client',
  'http.kind': 'request',
  'http.body_size': 0,
  'k8s.grace_period': -1,
  'k8s.propagation': 'default',
  'k8s.replicas': -1,
};

/** Facts of HTTP and Kubernetes without those that say nothing; others as they are. */
function telling(facts: unknown, family: string): unknown {
  if (Array.isArray(facts)) {
    return facts.map((unit: unknown) => telling(unit, family));
  }
  if (!isObject(facts) || (family !== 'http' && family !== 'k8s')) {
    return facts;
  }
  const kept = Object.entries(facts).map(([variable, value]): [string, unknown] => {
    if (!isObject(value)) {
      return [variable, Array.isArray(value) && value.some(isObject) ? telling(value, family) : value];
    }
    const told = Object.entries(value).filter(([name, fact]) => !isMeaningless(`${variable}.${name}`, fact));
    return [variable, Object.fromEntries(told)];
  });
  return Object.fromEntries(kept);
}

function isMeaningless(name: string, fact: unknown): boolean {
  return Object.hasOwn(MEANINGLESS, name) && MEANINGLESS[name] === fact;
}

/** Facts nested by variable as `name value` rows; several units come as a list, each with its number. */
export function factRows(facts: unknown): string[][] {
  if (Array.isArray(facts)) {
    return facts.flatMap((unit: unknown, index) =>
      factRows(unit).map(([name = '', value = '']) => [`${index + 1}: ${name}`, value]),
    );
  }
  return Object.entries(isObject(facts) ? facts : {}).flatMap(([variable, value]) => {
    if (Array.isArray(value) && value.some(isObject)) {
      return factRows(value.map((unit: unknown) => ({ [variable]: unit })));
    }
    if (!isObject(value)) {
      return [[variable, visible(JSON.stringify(value))]];
    }
    return Object.entries(value).map(([name, fact]) => [`${variable}.${name}`, visible(JSON.stringify(fact))]);
  });
}

function effectLines(approval: ApprovalJson): string[] {
  const lines = approval.effect?.lines ?? [];
  return ['effect', ...(lines.length === 0 ? ['  not measured'] : lines.map((line) => `  ${visible(line)}`))];
}

/** What outsiders and the agent itself wrote, marked as theirs: nothing of it is checked. */
function wordLines({ context, intent, claim }: ApprovalJson): string[] {
  const said = [
    ...claimRows(claim).map(([label, text]) => [text, `${label}: `] as const),
    ...(intent === null || intent === '' ? [] : [[intent, ''] as const]),
  ];
  return [
    ...(context === null ? [] : ['incident, as others wrote it']),
    ...Object.entries(context ?? {}).flatMap(([name, text]) => quoted(text, `${visible(name)}: `)),
    ...(said.length === 0 ? [] : ["the agent's own words, not checked"]),
    ...said.flatMap(([text, label]) => quoted(text, label)),
  ];
}

/** A model's words, and marked as such: the facts above are the gateway's. */
function reviewLines(review: ReviewJson): string[] {
  const said =
    review.answer === null
      ? `no answer (${review.trouble ?? ''}: ${review.detail})`
      : `${review.answer}, risk ${review.risk ?? '?'} of 100`;
  return [
    `reviewer model ${review.approver} (${visible(review.model)}), a model's words`,
    `  ${visible(said)}${review.cached ? ', remembered' : ''}`,
    ...review.reasons.flatMap(({ quote, why, found }) => [
      ...quoted(quote, found ? '' : 'NOT IN THE REQUEST: '),
      `  ${visible(why)}`,
    ]),
  ];
}

function voteLines(approval: ApprovalJson): string[] {
  if (approval.votes.length === 0) {
    return [];
  }
  const rows = approval.votes.map(({ at, by, via, decision, note, break_glass: missing }) => [
    at,
    by,
    `via ${via}`,
    missing === null ? decision : 'BREAK-GLASS',
    note,
  ]);
  const overruled = approval.votes.flatMap(({ by, break_glass: missing }) =>
    (missing ?? []).map((one) => [`${by} overruled`, one]),
  );
  return section(
    'votes',
    [...rows, ...overruled].map((row) => row.map((cell) => visible(cell))),
  );
}
