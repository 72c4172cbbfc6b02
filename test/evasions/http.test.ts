// Requests that try to reach the upstream as something else than the rules saw: attacks of HTTP on path, query, headers and body, each
// with a harmless twin under the same rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, brotliCompressSync, gzipSync } from 'node:zlib';
import type { AttributeValue } from '../../src/config/config.ts';
import { Unknown } from '../../src/rules/action.ts';
import { HTTP_FACTS } from '../../src/rules/schema-http.ts';
import { FormScanner } from '../../src/protocols/http/form-scanner.ts';
import type { BodyReading } from '../../src/protocols/http/request.ts';
import { analysisOf, factOf, gzipSaying, verdictOf } from '../support/http.ts';
import type { RequestParts } from '../support/http.ts';
import { makePolicy } from '../support/rule-parts.ts';
import type { Policy } from '../../src/rules/decision.ts';

/** One deny rule; what it does not match passes. */
const denying = (condition: string): Policy =>
  makePolicy({ rules: [{ condition, family: 'http', outcome: 'deny' }], unmatched: 'allow' });
/** One allow rule; what it does not match is denied. */
const allowing = (condition: string): Policy =>
  makePolicy({ rules: [{ condition, family: 'http', outcome: 'allow' }], unmatched: 'deny' });

const T = makePolicy({});
const HPATH = denying("http.path == '/v1/refunds'");
const HBODY = denying("has(http.body_json.action) && http.body_json.action == 'refund'");
const HREAD = allowing("http.method in ['get', 'head']");

type Attributes = Readonly<Record<string, AttributeValue>>;

function check(policy: Policy, want: string, cases: readonly RequestParts[], attributes: Attributes = {}): void {
  for (const parts of cases) {
    const body = Buffer.from(parts.body ?? '')
      .toString('latin1')
      .slice(0, 60);
    assert.equal(verdictOf(policy, parts, { attributes }), want, `${parts.method ?? ''} ${parts.target ?? ''} ${body}`);
  }
}

const targets = (...list: readonly string[]): readonly RequestParts[] => list.map((target) => ({ target }));

test('HT-15 to HT-19: a path that is written in another way is denied', () => {
  check(
    HPATH,
    'deny',
    targets(
      '/v1/refunds',
      '/v1//refunds',
      '//v1/refunds',
      '/v1/./refunds',
      '/x/../v1/refunds',
      '/v1/%2e/refunds',
      '/v1/x/%2e%2e/refunds',
      '/v1%2frefunds',
      '/v1%5crefunds',
      '/v1\\refunds',
      '/v1/refunds%00',
      '/v1/refunds;a=b',
      '/v1/..;/v1/refunds',
      '/v1/%72efunds',
      '/v1/%2572efunds',
      '/v1/refunds?x=1',
    ),
  );
  check(HPATH, 'allow', targets('/v1/charges', '/v1/refund%73-report', '/', '/v1/a%20b', '/v1/charges/'));
});

test('HT-20: a trailing slash or another case is another path', () => {
  check(HPATH, 'allow', targets('/v1/refunds/', '/v1/Refunds'));
});

test('HT-21: every reading of a query that gives the value is denied', () => {
  const policy = denying("'role' in http.query && 'admin' in http.query['role']");
  check(
    policy,
    'deny',
    targets('/?role=user;role=admin', '/?role=%zz', '/?role=user&role=admin', '/?%72ole=admin', '/?role=%61dmin'),
  );
  check(policy, 'allow', targets('/?role=user', '/', '/?other=admin', '/?role=user%3Badmin'));
});

test('HT-22: a rule on a header sees every value of it', () => {
  const policy = denying("'X-Env' in http.headers && http.headers['x-env'].exists(v, v.contains('prod'))");
  const of = (...values: readonly string[]): RequestParts => ({ headers: values.map((value) => ['x-env', value]) });
  check(policy, 'deny', [of('dev', 'prod'), of('dev, prod'), { headers: [['X-ENV', 'prod']] }, of('prod', 'dev')]);
  check(policy, 'allow', [of('dev'), of('dev', 'staging'), {}]);
});

test('HT-23: asking to be run as another method is refused', () => {
  const form = 'application/x-www-form-urlencoded';
  const overriding: readonly RequestParts[] = [
    { headers: [['X-HTTP-Method-Override', 'DELETE']] },
    { headers: [['x-http-method', 'delete']] },
    { headers: [['X_HTTP_Method_Override', 'DELETE']] },
    {
      headers: [
        ['X-Method-Override', 'PUT'],
        ['X-Method-Override', 'DELETE'],
      ],
    },
    { target: '/?_method=DELETE' },
    { target: '/?a=%zz&_method=DELETE' },
    { target: '/?a=1;_METHOD=delete' },
    { method: 'POST', headers: [['Content-Type', form]], body: 'a=1&_method=DELETE' },
    { method: 'POST', headers: [['Content-Type', form]], body: 'a=%zz&_method=DELETE' },
    {
      method: 'POST',
      headers: [['Content-Type', 'multipart/form-data; boundary=B']],
      body: '--B\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--B--\r\n',
    },
  ];
  check(HREAD, 'refuse', overriding);
  check(HREAD, 'allow', [{}, { headers: [['X-HTTP-Method-Override', 'GET']] }, { target: '/?method=DELETE' }]);
  check(allowing("http.method == 'post'"), 'allow', [
    { method: 'POST', headers: [['Content-Type', form]], body: 'a=1&method=DELETE' },
  ]);
});

test('HT-23: a form that is not read as a whole is looked through all the same', () => {
  const policy = allowing("http.method == 'post'");
  const type: readonly [string, string] = ['Content-Type', 'multipart/form-data; boundary=B'];
  const part = (header: string): RequestParts => ({
    headers: [type],
    // A text before the first boundary, which a strict reader does not take.
    body: `preamble\r\n--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B\r\n${header}\r\n\r\nDELETE\r\n--B--\r\n`,
  });
  const urlencoded = (body: string): RequestParts => ({
    headers: [['Content-Type', 'application/x-www-form-urlencoded']],
    body,
  });
  check(policy, 'refuse', [
    part('Content-Disposition: form-data; name="_method"'),
    part('content-DISPOSITION: form-data; name=_method'),
    part('Content-Disposition: form-data; name = _method'),
    part('X: y\nContent-Disposition: form-data; name="_method"'),
    part('X: y\rContent-Disposition: form-data; name="_method"'),
    part('Content-Disposition: form-data;\r\n name="_method"'),
    part('Content-Disposition: form-data; name="_METHOD"; filename="x"'),
    part("Content-Disposition: form-data; name*=utf-8''%5Fmethod"),
    part('Content-Disposition: form-data; name*0="_me"; name*1="thod"'),
    part('Content-Disposition: form-data; name="_\\method"'),
    part('Content-Disposition: form-data; name="=?utf-8?Q?=5Fmethod?="'),
    part(`Content-Disposition: form-data; x="${'y'.repeat(9_000)}"; name="_method"`),
    urlencoded('a=1;b=%zz&.method=DELETE'),
    urlencoded('a=%ff&%5Bmethod=DELETE'),
    { headers: [type, ['Content-Encoding', 'x-unknown']], body: 'x' },
    {
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Content-Encoding', 'gzip'],
      ],
      body: 'x',
    },
  ]);
  check(policy, 'allow', [
    part('Content-Disposition: form-data; name="payment_method"'),
    part('Content-Disposition: form-data; name="file"; filename="_method"'),
    part('X-Comment: name="_method"'),
    urlencoded('a=%zz&payment_method=card&b=_method'),
    { headers: [type, ['Content-Encoding', 'identity']], body: 'x' },
    {
      headers: [
        ['Content-Type', 'application/json'],
        ['Content-Encoding', 'x-unknown'],
      ],
      body: 'name="_method"',
    },
  ]);
});

test('HT-23: a form is looked through as servers read it that take no coding off, or a POST without a type for a form', () => {
  const policy = allowing("http.method == 'post'");
  const coded = (type: string, body: Buffer): RequestParts => ({
    headers: [
      ['Content-Type', type],
      ['Content-Encoding', 'gzip'],
    ],
    body,
  });
  const form = 'application/x-www-form-urlencoded';
  const multipart = 'multipart/form-data; boundary=B';
  const part = (name: string): string =>
    `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nDELETE\r\n--B--\r\n`;
  check(policy, 'refuse', [
    coded(form, gzipSaying('&_method=DELETE&', 'a=1')),
    coded(form, gzipSync('a=1&_method=DELETE')),
    coded(multipart, gzipSaying(`\r\n${part('_method')}`, part('a'))),
    { body: '_method=DELETE&a=1' },
    { body: '{"a":"&_method=DELETE&"}' },
    { body: gzipSaying('&_method=DELETE&', 'a=1'), headers: [['Content-Encoding', 'gzip']] },
  ]);
  check(policy, 'allow', [
    coded(form, gzipSaying('&payment_method=card&', 'a=1')),
    coded(multipart, gzipSaying(`\r\n${part('payment_method')}`, part('a'))),
    { body: 'method=DELETE&a=1' },
    { body: '{"_method":"DELETE"}' },
    { body: Buffer.from([0xff, 0, 1]) },
    { body: 'x', headers: [['Content-Encoding', 'x-unknown']] },
  ]);
  check(allowing("http.method == 'put'"), 'allow', [{ method: 'PUT', body: '_method=DELETE' }]);
});

test('HT-23: any cut of a form that streams by gives the same', () => {
  const header = 'Content-Disposition: form-data;\r\n\tname="_method"\r\n\r\nDELETE';
  const cases: readonly (readonly [type: string, text: string, found: boolean])[] = [
    ['multipart/form-data; boundary=B', `--B\r\n${header}`, true],
    ['multipart/form-data; boundary=B', `--B\r\n${header.replace('_m', 'm')}`, false],
    ['application/x-www-form-urlencoded', 'a=b&%5fmethod=DELETE&c=d', true],
    ['application/x-www-form-urlencoded', 'a=b&_method', true],
    ['application/x-www-form-urlencoded', 'a=b&x_method=DELETE&c=_method', false],
  ];
  for (const [type, text, found] of cases) {
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at += 1) {
      const scanner = new FormScanner(type);
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      assert.equal(pieces.some((piece) => scanner.push(piece)) || scanner.end(), found, `${text} at ${at}`);
    }
    const scanner = new FormScanner(type);
    const each = Array.from(bytes, (byte) => scanner.push(Buffer.from([byte])));
    assert.equal(each.includes(true) || scanner.end(), found, text);
  }
});

test('HT-23: where the endpoint has overrides judged, what would run is judged', () => {
  const judge = { method_override: 'judge' };
  const policy = denying("http.effective_method == 'delete'");
  check(
    policy,
    'deny',
    [
      { method: 'POST', body: 'x', headers: [['X-HTTP-Method-Override', 'DELETE']] },
      {
        method: 'POST',
        body: 'x',
        headers: [
          ['X-HTTP-Method-Override', 'PUT'],
          ['X-HTTP-Method', 'DELETE'],
        ],
      },
      { method: 'DELETE' },
    ],
    judge,
  );
  check(policy, 'allow', [{ method: 'POST', body: 'x', headers: [['X-HTTP-Method-Override', 'GET']] }, {}], judge);
  const options = { attributes: judge };
  assert.equal(analysisOf({ headers: [['X-HTTP-Method', 'DELETE']] }, options).risk, 'destructive');
  assert.equal(analysisOf({ headers: [['X-HTTP-Method', 'PUT']] }, options).risk, 'suspicious');
  const twice = analysisOf(
    {
      headers: [
        ['X-HTTP-Method', 'PUT'],
        ['X-HTTP-Method', 'PATCH'],
      ],
    },
    options,
  );
  assert.equal(twice.risk, 'destructive');
});

test('HT-10: methods and upgrades that never reach a rule', () => {
  const all = allowing('true');
  check(all, 'refuse', [
    { method: 'TRACE' },
    { method: 'CONNECT' },
    { method: 'PRI', target: '*' },
    { upgrade: 'h2c' },
  ]);
  check(all, 'allow', [{ method: 'OPTIONS', target: '*' }, { upgrade: 'websocket' }, { method: 'DELETE' }]);
});

const REFUND = '{"action":"refund"}';

test('HT-29: the body of any method is the body', () => {
  const methods = ['POST', 'DELETE', 'GET', 'QUERY', 'REPORT', 'post', 'FOO'];
  check(
    HBODY,
    'deny',
    methods.map((method) => ({ method, body: REFUND })),
  );
  check(
    HBODY,
    'allow',
    methods.map((method) => ({ method, body: '{"action":"charge"}' })),
  );
});

test('HT-30: codings come off; one that is not known denies', () => {
  const coded = (coding: string, body: Buffer): RequestParts => ({ body, headers: [['Content-Encoding', coding]] });
  const variants = (text: string): readonly RequestParts[] => [
    coded('gzip', gzipSync(text)),
    coded('br', brotliCompressSync(text)),
    coded('deflate', deflateSync(text)),
    coded('zstd', zstd(text)),
    coded('gzip, gzip', gzipSync(gzipSync(text))),
  ];
  check(HBODY, 'deny', variants(REFUND));
  check(HBODY, 'deny', [
    coded('compress', Buffer.from(REFUND)),
    coded('gzip', Buffer.from(REFUND)),
    coded('gzip, gzip, gzip', gzipSync(gzipSync(gzipSync('{}')))),
    coded('gzip', Buffer.concat([gzipSync('{}'), gzipSync(REFUND)])),
  ]);
  check(HBODY, 'allow', variants('{"action":"charge"}'));
});

/** A frame of one raw block. */
function zstd(text: string): Buffer {
  const bytes = Buffer.from(text);
  const header = (bytes.length << 3) | 1;
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38, header & 0xff, header >> 8, 0]), bytes]);
}

test('HT-31 to HT-33: JSON that readers read differently denies, and escapes are read', () => {
  const bodies = (...list: readonly (string | Buffer)[]): readonly RequestParts[] => list.map((body) => ({ body }));
  check(
    HBODY,
    'deny',
    bodies(
      `${REFUND} x`,
      `{}\n${REFUND}`,
      `// c\n${REFUND}`,
      `\ufeff${REFUND}`,
      Buffer.from(REFUND, 'utf16le'),
      "{'action':'refund'}",
      '{"action":"x","action":"refund"}',
      '{"action":"refund","action":"x"}',
      '{"Action":"refund"}',
      '{"action":"x","ACTION":"refund"}',
      '{"action":"ref\\u0075nd"}',
      '{"\\u0061ction":"refund"}',
      ` \n${REFUND}\t`,
    ),
  );
  check(HBODY, 'allow', bodies('{"action":"charge"}', '{}', '{"other":"refund"}', '{"note":"Action: refund"}', ''));
});

test('HT-34, HT-35: a body that is not all there denies, and a rule on headers still works', () => {
  const parts = { body: REFUND, headers: [['X-Env', 'prod']] } as const;
  const bytes = Buffer.from('{"action":"charge"');
  const cuts: readonly BodyReading[] = [
    { kind: 'cut', cause: 'too_large', bytes },
    { kind: 'cut', cause: 'incomplete', bytes },
  ];
  const header = allowing("'prod' in http.headers['x-env']");
  for (const body of cuts) {
    assert.equal(verdictOf(HBODY, parts, { body }), 'deny');
    assert.equal(verdictOf(header, parts, { body }), 'allow');
  }
  assert.equal(verdictOf(HBODY, { body: '{"action":"charge"}' }), 'allow');
});

test('HT-36: JSON is JSON under any media type', () => {
  const of = (body: string, ...types: readonly string[]): readonly RequestParts[] =>
    types.map((type) => ({ body, headers: type === '' ? [] : [['Content-Type', type]] }));
  check(HBODY, 'deny', of(REFUND, 'text/plain', '', 'application/x-www-form-urlencoded', 'nonsense'));
  check(HBODY, 'deny', of(REFUND, 'application/json; charset=utf-7', 'application/json; charset=ibm037'));
  check(HBODY, 'allow', of('{"action":"charge"}', 'text/plain', '', 'application/json; charset=utf-8'));
});

test('HT-37: depth, width, numbers and bombs are bounded, and deny', () => {
  const bomb = gzipSync(Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(4 * 1024 * 1024, 0x20), Buffer.from('"}')]));
  check(HBODY, 'deny', [
    { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` },
    { body: '{"action":1e400}' },
    { body: '{"action":123456789012345678901}' },
    { body: bomb, headers: [['Content-Encoding', 'gzip']] },
  ]);
  const wide = `{${Array.from({ length: 50_000 }, (_, index) => `"k${index}":1`).join(',')}}`;
  check(HBODY, 'allow', [{ body: wide }, { body: '{"other":1e400}' }, { body: '{"amount":123456789012345678901}' }]);
});

test('HT-38: a form field is all of its values, or Unknown', () => {
  const policy = denying("'action' in http.form && 'refund' in http.form['action']");
  const multipart = 'multipart/form-data; boundary=B';
  const part = (head: string, value: string): string =>
    `--B\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`;
  const of = (type: string, body: string): RequestParts => ({ body, headers: [['Content-Type', type]] });
  const good = `${part('name="action"', 'refund')}--B--\r\n`;
  check(policy, 'deny', [
    of(multipart, good),
    of(multipart, `${part('name="action"', 'charge')}${part('name="action"', 'refund')}--B--\r\n`),
    of('multipart/form-data; boundary=A; boundary=B', good),
    of(multipart, part('name="action"', 'refund')),
    of(multipart, `${part('name="x"; filename*=utf-8\'\'a', 'refund')}--B--\r\n`),
    of('application/x-www-form-urlencoded', 'action=charge&action=refund'),
    of('application/x-www-form-urlencoded', 'action=charge;action=refund'),
    // Servers that take no coding off, and those to which a POST without a type is a form.
    ...['application/x-www-form-urlencoded', multipart].map((type) => ({
      headers: [
        ['Content-Type', type],
        ['Content-Encoding', 'gzip'],
      ] as const,
      body: gzipSaying('&action=refund&', 'action=charge'),
    })),
    { body: 'action=refund' },
    { body: '{"x":"&action=refund&"}' },
  ]);
  check(policy, 'allow', [
    { body: 'action=charge' },
    { body: '{"action":"charge"}' },
    { method: 'PUT', body: 'action=refund' },
    of(multipart, `${part('name="action"', 'charge')}--B--\r\n`),
    of('application/x-www-form-urlencoded', 'action=charge'),
    of('text/plain', 'action=refund'),
  ]);
});

test('HT-42: an upgrade is a request, and what follows is said not to be judged', () => {
  check(HREAD, 'allow', [{ upgrade: 'websocket' }]);
  const { units, risk } = analysisOf({ upgrade: 'websocket' });
  assert.equal(risk, 'suspicious');
  assert.deepEqual(units[0]?.facts.get('risk_causes'), ['uninspected']);
  assert.equal(factOf({ upgrade: 'websocket' }, 'http.upgrade'), 'websocket');
  assert.equal(factOf({}, 'http.upgrade'), 'none');
});

test('HT-43: a gRPC call is judged by its path', () => {
  const call = (target: string, more: Partial<RequestParts> = {}): RequestParts => ({
    method: 'POST',
    target,
    version: '2',
    headers: [['Content-Type', 'application/grpc+proto']],
    body: Buffer.from([1, 0, 0, 0, 1, 0xff]),
    streamed: true,
    ...more,
  });
  const policy = denying("http.path.startsWith('/pkg.S/Delete')");
  check(policy, 'deny', [call('/pkg.S/Delete'), call('/pkg.S/DeleteThing')]);
  check(policy, 'allow', [call('/pkg.S/GetThing')]);
  check(denying("http.body.contains('x')"), 'deny', [call('/pkg.S/GetThing')]);
  const tiers: [RequestParts, string][] = [
    [call('/pkg.S/GetThing'), 'safe'],
    [call('/pkg.v1.Svc/List'), 'safe'],
    [call('/pkg.v1.Svc/BatchGetThings'), 'safe'],
    [call('/pkg.S/Getaway'), 'suspicious'],
    [call('/pkg.S/Update'), 'suspicious'],
    [call('/pkg.S/DeleteThing'), 'destructive'],
    [call('/pkg.S/PurgeThing'), 'destructive'],
    [call('/v1/GetThing'), 'suspicious'],
    [call('/pkg.S/GetThing', { version: '1.1' }), 'suspicious'],
    [call('/pkg.S/GetThing', { headers: [] }), 'suspicious'],
  ];
  for (const [parts, risk] of tiers) {
    assert.equal(analysisOf(parts).risk, risk, parts.target);
  }
});

test('MP-34: forms that the endpoint declares are known', () => {
  const cases: [string, Attributes, string][] = [
    ['/api/v4/projects/group%2Fproj', { encoded_slash: 'data' }, '/api/v4/projects/'],
    ['/storage/v1/b/x/o/dir%2Ffile', { encoded_slash: 'data' }, '/storage/v1/b/x/o/'],
    ['/bucket/a//b', { empty_segments: 'data' }, '/bucket/'],
    ['/@scope%2fname', { encoded_slash: 'data' }, '/@scope/'],
  ];
  for (const [target, attributes, prefix] of cases) {
    const policy = allowing(`http.path.startsWith('${prefix}')`);
    check(policy, 'allow', [{ target }], attributes);
    check(policy, 'deny', [{ target }]);
  }
});

test('MP-35: what a body rule is not about is not denied', () => {
  const guarded = denying(
    "http.content_type == 'application/json' && has(http.body_json.action) && http.body_json.action == 'refund'",
  );
  check(guarded, 'allow', [
    {},
    { body: 'action=refund', headers: [['Content-Type', 'application/x-www-form-urlencoded']] },
    { body: '{"action":"charge"}', headers: [['Content-Type', 'application/json']] },
  ]);
  check(guarded, 'deny', [{ body: REFUND, headers: [['Content-Type', 'application/json']] }]);
  check(HBODY, 'allow', [{}, { method: 'HEAD' }, { method: 'POST', body: '' }]);
});

test('tiers of methods', () => {
  const cases: [RequestParts, string][] = [
    [{}, 'safe'],
    [{ method: 'HEAD' }, 'safe'],
    [{ method: 'OPTIONS' }, 'safe'],
    [{ method: 'GET', body: '' }, 'safe'],
    [{ method: 'GET', body: 'x' }, 'suspicious'],
    [{ method: 'OPTIONS', body: 'x' }, 'suspicious'],
    [{ method: 'QUERY', body: 'x' }, 'suspicious'],
    [{ method: 'PROPFIND' }, 'suspicious'],
    [{ method: 'POST', body: 'x' }, 'suspicious'],
    [{ method: 'put', body: 'x' }, 'suspicious'],
    [{ method: 'PATCH' }, 'suspicious'],
    [{ method: 'POST', body: 'x', headers: [['Content-Encoding', 'lzma']] }, 'destructive'],
    [{ method: 'DELETE' }, 'destructive'],
    [{ method: 'MOVE' }, 'destructive'],
    [{ method: 'MKCOL' }, 'destructive'],
    [{ method: 'FOO' }, 'destructive'],
    [{ method: '__proto__' }, 'destructive'],
    [{ method: 'constructor' }, 'destructive'],
    [{ upgrade: 'spdy/3.1' }, 'destructive'],
  ];
  for (const [parts, risk] of cases) {
    const analysis = analysisOf(parts);
    assert.equal(analysis.risk, risk, `${parts.method ?? 'GET'} ${parts.upgrade ?? ''}`);
    const [unit] = analysis.units;
    assert.equal(unit?.riskReason === '', risk === 'safe');
    assert.equal(unit?.riskCauses.length === 0, risk === 'safe');
  }
  check(T, 'allow', [{}, { target: '/anything//odd' }]);
  check(T, 'approve', [{ method: 'POST', body: 'x' }, { method: 'DELETE' }]);
});

test('every fact of the family has a value, known or Unknown, for any request', () => {
  const names = HTTP_FACTS.map(({ name }) => name);
  for (const parts of [{}, { body: Buffer.from([0xff]), headers: [['Content-Type', 'x']] }] as const) {
    for (const body of [undefined, { kind: 'unread' }] as const) {
      const { units } = analysisOf(parts, body === undefined ? {} : { body });
      for (const name of names) {
        assert.notEqual(units[0]?.facts.get(name), undefined, name);
      }
      assert.equal(units[0]?.facts.get('http.nonsense'), undefined);
      assert.equal(units[0]?.facts.get('constructor'), undefined);
    }
  }
  assert.ok(factOf({ target: '//' }, 'http.path') instanceof Unknown);
});
