// How a request of ClickHouse over HTTP is read: what is taken out, what is refused, and what the statement is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointConfig } from '../../../src/config/config.ts';
import { outcomeOf, refuse } from '../../../src/protocols/clickhouse/flavour.ts';
import { wrapFrame } from '../../../src/protocols/clickhouse/frames.ts';
import { prepareRequest, readHttpQuery, urlText } from '../../../src/protocols/clickhouse/request.ts';
import type { BodyReading, Field, HttpRequest } from '../../../src/protocols/http/request.ts';

const config = (attributes: Readonly<Record<string, boolean>> = {}): EndpointConfig =>
  ({ attributes }) as unknown as EndpointConfig;

function request(target: string, more: Partial<HttpRequest> = {}): HttpRequest {
  const [path = '/', query] = target.split('?', 2);
  return {
    version: '1.1',
    method: 'POST',
    scheme: 'https',
    host: 'ch.example',
    port: 8443,
    rawPath: path,
    rawQuery: query ?? null,
    fields: [],
    upgrade: 'none',
    framing: 'stream',
    contentLength: null,
    ...more,
  };
}

const field = (name: string, value: string): Field => ({ name, value });
const whole = (text: string | Buffer): BodyReading => ({ kind: 'whole', bytes: Buffer.from(text) });
const MAX = 1024 * 1024;

test("the agent's account and unknown fields of ClickHouse are taken out, and its session gets a name of its own", () => {
  const fields = [
    field('X-ClickHouse-User', 'admin'),
    field('X-ClickHouse-Key', 'k'),
    field('x-clickhouse-jwt-token', 't'),
    field('X-ClickHouse-Format', 'JSON'),
    field('Accept', '*/*'),
  ];
  const prepared = prepareRequest(
    request('/?user=u&query=SELECT+1&password=p&session_id=a%2Fb', { fields }),
    config(),
    'mine-',
  );
  assert.ok(prepared.kind === 'ready');
  assert.equal(prepared.request.rawQuery, 'query=SELECT+1&session_id=mine-a%2Fb');
  assert.deepEqual(
    prepared.request.fields.map(({ name }) => name),
    ['X-ClickHouse-Format', 'Accept'],
  );
  assert.deepEqual(prepared.login, { user: 'admin', database: '' });
  const basic = prepareRequest(
    request('/?database=d', { fields: [field('Authorization', `Basic ${Buffer.from('bob:x').toString('base64')}`)] }),
    config(),
    '',
  );
  assert.deepEqual(basic.kind === 'ready' && basic.login, { user: 'bob', database: 'd' });
});

test('the upstream speaks TLS but at the ports of plain HTTP, unless the endpoint says otherwise', () => {
  const scheme = (port: number, attributes?: Readonly<Record<string, boolean>>): string => {
    const prepared = prepareRequest(request('/', { port }), config(attributes), '');
    return prepared.kind === 'ready' ? prepared.request.scheme : prepared.why;
  };
  assert.deepEqual(
    [scheme(443), scheme(8443), scheme(80), scheme(8123), scheme(9999)],
    ['https', 'https', 'http', 'http', 'https'],
  );
  assert.deepEqual([scheme(8123, { tls: true }), scheme(9999, { tls: false })], ['https', 'http']);
});

test('what could be read in more than one way is refused', () => {
  const refused: readonly (readonly [string, Partial<HttpRequest>, number])[] = [
    ['/play', {}, 404],
    ['/?query=a', { method: 'DELETE' }, 405],
    ['/?query=a;b', {}, 400],
    ['/?query=%zz', {}, 400],
    ['/?query=a&query=b', {}, 400],
    ['/?max_threads=1&MAX_threads=2', {}, 400],
    ['/?USER=admin', {}, 400],
    ['/?session_id=', {}, 400],
    [`/?session_id=${'x'.repeat(201)}`, {}, 400],
    ['/?database=a', { fields: [field('X-ClickHouse-Database', 'b')] }, 400],
    ['/', { fields: [field('X-ClickHouse-Database', 'a'), field('x-clickhouse-database', 'b')] }, 400],
  ];
  for (const [target, more, status] of refused) {
    const prepared = prepareRequest(request(target, more), config(), '');
    assert.equal(prepared.kind === 'refused' && prepared.status, status, target);
  }
  for (const target of ['/', '/ping', '/replicas_status', '/?query=a&max_threads=1', '/?session_id=x&database=d']) {
    assert.equal(prepareRequest(request(target), config(), '').kind, 'ready', target);
  }
});

test('the statement is the URL, a line feed and the body, as far as they are known', () => {
  const broken = wrapFrame(Buffer.from('b'));
  broken[0] = (broken[0] ?? 0) ^ 1;
  const cases: readonly (readonly [string, BodyReading, string, boolean])[] = [
    ['/?query=a', whole(''), 'a', true],
    ['/?query=a', whole('b'), 'a\nb', true],
    ['/', whole('b'), 'b', true],
    ['/?query=a', { kind: 'unread' }, 'a\n', false],
    ['/?query=a', { kind: 'cut', cause: 'too_large', bytes: Buffer.from('b') }, 'a\nb', false],
    ['/?decompress=1', whole(wrapFrame(Buffer.from('b'))), 'b', true],
    ['/?decompress=1', whole(Buffer.concat([wrapFrame(Buffer.from('b')), Buffer.from('c')])), '', false],
    ['/?decompress=1', whole(broken), '', false],
    ['/?decompress=0', whole('b'), 'b', true],
  ];
  for (const [target, body, text, complete] of cases) {
    const query = readHttpQuery(request(target), body, MAX);
    assert.deepEqual([query.text.toString(), query.complete], [text, complete], target);
  }
  assert.equal(urlText(request('/?query=a%20b')).toString(), 'a b\n');
  assert.equal(urlText(request('/')).length, 0);
});

test("parameters of the URL are settings, substitutions, or the server's own", () => {
  const query = readHttpQuery(
    request('/?query=a&max_threads=2&param_t=x&default_format=JSON&role=admin&database=d&session_id=s&buffer_size=1'),
    whole(''),
    MAX,
  );
  assert.deepEqual(
    [...query.settings],
    [
      ['max_threads', '2'],
      ['role', 'admin'],
    ],
  );
  assert.deepEqual([...query.parameters], [['t', 'x']]);
  assert.deepEqual([query.database, query.inSession, query.refused], ['d', true, null]);
});

test('fields of a form are parameters, its files are temporary tables, and what two readers could read otherwise is refused', () => {
  const form = (...parts: readonly (readonly [string, string])[]): [HttpRequest, BodyReading] => {
    const text = parts
      .map(([head, content]) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`)
      .join('');
    return [
      request('/?query=SELECT+1', { fields: [field('Content-Type', 'multipart/form-data; boundary=b')] }),
      whole(`${text}--b--\r\n`),
    ];
  };
  const good = readHttpQuery(
    ...form(['name="t_structure"', 'a UInt8'], ['name="t"; filename="f"', '1'], ['name="max_threads"', '2']),
    MAX,
  );
  assert.deepEqual(
    [good.text.toString(), good.externalTables, [...good.settings], good.refused],
    ['SELECT 1', ['t'], [['max_threads', '2']], null],
  );
  for (const parts of [
    [['name="query"', 'SELECT 2']],
    [['name="user"', 'admin']],
    [['name="session_id"', 'x']],
    [
      ['name="a"', '1'],
      ['name="a"', '2'],
    ],
    [
      ['name="t"; filename="f"', '1'],
      ['name="t"; filename="g"', '1'],
    ],
  ] as const) {
    assert.notEqual(readHttpQuery(...form(...parts), MAX).refused, null, JSON.stringify(parts));
  }
  const [head] = form();
  assert.notEqual(
    readHttpQuery(head, { kind: 'cut', cause: 'too_large', bytes: Buffer.from('--b') }, MAX).refused,
    null,
  );
  assert.notEqual(readHttpQuery(head, whole('no form'), MAX).refused, null);
});

test('CK-10 the head of an answer says how many rows it was, and with which exception it ended', () => {
  const summary = field('X-ClickHouse-Summary', '{"read_rows":"5","written_rows":"0","result_rows":"3"}');
  assert.deepEqual(outcomeOf({ status: 200, fields: [summary] }), { rows: 3, errorCode: '' });
  const written = field('X-ClickHouse-Summary', '{"written_rows":"7"}');
  assert.deepEqual(outcomeOf({ status: 200, fields: [written] }), { rows: 7, errorCode: '' });
  const exception = field('X-ClickHouse-Exception-Code', '60');
  assert.deepEqual(outcomeOf({ status: 404, fields: [exception] }), { rows: null, errorCode: '60' });
  assert.deepEqual(outcomeOf({ status: 500, fields: [field('X-ClickHouse-Exception-Code', 'x')] }), {
    rows: null,
    errorCode: '',
  });
});

test('a refusal is a line of text with the code that a server would give', () => {
  const codes = (['denied', 'malformed', 'upstream'] as const).map((code) => {
    const status = code === 'denied' ? 403 : code === 'malformed' ? 400 : 502;
    const { body, fields } = refuse({ status, code, reason: 'why', rule: 'r', hint: 'do', action: 'id' });
    assert.match(body.toString(), /^Code: \d+\. DB::Exception: why \(denied by rule "r"\) do \(action id\)\n$/);
    return fields.find(({ name }) => name === 'X-ClickHouse-Exception-Code')?.value;
  });
  assert.deepEqual(codes, ['497', '101', '210']);
});
