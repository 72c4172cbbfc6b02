// kubectl through the gateway to a real kube-apiserver with etcd: `npm run kubernetes`, after `sh scripts/kubernetes/build.sh`. Where these were
// not built there is nothing to run here; kubernetes.test.ts runs everywhere.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startGateway } from '../support/gateway-process.ts';
import { hasCluster, KUBECTL, startCluster } from '../support/kubernetes-cluster.ts';
import { freePort } from '../support/ports.ts';
import { runProgram, type ProgramOptions, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

if (hasCluster()) {
  const scope = fileScope();
  const folder = temporaryFolder(scope);
  const cluster = await startCluster(scope);
  const web = createServer((request, response) => response.end(`you asked for ${request.url ?? ''}`));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  scope.after(() => void web.close());
  const webPort = (web.address() as AddressInfo).port;
  const port = await freePort();
  const gateway = await startGateway(scope, {
    env: { K8S_TOKEN: cluster.token },
    config: `schema_version = 1
gateway {
  dashboard_listen = "off"
}
endpoint "kubernetes" "prod" {
  server  = "${cluster.server}"
  listen  = "127.0.0.1:${port}"
  ca_cert = "<<file:${cluster.caPath}>>"
}
credential "bearer_token" "prod" {
  endpoint = kubernetes.prod
  secret { env = "K8S_TOKEN" }
}
profile "default" { credentials = [bearer_token.prod] }
rule "no-secrets" {
  endpoint  = kubernetes.prod
  condition = "k8s.resource == 'secrets'"
  verdict   = "deny"
  reason    = "secrets are not for agents"
}
rule "no-shell" {
  endpoint  = kubernetes.prod
  condition = "k8s.resource == 'pods/exec' && 'forbidden' in k8s.command"
  verdict   = "deny"
  reason    = "not that"
}
rule "ports" {
  endpoint  = kubernetes.prod
  condition = "k8s.resource == 'pods/portforward' && !k8s.ports.all(p, p == ${webPort})"
  verdict   = "deny"
  reason    = "that port is closed to agents"
}
rule "rest" {
  endpoint = kubernetes.prod
  verdict  = "allow"
}
`,
  });
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, gateway.cli('kubeconfig', 'prod').stdout);
  const env = { KUBECONFIG: kubeconfig, KUBECACHEDIR: join(folder, 'cache') };
  const kubectl = (args: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> =>
    runProgram(KUBECTL, args, { cwd: folder, ...options, env: { ...env, ...options.env } });

  const SPDY = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };

  test('MP-25 to MP-28: what kubectl reads, asks, applies and deletes', async () => {
    for (const [line, wanted] of [
      ['get ns', /kube-system/],
      ['get pods -A -o wide', /n1/],
      ['describe pod p', /Running/],
      ['api-resources', /deployments/],
      ['version', /Server Version: v1/],
      ['explain pod.spec', /PodSpec/],
      ['auth can-i get pods', /^yes/],
      ['auth whoami', /system:masters/],
      ['create deployment web --image=nginx', /created/],
      ['rollout restart deploy/web', /restarted/],
      ['set image deploy/web nginx=nginx:2', /updated/],
      ['scale deploy web --replicas=3', /scaled/],
      ['get deploy web -o jsonpath={.spec.replicas}', /^3$/],
      ['label deploy web a=b', /labeled/],
      ['delete deploy web --dry-run=server', /server dry run/],
      ['delete deploy web', /deleted/],
      ['run x --image=nginx --dry-run=server -o name', /pod\/x/],
      ['logs p', /first line/],
      ['logs -f p', /followed line 2/],
      ['get events', /.*/],
    ] as const) {
      const { code, stdout, stderr } = await kubectl(line.split(' '));
      assert.equal(code, 0, `${line}: ${stderr}`);
      assert.match(stdout, wanted, line);
    }
    const file = join(folder, 'c.yaml');
    writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n');
    assert.match((await kubectl(['apply', '--server-side', '-f', file])).stdout, /serverside-applied/);
    assert.match((await kubectl(['apply', '-f', file])).stdout, /configured|unchanged/);
    assert.equal((await kubectl(['diff', '-f', file])).code, 0);
  });

  test('a denial is told in the words of the rule', async () => {
    const { code, stderr } = await kubectl(['get', 'secrets']);
    assert.deepEqual(
      [code, /\(Forbidden\): clawpatrol: secrets are not for agents; rule no-secrets/.test(stderr)],
      [1, true],
      stderr,
    );
  });

  test('MP-29, KU-01: exec both ways with exit codes, over WebSocket and SPDY', async () => {
    for (const extra of [{}, SPDY]) {
      const echoed = await kubectl(['exec', 'p', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3'], { env: extra });
      assert.deepEqual([echoed.code, echoed.stdout], [3, 'out\n']);
      assert.match(echoed.stderr, /^err$/m);
      const big = randomBytes(3_000_000).toString('hex');
      const sum = await kubectl(['exec', '-i', 'p', '--', 'sha256sum'], { env: extra, input: big });
      assert.equal(sum.stdout.split(' ')[0], createHash('sha256').update(big).digest('hex'));
    }
    writeFileSync(join(folder, 'there'), randomBytes(5_000_000));
    assert.equal((await kubectl(['cp', 'there', `p:${folder}/copied`])).code, 0);
    assert.ok(readFileSync(join(folder, 'there')).equals(readFileSync(join(folder, 'copied'))));
  });

  test('KU-03: a denied exec is one record, though kubectl tries twice', async () => {
    assert.match((await kubectl(['exec', 'p', '--', 'forbidden'])).stderr, /not that; rule no-shell/);
    await kubectl(['get', 'ns']);
    const { stdout } = gateway.cli('audit', 'search', '--rule', 'no-shell');
    assert.equal(
      stdout
        .trim()
        .split('\n')
        .filter((line) => line.includes('pods/exec')).length,
      1,
    );
  });

  test('K8-30: port-forward leads to the port that the rule names, and to no other', async () => {
    for (const extra of [{}, SPDY]) {
      const [open, closed] = [await freePort(), await freePort()];
      const child = spawn(KUBECTL, ['port-forward', 'p', `${open}:${webPort}`, `${closed}:22`], {
        env: { ...process.env, ...env, ...extra },
      });
      let printed = '';
      child.stderr.on('data', (bytes: Buffer) => (printed += bytes.toString()));
      child.stdout.on('data', (bytes: Buffer) => (printed += bytes.toString()));
      while (!printed.includes(`127.0.0.1:${closed} ->`)) {
        await once(child.stdout, 'data');
      }
      const answer = await fetch(`http://127.0.0.1:${open}/here`);
      assert.equal(await answer.text(), 'you asked for /here');
      await assert.rejects(fetch(`http://127.0.0.1:${closed}/`));
      child.kill('SIGKILL');
    }
  });
}
