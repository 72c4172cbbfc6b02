// What led to what, where agents say what suits them: trees stay as small as what is in them, and nobody hides anybody.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readChain } from '../../src/approvals/causal-reader.ts';
import { makeChain, type ChainAction, type ChainNode, type Strand } from '../../src/approvals/causal.ts';
import { identityOf } from '../../src/approvals/claims.ts';
import { createEvent, type AuditFilter, type AuditRecord, type EventParts } from '../../src/audit/event.ts';
import type { AuditEventType } from '../../src/audit/event.ts';
import type { Agent } from '../../src/rules/action.ts';
import { AGENT } from './parts.ts';

const IN_RUN: Agent = { ...AGENT, transport: 'wireguard', run: 'run-1' };

function idOf(number: number): string {
  return `019a0000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

function recordOf(type: AuditEventType, seq: number, parts: EventParts): AuditRecord {
  const { digestOf, ...event } = createEvent(type, 1_000 + seq, { agent: IN_RUN, ...parts });
  assert.equal(digestOf, null);
  return { ...event, seq, prev: '', hash: '' };
}

function actionOf(number: number): ChainAction {
  return {
    id: idOf(number),
    records: [recordOf('action.decided', number, { actionId: idOf(number), verdict: 'allow' })],
  };
}

function strandOf(changes: Partial<Strand>): Strand {
  const said = { incident: 'INC1', task: '', parent: '', intent: '', fromMs: 0, toMs: null, guessed: false };
  return { agent: IN_RUN, identity: identityOf(IN_RUN), ...said, ...changes };
}

function count(nodes: readonly ChainNode[]): number {
  return nodes.reduce((sum, { children }) => sum + 1 + count(children), 0);
}

test('claims that hang below the same action twice, on many levels, are told once each', () => {
  const levels = 16;
  const twice = Array.from({ length: levels }, (_, level) => {
    const parent = level === 0 ? '' : idOf(level - 1);
    return [strandOf({ parent }), strandOf({ parent })];
  }).flat();
  const actions = twice.map((_, index) => [actionOf(Math.floor(index / 2))]);
  const tree = makeChain({ incident: null, changes: [], strands: twice, actions });
  assert.ok(count(tree) < 10 * twice.length, String(count(tree)));
  assert.equal(JSON.stringify(tree).match(/"kind":"agent"/g)?.length, twice.length);
});

test('who is its own parent, or goes round in a circle, is told once', () => {
  for (const parents of [[0], [1, 0], [1, 2, 0]]) {
    const strands = parents.map((parent) => strandOf({ parent: idOf(parent) }));
    const tree = makeChain({
      incident: null,
      changes: [],
      strands,
      actions: strands.map((_, index) => [actionOf(index)]),
    });
    assert.equal(JSON.stringify(tree).match(/"kind":"agent"/g)?.length, parents.length);
  }
});

/** A log of these records, oldest first. */
function logOf(records: readonly AuditRecord[]) {
  const fits = (
    { type, agent, timeMs }: AuditRecord,
    { types, device, profile, sinceMs, untilMs }: AuditFilter,
  ): boolean =>
    types?.includes(type) !== false &&
    (device === undefined || agent?.device === device) &&
    (profile === undefined || agent?.profile === profile) &&
    timeMs >= (sinceMs ?? 0) &&
    timeMs <= (untilMs ?? Number.POSITIVE_INFINITY);
  return {
    audit: {
      search: (filter: AuditFilter, page: { limit: number; cursor: string | null; newestFirst: boolean }) => {
        const all = records.filter((record) => fits(record, filter));
        const ordered = page.newestFirst ? all.toReversed() : all;
        const from = Number(page.cursor ?? '0');
        const next = from + page.limit < ordered.length ? String(from + page.limit) : null;
        return Promise.resolve({ items: ordered.slice(from, from + page.limit), next });
      },
      show: (id: string) => Promise.resolve(records.filter(({ actionId }) => actionId === id)),
    },
    incidents: () => [],
  };
}

function claimed(seq: number, agent: Agent, claim: Readonly<Record<string, string>>): AuditRecord {
  return recordOf('context.claimed', seq, { agent, data: { claim } });
}

function decided(seq: number, agent: Agent, more: EventParts = {}): AuditRecord {
  const data = { claim: { incident: 'INC1' }, outcome: 'ok' };
  return recordOf('action.decided', seq, { agent, actionId: idOf(seq), verdict: 'allow', risk: 'safe', data, ...more });
}

const LATE: Agent = { ...IN_RUN, device: 'server-1', run: 'run-2' };

test('whoever says very much, from however many addresses, hides nobody, and what is left out is what is safe', async () => {
  const records: AuditRecord[] = [];
  for (let address = 0; address < 100; address += 1) {
    const agent: Agent = { ...AGENT, device: 'listener/pg', ip: `127.0.1.${address}` };
    records.push(claimed(records.length, agent, { incident: 'INC1' }));
    for (let each = 0; each < 9; each += 1) {
      records.push(decided(records.length, agent));
    }
  }
  records.push(claimed(records.length, LATE, { incident: 'INC1' }));
  for (let each = 0; each < 300; each += 1) {
    records.push(decided(records.length, LATE));
  }
  records.push(decided(records.length, LATE, { risk: 'destructive', summary: 'drop it all' }));
  const chain = await readChain('INC1', logOf(records));
  assert.equal(chain?.cut, true);
  const text = JSON.stringify(chain?.tree);
  assert.match(text, /server-1, run run-2/);
  assert.match(text, /drop it all/);
  assert.ok((chain?.actions ?? 0) <= 400);
});

test('an agent that calls its incident or task like an action does not stand before it', async () => {
  for (const claim of [{ incident: idOf(0) }, { task: idOf(0) }]) {
    const records = [
      decided(0, LATE, { data: { outcome: 'ok' }, summary: 'what was done' }),
      claimed(1, IN_RUN, claim),
      decided(2, IN_RUN, { data: { claim, outcome: 'ok' }, summary: 'what hides it' }),
    ];
    const chain = await readChain(idOf(0), logOf(records));
    assert.equal(chain?.subject, 'action');
    assert.match(JSON.stringify(chain?.tree), /what was done/);
    // What has no action of that id is still found by that name.
    const named = await readChain(Object.values(claim)[0] ?? '', logOf(records.slice(1)));
    assert.notEqual(named?.subject, 'action');
  }
});
