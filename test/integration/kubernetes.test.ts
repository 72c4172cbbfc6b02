// The real daemon before a local API server that checks every request: what is let through arrives with the gateway's token and nothing of
// the agent's, what is denied never arrives, and streams run both ways. The suite against a real one is kubernetes-real.test.ts.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { API_TOKEN, startApiServer } from '../support/api-server.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startGateway } from '../support/gateway-process.ts';
import { freePort } from '../support/ports.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { webSocketFrame } from '../support/spdy.ts';
import { temporaryFolder } from '../support/temp.ts';
import { takeWebSocketFrame } from '../../src/protocols/kubernetes/websocket.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);
const authority = await makeAuthority();
const api = await startApiServer(scope, authority);
const port = await freePort();
writeFileSync(join(folder, 'ca.pem'), authority.caPem);
const gateway = await startGateway(scope, {
  env: { K8S_TOKEN: API_TOKEN },
  config: `schema_version = 1
gateway {
  dashboard_listen = "off"
}
endpoint "kubernetes" "prod" {
  server  = "https://127.0.0.1:${api.port}"
  listen  = "127.0.0.1:${port}"
  ca_cert = "<<file:${join(folder, 'ca.pem')}>>"
}
credential "bearer_token" "prod" {
  endpoint = kubernetes.prod
  secret { env = "K8S_TOKEN" }
}
profile "default" { credentials = [bearer_token.prod] }
approver "human_approver" "oncall" { timeout = "2m" }
rule "no-secrets" {
  endpoint  = kubernetes.prod
  priority  = 10
  condition = "k8s.resource == 'secrets'"
  verdict   = "deny"
  reason    = "secrets are not for agents"
}
rule "no-shell" {
  endpoint  = kubernetes.prod
  priority  = 10
  condition = "k8s.resource == 'pods/exec' && k8s.command != ['cat']"
  verdict   = "deny"
  reason    = "only cat"
}
rule "ask" {
  endpoint  = kubernetes.prod
  priority  = 5
  condition = "k8s.verb == 'patch' && k8s.replicas >= 0"
  approve   = [human_approver.oncall]
}
rule "rest" {
  endpoint = kubernetes.prod
  verdict  = "allow"
}
`,
});

/** The command line without holding up this process, which is the API server. */
async function cli(...args: readonly string[]): Promise<string> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.js');
  const socket = `unix:${join(gateway.stateDir, 'control.sock')}`;
  return (await runProgram(process.execPath, [main, ...args, '--gateway', socket])).stdout;
}

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}
const kubeconfig = parse(await cli('kubeconfig', 'prod')) as Kubeconfig;
const cluster = kubeconfig.clusters[0]?.cluster;
const ca = Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64').toString();
const token = kubeconfig.users[0]?.user.token ?? '';

interface Answer {
  readonly status: number;
  readonly body: string;
}

function call(line: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ');
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(cluster?.server ?? '', {
      method,
      path,
      ca,
      // A kept connection may have ended while a command line held up this process.
      agent: false,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': type, 'Content-Length': String(Buffer.byteLength(text)) }),
        ...headers,
      },
    });
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.setTimeout(60_000, () => sent.destroy(new Error('no answer')));
    sent.end(text);
  });
}

const POD = '/api/v1/namespaces/d/pods/p';
const DEPLOYMENT = '/apis/apps/v1/namespaces/d/deployments/w';

test('reads and changes arrive with the gateway\u2019s token, whatever the agent sent along', async () => {
  assert.equal(cluster?.server, `https://127.0.0.1:${port}`);
  assert.notEqual(token, API_TOKEN);
  const created = await call(
    'POST /api/v1/namespaces/d/pods',
    { metadata: { name: 'p' } },
    { 'X-Forwarded-For': '1.2.3.4', Cookie: 'a=b' },
  );
  assert.equal(created.status, 201);
  assert.match((await call(`GET ${POD}`)).body, /"name":"p"/);
  assert.equal((await call(`DELETE ${POD}?dryRun=All`)).status, 200);
  assert.equal((await call(`GET ${POD}`)).status, 200);
  const watched = await call('GET /api/v1/namespaces/d/pods?watch=true');
  assert.deepEqual(watched.body.trim().split('\n').length, 2);
  assert.deepEqual(api.faults, []);
});

test('what is denied or refused never arrives, and says so in a Status', async () => {
  const before = api.requests.length;
  for (const [line, headers, code, message] of [
    ['GET /api/v1/namespaces/d/secrets', {}, 403, /secrets are not for agents; rule no-secrets/],
    ['GET /api/v1/watch/secrets', {}, 403, /no-secrets/],
    ['GET /api/v1//pods', {}, 403, /not canonical/],
    ['GET /api/v1/pods', { 'Impersonate-User': 'admin' }, 403, /impersonation/],
    ['GET /logs/', {}, 403, /not a path of the API/],
    [`GET ${POD}/exec?command=sh`, {}, 403, /only cat/],
  ] as const) {
    const { status, body } = await call(line, undefined, headers);
    const said = JSON.parse(body) as { readonly kind: string; readonly code: number; readonly message: string };
    assert.deepEqual([status, said.kind, said.code], [code, 'Status', code], line);
    assert.match(said.message, message);
  }
  assert.equal(api.requests.length, before);
});

test(
  'a parked change shows the server\u2019s dry run, and runs once when it is approved',
  { timeout: 120_000 },
  async () => {
    api.objects.set(DEPLOYMENT, { kind: 'Deployment', metadata: { name: 'w' }, spec: { replicas: 2 } });
    const answered = call(`PATCH ${DEPLOYMENT}`, { spec: { replicas: 5 } });
    let id = '';
    while (id === '') {
      // oxlint-disable-next-line no-await-in-loop -- asked again until it waits
      const listed = JSON.parse(await cli('approvals', 'list', '--json')) as {
        readonly items: readonly { readonly id: string }[];
      };
      id = listed.items[0]?.id ?? '';
    }
    const shown = JSON.parse(await cli('approvals', 'show', id, '--json')) as {
      readonly request: { readonly digest: string };
      readonly effect: { readonly lines: readonly string[] };
    };
    assert.deepEqual(shown.effect.lines, [
      'would change 1 value(s) (server-side dry run)',
      '- spec.replicas: 2',
      '+ spec.replicas: 5',
    ]);
    assert.deepEqual(api.objects.get(DEPLOYMENT)?.['spec'], { replicas: 2 });
    assert.match(await cli('approvals', 'approve', id, '--digest', shown.request.digest), /^approved /);
    assert.equal((await answered).status, 200);
    assert.deepEqual(api.objects.get(DEPLOYMENT)?.['spec'], { replicas: 5 });
    assert.equal(api.requests.filter((line) => line === `PATCH ${DEPLOYMENT}`).length, 1);
    assert.deepEqual(api.faults, []);
  },
);

interface Shell {
  readonly stdout: string;
  readonly status: string;
}

/** exec over WebSocket: one message on stdin, then its end. */
function shell(query: string): Promise<Shell> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(cluster?.server ?? '', {
      path: `${POD}/exec?${query}`,
      ca,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol': 'base64url.bearer.authorization.k8s.io.YWdlbnQ, v5.channel.k8s.io',
      },
    });
    sent.on('upgrade', (_response, socket) => {
      const told = { stdout: '', status: '' };
      let rest: Buffer = Buffer.alloc(0);
      socket.on('data', (bytes: Buffer) => {
        rest = Buffer.concat([rest, bytes]);
        for (
          let taken = takeWebSocketFrame(rest, false);
          taken.kind === 'frame';
          taken = takeWebSocketFrame(rest, false)
        ) {
          rest = rest.subarray(taken.frame.raw.length);
          const text = taken.frame.payload.subarray(1).toString();
          told.stdout += taken.frame.payload[0] === 1 ? text : '';
          told.status += taken.frame.payload[0] === 3 && taken.frame.opcode === 'binary' ? text : '';
        }
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(told));
      socket.write(webSocketFrame(Buffer.from('\0hello'), { masked: true }));
      socket.write(webSocketFrame(Buffer.from([255, 0]), { masked: true }));
    });
    sent.on('response', (response) => reject(new Error(`answered with ${response.statusCode}`)));
    sent.on('error', reject);
    sent.end();
  });
}

test(
  'K8-16, K8-32: exec runs both ways, its exit code is recorded, and stdin goes nowhere when it was not asked for',
  { timeout: 120_000 },
  async () => {
    const told = await shell('command=cat&stdin=true&stdout=true');
    assert.deepEqual([told.stdout, JSON.parse(told.status).reason], ['hello', 'NonZeroExitCode']);
    assert.deepEqual(api.stdin, ['hello']);
    assert.equal((await shell('command=cat&stdout=true')).stdout, '');
    assert.deepEqual(api.stdin, ['hello']);
    assert.deepEqual(api.faults, []);
    await assert.rejects(shell('command=rm'), /answered with 403/);
    // The record of an outcome reaches the log a moment after the stream has ended.
    while (!/error 101 exit 3/.test(await cli('audit', 'search', '--limit', '200'))) {
      // Asked again until it is there; the limit of the test is the limit of this.
    }
  },
);

test('MP-30: an informer of the JavaScript client lists, watches, and is told why it may not see secrets', async () => {
  const path = '/api/v1/namespaces/default/configmaps';
  const item = (name: string, version: string): unknown => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', resourceVersion: version },
  });
  api.objects.set(path, { kind: 'ConfigMapList', metadata: { resourceVersion: '2' }, items: [item('one', '2')] });
  api.events.set(path, [
    { type: 'ADDED', object: item('two', '3') },
    { type: 'MODIFIED', object: item('two', '4') },
    { type: 'DELETED', object: item('two', '5') },
  ]);
  const config = new KubeConfig();
  config.loadFromString(await cli('kubeconfig', 'prod'));
  const client = config.makeApiClient(CoreV1Api);
  const informer = makeInformer<V1ConfigMap>(config, path, () =>
    client.listNamespacedConfigMap({ namespace: 'default' }),
  );
  const seen: string[] = [];
  const gone = new Promise<void>((resolve) => {
    for (const event of ['add', 'update', 'delete'] as const) {
      informer.on(event, ({ metadata }) => {
        seen.push(`${event} ${metadata?.name ?? ''} ${metadata?.resourceVersion ?? ''}`);
        if (event === 'delete') {
          resolve();
        }
      });
    }
  });
  await informer.start();
  await gone;
  await informer.stop();
  assert.deepEqual(seen.slice(0, 4), ['add one 2', 'add two 3', 'update two 4', 'delete two 5']);
  await assert.rejects(
    client.listNamespacedSecret({ namespace: 'default' }),
    /secrets are not for agents; rule no-secrets/,
  );
  assert.deepEqual(api.faults, []);
});
