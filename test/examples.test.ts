// Every folder under examples/ loads without a finding, and its fixtures come out as they say.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVerb } from './support/cli.ts';

const EXAMPLES = 'examples';

for (const name of readdirSync(EXAMPLES)) {
  const folder = join(EXAMPLES, name);
  test(`${folder} loads without a finding`, async () => {
    const run = await runVerb(['validate', folder, '--strict']);
    assert.equal(run.code, 0, run.stdout + run.stderr);
  });
  test(`the fixtures of ${folder} come out as they say`, async () => {
    assert.ok(existsSync(join(folder, 'README.md')));
    const run = await runVerb(['test', folder, join(folder, 'fixtures'), '-r', '-q']);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /^[1-9]\d* action\(s\) checked, 0 mismatch\(es\)$/m);
  });
}
