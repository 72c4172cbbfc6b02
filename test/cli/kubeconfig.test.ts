// kubeconfig: what it asks of the gateway and what it prints.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { runVerb } from '../support/cli.ts';

const found = { name: 'prod', server: 'https://127.0.0.1:16443', proxy_url: '', certificate: 'PEM\n' };

test('kubeconfig prints a file that kubectl takes, with a placeholder in place of a token', async () => {
  const asked: string[] = [];
  const kubeconfig = (endpoint: string) => {
    asked.push(endpoint);
    return Promise.resolve(found);
  };
  const run = await runVerb(['kubeconfig', 'kubernetes.prod'], { client: { kubeconfig } });
  assert.deepEqual([run.code, asked], [0, ['kubernetes.prod']]);
  const file: unknown = parse(run.stdout);
  assert.deepEqual(file, {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'prod',
        cluster: { server: 'https://127.0.0.1:16443', 'certificate-authority-data': 'UEVNCg==' },
      },
    ],
    users: [{ name: 'agent', user: { token: 'injected-by-clawpatrol' } }],
    contexts: [{ name: 'prod', context: { cluster: 'prod', user: 'agent' } }],
    'current-context': 'prod',
  });
});

test('kubeconfig names the proxy where the endpoint has no listener, and needs an endpoint', async () => {
  const kubeconfig = () => Promise.resolve({ ...found, proxy_url: 'http://127.0.0.1:3128' });
  const run = await runVerb(['kubeconfig', 'prod'], { client: { kubeconfig } });
  assert.match(run.stdout, /^ {4}proxy-url: "http:\/\/127\.0\.0\.1:3128"$/m);
  assert.equal((await runVerb(['kubeconfig'], { client: { kubeconfig } })).code, 2);
});
