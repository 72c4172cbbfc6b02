// CP-14: the configuration as those see it who see some profiles: what profiles share is there, without what others have at it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrowConfig, sourcesOf, storedNames } from '../../src/dashboard/scoped-config.ts';
import { loadLive } from '../gateway/agent-api/world.ts';

const CONFIG = `
endpoint "postgres" "shared" {
  host    = "shared.internal.test"
  listen  = "127.0.0.1:15432"
  profile = "zeta"
}
endpoint "https" "zeta-api" { hosts = ["zeta.internal.test"] }
credential "postgres_credential" "alpha-cred" {
  endpoint = postgres.shared
  user     = "alpha"
}
credential "postgres_credential" "zeta-cred" {
  endpoint = postgres.shared
  user     = "zeta"
}
credential "passthrough" "zeta-pass" { endpoint = https.zeta-api }
profile "alpha" { credentials = [postgres_credential.alpha-cred] }
profile "zeta" { credentials = [postgres_credential.zeta-cred, passthrough.zeta-pass] }
approver "human_approver" "first" {
  timeout     = 60
  on_timeout  = "escalate"
  escalate_to = human_approver.second
}
approver "human_approver" "second" { timeout = 60 }
approver "human_approver" "zeta-only" { timeout = 60 }
rule "deletes" {
  endpoint  = postgres.shared
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.first]
}
rule "zeta-credential" {
  endpoint   = postgres.shared
  credential = postgres_credential.zeta-cred
  condition  = "sql.verb == 'update'"
  approve    = [human_approver.zeta-only]
}
rule "zeta-posts" {
  endpoint  = https.zeta-api
  condition = "http.method == 'POST'"
  approve   = [human_approver.zeta-only]
}
`;

test('CP-14: what profiles share is shown without what others have at it, and nothing else of theirs', async () => {
  const { config } = await loadLive(CONFIG);
  const names = (of: 'alpha' | 'zeta'): unknown => {
    const { endpoints, credentials, rules, approvers, profiles } = narrowConfig(config, [of]);
    return [profiles, endpoints, credentials, rules, approvers].map((list) => list.map(({ name }) => name));
  };
  assert.deepEqual(names('alpha'), [['alpha'], ['shared'], ['alpha-cred'], ['deletes'], ['first', 'second']]);
  assert.deepEqual(names('zeta'), [
    ['zeta'],
    ['shared', 'zeta-api'],
    ['zeta-cred', 'zeta-pass'],
    ['deletes', 'zeta-credential', 'zeta-posts'],
    ['first', 'second', 'zeta-only'],
  ]);
  const [alpha, zeta] = [narrowConfig(config, ['alpha']), narrowConfig(config, ['zeta'])];
  // Whoever dials the listener is an agent of zeta.
  assert.deepEqual([alpha.endpoints[0]?.listen, alpha.endpoints[0]?.profile], [null, null]);
  assert.equal(zeta.endpoints[0]?.profile, 'zeta');
  assert.deepEqual([...storedNames(alpha)], ['alpha-cred']);
  assert.deepEqual(sourcesOf(alpha), []);
  assert.equal(narrowConfig(config, ['alpha']), alpha, 'what is worked out of it is kept');
  assert.deepEqual(narrowConfig(config, []).endpoints, []);
});
