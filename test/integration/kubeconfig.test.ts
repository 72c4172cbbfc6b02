// Kubeconfigs: what is made of them, how long it is kept, and what is never told. Loads the Kubernetes client library and runs plugins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CredentialConfig } from '../../src/config/config.ts';
import { createDeriver } from '../../src/credentials/derive.ts';
import type { Deriver } from '../../src/credentials/derive.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import { credentialOf } from '../credentials/parts.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface World {
  readonly clock: FakeClock;
  readonly deriver: Deriver;
}

function createWorld(): World {
  const clock = new FakeClock();
  const deriver = createDeriver({
    clock,
    env: () => ({ PATH: process.env['PATH'] ?? '' }),
    post: () => assert.fail('no form is posted'),
  });
  return { clock, deriver };
}

async function refusal(made: Promise<unknown>): Promise<string> {
  const error: unknown = await made.then(
    () => assert.fail('nothing was refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof GatewayError);
  assert.equal(error.code, 'SECRET_MISSING');
  return error.message;
}

const b64 = (text: string): string => Buffer.from(text).toString('base64');

function kubeconfig(
  user: unknown,
  cluster: unknown = { server: 'https://k8s.example', 'certificate-authority-data': b64('CA') },
): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [
      { name: 'u', user },
      { name: 'v', user: { token: 'other' } },
    ],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u' } },
      { name: 'two', context: { cluster: 'c', user: 'v' } },
    ],
    'current-context': 'one',
  });
}

async function slotsOf(
  world: World,
  text: string | null,
  attributes: CredentialConfig['attributes'] = {},
): Promise<Record<string, string>> {
  const credential = credentialOf('k', { type: 'kubeconfig_credential', ref: 'kubeconfig_credential.k', attributes });
  const slots = await world.deriver.derive(credential, text === null ? new Map() : new Map([['', new Secret(text)]]));
  return Object.fromEntries([...slots].map(([slot, secret]) => [slot, secret.reveal()]));
}

test('a kubeconfig gives what its user proves itself with', async () => {
  const world = createWorld();
  assert.deepEqual(await slotsOf(world, kubeconfig({ token: 'T' })), { access_token: 'T', ca: 'CA' });
  assert.deepEqual(await slotsOf(world, kubeconfig({ token: 'T' }), { context: 'two' }), {
    access_token: 'other',
    ca: 'CA',
  });
  assert.deepEqual(
    await slotsOf(world, kubeconfig({ 'client-certificate-data': b64('CERT'), 'client-key-data': b64('KEY') })),
    { cert: 'CERT', key: 'KEY', ca: 'CA' },
  );
  assert.deepEqual(await slotsOf(world, kubeconfig({ username: 'n', password: 'p' })), {
    username: 'n',
    password: 'p',
    ca: 'CA',
  });
});

test('a credential plugin is run once while its answer holds', async () => {
  const world = createWorld();
  const script = `
    let info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    let status = { token: process.env.PREFIX + '-' + process.argv[1] + '-' + process.hrtime.bigint(), expirationTimestamp: '${new Date(world.clock.now() + 1000_000).toISOString()}' };
    console.log(JSON.stringify({ kind: 'ExecCredential', apiVersion: info.apiVersion, status }));`;
  const user = {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script, 'arg'],
      env: [{ name: 'PREFIX', value: 'plugin' }],
      interactiveMode: 'Never',
    },
  };
  const { access_token: first = '', ca } = await slotsOf(world, kubeconfig(user));
  assert.match(first, /^plugin-arg-\d+$/);
  assert.equal(ca, 'CA');
  assert.equal((await slotsOf(world, kubeconfig(user)))['access_token'], first);
  await world.clock.advance(801_000);
  assert.notEqual((await slotsOf(world, kubeconfig(user)))['access_token'], first);
});

test('a kubeconfig that cannot serve is refused in words that hold no part of it', async () => {
  const exec = (command: string, ...args: string[]): unknown => ({
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command, args },
  });
  const rows: readonly (readonly [string, string | null, CredentialConfig['attributes'], RegExp])[] = [
    ['none', null, {}, /has no kubeconfig/],
    ['not one', '{"SENSITIVE": [', {}, /is not a kubeconfig/],
    ['no such context', kubeconfig({ token: 'SENSITIVE' }), { context: 'three' }, /has no context three/],
    ['impersonation', kubeconfig({ token: 'SENSITIVE', as: 'root' }), {}, /in the name of another/],
    ['an old login', kubeconfig({ 'auth-provider': { name: 'gcp', config: {} } }), {}, /auth-provider gcp/],
    ['no such plugin', kubeconfig(exec('/does/not/exist')), {}, /plugin \/does\/not\/exist was not found/],
    [
      'a plugin that fails',
      kubeconfig(exec(process.execPath, '-e', 'console.log("SENSITIVE"); process.exit(3)')),
      {},
      /ended with status 3/,
    ],
    [
      'a plugin that prints something else',
      kubeconfig(exec(process.execPath, '-e', 'console.log("SENSITIVE")')),
      {},
      /did not print an ExecCredential/,
    ],
    ['no pod around it', null, { in_cluster: true }, /cannot be read/],
  ];
  for (const [name, text, attributes, want] of rows) {
    const message = await refusal(slotsOf(createWorld(), text, attributes));
    assert.match(message, want, name);
    assert.doesNotMatch(message, /SENSITIVE/, name);
  }
});
