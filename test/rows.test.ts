// Every security case and must-pass case has a test that names it, and so have the traps that a row of their own describes.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

/** `MP-01` to `MP-50`, without some; `PG-T01` and so on for a kind that has its own dash. */
function rows(kind: string, last: number, without: readonly number[] = []): readonly string[] {
  return Array.from({ length: last }, (_, index) => index + 1)
    .filter((number) => !without.includes(number))
    .map((number) => `${kind}${kind.includes('-') ? '' : '-'}${String(number).padStart(2, '0')}`);
}

const REQUIRED: readonly string[] = [
  ...rows('PG', 115),
  ...rows('CH', 37),
  ...rows('K8', 40),
  ...rows('HT', 58),
  ...rows('PV', 14),
  ...rows('SH', 46),
  ...rows('MC', 16),
  ...rows('AP', 39),
  ...rows('CP', 32),
  ...rows('AU', 10),
  ...rows('DP', 33),
  ...rows('RC', 13),
  ...rows('MP', 50),
  // Of the traps: those of the tunnel, its names, its ends of TLS, and approvals;
  ...rows('TR', 20),
  ...rows('DN', 11),
  ...rows('TL', 9),
  ...rows('TA', 16),
  // those of HTTP, ClickHouse, Kubernetes and SSH.
  ...rows('HX', 20),
  ...rows('CK', 10),
  ...rows('KU', 10),
  ...rows('SS', 15),
  // Of configuration, storage and life cycle; of Node.js; of SQL; of Postgres.
  ...rows('LC', 20, [2, 5, 6, 12, 17]),
  ...rows('ND', 15),
  ...rows('SQ', 11, [7, 11]),
  ...rows('PG-T', 20),
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
  const ids = new Set(text.match(/\b[A-Z][A-Z0-9]-T?\d{2,3}\b/g) ?? []);
  for (const [, kind, from, to] of text.matchAll(/\b([A-Z][A-Z0-9])-(\d{2,3}) to \1-(\d{2,3})\b/g)) {
    for (let number = Number(from); number <= Number(to); number += 1) {
      ids.add(`${kind}-${String(number).padStart(2, '0')}`);
    }
  }
  return ids;
}

test('every security case and must-pass case of what is built is named by a test', () => {
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
