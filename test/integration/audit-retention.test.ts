// Segments leave the store only as complete archives and signed stubs; exports and bundles verify without the store.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Database as SqliteDatabase } from '../../src/audit/sqlite-library.ts';
import type { ExportFormat } from '../../src/audit/export.ts';
import type { AuditFilter } from '../../src/audit/event.ts';
import type { AuditLogParts, SqliteAuditLog } from '../../src/audit/sqlite.ts';
import { verifyStore } from '../../src/audit/verify.ts';
import { createEvent, openLog, tamper, write } from '../audit/parts.ts';
import type { TestLog } from '../audit/parts.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

const HOUR_MS = 3_600_000;

/** A log that keeps a day in hourly segments, with the archive in a folder of its own. */
async function openShort(cleanUp: CleanUp, parts: Partial<AuditLogParts> = {}): Promise<TestLog & { archive: string }> {
  const archive = join(temporaryFolder(cleanUp), 'archive');
  const retention = (): ReturnType<AuditLogParts['retention']> => ({
    retentionMs: 24 * HOUR_MS,
    segmentMs: HOUR_MS,
    archiveDir: archive,
  });
  return { ...(await openLog(cleanUp, { retention, ...parts })), archive };
}

/** `count` records, and then some hours go by. */
async function writeOld(made: TestLog, hours: number, count: number): Promise<void> {
  const timeMs = made.clock.now();
  const events = Array.from({ length: count }, (_, index) => createEvent({ timeMs, summary: `old ${hours} ${index}` }));
  await write(made.log, events);
  made.clock.offsetMs += hours * HOUR_MS;
}

function counts(path: string): { records: number; segments: Record<string, number> } {
  const db = new SqliteDatabase(path, { readonly: true });
  const records = db.prepare<[], number>('SELECT count(*) FROM records').pluck().get() ?? 0;
  const rows = db
    .prepare<[], { state: string; n: number }>('SELECT state, count(*) AS n FROM segments GROUP BY state')
    .all();
  db.close();
  return { records, segments: Object.fromEntries(rows.map(({ state, n }) => [state, n])) };
}

async function textOf(log: SqliteAuditLog, filter: AuditFilter, format: ExportFormat): Promise<string> {
  let text = '';
  for await (const piece of log.export(filter, format)) {
    text += piece;
  }
  return text;
}

test('a segment that is older than the retention becomes an archive file and a signed stub', async (t) => {
  const made = await openShort(t);
  await writeOld(made, 48, 1200);
  await made.log.maintain();
  await made.log.flush();
  const [file] = readdirSync(made.archive);
  assert.ok(file !== undefined);
  assert.equal(statSync(join(made.archive, file)).mode & 0o777, 0o600);
  // What is left are the records that tell of it.
  assert.deepEqual(counts(made.path), { records: 2, segments: { stub: 1 } });
  const { items } = await made.log.search({ types: ['audit.sealed'] }, { limit: 10, cursor: null, newestFirst: false });
  assert.deepEqual(
    items.map(({ seq, data }) => [seq, data?.['state'], data?.['first'], data?.['last']]),
    [
      [1201, 'sealed', 1, 1200],
      [1202, 'archived', 1, 1200],
    ],
  );
  assert.equal(items[0]?.prev, items[0]?.prev.toLowerCase());

  assert.equal((await made.log.verify({ from: null, to: null })).ok, true);
  const archived = await verifyStore({ path: made.archive });
  assert.deepEqual({ ok: archived.ok, from: archived.from, to: archived.to }, { ok: true, from: 1, to: 1200 });

  await writeOld(made, 30, 10);
  await made.log.maintain();
  const again = await made.reopen();
  assert.equal(again.log.finding, null);
  await write(again.log, [createEvent()]);
  assert.equal((await again.log.verify({ from: null, to: null })).ok, true);
  const both = await verifyStore({ path: made.archive });
  assert.deepEqual({ ok: both.ok, from: both.from, to: both.to }, { ok: true, from: 1, to: 1212 });
});

test('LC-03: retention 0 keeps everything, and segments that are too young stay whole', async (t) => {
  const forever = await openLog(t);
  await writeOld(forever, 10_000, 20);
  await forever.log.maintain();
  assert.deepEqual(counts(forever.path), { records: 21, segments: { sealed: 1 } });

  const short = await openShort(t);
  await writeOld(short, 20, 20);
  await short.log.maintain();
  assert.deepEqual(counts(short.path), { records: 21, segments: { sealed: 1 } });
  assert.equal(short.log.archiveProblem, null);
});

test('LC-03: an archive that cannot be written deletes nothing and says so until it can', async (t) => {
  const made = await openShort(t);
  await made.log.maintain();
  rmSync(made.archive, { recursive: true });
  writeFileSync(made.archive, 'in the way');
  await writeOld(made, 48, 20);
  await made.log.maintain();
  assert.match(made.log.archiveProblem ?? '', /the archive .* cannot be written/);
  assert.deepEqual(counts(made.path), { records: 21, segments: { sealed: 1 } });
  rmSync(made.archive);
  await made.log.maintain();
  assert.equal(made.log.archiveProblem, null);
  assert.deepEqual(counts(made.path), { records: 2, segments: { stub: 1 } });
});

test('LC-03: a segment that does not verify is not taken out of the store', async (t) => {
  const made = await openShort(t);
  await writeOld(made, 48, 20);
  tamper(made.path, (db) => db.exec("UPDATE records SET body = replace(body, 'old 48 7', 'old 48 8') WHERE seq = 8"));
  await made.log.maintain();
  assert.match(made.log.archiveProblem ?? '', /edited at 8/);
  assert.equal(counts(made.path).records, 21);
});

const STUB_TAMPERINGS: readonly { readonly name: string; readonly sql: string; readonly found: string }[] = [
  { name: 'edited', sql: "UPDATE segments SET stub = json_set(stub, '$.head', 'x')", found: '1 bad-signature' },
  { name: 'removed', sql: 'DELETE FROM segments', found: '1 deleted' },
  {
    name: 'stretched',
    sql: 'DELETE FROM records WHERE seq <= 22; UPDATE segments SET last_seq = 22',
    found: '21 deleted',
  },
];

for (const { name, sql, found } of STUB_TAMPERINGS) {
  test(`a stub that was ${name} is noticed`, async (t) => {
    const made = await openShort(t);
    await writeOld(made, 48, 20);
    await made.log.maintain();
    await write(made.log, [createEvent(), createEvent()]);
    await made.log.close();
    assert.equal((await verifyStore({ path: made.path })).ok, true);
    tamper(made.path, (db) => db.exec(sql));
    const { first_bad: bad } = await verifyStore({ path: made.path });
    assert.equal(`${bad?.seq} ${bad?.kind}`, found);
  });
}

test('decided approvals go with their records, and records keep their numbers', async (t) => {
  const made = await openShort(t);
  const approval = (id: string, state: string): Record<string, unknown> => ({ id, state, createdMs: 5 });
  await write(made.log, [
    createEvent({ type: 'approval.created', data: { approval: approval('aaaaaaaa-1', 'pending') } }),
    createEvent({ type: 'approval.denied', data: { approval: approval('bbbbbbbb-2', 'denied') } }),
  ]);
  made.clock.offsetMs += 48 * HOUR_MS;
  await made.log.maintain();
  assert.equal((await made.log.getApproval('aaaaaaaa'))?.id, 'aaaaaaaa-1');
  assert.equal(await made.log.getApproval('bbbbbbbb'), null);
  assert.equal(made.log.metrics().headSeq, 4);
});

test('an archive file that was changed, cut, taken away or reordered is noticed', async (t) => {
  const made = await openShort(t);
  for (const hours of [48, 60, 72]) {
    await writeOld(made, hours, 20);
    await made.log.maintain();
  }
  const names = readdirSync(made.archive).toSorted();
  assert.equal(names.length, 3);
  const [, second = ''] = names;
  const path = join(made.archive, second);
  const whole = readFileSync(path);
  const lines = gunzipSync(whole).toString('utf8').split('\n');
  const at = lines.findIndex((line) => line.startsWith('{"seq":25,'));
  const check = async (content: readonly string[] | Buffer | null): Promise<string> => {
    if (content === null) {
      rmSync(path);
    } else {
      writeFileSync(path, Buffer.isBuffer(content) ? content : gzipSync(content.join('\n')));
    }
    const { ok, first_bad: bad } = await verifyStore({ path: made.archive });
    return ok ? 'ok' : `${bad?.seq} ${bad?.kind}`;
  };
  const swapped = [...lines];
  [swapped[at], swapped[at + 1]] = [lines[at + 1] ?? '', lines[at] ?? ''];
  assert.equal(await check(lines), 'ok');
  assert.equal(
    await check(lines.map((line, index) => (index === at ? line.replace('old 60', 'new 60') : line))),
    '25 edited',
  );
  assert.equal(await check(lines.filter((_line, index) => index !== at)), '25 deleted');
  assert.equal(await check(swapped), '25 reordered');
  assert.equal(await check(lines.slice(0, at)), '25 truncated');
  assert.equal(await check(whole.subarray(0, whole.length - 40)), '43 unreadable');
  assert.equal(await check(Buffer.from('nothing')), '21 unreadable');
  assert.equal(await check(null), '21 deleted');
  assert.equal(await check(whole), 'ok');
});

test('a bundle verifies without the store, and no longer when a line of it was changed', async (t) => {
  const made = await openLog(t, {});
  await write(
    made.log,
    Array.from({ length: 30 }, (_, index) => createEvent({ rule: index >= 10 && index < 20 ? 'x' : 'y' })),
  );
  const text = await textOf(made.log, { rule: 'x' }, 'bundle');
  const path = join(temporaryFolder(t), 'bundle.jsonl');
  const check = async (content: string): Promise<string> => {
    writeFileSync(path, content);
    const { ok, from, to, checkpoints, first_bad: bad } = await verifyStore({ path });
    return ok ? `${from}..${to} ${checkpoints}` : `${bad?.seq} ${bad?.kind}`;
  };
  // From the first match to the signature that covers the last.
  assert.equal(await check(text), '11..30 1');
  assert.equal(await check(text.replace('"rule":"x"', '"rule":"z"')), '11 edited');
  assert.equal(await check(text.split('\n').slice(0, -3).join('\n')), '30 truncated');
  assert.equal(
    await check(text.replace(/"signature":"(.)/, (_, first) => `"signature":"${first === 'A' ? 'B' : 'A'}`)),
    '30 bad-signature',
  );
  assert.equal(await check(text.replace(/\{"kind":"key".*\n/, '')), '30 bad-signature');
  assert.equal(await textOf(made.log, { rule: 'nothing' }, 'bundle'), '');
});

test('AU-08: an export holds one record a line, whatever agents wrote, and CSV is no formula', async (t) => {
  const made = await openLog(t);
  await write(made.log, [
    createEvent({ summary: '=HYPERLINK("http://x")\r\nnext,line', rule: '@rule', reason: '\u202Eevil' }),
    createEvent({ rule: 'other' }),
  ]);
  const csv = await textOf(made.log, {}, 'csv');
  const lines = csv.split('\r\n');
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? '', /^seq,time,type,verdict/);
  assert.match(lines[1] ?? '', /"'=HYPERLINK\(""http:\/\/x""\)\\u\{d\}\\u\{a\}next,line"/);
  assert.match(lines[1] ?? '', /,'@rule,/);
  assert.match(lines[1] ?? '', /\\u\{202e\}evil/);
  const jsonl = (await textOf(made.log, { rule: 'other' }, 'jsonl')).trimEnd().split('\n');
  assert.equal(jsonl.length, 1);
  const record = JSON.parse(jsonl[0] ?? '');
  assert.deepEqual([record.seq, record.rule, record.device, record.outcome.kind], [2, 'other', 'listener/pg', 'ok']);
});

test('an archive folder without archives, and a folder that is not there, are errors', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'empty'));
  await assert.rejects(verifyStore({ path: join(folder, 'empty') }), /no archived segment/);
  await assert.rejects(verifyStore({ path: join(folder, 'gone') }), /cannot read/);
});
