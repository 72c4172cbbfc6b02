// The HTTP engine with real sockets and real clients, and with a gate that goes by the path: what is asked, what is sent, what comes back.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { GatewayError } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { HttpFlavour } from '../../src/protocols/http/flavour.ts';
import { serveHttp } from '../../src/protocols/http/serve.ts';
import { refuseHttps } from '../../src/protocols/https/denial.ts';
import { createHttps } from '../../src/protocols/https/index.ts';
import { createWebSocketSession } from '../../src/protocols/https/session.ts';
import type { Protocol } from '../../src/protocols/protocol.ts';
import { eventually } from '../support/daemon.ts';
import { ALLOW, denial } from '../support/fake-gate.ts';
import {
  PathAnalyser,
  startHttpGateway,
  testInjector,
  type HttpGateway,
  type HttpGatewayOptions,
} from '../support/http-gateway.ts';
import { RawHttp } from '../support/raw-http.ts';
import { respond, startRawUpstream, type RawUpstream, type UpstreamRequest } from '../support/raw-upstream.ts';
import { decide, makePolicy } from '../support/rule-parts.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);

/** No rule looks into messages. */
const NOBODY_READS = { reads: (): boolean => false };

type Answer = (request: UpstreamRequest) => string | Buffer | undefined | void;

async function start(
  answer?: Answer,
  options: Partial<HttpGatewayOptions> = {},
): Promise<{ readonly upstream: RawUpstream; readonly gateway: HttpGateway; readonly client: RawHttp }> {
  const upstream = await startRawUpstream(scope, answer);
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port, ...options });
  const client = await RawHttp.plain(gateway.port);
  scope.after(() => client.close());
  return { upstream, gateway, client };
}

async function curl(gateway: HttpGateway, ...args: readonly string[]) {
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, gateway.caPem);
  const to = `api.test:443:127.0.0.1:${gateway.port}`;
  return runProgram('curl', ['-sS', '--max-time', '120', '--cacert', ca, '--connect-to', to, ...args], {
    timeoutMs: 130_000,
  });
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('curl is answered by the upstream, and is refused with a reason what the gate denies', async () => {
  const { upstream, gateway } = await start();
  const allowed = await curl(gateway, 'https://api.test/v1/things?x=1');
  assert.deepEqual([allowed.stderr, allowed.stdout], ['', 'GET /v1/things?x=1']);
  const denied = await curl(gateway, '-w', '%{http_code}', 'https://api.test/denied');
  assert.match(denied.stdout, /"code":"denied","reason":"this is not for agents".*403$/s);
  assert.equal(upstream.requests.length, 1);
  assert.deepEqual(await gateway.gate.outcomes(1), ['GET api.test/v1/things whole ok 200']);
});

test('ND-15: what goes upstream is what came: order, case and repetition of fields, path and query as they were (HX-18, HX-20)', async () => {
  const { upstream, client } = await start();
  client.write(
    'GET /a/../b//%2F;x=y?q=%zz&&+ HTTP/1.1',
    'x-b: 1',
    'Host: API.test.',
    'X-A:2',
    'x-b:  3  ',
    'Connection: keep-alive',
    'Accept-Encoding: gzip',
    'X-Latin: \xe4',
    '',
    '',
  );
  await client.answer();
  assert.equal(
    upstream.requests[0]?.text,
    [
      'GET /a/../b//%2F;x=y?q=%zz&&+ HTTP/1.1',
      'Host: api.test',
      'x-b: 1',
      'X-A: 2',
      'x-b: 3',
      'Accept-Encoding: gzip',
      'X-Latin: \xe4',
    ].join('\r\n'),
  );
});

test('pipelined requests are judged one by one, answered in order, over one upstream connection (HT-12)', async () => {
  const { upstream, gateway, client } = await start();
  client.write(...['/one', '/denied', '/two'].flatMap((path) => [`GET ${path} HTTP/1.1`, 'Host: api.test', '']), '');
  const answers = [await client.answer(), await client.answer(), await client.answer()];
  assert.deepEqual(
    answers.map(({ status, body }) => `${status} ${body.slice(0, 8)}`),
    ['200 GET /one', '403 {"error"', '200 GET /two'],
  );
  assert.equal(gateway.dials(), 1);
  assert.deepEqual(
    upstream.requests.map(({ head }) => head.target),
    ['/one', '/two'],
  );
});

test('a request that comes again is analysed once', async () => {
  const { gateway, client } = await start();
  for (let round = 0; round < 5; round += 1) {
    client.get('/again');
    assert.equal((await client.answer()).status, 200);
  }
  assert.equal(gateway.analyser.analysed, 1);
  assert.equal(gateway.gate.asked.length, 5);
  assert.equal(new Set(gateway.gate.asked.map(({ memo }) => memo)).size, 1);
  assert.equal(new Set(gateway.gate.asked.map(({ id }) => id)).size, 5);
});

test('a broken request is refused, the connection ends, and nothing reaches the upstream', async () => {
  const { upstream, gateway } = await start();
  const cases: readonly (readonly [string, number])[] = [
    ['GET / HTTP/1.1\r\nHost : api.test\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: other.test\r\n\r\n', 421],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    [`GET /${'a'.repeat(70_000)} HTTP/1.1\r\n`, 431],
    ['SSH-2.0-OpenSSH_9.2\r\n', 400],
    ['\x00\x00\x00\x08\x04\xd2\x16\x2f', 400],
  ];
  for (const [text, status] of cases) {
    const client = await RawHttp.plain(gateway.port);
    client.write(text);
    const answer = await client.answer();
    assert.equal(answer.status, status, text.slice(0, 60));
    assert.match(answer.head, /Connection: close/);
    assert.equal(await client.end(), 'fin');
    client.close();
  }
  assert.equal(upstream.requests.length, 0);
  assert.equal(gateway.refused.length, cases.length);
});

test('a body that breaks its framing while it is held is never sent, and the next bytes are not a request', async () => {
  const { upstream, gateway, client } = await start();
  client.write(
    'POST /read HTTP/1.1',
    'Host: api.test',
    'Transfer-Encoding: chunked',
    '',
    '3',
    'abcX',
    '0',
    '',
    'GET / HTTP/1.1',
    'Host: api.test',
    '',
    '',
  );
  assert.equal((await client.answer()).status, 400);
  assert.equal(await client.end(), 'fin');
  assert.equal(upstream.requests.length, 0);
  assert.deepEqual(
    gateway.gate.asked.map(({ summary }) => summary),
    ['POST api.test/read cut incomplete'],
  );
  assert.deepEqual(await gateway.gate.outcomes(1), ['POST api.test/read cut incomplete not-run']);
});

test('uploads arrive as they were sent, held or not, over the cap or not (HX-01)', async () => {
  const { gateway } = await start((request) => {
    void request.whole.then(() => request.socket.write(respond(sha256(request.body()))));
  });
  const file = join(folder, 'upload.bin');
  const bytes = randomBytes(5 * 1024 * 1024);
  writeFileSync(file, bytes);
  for (const path of ['/plain', '/read']) {
    for (const framing of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      const sent = await curl(gateway, '-T', file, ...framing, `https://api.test${path}`);
      assert.deepEqual([sent.stdout, sent.stderr], [sha256(bytes), ''], `${path} ${framing.join(' ')}`);
    }
  }
  assert.deepEqual(
    gateway.gate.asked.map(({ summary, evidence }) => `${summary} ${evidence.complete}`),
    ['unread', 'unread', 'cut too_large', 'cut too_large'].map(
      (reading, index) => `PUT api.test/${index < 2 ? 'plain' : 'read'} ${reading} false`,
    ),
  );
});

test('a held body is judged whole, and its digest is over exactly what is sent', async () => {
  const { upstream, gateway, client } = await start();
  client.write('POST /read HTTP/1.1', 'Host: api.test', 'Content-Length: 9', '', 'forbidden');
  assert.equal((await client.answer()).status, 403);
  client.write('POST /read HTTP/1.1', 'Host: api.test', 'Content-Length: 7', '', 'welcome');
  assert.equal((await client.answer()).status, 200);
  const evidence = gateway.gate.asked[1]?.evidence;
  const sent = upstream.connections[0]?.[0] ?? Buffer.alloc(0);
  assert.equal(evidence?.digest(), sha256(sent));
  assert.equal(evidence?.text, 'POST /read HTTP/1.1\nHost: api.test\nContent-Length: 7\n\nwelcome');
  assert.equal(upstream.requests.length, 1);
});

test('a streaming upload reaches the upstream before it ends (HX-02)', async () => {
  const { upstream, client } = await start((request) => {
    void request.whole.then(() => request.socket.write(respond(request.body().toString())));
  });
  client.write('POST /stream HTTP/1.1', 'Host: api.test', 'Transfer-Encoding: chunked', '', '5', 'first', '');
  const request = await upstream.next();
  await request.arrived(5);
  client.write('6', 'second', '0', '', '');
  assert.equal((await client.answer()).body, 'firstsecond');
});

test('Expect: denied without asking for the body, asked for where it is held, and left to the upstream otherwise (notes H2)', async () => {
  const { upstream, client } = await start((request) => {
    if (request.head.fields.some(({ name }) => name === 'Expect')) {
      request.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    }
    void request.whole.then(() => request.socket.write(respond(request.body().toString())));
  });
  const post = (path: string): void =>
    client.write(`POST ${path} HTTP/1.1`, 'Host: api.test', 'Content-Length: 4', 'Expect: 100-continue', '', '');
  post('/stream');
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.write('body');
  assert.equal((await client.answer()).body, 'body');
  post('/read');
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.write('held');
  assert.equal((await client.answer()).body, 'held');
  assert.deepEqual(
    upstream.requests.map(({ text }) => text.includes('Expect')),
    [true, false],
  );
  const { client: early } = await start((request) => respond('', `417 ${request.head.target}`));
  early.write('POST /x HTTP/1.1', 'Host: api.test', 'Content-Length: 4', 'Expect: 100-continue', '', '');
  assert.equal((await early.answer()).status, 417);
  post('/denied');
  const denied = await client.answer();
  assert.equal(denied.status, 403);
  assert.match(denied.head, /Connection: close/);
});

test('curl that uploads a lot to a denied path prints the refusal (HX-04)', async () => {
  const { gateway } = await start();
  const file = join(folder, 'large.bin');
  writeFileSync(file, Buffer.alloc(20 * 1024 * 1024));
  const denied = await curl(gateway, '-H', 'Expect:', '-T', file, '-w', '%{http_code}', 'https://api.test/denied');
  assert.match(denied.stdout, /this is not for agents.*403$/s, denied.stderr);
});

test('answers of every framing arrive framed, and the connection goes on (HX-07)', async () => {
  const answers: Readonly<Record<string, string>> = {
    '/close': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end',
    '/chunked':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n',
    '/none': 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    '/unchanged': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "x"\r\n\r\n',
    '/twice': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    '/hints': `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${respond('hinted')}`,
  };
  const { gateway, client } = await start((request) => {
    request.socket.write(answers[request.head.target] ?? '');
    if (request.head.target === '/close') {
      request.socket.end();
    }
  });
  client.get('/close');
  assert.equal(
    await client.until('0\r\n\r\n'),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n',
  );
  client.get('/chunked');
  assert.equal(
    await client.until('7\r\n\r\n'),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n',
  );
  client.get('/none');
  assert.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 204 No Content\r\n\r\n');
  client.get('/unchanged');
  assert.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "x"\r\n\r\n');
  client.get('/twice');
  assert.equal((await client.answer()).body, 'ok');
  client.get('/hints');
  assert.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
  assert.equal((await client.answer()).body, 'hinted');
  assert.equal(gateway.dials(), 2);
});

test('HEAD has a length and no body; an old client gets its answer up to the end of the connection', async () => {
  const { client, gateway } = await start((request) =>
    request.head.method === 'HEAD'
      ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
      : 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
  client.write('HEAD / HTTP/1.1', 'Host: api.test', '', '');
  assert.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  client.write('HEAD /denied HTTP/1.1', 'Host: api.test', '', '');
  assert.match(await client.until('\r\n\r\n'), /403/);
  assert.equal(client.text, '');
  const old = await RawHttp.plain(gateway.port);
  old.write('GET / HTTP/1.0', 'Host: api.test', '', '');
  await old.end();
  assert.equal(old.text, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc');
});

test('events are passed on one by one, long before the answer ends (HX-06)', async () => {
  const { upstream, client } = await start(
    () => 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  client.get('/events');
  await client.until('\r\n\r\n');
  const socket = upstream.requests[0]?.socket as Socket;
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    socket.write(`9\r\n${event}\r\n`);
    assert.equal(await client.until('\n\n\r\n'), `9\r\n${event}\r\n`);
  }
});

test('a redirect is the agent`s to follow: the gateway sends nothing anywhere else (HT-46, HX-09)', async () => {
  const { client, upstream } = await start(() => respond('', '302 Found', 'Location: https://evil.test/'));
  client.get('/');
  const { status, head } = await client.answer();
  assert.equal(status, 302);
  assert.match(head, /^Location: https:\/\/evil\.test\/$/m);
  assert.equal(upstream.requests.length, 1);
});

test('an answer that is compressed passes as it is, and nobody is asked to compress (HX-09)', async () => {
  const coded = gzipSync('{"a":1}');
  const { client, upstream } = await start(() =>
    Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${coded.length}\r\n\r\n`),
      coded,
    ]),
  );
  client.get('/');
  const { head, body } = await client.answer();
  assert.match(head, /^Content-Encoding: gzip$/m);
  assert.deepEqual(Buffer.from(body, 'latin1'), coded);
  assert.doesNotMatch(upstream.requests[0]?.text ?? '', /accept-encoding/i);
});

test('next-hop fields and alternative services of the upstream are not passed on (HT-54)', async () => {
  const { client } = await start(() =>
    respond(
      '',
      '200 Fine',
      'Alt-Svc: h3=":443"',
      'Connection: keep-alive, X-Hop',
      'Keep-Alive: timeout=5',
      'Hop: 1',
      'Server: s',
      'X-Hop: 2',
    ),
  );
  client.get('/');
  assert.equal(
    (await client.answer()).head,
    'HTTP/1.1 200 Fine\r\nHop: 1\r\nServer: s\r\nX-Hop: 2\r\nContent-Length: 0\r\n\r\n',
  );
});

test('an upstream that answers wrongly gives a 502, and its connection is not used again (HT-13, DP-30)', async () => {
  const cases: Readonly<Record<string, string>> = {
    garbage: '\x15\x03\x01nonsense',
    both: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    lengths: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    splitting: 'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n',
    flood: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100),
    long: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}`,
    switching: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    h2: '\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64',
  };
  const { gateway, client } = await start((request) => cases[request.head.target.slice(1)] ?? respond('fine'));
  for (const name of Object.keys(cases)) {
    client.get(`/${name}`);
    const answer = await client.answer();
    assert.equal(answer.status, 502, name);
    assert.match(answer.body, /"code":"upstream"/);
  }
  client.get('/fine');
  assert.equal((await client.answer()).body, 'fine');
  assert.equal(gateway.dials(), Object.keys(cases).length + 1);
});

test('two answers to one request: the agent gets one, and the other is nobody`s', async () => {
  const { gateway, client } = await start((request) =>
    request.head.target === '/two' ? respond('first') + respond('smuggled') : respond('own'),
  );
  client.get('/two');
  assert.equal((await client.answer()).body, 'first');
  client.get('/next');
  assert.equal((await client.answer()).body, 'own');
  assert.equal(gateway.dials(), 2);
});

test('an answer that breaks off is cut, never ended as if it were whole (TR-12)', async () => {
  const { upstream, gateway, client } = await start(
    () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  );
  client.get('/');
  // libuv tells a reset that comes together with data as an end, so the data is taken first.
  await client.until('abc\r\n');
  upstream.sockets[0]?.end();
  assert.equal(await client.end(), 'reset');
  assert.deepEqual(await gateway.gate.outcomes(1), ['GET api.test/ whole error 200 lost']);
});

test('a kept connection that the upstream has closed is replaced; what cannot be sent twice is not (HX-03)', async () => {
  let closing = false;
  const { upstream, gateway, client } = await start((request) => {
    if (closing) {
      closing = false;
      request.socket.destroy();
      return undefined;
    }
    return respond(request.head.method);
  });
  client.get('/');
  await client.answer();
  closing = true;
  client.get('/again');
  assert.equal((await client.answer()).body, 'GET');
  assert.equal(upstream.connections.length, 2);
  closing = true;
  client.write('POST /once HTTP/1.1', 'Host: api.test', 'Content-Length: 1', '', 'x');
  assert.equal((await client.answer()).status, 502);
  assert.equal(gateway.dials(), 2);
});

test('a parked request waits, is approved and runs once; or is denied; or is withdrawn by its client', async () => {
  const { upstream, gateway, client } = await start();
  const asked = gateway.gate.nextParked();
  client.write('POST /park HTTP/1.1', 'Host: api.test', 'Content-Length: 5', '', 'hello');
  const parked = await asked;
  assert.equal(parked.action.evidence.text.endsWith('\n\nhello'), true, 'people see the body that no rule reads');
  assert.equal(parked.action.evidence.complete, true);
  assert.equal(upstream.requests.length, 0);
  parked.answer(ALLOW);
  assert.equal((await client.answer()).body, 'POST /park');
  assert.equal(upstream.requests[0]?.body().toString(), 'hello');
  const denied = gateway.gate.nextParked();
  client.get('/park/again');
  (await denied).answer(denial('not today'));
  assert.equal((await client.answer()).status, 403);
  const withdrawn = gateway.gate.nextParked();
  client.get('/park/third');
  const third = await withdrawn;
  const aborted = new Promise<void>((resolve) => third.signal.addEventListener('abort', () => resolve()));
  client.close();
  await aborted;
  third.answer(ALLOW);
  await gateway.ended(1);
  assert.equal(upstream.requests.length, 1);
});

test('a parked upload pushes back, and nothing of it is lost', async () => {
  const { gateway, client } = await start(
    (request) => void request.whole.then(() => request.socket.write(respond(String(request.body().length)))),
    { bodyBufferBytes: 100_000 },
  );
  const asked = gateway.gate.nextParked();
  const bytes = Buffer.alloc(3_000_000, 'x');
  client.write('PUT /park HTTP/1.1', 'Host: api.test', `Content-Length: ${bytes.length}`, '', '');
  client.stream.write(bytes);
  const parked = await asked;
  assert.equal(parked.action.evidence.complete, false);
  parked.answer(ALLOW);
  assert.equal((await client.answer()).body, '3000000');
});

test('a client that goes away in the middle takes its request along (HX-19, HT-35)', async () => {
  const { upstream, gateway } = await start(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  const client = await RawHttp.tls(gateway.port, gateway.caPem);
  client.get('/');
  await client.until('abc\r\n');
  const gone = new Promise<void>((resolve) => upstream.sockets[0]?.once('close', () => resolve()));
  client.close();
  await gone;
  assert.deepEqual(await gateway.gate.outcomes(1), ['GET api.test/ whole cancelled 200 client_gone']);
  const half = await RawHttp.plain(gateway.port);
  half.write('POST /read HTTP/1.1', 'Host: api.test', 'Content-Length: 9', '', 'half');
  half.stream.end();
  await half.end();
  assert.deepEqual(await gateway.gate.outcomes(2), [
    'GET api.test/ whole cancelled 200 client_gone',
    'POST api.test/read cut incomplete not-run',
  ]);
  assert.equal(upstream.requests.length, 1);
});

test('a client that only ends its direction still gets its answer (TR-11)', async () => {
  const { client } = await start();
  client.write('GET /half HTTP/1.1', 'Host: api.test', '', 'GET /second HTTP/1.1', 'Host: api.test', '', '');
  client.stream.end();
  assert.equal((await client.answer()).body, 'GET /half');
  assert.equal((await client.answer()).body, 'GET /second');
  assert.equal(await client.end(), 'fin');
});

test('a credential is known to the rules, goes into its slot, and without one nothing is sent (HT-50, HX-11)', async () => {
  let missing = false;
  const { upstream, gateway, client } = await start(undefined, {
    credential: () =>
      missing
        ? Promise.reject(new GatewayError('SECRET_MISSING', 'operator', 'bearer_token.api has no value'))
        : Promise.resolve({
            ref: 'bearer_token.api',
            type: 'bearer_token',
            attributes: {},
            secrets: new Map([['', new Secret('canary')]]),
          }),
  });
  client.get('/', 'Authorization: Bearer mine');
  assert.equal((await client.answer()).status, 200);
  assert.match(upstream.requests[0]?.text ?? '', /\r\nAuthorization: Bearer canary$/);
  assert.doesNotMatch(upstream.requests[0]?.text ?? '', /mine/);
  const [asked] = gateway.gate.asked;
  assert.match(asked?.evidence.text ?? '', /\nAuthorization: \[masked\]\n/);
  for (const [credential, kind] of [
    ['bearer_token.api', 'deny'],
    ['bearer_token.other', 'allow'],
  ] as const) {
    const policy = makePolicy({ rules: [{ credential, family: 'http', outcome: 'deny' }], unmatched: 'allow' });
    assert.equal(asked === undefined ? '' : decide(policy, asked).kind, kind, credential);
  }
  missing = true;
  client.get('/other');
  const refused = await client.answer();
  assert.equal(refused.status, 502);
  assert.match(refused.body, /"code":"credential"/);
  assert.deepEqual(gateway.refused, ['credential: bearer_token.api has no value']);
  assert.equal(upstream.requests.length, 1);
});

test('an upstream whose certificate is not right is never spoken to (TL-07, DP-29)', async () => {
  const wrongName = await startRawUpstream(scope, undefined, 'other.test');
  const right = await startRawUpstream(scope);
  const foreign = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';
  for (const options of [
    { upstreamPort: wrongName.port },
    { upstreamPort: right.port, upstreamCa: foreign },
    { upstreamPort: right.port, unreachable: true },
  ]) {
    const gateway = await startHttpGateway(scope, options);
    const client = await RawHttp.plain(gateway.port);
    client.get('/');
    assert.equal((await client.answer()).status, 502);
    client.close();
    assert.match(gateway.refused.join(), /^upstream: /);
  }
  assert.equal(wrongName.requests.length + right.requests.length, 0);
});

test('a websocket passes after its handshake was judged, with half-close and its bytes as they are', async () => {
  const { gateway, client } = await start((request) => {
    request.socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello',
    );
    request.socket.on('data', (bytes: Buffer) => request.socket.write(bytes));
  }, NOBODY_READS);
  client.get('/denied', 'Connection: Upgrade', 'Upgrade: websocket');
  assert.equal((await client.answer()).status, 403);
  client.get('/ws', 'Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x');
  assert.equal(
    await client.until('hello'),
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello',
  );
  client.write('\x81\x00 anything at all');
  assert.equal(await client.until('at all'), '\x81\x00 anything at all');
  client.stream.end();
  assert.equal(await client.end(), 'fin');
  await gateway.ended(1);
  assert.match((await gateway.gate.outcomes(1)).join(), /ok 101/);
});

test('HX-13: an upgrade is dialled and trusted as every request is', async () => {
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x'] as const;
  const { upstream, gateway, client } = await start(
    (request) =>
      void request.socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
      ),
    NOBODY_READS,
  );
  client.get('/ws', ...upgrade);
  await client.until('\r\n\r\n');
  assert.equal(gateway.dials(), 1);
  assert.match(upstream.requests[0]?.text ?? '', /^GET \/ws HTTP\/1\.1\r\nHost: api\.test\r\n/);
  const foreign = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';
  for (const options of [{ upstreamCa: foreign }, { unreachable: true }]) {
    const refusing = await startHttpGateway(scope, { upstreamPort: upstream.port, ...NOBODY_READS, ...options });
    const other = await RawHttp.plain(refusing.port);
    other.get('/ws', ...upgrade);
    assert.equal((await other.answer()).status, 502);
    other.close();
  }
  assert.equal(upstream.requests.length, 1);
});

test('HX-14: after a reload connections of before are not used again, and are closed; without one they are', async () => {
  const { upstream, gateway, client } = await start();
  const ask = async (): Promise<void> => {
    client.get('/');
    assert.equal((await client.answer()).status, 200);
  };
  await ask();
  await ask();
  assert.equal(gateway.dials(), 1);
  for (let reload = 1; reload <= 100; reload += 1) {
    gateway.reload();
    await ask();
    assert.equal(gateway.dials(), 1 + reload);
  }
  assert.equal(gateway.gate.asked.length, 102, 'every request is asked about');
  const { sockets } = upstream;
  await eventually('only the last is open', () => sockets.filter(({ destroyed }) => !destroyed).length === 1);
});

/** HTTP with another flavour. */
function flavoured(changes: Partial<HttpFlavour>): Protocol {
  const flavour: HttpFlavour = {
    family: 'http',
    analyser: new PathAnalyser(),
    refuse: refuseHttps,
    upgrades: [],
    upgraded: createWebSocketSession,
    ...changes,
  };
  return {
    ...createHttps({ name: 'https', analyser: flavour.analyser, injector: testInjector }),
    serve: (connection, context) => serveHttp(connection, context, { flavour, injector: testInjector }),
  };
}

test('HT-23: a POST without a type that streams by breaks off where it asks for another method, but not on its way to a database', async () => {
  const body = `${'x'.repeat(100_000)}&_method=DELETE&a=1`;
  for (const [family, status] of [
    ['http', '403'],
    ['sql', '200'],
  ] as const) {
    const { client } = await start(undefined, { protocol: flavoured({ family }) });
    client.write('POST / HTTP/1.1', 'Host: api.test', `Content-Length: ${body.length}`, '', body);
    assert.equal((await client.answer()).head.split(' ')[1], status, family);
  }
});

test('CH-29: what a flavour writes into a request for its device is not sent for another device with the same head', async () => {
  const protocol = flavoured({
    prepare: (request, { agent }) => ({ ...request, rawQuery: `session_id=${agent.device}` }),
  });
  const devices = ['one', 'two', 'one'];
  const { upstream, gateway } = await start(undefined, { protocol, device: (n) => devices[n - 2] ?? 'none' });
  for (const device of devices) {
    const client = await RawHttp.plain(gateway.port);
    client.get('/?session_id=mine');
    assert.equal((await client.answer()).body, `GET /?session_id=${device}`);
    client.close();
  }
  assert.equal(upstream.requests.length, 3);
});

test('draining ends idle connections at once, and busy ones after their answer', async () => {
  const { upstream, gateway, client } = await start((request) =>
    request.head.target === '/first' ? respond('') : undefined,
  );
  client.get('/first');
  await client.answer();
  const busy = await RawHttp.plain(gateway.port);
  const arrived = upstream.next();
  busy.get('/busy');
  const request = await arrived;
  gateway.drain('the gateway is stopping');
  assert.equal(await client.end(), 'fin');
  request.socket.write(respond('late'));
  const answer = await busy.answer();
  assert.match(answer.head, /Connection: close/);
  assert.equal(answer.body, 'late');
  await busy.end();
  await gateway.ended(2);
  assert.deepEqual(
    gateway.finished.map(({ kind }) => kind),
    ['drained', 'drained'],
  );
});
