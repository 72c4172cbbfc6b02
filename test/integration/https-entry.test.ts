// The ways into an `https` endpoint: TLS by server name, plain text, CONNECT, absolute targets; what may not come in is refused and recorded.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectPlain, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startHttpGateway, type HttpGateway, type HttpGatewayOptions } from '../support/http-gateway.ts';
import { RawHttp } from '../support/raw-http.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const upstream = await startRawUpstream(scope);

async function start(options: Partial<HttpGatewayOptions> = {}): Promise<HttpGateway> {
  return startHttpGateway(scope, { upstreamPort: upstream.port, ...options });
}

async function open(port: number): Promise<Socket> {
  const socket = connectPlain({ host: '127.0.0.1', port, noDelay: true });
  scope.after(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** How a TLS handshake ends: what was agreed, or the code of the error. */
async function handshake(gateway: HttpGateway, servername: string, ALPNProtocols?: string[]): Promise<string> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: gateway.port,
    ca: gateway.caPem,
    servername,
    ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
  });
  scope.after(() => void socket.destroy());
  return new Promise((resolve) => {
    socket.once('secureConnect', () =>
      resolve(`${socket.getProtocol()} ${socket.alpnProtocol === false ? '-' : socket.alpnProtocol}`),
    );
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
  });
}

test('the leaf names what the client asked for, protocols are agreed on, and a foreign name is refused with its alert', async () => {
  const gateway = await start();
  assert.equal(await handshake(gateway, 'api.test', ['h2', 'http/1.1']), 'TLSv1.3 h2');
  assert.equal(await handshake(gateway, 'API.test', ['http/1.1']), 'TLSv1.3 http/1.1');
  assert.equal(await handshake(gateway, 'localhost'), 'TLSv1.3 -');
  assert.equal(await handshake(gateway, 'other.test'), 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
  assert.match(gateway.refused.join(), /^server-name: /);
});

test('a client that does not trust the gateway is recorded, and nothing goes past it (DP-19)', async () => {
  const gateway = await start();
  const to = `api.test:443:127.0.0.1:${gateway.port}`;
  const result = await runProgram('curl', ['-sS', '--max-time', '60', '--connect-to', to, 'https://api.test/']);
  assert.match(result.stderr, /certificate/);
  await gateway.ended(1);
  assert.match(gateway.refused.join(), /tls-handshake/);
  assert.equal(gateway.dials(), 0);
});

/** A stream that hands TLS on one byte at a time. */
function trickle(socket: Socket): Duplex {
  const stream = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => {
      const send = (at: number): void => {
        if (at === bytes.length) {
          done();
        } else {
          socket.write(bytes.subarray(at, at + 1), () => setImmediate(send, at + 1));
        }
      };
      send(0);
    },
  });
  socket.on('data', (bytes: Buffer) => stream.push(bytes));
  socket.on('end', () => stream.push(null));
  return stream;
}

test('a ClientHello may come byte by byte (TL-01, DP-17)', async () => {
  const gateway = await start();
  const socket = connectTls({ socket: trickle(await open(gateway.port)), ca: gateway.caPem, servername: 'api.test' });
  await once(socket, 'secureConnect');
  const client = new RawHttp(socket);
  client.get('/trickled');
  assert.equal((await client.answer()).body, 'GET /trickled');
  client.close();
});

test('listen_tls: required admits no plain request, off no TLS', async () => {
  const required = await start({ listenTls: 'required' });
  const plain = await RawHttp.plain(required.port);
  plain.get('/');
  assert.equal((await plain.answer()).status, 400);
  const secure = await RawHttp.tls(required.port, required.caPem);
  secure.get('/secure');
  assert.equal((await secure.answer()).status, 200);
  secure.close();
  const tunnel = await open(required.port);
  tunnel.resume();
  tunnel.write('CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\nGET / HTTP/1.1\r\nHost: api.test\r\n\r\n');
  await once(tunnel, 'close');
  assert.match(required.refused.join(), /tls-required/);
  const off = await start({ listenTls: 'off' });
  assert.notEqual((await handshake(off, 'api.test')).slice(0, 3), 'TLS');
  assert.match(off.refused.join(), /tls-off/);
});

test('Host is the TLS server name, whatever else the endpoint has (HT-01)', async () => {
  const gateway = await start({
    hosts: [
      { host: 'api.test', port: 443, wildcard: false },
      { host: 'b.test', port: 443, wildcard: false },
    ],
  });
  const client = await RawHttp.tls(gateway.port, gateway.caPem);
  client.get('/');
  assert.equal((await client.answer()).status, 200);
  client.write('GET / HTTP/1.1', 'Host: b.test', '', '');
  assert.equal((await client.answer()).status, 421);
  assert.match(gateway.refused.join(), /^misdirected: /);
});

test('a proxy for its own hosts: curl over CONNECT, plain requests by their absolute target, nothing else (HT-09)', async () => {
  const gateway = await start({
    hosts: [
      { host: 'api.test', port: 443, wildcard: false },
      { host: 'api.test', port: 8443, wildcard: false },
    ],
  });
  const ca = join(temporaryFolder(scope), 'ca.pem');
  writeFileSync(ca, gateway.caPem);
  const proxied = async (...args: readonly string[]) =>
    runProgram('curl', [
      '-sS',
      '--max-time',
      '60',
      '--cacert',
      ca,
      '-x',
      `http://agent:secret@127.0.0.1:${gateway.port}`,
      ...args,
    ]);
  const tunnelled = await proxied('https://api.test/tunnelled', '-w', ' %{http_version}');
  assert.equal(tunnelled.stdout, 'GET /tunnelled 2', tunnelled.stderr);
  const before = upstream.requests.length;
  const absolute = await proxied('http://api.test:8443/absolute');
  assert.equal(absolute.stdout, 'GET /absolute', absolute.stderr);
  assert.doesNotMatch(upstream.requests[before]?.text ?? '', /proxy-/i);
  assert.match((await proxied('https://other.test/')).stderr, /response 421/);
  assert.match((await proxied('http://api.test/')).stdout, /none of the hosts/);
  const tunnel = await open(gateway.port);
  tunnel.write('CONNECT api.test:443 HTTP/1.0\r\n\r\n');
  assert.match(String((await once(tunnel, 'data'))[0]), /^HTTP\/1\.1 200 /);
  const inside = await RawHttp.tls(gateway.port, gateway.caPem, 'api.test', tunnel);
  inside.write('CONNECT api.test:443 HTTP/1.1', 'Host: api.test:443', '', '');
  assert.equal((await inside.answer()).status, 405);
});

test('who says nothing, or not enough, or nothing more, is let go of in time (H10, TR-10)', async () => {
  const clock = new FakeClock();
  const gateway = await start({ clock });
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /^$/],
    ['GET / HTTP/1.1\r\nHost: ap', /^HTTP\/1\.1 408 /],
    ['POST /read HTTP/1.1\r\nHost: api.test\r\nContent-Length: 5\r\n\r\nab', /^HTTP\/1\.1 408 /],
    ['GET /then HTTP/1.1\r\nHost: api.test\r\n\r\n', /GET \/then$/],
  ];
  const said = cases.map(() => '');
  const closes: Promise<unknown>[] = [];
  for (const [index, [text]] of cases.entries()) {
    const socket = await open(gateway.port);
    socket.on('data', (bytes: Buffer) => (said[index] += bytes.toString()));
    closes.push(once(socket, 'close'));
    socket.write(text);
  }
  // The last is answered, so what the others wrote before it is there too: from here on only time passes.
  await eventually('the whole request is answered', () => said.at(-1)?.endsWith('GET /then') === true);
  assert.deepEqual(gateway.finished, []);
  let left = true;
  const all = Promise.all(closes).finally(() => (left = false));
  all.catch(() => undefined);
  await eventually('all are let go of', async () => {
    await clock.advance(1_000);
    return !left;
  });
  await all;
  cases.forEach(([, expected], index) => assert.match(said[index] ?? '', expected));
  await gateway.ended(cases.length);
});
