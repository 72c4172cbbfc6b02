// What agents are told of what they can reach.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeManifest, manifestText } from '../../../src/gateway/agent-api/manifest.ts';
import { CONFIG, loadLive } from './world.ts';

test('a manifest has the endpoints of the profile, the ways to them, placeholders, and how long a person may take', async () => {
  const manifest = describeManifest(await loadLive(), 'responder');
  const { endpoints, proxy, profile, description } = manifest ?? {};
  assert.deepEqual([profile, description, proxy], ['responder', 'answers alerts', '127.0.0.1:3128']);
  assert.deepEqual(endpoints, [
    {
      name: 'https.github',
      type: 'https',
      family: 'http',
      description: '',
      hosts: ['api.github.com:443', '*.ghe.test:8443'],
      listener: null,
      how: ['curl --cacert ca.crt --proxy http://127.0.0.1:3128 https://api.github.com/'],
      credentials: [{ name: 'bearer_token.gh', placeholder: 'PLACEHOLDER_gh', choose: {} }],
      waits_up_to_seconds: 300,
    },
    {
      name: 'postgres.pg',
      type: 'postgres',
      family: 'sql',
      description: 'orders',
      hosts: ['db.internal.test:5432'],
      listener: '127.0.0.1:15432',
      how: ['psql "host=127.0.0.1 port=15432 dbname=DATABASE user=USER"'],
      credentials: [
        { name: 'postgres_credential.ro', placeholder: null, choose: { user: 'reader' } },
        { name: 'postgres_credential.rw', placeholder: null, choose: { user: 'writer' } },
      ],
      // The approver, and then the dashboard.
      waits_up_to_seconds: 900,
    },
  ]);
});

test('nothing of rules, approvers, or other profiles is in it, and it is the same bytes for the same policy', async () => {
  const live = await loadLive();
  const manifest = describeManifest(live, 'responder');
  assert.ok(manifest !== null);
  const texts = [JSON.stringify(manifest), manifestText(manifest)];
  for (const text of texts) {
    assert.doesNotMatch(text, /hidden|only-in-runs|deletes|oncall|not for agents|sql\.verb|secret/);
  }
  // What was found is there to be found: the words come from the configuration.
  assert.match(CONFIG, /hidden[^]*secret|secret[^]*hidden/);
  const again = describeManifest(await loadLive(), 'responder');
  assert.ok(again !== null);
  assert.deepEqual([JSON.stringify(again), manifestText(again)], texts);
  const other = describeManifest(live, 'other');
  assert.deepEqual([other?.endpoints.map(({ name }) => name), other?.proxy], [['https.secret-host'], null]);
  assert.equal(describeManifest(live, 'gone'), null);
});

test('where no person is ever asked, nothing is said to wait', async () => {
  const live = await loadLive(
    `${CONFIG}
risk "suspicious" { verdict = "allow" }
risk "destructive" { verdict = "deny" }`,
  );
  const waits = describeManifest(live, 'responder')?.endpoints.map((entry) => [entry.name, entry.waits_up_to_seconds]);
  assert.deepEqual(waits, [
    ['https.github', null],
    ['postgres.pg', 900],
  ]);
});

test('each kind of endpoint says how clients reach it, by every way that there is', async () => {
  const kinds = [
    [
      'postgres',
      'host = "h.test"\n  listen = "127.0.0.1:1"',
      [
        'psql "host=h.test port=5432 dbname=DATABASE user=USER"',
        'psql "host=127.0.0.1 port=1 dbname=DATABASE user=USER"',
      ],
    ],
    ['clickhouse_native', 'hosts = ["h.test"]', ['clickhouse-client --host h.test --port 9000']],
    ['clickhouse_https', 'hosts = ["h.test"]', ['curl --cacert ca.crt https://h.test/']],
    ['ssh', 'hosts = ["h.test"]', ['ssh -p 22 USER@h.test']],
    [
      'kubernetes',
      'server = "https://h.test:6443"',
      ['kubectl --server https://h.test:6443 --certificate-authority ca.crt --token PLACEHOLDER'],
    ],
    [
      'https',
      'hosts = ["h.test"]\n  listen = "127.0.0.1:1"',
      ['curl --cacert ca.crt https://h.test/', 'curl --cacert ca.crt --connect-to ::127.0.0.1:1 https://h.test/'],
    ],
    [
      'https',
      'hosts = ["*.h.test"]\n  listen = "127.0.0.1:1"',
      ['curl --cacert ca.crt --connect-to ::127.0.0.1:1 https://HOST/'],
    ],
  ] as const;
  for (const [type, rest, how] of kinds) {
    const live = await loadLive(`
gateway {
  public_url = "https://gw.test"
  wireguard { subnet_cidr = "10.77.0.0/24" }
}
endpoint "${type}" "e" {
  ${rest}
}
credential "passthrough" "c" { endpoint = ${type}.e }
profile "p" { credentials = [passthrough.c] }`);
    assert.deepEqual(describeManifest(live, 'p')?.endpoints[0]?.how, how, type);
  }
});
