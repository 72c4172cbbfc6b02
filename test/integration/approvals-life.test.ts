// What becomes of requests that wait while something else happens: two people press at once, the policy changes, what they were for goes
// away, the clock jumps, the disk is full. Exactly one outcome each time, and it is in the log. A whole daemon, with a toy protocol.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import {
  connectLines,
  eventually,
  lineConfig,
  QUIET,
  startDaemon,
  startLineServer,
  type Daemon,
  type LineClient,
} from '../support/daemon.ts';
import { temporaryFolder } from '../support/temp.ts';

const LIMIT = { timeout: 240_000 };
const ANNA = { name: 'anna', via: 'dashboard', aliases: [] } as const;
const BEN = { name: 'ben', via: 'cli', aliases: [] } as const;

/** Sends a line that has to be asked about, and gives the id of its approval. */
async function park(client: LineClient, line: string): Promise<string> {
  client.send(line);
  const told = await client.next();
  const id = /^parked (\S+)/.exec(told)?.[1];
  assert.ok(id !== undefined, told);
  return id;
}

async function vote(daemon: Daemon, id: string, decision: 'approve' | 'deny', voter: typeof ANNA | typeof BEN = ANNA) {
  const { approvals } = daemon.operations;
  const found = await approvals.find(id);
  const digest = found.kind === 'found' ? found.approval.request.digest : '';
  return approvals.vote(id, { decision, digest, note: decision === 'deny' ? 'not now' : '', grant: null }, voter);
}

/** Types of the records about an approval, in order. */
async function story(daemon: Daemon, id: string): Promise<readonly string[]> {
  await daemon.operations.audit.flush();
  const { items } = await daemon.operations.audit.search(
    {
      types: [
        'approval.created',
        'approval.voted',
        'approval.approved',
        'approval.denied',
        'approval.expired',
        'approval.cancelled',
      ],
    },
    { limit: 1_000, cursor: null, newestFirst: false },
  );
  return items
    .filter(({ data }) => (data?.['approval'] as { readonly id: string } | undefined)?.id === id)
    .map(({ type }) => type);
}

describe('a request that waits', LIMIT, () => {
  test('AP-16: of an approval and a denial at the same moment one counts, the other is told, fifty times', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    const outcomes = new Map<string, string>();
    for (let round = 0; round < 50; round += 1) {
      const line = `destructive drop ${round}`;
      const id = await park(client, line);
      const ballots = [() => vote(daemon, id, 'approve', ANNA), () => vote(daemon, id, 'deny', BEN)];
      const results = await Promise.all((round % 2 === 0 ? ballots : ballots.toReversed()).map((cast) => cast()));
      assert.deepEqual(results.map(({ kind }) => kind).toSorted(), ['decided', 'recorded'], `round ${round}`);
      const told = await client.next();
      const ran = told === `done ${line}`;
      assert.ok(ran || told.startsWith('denied deny : an approver denied it: not now'), told);
      assert.equal(upstream.lines.includes(line), ran);
      assert.deepEqual(await story(daemon, id), ['approval.created', ran ? 'approval.approved' : 'approval.denied']);
      outcomes.set(ran ? 'ran' : 'denied', id);
    }
    assert.deepEqual([...outcomes.keys()].toSorted(), ['denied', 'ran'], 'both have won');
  });

  const asks = (reason: string, more: string = ''): string => `approver "human_approver" "oncall" { ${more} }
rule "ask" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.oncall]
  reason    = "${reason}"
}`;
  const denies = `rule "no" {
  endpoint  = postgres.pg
  priority  = 9
  condition = "sql.verb == 'delete'"
  verdict   = "deny"
  reason    = "a freeze"
}`;
  const harmless = `rule "other" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'grant'"
  verdict   = "deny"
}`;
  const changes: readonly { readonly name: string; readonly text: string; readonly told: RegExp | null }[] = [
    { name: 'the rule gives another reason', text: asks('two'), told: /changed while it waited/ },
    { name: 'the approver waits less long', text: asks('one', 'timeout = 30'), told: /changed while it waited/ },
    { name: 'two people have to approve', text: asks('one', 'require_approvers = 2'), told: /changed while it waited/ },
    { name: 'others may approve', text: asks('one', 'approvers = ["zoe"]'), told: /changed while it waited/ },
    { name: 'a rule denies it now', text: `${asks('one')}\n${denies}`, told: /^denied deny no: a freeze|denied now/ },
    { name: 'a rule about something else came', text: `${asks('one')}\n${harmless}`, told: null },
  ];
  for (const { name, text, told } of changes) {
    test(`AP-25: ${name}`, async (t) => {
      const upstream = await startLineServer(t);
      const daemon = await startDaemon(t, lineConfig(upstream.port, `${QUIET}\n${asks('one')}`));
      const client = await connectLines(t, daemon.port('postgres.pg'));
      const id = await park(client, 'safe delete 1');
      daemon.writeConfig(lineConfig(upstream.port, `${QUIET}\n${text}`));
      assert.equal((await daemon.gateway.reload('test')).ok, true);
      const voted = await vote(daemon, id, 'approve');
      if (told === null) {
        assert.equal(voted.kind, 'recorded');
        assert.equal(await client.next(), 'done safe delete 1');
        return;
      }
      assert.equal(voted.kind, 'decided', 'it is over before anybody can approve it');
      assert.match(await client.next(), told);
      assert.deepEqual(await story(daemon, id), ['approval.created', 'approval.cancelled']);
      assert.deepEqual(upstream.lines, []);
    });
  }

  test('TA-07: a yes is for what would run as it was asked: a credential taken from its profile meanwhile takes the question back', async (t) => {
    const upstream = await startLineServer(t);
    const other =
      'credential "postgres_credential" "new" {\n endpoint = postgres.pg\n user = "new"\n secret { env = "HOME" }\n}';
    const before = lineConfig(upstream.port, `${QUIET}\n${other}`);
    const daemon = await startDaemon(t, before);
    for (const [after, told] of [
      [`${before}\n# a word more`, /^done destructive drop 0/],
      [before.replace('[passthrough.pg]', '[postgres_credential.new]'), /changed while it waited/],
    ] as const) {
      const client = await connectLines(t, daemon.port('postgres.pg'));
      const line = `destructive drop ${upstream.lines.length}`;
      const id = await park(client, line);
      daemon.writeConfig(after);
      assert.equal((await daemon.gateway.reload('test')).ok, true);
      await vote(daemon, id, 'approve');
      assert.match(await client.next(), told);
    }
    assert.deepEqual(upstream.lines, ['destructive drop 0']);
  });

  const second = `endpoint "postgres" "kept" {
  host    = "localhost:UPSTREAM"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
  profile = "other"
}
credential "passthrough" "kept" { endpoint = postgres.kept }
profile "other" { credentials = [passthrough.kept] }`;
  for (const [name, after] of [
    ['its endpoint', (port: number) => `schema_version = 1\n${QUIET}\n${second.replace('UPSTREAM', String(port))}\n`],
    [
      'its profile',
      (port: number) =>
        lineConfig(port, `${QUIET}\n${second.replace('UPSTREAM', String(port))}`, 'profile = "other"')
          .replace(/profile "default" \{.*\}\n/, '')
          .replace('[passthrough.kept]', '[passthrough.kept, passthrough.pg]'),
    ],
  ] as const) {
    test(`AP-26: what waits is cancelled when ${name} is removed, and what waits elsewhere is not`, async (t) => {
      const upstream = await startLineServer(t);
      const both = lineConfig(
        upstream.port,
        `${QUIET}\n${second.replace('UPSTREAM', String(upstream.port))}`,
        'profile = "default"',
      );
      const daemon = await startDaemon(t, both);
      const client = await connectLines(t, daemon.port('postgres.pg'));
      const other = await connectLines(t, daemon.port('postgres.kept'));
      const gone = await park(client, 'destructive drop here');
      const stays = await park(other, 'destructive drop there');
      daemon.writeConfig(after(upstream.port));
      assert.equal((await daemon.gateway.reload('test')).ok, true);
      await eventually('it is cancelled', async () => (await story(daemon, gone)).at(-1) === 'approval.cancelled');
      assert.equal((await vote(daemon, gone, 'approve')).kind, 'decided');
      assert.equal((await vote(daemon, stays, 'approve')).kind, 'recorded');
      assert.equal(await other.next(), 'done destructive drop there');
      assert.deepEqual(upstream.lines, ['destructive drop there']);
    });
  }

  test('AP-28 LC-16: a wall clock that jumps a day ahead or back neither ends a wait nor prolongs it', async (t) => {
    const upstream = await startLineServer(t);
    let offsetMs = 0;
    const clock: Clock = {
      now: () => systemClock.now() + offsetMs,
      monotonicMs: () => systemClock.monotonicMs(),
      after: (delayMs, fire) => systemClock.after(delayMs, fire),
    };
    const quick = `approver "human_approver" "quick" { timeout = 2 }
rule "quick" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'drop'"
  approve   = [human_approver.quick]
}`;
    const daemon = await startDaemon(t, lineConfig(upstream.port, `${QUIET}\n${quick}`), { clock });
    const client = await connectLines(t, daemon.port('postgres.pg'));
    for (const jumpMs of [86_400_000, -2 * 86_400_000]) {
      const id = await park(client, `destructive delete ${jumpMs}`);
      offsetMs += jumpMs;
      assert.equal(daemon.operations.approvals.pending().length, 1, 'it still waits');
      assert.equal((await vote(daemon, id, 'approve')).kind, 'recorded');
      assert.equal(await client.next(), `done destructive delete ${jumpMs}`);
      // One that nobody answers ends in its two seconds all the same.
      const startedMs = performance.now();
      const late = await park(client, `destructive drop ${jumpMs}`);
      offsetMs -= jumpMs;
      assert.match(await client.next(), /nobody approved it in time/);
      assert.ok(performance.now() - startedMs >= 1_900, 'and not before');
      assert.equal((await vote(daemon, late, 'approve')).kind, 'decided');
      assert.deepEqual(await story(daemon, late), ['approval.created', 'approval.expired']);
      offsetMs += jumpMs;
    }
    assert.equal(upstream.lines.filter((line) => /drop/.test(line)).length, 0);
    assert.equal((await daemon.operations.audit.verify({ from: null, to: null })).ok, true);
  });

  test('who approves nearly everything unread needs a second person, and metrics tell them, and what a rule approves, apart', async (t) => {
    const upstream = await startLineServer(t);
    const config = `approver "human_approver" "oncall" {
  on_fatigue     = "second_approver"
  fatigue_median = "1m"
}
rule "ask" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.oncall]
}
rule "rotate" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'merge'"
  verdict   = "allow"
  reason    = "rotation of logs"
}`;
    const daemon = await startDaemon(t, lineConfig(upstream.port, `${QUIET}\n${config}`));
    const client = await connectLines(t, daemon.port('postgres.pg'));
    for (let round = 0; round < 20; round += 1) {
      const id = await park(client, `suspicious delete ${round}`);
      assert.equal((await vote(daemon, id, 'approve')).kind, 'recorded');
      assert.equal(await client.next(), `done suspicious delete ${round}`, 'one is enough so far');
    }
    const id = await park(client, 'suspicious delete more');
    assert.equal((await vote(daemon, id, 'approve', ANNA)).kind, 'recorded');
    const [waiting] = daemon.operations.approvals.pending();
    assert.deepEqual([waiting?.id, waiting?.required, waiting?.votes.length], [id, 2, 1], 'a second person is needed');
    assert.deepEqual(
      upstream.lines.filter((line) => /more/.test(line)),
      [],
    );
    await vote(daemon, id, 'approve', ANNA);
    assert.equal(daemon.operations.approvals.pending().length, 1, 'who is tired counts once');
    assert.equal((await vote(daemon, id, 'approve', BEN)).kind, 'recorded');
    assert.equal(await client.next(), 'done suspicious delete more');

    client.send('suspicious merge logs');
    assert.equal(await client.next(), 'done suspicious merge logs', 'nobody is asked');
    const text = await daemon.operations.health.metrics.scrape();
    assert.match(text, /clawpatrol_approver_tired\{approver="anna"\} 1/);
    assert.match(text, /clawpatrol_approver_decisions_total\{approver="anna",decision="approve"\} 21/);
    assert.match(text, /clawpatrol_approvals_total\{state="approved"\} 21/);
    assert.match(
      text,
      /clawpatrol_allowed_unasked_total\{endpoint="postgres.pg",risk="suspicious"\} 1/,
      'what a rule allowed is apart',
    );
  });

  test('LC-14: a full disk while it is decided: nothing runs that is not recorded, and it goes on when there is room', async (t) => {
    const folder = temporaryFolder(t, 'full');
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=700', 'tmpfs', folder]).status !== 0) {
      t.skip('only root can mount a small file system');
      return;
    }
    try {
      await checkFullDisk(t, folder);
    } finally {
      spawnSync('umount', ['-l', folder]);
    }
  });
});

async function checkFullDisk(t: TestContext, folder: string): Promise<void> {
  const upstream = await startLineServer(t);
  const stateDir = join(folder, 'state');
  mkdirSync(stateDir, { mode: 0o700 });
  const daemon = await startDaemon(t, lineConfig(upstream.port, QUIET), { stateDir });
  const client = await connectLines(t, daemon.port('postgres.pg'));
  const id = await park(client, 'destructive drop everything');
  const filler = join(folder, 'filler');
  // Whatever the store has room for in its own files is used up by records of this size.
  fill(filler);
  const fat = await connectLines(t, daemon.port('postgres.pg'));
  await eventually('the store has no room', async () => {
    fat.send(`suspicious note ${'x'.repeat(200_000)}`);
    return /unavailable|cannot record|could not be put/.test(await fat.next());
  });
  fill(filler);
  const voted = await vote(daemon, id, 'approve');
  assert.equal(voted.kind, 'unrecorded');
  assert.match(await client.next(), /^denied /);
  assert.deepEqual(
    upstream.lines.filter((line) => /everything/.test(line)),
    [],
    'what is not on disk does not run',
  );
  rmSync(filler);
  await daemon.operations.audit.writable(AbortSignal.timeout(60_000));
  await daemon.operations.audit.flush();
  assert.equal((await vote(daemon, id, 'approve')).kind, 'decided', 'it is over');
  const again = await park(client, 'destructive drop everything');
  assert.equal((await vote(daemon, again, 'approve')).kind, 'recorded');
  assert.equal(await client.next(), 'done destructive drop everything');
  assert.deepEqual(await story(daemon, again), ['approval.created', 'approval.approved']);
  assert.equal((await daemon.operations.audit.verify({ from: null, to: null })).ok, true);
  await daemon.gateway.stop();
}

/** Writes until the file system is full. */
function fill(path: string): void {
  for (let bytes = 1 << 20; bytes >= 1_024; bytes >>= 1) {
    try {
      for (;;) {
        writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
      }
    } catch {
      // Full for pieces of this size.
    }
  }
}
