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
  const empty = `${path}.empty`;
  writeFileSync(empty, '\n');
  const sources = {
    env: { KEY: 'from env', AT: `@${path}`, EMPTY: '', AT_EMPTY: `@${empty}` },
    findStored: (name: string) =>
      new Map([
        ['kept', new Secret('from store')],
        ['blank', new Secret('')],
      ]).get(name) ?? null,
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
  for (const text of [
    '{{secret:NONE}}',
    '{{secret:EMPTY}}',
    '{{secret:AT_EMPTY}}',
    '{{secret:store:none}}',
    '{{secret:store:blank}}',
    '{{secret:file:/none}}',
    `{{secret:file:${empty}}}`,
  ]) {
    assert.throws(() => resolveSecretString(text, 'audit.checkpoint.key', sources), { code: 'SECRET_MISSING' });
  }
});
