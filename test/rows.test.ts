// Every security case and every must-pass case of Postgres has a test that names it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

/** PG-01 to PG-115; the must-pass rows that a Postgres gateway has to meet. */
const REQUIRED: readonly string[] = [
  ...Array.from({ length: 115 }, (_, index) => `PG-${String(index + 1).padStart(2, '0')}`),
  ...[1, 2, 3, 4, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 45, 47, 49, 50].map(
    (number) => `MP-${String(number).padStart(2, '0')}`,
  ),
];
/** Rows about what many statements, connections or processes do: a test below the daemon does not show them. */
const END_TO_END: readonly string[] = ['PG-11', 'PG-16', 'PG-17', 'PG-20', 'PG-32', 'PG-91', 'PG-92'];

function texts(folder: string): string {
  return readdirSync(join(process.cwd(), folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|txt|json)$/.test(entry.name) && entry.name !== 'rows.test.ts')
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

/** Ids in a text; `PG-95 to PG-99` names those between too. */
function idsIn(text: string): ReadonlySet<string> {
  const ids = new Set(text.match(/\b(?:PG|MP)-\d{2,3}\b/g) ?? []);
  for (const [, kind, from, to] of text.matchAll(/\b(PG|MP)-(\d{2,3}) to \1-(\d{2,3})\b/g)) {
    for (let number = Number(from); number <= Number(to); number += 1) {
      ids.add(`${kind}-${String(number).padStart(2, '0')}`);
    }
  }
  return ids;
}

test('every security case and must-pass case of Postgres is named by a test', () => {
  const found = idsIn(texts('test'));
  assert.deepEqual(
    REQUIRED.filter((id) => !found.has(id)),
    [],
  );
});

test('the cases that only a whole gateway can show are tested through one', () => {
  const found = idsIn(texts('test/integration'));
  assert.deepEqual(
    END_TO_END.filter((id) => !found.has(id)),
    [],
  );
});
