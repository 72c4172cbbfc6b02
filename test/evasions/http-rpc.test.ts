// JSON-RPC and MCP: every member of a batch is judged, and what is not exactly a message is not believed to be one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Unknown } from '../../src/rules/action.ts';
import type { McpView } from '../../src/protocols/http/flavour.ts';
import { isCanonicalUri } from '../../src/protocols/http/uri.ts';
import { analysisOf, factOf, verdictOf } from '../support/http.ts';
import type { JudgeOptions, RequestParts } from '../support/http.ts';
import { makePolicy } from '../support/rule-parts.ts';
import type { Policy } from '../../src/rules/decision.ts';

const MCP: JudgeOptions = {
  attributes: { mcp: true, tools: { search: 'safe', write: 'suspicious', wipe: 'destructive' } },
};
const HEADERS = [['Content-Type', 'application/json']] as const;

const denying = (condition: string): Policy =>
  makePolicy({ rules: [{ condition, family: 'http', outcome: 'deny' }], unmatched: 'allow' });
const allowing = (condition: string): Policy =>
  makePolicy({ rules: [{ condition, family: 'http', outcome: 'allow' }], unmatched: 'deny' });

const TOOL = denying("mcp.tool == 'delete_repo'");
const T = makePolicy({});

function post(body: unknown): RequestParts {
  return {
    method: 'POST',
    target: '/mcp',
    headers: HEADERS,
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  };
}

function message(method: string, params?: unknown): object {
  return { jsonrpc: '2.0', id: 1, method, ...(params === undefined ? {} : { params }) };
}

const tool = (name: string, args: unknown = {}): object => message('tools/call', { name, arguments: args });

test('MC-01: one denied member denies the batch', () => {
  assert.equal(verdictOf(TOOL, post([tool('search'), tool('delete_repo')]), MCP), 'deny');
  assert.equal(verdictOf(TOOL, post([tool('delete_repo')]), MCP), 'deny');
  assert.equal(verdictOf(TOOL, post([tool('search'), tool('search')]), MCP), 'allow');
  const rpc = denying("'admin.drop' in rpc.methods");
  assert.equal(verdictOf(rpc, post([message('a'), message('admin.drop')])), 'deny');
  assert.equal(verdictOf(rpc, post([message('a'), message('b')])), 'allow');
  assert.equal(analysisOf(post([message('a'), message('b')])).units.length, 2);
});

test('MC-02: keys that readers take differently deny', () => {
  const texts = [
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"delete_repo"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"delete_repo"}}',
    '{"jsonrpc":"2.0","id":1,"Method":"tools/call","params":{"name":"delete_repo"}}',
    '{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","params":{"name":"delete_repo"}}',
    '{"jsonrpc":"2.0","id":1,"method ":"tools/call","method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","name":"delete_repo"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"},"Params":{"name":"delete_repo"}}',
  ];
  for (const text of texts) {
    assert.equal(verdictOf(TOOL, post(text), MCP), 'deny', text);
    assert.equal(verdictOf(denying("'tools/call' in rpc.methods"), post(text)), 'deny', text);
  }
  assert.equal(verdictOf(TOOL, post(message('ping')), MCP), 'allow');
  assert.equal(verdictOf(denying("'tools/call' in rpc.methods"), post(message('ping'))), 'allow');
});

test('MC-02: a body that opens as JSON does is taken for a message whatever its type, and however long it is', () => {
  const policy = denying("'tools/call' in rpc.methods");
  const of = (body: string | Buffer, ...types: readonly string[]): readonly RequestParts[] =>
    types.map((type) => ({ target: '/rpc', headers: type === '' ? [] : [['Content-Type', type]], body }));
  const twice = '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}';
  const types = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=B', 'text/plain', ''];
  const denied = [
    ...of(twice, ...types),
    ...of(` \n\ufeff${twice}`, ...types),
    ...of(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from(`",${twice.slice(1)}`)]), ...types),
    ...of(Buffer.from(twice, 'utf16le').swap16(), ...types),
  ];
  for (const parts of denied) {
    assert.equal(verdictOf(policy, parts), 'deny', JSON.stringify(parts));
  }
  const cut = (parts: RequestParts): JudgeOptions => ({
    body: { kind: 'cut', cause: 'too_large', bytes: Buffer.from(parts.body ?? '') },
  });
  for (const parts of of('{"jsonrpc":"2.0","pad":"', ...types)) {
    assert.equal(verdictOf(policy, parts, cut(parts)), 'deny', JSON.stringify(parts));
  }
  const upload = of(
    Buffer.concat([Buffer.from('--B\r\n\r\n{'), Buffer.from([0xff, 0])]),
    'multipart/form-data; boundary=B',
  );
  for (const parts of [...of('a=1&b={', 'application/x-www-form-urlencoded', ''), ...upload]) {
    assert.equal(verdictOf(policy, parts), 'allow', JSON.stringify(parts));
  }
  for (const parts of upload) {
    assert.equal(verdictOf(policy, parts, cut(parts)), 'allow');
  }
});

test('MC-03: a tool is its name exactly', () => {
  const list = allowing("mcp.method == 'tools/call' && mcp.tool in ['search']");
  for (const name of ['Search', 'search ', ' search', 'search\0', 's\u0435arch', 'SEARCH', '']) {
    assert.equal(verdictOf(list, post(tool(name)), MCP), 'deny', JSON.stringify(name));
  }
  assert.equal(verdictOf(list, post(tool('search')), MCP), 'allow');
});

test('MC-04: what is no message of the protocol is refused', () => {
  const refused: readonly unknown[] = [
    { method: 'ping', id: 1 },
    { jsonrpc: '1.0', method: 'ping', id: 1 },
    { jsonrpc: 2, method: 'ping', id: 1 },
    { jsonrpc: '2.0', method: 1, id: 1 },
    { jsonrpc: '2.0', method: 'ping', id: null },
    { jsonrpc: '2.0', method: 'ping', id: {} },
    { jsonrpc: '2.0', method: 'ping', id: 1, result: {} },
    { jsonrpc: '2.0', id: 1, result: {}, error: {} },
    { jsonrpc: '2.0', id: 1 },
    { jsonrpc: '2.0', result: {} },
    message('tools/call', ['delete_repo']),
    message('tools/call', {}),
    message('tools/call'),
    message('tools/call', { name: 1 }),
    message('tools/call', { name: 'search', arguments: 'x' }),
    message('resources/read', {}),
    message('ping', 'x'),
    message('ping', null),
    [],
    [1],
    'ping',
    '"ping"',
    '1',
    'null',
    `${JSON.stringify(message('ping'))}${JSON.stringify(message('ping'))}`,
    '',
    ' ',
  ];
  const all = allowing('true');
  for (const body of refused.slice(0, -2)) {
    assert.equal(verdictOf(all, post(body), MCP), 'refuse', JSON.stringify(body));
  }
  for (const body of [message('ping'), { jsonrpc: '2.0', method: 'notifications/initialized' }, [message('ping')]]) {
    assert.equal(verdictOf(all, post(body), MCP), 'allow', JSON.stringify(body));
  }
});

test('MC-09: an answer to a request that the server never made is refused', () => {
  const view: McpView = {
    session: 'h',
    isIssued: true,
    refused: null,
    askedBy: (id) => (id === 7 ? 'sampling/createMessage' : null),
  };
  const answer = (id: unknown): RequestParts => post({ jsonrpc: '2.0', id, result: {} });
  const all = allowing('true');
  assert.equal(verdictOf(all, answer(8), { ...MCP, mcp: view }), 'refuse');
  assert.equal(verdictOf(all, answer('7'), { ...MCP, mcp: view }), 'refuse');
  assert.equal(verdictOf(all, answer(7), { ...MCP, mcp: view }), 'allow');
  const { units, risk } = analysisOf(answer(7), { ...MCP, mcp: view });
  assert.equal(units[0]?.facts.get('mcp.method'), 'sampling/createMessage');
  assert.equal(units[0]?.facts.get('mcp.session'), 'h');
  assert.equal(risk, 'suspicious');
  const foreign: McpView = {
    session: new Unknown('unresolved'),
    isIssued: false,
    refused: 'not yours',
    askedBy: () => null,
  };
  assert.equal(verdictOf(all, post(message('ping')), { ...MCP, mcp: foreign }), 'refuse');
});

test('MC-10: a resource is known when its URI is canonical', () => {
  const rule = allowing("mcp.method == 'resources/read' && mcp.uri.startsWith('file:///srv/')");
  const read = (uri: string): RequestParts => post(message('resources/read', { uri }));
  for (const uri of [
    'file:///srv/../etc/passwd',
    'file:///srv/./a',
    'file:///srv/%2e%2e/etc/passwd',
    'file:///srv/%2E%2e/etc',
    'file:///srv//etc',
    'file:///srv/a%2fb',
    'file:///srv/%61',
    'file:///srv/a%252e',
    'file:///srv/a\\..\\b',
    'file:///srv/{path}',
    'file:///srv/a b',
    'file:///srv/a%0ab',
    'file:///srv/%zz',
    'FILE:///srv/a',
    'file:/srv/a',
    'file://HOST/srv/a',
    'file:///etc/passwd',
    'srv/a',
  ]) {
    assert.equal(verdictOf(rule, read(uri), MCP), 'deny', uri);
  }
  for (const uri of ['file:///srv/a', 'file:///srv/a/b.txt', 'file:///srv/a%20b', 'file:///srv/', 'file:///srv/..a']) {
    assert.equal(verdictOf(rule, read(uri), MCP), 'allow', uri);
  }
  for (const uri of ['note:x', 'urn:isbn:1', 'https://h.example/a?b=%2f..', 'db://t/u#x']) {
    assert.equal(isCanonicalUri(uri), !uri.includes('%2f'), uri);
  }
});

test('MC-11: a coded body is read; one that is cut denies', () => {
  const gzip = (body: object): RequestParts => ({
    ...post(gzipSync(JSON.stringify(body))),
    headers: [...HEADERS, ['Content-Encoding', 'gzip']],
  });
  assert.equal(verdictOf(TOOL, gzip(tool('delete_repo')), MCP), 'deny');
  assert.equal(verdictOf(TOOL, gzip(tool('search')), MCP), 'allow');
  const bytes = Buffer.from(JSON.stringify(tool('search')));
  assert.equal(verdictOf(TOOL, post(bytes), { ...MCP, body: { kind: 'cut', cause: 'too_large', bytes } }), 'deny');
});

test('MC-13, MC-14: arguments are data, and only the endpoint says what a tool is', () => {
  const sql = post(tool('search', { sql: 'DROP TABLE users; rm -rf /' }));
  assert.equal(analysisOf(sql, MCP).risk, 'safe');
  const args = factOf(sql, 'mcp.arguments', MCP);
  assert.equal(JSON.stringify(args), '{"sql":"DROP TABLE users; rm -rf /"}');
  const hinted = post(message('tools/call', { name: 'wipe', annotations: { readOnlyHint: true } }));
  assert.equal(analysisOf(hinted, MCP).risk, 'destructive');
});

test('tiers of messages; what a client claims does not lower one', () => {
  const cases: [object, string][] = [
    [message('initialize', {}), 'safe'],
    [message('ping'), 'safe'],
    [{ jsonrpc: '2.0', method: 'notifications/cancelled', params: {} }, 'safe'],
    [message('tools/list'), 'safe'],
    [message('resources/list'), 'safe'],
    [message('resources/read', { uri: 'file:///a' }), 'safe'],
    [message('prompts/get', { name: 'p' }), 'safe'],
    [message('logging/setLevel', { level: 'debug' }), 'safe'],
    [tool('search'), 'safe'],
    [tool('write'), 'suspicious'],
    [tool('wipe'), 'destructive'],
    [tool('other'), 'destructive'],
    [tool('constructor'), 'destructive'],
    [message('made/up'), 'destructive'],
  ];
  for (const [body, risk] of cases) {
    assert.equal(analysisOf(post(body), MCP).risk, risk, JSON.stringify(body));
  }
  const claimed = { ...post(message('ping')), headers: [...HEADERS, ['Mcp-Session-Id', 'x'] as const] };
  assert.equal(analysisOf(claimed).risk, 'suspicious');
  assert.equal(factOf(claimed, 'mcp.method'), 'ping');
  assert.equal(analysisOf(post(message('ping'))).risk, 'suspicious');
  assert.equal(factOf(post(message('ping')), 'mcp.method'), '');
});

test('MP-39: what an MCP client does without a tool passes, and a listed tool does', () => {
  for (const body of [message('initialize', {}), message('tools/list'), message('ping'), tool('search')]) {
    assert.equal(verdictOf(T, post(body), MCP), 'allow');
  }
  assert.equal(verdictOf(T, { target: '/mcp', headers: [['Accept', 'text/event-stream']] }, MCP), 'allow');
  assert.equal(verdictOf(T, post(tool('unlisted')), MCP), 'approve');
  assert.equal(factOf(post([message('ping')]), 'rpc.batch'), 1n);
  assert.equal(factOf(post(message('ping')), 'rpc.batch'), 0n);
  assert.deepEqual(factOf(post({ a: 1 }), 'rpc.methods'), []);
  assert.deepEqual(factOf(post('a=1'), 'rpc.methods'), []);
  assert.ok(factOf(post('{"a":1'), 'rpc.methods') instanceof Unknown);
});
