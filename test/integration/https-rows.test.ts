// Rows of the attack list that need two connections, two accounts or a real answer: whose credential and connection a request rides on, which
// hosts an endpoint is, what runs after a refusal on the same connection, and answers that would burst whoever unpacks them.
import assert from 'node:assert/strict';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { systemClock } from '../../src/lib/clock.ts';
import { httpNeedsBody } from '../../src/protocols/http/analyser.ts';
import { httpFacts } from '../../src/protocols/http/facts.ts';
import { standardInjector } from '../../src/protocols/http/injector.ts';
import { createHttps } from '../../src/protocols/https/index.ts';
import { createKubernetesAnalyser } from '../../src/protocols/kubernetes/facts.ts';
import { createShellReader } from '../../src/protocols/shell/reader.ts';
import { createKubernetes } from '../../src/protocols/kubernetes/index.ts';
import type { DispatchedCredential, Gate, Protocol } from '../../src/protocols/protocol.ts';
import { dispatched } from '../protocols/http/parts.ts';
import { ALLOW, denial } from '../support/fake-gate.ts';
import { PathAnalyser, startHttpGateway, testAuthority } from '../support/http-gateway.ts';
import type { HttpGateway, HttpGatewayOptions } from '../support/http-gateway.ts';
import { H2Client } from '../support/h2-client.ts';
import { RawHttp } from '../support/raw-http.ts';
import { respond, startRawUpstream } from '../support/raw-upstream.ts';
import { decide, makePolicy } from '../support/rule-parts.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const shell = await createShellReader();

const https = (): Protocol => createHttps({ name: 'https', analyser: new PathAnalyser(), injector: standardInjector });
const kubernetes = (): Protocol =>
  createKubernetes({
    analyser: createKubernetesAnalyser({ httpFacts, httpNeedsBody, shell }),
    injector: standardInjector,
    clock: systemClock,
  });

interface Seen {
  /** Common name of the client's certificate, "" without one. */
  readonly name: string;
  readonly path: string;
}

/** An upstream of both versions that asks for a certificate, and writes down who came for what over which connection. */
async function startAsking(): Promise<{
  readonly port: number;
  readonly seen: Seen[];
  readonly names: Map<TLSSocket, Set<string>>;
}> {
  const ca = await testAuthority();
  const seen: Seen[] = [];
  const names = new Map<TLSSocket, Set<string>>();
  const server = createSecureServer(
    { ...(await ca.leaf('api.test')), ca: ca.caPem, requestCert: true, rejectUnauthorized: false, allowHTTP1: true },
    (request, response) => {
      const socket = request.httpVersion === '2.0' ? request.stream.session?.socket : request.socket;
      assert.ok(socket instanceof TLSSocket);
      const name = String(socket.getPeerCertificate().subject?.CN ?? '');
      seen.push({ name, path: request.url });
      names.set(socket, (names.get(socket) ?? new Set()).add(name));
      response.end('{"kind":"Status"}');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => void server.close());
  return { port: (server.address() as AddressInfo).port, seen, names };
}

for (const [id, protocol] of [
  ['HT-26', https()],
  ['K8-35', kubernetes()],
] as const) {
  test(`${id}: two profiles at one host ride on their own certificates and connections, and one without rides on none`, async () => {
    const ca = await testAuthority();
    const certificates = new Map<string, DispatchedCredential>();
    for (const name of ['of-p', 'of-q']) {
      certificates.set(name, dispatched('mtls_credential', { ...(await ca.leaf(name)) }));
    }
    const upstream = await startAsking();
    const profiles = ['of-p', 'of-q', 'none'];
    for (const version of ['1.1', '2'] as const) {
      upstream.seen.length = 0;
      const profileOf = (connection: number): string => profiles[(connection - 1) % 3] ?? '';
      const gateway = await startHttpGateway(scope, {
        upstreamPort: upstream.port,
        protocol,
        profile: profileOf,
        credential: async (connection) => certificates.get(profileOf(connection)) ?? null,
      });
      const clients: (RawHttp | H2Client)[] = [];
      for (const _ of profiles) {
        clients.push(
          version === '2' ? await H2Client.open(scope, gateway) : await RawHttp.tls(gateway.port, gateway.caPem),
        );
      }
      const want: Seen[] = [];
      for (let round = 0; round < 4; round += 1) {
        for (const [index, client] of clients.entries()) {
          const path = `/api/v1/namespaces/d/pods/p${round}`;
          want.push({ name: index === 2 ? '' : (profiles[index] ?? ''), path });
          if (client instanceof H2Client) {
            assert.equal((await client.get(path)).status, 200);
          } else {
            client.get(path);
            assert.equal((await client.answer()).status, 200);
          }
        }
      }
      assert.deepEqual(upstream.seen, want, version);
      clients.forEach((client) => client.close());
      assert.equal(gateway.dials(), 3, 'connections are kept, and one for each');
    }
    assert.deepEqual(
      [...upstream.names.values()].map(({ size }) => size),
      [1, 1, 1, 1, 1, 1],
    );
  });
}

async function statusOf(gateway: HttpGateway, version: '1.1' | '2', host: string, path = '/'): Promise<number> {
  if (version === '2') {
    const client = await H2Client.open(scope, gateway);
    const { status } = await client.request({ ':authority': host, ':path': path });
    client.close();
    return status;
  }
  const client = await RawHttp.tls(gateway.port, gateway.caPem, gateway.host);
  client.write(`GET ${path} HTTP/1.1`, `Host: ${host}`, '', '');
  const { status } = await client.answer();
  client.close();
  return status;
}

test('HT-55: hosts that belong to the same company are none of the endpoint', async () => {
  const upstream = await startRawUpstream(scope, undefined, 'github.com');
  const gateway = await startHttpGateway(scope, {
    upstreamPort: upstream.port,
    hosts: [{ host: 'github.com', port: 443, wildcard: false }],
  });
  for (const version of ['1.1', '2'] as const) {
    for (const host of [
      'gist.github.com',
      'uploads.github.com',
      'api.github.com',
      'raw.githubusercontent.com',
      'codeload.github.com',
      'github.com.evil.test',
      'xgithub.com',
      'github.com:8443',
    ]) {
      assert.equal(await statusOf(gateway, version, host), 421, `${host} over ${version}`);
    }
    assert.equal(await statusOf(gateway, version, 'github.com'), 200, version);
    assert.equal(await statusOf(gateway, version, 'GitHub.com.'), 200, version);
  }
  assert.equal(upstream.requests.length, 4);
  const client = await RawHttp.tls(gateway.port, gateway.caPem, 'github.com');
  await assert.rejects(RawHttp.tls(gateway.port, gateway.caPem, 'gist.github.com'));
  client.close();
});

test("K8-34: a request for another cluster's host over this one's connection is refused", async () => {
  const upstream = await startRawUpstream(scope, () => respond('{"kind":"PodList"}'), 'a.test');
  const gateway = await startHttpGateway(scope, {
    upstreamPort: upstream.port,
    protocol: kubernetes(),
    hosts: [
      { host: 'a.test', port: 443, wildcard: false },
      { host: 'other-name-of-it.test', port: 443, wildcard: false },
    ],
  });
  for (const version of ['1.1', '2'] as const) {
    // A host of another endpoint, and another host of the same one: the name that TLS was opened for counts.
    for (const host of ['b.test', 'other-name-of-it.test', 'kubernetes.default.svc']) {
      assert.equal(await statusOf(gateway, version, host, '/api/v1/pods'), 421, `${host} over ${version}`);
    }
    assert.equal(await statusOf(gateway, version, 'a.test', '/api/v1/pods'), 200, version);
  }
  assert.equal(upstream.requests.length, 2);
});

test('KU-06, KU-07: what a client accepts goes to the API server as it is, and a compressed answer comes as it is', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const coded = gzipSync(JSON.stringify({ kind: 'APIGroupDiscoveryList', items: 'x'.repeat(200_000) }), { level: 0 });
  const head = ['HTTP/1.1 200 OK', 'Content-Encoding: gzip', 'ETag: "abc"', `Content-Length: ${coded.length}`];
  const upstream = await startRawUpstream(scope, () =>
    Buffer.concat([Buffer.from([...head, '', ''].join('\r\n')), coded]),
  );
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port, protocol: kubernetes() });
  const client = await RawHttp.tls(gateway.port, gateway.caPem);
  scope.after(() => client.close());
  client.get('/apis', `Accept: ${accept}`, 'Accept-Encoding: gzip', 'If-None-Match: "old"');
  const answer = await client.answer();
  assert.equal(
    upstream.requests[0]?.text,
    `GET /apis HTTP/1.1\r\nHost: api.test\r\nAccept: ${accept}\r\nAccept-Encoding: gzip\r\nIf-None-Match: "old"`,
  );
  assert.match(answer.head, /^ETag: "abc"$/m);
  assert.deepEqual(Buffer.from(answer.body, 'latin1'), coded);
});

test('K8-31: a second exec on the same connection is judged by itself', async () => {
  const policy = makePolicy({
    rules: [{ condition: "k8s.verb == 'connect' && k8s.command == ['ls']", family: 'k8s', outcome: 'allow' }],
    unmatched: 'deny',
  });
  const asked: string[] = [];
  const gate: Gate = {
    decide: (action) => {
      asked.push(action.summary);
      return decide(policy, action).kind === 'allow' ? ALLOW : denial('only ls');
    },
    resume: () => ALLOW,
    settle: () => undefined,
  };
  // The container is not there: the upgrade is answered like any request, and the connection goes on.
  const upstream = await startRawUpstream(scope, () => respond('{"kind":"Status","code":404}', '404 Not Found'));
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port, protocol: kubernetes(), gate });
  const client = await RawHttp.tls(gateway.port, gateway.caPem);
  scope.after(() => client.close());
  const exec = async (query: string): Promise<number> => {
    client.get(
      `/api/v1/namespaces/d/pods/p/exec?${query}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: v5.channel.k8s.io',
    );
    return (await client.answer()).status;
  };
  assert.equal(await exec('command=ls'), 404);
  assert.equal(await exec('command=ls&command=%3Brm'), 403);
  assert.equal(await exec('command=rm'), 403);
  assert.equal(await exec('command=ls'), 404);
  assert.deepEqual(
    asked.map((summary) => summary.replace(/^.*: /, '')),
    ['ls', 'ls ";rm"', 'rm', 'ls'],
  );
  assert.equal(upstream.requests.length, 2);
});

test('HT-53: an answer that would burst whoever unpacks it passes as it is, and is not unpacked', async () => {
  const plain = Buffer.alloc(64 * 1024 * 1024);
  const bomb = gzipSync(gzipSync(plain, { level: 9 }));
  const head = ['Content-Encoding: gzip, gzip', 'Content-Type: application/json'];
  const upstream = await startRawUpstream(scope, () =>
    Buffer.concat([
      Buffer.from(['HTTP/1.1 200 OK', ...head, `Content-Length: ${bomb.length}`, '', ''].join('\r\n')),
      bomb,
    ]),
  );
  const open = async (attributes: NonNullable<HttpGatewayOptions['attributes']>): Promise<RawHttp> => {
    const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port, protocol: https(), attributes });
    const client = await RawHttp.tls(gateway.port, gateway.caPem);
    scope.after(() => client.close());
    client.get('/bomb');
    return client;
  };
  const { status, body } = await (await open({})).answer();
  assert.equal(status, 200);
  assert.deepEqual(Buffer.from(body, 'latin1'), bomb);
  // Where answers are looked into, what a coding hides is cut.
  await assert.rejects((await open({ mcp: true })).answer(), /the connection ended \(reset\)/);
  assert.equal(gunzipSync(gunzipSync(bomb)).length, plain.length);
});
