// Loading whole configurations: files and directories, includes, what comes out as `Config`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDiagnostic } from '../../src/config/diagnostic.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { LoadOptions, LoadResult } from '../../src/config/load.ts';
import { createMemoryReader } from './memory-reader.ts';

async function load(files: Record<string, string>, path = 'gw.hcl', options: LoadOptions = {}): Promise<LoadResult> {
  return loadConfig(path, { reader: createMemoryReader(files), ...options });
}

const MINIMAL = `
schema_version = 1
endpoint "postgres" "pg" {
  host   = "PG.Internal.Example."
  listen = "127.0.0.1:15432"
}
credential "postgres_credential" "pg" {
  endpoint = pg
  user     = "agent_ro"
}
profile "default" { credentials = [postgres_credential.pg] }
`;

test('a small configuration loads with every default filled in', async () => {
  const { config, diagnostics } = await load({ 'gw.hcl': MINIMAL });
  assert.deepEqual(diagnostics.map(formatDiagnostic), []);
  const endpoint = config?.endpoints[0];
  assert.deepEqual(endpoint?.hosts, [{ host: 'pg.internal.example', port: 5432, wildcard: false }]);
  assert.equal(endpoint.profile, 'default');
  assert.equal(endpoint.attributes['sslmode'], 'prefer');
  assert.deepEqual(config?.profiles[0]?.credentials, [
    { credential: 'postgres_credential.pg', constraints: { user: 'agent_ro' } },
  ]);
  assert.deepEqual(config?.risks.destructive.outcome, { kind: 'approve', approvers: ['builtin.dashboard'] });
});
