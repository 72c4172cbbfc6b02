// Hostile requests on the wire, before an upstream that writes down every byte: whatever an agent writes, nothing that is denied arrives
// there, and what arrives is read by other parsers as exactly the requests that were allowed.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { createHttpAnalyser, httpNeedsBody } from '../../src/protocols/http/analyser.ts';
import { httpFacts } from '../../src/protocols/http/facts.ts';
import { standardInjector } from '../../src/protocols/http/injector.ts';
import { providers } from '../../src/protocols/http/providers/all.ts';
import { createHttps } from '../../src/protocols/https/index.ts';
import { createKubernetesAnalyser } from '../../src/protocols/kubernetes/facts.ts';
import { createShellReader } from '../../src/protocols/shell/reader.ts';
import { createKubernetes } from '../../src/protocols/kubernetes/index.ts';
import type { Gate } from '../../src/protocols/protocol.ts';
import type { Policy } from '../../src/rules/decision.ts';
import { dispatched } from '../protocols/http/parts.ts';
import { ALLOW, denial } from '../support/fake-gate.ts';
import { startHttpGateway, type HttpGateway } from '../support/http-gateway.ts';
import { RawH2 } from '../support/raw-h2.ts';
import { RawHttp } from '../support/raw-http.ts';
import { respond, startRawUpstream, type RawUpstream } from '../support/raw-upstream.ts';
import { decide, makePolicy } from '../support/rule-parts.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const SECRET = 'secret-of-the-gateway';
const LIMIT = 64 * 1024;

const gateOf = (policy: Policy): Gate => ({
  decide: (action) => (decide(policy, action).kind === 'allow' ? ALLOW : denial('not this')),
  resume: () => denial('never'),
  settle: () => undefined,
});

/** Reads below `/ok` and one kind of write are allowed. */
const HTTP_POLICY = makePolicy({
  rules: [
    { condition: "has(http.body_json.action) && http.body_json.action == 'refund'", family: 'http', priority: 9 },
    {
      condition: "http.method == 'get' && (http.path == '/ok' || http.path.startsWith('/ok/'))",
      family: 'http',
      outcome: 'allow',
    },
    { condition: "http.method == 'post' && http.path == '/ok/write'", family: 'http', outcome: 'allow' },
  ],
  unmatched: 'deny',
});
/** Pods of one namespace may be read, and deleted for show. */
const K8S_POLICY = makePolicy({
  rules: [
    {
      condition:
        "k8s.resource == 'pods' && k8s.group == '' && k8s.namespace == 'd' && k8s.verb in ['get', 'list', 'watch']",
      family: 'k8s',
      outcome: 'allow',
    },
    { condition: "k8s.resource == 'pods' && k8s.verb == 'delete' && k8s.dry_run", family: 'k8s', outcome: 'allow' },
  ],
  unmatched: 'deny',
});

interface World {
  readonly upstream: RawUpstream;
  readonly gateway: HttpGateway;
}

async function start(kind: 'https' | 'kubernetes'): Promise<World> {
  const upstream = await startRawUpstream(scope, ({ head }) => respond(head.method === 'HEAD' ? '' : 'fine'));
  const protocol =
    kind === 'https'
      ? createHttps({ name: 'https', analyser: createHttpAnalyser({ providers }), injector: standardInjector })
      : createKubernetes({
          analyser: createKubernetesAnalyser({ httpFacts, httpNeedsBody, shell: await createShellReader() }),
          injector: standardInjector,
          clock: systemClock,
        });
  const gateway = await startHttpGateway(scope, {
    upstreamPort: upstream.port,
    protocol,
    gate: gateOf(kind === 'https' ? HTTP_POLICY : K8S_POLICY),
    credential: async () => dispatched('bearer_token', SECRET),
    bodyBufferBytes: LIMIT,
  });
  return { upstream, gateway };
}

/** Requests as llhttp reads them, strict and lenient; what it does not take as `!CODE`. */
async function readAgain(bytes: Buffer, insecureHTTPParser: boolean): Promise<readonly string[]> {
  const got: string[] = [];
  const server = createServer({ insecureHTTPParser, requireHostHeader: false });
  const onRequest = (request: IncomingMessage): void => {
    got.push(`${request.method} ${request.url}`);
    request.resume();
  };
  server.on('request', onRequest).on('upgrade', onRequest).on('connect', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException) => void got.push(`!${error.code}`));
  const stream = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  server.emit('connection', stream);
  stream.push(bytes);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  stream.destroy();
  return got;
}

/** Everything that some server on the way might make of a path. */
function everyReading(target: string): string {
  let path = target.split('?')[0] ?? '';
  for (let round = 0; round < 3; round += 1) {
    path = path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  const segments: string[] = [];
  for (const segment of path.replaceAll('\\', '/').split('/')) {
    const [name = ''] = segment.split(';');
    if (name === '..') {
      segments.pop();
    } else if (name !== '' && name !== '.') {
      segments.push(name);
    }
  }
  return `/${segments.join('/')}`;
}

/** What arrived, all connections together; each is read by two other parsers as the upstream read it. */
async function arrived({ requests, connections }: RawUpstream): Promise<readonly string[]> {
  const seen = requests.map(({ head }) => `${head.method} ${head.target}`);
  const again: string[][] = [[], []];
  for (const chunks of connections) {
    const bytes = Buffer.concat(chunks);
    again[0]?.push(...(await readAgain(bytes, false)));
    again[1]?.push(...(await readAgain(bytes, true)));
  }
  for (const readings of again) {
    assert.deepEqual(readings.toSorted(), seen.toSorted());
  }
  for (const { head, text } of requests) {
    const own = head.fields.filter(({ name }) => name.toLowerCase() === 'authorization').map(({ value }) => value);
    assert.deepEqual(own, [`Bearer ${SECRET}`], text);
    assert.equal(head.fields.filter(({ name }) => name.toLowerCase() === 'host').length, 1, text);
    assert.doesNotMatch(text, /evil/i);
  }
  return seen;
}

/** Writes it over a connection of its own, and waits until the gateway has done with it. Gives the status of the first answer, or 0. */
async function send({ gateway }: World, raw: string | Buffer, count: { connections: number }): Promise<number> {
  const client = await RawHttp.tls(gateway.port, gateway.caPem);
  client.stream.write(typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw);
  let status = 0;
  try {
    status = (await client.answer()).status;
  } catch {
    // It was closed without a word.
  }
  client.close();
  count.connections += 1;
  await gateway.ended(count.connections);
  return status;
}

const HOST = 'Host: api.test\r\n';
const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\n${HOST}${fields}\r\n`;
const post = (fields: string, body: string, target = '/ok/write'): string =>
  `POST ${target} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
const sized = (type: string, body: string, more = ''): string =>
  post(`Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n${more}`, body);
const EVIL = `GET /evil HTTP/1.1\r\n${HOST}\r\n`;
const chunked = 'Transfer-Encoding: chunked\r\n';

const HOSTILE: readonly (readonly [name: string, raw: string])[] = [
  // Framing: what two readers of one stream could cut in two ways.
  ['both framings', post(`${chunked}Content-Length: 4\r\n`, `0\r\n\r\n${EVIL}`)],
  ['both, the length first', post(`Content-Length: 4\r\n${chunked}`, `0\r\n\r\n${EVIL}`)],
  ['a coding behind a tab', post('Transfer-Encoding:\tchunked\r\n', `0\r\n\r\n${EVIL}`)],
  ['a coding with a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${EVIL}`)],
  ['a coding in quotes', post('Transfer-Encoding: "chunked"\r\n', `0\r\n\r\n${EVIL}`)],
  ['a coding twice', post(`${chunked}${chunked}`, `0\r\n\r\n${EVIL}`)],
  ['a coding and identity', post(`${chunked}Transfer-Encoding: identity\r\n`, `0\r\n\r\n${EVIL}`)],
  ['a coding with a comma', post('Transfer-Encoding: ,chunked\r\n', `0\r\n\r\n${EVIL}`)],
  ['a length with an underscore beside the real one', post(`Content-Length: 0\r\nContent_Length: 44\r\n`, EVIL)],
  ['a coding with an underscore', post(`Content-Length: 0\r\nTransfer_Encoding: chunked\r\n`, `0\r\n\r\n${EVIL}`)],
  ['a length with a leading zero', post('Content-Length: 00\r\n', EVIL)],
  ['a length in a list', post('Content-Length: 0, 0\r\n', EVIL)],
  ['a negative length', post('Content-Length: -0\r\n', EVIL)],
  ['a length with a digit of another script', post('Content-Length: \xd9\xa0\r\n', EVIL)],
  ['a length twice', post('Content-Length: 0\r\nContent-Length: 0\r\n', EVIL)],
  ['no length at all', post('', EVIL)],
  ['a length on a GET that hides one', get('/ok', `Content-Length: ${EVIL.length}\r\n`) + EVIL + get('/evil')],
  ['a chunk size with a sign', post(chunked, `+0\r\n\r\n${EVIL}`)],
  ['a chunk size in C', post(chunked, `0x0\r\n\r\n${EVIL}`)],
  ['a chunk size with a blank', post(chunked, `0 \r\n\r\n${EVIL}`)],
  ['a chunk size that wraps', post(chunked, `10000000000000000\r\n${EVIL}`)],
  ['a chunk extension with a line feed', post(chunked, `3;a\nb\r\nabc\r\n0\r\n\r\n${EVIL}`)],
  ['a chunk extension with a carriage return', post(chunked, `3;a\rb\r\nabc\r\n0\r\n\r\n${EVIL}`)],
  ['a chunk that ends with a line feed alone', post(chunked, `3\r\nabc\n0\r\n\r\n${EVIL}`)],
  ['a chunk that ends elsewhere', post(chunked, `3\r\nabcXX0\r\n\r\n${EVIL}`)],
  ['a trailer that frames', post(chunked, `0\r\nContent-Length: 44\r\n\r\n${EVIL}`)],
  ['a trailer that is an account', post(chunked, `0\r\nAuthorization: Bearer evil\r\n\r\n`)],
  ['a trailer that overrides', post(chunked, `0\r\nX-HTTP-Method-Override: DELETE\r\n\r\n`)],
  ['a coding on HTTP/1.0', `POST /ok/write HTTP/1.0\r\n${HOST}${chunked}\r\n0\r\n\r\n${EVIL}`],
  ['empty lines before it', `\r\n\r\n\r\n${get('/evil')}`],
  // Heads.
  ['a folded line', get('/ok', 'X: a\r\n GET /evil HTTP/1.1\r\n')],
  ['a bare line feed', get('/ok', 'X: a\nY: b\r\n')],
  ['a bare carriage return', get('/ok', 'X: a\rEvil: b\r\n')],
  ['a NUL', get('/ok', 'X: a\0b\r\n')],
  ['a blank before the colon', get('/ok', 'Content-Length : 44\r\n') + EVIL],
  ['no colon', get('/ok', 'evil\r\n')],
  ['a name that is no token', get('/ok', 'X\xa0Y: evil\r\n')],
  ['two blanks in the line', get(' /evil')],
  ['tabs in the line', `GET\t/evil\tHTTP/1.1\r\n${HOST}\r\n`],
  ['a blank in the target', get('/ok /evil')],
  ['a fragment', get('/ok#/../evil')],
  ['another version', `GET /evil HTTP/1.2\r\n${HOST}\r\n`],
  ['HTTP/0.9', 'GET /evil\r\n'],
  ['a method with a NUL', `GE\0T /evil HTTP/1.1\r\n${HOST}\r\n`],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['too many fields', get('/evil', 'A: b\r\n'.repeat(501))],
  // Where it goes.
  ['no host', 'GET /evil HTTP/1.1\r\n\r\n'],
  ['two hosts', get('/evil', 'Host: evil.test\r\n')],
  ['two hosts in one', 'GET /evil HTTP/1.1\r\nHost: api.test, evil.test\r\n\r\n'],
  ['a host with an account', 'GET /evil HTTP/1.1\r\nHost: api.test@evil.test\r\n\r\n'],
  ['a host with a path', 'GET /evil HTTP/1.1\r\nHost: api.test/evil\r\n\r\n'],
  ['a host with a NUL', 'GET /evil HTTP/1.1\r\nHost: api.test\0.evil.test\r\n\r\n'],
  ['another port', 'GET /evil HTTP/1.1\r\nHost: api.test:8443\r\n\r\n'],
  ['another host in the target', get('https://evil.test/ok')],
  ['an account in the target', get('https://api.test@evil.test/ok')],
  ['an account before our own host', get('https://evil@api.test/ok')],
  ['another scheme in the target', get('http://api.test/evil')],
  ['a target without a path', get('evil')],
  ['CONNECT inside', `CONNECT evil.test:443 HTTP/1.1\r\n${HOST}\r\n`],
  [
    'an upgrade to h2c',
    get('/ok', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
  ],
  ['an upgrade to anything', get('/ok', 'Connection: Upgrade\r\nUpgrade: evil\r\n')],
  ['an upgrade to two things', get('/ok', 'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n')],
  ['TRACE', `TRACE /ok HTTP/1.1\r\n${HOST}\r\n`],
  // What it means.
  ...[
    '/ok/../evil',
    '/ok/%2e%2e/evil',
    '/ok/.%2e/evil',
    '/ok/..%2fevil',
    '/ok%2f..%2fevil',
    '/ok/%252e%252e/evil',
    '/ok/..;/evil',
    '/ok/..;x=y/evil',
    '/ok/..\\evil',
    '/ok/%5c..%5cevil',
    '/ok/..%00/evil',
    '/ok/..%0a/evil',
    '/ok/%c0%ae%c0%ae/evil',
    '/ok/%u002e%u002e/evil',
    '//evil/ok',
    '/ok//../evil',
    '/OK/evil',
    '/okevil',
  ].map((target): [string, string] => [`the path ${target}`, get(target)]),
  ...['X-HTTP-Method-Override', 'X-HTTP-Method', 'X_Http_Method_Override', 'X-Method-Override'].map(
    (name): [string, string] => [name, get('/ok', `${name}: DELETE\r\n`)],
  ),
  ['_method in the query', get('/ok?_method=DELETE&x=evil')],
  ['_method in a form', sized('application/x-www-form-urlencoded', 'a=1&_method=DELETE&x=evil')],
  [
    '_method in parts',
    sized(
      'multipart/form-data; boundary=B',
      '--B\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--B--\r\n',
    ),
  ],
  ['JSON with a key twice', sized('application/json', '{"action":"x","action":"refund"}')],
  ['JSON with an escape', sized('application/json', '{"\\u0061ction":"ref\\u0075nd"}')],
  ['JSON that calls itself a text', sized('text/plain', '{"action":"refund"}')],
  ['JSON in another charset', sized('application/json; charset=utf-7', '{"action":"x"}')],
  ['JSON and more', sized('application/json', '{"action":"x"}{"action":"refund"}')],
  ['a body of an unknown coding', sized('application/json', '{"action":"x"}', 'Content-Encoding: evil\r\n')],
  ['a body over the cap', sized('application/json', `{"action":"x","b":"${'x'.repeat(LIMIT)}"}`)],
  [
    'a lower-case method with a body',
    post(`Content-Type: application/json\r\nContent-Length: 19\r\n`, '{"action":"refund"}').replace('POST', 'post'),
  ],
];

/** What passes under the same rules, each as the upstream should see it. */
const HARMLESS: readonly (readonly [raw: string, want: string])[] = [
  [get('/ok'), 'GET /ok'],
  [get('/ok/a%20b?x=/../y'), 'GET /ok/a%20b?x=/../y'],
  [`GET https://api.test/ok HTTP/1.1\r\n${HOST}\r\n`, 'GET /ok'],
  ['GET /ok HTTP/1.1\r\nHost: API.test:443\r\n\r\n', 'GET /ok'],
  [sized('application/json', '{"action":"x"}'), 'POST /ok/write'],
  [post(`Content-Type: application/json\r\n${chunked}`, 'e\r\n{"action":"x"}\r\n0\r\n\r\n'), 'POST /ok/write'],
  [
    get(
      '/ok',
      'X-Original-URL: /evil\r\nX_Rewrite_Url: /evil\r\nX-Host: evil\r\nX-Forwarded-Host: evil\r\nForwarded: host=evil\r\n',
    ),
    'GET /ok',
  ],
  [
    get('/ok', 'Authorization: Bearer evil\r\nProxy-Authorization: evil\r\nCookie: a=evil\r\nAuthorization: evil\r\n'),
    'GET /ok',
  ],
  [get('/ok', 'Connection: authorization, host\r\nX-Api-Key: evil\r\n'), 'GET /ok'],
];

test('ND-14: nothing hostile arrives, and every twin does, as other parsers read it too', async () => {
  const world = await start('https');
  const count = { connections: 0 };
  for (const [name, raw] of HOSTILE) {
    const before = world.upstream.requests.length;
    const status = await send(world, raw, count);
    const passed = world.upstream.requests.slice(before);
    assert.ok(status === 0 || status >= 400 || passed.length > 0, `${name}: answered ${status}`);
    for (const { head } of passed) {
      // Some are two requests, or none that is hostile by itself: what passed is what the rules allow.
      assert.match(`${head.method} ${everyReading(head.target)}`, /^(?:GET \/ok(?:\/|$)|POST \/ok\/write$)/, name);
    }
  }
  const hostile = (await arrived(world.upstream)).length;
  assert.ok(hostile <= 4, String(world.upstream.requests.map(({ text }) => text)));
  for (const [raw] of HARMLESS) {
    assert.equal(await send(world, raw, count), 200, raw);
  }
  assert.deepEqual(
    (await arrived(world.upstream)).slice(hostile),
    HARMLESS.map(([, want]) => want),
  );
});

test('of requests in one packet those that are denied do not arrive, and answers come in their order', async () => {
  const { upstream, gateway } = await start('https');
  const client = await RawHttp.tls(gateway.port, gateway.caPem);
  scope.after(() => client.close());
  const post3 = post(`Content-Type: application/json\r\n${chunked}`, '5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n');
  client.stream.write(
    Buffer.from(get('/ok/1') + EVIL + post3 + sized('application/json', '{"action":"refund"}') + get('/ok/5')),
  );
  const statuses: number[] = [];
  for (let index = 0; index < 5; index += 1) {
    statuses.push((await client.answer()).status);
  }
  assert.deepEqual(statuses, [200, 403, 200, 403, 200]);
  assert.deepEqual(await arrived(upstream), ['GET /ok/1', 'POST /ok/write', 'GET /ok/5']);
});

test('HT-23: a form that is too long to be held breaks off where it asks for another method', async () => {
  const filler = `--B\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n${'x'.repeat(4 * LIMIT)}\r\n`;
  const part = (name: string): string =>
    `${filler}--B\r\nContent-Disposition: form-data;\r\n name="${name}"\r\n\r\nDELETE\r\n--B--\r\n`;
  const pairs = (name: string): string => `a=${'x'.repeat(4 * LIMIT)}&${name}=DELETE`;
  for (const [type, bodyOf] of [
    ['multipart/form-data; boundary=B', part],
    ['application/x-www-form-urlencoded', pairs],
  ] as const) {
    for (const [name, whole] of [
      ['_method', false],
      ['%5fmethod', false],
      ['a_method', true],
    ] as const) {
      const policy = makePolicy({
        rules: [{ condition: "http.method == 'post'", family: 'http', outcome: 'allow' }],
        unmatched: 'deny',
      });
      const upstream = await startRawUpstream(
        scope,
        ({ whole: all, socket }) => void all.then(() => socket.write(respond('done'))),
      );
      const gateway = await startHttpGateway(scope, {
        upstreamPort: upstream.port,
        protocol: createHttps({
          name: 'https',
          analyser: createHttpAnalyser({ providers: [] }),
          injector: standardInjector,
        }),
        gate: gateOf(policy),
        bodyBufferBytes: LIMIT,
        reads: () => false,
      });
      const client = await RawHttp.tls(gateway.port, gateway.caPem);
      const body = bodyOf(name);
      client.stream.write(post(`Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`, body));
      const { status, body: told } = await client.answer();
      assert.equal(status, whole ? 200 : 403, `${type} ${name}`);
      client.close();
      await gateway.ended(1);
      if (!whole) {
        assert.match(told, /another method/);
        const [request] = upstream.requests;
        assert.ok(request === undefined || request.body().length < body.length, 'it never became whole');
        assert.ok(request === undefined || !request.body().includes('DELETE'));
      }
    }
  }
});

const PSEUDO: readonly (readonly [string, string])[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'api.test'],
  [':path', '/ok'],
];
type Pairs = readonly (readonly [string, string])[];
const withPseudo = (changes: Readonly<Record<string, string | null>>, ...more: Pairs): Pairs => [
  ...PSEUDO.flatMap(([name, value]): Pairs => {
    const changed = changes[name];
    return changed === null ? [] : [[name, changed ?? value]];
  }),
  ...more,
];

const HOSTILE_H2: readonly (readonly [name: string, headers: Pairs, body?: string, trailers?: Pairs])[] = [
  ['a path twice', [...PSEUDO, [':path', '/evil']]],
  ['a pseudo field behind a field', [...PSEUDO.slice(0, 3), ['x', 'y'], [':path', '/evil']]],
  ['an unknown pseudo field', withPseudo({}, [':evil', 'x'])],
  ['no method', withPseudo({ ':method': null })],
  ['no scheme', withPseudo({ ':scheme': null, ':path': '/evil' })],
  ['no path', withPseudo({ ':path': null })],
  ['an empty path', withPseudo({ ':path': '' })],
  ['a path without a slash', withPseudo({ ':path': 'evil' })],
  ['a URL for a path', withPseudo({ ':path': 'https://evil.test/ok' })],
  ['a path with a blank', withPseudo({ ':path': '/ok HTTP/1.1\r\nHost: evil' })],
  ['a path with a line end', withPseudo({ ':path': '/ok\r\nevil: x' })],
  ['a path with a NUL', withPseudo({ ':path': '/ok\0evil' })],
  ['a path with a fragment', withPseudo({ ':path': '/ok#evil' })],
  ['a path that climbs', withPseudo({ ':path': '/ok/../evil' })],
  ['a method with a blank', withPseudo({ ':method': 'GET /evil HTTP/1.1\r\nX:' })],
  ['another scheme', withPseudo({ ':scheme': 'http', ':path': '/evil' })],
  ['another authority', withPseudo({ ':authority': 'evil.test' })],
  ['an authority with an account', withPseudo({ ':authority': 'evil@api.test' })],
  ['an authority with a line end', withPseudo({ ':authority': 'api.test\r\nX: evil' })],
  ['a host that differs', withPseudo({}, ['host', 'evil.test'])],
  ['no authority, another host', withPseudo({ ':authority': null }, ['host', 'evil.test'])],
  ['upper case', withPseudo({}, ['X-Evil', 'x'])],
  ['a name with a colon', withPseudo({}, ['x: evil', 'x'])],
  ['a name with a line end', withPseudo({}, ['x\r\nevil', 'x'])],
  ['a name with a blank', withPseudo({}, ['x evil', 'x'])],
  ['a value with a line end', withPseudo({}, ['x', 'a\r\nevil: b'])],
  ['a value with a line feed', withPseudo({}, ['x', 'a\nevil: b'])],
  ['a value with a NUL', withPseudo({}, ['x', 'a\0evil'])],
  ['an empty name', withPseudo({}, ['', 'evil'])],
  ['connection', withPseudo({}, ['connection', 'close'])],
  [
    'transfer-encoding',
    withPseudo({ ':method': 'POST', ':path': '/ok/write' }, ['transfer-encoding', 'chunked']),
    `0\r\n\r\n${EVIL}`,
  ],
  ['te', withPseudo({}, ['te', 'gzip'])],
  ['upgrade', withPseudo({}, ['upgrade', 'websocket'])],
  [
    'a length that is too short',
    withPseudo({ ':method': 'POST', ':path': '/ok/write' }, ['content-length', '1']),
    EVIL,
  ],
  [
    'a length that is too long',
    withPseudo({ ':method': 'POST', ':path': '/ok/write' }, ['content-length', '999']),
    EVIL,
  ],
  [
    'two lengths',
    withPseudo({ ':method': 'POST', ':path': '/ok/write' }, ['content-length', '2'], ['content-length', '3']),
    '{}',
  ],
  ['a length with a sign', withPseudo({ ':method': 'POST', ':path': '/ok/write' }, ['content-length', '+2']), '{}'],
  ['a length without a body', withPseudo({}, ['content-length', '44'])],
  [
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'evil.test:443'],
    ],
  ],
  ['extended CONNECT', withPseudo({ ':method': 'CONNECT' }, [':protocol', 'websocket'])],
  ['an override', withPseudo({}, ['x-http-method-override', 'DELETE'])],
  ['a pseudo field in trailers', withPseudo({ ':method': 'POST', ':path': '/ok/write' }), '{}', [[':path', '/evil']]],
  [
    'an override in trailers',
    withPseudo({ ':method': 'POST', ':path': '/ok/write' }),
    '{}',
    [['x-http-method-override', 'DELETE']],
  ],
  ['a refund', withPseudo({ ':method': 'POST', ':path': '/ok/write' }), '{"action":"refund"}'],
];

/** Fields that node:http2 takes out of a request before anybody sees them: they are neither judged nor sent. */
const DROPPED = new Set(
  HOSTILE_H2.map(([name]) => name).filter((name) => /^(?:a name with|a value with|an empty name)/.test(name)),
);
/** What a request without fields of its own is sent with. */
const SENT = new Set(['host', 'authorization', 'transfer-encoding']);

test('HT-07: nothing hostile of HTTP/2 arrives over HTTP/1, and every twin does', async () => {
  const { upstream, gateway } = await start('https');
  let connections = 0;
  const play = async (headers: Pairs, body?: string, trailers?: Pairs): Promise<string> => {
    const client = await RawH2.open(gateway);
    const ended = await client.request(headers, body, trailers);
    client.close();
    connections += 1;
    await gateway.ended(connections);
    return ended;
  };
  for (const [name, headers, body, trailers] of HOSTILE_H2) {
    const before = upstream.requests.length;
    await play(headers, body, trailers);
    for (const { head, text } of upstream.requests.slice(before)) {
      assert.ok(trailers !== undefined || DROPPED.has(name), `${name}: ${head.method} ${head.target} arrived`);
      const names = head.fields.map((field) => field.name.toLowerCase());
      assert.deepEqual(
        names.filter((field) => !SENT.has(field)),
        [],
        text,
      );
    }
  }
  const hostile = (await arrived(upstream)).length;
  assert.ok(hostile <= DROPPED.size + 1, String(hostile));
  const twins: readonly (readonly [Pairs, string?, Pairs?])[] = [
    [PSEUDO],
    [withPseudo({ ':authority': 'API.test:443' }, ['te', 'trailers'])],
    [withPseudo({ ':method': 'POST', ':path': '/ok/write' }, ['content-length', '14']), '{"action":"x"}'],
    [withPseudo({}, ['cookie', 'a=evil'], ['cookie', 'b=evil'], ['authorization', 'evil'])],
  ];
  for (const [headers, body] of twins) {
    assert.equal(await play(headers, body), 'answered');
  }
  assert.equal((await arrived(upstream)).length, hostile + twins.length);
});

const PODS = '/api/v1/namespaces/d/pods';
const remove = (body: string, type = 'application/json', query = ''): string =>
  `DELETE ${PODS}/p${query} HTTP/1.1\r\n${HOST}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const HOSTILE_K8S: readonly (readonly [name: string, raw: string])[] = [
  ...[
    `${PODS}/../secrets`,
    `${PODS}/%2e%2e/secrets`,
    `${PODS}%2f..%2fsecrets`,
    `${PODS}/p/../../secrets`,
    `${PODS}/p/%2E%2E/%2E%2E/secrets/evil`,
    `${PODS};/../secrets`,
    `${PODS}/p;x/exec`,
    `${PODS}//`,
    `${PODS}/`,
    `/api/v1//namespaces/d/pods`,
    `//api/v1/namespaces/d/pods`,
    `/api/v1/namespaces/d%2fpods`,
    `/api/v1/namespaces/d/secrets`,
    `/api/v1/namespaces/d/pods/p/exec?command=sh`,
    `/api/v1/namespaces/d/pods/p/attach`,
    `/api/v1/namespaces/d/pods/p/portforward?ports=80`,
    `/api/v1/namespaces/d/pods/p/proxy/evil`,
    `/api/v1/namespaces/d/pods/http:p:80/proxy`,
    `/api/v1/proxy/namespaces/d/pods/p/evil`,
    `/api/v1/watch/namespaces/d/secrets`,
    `/api/v1/pods`,
    `/api/v1/namespaces/kube-system/pods`,
    `/api/v1/namespaces/d/pods/p/log`,
    `/apis/evil.io/v1/namespaces/d/pods`,
    `/API/v1/namespaces/d/pods`,
    `/api/v1/nodes/n/proxy/pods`,
    `/logs/kube-apiserver.log`,
    `/debug/pprof/heap`,
    `${PODS}?_method=DELETE`,
  ].map((target): [string, string] => [target, get(target)]),
  ...[
    'Impersonate-User: admin',
    'impersonate-group: system:masters',
    'Impersonate_User: admin',
    'X-Remote-User: admin',
    'X-Remote-Group: system:masters',
    'X-Remote-Extra-Scopes: x',
    'X-HTTP-Method-Override: DELETE',
  ].map((field): [string, string] => [field, get(PODS, `${field}\r\n`)]),
  ['a GET with a body', get(PODS, 'Content-Length: 2\r\n') + '{}'],
  ['OPTIONS', `OPTIONS ${PODS} HTTP/1.1\r\n${HOST}\r\n`],
  ['a delete for good', remove('{}')],
  ['dryRun in the query and a body', remove('{}', 'application/json', '?dryRun=All')],
  ['dryRun twice', remove('{"dryRun":["All"],"dryRun":[]}')],
  ['dryRun in another case', remove('{"DryRun":["All"]}')],
  ['dryRun that is no list', remove('{"dryRun":"All"}')],
  ['dryRun with something else', remove('{"dryRun":["All",""]}')],
  ['dryRun with a body that is no JSON', remove('dryRun: [All]\ndryRun: []\n', 'application/yaml')],
  [
    'dryRun behind a coding',
    remove('{"dryRun":["All"]}').replace('Content-Type', 'Content-Encoding: gzip\r\nContent-Type'),
  ],
  [
    'dryRun of two media types',
    remove('{"dryRun":["All"]}').replace(
      'Content-Type',
      'Content-Type: application/vnd.kubernetes.protobuf\r\nContent-Type',
    ),
  ],
  ['dryRun as protobuf', remove('{"dryRun":["All"]}', 'application/vnd.kubernetes.protobuf')],
  ['dryRun of a collection', remove('{"dryRun":["All"]}').replace('/p ', ' ')],
];

test('nothing hostile arrives at a Kubernetes API server, and every twin does', async () => {
  const world = await start('kubernetes');
  const count = { connections: 0 };
  for (const [name, raw] of HOSTILE_K8S) {
    const status = await send(world, raw, count);
    assert.ok(status >= 400, `${name}: ${status}`);
    assert.equal(world.upstream.requests.length, 0, name);
  }
  const harmless: readonly (readonly [raw: string, want: string])[] = [
    [get(PODS), `GET ${PODS}`],
    [get(`${PODS}/p?watch=1`), `GET ${PODS}/p?watch=1`],
    [get(`/api/v1/watch/namespaces/d/pods`), 'GET /api/v1/watch/namespaces/d/pods'],
    [remove('{"dryRun":["All"]}'), `DELETE ${PODS}/p`],
    [`DELETE ${PODS}/p?dryRun=All HTTP/1.1\r\n${HOST}\r\n`, `DELETE ${PODS}/p?dryRun=All`],
    [get(PODS, 'Authorization: Bearer evil\r\nCookie: evil\r\nX-Forwarded-User: evil\r\n'), `GET ${PODS}`],
  ];
  for (const [raw] of harmless) {
    assert.equal(await send(world, raw, count), 200, raw);
  }
  assert.deepEqual(
    await arrived(world.upstream),
    harmless.map(([, want]) => want),
  );
});
