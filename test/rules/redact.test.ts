import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Action, FactValue, Family } from '../../src/rules/action.ts';
import { factsToJson } from '../../src/rules/facts.ts';
import { redactText } from '../../src/rules/redact.ts';
import { createRedactor } from '../../src/rules/redactor.ts';
import { makeUnit } from '../support/rule-parts.ts';

const REDACTOR = createRedactor(['X-Session', 'pin']);

interface Request {
  readonly text: string;
  readonly family?: Family;
  readonly facts?: Readonly<Record<string, FactValue>>;
}

function redacted({ text, family = 'http', facts = {} }: Request): string {
  const units = [makeUnit({ facts }, family)];
  return redactText({ family, units, evidence: { text } } as unknown as Action, REDACTOR);
}

/** Facts as they are recorded. */
function recorded(facts: Readonly<Record<string, FactValue>>, family: Family = 'http'): unknown {
  return JSON.parse(factsToJson([makeUnit({ facts }, family)], family, { redactor: REDACTOR }));
}

/** What a record has of a request without any facts. */
const FACTS_OF_ANY = recorded({}) as Readonly<Record<'http' | 'graphql' | 'mcp', object>>;

const head = (fields: string, target: string = '/v1'): string => `POST ${target} HTTP/1.1\nHost: a.test\n${fields}\n\n`;
const JSON_HEAD = head('Content-Type: application/json');
const FORM_HEAD = head('Content-Type: application/x-www-form-urlencoded');
const PARTS_HEAD = head('Content-Type: multipart/form-data; boundary=b');

describe('texts of requests are kept with values masked by name', () => {
  const cases: readonly [string, string, string][] = [
    ['a header field', head('X-SESSION: s3cret\nAccept: */*'), head('X-SESSION: [masked]\nAccept: */*')],
    [
      'a query parameter',
      head('A: b', '/v1?page=2&access_token=s3cret&X-Amz-Signature=s3cret&q=token'),
      head('A: b', '/v1?page=2&access_token=[masked]&X-Amz-Signature=[masked]&q=token'),
    ],
    ['a query parameter in other letters', head('A: b', '/?%70in=1&n=2'), head('A: b', '/?%70in=[masked]&n=2')],
    [
      'fields of forms',
      `${FORM_HEAD}grant_type=code&code=s3cret&user[password]=s3cret&user[name]=x`,
      `${FORM_HEAD}grant_type=code&code=[masked]&user[password]=[masked]&user[name]=x`,
    ],
    [
      'keys of JSON, whatever the value is',
      `${JSON_HEAD}{"name": "token", "Pin": 1234, "token": {"a": ["s3cret", 2]}, "clientSecret" : "s3\\"cret" , "x": [1]}`,
      `${JSON_HEAD}{"name": "token", "Pin": "[masked]", "token": {"a": ["[masked]", "[masked]"]}, "clientSecret" : "[masked]" , "x": [1]}`,
    ],
    ['keys of JSON written with escapes', `${JSON_HEAD}{"p\\u0069n":"1"}`, `${JSON_HEAD}{"p\\u0069n":"[masked]"}`],
    [
      'JSON in lists, and what follows a masked object',
      `${JSON_HEAD}[{"pin":["a",["b"]],"c":"d"},{"token":{"x":1},"y":2}]`,
      `${JSON_HEAD}[{"pin":["[masked]",["[masked]"]],"c":"d"},{"token":{"x":"[masked]"},"y":2}]`,
    ],
    [
      'JSON that was cut inside a value',
      `${JSON_HEAD}{"a":"b","pin":"s3cr\n[cut after 20 bytes]`,
      `${JSON_HEAD}{"a":"b","pin":"[masked]"\n[cut after 20 bytes]`,
    ],
    [
      'parts of multipart forms',
      `${PARTS_HEAD}--b\r\nContent-Disposition: form-data; name="pin"\r\n\r\ns3cret\r\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nshown\r\n--b--\r\n`,
      `${PARTS_HEAD}--b\r\nContent-Disposition: form-data; name="pin"\r\n\r\n[masked]\r\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nshown\r\n--b--\r\n`,
    ],
    ['a message without a head', '{"pin":"s3cret","code":"run()"}', '{"pin":"[masked]","code":"run()"}'],
  ];
  for (const [name, text, kept] of cases) {
    test(name, () => {
      assert.equal(redacted({ text }), kept);
    });
  }

  test('what is behind no such name is kept to the character', () => {
    for (const body of [
      '{"a" : [1, 2.0, {"b":"\\u00e9"}]} ',
      '{"a":',
      ']]}{"x"',
      'plain token=1',
      '[base64] AAAA',
      '"',
    ]) {
      const text = `${JSON_HEAD}${body}`;
      assert.equal(redacted({ text }), text);
    }
  });

  test('SQL has no names to go by', () => {
    assert.equal(redacted({ text: '{"pin":"1"}', family: 'sql' }), '{"pin":"1"}');
  });

  test('long texts that nearly match take no more than their length', () => {
    const long = 'a'.repeat(500_000);
    const parts = 'Content-Disposition: form-data; name=x\r\n'.repeat(20_000);
    for (const text of [`${FORM_HEAD}${long}[b=1`, `${FORM_HEAD}${long}.b]=1`, `${PARTS_HEAD}--b\r\n${parts}`]) {
      assert.equal(redacted({ text }), text);
    }
  });

  test('a text of a million brackets or quotes takes no more than its length', () => {
    const text = `${'['.repeat(500_000)}${'"\\'.repeat(250_000)}`;
    assert.equal(redacted({ text }), text);
  });
});

describe('of Kubernetes', () => {
  const secrets = { 'k8s.resource_type': 'secrets' };
  const secretBody = '{"kind":"Secret","metadata":{"name":"db"},"data":{"user":"YQ=="},"stringData":{"url":"u"}}';

  test('a Secret shows its keys and none of its contents', () => {
    assert.equal(
      redacted({ text: `${JSON_HEAD}${secretBody}`, family: 'k8s', facts: secrets }),
      `${JSON_HEAD}{"kind":"Secret","metadata":{"name":"db"},"data":{"user":"[masked]"},"stringData":{"url":"[masked]"}}`,
    );
  });

  test('a ConfigMap shows its contents', () => {
    const text = `${JSON_HEAD}${secretBody}`;
    assert.equal(redacted({ text, family: 'k8s', facts: { 'k8s.resource_type': 'configmaps' } }), text);
  });

  test('steps of a patch of a Secret, and the copy that kubectl keeps of it, have no contents', () => {
    const step = `${JSON_HEAD}[{"op":"replace","path":"/data/user","value":"YQ=="}]`;
    assert.match(redacted({ text: step, family: 'k8s', facts: secrets }), /"path":"\/data\/user","value":"\[masked\]"/);
    const copy = `${JSON_HEAD}{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{YQ==}"}}}`;
    assert.doesNotMatch(redacted({ text: copy, family: 'k8s', facts: secrets }), /YQ/);
  });

  test('a Secret in YAML or protobuf is not shown at all', () => {
    for (const body of ['data:\n  user: YQ==\n', '[base64] azhzAA==']) {
      assert.doesNotMatch(redacted({ text: `${head('A: b')}${body}`, family: 'k8s', facts: secrets }), /YQ|azhz/);
    }
  });

  test('a volume that is a Secret shows its name', () => {
    const text = `${JSON_HEAD}{"volumes":[{"secret":{"secretName":"db"}}],"token":"s3cret"}`;
    const kept = text.replace('s3cret', '[masked]');
    assert.equal(redacted({ text, family: 'k8s', facts: { 'k8s.resource_type': 'pods' } }), kept);
  });

  test('facts of a Secret have no contents', () => {
    const object = { kind: 'Secret', data: { user: 'YQ==' } };
    const facts = { ...secrets, 'k8s.object': object, 'http.body': 'data:\n  user: YQ==\n', 'http.body_json': object };
    assert.doesNotMatch(JSON.stringify(recorded(facts, 'k8s')), /YQ/);
    assert.match(JSON.stringify(recorded(facts, 'k8s')), /"data":\{"user":"\[masked\]"\}/);
  });
});

test('facts of requests are kept with values masked by name', () => {
  const facts = recorded({
    'http.headers': new Map([
      ['X-Session', ['s3cret']],
      ['Accept', ['*/*']],
    ]),
    'http.query': new Map([
      ['pin', ['s3cret']],
      ['code', ['s3cret']],
      ['page', ['2']],
    ]),
    'http.raw_query': 'pin=s3cret&page=2',
    'http.form': new Map([['password', ['s3cret']]]),
    'http.content_type': 'application/json',
    'http.body': '{"pin":"s3cret"}',
    'http.body_json': { user: { pin: 's3cret', name: 'x' }, code: 'run()' },
    'http.message': '{"pin":"s3cret"}',
    'graphql.variables': { input: [{ token: 's3cret', id: 1 }] },
    'mcp.arguments': { api_key: 's3cret', code: 'run()' },
  });
  assert.doesNotMatch(JSON.stringify(facts), /s3cret/);
  assert.deepEqual(facts, {
    ...FACTS_OF_ANY,
    http: {
      ...FACTS_OF_ANY.http,
      headers: { 'X-Session': ['[masked]'], Accept: ['*/*'] },
      query: { pin: ['[masked]'], code: ['[masked]'], page: ['2'] },
      raw_query: 'pin=[masked]&page=2',
      form: { password: ['[masked]'] },
      content_type: 'application/json',
      body: '{"pin":"[masked]"}',
      body_json: { user: { pin: '[masked]', name: 'x' }, code: 'run()' },
      message: '{"pin":"[masked]"}',
    },
    graphql: { ...FACTS_OF_ANY.graphql, variables: { input: [{ token: '[masked]', id: 1 }] } },
    mcp: { ...FACTS_OF_ANY.mcp, arguments: { api_key: '[masked]', code: 'run()' } },
  });
});

describe('AP-34: SQL is kept with the literals masked that somebody could log in with', () => {
  const same = (text: string): [string, string] => [text, text];
  const cases: readonly (readonly [string, string])[] = [
    [`ALTER ROLE app PASSWORD 's3cret'`, `ALTER ROLE app PASSWORD '[masked]'`],
    [
      `create user x with encrypted password 's3''cret' login`,
      `create user x with encrypted password '[masked]' login`,
    ],
    [
      `CREATE USER x IDENTIFIED WITH sha256_password BY 's3cret'`,
      `CREATE USER x IDENTIFIED WITH sha256_password BY '[masked]'`,
    ],
    [
      `UPDATE users SET password = 's3cret', name = 'bob' WHERE id = 1`,
      `UPDATE users SET password = '[masked]', name = 'bob' WHERE id = 1`,
    ],
    [`SELECT 1 FROM t WHERE t."api_key" = 's3cret'`, `SELECT 1 FROM t WHERE t."api_key" = '[masked]'`],
    [`SET app.access_token TO 's3cret'`, `SET app.access_token TO '[masked]'`],
    [`OPTIONS (user 'bob', password 's3cret')`, `OPTIONS (user 'bob', password '[masked]')`],
    [`SELECT dblink('host=db password=s3cret', 'select 1')`, `SELECT dblink('host=db password=[masked]', 'select 1')`],
    [`CONNECTION 'postgres://bob:s3cret@db/x'`, `CONNECTION 'postgres://bob:[masked]@db/x'`],
    [`SET pin = 's3cret'`, `SET pin = '[masked]'`],
    [`ALTER ROLE app PASSWORD 's3cret cut of`, `ALTER ROLE app PASSWORD '[masked]'`],
    // What is no literal behind such a name, or may be read in several ways, stays to the character.
    same(`ALTER ROLE app PASSWORD ''`),
    same(`DELETE FROM token WHERE kind = 'old'`),
    same(`SELECT 'password', 'name' FROM t`),
    same(`SELECT run(token => 'DROP TABLE users')`),
    same(`SELECT dblink('dbname=x', 'DELETE FROM a WHERE token=drop_all()')`),
    same(`SELECT dblink('dbname=x', 'DELETE FROM a WHERE token=drop_all ()')`),
    same(`SELECT dblink('x', 'see postgres://a:drop_all()@b')`),
    same(`SELECT 'a\\' password ', DROP TABLE users'`),
    same(`SELECT 1 -- password 'x'\n; DROP TABLE users; --'`),
    same(`SELECT /* password ' */ drop_all() /* ' */`),
    same(`DO $$ password $$; SELECT 'x'`),
  ];
  test('in texts', () => {
    for (const [text, kept] of cases) {
      assert.equal(redacted({ text, family: 'sql' }), kept);
    }
  });

  test('in facts: statements, settings, and values that a column is compared with', () => {
    const predicate = (column: string, op: string) =>
      ({ table: 'users', column, op, value: 's3cret', values: ['s3cret'], kind: 'string' }) as unknown as FactValue;
    const facts = recorded(
      {
        'sql.statement': `ALTER ROLE app PASSWORD 's3cret'`,
        'sql.settings': new Map([
          ['app.token', 's3cret'],
          ['work_mem', '1GB'],
        ]),
        'sql.predicates': [predicate('password', '='), predicate('name', '='), predicate('token', '<')],
      },
      'sql',
    ) as { readonly sql: Readonly<Record<string, unknown>> };
    assert.equal(facts.sql['statement'], `ALTER ROLE app PASSWORD '[masked]'`);
    assert.deepEqual(facts.sql['settings'], { 'app.token': '[masked]', work_mem: '1GB' });
    const predicates = facts.sql['predicates'] as readonly { readonly value: string; readonly column: string }[];
    assert.deepEqual(
      predicates.map(({ column, value }) => [column, value]),
      [
        ['password', '[masked]'],
        ['name', 's3cret'],
        ['token', 's3cret'],
      ],
    );
  });

  test('quotes without end take no longer than they are', () => {
    for (const piece of ["'a' ", "'", "''", "'a=b' ", '"', 'a=', "'a = "]) {
      const text = `SELECT '' ${piece.repeat(50_000)}`;
      assert.equal(redacted({ text, family: 'sql' }).length, text.length);
    }
    for (const piece of ['a=b', 'a=b ', 'a=  b  ', 'a  =', 'aaaa=']) {
      const long = `SELECT '${piece.repeat(Math.floor(900 / piece.length))}('`;
      assert.equal(redacted({ text: long, family: 'sql' }), long);
    }
  });
});
