// "Would this be allowed?": the policy in force, the agent of the connection, and no more than a denial tells.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG, createWorld, RESPONDER, type Json } from './world.ts';

const get = (path: string): Json => ({ endpoint: 'github', http: { method: 'GET', path } });
const sql = (statement: string): Json => ({ endpoint: 'postgres.pg', credential: 'rw', sql: { statement } });

const CASES: readonly (readonly [string, Json, Json])[] = [
  ['what is safe', sql('select 1'), { verdict: 'allow', tier: 'safe', reason: '', rule: '' }],
  [
    'what waits for a person',
    sql('delete from t where id = 1'),
    { verdict: 'approve', rule: 'deletes', reason: 'deletes need a person', tier: 'destructive' },
  ],
  ['what a rule denies', get('/hidden'), { verdict: 'deny', rule: 'hidden-name', reason: 'not for agents' }],
  [
    'rules on who asks, and when',
    get('/run'),
    { verdict: 'deny', rule: 'only-in-runs', reason: 'asked as this agent' },
  ],
  ['by host', { host: 'a.ghe.test:8443', http: { method: 'GET', path: '/x' } }, { verdict: 'allow', tier: 'safe' }],
  [
    'what nobody declared',
    { host: 'example.com', http: { method: 'GET', path: '/' } },
    { verdict: 'deny', tier: null, reason: 'no endpoint of profile responder claims example.com' },
  ],
  [
    'what is declared for others',
    { host: 'secret.internal.test', http: { method: 'GET', path: '/' } },
    { verdict: 'deny', tier: null, reason: 'no endpoint of profile responder claims secret.internal.test' },
  ],
];

test('an action is judged by the live policy as the agent of the connection would have it judged', async () => {
  const { post, audit } = await createWorld();
  for (const [name, asked, expected] of CASES) {
    const { status, json } = await post('/would-allow', asked);
    assert.equal(status, 200, JSON.stringify(json));
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, json[key]])), expected, name);
    assert.deepEqual(Object.keys(json).toSorted(), ['assumes', 'hint', 'reason', 'rule', 'tier', 'verdict']);
  }
  assert.deepEqual([...new Set(audit.events.map(({ type }) => type))], ['context.asked']);
});

test('it is recorded as a question: no verdict, no action, and who asked', async () => {
  const { post, audit } = await createWorld();
  await post('/would-allow', sql('delete from t where id = 1'));
  const [event] = audit.events;
  assert.deepEqual(
    [
      event?.type,
      event?.agent,
      event?.verdict,
      event?.actionId,
      event?.risk,
      event?.rule,
      event?.text,
      event?.endpoint,
    ],
    ['context.asked', RESPONDER, '', null, null, '', 'delete from t where id = 1', 'postgres.pg'],
  );
  assert.deepEqual(event?.data, { would: 'approve', tier: 'destructive', rule: 'deletes' });
});

test('nobody asks as somebody else, with facts of their own making, or about what is not theirs', async () => {
  const { post } = await createWorld();
  for (const [asked, reason] of [
    [{ ...sql('select 1'), profile: 'other' }, /leave out profile/],
    [{ ...sql('select 1'), peer_ip: '10.0.0.1' }, /leave out profile/],
    [{ ...sql('select 1'), run: 'run-9' }, /leave out profile/],
    [{ endpoint: 'pg', sql: { statement: 'do $$ x $$', verb: 'select' } }, /leave out verb/],
    [{ endpoint: 'pg', sql: { statement: 'do $$ x $$', tables: [] } }, /leave out verb/],
    [{ endpoint: 'secret-host', http: { method: 'GET', path: '/' } }, /none of your endpoints/],
    [{ endpoint: 'nonsense', http: { method: 'GET', path: '/' } }, /none of your endpoints/],
    [{ ...sql('select 1'), credential: 'secret' }, /none of your credentials/],
    [{ endpoint: 'pg', http: { method: 'GET', path: '/' } }, /takes sql actions/],
    [{ endpoint: 'pg' }, /exactly one of/],
    [{ sql: { statement: 'select 1' } }, /name the endpoint or the host/],
  ] as const) {
    const { status, json } = await post('/would-allow', asked);
    const { reason: told } = json['error'] as { reason: string };
    assert.equal(status, 400, JSON.stringify(json));
    assert.match(told, reason);
    assert.doesNotMatch(told, /secret-host|passthrough|other"/);
  }
});

test('what is refused is told and recorded in short, and names no credential of another profile', async () => {
  const { post, audit } = await createWorld(
    `${CONFIG}
credential "postgres_credential" "gh2" {
  endpoint = postgres.pg
  user     = "hidden"
}
profile "third" { credentials = [postgres_credential.gh2] }`,
  );
  const long = '\u001b[31m\n'.repeat(5_000);
  for (const asked of [
    { ...sql('select 1'), credential: 'gh' },
    { host: long, http: { path: '/' } },
    { [long]: 1 },
    { endpoint: 'pg', sql: { statement: 'select 1', [long]: 1 } },
  ]) {
    const { status, json } = await post('/would-allow', asked);
    assert.equal(status, 400);
    const told = JSON.stringify(json);
    assert.ok(told.length < 4_000, String(told.length));
    assert.doesNotMatch(told, /gh2/);
  }
  assert.deepEqual(audit.events, []);
});

test('the answer says which search_path was taken: the default, or the one that the agent says its connection has', async () => {
  const { post } = await createWorld(`${CONFIG}
rule "private" {
  endpoint  = postgres.pg
  priority  = 100
  condition = "'private.t' in sql.tables"
  verdict   = "deny"
}`);
  const rows: readonly (readonly [string, readonly string[] | undefined, string, RegExp])[] = [
    [
      'select * from t',
      undefined,
      'allow',
      /search_path public, outside of a transaction; if .* say sql\.search_path$/,
    ],
    ['select * from t', ['private', 'public'], 'deny', /search_path private, public, outside of a transaction$/],
    ['select * from t', ['public'], 'allow', /search_path public, outside of a transaction$/],
    ['select * from private.t', undefined, 'deny', /search_path public/],
  ];
  for (const [statement, path, verdict, assumes] of rows) {
    const asked = { statement, ...(path === undefined ? {} : { search_path: path }) };
    const { json } = await post('/would-allow', { endpoint: 'postgres.pg', credential: 'rw', sql: asked });
    assert.equal(json['verdict'], verdict, `${statement} ${path?.join() ?? ''}`);
    assert.match(String(json['assumes']), assumes);
  }
  assert.equal((await post('/would-allow', get('/run'))).json['assumes'], '');
  const wrong = { endpoint: 'postgres.pg', sql: { statement: 'select 1', search_path: 'public' } };
  assert.equal((await post('/would-allow', wrong)).status, 400);
});

test('it is asked so often and no more', async () => {
  const { post } = await createWorld();
  const statuses: number[] = [];
  for (let count = 0; count < 21; count += 1) {
    statuses.push((await post('/would-allow', sql('select 1'))).status);
  }
  assert.deepEqual(statuses.slice(18), [200, 200, 429]);
});
