// Other clients than kubectl, and every way in which a kubeconfig proves itself, through the gateway to a real kube-apiserver. Where
// scripts/kubernetes/build.sh has not built one there is nothing to run here; `npm run kubernetes`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../support/certificate.ts';
import { startGateway } from '../support/gateway-process.ts';
import { hasCluster, HELM, INFORMER, KUBECTL, startCluster } from '../support/kubernetes-cluster.ts';
import { freePort } from '../support/ports.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

type Way = 'certificate' | 'token' | 'plugin';

if (hasCluster()) {
  const scope = fileScope();
  const folder = temporaryFolder(scope);
  const authority = await makeAuthority();
  const cluster = await startCluster(scope, { clientCaPem: authority.caPem });
  const b64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
  const { cert, key } = await authority.leaf('ops');
  const plugin = join(folder, 'plugin.cjs');
  writeFileSync(
    plugin,
    `const { apiVersion } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
     console.log(JSON.stringify({ kind: 'ExecCredential', apiVersion, status: { token: '${cluster.robotToken}' } }));`,
  );
  const users: Readonly<Record<Way, unknown>> = {
    certificate: { 'client-certificate-data': b64(cert), 'client-key-data': b64(key) },
    token: { token: cluster.token },
    plugin: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: process.execPath,
        args: [plugin],
        interactiveMode: 'Never',
      },
    },
  };
  /** As an operator gives it to the gateway: no endpoint names a CA, so the kubeconfig's is the one that counts. */
  const operatorConfig = (user: unknown): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'c',
          cluster: { server: cluster.server, 'certificate-authority-data': b64(readFileSync(cluster.caPath)) },
        },
      ],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
  const ways = Object.keys(users) as Way[];
  const ports = { certificate: await freePort(), token: await freePort(), plugin: await freePort() };
  const blocks = ways.map(
    (way) => `
endpoint "kubernetes" "${way}" {
  server = "${cluster.server}"
  listen = "127.0.0.1:${ports[way]}"
  profile = "${way}"
}
credential "kubeconfig_credential" "${way}" {
  endpoint = kubernetes.${way}
  secret { env = "KUBECONFIG_${way.toUpperCase()}" }
}
profile "${way}" { credentials = [kubeconfig_credential.${way}] }`,
  );
  const gateway = await startGateway(scope, {
    env: Object.fromEntries(ways.map((way) => [`KUBECONFIG_${way.toUpperCase()}`, operatorConfig(users[way])])),
    config: `schema_version = 1
gateway { dashboard_listen = "off" }
${blocks.join('\n')}
rule "no-secrets" {
  endpoints = [kubernetes.certificate, kubernetes.plugin]
  condition = "k8s.resource == 'secrets'"
  verdict   = "deny"
  priority  = 10
  reason    = "secrets are not for agents"
}
rule "no-prod" {
  endpoint  = kubernetes.token
  condition = "k8s.name == 'forbidden-web'"
  verdict   = "deny"
  priority  = 10
  reason    = "that deployment is for people"
}
rule "rest" {
  endpoints = [kubernetes.certificate, kubernetes.token, kubernetes.plugin]
  verdict   = "allow"
}
`,
  });
  for (const way of ways) {
    writeFileSync(join(folder, way), gateway.cli('kubeconfig', way).stdout);
  }
  const run = (
    program: string,
    way: Way,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ProgramResult> =>
    runProgram(program, args, {
      cwd: folder,
      env: { KUBECONFIG: join(folder, way), KUBECACHEDIR: join(folder, 'cache'), HOME: folder, ...env },
    });
  const must = async (result: Promise<ProgramResult>): Promise<string> => {
    const { code, stdout, stderr } = await result;
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const bound = await cluster.direct(
    'create',
    'clusterrolebinding',
    'ops',
    '--clusterrole=cluster-admin',
    '--user=ops',
  );
  assert.equal(bound.code, 0, bound.stderr);

  for (const [way, user] of [
    ['certificate', 'ops'],
    ['token', 'admin'],
    ['plugin', 'robot'],
  ] as const) {
    test(`kubeconfig_credential with a ${way}: the API server knows the gateway's user, the agent knows nothing of it`, async () => {
      assert.match(await must(run(KUBECTL, way, ['auth', 'whoami'])), new RegExp(`Username +${user}\n`));
      assert.match(await must(run(KUBECTL, way, ['get', 'pods'])), /^p /m);
      assert.equal(await must(run(KUBECTL, way, ['exec', 'p', '--', 'echo', 'out'])), 'out\n');
      const held = readFileSync(join(folder, way), 'utf8');
      for (const secret of [cluster.token, cluster.robotToken, b64(key), b64(cert)]) {
        assert.equal(held.includes(secret), false);
      }
      const secrets = await run(KUBECTL, way, ['get', 'secrets']);
      assert.equal(secrets.code, way === 'token' ? 0 : 1, secrets.stderr);
    });
  }

  test('MP-30: an informer of client-go lists and watches over protobuf and gzip', async () => {
    for (const name of ['one', 'two']) {
      await must(cluster.direct('create', 'configmap', name, `--from-literal=big=${'x'.repeat(100_000)}`));
    }
    const child = spawn(INFORMER, [join(folder, 'certificate')], { stdio: ['pipe', 'pipe', 'inherit'] });
    scope.after(() => void child.kill('SIGKILL'));
    let printed = '';
    let wake = (): void => undefined;
    child.stdout.on('data', (bytes: Buffer) => {
      printed += bytes.toString();
      wake();
    });
    const until = async (wanted: RegExp): Promise<void> => {
      const timer = setTimeout(() => wake(), 60_000);
      const endMs = performance.now() + 60_000;
      while (!wanted.test(printed) && performance.now() < endMs) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      clearTimeout(timer);
      assert.match(printed.slice(-2000), wanted);
    };
    await until(/^synced [23]$/m);
    await must(cluster.direct('create', 'configmap', 'three', '--from-literal=a=first'));
    await until(/^added three first$/m);
    await must(cluster.direct('patch', 'configmap', 'three', '-p', '{"data":{"a":"second"}}'));
    await until(/^updated three second$/m);
    await must(cluster.direct('delete', 'configmap', 'three'));
    await until(/^deleted three second$/m);
    assert.doesNotMatch(printed, /^error/m);
    child.stdin.end();
    const recorded = gateway.cli('audit', 'search', '--endpoint', 'kubernetes.certificate').stdout;
    assert.match(recorded, /watch configmaps/);
  });

  test('MP-30: helm installs, upgrades, lists, shows and removes; where Secrets are denied it says the reason', async () => {
    const chart = join(folder, 'chart');
    mkdirSync(join(chart, 'templates'), { recursive: true });
    writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 1.0.0\n');
    writeFileSync(join(chart, 'values.yaml'), 'name: web\nreplicas: 1\n');
    writeFileSync(
      join(chart, 'templates', 'deployment.yaml'),
      `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Values.name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx}]}
`,
    );
    const helm = (way: Way, line: string, env: Readonly<Record<string, string>> = {}): Promise<ProgramResult> =>
      run(HELM, way, line.split(' '), env);
    for (const driver of ['secret', 'configmap']) {
      const env = { HELM_DRIVER: driver };
      assert.match(await must(helm('token', 'install shop chart', env)), /STATUS: deployed/);
      assert.match(await must(helm('token', 'upgrade shop chart --set replicas=3', env)), /REVISION: 2/);
      assert.match(await must(helm('token', 'list', env)), /^shop\s+default\s+2\s.*deployed/m);
      assert.match(await must(helm('token', 'status shop', env)), /REVISION: 2/);
      const replicas = await cluster.direct('get', 'deploy', 'web', '-o', 'jsonpath={.spec.replicas}');
      assert.equal(replicas.stdout, '3');
      const denied = await helm('token', 'install other chart --set name=forbidden-web', env);
      assert.equal(denied.code, 1);
      assert.match(denied.stderr, /that deployment is for people; rule no-prod/);
      assert.notEqual((await cluster.direct('get', 'deploy', 'forbidden-web')).code, 0);
      assert.match(await must(helm('token', 'rollback shop 1', env)), /success/);
      assert.match(await must(helm('token', 'uninstall shop', env)), /uninstalled/);
      await helm('token', 'uninstall other', env);
    }
    // Its releases are Secrets: without a rule that lets those pass, helm lists nothing.
    const refused = await helm('certificate', 'list');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /secrets are not for agents; rule no-secrets/);
    assert.equal((await helm('certificate', 'list', { HELM_DRIVER: 'configmap' })).code, 0);
  });
}
