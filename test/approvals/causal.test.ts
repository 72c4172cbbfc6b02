import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readChain } from '../../src/approvals/causal-reader.ts';
import { makeChain, strandsOf, type ChainNode } from '../../src/approvals/causal.ts';
import { createEvent, type AuditEvent, type AuditFilter, type AuditRecord } from '../../src/audit/event.ts';
import { createDeferred } from '../../src/lib/deferred.ts';
import type { Agent } from '../../src/rules/action.ts';
import { settled } from '../support/fake-clock.ts';
import { actionOf, createWorld, decisionOf, human, model, person, reviewOf, settingsOf } from './parts.ts';

const agent = (device: string, run = ''): Agent => ({
  device,
  profile: 'default',
  run,
  user: '',
  ip: '10.0.0.1',
  transport: 'wireguard',
});

const idOf = (number: number): string => `01a20000-0000-7000-8000-${String(number).padStart(12, '0')}`;

function stored(events: readonly AuditEvent[]): readonly AuditRecord[] {
  return events.map((event, index) => ({ ...event, seq: index + 1, prev: '', hash: '' }));
}

function claimed(who: Agent, atMs: number, claim: Readonly<Record<string, string>>): AuditEvent {
  return createEvent('context.claimed', atMs, { agent: who, by: 'agent', data: { claim } });
}

function decided(who: Agent, number: number, changes: Partial<AuditEvent> = {}): AuditEvent {
  const parts = {
    agent: who,
    actionId: idOf(number),
    endpoint: 'postgres.pg',
    risk: 'safe',
    verdict: 'allow',
  } as const;
  return createEvent('action.decided', number, {
    ...parts,
    by: 'rule',
    rule: 'reads',
    data: { claim: { incident: 'INC1' }, outcome: { kind: 'ok', rows: 1, status: 'SELECT 1', error_code: '' } },
    ...changes,
  });
}

/** A log in memory, paged as the real one. */
function logOf(records: readonly AuditRecord[]) {
  const fits = (record: AuditRecord, filter: AuditFilter): boolean =>
    (filter.types?.includes(record.type) ?? true) &&
    (filter.trace === undefined || JSON.stringify(record.data).includes(`"trace":"${filter.trace}"`)) &&
    (filter.device ?? record.agent?.device) === record.agent?.device &&
    record.timeMs >= (filter.sinceMs ?? 0) &&
    record.timeMs <= (filter.untilMs ?? Number.MAX_SAFE_INTEGER);
  return {
    async search(filter: AuditFilter, page: { limit: number; cursor: string | null; newestFirst: boolean }) {
      const all = records.filter((record) => fits(record, filter));
      const ordered = page.newestFirst ? all.toReversed() : all;
      const from = page.cursor === null ? 0 : ordered.findIndex(({ seq }) => String(seq) === page.cursor) + 1;
      const items = ordered.slice(from, from + page.limit);
      return { items, next: from + page.limit < ordered.length ? String(items.at(-1)?.seq ?? '') : null };
    },
    show: async (id: string) => records.filter(({ actionId }) => actionId === id),
  };
}

const read = (id: string, events: readonly AuditEvent[]) =>
  readChain(id, { audit: logOf(stored(events)), incidents: () => [] });

test('a claim that says the same again goes on; another one begins anew; each agent has its own', () => {
  const one = agent('a');
  const strands = strandsOf(
    stored([
      claimed(one, 1, { incident: 'INC1', intent: 'why' }),
      claimed(agent('b'), 2, { incident: 'INC2' }),
      claimed(one, 3, { incident: 'INC1', intent: 'since' }),
      claimed(one, 4, { incident: 'INC3' }),
      createEvent('context.claimed', 5, { agent: one, data: { claim: 'nonsense' } }),
      createEvent('context.claimed', 6, { data: { claim: { incident: 'INC4' } } }),
    ]),
  );
  assert.deepEqual(
    strands.map(({ agent: who, incident, intent, fromMs, toMs }) => [who.device, incident, intent, fromMs, toMs]),
    [
      ['a', 'INC1', 'since', 1, 4],
      ['b', 'INC2', '', 2, null],
      ['a', 'INC3', '', 4, null],
    ],
  );
});

test('what an agent did before, after, or for something else is no part of the chain', async () => {
  const one = agent('a', 'run-1');
  const chain = await read('INC1', [
    decided(one, 5),
    claimed(one, 10, { incident: 'INC1' }),
    decided(one, 11),
    decided(agent('a', 'run-2'), 12),
    decided(one, 13, { data: { claim: { incident: 'INC2' } } }),
    decided(one, 14, { data: null }),
    claimed(one, 20, { incident: 'INC2' }),
    decided(one, 21),
  ]);
  assert.equal(chain?.actions, 1);
  assert.deepEqual(
    chain.tree[0]?.children.map(({ id }) => id),
    [idOf(11)],
  );
  assert.deepEqual(chain.span, { fromMs: 10, toMs: 11 });
});

test('a chain is bounded in actions and in what is read for it, and says that it was cut', async () => {
  const one = agent('a');
  const many = Array.from({ length: 450 }, (_, index) => decided(one, 100 + index));
  const long = await read('INC1', [claimed(one, 10, { incident: 'INC1' }), ...many]);
  assert.deepEqual([long?.actions, long?.cut], [400, true]);
  const whole = await read('INC1', [claimed(one, 10, { incident: 'INC1' }), ...many.slice(0, 300)]);
  assert.deepEqual([whole?.actions, whole?.cut], [300, false]);
  const text = 'x'.repeat(1024 * 1024);
  const heavy = Array.from({ length: 250 }, (_, index) => decided(one, 100 + index, { text }));
  const cut = await read('INC1', [claimed(one, 10, { incident: 'INC1' }), ...heavy]);
  assert.equal(cut?.cut, true);
  assert.ok((cut?.actions ?? 250) < 250, String(cut?.actions));
});

test('claims that lead round in a circle are told once each, and end', () => {
  const [one, other] = [agent('a'), agent('b')];
  const base = { incident: 'INC1', task: '', intent: '', fromMs: 1, toMs: null, guessed: false };
  const strands = [
    { ...base, agent: one, identity: 'a', parent: idOf(2) },
    { ...base, agent: other, identity: 'b', parent: idOf(1) },
  ];
  const actions = [
    [{ id: idOf(1), records: stored([decided(one, 1)]) }],
    [{ id: idOf(2), records: stored([decided(other, 2)]) }],
  ];
  const tree = makeChain({ incident: null, changes: [], strands, actions });
  const agents = (nodes: readonly ChainNode[]): number =>
    nodes.reduce((sum, node) => sum + Number(node.kind === 'agent') + agents(node.children), 0);
  assert.equal(agents(tree), 2);
});

test('an action leads up to what led to it, over agents that named no incident', async () => {
  const [one, other, third] = [agent('a'), agent('b'), agent('c')];
  const claimOf = (parent: number) => ({ data: { claim: { parent: idOf(parent) } } });
  const events = [
    decided(one, 1, { data: null }),
    claimed(other, 2, { parent: idOf(1) }),
    decided(other, 3, claimOf(1)),
    claimed(third, 4, { parent: idOf(3) }),
    decided(third, 5, claimOf(3)),
  ];
  for (const id of [1, 3, 5]) {
    const chain = await read(idOf(id), events);
    assert.deepEqual([chain?.subject, chain?.agents, chain?.actions], ['action', 3, 3], String(id));
    assert.equal(chain?.tree[0]?.children[0]?.id, idOf(1));
  }
  assert.equal(await read('nothing', events), null);
});

test('a W3C trace is told with what was done in it, by whomever, and what that led to; nothing of another trace is', async () => {
  const [one, other, third] = [agent('a'), agent('b'), agent('c')];
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const inTrace = (claim: Readonly<Record<string, string>>, id = trace) => ({
    data: { claim: { ...claim, trace: id } },
  });
  const events = [
    claimed(one, 1, { task: 'make room', intent: 'old rows' }),
    decided(one, 2, inTrace({ task: 'make room' })),
    decided(one, 3, inTrace({ task: 'make room' }, 'f'.repeat(32))),
    decided(other, 4, inTrace({})),
    claimed(third, 5, { parent: idOf(4) }),
    decided(third, 6, { data: { claim: { parent: idOf(4) } } }),
    // Neither hides it, nor does who calls a task so.
    claimed(agent('d'), 7, { task: trace, incident: trace }),
    decided(agent('d'), 8, { data: { claim: { task: trace, incident: trace } } }),
  ];
  for (const key of [trace, `00-${trace}-b7ad6b7169203331-01`]) {
    const chain = await read(key, events);
    assert.deepEqual([chain?.subject, chain?.id, chain?.agents, chain?.actions], ['trace', trace, 3, 3], key);
    const [task, lone] = chain?.tree ?? [];
    assert.deepEqual([task?.kind, task?.words, task?.children[0]?.words], ['task', 'make room', 'old rows']);
    assert.deepEqual([task?.children[0]?.children.map(({ id }) => id)], [[idOf(2)]]);
    assert.deepEqual([lone?.kind, lone?.children[0]?.id], ['agent', idOf(4)]);
    assert.match(JSON.stringify(lone), new RegExp(idOf(6)));
  }
  for (const key of ['e'.repeat(32), trace.toUpperCase(), `00-${trace}-0000000000000000-01`]) {
    assert.equal(await read(key, events), null, key);
  }
});

test('whoever is waited for stands below what was said before, also while the last record is of a model that passed it on', async () => {
  const [first, oncall] = [model('r'), human('oncall', { requireApprovers: 2 })];
  const world = createWorld(settingsOf([first, oncall]));
  const answer = createDeferred<null>();
  world.review = async ({ approver }) => {
    await answer.promise;
    return { ...reviewOf(approver, 'escalate'), atMs: world.clock.now() };
  };
  const asked = world.approvals.ask(actionOf(), decisionOf(first.ref, oncall.ref), {
    signal: new AbortController().signal,
    parked: () => undefined,
  });
  await settled();
  await world.clock.advance(2_000);
  answer.resolve(null);
  await settled();
  const [approval] = world.approvals.pending();
  assert.ok(approval !== undefined);
  const steps = async (): Promise<readonly string[]> => {
    const chain = await read(approval.actionId, world.audit.events);
    return chain?.tree[0]?.children[0]?.children.map(({ text }) => text) ?? [];
  };
  assert.deepEqual(
    (await steps()).map((text) => text.split(' ')[0]),
    ['model', 'waits'],
  );
  await world.clock.advance(1_000);
  const ballot = { decision: 'approve', digest: approval.request.digest, note: '' } as const;
  await world.approvals.vote(approval.id, ballot, person('bob'));
  assert.deepEqual((await steps()).slice(1), ['approved by bob via cli', 'waits for human_approver.oncall']);
  await world.approvals.vote(approval.id, { ...ballot, decision: 'deny', note: 'no' }, person('eve'));
  assert.equal((await asked).kind, 'denied');
});
