// Every security case and must-pass case of Postgres, HTTP, MCP, providers and Kubernetes has a test that names it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

/** `MP-01` to `MP-50`, without some. */
function rows(kind: string, last: number, without: readonly number[] = []): readonly string[] {
  return Array.from({ length: last }, (_, index) => index + 1)
    .filter((number) => !without.includes(number))
    .map((number) => `${kind}-${String(number).padStart(2, '0')}`);
}

/** The rows of what is built; of the must-pass rows those that a gateway for Postgres, HTTP, Kubernetes and ClickHouse's wires has to meet. */
const REQUIRED: readonly string[] = [
  ...rows('PG', 115),
  ...rows('HT', 58),
  ...rows('K8', 40),
  ...rows('MC', 16),
  ...rows('PV', 14),
  ...rows('SH', 16),
  // Of ClickHouse, what its two wires do.
  'CH-14',
  'CH-15',
  'CH-18',
  ...rows('CH', 35).slice(25),
  'SH-39',
  'SH-40',
  'SH-41',
  'SH-42',
  // Of ClickHouse: what its text decides; the rest is the wires'.
  ...rows('CH', 37, [26, 27, 28, 29, 30, 31, 32, 33, 34, 35]),
  // Of the control plane: what the dashboard and its accounts decide; the rest is enrolment's and the configuration's.
  ...rows('CP', 13, [11]),
  'CP-19',
  'CP-21',
  'CP-25',
  'CP-26',
  'CP-27',
  'CP-28',
  // Of approvals and their traps: what channels have to hold.
  'TA-01',
  'TA-02',
  'TA-04',
  'TA-05',
  'TA-08',
  'TA-09',
  'TA-11',
  'TA-13',
  'TA-15',
  'TA-03',
  'TA-14',
  ...rows('MP', 50, [5, 7, 8, 21, 22, 24, 40, 43, 44, 46, 48]),
  // Of the data plane: what is built of it.
  ...rows('DP', 33),
  ...rows('DN', 11),
  ...rows('TR', 20, [4, 7]),
  ...rows('TL', 9),
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
  const ids = new Set(text.match(/\b[A-Z][A-Z0-9]-\d{2,3}\b/g) ?? []);
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
