// GraphQL: what would run is told through aliases, fragments and transports, or it is not told at all (HT-39, HT-40).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unknown } from '../../src/rules/action.ts';
import { readDocument } from '../../src/protocols/http/graphql-document.ts';
import { analysisOf, factOf, verdictOf } from '../support/http.ts';
import type { RequestParts } from '../support/http.ts';
import { makePolicy } from '../support/rule-parts.ts';

const FIELD = makePolicy({
  rules: [{ condition: "'deleteRepo' in graphql.fields", family: 'http', outcome: 'deny' }],
  unmatched: 'allow',
});
const T = makePolicy({});

const JSON_TYPE = ['Content-Type', 'application/json'] as const;

function post(body: unknown, target: string = '/graphql'): RequestParts {
  return { method: 'POST', target, headers: [JSON_TYPE], body: typeof body === 'string' ? body : JSON.stringify(body) };
}

function multipart(fields: Readonly<Record<string, string>>): RequestParts {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return {
    method: 'POST',
    target: '/graphql',
    headers: [['Content-Type', 'multipart/form-data; boundary=B']],
    body: `${parts.join('')}--B--\r\n`,
  };
}

const encode = encodeURIComponent;
/** What curl says of a body of itself, and nothing at all. */
const UNSAID: readonly (readonly (readonly [string, string])[])[] = [
  [['Content-Type', 'application/x-www-form-urlencoded']],
  [],
];
const DELETE = 'mutation { deleteRepo(id: 1) { ok } }';
const READ = '{ repo(id: 1) { name } }';

test('HT-39: a mutation field is found in every transport and behind every name', () => {
  const hidden = (document: string, more: object = {}): RequestParts => post({ query: document, ...more });
  const denied: readonly RequestParts[] = [
    hidden(DELETE),
    hidden('mutation { x: deleteRepo(id: 1) { ok } }'),
    hidden('mutation { ...F } fragment F on Mutation { deleteRepo(id: 1) { ok } }'),
    hidden('mutation { ...F } fragment F on Mutation { ...G } fragment G on Mutation { a: deleteRepo { ok } }'),
    hidden('mutation { ... on Mutation { deleteRepo(id: 1) { ok } } }'),
    hidden('mutation { ... @include(if: true) { deleteRepo(id: 1) { ok } } }'),
    hidden(`query A ${READ} mutation B { deleteRepo { ok } }`, { operationName: 'B' }),
    post([{ query: READ }, { query: DELETE }]),
    { target: `/graphql?query=${encode(DELETE)}` },
    { method: 'POST', target: '/graphql', headers: [['Content-Type', 'application/graphql']], body: DELETE },
    multipart({ operations: JSON.stringify({ query: DELETE }), map: '{}' }),
    multipart({ query: DELETE }),
    {
      method: 'POST',
      target: '/graphql',
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      body: `query=${encode(DELETE)}`,
    },
    post({ query: DELETE }, '/api/whatever'),
    hidden('#\u2028\nmutation{\n  deleteRepo\n}'),
    post({ query: READ }, `/graphql?query=${encode(DELETE)}`),
    // Some servers read JSON whatever the type says, and to some a POST without a type is a form.
    ...UNSAID.flatMap((headers): readonly RequestParts[] =>
      ['/graphql', '/api/whatever'].flatMap((target) => [
        { ...post({ query: DELETE }, target), headers },
        { ...post({ query: DELETE, x: `&query=${READ}&` }, target), headers },
        { ...post({ query: READ, x: `&query=${DELETE}&` }, target), headers },
        { ...post(`{"query":"{a}","query":"${DELETE}"}`, target), headers },
        { method: 'POST', target, headers, body: `query=${encode(DELETE)}` },
        { method: 'POST', target, headers, body: `a=%zz&query=${encode(DELETE)}` },
      ]),
    ),
    // Servers read the URL of a POST too, and a path that does not say so may be GraphQL.
    post({}, `/v1/data?query=${encode(DELETE)}`),
    post({ other: 1 }, `/v1/data?query=${encode(DELETE)}`),
  ];
  for (const parts of denied) {
    assert.equal(verdictOf(FIELD, parts), 'deny', parts.body?.toString() ?? parts.target);
  }
  const passing: readonly RequestParts[] = [
    hidden(READ),
    hidden('mutation { createRepo { ok } }'),
    hidden('query deleteRepo { repo { name } }'),
    hidden('{ deleted: repo(note: "deleteRepo") { name } }'),
    hidden(`query A ${READ} mutation B { deleteRepo { ok } }`, { operationName: 'A' }),
    hidden('{ a } fragment F on Mutation { deleteRepo }'),
    post([{ query: READ }, { query: READ }]),
    { target: `/graphql?query=${encode(READ)}` },
    multipart({ operations: JSON.stringify({ query: READ }), map: '{}' }),
    ...UNSAID.flatMap((headers): readonly RequestParts[] => [
      { ...post({ query: READ }), headers },
      { ...post({ query: `# 100% sure; really\n${READ}` }), headers },
      { method: 'POST', target: '/graphql', headers, body: `query=${encode(READ)}` },
      { method: 'POST', target: '/api/whatever', headers, body: 'name=1&more=%20' },
    ]),
    {},
    post({ query: 'some words to look for' }, '/search'),
    post({}, `/v1/data?query=${encode(READ)}`),
  ];
  for (const parts of passing) {
    assert.equal(verdictOf(FIELD, parts), 'allow', parts.body?.toString() ?? parts.target);
  }
});

test('HT-40: what cannot be told is opaque; what is only switched off counts', () => {
  assert.equal(verdictOf(FIELD, post({ query: 'mutation { deleteRepo @include(if: false) { ok } }' })), 'deny');
  const nested = `{${'a{'.repeat(100_000)}b${'}'.repeat(100_000)}}`;
  const opaque: readonly RequestParts[] = [
    post({ extensions: { persistedQuery: { version: 1, sha256Hash: 'ab' } } }),
    { target: `/graphql?extensions=${encode('{"persistedQuery":{"version":1}}')}` },
    post({ id: 'abc' }),
    post({ documentId: 'abc', query: READ }),
    post({ query: 'mutation {' }),
    post({ query: nested }),
    post({ query: `query A ${READ} query B ${READ}` }),
    post({ query: `query A ${READ}`, operationName: 'B' }),
    post({ query: `query A ${READ} query A { b }`, operationName: 'A' }),
    post({ query: '{ ...F } fragment F on Q { ...F }' }),
    post({ query: '{ ...F }' }),
    post({ query: 'type A { b: Int }' }),
    post({ query: READ, operationName: 1 }),
    post('{"query":"{a}","query":"mutation { deleteRepo }"}'),
    post('{"query":"{a}","Query":"mutation { deleteRepo }"}'),
    post({ Query: DELETE }),
    post([]),
    post([READ]),
    post(''.padEnd(10, 'x')),
    post({}),
    { target: `/graphql?query=${encode(READ)}&query=${encode(DELETE)}` },
    { ...post({ query: READ }), headers: [JSON_TYPE, ['Content-Encoding', 'lzma']] },
    post({ query: `{ ${Array.from({ length: 60_000 }, (_, index) => `f${index}`).join(' ')} }` }),
    post({ query: `{${'...A '.repeat(30)}} ${fanOut()}` }),
  ];
  for (const parts of opaque) {
    assert.equal(verdictOf(FIELD, parts), 'deny', parts.body?.toString().slice(0, 80) ?? parts.target);
    const { risk, units } = analysisOf(parts);
    assert.equal(risk, 'destructive');
    assert.ok(units.some((unit) => unit.riskCauses.includes('opaque') && unit.unreadable));
  }
});

test('HT-39: on any path, a body that may hold an operation and cannot be read denies', () => {
  const bytes = Buffer.from('{"query":"{ a');
  const cut = { body: { kind: 'cut', cause: 'too_large', bytes } } as const;
  assert.equal(verdictOf(FIELD, post({ query: READ }, '/api'), cut), 'deny');
  assert.equal(verdictOf(FIELD, post(`{"query":"{a}","query":"${DELETE}"}`, '/api')), 'deny');
  assert.equal(verdictOf(FIELD, { ...post('x', '/api'), headers: [['Content-Encoding', 'lzma']] }), 'deny');
  assert.equal(verdictOf(FIELD, post('plain words', '/api')), 'allow');
  assert.equal(verdictOf(FIELD, post({ a: 1 }, '/api')), 'allow');
  assert.equal(
    verdictOf(makePolicy({ unmatched: 'allow' }), post({ query: DELETE }), { body: { kind: 'unread' } }),
    'allow',
  );
});

/** Fragments that double at every level. */
function fanOut(): string {
  const names = Array.from('ABCDEFGHIJKLMNOPQRST');
  return names
    .map((name, index) => {
      const next = names[index + 1];
      return `fragment ${name} on Q { ${next === undefined ? 'x' : `...${next} ...${next}`} }`;
    })
    .join(' ');
}

test('facts of an operation', () => {
  const query = 'query Q($n: Int) { v: viewer { login ... on User { repos(first: $n) { nodes { name } } } } }';
  const parts = post({ query, variables: { n: 3 }, operationName: 'Q' });
  assert.equal(factOf(parts, 'graphql.type'), 'query');
  assert.equal(factOf(parts, 'graphql.name'), 'Q');
  assert.equal(factOf(parts, 'graphql.operations'), 1n);
  assert.deepEqual(factOf(parts, 'graphql.fields'), ['viewer']);
  assert.deepEqual(factOf(parts, 'graphql.paths'), [
    'viewer',
    'viewer.login',
    'viewer.repos',
    'viewer.repos.nodes',
    'viewer.repos.nodes.name',
  ]);
  assert.deepEqual(JSON.stringify(factOf(parts, 'graphql.variables')), '{"n":3}');
  assert.equal(factOf({}, 'graphql.type'), 'none');
  assert.ok(factOf(post({ query: '{' }), 'graphql.type') instanceof Unknown);
  const deep = readDocument('{a{b{c{d{e{f{g{h{i{j}}}}}}}}}}', null);
  assert.ok(deep.kind === 'operation');
  assert.ok(deep.operation.paths.includes('a.b.c.d.e.f.g.h.…'));
  assert.ok(deep.operation.names.has('j'));
});

test('a WebSocket on which operations will come is not one without operations', () => {
  const spoken = (protocol: string): RequestParts => ({
    target: '/live',
    upgrade: 'websocket',
    headers: [['Sec-WebSocket-Protocol', protocol]],
  });
  for (const parts of [
    { target: '/graphql', upgrade: 'websocket' },
    spoken('graphql-transport-ws'),
    spoken('chat, graphql-ws'),
  ]) {
    assert.equal(verdictOf(FIELD, parts), 'deny', JSON.stringify(parts));
    assert.equal(analysisOf(parts).risk, 'suspicious');
  }
  for (const parts of [{ target: '/live', upgrade: 'websocket' }, spoken('chat'), { target: '/graphql' }]) {
    assert.equal(verdictOf(FIELD, parts), 'allow', JSON.stringify(parts));
  }
});

test('tiers of operations; a path that anybody can choose does not lower one', () => {
  const cases: [RequestParts, string][] = [
    [post({ query: READ }), 'safe'],
    [post({ query: READ }, '/api/v3/graphql'), 'safe'],
    [post({ query: READ }, '/admin/api/2024-01/graphql.json'), 'safe'],
    [{ target: `/graphql?query=${encode(READ)}` }, 'safe'],
    [post({ query: 'subscription { s }' }), 'safe'],
    [post({ query: READ }, '/v1/refunds'), 'suspicious'],
    [post({ query: READ }, '/a/b/c/d/e/graphql'), 'suspicious'],
    [post({ query: READ }, '/x//graphql'), 'suspicious'],
    [post({ query: 'mutation { createIssue { id } }' }), 'suspicious'],
    [{ target: `/graphql?query=${encode('mutation { createIssue { id } }')}` }, 'suspicious'],
    [post([{ query: READ }, { query: 'mutation { createIssue { id } }' }]), 'suspicious'],
    [post({ query: DELETE }), 'destructive'],
    [post({ query: 'mutation { mergePullRequest { id } }' }), 'destructive'],
    [post({ query: 'mutation { x: archiveRepo { id } }' }), 'destructive'],
    [{ ...post({ query: READ }), method: 'DELETE' }, 'destructive'],
  ];
  for (const [parts, risk] of cases) {
    assert.equal(analysisOf(parts).risk, risk, `${parts.target ?? ''} ${parts.body?.toString() ?? ''}`);
  }
  const secret = { attributes: { secret_fields: ['token', 'viewer.email'] } };
  assert.equal(analysisOf(post({ query: '{ a { t: token } }' }), secret).risk, 'destructive');
  assert.equal(analysisOf(post({ query: '{ viewer { email } }' }), secret).risk, 'destructive');
  assert.equal(analysisOf(post({ query: '{ other { email } }' }), secret).risk, 'safe');
  assert.equal(verdictOf(T, post({ query: READ })), 'allow');
  // Languages of other servers have brackets too: what they ask is judged by its method, but not where the path says GraphQL.
  const METRICS = 'sum(rate(http_requests_total{job="api"}[5m])) by (code)';
  const LOGS = '{app="api"} |= "error"';
  const ALLOW = makePolicy({ rules: [], unmatched: 'allow' });
  for (const text of [METRICS, LOGS]) {
    const get = { target: `/api/v1/query?query=${encode(text)}` };
    assert.deepEqual([analysisOf(get).risk, verdictOf(T, get), verdictOf(ALLOW, get)], ['safe', 'allow', 'allow']);
    const form: RequestParts = {
      method: 'POST',
      target: '/api/v1/query',
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      body: `query=${encode(text)}`,
    };
    assert.equal(analysisOf(form).risk, 'suspicious');
    assert.equal(verdictOf(FIELD, get), 'deny', 'a rule that reads what it asks cannot tell');
    assert.equal(analysisOf({ target: `/graphql?query=${encode(text)}` }).risk, 'destructive');
  }
  for (const text of [`${LOGS} mutation { x }`, `{${'a{'.repeat(40)}b${'}'.repeat(40)}}`]) {
    assert.equal(analysisOf({ target: `/api/v1/query?query=${encode(text)}` }).risk, 'destructive', text);
  }
});
