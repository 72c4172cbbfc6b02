// The whole log with its threads: nothing lost and nothing twice, whatever happens to a thread, the disk or the process.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { TestContext } from 'node:test';
import { Database as SqliteDatabase } from '../../src/audit/sqlite-library.ts';
import * as fc from 'fast-check';
import type { AuditEvent, AuditRecord } from '../../src/audit/event.ts';
import type { AuditTicket } from '../../src/audit/log.ts';
import type { SqliteAuditLog } from '../../src/audit/sqlite.ts';
import type { SpawnWorker } from '../../src/audit/thread.ts';
import { verifyStore } from '../../src/audit/verify.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { AGENT, OUTCOME, createEvent, openLog, tamper, until, write } from '../audit/parts.ts';
import { temporaryFolder } from '../support/temp.ts';

const NEWEST = { limit: 100, cursor: null, newestFirst: true };
const OLDEST = { limit: 1000, cursor: null, newestFirst: false };

async function readAll(log: SqliteAuditLog): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  let cursor: string | null = null;
  do {
    const page = await log.search({}, { ...OLDEST, cursor });
    records.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return records;
}

const storeFailed = (error: unknown): boolean => error instanceof GatewayError && error.code === 'STORE_FAILED';

test('an event comes back as it was given, numbered and chained', async (t) => {
  const { log } = await openLog(t);
  const event = createEvent({
    factsJson: '{"sql":{"tables":["a.b"],"limit":9007199254740993}}',
    reason: 'because "quotes"\nand lines',
    approvers: ['human_approver.oncall'],
    data: { nested: { list: [1, 'two', null] } },
    digest: 'ab'.repeat(32),
    digestOf: null,
    textComplete: false,
  });
  await write(log, [event, createEvent()]);
  const [first, second] = await readAll(log);
  assert.ok(first !== undefined && second !== undefined);
  const { digestOf: _left, ...expected } = event;
  assert.deepEqual(first, {
    ...expected,
    seq: 1,
    data: { ...event.data, outcome: OUTCOME },
    prev: '0'.repeat(64),
    hash: first.hash,
  });
  assert.equal(second.seq, 2);
  assert.equal(second.prev, first.hash);
  assert.equal(log.metrics().headHash, second.hash);
});

test('the digest of the whole request is computed by the writer', async (t) => {
  const { log } = await openLog(t);
  await write(log, [
    createEvent({ text: 'abc', digestOf: 'abc' }),
    createEvent({ text: 'ab', digestOf: 'abc', textComplete: false }),
  ]);
  const records = await readAll(log);
  const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.deepEqual(
    records.map((record) => record.digest),
    [digest, digest],
  );
});

test('an outcome that comes in time is part of the record; a later one is a record of its own', async (t) => {
  const { log } = await openLog(t);
  const early = log.append(createEvent());
  early?.settle(OUTCOME, 5);
  const late = log.append(createEvent());
  await log.flush();
  late?.settle({ kind: 'error' }, 1_700_000_000_000);
  await log.flush();
  const records = await readAll(log);
  assert.deepEqual(
    records.map((record) => [record.type, record.data?.['outcome'] ?? null]),
    [
      ['action.decided', OUTCOME],
      ['action.decided', null],
      ['action.settled', { kind: 'error' }],
    ],
  );
  assert.equal(records[2]?.actionId, records[1]?.actionId);
  assert.equal(records[2]?.timeMs, 1_700_000_000_000);
  assert.deepEqual(await log.show(records[1]?.actionId ?? ''), records.slice(1));
});

test('a durable event is on disk when its promise resolves, and everything before it too', async (t) => {
  const { log, path } = await openLog(t, { tuning: { batchMs: 60_000 } });
  log.append(createEvent());
  await log.appendDurable(createEvent({ risk: 'destructive' }));
  const db = new SqliteDatabase(path, { readonly: true });
  assert.equal(db.prepare('SELECT count(*) FROM records').pluck().get(), 2);
  db.close();
});

test('many durable events share few writes', async (t) => {
  const { log } = await openLog(t);
  const before = log.metrics().records;
  const tickets = await Promise.all(Array.from({ length: 200 }, () => log.appendDurable(createEvent())));
  assert.equal(tickets.length, 200);
  assert.equal(log.metrics().records - before, 200);
});

test('a safe event is on disk within 100 ms without anybody asking', async (t) => {
  const { log } = await openLog(t, { tuning: { batchMs: 50 } });
  const started = performance.now();
  log.append(createEvent());
  await until(() => log.metrics().headSeq === 1, 'it is written');
  // Not by company, nor by a checkpoint: those are a minute away.
  assert.ok(performance.now() - started < 20_000);
});

test('LC-18: the files of the store are readable by their owner only, and links are not followed', async (t) => {
  const { log, path, publish, folder } = await openLog(t);
  await write(log, [createEvent()]);
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
  }
  await log.close();
  assert.equal(statSync(publish).mode & 0o777, 0o600);
  const linked = join(folder, 'linked');
  mkdirSync(linked);
  symlinkSync(path, join(linked, 'clawpatrol.db'));
  await assert.rejects(openLog(t, {}, linked), storeFailed);
});

test('AU-02: the daemon itself cannot update, delete or insert out of order', async (t) => {
  const { log, path } = await openLog(t);
  await write(log, [createEvent(), createEvent()]);
  const refused = [
    "UPDATE records SET body = '{}'",
    'UPDATE records SET seq = 7 WHERE seq = 1',
    'DELETE FROM records',
    'DELETE FROM records WHERE seq = 2',
    'INSERT INTO records SELECT 9, time_ms, action_id, shape, body, prev, hash FROM records LIMIT 1',
    'INSERT OR REPLACE INTO records SELECT 1, time_ms, action_id, shape, body, prev, hash FROM records WHERE seq = 2',
    'REPLACE INTO records SELECT * FROM records WHERE seq = 1',
    "UPDATE shapes SET rule = 'x'",
    'DELETE FROM shapes',
    'DELETE FROM keys',
    "INSERT INTO segments VALUES (1, 1, 1, '', '', 0, 0, 'stub', '{}', 'x')",
  ];
  const db = new SqliteDatabase(path);
  t.after(() => db.close());
  for (const sql of refused) {
    assert.throws(() => db.exec(sql), /append-only|in order/, sql);
  }
  db.exec("INSERT INTO segments VALUES (1, 1, 2, '', '', 0, 0, 'sealed', NULL, NULL)");
  assert.throws(() => db.exec('DELETE FROM records WHERE seq = 1'), /append-only/, 'sealed is not enough');
  assert.throws(() => db.exec("UPDATE segments SET state = 'stub'"), /CHECK/, 'a stub must be signed');
  assert.throws(
    () => db.exec("UPDATE segments SET state = 'stub', last_seq = 9, stub = '', signature = ''"),
    /only becomes a stub/,
  );
  assert.throws(() => db.exec('DELETE FROM segments'), /append-only/);
});

test('ND-09: a killed writer loses nothing and writes nothing twice', async (t) => {
  const { log, path, writers, troubles } = await openLog(t, { tuning: { batchMs: 1, waitMs: 60_000 } });
  const ids: string[] = [];
  const durable: Promise<AuditTicket>[] = [];
  const add = (isDurable: boolean): void => {
    const event = createEvent({ verdict: 'deny' });
    ids.push(event.actionId ?? '');
    if (isDurable) {
      durable.push(log.appendDurable(event));
    } else {
      assert.ok(log.append(event) !== null);
    }
  };
  for (let round = 0; round < 8; round += 1) {
    const before = log.metrics().headSeq;
    for (let index = 0; index < 700; index += 1) {
      add(index % 50 === 0);
    }
    if (round % 3 !== 2) {
      // At least one batch is written by then and the next is on its way; otherwise the writer dies while it starts.
      await until(() => log.metrics().headSeq > before, 'something is written');
    }
    await writers().at(-1)?.terminate();
  }
  await Promise.all(durable);
  await log.flush();
  const records = await readAll(log);
  assert.deepEqual(
    records.map((record) => record.actionId),
    ids,
  );
  assert.ok(writers().length > 5, 'writers were killed and replaced');
  assert.ok(troubles.some(({ what, why }) => what === 'thread' && why !== null));
  assert.equal(troubles.findLast(({ what }) => what === 'thread')?.why, null);
  assert.equal(log.stalled, false);
  await log.close();
  assert.equal((await verifyStore({ path })).ok, true);
});

test('a batch whose acknowledgement is lost is not written a second time', async (t) => {
  let deaf = false;
  const spawn: SpawnWorker = (entry, workerData) => {
    const worker = new Worker(entry, { workerData, execArgv: [] });
    const emit = worker.emit.bind(worker);
    // The thread dies between its commit and the arrival of its answer.
    worker.emit = (name: string | symbol, ...values: unknown[]): boolean => {
      if (name === 'message' && deaf) {
        deaf = false;
        void worker.terminate();
        return true;
      }
      return emit(name, ...values);
    };
    return worker;
  };
  const { log } = await openLog(t, { spawn });
  await log.appendDurable(createEvent({ summary: 'before', verdict: 'deny' }));
  deaf = true;
  log.append(createEvent({ summary: 'safe', verdict: 'deny' }));
  await log.appendDurable(createEvent({ summary: 'durable', verdict: 'deny' }));
  assert.equal(deaf, false);
  await log.appendDurable(createEvent({ summary: 'after', verdict: 'deny' }));
  const records = await readAll(log);
  assert.deepEqual(
    records.map((record) => record.summary),
    ['before', 'safe', 'durable', 'after'],
  );
});

test('AU-03: while a write fails, durable events are refused, nothing else is lost, and it resumes by itself', async (t) => {
  const { log, path, troubles } = await openLog(t);
  await write(log, [createEvent({ summary: 'before' })]);
  // From another connection, as a full disk would: every insert fails.
  const fault = "CREATE TRIGGER broken BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'disk full'); END";
  tamper(path, (db) => db.exec(fault), { keepTriggers: true });
  const kept = log.append(createEvent({ summary: 'kept' }));
  assert.ok(kept !== null);
  await assert.rejects(log.appendDurable(createEvent({ summary: 'refused' })), storeFailed);
  assert.equal(log.stalled, true);
  assert.equal(log.append(createEvent()), null);
  await assert.rejects(log.appendDurable(createEvent()), storeFailed);
  kept.settle(OUTCOME, 0);
  const waiting = log.writable(new AbortController().signal);
  tamper(path, (db) => db.exec('DROP TRIGGER broken'), { keepTriggers: true });
  await waiting;
  assert.equal(log.stalled, false);
  await write(log, [createEvent({ summary: 'after' })]);
  const records = await readAll(log);
  assert.deepEqual(
    records.map((record) => record.summary),
    ['before', 'kept', 'after'],
  );
  assert.deepEqual(records[1]?.data, { outcome: OUTCOME });
  const stalls = troubles.filter(({ what }) => what === 'stalled');
  assert.match(stalls[0]?.why ?? '', /disk full/);
  assert.equal(stalls.at(-1)?.why, null);
});

test('LC-15: a store that another process has locked stalls the log until it is free', async (t) => {
  const { log, path } = await openLog(t);
  const other = new SqliteDatabase(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(log.appendDurable(createEvent()), storeFailed);
  assert.equal(log.stalled, true);
  other.exec('ROLLBACK');
  await log.writable(new AbortController().signal);
  await write(log, [createEvent()]);
  assert.equal((await readAll(log)).length, 1);
});

test('LC-15: a long read by another process does not hold up writing', async (t) => {
  const { log, path } = await openLog(t);
  await write(log, [createEvent()]);
  const other = new SqliteDatabase(path, { readonly: true });
  t.after(() => other.close());
  other.exec('BEGIN');
  other.prepare('SELECT count(*) FROM records').get();
  for (let round = 0; round < 5; round += 1) {
    await log.appendDurable(createEvent({ verdict: 'deny' }));
  }
  assert.equal(log.metrics().headSeq, 6);
});

test('AU-03, LC-14: a really full disk refuses what must be recorded and resumes when there is room', async (t) => {
  const folder = temporaryFolder(t);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', folder]).status !== 0) {
    t.skip('only root can mount a small file system');
    return;
  }
  try {
    await checkFullDisk(t, folder);
  } finally {
    spawnSync('umount', [folder]);
  }
});

async function checkFullDisk(t: TestContext, folder: string): Promise<void> {
  const { log } = await openLog(t, {}, folder);
  const text = 'x'.repeat(20_000);
  const append = (): Promise<boolean> =>
    log.appendDurable(createEvent({ text, verdict: 'deny' })).then(
      () => true,
      () => false,
    );
  for (let index = 0; index < 10; index += 1) {
    assert.equal(await append(), true);
  }
  const filler = join(folder, 'filler');
  writeFileSync(filler, Buffer.alloc(1_800_000));
  let written = 10;
  while (await append()) {
    written += 1;
    assert.ok(written < 500, 'the disk fills up');
  }
  assert.equal(log.stalled, true);
  rmSync(filler);
  await log.writable(new AbortController().signal);
  await log.appendDurable(createEvent({ verdict: 'deny' }));
  assert.equal(log.metrics().headSeq, written + 1);
  assert.equal((await log.verify({ from: null, to: null })).ok, true);
  await log.close();
}

test('append takes nothing beyond its bound, and writable says when it does again', async (t) => {
  const { log } = await openLog(t, { tuning: { maxEvents: 10 } });
  const tickets = Array.from({ length: 11 }, () => log.append(createEvent({ verdict: 'deny' })));
  assert.equal(tickets.filter((ticket) => ticket === null).length, 1);
  await log.writable(new AbortController().signal);
  assert.ok(log.append(createEvent({ verdict: 'deny' })) !== null);
  await log.flush();
  assert.equal(log.metrics().headSeq, 11);
  assert.equal(log.metrics().queued, 0);
});

test('AU-04: what an earlier run let through without an outcome is recorded as unknown at the next start', async (t) => {
  const first = await openLog(t);
  const [open, settled, denied] = [createEvent(), createEvent(), createEvent({ verdict: 'deny' })];
  await first.log.appendDurable(open);
  (await first.log.appendDurable(settled)).settle(OUTCOME, Date.now());
  await first.log.appendDurable(denied);
  await first.log.flush();
  const second = await first.reopen();
  const added = (await readAll(second.log)).slice(4);
  assert.deepEqual(
    added.map((record) => [record.type, record.actionId, record.data?.['outcome']]),
    [['action.settled', open.actionId, { kind: 'unknown', status: 'the gateway ended before the outcome was known' }]],
  );
  const third = await second.reopen();
  assert.equal(third.log.metrics().headSeq, 5, 'once');
});

test('an intact log opens without a finding; a cut or edited one opens with it', async (t) => {
  const made = await openLog(t);
  await write(made.log, [createEvent(), createEvent(), createEvent()]);
  const again = await made.reopen();
  assert.equal(again.log.finding, null);
  await again.log.close();
  tamper(made.path, (db) => db.exec('DELETE FROM records WHERE seq = 3; DELETE FROM checkpoints'));
  const cut = await again.reopen();
  assert.equal(cut.log.finding?.kind, 'truncated');
  await cut.log.close();
  tamper(made.path, (db) => db.exec("UPDATE records SET body = replace(body, 'users', 'userz') WHERE seq = 2"));
  const edited = await cut.reopen({ checkpoint: { everyMs: 60_000, records: 1000, publish: null } });
  assert.equal(edited.log.finding?.kind, 'edited');
});

test('a store of a newer program is refused and left alone', async (t) => {
  const made = await openLog(t);
  await made.log.close();
  tamper(made.path, (db) => db.exec("INSERT INTO migrations VALUES ('9999-later', 'x', '')"));
  await assert.rejects(made.reopen(), (error) => storeFailed(error) && /another version/.test(String(error)));
});

test('listeners get every record once and in order, from when they begin', async (t) => {
  const { log } = await openLog(t);
  await write(log, [createEvent()]);
  const seen: number[] = [];
  const stop = log.follow((record) => seen.push(record.seq));
  for (let round = 0; round < 10; round += 1) {
    await write(log, [createEvent(), createEvent(), createEvent()]);
  }
  await until(() => seen.length === 30, 'all were seen');
  stop();
  await write(log, [createEvent()]);
  await log.search({}, NEWEST);
  assert.deepEqual(
    seen,
    Array.from({ length: 30 }, (_, index) => index + 2),
  );
});

test('checkpoints come by count, by time and at close, and are published outside the store', async (t) => {
  const publish = join(temporaryFolder(t), 'points.jsonl');
  const made = await openLog(t, { checkpoint: { everyMs: 30, records: 5, publish } });
  const lines = (): string[] => readFileSync(publish, 'utf8').trim().split('\n');
  await write(
    made.log,
    Array.from({ length: 5 }, () => createEvent()),
  );
  assert.equal(lines().length, 1);
  await write(made.log, [createEvent()]);
  await until(() => lines().length === 2, 'the time is up');
  await write(made.log, [createEvent()]);
  await made.log.close();
  assert.equal(JSON.parse(lines().at(-1) ?? '{}').seq, 7);
  assert.equal((await verifyStore({ path: made.path, checkpointsFile: publish })).ok, true);
});

test('a published file that cannot be written is told, and is complete once it can', async (t) => {
  const folder = temporaryFolder(t);
  const publish = join(folder, 'in', 'points.jsonl');
  const made = await openLog(t, { checkpoint: { everyMs: 60_000, records: 1, publish } });
  await write(made.log, [createEvent()]);
  assert.match(made.log.publishingProblem ?? '', /cannot append checkpoints/);
  mkdirSync(join(folder, 'in'));
  writeFileSync(publish, '{"half a li');
  await write(made.log, [createEvent()]);
  assert.equal(made.log.publishingProblem, null);
  assert.equal(readFileSync(publish, 'utf8').trim().split('\n').length, 3);
  assert.deepEqual(
    made.troubles.map(({ what, why }) => [what, why === null]),
    [
      ['publishing', false],
      ['publishing', true],
    ],
  );
  chmodSync(publish, 0o600);
});

test('AU-08: whatever agents write is one line of JSON, whole again when read, and the chain holds', async (t) => {
  const { log } = await openLog(t);
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constantFrom('\n\r\0', '","seq":1,"facts":{}', '\u2028\u2029', '\ud800', '{"seq":1,', 'é\u202e', '\u001b[2J'),
  );
  const events = fc.array(
    fc.record({
      text: fc.option(text),
      summary: text,
      reason: text,
      rule: text,
      facts: fc.option(fc.jsonValue()),
      data: fc.option(fc.dictionary(text, fc.jsonValue())),
    }),
    { minLength: 1, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(events, async (samples) => {
      const before = log.metrics().headSeq;
      const given: AuditEvent[] = samples.map(({ facts, ...sample }) =>
        createEvent({ ...sample, factsJson: facts === null ? null : JSON.stringify(facts), type: 'operator.acted' }),
      );
      await write(log, given);
      const { items } = await log.search({}, { limit: samples.length, cursor: String(before), newestFirst: false });
      for (const [index, record] of items.entries()) {
        const event = given[index];
        assert.equal(record.summary, event?.summary);
        assert.equal(record.text, event?.text === '' ? null : event?.text);
        assert.equal(record.factsJson, event?.factsJson === 'null' ? null : event?.factsJson);
        assert.deepEqual(record.agent, AGENT);
      }
      assert.equal(items.length, samples.length);
    }),
    { numRuns: 60 },
  );
  const report = await log.verify({ from: null, to: null });
  assert.equal(report.first_bad, null);
  const lines: string[] = [];
  for await (const piece of log.export({}, 'jsonl')) {
    lines.push(...piece.split('\n').slice(0, -1));
  }
  assert.equal(lines.length, report.records);
  for (const [index, line] of lines.entries()) {
    assert.equal(JSON.parse(line).seq, index + 1);
  }
});

test('another process verifies while the gateway writes', async (t) => {
  const { log, path, publish } = await openLog(t, {});
  await write(
    log,
    Array.from({ length: 700 }, () => createEvent()),
  );
  const reports = [];
  for (let round = 0; round < 5; round += 1) {
    for (let index = 0; index < 100; index += 1) {
      log.append(createEvent());
    }
    reports.push(await verifyStore({ path, checkpointsFile: publish }).catch(() => null));
    await log.flush();
  }
  assert.deepEqual(
    reports.filter((report) => report !== null && !report.ok),
    [],
  );
  assert.equal((await log.verify({ from: null, to: null })).records, 1200);
});
