import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveSecretString } from '../../src/gateway/secret-string.ts';
import { Secret } from '../../src/lib/secret.ts';
import { temporaryFolder } from '../support/temp.ts';

test('references are replaced wherever they stand; a missing one names itself and no value', (t) => {
  const path = join(temporaryFolder(t, 'secret'), 'key');
  writeFileSync(path, 'from file\n');
  const sources = {
    env: { KEY: 'from env', AT: `@${path}`, EMPTY: '' },
    findStored: (name: string) => (name === 'kept' ? new Secret('from store') : null),
  };
  const cases: [string, string][] = [
    ['plain', 'plain'],
    ['{{secret:KEY}}', 'from env'],
    ['a {{secret:env:KEY}} b {{secret:store:kept}}', 'a from env b from store'],
    [`{{secret:file:${path}}}`, 'from file'],
    ['{{secret:AT}}', 'from file'],
  ];
  for (const [text, expected] of cases) {
    assert.equal(resolveSecretString(text, 'key', sources).reveal(), expected);
  }
  for (const text of ['{{secret:NONE}}', '{{secret:EMPTY}}', '{{secret:store:none}}', '{{secret:file:/none}}']) {
    assert.throws(() => resolveSecretString(text, 'audit.checkpoint.key', sources), { code: 'SECRET_MISSING' });
  }
});
