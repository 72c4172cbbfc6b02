// What one grant covers: rows of pairs that must be alike, and of pairs that differ in one thing and must not be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shapeOf } from '../../src/approvals/shape.ts';
import { factsToJson } from '../../src/rules/facts.ts';
import { judgeableOf } from '../support/sql.ts';

type Facts = Readonly<Record<string, unknown>>;

const DELETE: Facts = {
  verb: 'delete',
  verbs: ['delete'],
  context: 'top',
  tables: ['logs', 'public.logs'],
  writes: ['public.logs'],
  columns: ['id'],
  predicates: [{ table: 'logs', column: 'id', op: '=', value: '7', kind: 'literal', number: 7 }],
  predicates_complete: true,
  has_where: true,
  bounded: true,
  fingerprint: 'f1',
  database: 'app',
  user: 'agent',
  role: 'agent',
  transaction: 'idle',
  statement: 'DELETE FROM logs WHERE id = 7',
};
const RANGE = { table: 'logs', column: 'at', op: '<', value: '2024-01-01', kind: 'literal' };
const PATCH: Facts = {
  verb: 'patch',
  api_verb: 'patch',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  namespace: 'shop',
  name: 'web',
  patch_type: 'merge',
  changed: ['/spec/replicas'],
  replicas: 3,
};
const POST: Facts = {
  host: 'api.example.com',
  port: 443,
  scheme: 'https',
  method: 'post',
  path: '/v1/users/42/refunds',
  body_size: 30,
  content_type: 'application/json',
  body_json: { amount: 10, note: 'x' },
  body_sha256: 'aa',
};
const EXEC: Facts = { verb: 'exec', user: 'root', is_simple: true, argv: ['systemctl', 'restart', 'web', '--now'] };

function factsOf(family: string, facts: Facts): string {
  return JSON.stringify({ [family]: facts });
}

function keyOf(family: string, facts: Facts): string | null {
  const group = family === 'k8s' || family === 'sql' || family === 'ssh' ? family : 'http';
  const shape = shapeOf(factsOf(group, facts), family);
  return shape.kind === 'shape' ? shape.key : null;
}

interface Pair {
  readonly name: string;
  readonly family: 'sql' | 'k8s' | 'http' | 'ssh';
  readonly base: Facts;
  readonly change: Facts;
  readonly alike: boolean;
}

const PAIRS: readonly Pair[] = [
  // SQL: another value for an equality, and nothing else.
  {
    name: 'another id',
    family: 'sql',
    base: DELETE,
    change: { statement: 'x', predicates: [{ table: 'logs', column: 'id', op: '=', value: '8', kind: 'literal' }] },
    alike: true,
  },
  { name: 'in a transaction', family: 'sql', base: DELETE, change: { transaction: 'open' }, alike: true },
  { name: 'another statement', family: 'sql', base: DELETE, change: { fingerprint: 'f2' }, alike: false },
  { name: 'another table', family: 'sql', base: DELETE, change: { tables: ['users'] }, alike: false },
  { name: 'the table of another schema', family: 'sql', base: DELETE, change: { writes: ['old.logs'] }, alike: false },
  { name: 'another role', family: 'sql', base: DELETE, change: { role: 'admin' }, alike: false },
  { name: 'another database', family: 'sql', base: DELETE, change: { database: 'other' }, alike: false },
  { name: 'a function', family: 'sql', base: DELETE, change: { functions: ['pg_sleep'] }, alike: false },
  {
    name: 'another column',
    family: 'sql',
    base: DELETE,
    change: { predicates: [{ table: 'logs', column: 'kind', op: '=', value: '7', kind: 'literal' }] },
    alike: false,
  },
  {
    name: 'another bound of a range',
    family: 'sql',
    base: { ...DELETE, predicates: [RANGE] },
    change: { predicates: [{ ...RANGE, value: '2099-01-01' }] },
    alike: false,
  },
  {
    name: 'more values of a list',
    family: 'sql',
    base: { ...DELETE, predicates: [{ column: 'id', op: 'in', values: ['1', '2'], kind: 'list' }] },
    change: { predicates: [{ column: 'id', op: 'in', values: ['1', '2', '3'], kind: 'list' }] },
    alike: false,
  },
  {
    name: 'other values of a list',
    family: 'sql',
    base: { ...DELETE, predicates: [{ column: 'id', op: 'in', values: ['1', '2'], kind: 'list' }] },
    change: { predicates: [{ column: 'id', op: 'in', values: ['8', '9'], kind: 'list' }] },
    alike: true,
  },
  // Kubernetes: verb, resource, namespace, and what it may do.
  { name: 'another object', family: 'k8s', base: PATCH, change: { name: 'api', object_name: 'api' }, alike: true },
  { name: 'another namespace', family: 'k8s', base: PATCH, change: { namespace: 'kube-system' }, alike: false },
  { name: 'another verb', family: 'k8s', base: PATCH, change: { verb: 'delete' }, alike: false },
  { name: 'another resource', family: 'k8s', base: PATCH, change: { resource: 'deployments/scale' }, alike: false },
  { name: 'another group', family: 'k8s', base: PATCH, change: { group: 'evil.example' }, alike: false },
  { name: 'another field', family: 'k8s', base: PATCH, change: { changed: ['/spec/template'] }, alike: false },
  { name: 'other replicas', family: 'k8s', base: PATCH, change: { replicas: 0 }, alike: false },
  { name: 'a privileged pod', family: 'k8s', base: PATCH, change: { privileged: true }, alike: false },
  { name: 'another image', family: 'k8s', base: PATCH, change: { images: ['evil'] }, alike: false },
  // HTTP: method, host, path with ids out, the same fields.
  { name: 'another user', family: 'http', base: POST, change: { path: '/v1/users/43/refunds' }, alike: true },
  { name: 'another path', family: 'http', base: POST, change: { path: '/v1/users/42/delete' }, alike: false },
  {
    name: 'a name in place of an id',
    family: 'http',
    base: POST,
    change: { path: '/v1/users/root/refunds' },
    alike: false,
  },
  { name: 'a longer path', family: 'http', base: POST, change: { path: '/v1/users/42/refunds/7' }, alike: false },
  { name: 'another method', family: 'http', base: POST, change: { method: 'delete' }, alike: false },
  { name: 'a method override', family: 'http', base: POST, change: { effective_method: 'delete' }, alike: false },
  { name: 'another host', family: 'http', base: POST, change: { host: 'evil.example' }, alike: false },
  { name: 'another kind of content', family: 'http', base: POST, change: { content_type: 'text/xml' }, alike: false },
  {
    name: 'another value of a query parameter',
    family: 'http',
    base: { ...POST, query: { force: ['false'] } },
    change: { query: { force: ['true'] } },
    alike: false,
  },
  {
    name: 'a parameter that is there twice',
    family: 'http',
    base: { ...POST, query: { id: ['1'] } },
    change: { query: { id: ['1', '2'] } },
    alike: false,
  },
  { name: 'a star for an id', family: 'http', base: POST, change: { path: '/v1/users/*/refunds' }, alike: false },
  {
    name: 'a star for an id in a query parameter',
    family: 'http',
    base: { ...POST, query: { id: ['1'] } },
    change: { query: { id: ['*'] } },
    alike: false,
  },
  {
    name: 'a star for an operand',
    family: 'ssh',
    base: { ...EXEC, argv: ['rm', '100'] },
    change: { argv: ['rm', '*'] },
    alike: false,
  },
  {
    name: 'another id in a query parameter',
    family: 'http',
    base: { ...POST, query: { id: ['1'] } },
    change: { query: { id: ['2'] } },
    alike: true,
  },
  { name: 'a query parameter', family: 'http', base: POST, change: { query: { force: ['1'] } }, alike: false },
  { name: 'other values', family: 'http', base: POST, change: { body_json: { amount: 9, note: 'y' } }, alike: true },
  {
    name: 'one more field',
    family: 'http',
    base: POST,
    change: { body_json: { amount: 1, note: 'y', admin: 1 } },
    alike: false,
  },
  {
    name: 'a switch',
    family: 'http',
    base: { ...POST, body_json: { all: false } },
    change: { body_json: { all: true } },
    alike: false,
  },
  {
    name: 'another body of which nothing is known',
    family: 'http',
    base: { ...POST, body_json: undefined },
    change: { body_sha256: 'bb' },
    alike: false,
  },
  {
    name: 'another tool argument',
    family: 'http',
    base: { ...POST, mcp: undefined },
    change: { action: 'gcp:compute.instances.delete' },
    alike: false,
  },
  // SSH: the program, its options and its words; numbers may differ.
  {
    name: 'another service',
    family: 'ssh',
    base: EXEC,
    change: { argv: ['systemctl', 'restart', 'db', '--now'] },
    alike: false,
  },
  {
    name: 'another option',
    family: 'ssh',
    base: EXEC,
    change: { argv: ['systemctl', 'restart', 'web', '--force'] },
    alike: false,
  },
  {
    name: 'another number',
    family: 'ssh',
    base: { ...EXEC, argv: ['kill', '-9', '100'] },
    change: { argv: ['kill', '-9', '200'] },
    alike: true,
  },
  {
    name: 'another signal',
    family: 'ssh',
    base: { ...EXEC, argv: ['kill', '-1', '100'] },
    change: { argv: ['kill', '-9', '100'] },
    alike: false,
  },
  { name: 'another user', family: 'ssh', base: EXEC, change: { user: 'web' }, alike: false },
];

test('AP-32: one field outside the form and a request is not covered; what the form leaves open is', () => {
  for (const { name, family, base, change, alike } of PAIRS) {
    const first = keyOf(family, base);
    const second = keyOf(family, { ...base, ...change });
    assert.notEqual(first, null, `${family}, ${name}: the base has a form`);
    assert.equal(first === second, alike, `${family}, ${name}`);
  }
});

test('what cannot be told by its form has none', () => {
  const rows: readonly (readonly [string, string, Facts])[] = [
    ['an opaque statement', 'sql', { ...DELETE, is_opaque: true }],
    ['no fingerprint', 'sql', { ...DELETE, fingerprint: undefined }],
    ['an unbounded delete', 'sql', { ...DELETE, bounded: undefined }],
    ['a delete without WHERE', 'sql', { ...DELETE, has_where: undefined }],
    ['a WHERE with OR', 'sql', { ...DELETE, predicates_complete: undefined }],
    ['a whole collection', 'k8s', { ...PATCH, verb: 'deletecollection', is_collection: true }],
    ['a path that is not known', 'http', { ...POST, path: undefined }],
    ['a body without a digest', 'http', { ...POST, body_json: undefined, body_sha256: undefined }],
    ['a masked value', 'http', { ...POST, action: '[masked]' }],
    ['a pipeline', 'ssh', { ...EXEC, is_simple: undefined }],
    ['a shell', 'ssh', { ...EXEC, verb: 'shell' }],
    ['an opaque command', 'ssh', { ...EXEC, is_opaque: true }],
  ];
  for (const [name, family, facts] of rows) {
    assert.equal(keyOf(family, facts), null, name);
  }
  const known = factsOf('sql', DELETE);
  assert.equal(shapeOf(known, 'sql').kind, 'shape', 'the twin');
  assert.equal(shapeOf(known.replace('{', '{"cut":true,'), 'sql').kind, 'none');
  assert.equal(shapeOf(known.replace('{', '{"unknown":["sql.tables"],'), 'sql').kind, 'none');
  assert.equal(shapeOf(known.replace('{', '{"unknown":["sql.copy_file2"],'), 'sql').kind, 'shape');
  assert.equal(shapeOf('no JSON', 'sql').kind, 'none');
  assert.equal(shapeOf('{"units":[]}', 'sql').kind, 'none');
  assert.equal(shapeOf(known, 'smtp').kind, 'none');
});

test('a request of several units has the form of all of them, in order', () => {
  const other = { ...DELETE, fingerprint: 'f2', tables: ['users'], writes: ['users'] };
  const batch = (...units: readonly Facts[]) => {
    const shape = shapeOf(JSON.stringify({ units: units.map((sql) => ({ sql })) }), 'sql');
    return shape.kind === 'shape' ? shape.key : null;
  };
  assert.equal(batch(DELETE, other), batch(DELETE, other));
  assert.notEqual(batch(DELETE, other), batch(other, DELETE));
  assert.notEqual(batch(DELETE, other), batch(DELETE));
  assert.equal(batch(DELETE, { ...other, is_opaque: true }), null);
});

test('the sentence says what is covered, in words', () => {
  const sentence = (family: string, facts: Facts) => {
    const shape = shapeOf(factsOf(family, facts), family);
    return shape.kind === 'shape' ? shape.sentence : '';
  };
  assert.equal(
    sentence('sql', DELETE),
    'delete on public.logs where id = any value (the statement as written, with other constants)',
  );
  assert.match(sentence('sql', { ...DELETE, predicates: [RANGE] }), /where at < 2024-01-01 /);
  assert.equal(
    sentence('k8s', PATCH),
    'patch deployments in namespace shop, whatever its name, changing /spec/replicas',
  );
  assert.equal(sentence('http', POST), 'POST api.example.com/v1/users/*/refunds, whatever values stand in its body');
  assert.equal(sentence('ssh', { ...EXEC, argv: ['kill', '-9', '100'] }), 'kill -9 * as root');
});

test('AP-32: a constant of a real statement that is more than a value of a row is never another one under a grant', async () => {
  const shape = async (sql: string): Promise<string | null> => {
    const { units } = await judgeableOf(sql);
    const found = shapeOf(factsToJson(units, 'sql', {}), 'sql');
    return found.kind === 'shape' ? found.key : null;
  };
  const covered: readonly (readonly [string, string])[] = [
    ['DELETE FROM t WHERE id = 1', 'DELETE FROM t WHERE id = 2'],
    ['UPDATE t SET a = 1, at = now() WHERE id = 1', 'UPDATE t SET a = 2, at = now() WHERE id = 2'],
    ["INSERT INTO t (a) VALUES ('x')", "INSERT INTO t (a) VALUES ('y')"],
    ['ALTER TABLE t ALTER COLUMN a SET DEFAULT 1', 'ALTER TABLE t ALTER COLUMN a SET DEFAULT 1'],
  ];
  const asked: readonly (readonly [string, string])[] = [
    ["SELECT dblink('x', 'SELECT 1')", "SELECT dblink('x', 'DROP TABLE t')"],
    ["SELECT pg_read_file('/tmp/a')", "SELECT pg_read_file('/etc/passwd')"],
    ['SELECT pg_terminate_backend(1)', 'SELECT pg_terminate_backend(2)'],
    ["UPDATE t SET a = pg_read_file('/a') WHERE id = 1", "UPDATE t SET a = pg_read_file('/b') WHERE id = 1"],
    ['INSERT INTO t SELECT * FROM u WHERE id < 1', 'INSERT INTO t SELECT * FROM u WHERE id < 100000'],
    ['INSERT INTO t SELECT * FROM u LIMIT 1', 'INSERT INTO t SELECT * FROM u LIMIT 100000'],
    ['SELECT * FROM t LIMIT 1 FOR UPDATE', 'SELECT * FROM t LIMIT 100000 FOR UPDATE'],
    ['DELETE FROM t WHERE active = true', 'DELETE FROM t WHERE active = false'],
    ['CREATE POLICY p ON t USING (x < 1)', 'CREATE POLICY p ON t USING (x < 200)'],
    ['CREATE VIEW v AS SELECT * FROM t WHERE x = 1', 'CREATE VIEW v AS SELECT * FROM t WHERE x = 2'],
    [
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'",
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 2'",
    ],
    ['ALTER TABLE t ALTER COLUMN a SET DEFAULT 1', 'ALTER TABLE t ALTER COLUMN a SET DEFAULT 2'],
  ];
  for (const [first, second] of covered) {
    const key = await shape(first);
    assert.ok(key !== null && key === (await shape(second)), `${second}: covered`);
  }
  for (const [first, second] of asked) {
    const key = await shape(first);
    assert.ok(key === null || key !== (await shape(second)), `${second}: asked about`);
  }
});
