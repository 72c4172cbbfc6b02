// Approvers, notifiers, contexts: who can decide at all, and that no chain of them leads back (config reference, 1.8, 2.7 to 2.11).
import type { DecodedBlock } from './decode.ts';
import type { CheckParts } from './check-parts.ts';
import { typeOf } from './check-rules.ts';
import type { Declared } from './declare.ts';
import { findCycle } from './cycles.ts';
import { HTTP_HEADER_CREDENTIALS } from './schema-credentials.ts';

/** Checks every approver, notifier, context and grant. */
export function checkApprovers(parts: CheckParts): void {
  for (const approver of parts.draft.all('approver')) {
    if (approver.type === 'human_approver') {
      checkHuman(approver, parts);
    }
  }
  checkCycles(parts);
  checkAsyncGrants(parts);
  for (const { type, block } of parts.draft.all('notifier')) {
    if (type === 'slack' && !block.flag('socket_mode')) {
      needsPublicUrl(block, 'interactive', parts);
    } else if (type === 'webhook') {
      needsPublicUrl(block, 'interactive', parts);
    } else if (type === 'pagerduty') {
      checkPagerDuty(block, parts);
    }
  }
  for (const context of parts.draft.all('context')) {
    checkContext(context, parts);
  }
}

/** It has something to do, and what it needs for it. */
function checkPagerDuty(block: DecodedBlock, parts: CheckParts): void {
  const { report } = parts;
  if (!block.written('routing_key') && !block.written('credential')) {
    const message = 'it has neither "routing_key" nor "credential"';
    const fix = 'write routing_key for an alert, or credential and from for notes on the incident';
    report.error(block.at, { code: 'missing-attribute', message, fix });
  }
  if (block.written('credential') && !block.written('from')) {
    const message = '"credential" needs "from"';
    const fix = 'write from = "user@example.com", a user of that PagerDuty account';
    report.error(block.place('credential'), { code: 'missing-attribute', message, fix });
  }
  checkHeaderCredential(block, parts);
}

function checkHuman(approver: Declared, parts: CheckParts): void {
  const { block } = approver;
  const { report } = parts;
  if (block.value('on_timeout') === 'allow') {
    const message = 'a timeout never allows: this is read as "deny"';
    report.warning(block.place('on_timeout'), { code: 'never-allows', message, fix: 'write "deny" or "escalate"' });
  }
  if (block.value('on_timeout') === 'escalate' && !block.written('escalate_to')) {
    const message = 'on_timeout = "escalate" needs "escalate_to"';
    const fix = 'write escalate_to = human_approver.NAME';
    report.error(block.place('on_timeout'), { code: 'missing-attribute', message, fix });
  }
  if (block.written('credential') && !block.written('channel')) {
    const message = '"credential" needs "channel"';
    report.error(block.place('credential'), { code: 'missing-attribute', message, fix: 'write channel = "#…"' });
  } else if (block.written('channel') && !block.written('credential')) {
    const message = 'without a credential the channel is not used: this approver is dashboard only';
    report.warning(block.place('channel'), {
      code: 'channel-unused',
      message,
      fix: 'write credential = slack_tokens.NAME',
    });
  }
  needsPublicUrl(block, 'interactive', parts);
  checkQuorum(block, parts);
  checkBreakGlass(approver, parts);
  checkNarrower(block, parts);
}

function needsPublicUrl(block: DecodedBlock, name: string, { config, draft, report }: CheckParts): void {
  const refused = draft.first('gateway')?.block.broken('public_url') === true;
  if (block.flag(name) && config.gateway.publicUrl === null && !refused) {
    const message = `"${name}" needs gateway { public_url }: buttons call back`;
    report.error(block.place(name), {
      code: 'missing-attribute',
      message,
      fix: 'write public_url = "https://…" in gateway',
    });
  }
}

/** People are counted, not clicks: a pattern may stand for any number of them, a name for one. */
function checkQuorum(block: DecodedBlock, { report }: CheckParts): void {
  const people = new Set(block.texts('approvers').map((person) => person.toLowerCase()));
  const open = people.size === 0 || [...people].some((person) => person.startsWith('*@'));
  const wanted = block.number('require_approvers') ?? 1;
  if (!open && !block.broken('approvers') && wanted > people.size) {
    const message = `${wanted} approvers are required and ${people.size} may approve: nothing is ever approved`;
    const fix = `write require_approvers = ${people.size} or less, or name more people`;
    report.error(block.place('require_approvers'), { code: 'quorum-impossible', message, fix });
    return;
  }
  if (!open && block.value('on_fatigue') === 'second_approver' && Math.max(1, wanted) >= people.size) {
    const message =
      'on_fatigue = "second_approver" needs one more person than require_approvers, and no one more may approve';
    const fix = 'name more people in approvers, or write on_fatigue = "warn"';
    report.error(block.place('on_fatigue'), { code: 'quorum-impossible', message, fix });
  }
}

/** The exception must stay one: whoever is listed needs nobody else. And a list that never makes a difference is a mistake. */
function checkBreakGlass({ ref, block }: Declared, { draft, report }: CheckParts): void {
  const listed = lowered(block.texts('break_glass'));
  if (listed.size === 0 || block.broken('break_glass') || block.broken('approvers')) {
    return;
  }
  const people = lowered(block.texts('approvers'));
  const patterns = [...listed].filter((person) => person.startsWith('*@'));
  if (patterns.length > 0 || (people.size > 1 && [...people].every((person) => listed.has(person)))) {
    const who = patterns[0] ?? 'everybody in approvers';
    const message = `${who} may break the glass: each of them decides alone whenever they say so`;
    const fix = 'name the few who answer for it';
    report.warning(block.place('break_glass'), { code: 'break-glass-open', message, fix });
    return;
  }
  const single = (block.number('require_approvers') ?? 1) <= 1 && block.value('on_fatigue') !== 'second_approver';
  const handedOn = draft.all('approver').some((other) => other.block.text('escalate_to') === ref);
  if (single && !handedOn && people.size > 0 && [...listed].every((person) => people.has(person))) {
    const message = 'everybody in break_glass decides alone already';
    const fix = 'name others, or leave it out';
    report.warning(block.place('break_glass'), { code: 'break-glass-unused', message, fix });
  }
}

function lowered(people: readonly string[]): ReadonlySet<string> {
  return new Set(people.map((person) => person.toLowerCase()));
}

/** An approver's own `grant` may only narrow the top-level one. */
function checkNarrower(block: DecodedBlock, { config, report }: CheckParts): void {
  const own = block.nested('grant')[0];
  const outer = config.grant;
  if (own === undefined || !outer.enabled) {
    return;
  }
  const wider = (name: string, limit: string): void => {
    const message = `"${name}" is wider than the top-level grant allows`;
    report.error(own.place(name), { code: 'out-of-range', message, fix: `write at most ${limit}` });
  };
  if (own.written('max_duration') && (own.number('max_duration') ?? 0) > outer.maxDurationMs) {
    wider('max_duration', `${outer.maxDurationMs / 1000}s`);
  }
  if (own.written('max_uses') && (own.number('max_uses') ?? 0) > outer.maxUses) {
    wider('max_uses', String(outer.maxUses));
  }
  if (
    own.written('scopes') &&
    own.texts('scopes').some((scope) => !outer.scopes.some((allowed) => allowed === scope))
  ) {
    wider('scopes', outer.scopes.join(', '));
  }
  if (own.written('max_risk') && own.value('max_risk') === 'destructive' && outer.maxRisk === 'suspicious') {
    wider('max_risk', outer.maxRisk);
  }
}

/** Escalation that leads back would wait for ever. */
function checkCycles({ draft, report }: CheckParts): void {
  const next = new Map<string, string>();
  for (const { ref, block } of draft.all('approver')) {
    const target = block.text('escalate_to');
    if (target !== null) {
      next.set(ref, target);
    }
  }
  const told = new Set<string>();
  for (const { ref, block } of draft.all('approver')) {
    const cycle = findCycle(ref, next);
    if (cycle !== null && !cycle.some((member) => told.has(member))) {
      const message = `escalation leads back: ${[...cycle, cycle[0] ?? ref].join(' → ')}`;
      const fix = 'let the last of them deny on timeout';
      report.error(block.place('escalate_to'), { code: 'approval-cycle', message, fix });
      for (const member of cycle) {
        told.add(member);
      }
    }
  }
}

/** Asynchronous grants answer by a callback that needs a public URL, once a profile and an approver turn them on. */
function checkAsyncGrants({ draft, config, report }: CheckParts): void {
  const enabled = draft.all('approver').some(({ block }) => block.only('async_grant').flag('enabled'));
  for (const { block } of draft.all('profile')) {
    if (enabled && block.flag('hitl_async_grants') && config.gateway.publicUrl === null) {
      const message = 'asynchronous grants need gateway { public_url }';
      const fix = 'write public_url = "https://…" in gateway';
      report.error(block.place('hitl_async_grants'), { code: 'missing-attribute', message, fix });
    }
  }
}

function checkContext({ type, block }: Declared, parts: CheckParts): void {
  const { report } = parts;
  if (block.value('select') === 'latest' && block.texts('services').length === 0 && !block.broken('services')) {
    const message = 'select = "latest" needs "services"';
    report.error(block.place('select'), { code: 'missing-attribute', message, fix: 'write services = ["PABC123"]' });
  }
  if (type === 'webhook') {
    checkPaths(block, parts);
  }
  checkCalledBack(block, type === 'webhook' ? 'secret' : 'signing_secret', parts);
  checkHeaderCredential(block, { report });
}

const PATHS = ['id', 'items', 'title', 'urgency', 'service', 'body', 'assignees', 'url', 'opened', 'status'];

function checkPaths(block: DecodedBlock, { report }: CheckParts): void {
  for (const name of PATHS) {
    const path = block.text(name) ?? '';
    if (block.written(name) && path !== '' && !/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(path)) {
      const message = `${JSON.stringify(path)} is no dotted path`;
      const fix = `write ${name} = "labels.severity": names of letters, digits, _ and -, with dots between`;
      report.error(block.place(name), { code: 'wrong-type', message, fix });
    }
  }
}

/** Events come to the dashboard's address, which answers to its public name only. */
function checkCalledBack(block: DecodedBlock, name: string, { config, draft, report }: CheckParts): void {
  const refused = draft.first('gateway')?.block.broken('public_url') === true;
  if (block.written(name) && config.gateway.publicUrl === null && !refused) {
    const message = `"${name}" needs gateway { public_url }: events are sent there`;
    const fix = 'write public_url = "https://…" in gateway';
    report.error(block.place(name), { code: 'missing-attribute', message, fix });
  }
}

function checkHeaderCredential(block: DecodedBlock, { report }: Pick<CheckParts, 'report'>): void {
  const credential = block.text('credential');
  if (credential !== null && !HTTP_HEADER_CREDENTIALS.includes(typeOf(credential))) {
    const message = `a ${typeOf(credential)} is no HTTP credential`;
    const fix = `write one of: ${HTTP_HEADER_CREDENTIALS.join(', ')}`;
    report.error(block.place('credential'), { code: 'incompatible-credential', message, fix });
  }
}
