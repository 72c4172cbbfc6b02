// approvals list, show, approve, deny: what a person sees, and that nothing is approved unseen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlError } from '../../src/client/control-client.ts';
import type { ControlClient } from '../../src/client/control-client.ts';
import type { ApprovalJson } from '../../src/client/approval-shapes.ts';
import { runVerb } from '../support/cli.ts';

const NOW = Date.parse('2026-11-22T10:00:30.000Z');
const DIGEST = 'ab'.repeat(32);

function approval(parts: Partial<ApprovalJson> = {}): ApprovalJson {
  return {
    id: '019a0000-0000-7000-8000-000000000001',
    action_id: '019a0000-0000-7000-8000-00000000000a',
    session: 's1',
    state: 'pending',
    created: '2026-11-22T10:00:00.000Z',
    expires: '2026-11-22T10:10:00.000Z',
    decided: null,
    risk: 'destructive',
    risk_causes: ['drop'],
    endpoint: 'postgres.shop',
    family: 'sql',
    profile: 'responder',
    device: 'listener/shop',
    run: '',
    agent_ip: '127.0.0.1',
    rule: '',
    reason: 'no rule matched; destructive: DROP TABLE',
    approvers: ['builtin.dashboard'],
    stage: 0,
    approver: 'builtin.dashboard',
    required: 1,
    summary: 'DROP TABLE orders',
    votes: [],
    request: { digest: DIGEST, bytes: 17, complete: true, text: 'DROP TABLE orders', parameters: [] },
    facts: { sql: { verb: 'drop', tables: ['orders'] } },
    reviewer: null,
    reviews: [],
    grants_made: [],
    asked: '2026-01-01T00:00:00.000Z',
    alike: 1,
    context: null,
    intent: null,
    claim: null,
    effect: { lines: ['orders: 120 rows'], data: {} },
    grant_id: null,
    ended: '',
    in_transaction: false,
    ...parts,
  };
}

interface Calls {
  readonly approvals: ControlClient['approvals'];
  readonly seen: unknown[];
}

/** A gateway with one approval, which notes every call. */
function gateway(answer: ApprovalJson = approval(), changed: Partial<ControlClient['approvals']> = {}): Calls {
  const seen: unknown[] = [];
  return {
    seen,
    approvals: {
      list: (query) => {
        seen.push(query);
        return Promise.resolve({ items: [answer], next: null });
      },
      broken: (query) => {
        seen.push({ broken: query });
        return Promise.resolve({ items: [answer], next: null });
      },
      show: () => Promise.resolve(answer),
      approve: (id, vote) => {
        seen.push({ approve: id, ...vote });
        return Promise.resolve({ ...answer, state: 'approved' });
      },
      deny: (id, vote) => {
        seen.push({ deny: id, ...vote });
        return Promise.resolve({ ...answer, state: 'denied' });
      },
      ...changed,
    },
  };
}

test('list prints tab-separated lines without a terminal, headings on one, and the page with --json', async () => {
  const { approvals, seen } = gateway();
  const client = { approvals };
  const args = ['approvals', 'list', '--endpoint', 'postgres.shop', '--limit', '5'];
  const piped = await runVerb(args, { client, nowMs: NOW });
  assert.equal(piped.stdout, `${approval().id}\t30s\tdestructive\tpostgres.shop\tlistener/shop\tDROP TABLE orders\n`);
  assert.deepEqual(seen, [{ state: 'pending', limit: 5, endpoint: 'postgres.shop' }]);
  const shown = await runVerb(['approvals', 'list', '--no-color'], { client, nowMs: NOW, terminal: true });
  assert.match(shown.stdout, /^ID +AGE +RISK +ENDPOINT +DEVICE +SUMMARY\n/);
  const page = await runVerb(['approvals', 'list', '--json'], { client });
  assert.deepEqual(page.json(), { items: [approval()], next: null });
  assert.equal((await runVerb(['approvals', 'list', '--state', 'odd'], { client })).code, 2);
});

test('a list that a misspelt endpoint left empty says what there is, and is empty all the same', async () => {
  const nobody = { items: [], next: null };
  const { approvals } = gateway(approval(), { list: () => Promise.resolve(nobody) });
  const profile = {
    name: 'responder',
    description: '',
    credentials: [],
    endpoints: ['postgres.shop', 'https.api'],
    rules: [],
    devices: [],
    context: null,
    agent_family: null,
  };
  const profiles: ControlClient['profiles'] = {
    list: () => Promise.resolve({ items: [profile], next: null }),
    show: () => Promise.resolve(profile),
  };
  const cases: readonly [readonly string[], string][] = [
    [[], ''],
    [['--endpoint', 'postgres.shop'], ''],
    [['--endpoint', 'shop'], ''],
    [['--endpoint', 'shpo'], 'no profile reaches an endpoint "shpo"; did you mean "shop"?\n'],
    [['--endpoint', 'nope'], 'no profile reaches an endpoint "nope"; there are: postgres.shop, https.api\n'],
    [['--endpoint', 'nope', '--json'], ''],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await runVerb(['approvals', 'list', ...args], { client: { approvals, profiles } });
    assert.deepEqual([code, stderr], [0, expected], args.join(' '));
    assert.equal(stdout.trim(), args.includes('--json') ? JSON.stringify(nobody) : '');
  }
  const shown = await runVerb(['approvals', 'list', '--no-color'], { client: { approvals }, terminal: true });
  assert.match(shown.stdout, /^ID .*\nnone\n$/);
});

test('show prints the whole request, digest, completeness, facts, rule, effect and votes', async () => {
  const at = '2026-11-22T10:00:20.000Z';
  const text = 'DELETE FROM t\nWHERE id = $1';
  const { approvals } = gateway(
    approval({
      votes: [{ by: 'local', via: 'cli', decision: 'approve', at, note: 'ok', digest: DIGEST, break_glass: null }],
      rule: 'no-drops',
      in_transaction: true,
      request: { digest: DIGEST, bytes: 40, complete: true, text, parameters: ['7', null] },
    }),
  );
  const { code, stdout } = await runVerb(['approvals', 'show', '019a0000'], { client: { approvals }, nowMs: NOW });
  assert.equal(code, 0);
  for (const part of [
    /^state +pending, expires in 9m30s$/m,
    /^rule +no-drops$/m,
    /^risk +destructive \(drop\)$/m,
    /^locks +inside an open transaction/m,
    new RegExp(`^request, 40 bytes, complete, sha256 ${DIGEST}$`, 'm'),
    /^ {2}\| DELETE FROM t\n {2}\| WHERE id = \$1$/m,
    /^ {2}\| \$1 = '7'\n {2}\| \$2 = NULL$/m,
    /^ {2}sql\.tables +\["orders"\]$/m,
    /^ {2}orders: 120 rows$/m,
    /^ {2}2026-11-22T10:00:20\.000Z +local +via cli +approve +ok$/m,
  ]) {
    assert.match(stdout, part);
  }
});

test('show says that a request is cut, and where', async () => {
  const request = { digest: DIGEST, bytes: 5000, complete: false, text: 'SELECT 1', parameters: [] };
  const { approvals } = gateway(approval({ request }));
  const { stdout } = await runVerb(['approvals', 'show', 'x'], { client: { approvals }, nowMs: NOW });
  assert.match(stdout, /5000 bytes, CUT, sha256/);
  assert.match(stdout, /CUT after 8 of 5000 bytes/);
});

test('AP-39: the incident and what the agent says of itself are marked as the words of others', async () => {
  const words = 'approved in ticket 123\nvotes\n  bob';
  const shown = approval({
    context: { id: 'P1', title: 'db is slow\u001b[2J' },
    intent: words,
    claim: { incident: 'P1\u001b[2J', task: 'votes\n  bob' },
  });
  const { approvals } = gateway(shown);
  const { stdout: out } = await runVerb(['approvals', 'show', 'x'], { client: { approvals }, nowMs: NOW });
  assert.match(out, /^incident, as others wrote it\n {2}\| id: P1\n {2}\| title: db is slow\\u\{1b\}\[2J$/m);
  assert.match(
    out,
    /^the agent's own words, not checked\n {2}\| incident: P1\\u\{1b\}\[2J\n {2}\| task: votes\n {2}\| {3}bob\n {2}\| approved in ticket 123\n {2}\| votes\n {2}\| {3}bob$/m,
  );
});

test('nothing that an agent wrote moves the cursor, turns the text around or looks like a line of ours', async () => {
  const text = 'SELECT 1 \u001b[2J\u202e -- \r\nstate      approved';
  const request = { digest: DIGEST, bytes: 10, complete: true, text, parameters: ['\u001b]0;x\u0007'] };
  const facts = { sql: { statement: text } };
  const { approvals } = gateway(approval({ request, facts, summary: text, device: 'a\u001b[31m', ended: '\u0007' }));
  for (const args of [['show', 'x'], ['list'], ['deny', 'x']]) {
    const { stdout } = await runVerb(['approvals', ...args], { client: { approvals }, nowMs: NOW });
    assert.doesNotMatch(stdout.replaceAll(/[\n\t]/g, ''), /\p{C}/u, args[0]);
    assert.doesNotMatch(stdout, /^state +approved/m, args[0]);
  }
});

test('approve needs the digest where nobody can be asked, and passes it on', async () => {
  const { approvals, seen } = gateway();
  const client = { approvals };
  const without = await runVerb(['approvals', 'approve', 'x'], { client });
  assert.equal(without.code, 2);
  assert.match(without.stderr, /--digest is needed/);
  assert.deepEqual(seen, []);
  const done = await runVerb(['approvals', 'approve', 'x', '--digest', DIGEST, '--note', 'fine'], { client });
  assert.deepEqual([done.code, done.stdout], [0, `approved ${approval().id}: DROP TABLE orders\n`]);
  assert.deepEqual(seen, [{ approve: 'x', digest: DIGEST, note: 'fine' }]);
});

test('on a terminal approve shows the request and takes only yes for an answer', async () => {
  for (const { input, code, voted } of [
    { input: 'yes\n', code: 0, voted: [{ approve: 'x', digest: DIGEST }] },
    { input: 'y\n', code: 1, voted: [] },
    { input: '\n', code: 1, voted: [] },
    { input: '', code: 1, voted: [] },
  ]) {
    const { approvals, seen } = gateway();
    const options = { client: { approvals }, terminal: true, input, nowMs: NOW };
    const done = await runVerb(['approvals', 'approve', 'x', '--no-color'], options);
    assert.equal(done.code, code, JSON.stringify(input));
    assert.deepEqual(seen, voted, JSON.stringify(input));
    assert.match(done.stdout, /DROP TABLE orders/);
    const why =
      input === 'y\n'
        ? 'not approved ("y" is not yes); the request still waits\n'
        : 'not approved; the request still waits\n';
    assert.equal(done.stderr, code === 0 ? '' : why);
  }
});

test('what is decided already is not asked about', async () => {
  const { approvals, seen } = gateway(approval({ state: 'expired', decided: '2026-11-22T10:10:00.000Z' }));
  const options = { client: { approvals }, terminal: true, input: 'yes\n' };
  assert.equal((await runVerb(['approvals', 'approve', 'x'], options)).code, 1);
  assert.deepEqual(seen, []);
});

test('a vote that is not the last one says who is still asked; --wait follows it to the end', async () => {
  const pending = approval({ required: 2, approvers: ['human_approver.oncall'], approver: 'human_approver.oncall' });
  let asked = 0;
  const { approvals } = gateway(pending, {
    approve: () => Promise.resolve(pending),
    show: () => Promise.resolve((asked += 1) < 2 ? pending : approval({ state: 'denied' })),
  });
  const args = ['approvals', 'approve', 'x', '--digest', DIGEST];
  const first = await runVerb(args, { client: { approvals }, nowMs: NOW });
  assert.equal(first.code, 0);
  assert.match(first.stdout, /still waits for human_approver\.oncall \(stage 1 of 1\), for 9m30s more/);
  const waited = await runVerb([...args, '--wait'], { client: { approvals }, nowMs: NOW });
  assert.equal(waited.code, 1);
  assert.match(waited.stdout, /^denied /);
});

test('deny passes the note on; a decided approval gives 1', async () => {
  const open = gateway();
  const args = ['approvals', 'deny', 'x', '--note', 'use a migration'];
  assert.equal((await runVerb(args, { client: { approvals: open.approvals } })).code, 0);
  assert.deepEqual(open.seen, [{ deny: 'x', note: 'use a migration' }]);
  const decided = gateway(approval(), { deny: () => Promise.reject(new ControlError('decided', 'it is approved')) });
  assert.equal((await runVerb(args, { client: { approvals: decided.approvals } })).code, 1);
});

test('facts of a request that say nothing are left out for people, and are there for programs', async () => {
  const http = { method: 'post', kind: 'request', body_size: 0 };
  const facts = { http, graphql: { operations: 0 }, rpc: { batch: 0 }, mcp: { direction: 'client', tool: 'x' } };
  const show = async (given: unknown, ...flags: readonly string[]) => {
    const { approvals } = gateway(approval({ family: 'http', facts: given }));
    return (await runVerb(['approvals', 'show', 'x', ...flags], { client: { approvals }, nowMs: NOW })).stdout;
  };
  assert.match(await show(facts), /\nfacts\n {2}http\.method +"post"\n {2}mcp\.tool +"x"\neffect\n/);
  assert.match(await show(facts, '--json'), /"graphql":\s*\{\s*"operations":\s*0/);
  const batch = { units: [{ rpc: { batch: 0 } }, { rpc: { batch: 2 } }] };
  const both = await show(batch);
  assert.match(both, /batch\D+2/);
  assert.doesNotMatch(both, /batch\D+0/);
});

test('LC-13: what a grant would have covered is told as a part of the log where it is one', async () => {
  for (const [truncated, told] of [
    [true, /would have covered 3 of 2000 \(the newest\) actions/],
    [false, /would have covered 3 of 2000 actions/],
  ] as const) {
    const preview = {
      scope: 'exact',
      sentence: 'this',
      objection: null,
      max_duration_s: 900,
      max_uses: 1,
      last_week: { covered: 3, looked_at: 2000, truncated, samples: [] },
    } as const;
    // A client of the operator API for one preview.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no other call is made
    const grants = { preview: () => Promise.resolve(preview) } as unknown as ControlClient['grants'];
    const client = { approvals: gateway().approvals, grants };
    const options = { client, nowMs: NOW, terminal: true, input: 'no\n' };
    const { stdout: out } = await runVerb(['approvals', 'approve', 'x', '--no-color', '--grant', '10m'], options);
    assert.match(out, told);
  }
});
