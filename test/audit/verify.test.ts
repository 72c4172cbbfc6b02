// Whatever is done to a store with the file in hand, `verify` names the first record that is not as it was written.
import assert from 'node:assert/strict';
import { copyFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Database } from 'better-sqlite3';
import { hashOf } from '../../src/audit/canonical.ts';
import type { FindingKind } from '../../src/audit/chain.ts';
import { signCheckpoint } from '../../src/audit/checkpoint.ts';
import { loadCheckpointKey } from '../../src/audit/keys.ts';
import type { CheckpointKey } from '../../src/audit/keys.ts';
import { verifyStore } from '../../src/audit/verify.ts';
import type { VerifyOptions } from '../../src/audit/verify.ts';
import { createEvent, openLog, tamper, write } from './parts.ts';
import type { TestLog } from './parts.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

interface Row {
  seq: number;
  body: string;
  prev: string;
  hash: string;
}

/** Thirty records with a signed checkpoint at 10, 20 and 30, closed. Made once; each test gets a copy. */
const originals: (() => void | Promise<void>)[] = [];
// Made when first wanted: while the other test files of this process load, nothing here is answered for seconds.
let original: Promise<TestLog> | null = null;
after(async () => {
  for (const undo of originals.toReversed()) {
    await undo();
  }
});

async function makeOriginal(): Promise<TestLog> {
  const folder = temporaryFolder({ after: (undo) => originals.push(undo) });
  const checkpoint = { everyMs: 60_000, records: 10, publish: join(folder, 'published.jsonl') };
  const made = await openLog({ after: (undo) => originals.push(undo) }, { checkpoint }, folder);
  for (let round = 0; round < 3; round += 1) {
    const summaries = Array.from({ length: 10 }, (_, index) => `record ${round * 10 + index + 1}`);
    await write(
      made.log,
      summaries.map((summary) => createEvent({ summary })),
    );
  }
  await made.log.close();
  return made;
}

interface Copy {
  readonly folder: string;
  readonly path: string;
  readonly publish: string;
  readonly key: CheckpointKey;
}

async function makeStore(cleanUp: CleanUp): Promise<Copy> {
  original ??= makeOriginal();
  const made = await original;
  const folder = temporaryFolder(cleanUp);
  const [path, publish] = [join(folder, 'clawpatrol.db'), join(folder, 'published.jsonl')];
  copyFileSync(made.path, path);
  copyFileSync(made.publish, publish);
  return { folder, path, publish, key: made.key };
}

function readRow(db: Database, seq: number): Row {
  const row = db.prepare<[number], Row>('SELECT seq, body, prev, hash FROM records WHERE seq = ?').get(seq);
  assert.ok(row !== undefined);
  return row;
}

function putRow(db: Database, { seq, body, prev, hash }: Row): void {
  db.prepare('UPDATE records SET body = ?, prev = ?, hash = ? WHERE seq = ?').run(body, prev, hash, seq);
}

/** Writes the chain anew from `seq` on, after `change` of that record. */
function rehash(db: Database, seq: number, change: (body: string) => string): void {
  let prev = readRow(db, seq - 1).hash;
  const last = db.prepare<[], number>('SELECT max(seq) FROM records').pluck().get() ?? 0;
  for (let at = seq; at <= last; at += 1) {
    const row = readRow(db, at);
    const body = at === seq ? change(row.body) : row.body;
    const hash = hashOf(prev, body);
    putRow(db, { seq: at, body, prev, hash });
    prev = hash;
  }
}

const editSummary = (body: string): string => body.replace('"summary":"record 1', '"summary":"rekord 1');

interface Tampering {
  readonly name: string;
  readonly kind: FindingKind;
  readonly seq: number;
  readonly published?: boolean;
  work(db: Database): void;
}

const TAMPERINGS: readonly Tampering[] = [
  {
    name: 'one byte of a record is edited',
    kind: 'edited',
    seq: 12,
    work: (db) => putRow(db, { ...readRow(db, 12), body: editSummary(readRow(db, 12).body) }),
  },
  {
    name: 'a record stops being JSON',
    kind: 'edited',
    seq: 12,
    work: (db) => putRow(db, { ...readRow(db, 12), body: readRow(db, 12).body.slice(1) }),
  },
  {
    name: 'a record is edited and its own hash made to fit',
    kind: 'edited',
    seq: 12,
    work(db) {
      const row = readRow(db, 12);
      const body = editSummary(row.body);
      putRow(db, { ...row, body, hash: hashOf(row.prev, body) });
    },
  },
  {
    name: 'the first record is edited',
    kind: 'edited',
    seq: 1,
    work: (db) => putRow(db, { ...readRow(db, 1), body: editSummary(readRow(db, 1).body) }),
  },
  {
    name: 'the last record is edited',
    kind: 'edited',
    seq: 30,
    work: (db) => putRow(db, { ...readRow(db, 30), body: readRow(db, 30).body.replace('record 30', 'record 31') }),
  },
  {
    name: 'a record is deleted',
    kind: 'deleted',
    seq: 12,
    work: (db) => db.exec('DELETE FROM records WHERE seq = 12'),
  },
  {
    name: 'the first records are deleted',
    kind: 'deleted',
    seq: 1,
    work: (db) => db.exec('DELETE FROM records WHERE seq < 5'),
  },
  {
    name: 'a record is deleted and the later ones are renumbered',
    kind: 'deleted',
    seq: 12,
    work: (db) => db.exec('DELETE FROM records WHERE seq = 12; UPDATE records SET seq = seq - 1 WHERE seq > 12'),
  },
  {
    name: 'two neighbours are swapped',
    kind: 'reordered',
    seq: 12,
    work(db) {
      const [first, second] = [readRow(db, 12), readRow(db, 13)];
      putRow(db, { ...second, seq: 12 });
      putRow(db, { ...first, seq: 13 });
    },
  },
  {
    name: 'two records far apart are swapped',
    kind: 'reordered',
    seq: 5,
    work(db) {
      const [first, second] = [readRow(db, 5), readRow(db, 25)];
      putRow(db, { ...second, seq: 5 });
      putRow(db, { ...first, seq: 25 });
    },
  },
  {
    name: 'only the contents of two records are swapped',
    kind: 'reordered',
    seq: 12,
    work(db) {
      const [first, second] = [readRow(db, 12), readRow(db, 13)];
      putRow(db, { ...first, body: second.body });
      putRow(db, { ...second, body: first.body });
    },
  },
  {
    name: 'the tail is cut',
    kind: 'truncated',
    seq: 26,
    work: (db) => db.exec('DELETE FROM records WHERE seq > 25'),
  },
  {
    name: 'everything is cut',
    kind: 'truncated',
    seq: 1,
    work: (db) => db.exec('DELETE FROM records'),
  },
  {
    name: 'the tail is cut together with its checkpoints',
    kind: 'truncated',
    seq: 26,
    published: true,
    work: (db) => db.exec('DELETE FROM records WHERE seq > 25; DELETE FROM checkpoints WHERE seq > 25'),
  },
  {
    name: 'records are re-hashed from a point on',
    kind: 'bad-signature',
    seq: 20,
    work: (db) => rehash(db, 15, editSummary),
  },
  {
    name: 'records are re-hashed and the checkpoints after them removed',
    kind: 'bad-signature',
    seq: 20,
    published: true,
    work(db) {
      rehash(db, 15, editSummary);
      db.exec('DELETE FROM checkpoints WHERE seq > 15');
    },
  },
  {
    name: 'records are re-hashed and the checkpoints edited to fit',
    kind: 'bad-signature',
    seq: 20,
    work(db) {
      rehash(db, 15, editSummary);
      for (const seq of [20, 30]) {
        const change = db.prepare("UPDATE checkpoints SET body = json_set(body, '$.head', ?) WHERE seq = ?");
        change.run(readRow(db, seq).hash, seq);
      }
    },
  },
  {
    name: 'a signature is damaged',
    kind: 'bad-signature',
    seq: 20,
    work: (db) => db.exec("UPDATE checkpoints SET signature = 'AAAA' || substr(signature, 5) WHERE seq = 20"),
  },
  {
    name: 'the store is given another identity',
    kind: 'bad-signature',
    seq: 10,
    work: (db) => db.exec("UPDATE store SET value = 'other' WHERE key = 'id'"),
  },
  {
    name: 'the keys are removed',
    kind: 'bad-signature',
    seq: 10,
    work: (db) => db.exec('DELETE FROM keys'),
  },
  {
    name: 'a record is hidden from searches through its columns',
    kind: 'edited',
    seq: 12,
    work(db) {
      db.exec(
        "INSERT INTO shapes SELECT 99, type, device, 'other', endpoint, family, rule, verdict, risk, actor, tables FROM shapes LIMIT 1",
      );
      db.exec('UPDATE records SET shape = 99 WHERE seq = 12');
    },
  },
  {
    name: 'the time column of a record is moved',
    kind: 'edited',
    seq: 12,
    work: (db) => db.exec('UPDATE records SET time_ms = time_ms - 86400000 WHERE seq = 12'),
  },
  {
    name: 'a batch is told to be of another time, so that a search by time passes it',
    kind: 'edited',
    seq: 11,
    work: (db) => db.exec('UPDATE batches SET first_ms = 0, last_ms = 0 WHERE first_seq = 11'),
  },
  {
    name: 'a batch is gone from the list that a search goes by',
    kind: 'edited',
    seq: 11,
    work: (db) => db.exec('DELETE FROM batches WHERE first_seq = 11'),
  },
  {
    name: 'a record is put before the first one, where no chain leads and every search looks',
    kind: 'edited',
    seq: -3,
    work: (db) =>
      db.exec(`INSERT INTO records SELECT -3, time_ms, action_id, shape, body, prev, hash FROM records WHERE seq = 12;
        INSERT INTO batches SELECT -3, -3, first_ms, last_ms FROM batches WHERE first_seq = 11;
        INSERT INTO batch_shapes SELECT shape, -3 FROM batch_shapes WHERE first_seq = 11`),
  },
  {
    name: 'an index is made without a batch, so that a search by time passes it',
    kind: 'edited',
    seq: 0,
    work(db) {
      const [whole, part] = ['(last_ms, first_ms)', '(last_ms, first_ms) WHERE first_seq <> 11'];
      db.exec(`DROP INDEX batches_time; CREATE INDEX batches_time ON batches ${part}`);
      db.unsafeMode(true);
      db.pragma('writable_schema = ON');
      db.exec(`UPDATE sqlite_master SET sql = replace(sql, '${part}', '${whole}') WHERE name = 'batches_time'`);
    },
  },
  {
    name: 'a trigger that keeps checkpoints out has a name as if it were the database’s own',
    kind: 'edited',
    seq: 0,
    work: (db) => db.exec('CREATE TRIGGER sqlites BEFORE INSERT ON checkpoints BEGIN SELECT RAISE(IGNORE); END'),
  },
  {
    name: 'a trigger is dropped',
    kind: 'edited',
    seq: 0,
    // The triggers are put back after this, so one is replaced by a harmless one of its name.
    work: (db) => db.exec('CREATE TRIGGER extra BEFORE INSERT ON records BEGIN SELECT 1; END'),
  },
];

test('verify accepts what was written', async (t) => {
  const { path, publish } = await makeStore(t);
  for (const checkpointsFile of [null, publish]) {
    assert.deepEqual(await verifyStore({ path, checkpointsFile }), {
      ok: true,
      records: 30,
      from: 1,
      to: 30,
      checkpoints: 3,
      first_bad: null,
      notes: [],
    });
  }
});

for (const tampering of TAMPERINGS) {
  test(`AU-01: verify notices that ${tampering.name}`, async (t) => {
    const { path, publish } = await makeStore(t);
    tamper(path, (db) => tampering.work(db));
    const alone = await verifyStore({ path });
    const published = await verifyStore({ path, checkpointsFile: publish });
    const expected = [tampering.seq, tampering.kind];
    if (tampering.published === true) {
      assert.equal(alone.ok, true, 'without the published file nobody can tell');
      assert.deepEqual([published.first_bad?.seq, published.first_bad?.kind], expected);
    } else {
      assert.deepEqual([alone.first_bad?.seq, alone.first_bad?.kind], expected, alone.first_bad?.detail);
      assert.equal(published.ok, false);
    }
  });
}

async function check(made: { readonly path: string }, options: Partial<VerifyOptions>): Promise<string> {
  const report = await verifyStore({ path: made.path, ...options });
  const bad = report.first_bad;
  return bad === null ? `ok ${report.from}..${report.to}` : `${bad.seq} ${bad.kind}`;
}

test('a dropped trigger is noticed even when no record was touched', async (t) => {
  const made = await makeStore(t);
  tamper(made.path, (db) => db.exec('DROP TRIGGER records_no_update'), { keepTriggers: true });
  const report = await verifyStore({ path: made.path });
  assert.deepEqual(report.first_bad, {
    seq: 0,
    kind: 'edited',
    detail: 'the trigger records_no_update is missing in the store',
  });
});

/** A store with an approval that was asked for and given, and a grant that came of it and was used once. */
async function makeDecided(cleanUp: CleanUp): Promise<TestLog> {
  const made = await openLog(cleanUp);
  const approval = (state: string): object => ({ id: 'approval-1', state, createdMs: 1, summary: 'DELETE FROM logs' });
  const grant = (uses: number, state = 'active'): object => ({ id: 'grant-1', state, uses, limit: 2 });
  const events = [
    createEvent({ type: 'approval.created', data: { approval: approval('pending') } }),
    createEvent({ type: 'approval.approved', data: { approval: approval('approved'), grants: [grant(0)] } }),
    createEvent({ type: 'approval.approved', data: { grants: [grant(1)] } }),
    createEvent(),
  ];
  for (const event of events) {
    await write(made.log, [event]);
  }
  await made.log.close();
  return made;
}

/** `atStart`: it is of an open approval or grant, or of the log's end, and so a start of the gateway looks at it. */
const LISTS: readonly {
  readonly name: string;
  readonly seq: number;
  readonly sql: string;
  readonly atStart?: boolean;
}[] = [
  {
    name: 'an approval is shown as another',
    seq: 2,
    sql: "UPDATE approvals SET body = replace(body, 'DELETE FROM logs', 'DELETE FROM tmp')",
  },
  { name: 'an approval is shown as denied', seq: 2, sql: "UPDATE approvals SET state = 'denied'" },
  { name: 'an approval is hidden', seq: 1, sql: 'DELETE FROM approvals' },
  {
    name: 'an approval is put back to when it was asked for',
    seq: 2,
    sql: `UPDATE approvals SET seq = 1, state = 'pending', body = replace(body, '"approved"', '"pending"')`,
  },
  {
    name: 'an approval that never was is listed',
    seq: 4,
    atStart: true,
    sql: "INSERT INTO approvals SELECT 'approval-2', state, created_ms, 4, replace(body, 'approval-1', 'approval-2') FROM approvals",
  },
  {
    name: 'a grant gets its use back',
    seq: 3,
    sql: `UPDATE grants SET seq = 2, uses = 0, body = replace(body, '"uses":1', '"uses":0')`,
  },
  {
    name: 'a grant that nobody gave is listed',
    seq: 99,
    atStart: true,
    sql: "INSERT INTO grants SELECT 'grant-2', state, uses, 99, replace(body, 'grant-1', 'grant-2') FROM grants",
  },
  {
    name: 'a grant may be used more often',
    seq: 3,
    atStart: true,
    sql: `UPDATE grants SET body = replace(body, '"limit":2', '"limit":99')`,
  },
];

for (const { name, seq, sql, atStart = false } of LISTS) {
  test(`verify notices that ${name}, though no record was touched`, async (t) => {
    const made = await makeDecided(t);
    assert.equal(await check(made, {}), 'ok 1..4');
    tamper(made.path, (db) => db.exec(sql));
    assert.equal(await check(made, {}), `${seq} edited`);
    const again = await made.reopen();
    assert.deepEqual(
      { atStart: again.log.finding !== null, asked: (await again.log.verify({ from: null, to: null })).ok },
      { atStart, asked: false },
    );
  });
}

test('whoever gives a key or published checkpoints is told when nothing there is held against them', async (t) => {
  const made = await makeStore(t);
  const [right, empty] = [join(made.folder, 'right.pub'), join(made.folder, 'empty.jsonl')];
  writeFileSync(right, made.key.publicPem);
  writeFileSync(empty, '');
  await assert.rejects(verifyStore({ path: made.path, checkpointsFile: empty }), /holds no published checkpoint/);
  assert.equal(
    await check(made, { publicKeyFile: right, from: 2, to: 4 }),
    'ok 2..4',
    'a part that holds no checkpoint',
  );
  tamper(made.path, (db) => {
    rehash(db, 2, (body) => body.replace('"summary":"record 2', '"summary":"rekord 2'));
    db.exec('DELETE FROM checkpoints');
  });
  const alone = await verifyStore({ path: made.path });
  assert.deepEqual(alone.notes, [
    'records 1 to 30 come after the last signed checkpoint: whoever can write the file could cut them off or write them anew',
  ]);
  assert.equal(await check(made, { publicKeyFile: right }), '1 bad-signature');
});

test('a range is verified by itself', async (t) => {
  const made = await makeStore(t);
  assert.equal(await check(made, { from: 5, to: 25 }), 'ok 5..25');
  assert.equal(await check(made, { from: 30 }), 'ok 30..30');
  tamper(made.path, (db) => putRow(db, { ...readRow(db, 12), body: editSummary(readRow(db, 12).body) }));
  assert.equal(await check(made, { from: 13 }), 'ok 13..30');
  assert.equal(await check(made, { from: 12, to: 12 }), '12 edited');
  assert.equal(await check(made, { to: 11 }), 'ok 1..11');
});

test('a key from outside must have signed, so that a store re-signed with another key is noticed', async (t) => {
  const made = await makeStore(t);
  const right = join(made.folder, 'right.pub');
  writeFileSync(right, made.key.publicPem);
  assert.equal(await check(made, { publicKeyFile: right }), 'ok 1..30');

  const thief = loadCheckpointKey({ stateDir: temporaryFolder(t), storeKey: Buffer.alloc(32, 2), configured: null });
  tamper(made.path, (db) => {
    rehash(db, 15, editSummary);
    db.prepare('INSERT INTO keys (id, public_key, since_seq, added) VALUES (?, ?, 1, ?)').run(
      thief.id,
      thief.publicPem,
      '',
    );
    const store = db.prepare<[], string>("SELECT value FROM store WHERE key = 'id'").pluck().get() ?? '';
    for (const seq of [20, 30]) {
      const point = { store, seq, head: readRow(db, seq).hash, time: '2026-01-01T00:00:00.000Z', key: thief.id };
      const { body, signature } = signCheckpoint(thief.privateKey, point);
      db.prepare('UPDATE checkpoints SET body = ?, signature = ? WHERE seq = ?').run(body, signature, seq);
    }
  });
  const believed = await verifyStore({ path: made.path });
  assert.equal(believed.ok, true, 'the store alone lists the thief as a key of its own');
  assert.match(believed.notes.join('\n'), /signing key changed at record 20/);
  assert.equal(await check(made, { publicKeyFile: right }), '20 bad-signature');
});

test('AU-10: a lost or changed key leaves old records verifiable, and the change is told', async (t) => {
  const made = await makeStore(t);
  const key = loadCheckpointKey({ stateDir: temporaryFolder(t), storeKey: Buffer.alloc(32, 3), configured: null });
  const again = await openLog(t, { key }, made.folder);
  assert.equal(again.log.finding, null);
  await write(again.log, [createEvent()]);
  await again.log.close();
  const report = await verifyStore({ path: made.path });
  assert.equal(report.ok, true);
  assert.equal(report.checkpoints, 4);
  assert.match(report.notes.join('\n'), /signing key changed at record 31/);
  const newer = join(made.folder, 'newer.pub');
  writeFileSync(newer, key.publicPem);
  assert.equal(await check(made, { publicKeyFile: newer }), 'ok 1..31');
});

test('another store in the place of this one is noticed through the published checkpoints', async (t) => {
  const publish = join(temporaryFolder(t), 'published.jsonl');
  const checkpoint = { everyMs: 60_000, records: 10, publish };
  const first = await openLog(t, { checkpoint });
  await write(first.log, [createEvent()]);
  await first.log.close();
  const second = await openLog(t);
  await write(second.log, [createEvent()]);
  await second.log.close();
  assert.equal(await check(second, { checkpointsFile: publish }), '0 truncated');
  assert.equal(await check(first, { checkpointsFile: publish }), 'ok 1..1');
});

test('a damaged database file is a finding, and what is no store at all is an error', async (t) => {
  const made = await makeStore(t);
  const copy = join(made.folder, 'cut.db');
  copyFileSync(made.path, copy);
  truncateSync(copy, 8192);
  await assert.rejects(
    verifyStore({ path: copy })
      .then((report) => assert.equal(report.first_bad?.kind, 'unreadable'))
      .then(() => {
        throw new Error('noticed');
      }),
  );
  await assert.rejects(verifyStore({ path: join(made.folder, 'nothing') }), /cannot read/);
  writeFileSync(copy, 'hello\n');
  assert.equal((await verifyStore({ path: copy })).first_bad?.kind, 'unreadable');
  await assert.rejects(verifyStore({ path: made.path, publicKeyFile: copy }), /not a public key/);
  await assert.rejects(verifyStore({ path: made.path, checkpointsFile: join(made.folder, 'no') }), /cannot verify/);
});
