// What the page gives to copy: rules that load and deny their like, and fixtures that `clawpatrol test` reads.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { fixtureOf, ruleOf, type Decided } from '../../../src/dashboard/web/reuse.ts';
import { temporaryFolder } from '../../support/temp.ts';

const DELETE: Decided = {
  endpoint: 'postgres.shop',
  family: 'sql',
  text: 'DELETE FROM logs',
  complete: true,
  facts: { sql: { verb: 'delete', tables: ['logs', 'public.logs'], database: 'app' } },
  verdict: 'deny',
  rule: 'no-deletes',
  risk: 'destructive',
  approvers: [],
};

const CONFIG = `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "postgres" "shop" {
  host   = "db.example:5432"
  listen = "127.0.0.1:0"
}
credential "passthrough" "shop" { endpoint = postgres.shop }
profile "default" { credentials = [passthrough.shop] }
`;

test('a rule to block the like loads as it is, whatever the agent named its tables', async (t) => {
  const names = ['logs', `it's`, 'a"b', '${x}', '%{ if }', 'back\\slash', 'u\u202e\n', 'ünï'];
  for (const name of names) {
    const rule = ruleOf({ ...DELETE, facts: { sql: { verb: 'delete', tables: [name] } } });
    const path = join(temporaryFolder(t), 'gateway.hcl');
    writeFileSync(path, `${CONFIG}${rule}`);
    const { config, diagnostics } = await loadConfig(path, {});
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    assert.deepEqual(errors, [], `${name}\n${rule}`);
    assert.deepEqual(config?.rules[0]?.outcome, { kind: 'deny' });
  }
});

test('a fixture holds the whole statement and what was decided, or says why there is none', () => {
  const made = fixtureOf(DELETE);
  assert.ok('json' in made);
  assert.deepEqual(JSON.parse(made.json), {
    action: { sql: { statement: 'DELETE FROM logs', database: 'app' } },
    match: { verdict: 'deny', rule: 'no-deletes', endpoint: 'postgres.shop', risk: 'destructive' },
  });
  assert.ok('why' in fixtureOf({ ...DELETE, complete: false }));
  assert.ok('why' in fixtureOf({ ...DELETE, family: 'http', facts: {} }));
});
