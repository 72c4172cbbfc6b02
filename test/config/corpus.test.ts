// Realistic configurations in the published grammar and in ours load without a single error.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDiagnostic } from '../../src/config/diagnostic.ts';
import { loadConfig } from '../../src/config/load.ts';

const CORPUS = 'test/corpus/config';

for (const name of readdirSync(CORPUS).filter((entry) => entry.endsWith('.hcl'))) {
  test(`the sample configuration ${name} loads`, async () => {
    const { config, diagnostics } = await loadConfig(join(CORPUS, name));
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    assert.deepEqual(errors.map(formatDiagnostic), []);
    assert.notEqual(config, null);
  });
}
