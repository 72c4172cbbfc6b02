// Answers that take longer than any limit of ours: nothing cuts a stream that is open, on either version of HTTP, and events come one by one.
import assert from 'node:assert/strict';
import { connect as connectH2, createSecureServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { connect as connectPlain, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { httpNeedsBody } from '../../src/protocols/http/analyser.ts';
import { httpFacts } from '../../src/protocols/http/facts.ts';
import { standardInjector } from '../../src/protocols/http/injector.ts';
import { createKubernetesAnalyser } from '../../src/protocols/kubernetes/facts.ts';
import { createKubernetes } from '../../src/protocols/kubernetes/index.ts';
import { createShellReader } from '../../src/protocols/shell/reader.ts';
import { eventually } from '../support/daemon.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startGateway } from '../support/gateway-process.ts';
import { startHttpGateway, testAuthority } from '../support/http-gateway.ts';
import { KEEPALIVE, kernelTimer } from '../support/kernel-timer.ts';
import { RawHttp } from '../support/raw-http.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const MINUTE_MS = 60_000;

interface Model {
  readonly port: number;
  /** Sends an event of the answer that is open. */
  say(text: string): void;
  end(): void;
  /** Ports that its clients come from, in order. */
  readonly from: number[];
}

/** A model API: one streamed answer at a time, whose events the test sends. */
async function startModel(name: string): Promise<Model> {
  let open: Http2ServerResponse | null = null;
  const from: number[] = [];
  const answer = (_: Http2ServerRequest, response: Http2ServerResponse): void => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: begun\n\n');
    open = response;
  };
  const leaf = await (await testAuthority()).leaf(name);
  const server = createSecureServer({ ...leaf, allowHTTP1: true }, answer);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    from.push(socket.remotePort ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    say: (text) => void open?.write(`data: ${text}\n\n`),
    end: () => void open?.end(),
    from,
  };
}

interface Stream {
  until(text: string): Promise<unknown>;
  close(): void;
}

async function openH1(port: number, ca: string): Promise<Stream> {
  const client = await RawHttp.tls(port, ca);
  client.write('POST /v1/messages HTTP/1.1', 'Host: api.test', 'Content-Length: 2', '', '{}');
  return { until: (text) => client.until(text), close: () => client.stream.destroy() };
}

function openH2(port: number, ca: string): Stream {
  const session = connectH2('https://api.test', {
    createConnection: () => connectTls({ host: '127.0.0.1', port, servername: 'api.test', ca, ALPNProtocols: ['h2'] }),
  });
  const stream = session.request({ ':method': 'POST', ':path': '/v1/messages' });
  stream.end('{}');
  let seen = '';
  stream.on('data', (bytes: Buffer) => (seen += bytes.toString()));
  const failed = new Promise<never>((_, reject) => {
    stream.once('close', () => reject(new Error(`the stream ended after ${JSON.stringify(seen)}`)));
  });
  failed.catch(() => undefined);
  return {
    until: (text) => Promise.race([failed, eventually(text, () => seen.includes(text))]),
    close: () => session.destroy(),
  };
}

for (const version of ['HTTP/1.1', 'HTTP/2'] as const) {
  test(`MP-38: an answer over ${version} that takes an hour, with silences of a quarter, is passed on event by event`, async () => {
    const clock = new FakeClock();
    const model = await startModel('api.test');
    const gateway = await startHttpGateway(scope, { upstreamPort: model.port, clock });
    const stream =
      version === 'HTTP/2' ? openH2(gateway.port, gateway.caPem) : await openH1(gateway.port, gateway.caPem);
    await stream.until('data: begun');
    for (let minute = 1; minute <= 15; minute += 1) {
      await clock.advance(MINUTE_MS);
      model.say(`minute ${minute}.`);
      await stream.until(`data: minute ${minute}.`);
    }
    for (const quarter of ['second', 'third', 'fourth']) {
      await clock.advance(15 * MINUTE_MS);
      model.say(quarter);
      await stream.until(`data: ${quarter}`);
    }
    model.end();
    assert.deepEqual(
      (await gateway.gate.outcomes(1)).map((line) => line.replace(/^.* (?=ok)/, '')),
      ['ok 200'],
    );
    assert.deepEqual(gateway.refused, []);
    stream.close();
  });
}

test('KU-02: a watch that lasts for hours is passed on event by event', async () => {
  const clock = new FakeClock();
  const model = await startModel('api.test');
  const analyser = createKubernetesAnalyser({ httpFacts, httpNeedsBody, shell: await createShellReader() });
  const protocol = createKubernetes({ analyser, injector: standardInjector, clock });
  const gateway = await startHttpGateway(scope, { upstreamPort: model.port, clock, protocol });
  const client = await RawHttp.tls(gateway.port, gateway.caPem);
  scope.after(() => client.close());
  client.get('/api/v1/namespaces/d/pods?watch=true');
  await client.until('data: begun');
  for (let quarter = 1; quarter <= 8; quarter += 1) {
    await clock.advance(15 * MINUTE_MS);
    model.say(`event ${quarter}.`);
    await client.until(`data: event ${quarter}.`);
  }
  model.end();
  await client.until('0\r\n\r\n');
});

test(
  'MP-38: while a stream is silent the kernel asks both peers of the daemon whether they are there',
  { skip: process.platform !== 'linux' },
  async () => {
    const folder = temporaryFolder(scope);
    const model = await startModel('localhost');
    writeFileSync(join(folder, 'upstream.pem'), (await testAuthority()).caPem);
    const gateway = await startGateway(scope, {
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "https" "model" {
  hosts   = ["localhost:${model.port}"]
  listen  = "127.0.0.1:0"
  ca_cert = "<<file:${join(folder, 'upstream.pem')}>>"
}
credential "passthrough" "model" { endpoint = https.model }
profile "default" { credentials = [passthrough.model] }
`,
    });
    const port = gateway.port('https.model');
    const socket = connectPlain({ host: '127.0.0.1', port });
    const secured = connectTls({ socket, servername: 'localhost', ca: gateway.cli('ca', 'export').stdout });
    const client = new RawHttp(secured);
    client.write('GET /v1/messages HTTP/1.1', `Host: localhost:${model.port}`, '', '');
    await client.until('data: begun');
    const [upstream = 0] = model.from;
    await eventually(
      'keepalives are armed',
      () => kernelTimer(port, socket.localPort ?? 0) === KEEPALIVE && kernelTimer(upstream, model.port) === KEEPALIVE,
    );
    model.say('still here');
    await client.until('data: still here');
    socket.destroy();
  },
);
