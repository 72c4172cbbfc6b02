// audit tail, search, show, verify, export.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditQuery, ControlClient } from '../../src/client/control-client.ts';
import type { AuditFilterJson, ChainJson, RecordJson, VerifyJson } from '../../src/client/control-shapes.ts';
import type { SignalName } from '../../src/cli/io.ts';
import { createEvent, openLog, tamper, write } from '../audit/parts.ts';
import { runVerb } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';

function record(seq: number, parts: Partial<RecordJson> = {}): RecordJson {
  return {
    seq,
    time: '2026-11-22T10:00:00.000Z',
    type: 'action.decided',
    action_id: '019a0000-0000-7000-8000-00000000000a',
    session: 's1',
    device: 'listener/shop',
    profile: 'responder',
    run: null,
    user: null,
    agent_ip: '127.0.0.1',
    transport: 'direct',
    endpoint: 'postgres.shop',
    family: 'sql',
    facts: { sql: { verb: 'select' } },
    risk: 'safe',
    verdict: 'allow',
    rule: null,
    approvers: [],
    by: 'risk',
    reason: null,
    summary: 'SELECT 1',
    text: 'SELECT 1',
    text_complete: true,
    digest: 'cd'.repeat(32),
    outcome: { rows: 1 },
    data: null,
    prev: '0'.repeat(64),
    hash: '1'.repeat(64),
    ...parts,
  };
}

const ROW = (seq: number): string =>
  `2026-11-22T10:00:00.000Z\t${seq}\tallow\tsafe\tlistener/shop\tpostgres.shop\t-\tSELECT 1\n`;

const LEAF = { id: null, at: '2026-11-22T10:00:05.000Z', words: '', whose: null, tone: null, children: [] } as const;

const CHAIN: ChainJson = {
  subject: 'incident',
  id: 'PINC1',
  incident: null,
  agents: 1,
  actions: 1,
  cut: true,
  from: null,
  to: null,
  tree: [
    {
      ...LEAF,
      kind: 'incident',
      id: 'PINC1',
      at: '2026-11-22T10:00:00.000Z',
      text: 'incident PINC1 of pagerduty.oncall, open',
      words: 'checkout is slow\u001b[2J\u202e',
      whose: 'outsiders',
      children: [
        {
          ...LEAF,
          kind: 'action',
          id: 'a-1',
          text: 'destructive action on postgres.pg',
          words: `DELETE FROM t\n${'long '.repeat(40)}`,
          whose: 'agent',
          children: [{ ...LEAF, kind: 'outcome', text: 'outcome: ok, 3 rows', tone: 'good' }],
        },
      ],
    },
  ],
};

interface Fake {
  readonly audit: ControlClient['audit'];
  readonly seen: unknown[];
}

function gateway(changed: Partial<ControlClient['audit']> = {}): Fake {
  const seen: unknown[] = [];
  return {
    seen,
    audit: {
      search: (query?: AuditQuery) => {
        seen.push(query);
        return Promise.resolve({ items: [record(3), record(2)], next: 'c2' });
      },
      // oxlint-disable-next-line typescript/require-await -- a stream that is ready at once
      async *follow(filter: AuditFilterJson) {
        seen.push({ follow: filter });
        yield record(3);
        yield record(4);
      },
      show: () =>
        Promise.resolve({ items: [record(2), record(5, { type: 'action.settled', text: null })], next: null }),
      chain: () => Promise.resolve(CHAIN),
      verify: () =>
        Promise.resolve({ ok: true, records: 9, from: 1, to: 9, checkpoints: 2, first_bad: null, notes: [] }),
      // oxlint-disable-next-line typescript/require-await -- a stream that is ready at once
      async *export(filter, options) {
        seen.push({ ...filter, ...options });
        yield Buffer.from('{"seq":1}\n');
        yield Buffer.from('{"seq":2}\n');
      },
      ...changed,
    },
  };
}

test('search passes every filter on, prints lines, and tells where to go on', async () => {
  const { audit, seen } = gateway();
  const flags = 'since until device profile endpoint family rule verdict risk by table action text types'.split(' ');
  const fixed: Readonly<Record<string, string>> = { family: 'k8s', verdict: 'approve', risk: 'safe' };
  const given = flags.map((name) => [name, fixed[name] ?? `${name}!`] as const);
  const args = given.flatMap(([name, value]) => [`--${name}`, value]);
  const { code, stdout, stderr } = await runVerb(['audit', 'search', ...args, '--limit', '2'], { client: { audit } });
  assert.deepEqual([code, stdout, stderr], [0, ROW(3) + ROW(2), 'more: --cursor c2\n']);
  assert.deepEqual(seen, [{ ...Object.fromEntries(given), limit: 2 }]);
});

test('a misspelt word of a filter is told, instead of finding nothing', async () => {
  const cases: readonly [string[], RegExp][] = [
    [['search', '--verdict', 'denied'], /--verdict takes allow, deny, approve, not "denied"/],
    [['tail', '--risk', 'safee'], /--risk takes safe, suspicious, destructive, not "safee"/],
    [['export', '--family', 'postgres'], /--family takes sql, http, k8s, ssh, not "postgres"/],
    [['tail', '-n', 'few'], /: -n takes a whole number from 0 to 1000, not "few"/],
  ];
  for (const [args, said] of cases) {
    const { audit, seen } = gateway();
    const { code, stderr } = await runVerb(['audit', ...args], { client: { audit } });
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, said);
    assert.deepEqual(seen, []);
  }
});

test('search that finds nothing exits 1', async () => {
  const { audit } = gateway({ search: () => Promise.resolve({ items: [], next: null }) });
  assert.equal((await runVerb(['audit', 'search'], { client: { audit } })).code, 1);
});

test('tail prints the newest in order of time, and -f goes on without repeating', async () => {
  const { audit, seen } = gateway();
  assert.equal((await runVerb(['audit', 'tail', '-n', '2'], { client: { audit } })).stdout, ROW(2) + ROW(3));
  assert.deepEqual(seen, [{ limit: 2, order: 'newest' }]);
  const followed = await runVerb(['audit', 'tail', '-f', '--verdict', 'allow'], { client: { audit } });
  assert.equal(followed.stdout, ROW(2) + ROW(3) + ROW(4));
  const asJson = await runVerb(['audit', 'tail', '-f', '--json'], { client: { audit } });
  const seqs = asJson.stdout
    .trim()
    .split('\n')
    .map((line) => Number(/"seq":(\d+)/.exec(line)?.[1]));
  assert.deepEqual(seqs, [2, 3, 4]);
});

test('tail -f ends with 0 when it is interrupted', async () => {
  const signals = new Map<SignalName, () => void>();
  const { audit } = gateway({
    async *follow(_filter, signal) {
      yield record(4);
      queueMicrotask(() => signals.get('SIGINT')?.());
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  });
  const { code, stdout } = await runVerb(['audit', 'tail', '-f'], { client: { audit }, signals });
  assert.deepEqual([code, stdout], [0, ROW(2) + ROW(3) + ROW(4)]);
  assert.equal(signals.size, 0);
});

test('show prints every record of an action, text and facts with it', async () => {
  const { audit } = gateway();
  const { code, stdout } = await runVerb(['audit', 'show', '019a0000'], { client: { audit } });
  assert.equal(code, 0);
  assert.match(stdout, /^record +2 action\.decided$[\s\S]*^ {2}\| SELECT 1$[\s\S]*^record +5 action\.settled$/m);
  assert.match(stdout, /^ {2}sql\.verb +"select"$/m);
});

test('AP-04: chain is an indented tree of at most 80 columns, in which what others wrote is escaped and named as theirs', async () => {
  const { audit } = gateway();
  const { code, stdout, stderr } = await runVerb(['audit', 'chain', 'PINC1'], { client: { audit } });
  assert.equal(code, 0);
  const lines = stdout.split('\n');
  assert.deepEqual(lines.slice(0, 4), [
    '2026-11-22T10:00:00.000Z incident PINC1 of pagerduty.oncall, open',
    '  | outsiders wrote: checkout is slow\\u{1b}[2J\\u{202e}',
    '  10:00:05 destructive action on postgres.pg a-1',
    '    | the agent’s words: DELETE FROM t',
  ]);
  assert.ok(lines.length > 6 && lines.every((line) => line.length <= 80), stdout);
  assert.equal(lines.at(-2), '    10:00:05 outcome: ok, 3 rows');
  assert.match(stderr, /there is more/);
  const whole = await runVerb(['audit', 'chain', 'PINC1', '--json'], { client: { audit } });
  assert.deepEqual(whole.json(), CHAIN);
});

test('verify says ok with counts, or the first bad record with its kind', async () => {
  const good = await runVerb(['audit', 'verify'], { client: { audit: gateway().audit } });
  assert.deepEqual([good.code, good.stdout], [0, 'ok: 9 record(s), seq 1..9, 2 checkpoint(s)\n']);
  const answer: VerifyJson = {
    ok: false,
    records: 9,
    from: 1,
    to: 9,
    checkpoints: 2,
    first_bad: { seq: 4, kind: 'edited', detail: 'hash differs' },
    notes: [],
  };
  const { audit } = gateway({ verify: () => Promise.resolve(answer) });
  const bad = await runVerb(['audit', 'verify'], { client: { audit } });
  assert.deepEqual([bad.code, bad.stdout], [1, 'seq 4: edited: hash differs\n']);
  assert.deepEqual((await runVerb(['audit', 'verify', '--json'], { client: { audit } })).json(), answer);
});

test('export writes to stdout, or to a file that only its owner can read', async (t) => {
  const { audit, seen } = gateway();
  const piped = await runVerb(['audit', 'export', '--verdict', 'deny', '--bundle'], { client: { audit } });
  assert.deepEqual([piped.code, piped.stdout], [0, '{"seq":1}\n{"seq":2}\n']);
  assert.deepEqual(seen, [{ verdict: 'deny', format: 'jsonl', bundle: true }]);
  const path = join(temporaryFolder(t), 'export.jsonl');
  assert.equal((await runVerb(['audit', 'export', '--out', path], { client: { audit } })).code, 0);
  assert.equal(readFileSync(path, 'utf8'), '{"seq":1}\n{"seq":2}\n');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const nowhere = await runVerb(['audit', 'export', '--out', join(path, 'x')], { client: { audit } });
  assert.equal(nowhere.code, 2);
  assert.equal(nowhere.stderr, `clawpatrol: cannot write ${join(path, 'x')}: a part of the path is no directory\n`);
  assert.equal((await runVerb(['audit', 'export', '--format', 'xml'], { client: { audit } })).code, 2);
  assert.equal((await runVerb(['audit', 'export', '--format', 'csv', '--bundle'], { client: { audit } })).code, 2);
});

test('verify --store reads a database without a gateway, and says which record was edited', async (t) => {
  const { log, path } = await openLog(t);
  await write(log, [
    createEvent({ summary: 'one' }),
    createEvent({ summary: 'two' }),
    createEvent({ summary: 'three' }),
  ]);
  await log.close();
  const good = await runVerb(['audit', 'verify', '--store', path]);
  assert.equal(good.code, 0);
  assert.match(good.stdout, /^ok: 3 record\(s\), seq 1\.\.3, \d+ checkpoint\(s\)\n$/);
  tamper(path, (db) => db.exec("UPDATE records SET body = replace(body, 'two', 'TWO')"));
  const bad = await runVerb(['audit', 'verify', '--store', path]);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^seq 2: edited: /);
  const asJson = Object((await runVerb(['audit', 'verify', '--store', path, '--json'])).json());
  assert.deepEqual([asJson.ok, asJson.first_bad.seq, asJson.first_bad.kind], [false, 2, 'edited']);
});

test('verify of what cannot be read, and flags that go with files only, exit 2', async () => {
  for (const args of [
    ['--store', '/nonexistent.db'],
    ['--store', '/a', '--archive', '/b'],
    ['--public-key', '/nonexistent.pem'],
    ['--from', 'x'],
    ['--from', '5', '--to', '3'],
    ['--store', '/a', '--from', '5', '--to', '3'],
  ]) {
    assert.equal((await runVerb(['audit', 'verify', ...args])).code, 2, args.join(' '));
  }
});

test('what came from an address that is no device’s says from which', async () => {
  const items = [
    record(5, { type: 'connection.refused', verdict: null, device: null, profile: null, agent_ip: '10.66.0.9' }),
    record(6, { device: 'laptop', agent_ip: '10.66.0.2' }),
    record(7, { type: 'operator.acted', verdict: null, device: null, agent_ip: null }),
  ];
  const { audit } = gateway({ search: () => Promise.resolve({ items, next: null }) });
  const { stdout } = await runVerb(['audit', 'search'], { client: { audit } });
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split('\t')[4]),
    ['from 10.66.0.9', 'laptop', '-'],
  );
});

test('records about something else than a decision say what they are about', async () => {
  const approval = { id: 'a1', state: 'approved', ended: '', effect: { lines: ['exact rows now: 3'] } };
  const votes = [{ by: 'local', decision: 'approve', note: 'fine' }];
  const items = [
    record(5, { type: 'action.settled', verdict: null, outcome: { kind: 'ok', status: 'DELETE 3', error_code: '' } }),
    record(6, { type: 'operator.acted', verdict: null, summary: null, by: 'local', data: { call: 'approvals.list' } }),
    record(7, { type: 'approval.approved', verdict: 'approve', data: { approval: { ...approval, votes } } }),
  ];
  const { audit } = gateway({
    search: () => Promise.resolve({ items, next: null }),
    show: () => Promise.resolve({ items, next: null }),
  });
  const rows = (await runVerb(['audit', 'search'], { client: { audit } })).stdout
    .split('\n')
    .map((row) => row.split('\t'));
  assert.deepEqual(
    rows.slice(0, 3).map((cells) => [cells[2], cells[7]]),
    [
      ['action.settled', 'ok DELETE 3'],
      ['operator.acted', 'local call=approvals.list'],
      ['approval.approved', 'SELECT 1'],
    ],
  );
  const { stdout } = await runVerb(['audit', 'show', 'x'], { client: { audit } });
  assert.match(stdout, /^approval +a1 approved\neffect +exact rows now: 3\nvotes +local: approve \(fine\)$/m);
});
