// Leases for requests of HTTP and Kubernetes on the whole path: what one would have covered is told before it is given, what is like it then
// passes, and what is not asks. SQL has grants.test.ts.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { createControlClient } from '../../src/client/control-client.ts';
import type { ApprovalJson } from '../../src/client/approval-shapes.ts';
import { API_TOKEN, startApiServer } from '../support/api-server.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startGateway } from '../support/gateway-process.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const authority = await makeAuthority();
const upstreams = { https: await startApiServer(scope, authority), kubernetes: await startApiServer(scope, authority) };
const ca = join(temporaryFolder(scope), 'ca.pem');
writeFileSync(ca, authority.caPem);

const endpoint = (kind: keyof typeof upstreams, where: string): string => `endpoint "${kind}" "${kind}-api" {
  ${where}
  listen  = "127.0.0.1:0"
  ca_cert = "<<file:${ca}>>"
}
credential "bearer_token" "${kind}-api" {
  endpoint = ${kind}.${kind}-api
  secret { env = "TOKEN" }
}
rule "${kind}-deletes" {
  endpoint  = ${kind}.${kind}-api
  condition = "${kind === 'https' ? "http.method == 'delete'" : "k8s.verb == 'delete'"}"
  approve   = [human_approver.oncall]
}`;

const gateway = await startGateway(scope, {
  env: { TOKEN: API_TOKEN },
  config: `schema_version = 1
gateway { dashboard_listen = "off" }
grant {
  max_duration = "30m"
  scopes       = ["exact", "shape"]
  max_risk     = "destructive"
}
approver "human_approver" "oncall" { timeout = "2m" }
${endpoint('https', `hosts = ["127.0.0.1:${upstreams.https.port}"]`)}
${endpoint('kubernetes', `server = "https://127.0.0.1:${upstreams.kubernetes.port}"`)}
profile "default" { credentials = [bearer_token.https-api, bearer_token.kubernetes-api] }
`,
});
const control = createControlClient({ kind: 'unix', path: join(gateway.stateDir, 'control.sock') });

function remove(kind: keyof typeof upstreams, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: gateway.port(`${kind}.${kind}-api`),
        path,
        method: 'DELETE',
        rejectUnauthorized: false,
        agent: false,
        headers: { host: `127.0.0.1:${upstreams[kind].port}` },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

async function parked(): Promise<ApprovalJson> {
  for (const limitMs = Date.now() + 60_000; Date.now() < limitMs;) {
    const [item] = (await control.approvals.list()).items;
    if (item !== undefined) {
      return item;
    }
  }
  throw new Error('nothing was parked');
}

const cases = [
  {
    kind: 'https',
    first: '/v1/things/1',
    like: ['/v1/things/2', '/v1/things/3'],
    others: ['/v1/users/2', '/v1/things/2/parts', '/v1/things/2?force=true'],
    sentence: /delete .*\/v1\/things\//i,
  },
  {
    kind: 'kubernetes',
    first: '/api/v1/namespaces/shop/pods/web-1',
    like: ['/api/v1/namespaces/shop/pods/web-2', '/api/v1/namespaces/shop/pods/web-3'],
    others: ['/api/v1/namespaces/prod/pods/web-2', '/api/v1/namespaces/shop/services/web-2'],
    sentence: /delete .*pods.* in namespace shop/i,
  },
] as const;

for (const { kind, first, like, others, sentence } of cases) {
  test(`a lease for ${kind} tells what it would have covered, covers that, and nothing else`, async () => {
    const { requests } = upstreams[kind];
    const running = remove(kind, first);
    const earlier = await parked();
    await control.approvals.approve(earlier.id, { digest: earlier.request.digest });
    assert.notEqual(await running, 403);
    const other = remove(kind, others[0]);
    const unlike = await parked();
    await control.approvals.deny(unlike.id, { note: 'not this' });
    assert.equal(await other, 403);

    const second = remove(kind, like[0]);
    const { id, request: asked } = await parked();
    const preview = await control.grants.preview(id, 'shape');
    assert.match(preview.sentence ?? '', sentence);
    assert.deepEqual([preview.last_week.covered, preview.last_week.looked_at], [1, 2]);
    assert.match(preview.last_week.samples[0]?.summary ?? '', new RegExp(first.slice(-2)));
    assert.equal((await control.grants.preview(id, 'exact')).last_week.covered, 0);
    const approved = await control.approvals.approve(id, { digest: asked.digest, grant: '10m,uses=2,scope=shape' });
    await second;

    assert.notEqual(await remove(kind, like[1]), 403, 'its like passes');
    assert.equal((await control.approvals.list()).items.length, 0);
    assert.equal((await control.grants.show(approved.grants_made[0] ?? '')).uses, 1);
    for (const path of others) {
      const asking = remove(kind, path);
      await control.approvals.deny((await parked()).id, { note: 'not this' });
      assert.equal(await asking, 403, path);
    }
    const ran = requests.filter((line) => line.startsWith('DELETE ') && !/dryRun/.test(line));
    assert.deepEqual(
      ran,
      [first, ...like].map((path) => `DELETE ${path}`),
    );
  });
}
