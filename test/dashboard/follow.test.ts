// Following the log: nothing lost between the past and now, nothing twice, and nobody waited for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditFilter, AuditRecord } from '../../src/audit/event.ts';
import { followRecords, matchesFilter } from '../../src/dashboard/follow.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { AGENT } from '../approvals/parts.ts';

function recordOf(seq: number, changes: Partial<AuditRecord> = {}): AuditRecord {
  return {
    seq,
    prev: '0'.repeat(64),
    hash: '1'.repeat(64),
    type: 'action.decided',
    timeMs: 1_000 + seq,
    agent: AGENT,
    session: 's',
    actionId: '019a0000-0000-7000-8000-00000000000a',
    endpoint: 'postgres.pg',
    family: 'sql',
    factsJson: '{"sql":{"tables":["users"]}}',
    risk: 'safe',
    verdict: 'allow',
    rule: 'reads',
    approvers: [],
    by: 'rule',
    reason: '',
    summary: 'SELECT 1',
    text: 'select 1 from Users',
    textComplete: true,
    digest: '',
    data: null,
    ...changes,
  };
}

/** A log whose past and future the test decides. */
class FakeLog {
  past: readonly AuditRecord[] = [];
  listener: ((record: AuditRecord) => void) | null = null;
  /** Runs while the past is being read. */
  duringSearch: () => void = () => undefined;

  follow(listener: (record: AuditRecord) => void): () => void {
    this.listener = listener;
    return () => {
      this.listener = null;
    };
  }

  async search(_filter: AuditFilter, page: { readonly limit: number }) {
    this.duringSearch();
    return { items: this.past.toReversed().slice(0, page.limit), next: null };
  }
}

function startFollowing(log: FakeLog, { last = 0, filter = {} }: { last?: number; filter?: AuditFilter } = {}) {
  const clock = new FakeClock();
  const abort = new AbortController();
  const lines: string[] = [];
  let outcome = 'going on';
  const records = followRecords({ audit: log, clock, filter, last, signal: abort.signal }, ({ seq }) => `${seq}`);
  const over = (async () => {
    try {
      for await (const line of records) {
        lines.push(line.trim());
      }
      outcome = 'ended';
    } catch (error) {
      outcome = String(error);
    }
  })();
  return { clock, abort, lines, over, outcome: () => outcome };
}

test('what is written while the past is read comes once, in order', async () => {
  const log = new FakeLog();
  log.past = [recordOf(1), recordOf(2), recordOf(3)];
  log.duringSearch = () => {
    log.listener?.(recordOf(3));
    log.listener?.(recordOf(4));
  };
  const following = startFollowing(log, { last: 2 });
  await settled();
  log.listener?.(recordOf(5));
  await settled();
  assert.deepEqual(
    following.lines.filter((line) => line !== ''),
    ['2', '3', '4', '5'],
  );
  following.abort.abort();
  await following.over;
  assert.equal(following.outcome(), 'ended');
  assert.equal(log.listener, null);
  assert.equal(following.clock.timers, 0);
});

test('an idle stream stays warm, from its first moment', async () => {
  const log = new FakeLog();
  const following = startFollowing(log);
  await settled();
  assert.deepEqual(following.lines, ['']);
  await following.clock.advance(30_000);
  assert.deepEqual(following.lines, ['', '', '']);
  following.abort.abort();
  await following.over;
});

test('only what fits is kept for the reader, and one that is too slow is let go', async () => {
  const log = new FakeLog();
  const clock = new FakeClock();
  const records = followRecords(
    { audit: log, clock, filter: { verdict: 'deny' }, last: 0, signal: new AbortController().signal },
    ({ seq }) => `${seq}`,
  );
  await records.next();
  for (let seq = 1; seq <= 5_000; seq += 1) {
    log.listener?.(recordOf(seq));
  }
  log.listener?.(recordOf(5_001, { verdict: 'deny' }));
  assert.equal((await records.next()).value, '5001');
  for (let seq = 6_000; seq < 8_500; seq += 1) {
    log.listener?.(recordOf(seq, { verdict: 'deny' }));
  }
  let read = 0;
  await assert.rejects(async () => {
    for await (const line of records) {
      read += line === '' ? 0 : 1;
    }
  }, /too slow/);
  assert.equal(read, 2_000);
  assert.equal(log.listener, null);
});

test('a record fits a filter as the store would say', () => {
  const rows: readonly (readonly [AuditFilter, boolean])[] = [
    [{}, true],
    [{ device: 'laptop-7', profile: 'default', endpoint: 'postgres.pg', family: 'sql' }, true],
    [{ device: 'laptop-8' }, false],
    [{ rule: 'reads', verdict: 'allow', risk: 'safe', by: 'rule' }, true],
    [{ risk: 'destructive' }, false],
    [{ sinceMs: 1_007, untilMs: 1_007 }, true],
    [{ sinceMs: 1_008 }, false],
    [{ untilMs: 1_006 }, false],
    [{ action: '019a0000' }, true],
    [{ action: '019b0000' }, false],
    [{ table: 'users' }, true],
    [{ table: 'user' }, false],
    [{ text: 'USERS' }, true],
    [{ text: 'drop' }, false],
    [{ types: ['action.decided', 'action.settled'] }, true],
    [{ types: ['action.settled'] }, false],
    [{ trace: 'a'.repeat(32) }, false],
  ];
  const traced = recordOf(7, { data: { claim: { trace: 'a'.repeat(32) } } });
  assert.equal(matchesFilter(traced, { trace: 'a'.repeat(32) }), true);
  for (const [filter, expected] of rows) {
    assert.equal(matchesFilter(recordOf(7), filter), expected, JSON.stringify(filter));
  }
  const bare = recordOf(7, { agent: null, factsJson: null, text: null, actionId: null });
  assert.equal(matchesFilter(bare, { device: 'laptop-7' }), false);
  assert.equal(matchesFilter(bare, { table: 'users' }), false);
  assert.equal(matchesFilter(bare, { action: '019a0000' }), false);
  assert.equal(matchesFilter(bare, { text: 'select' }), true);
});
