// HTTP/2 on both sides of the engine: streams judged apart, flow control, trailers, limits, and upstreams that only know HTTP/1.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { ALLOW } from '../support/fake-gate.ts';
import {
  startHttpGateway,
  testAuthority,
  testLeaf,
  type HttpGateway,
  type HttpGatewayOptions,
} from '../support/http-gateway.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();

interface H2Upstream {
  readonly port: number;
  readonly seen: IncomingHttpHeaders[];
  readonly sessions: ServerHttp2Session[];
}

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const hello: Answer = (stream, headers) => {
  stream.respond({ ':status': 200, 'x-path': String(headers[':path']) });
  stream.end(`${String(headers[':method'])} ${String(headers[':path'])}`);
};

async function startUpstream(answer: Answer = hello): Promise<H2Upstream> {
  const seen: IncomingHttpHeaders[] = [];
  const sessions: ServerHttp2Session[] = [];
  const plain = createServer();
  plain.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  plain.on('stream', (stream, headers) => {
    seen.push(headers);
    stream.on('error', () => undefined);
    answer(stream, headers);
  });
  const secureContext = await testLeaf('api.test');
  const server = createTlsServer(
    { ALPNProtocols: ['h2'], SNICallback: (_, done) => done(null, secureContext) },
    (socket) => plain.emit('connection', socket),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    sessions.forEach((session) => session.destroy());
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen, sessions };
}

async function start(answer?: Answer, options: Partial<HttpGatewayOptions> = {}) {
  const upstream = await startUpstream(answer);
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port, ...options });
  return { upstream, gateway, session: await open(gateway) };
}

async function open(gateway: HttpGateway): Promise<ClientHttp2Session> {
  const { caPem } = await testAuthority();
  const socket = connectTls({
    host: '127.0.0.1',
    port: gateway.port,
    ca: caPem,
    servername: 'api.test',
    ALPNProtocols: ['h2'],
  });
  await once(socket, 'secureConnect');
  const session = connect('https://api.test', { createConnection: () => socket });
  session.on('error', () => undefined);
  scope.after(() => session.destroy());
  return session;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
}

async function finish(stream: ClientHttp2Stream): Promise<Answered> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let body = '';
  stream.on('response', (got) => {
    headers = got;
  });
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.setEncoding('latin1');
  stream.on('data', (text: string) => {
    body += text;
  });
  stream.on('error', () => undefined);
  await new Promise<void>((resolve) => stream.once('close', () => resolve()));
  return { status: Number(headers[':status'] ?? 0), headers, body, trailers };
}

function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string | Buffer): Promise<Answered> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) {
    stream.end(body);
  }
  return finish(stream);
}

test('requests and their bodies pass from HTTP/2 to HTTP/2; what is denied is refused on its stream only', async () => {
  const { upstream, gateway, session } = await start((stream, headers) => {
    stream.respond({ ':status': 201, 'set-cookie': ['a=1', 'b=2'], 'alt-svc': 'h3=":443"' });
    stream.pipe(stream);
    void headers;
  });
  const [ok, denied, held] = await Promise.all([
    ask(session, { ':method': 'POST', ':path': '/echo?x=1', 'x-a': ['1', '2'], cookie: ['c=1', 'd=2'] }, 'body'),
    ask(session, { ':path': '/denied' }),
    ask(session, { ':method': 'POST', ':path': '/read' }, 'held'),
  ]);
  assert.deepEqual(
    [ok.status, ok.body, ok.headers['set-cookie'], ok.headers['alt-svc']],
    [201, 'body', ['a=1', 'b=2'], undefined],
  );
  assert.deepEqual([denied.status, /not for agents/.test(denied.body)], [403, true]);
  assert.deepEqual([held.status, held.body], [201, 'held']);
  assert.equal(upstream.sessions.length, 1);
  const echo = upstream.seen.find((headers) => headers[':path'] === '/echo?x=1');
  assert.deepEqual([echo?.['x-a'], echo?.cookie, echo?.[':authority']], ['1, 2', 'c=1; d=2', 'api.test']);
  assert.equal(
    (await gateway.gate.outcomes(2)).every((line) => line.endsWith('ok 201')),
    true,
  );
});

test('fifty streams at once over one upstream connection (MP-33)', async () => {
  const { upstream, gateway, session } = await start();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => ask(session, { ':path': `/${index % 5}` })),
  );
  assert.deepEqual(
    answers.map(({ body }) => body),
    Array.from({ length: 50 }, (_, index) => `GET /${index % 5}`),
  );
  assert.equal(upstream.sessions.length, 1);
  assert.equal(gateway.analyser.analysed, 5);
});

test('gRPC: message by message both ways, and its trailers', async () => {
  const { upstream, session } = await start((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('data', (bytes: Buffer) => stream.write(bytes));
    stream.on('end', () => stream.end());
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
  });
  const call = session.request(
    { ':method': 'POST', ':path': '/pkg.S/Get', 'content-type': 'application/grpc', te: 'trailers' },
    { endStream: false },
  );
  const answered = finish(call);
  for (const message of ['one', 'two']) {
    call.write(message);
    assert.equal(String((await once(call, 'data'))[0]), message);
  }
  call.end();
  const { status, trailers } = await answered;
  assert.deepEqual([status, trailers['grpc-status'], trailers['grpc-message']], [200, '0', 'fine']);
  assert.equal(upstream.seen[0]?.['te'], 'trailers');
});

test('a parked stream does not hold up the others, and its upload pushes back', async () => {
  let received = 0;
  const { gateway, session } = await start(
    (stream, headers) => {
      if (headers[':path'] === '/park') {
        stream.on('data', (bytes: Buffer) => {
          received += bytes.length;
        });
        stream.on('end', () => {
          stream.respond({ ':status': 200 });
          stream.end(String(received));
        });
      } else {
        hello(stream, headers);
      }
    },
    { bodyBufferBytes: 100_000 },
  );
  const asked = gateway.gate.nextParked();
  const upload = ask(session, { ':method': 'PUT', ':path': '/park' }, randomBytes(3_000_000));
  const parked = await asked;
  assert.equal((await ask(session, { ':path': '/other' })).body, 'GET /other');
  assert.equal(received, 0);
  parked.answer(ALLOW);
  assert.equal((await upload).body, '3000000');
});

test('a stream that its client resets is taken back; others live', async () => {
  const { upstream, gateway, session } = await start();
  const asked = gateway.gate.nextParked();
  const stream = session.request({ ':path': '/park' });
  stream.on('error', () => undefined);
  const { signal } = await asked;
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  stream.close(constants.NGHTTP2_CANCEL);
  await aborted;
  assert.equal((await ask(session, { ':path': '/lives' })).status, 200);
  assert.deepEqual(
    upstream.seen.map((headers) => headers[':path']),
    ['/lives'],
  );
});

test('an upstream that only knows HTTP/1 gets the request in its words (notes H6)', async () => {
  const upstream = await startRawUpstream(scope);
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port });
  const session = await open(gateway);
  const answers = await Promise.all([
    ask(session, { ':path': '/a', cookie: ['c=1', 'd=2'] }),
    ask(session, { ':method': 'POST', ':path': '/b' }, 'x'.repeat(10)),
    ask(session, { ':path': '/denied' }),
    ask(session, { ':method': 'HEAD', ':path': '/c' }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 403, 200],
  );
  const texts = upstream.requests.map(({ text }) => text).toSorted();
  assert.deepEqual(texts, [
    'GET /a HTTP/1.1\r\nHost: api.test\r\ncookie: c=1; d=2',
    'HEAD /c HTTP/1.1\r\nHost: api.test',
    'POST /b HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked',
  ]);
});

test('what HTTP/2 lets pass and HTTP/1 would read in another way is refused on its stream (HT-01, HT-07)', async () => {
  const { upstream, gateway, session } = await start();
  const cases: readonly (readonly [OutgoingHttpHeaders, number])[] = [
    [{ ':path': '/a b' }, 400],
    [{ ':path': '/a#b' }, 400],
    [{ ':path': 'a' }, 400],
    [{ ':path': '*' }, 400],
    [{ ':path': '/', ':authority': 'other.test' }, 421],
    [{ ':path': '/', ':authority': 'api.test:80' }, 421],
    [{ ':path': '/', host: 'other.test' }, 421],
    [{ ':path': '/', ':authority': 'api.test', host: 'other.test' }, 400],
    [{ ':path': '/', ':method': 'TRACE' }, 405],
    [{ ':path': '/', te: 'trailers', 'content-length': '0x3' }, 400],
  ];
  for (const [headers, status] of cases) {
    const got = await ask(session, headers);
    // nghttp2 resets some of them before we see them: that is a refusal too.
    assert.ok(got.status === status || got.status === 0, `${JSON.stringify(headers)} ${got.status}`);
  }
  assert.equal((await ask(session, { ':path': '/fine' })).status, 200);
  assert.deepEqual(
    upstream.seen.map((headers) => headers[':path']),
    ['/fine'],
  );
  assert.ok(gateway.refused.length >= 5);
});

test('resets without end close the connection, and only that one (HT-08)', async () => {
  const { gateway, session } = await start((stream) => void stream);
  await once(session, 'connect');
  const other = await open(gateway);
  for (let index = 0; index < 300 && !session.destroyed; index += 1) {
    const stream = session.request({ ':path': `/${index}` });
    stream.on('error', () => undefined);
    stream.close(constants.NGHTTP2_CANCEL);
    if (index % 10 === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await gateway.ended(1);
  assert.match(gateway.refused.join(), /resets: /);
  assert.equal(other.destroyed, false);
});

test('curl over HTTP/2', async () => {
  const { gateway } = await start();
  const ca = join(temporaryFolder(scope), 'ca.pem');
  writeFileSync(ca, gateway.caPem);
  const args = [
    '-sS',
    '--http2',
    '--max-time',
    '60',
    '--cacert',
    ca,
    '--connect-to',
    `api.test:443:127.0.0.1:${gateway.port}`,
    '-w',
    ' %{http_version} %{http_code}',
  ];
  const got = await runProgram('curl', [...args, 'https://api.test/x']);
  assert.equal(got.stdout, 'GET /x 2 200', got.stderr);
  const uploaded = await runProgram('curl', [...args, '--data-binary', 'hello', 'https://api.test/denied']);
  assert.match(uploaded.stdout, /not for agents.* 2 403$/s, uploaded.stderr);
});

test('an upstream that goes away in the middle resets the stream; one that cannot be reached is a 502', async () => {
  const { upstream, gateway, session } = await start((stream, headers) => {
    if (headers[':path'] === '/half') {
      stream.respond({ ':status': 200 });
      stream.write('half');
    } else {
      hello(stream, headers);
    }
  });
  const stream = session.request({ ':path': '/half' });
  // What is on its way when a session is destroyed may be lost.
  stream.once('data', () => upstream.sessions[0]?.destroy());
  const half = await finish(stream);
  assert.equal(stream.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
  assert.equal(half.body, 'half');
  assert.equal((await ask(session, { ':path': '/again' })).body, 'GET /again');
  assert.match((await gateway.gate.outcomes(2))[0] ?? '', /error 200 lost$/);
  const nowhere = await startHttpGateway(scope, { upstreamPort: 1, unreachable: true });
  const second = await open(nowhere);
  const refused = await Promise.all([ask(second, { ':path': '/a' }), ask(second, { ':path': '/b' })]);
  assert.deepEqual(
    refused.map(({ status }) => status),
    [502, 502],
  );
});

test('connections whose client says goodbye and leaves at once are over, each of them', async () => {
  const { gateway } = await start();
  for (let round = 0; round < 20; round += 1) {
    const session = await open(gateway);
    await ask(session, { ':path': `/${round}` });
    session.close();
    await gateway.ended(round + 1);
  }
  assert.deepEqual([...new Set(gateway.finished.map(({ kind }) => kind))], ['client-closed']);
});

test('draining says goodbye, lets what runs finish, and ends', async () => {
  let arrived: (stream: ServerHttp2Stream) => void = () => undefined;
  const arriving = new Promise<ServerHttp2Stream>((resolve) => {
    arrived = resolve;
  });
  const { gateway, session } = await start((stream) => arrived(stream));
  const running = ask(session, { ':path': '/slow' });
  const upstreamStream = await arriving;
  gateway.drain('the gateway is stopping');
  await once(session, 'goaway');
  upstreamStream.respond({ ':status': 200 });
  upstreamStream.end('late');
  assert.equal((await running).body, 'late');
  await gateway.ended(1);
  assert.equal(gateway.finished[0]?.kind, 'drained');
});
