// Outlines on their way between threads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { analyseText } from '../../../src/protocols/postgres/analysis/analyse.ts';
import { createGrammar } from '../../../src/protocols/postgres/analysis/engine.ts';
import { compact } from '../../../src/protocols/sql/compact.ts';

const grammar = await createGrammar();
const outlineOf = (text: string) => analyseText(text, grammar, { readOnly: false, trusted: new Set() });

test('what is equal becomes one object, what differs stays apart, and nothing else changes', () => {
  const rows = [
    'SELECT a FROM b; SELECT a FROM b WHERE c = 1; DELETE FROM b; WITH x AS (DELETE FROM b RETURNING a) SELECT a FROM x LIMIT 3',
    'SET search_path = a; PREPARE p AS SELECT 1; EXECUTE p; COPY b FROM STDIN; DO $$ BEGIN PERFORM 1; END $$; GRANT x TO y',
    'this does not parse',
    '',
  ];
  for (const text of rows) {
    const outline = outlineOf(text);
    assert.deepEqual(compact(outline), outline, text);
    assert.deepEqual(deserialize(serialize(compact(outline))), outline, `${text}: copied`);
  }
  const [first, second, third] = compact(outlineOf('SELECT a FROM b; SELECT a FROM b; DELETE FROM b')).statements;
  assert.equal(first?.unit.effects, second?.unit.effects);
  assert.equal(first?.unit.relations, second?.unit.relations);
  assert.notEqual(first?.unit.effects, third?.unit.effects);
  assert.notDeepEqual(first?.unit.effects, third?.unit.effects);
  assert.equal(first?.unit.roles, third?.unit.columns, 'nothing is nothing, whatever of');
});

/** Objects that would be copied: each once, however often it is met. */
function countObjects(value: unknown, seen: Set<object> = new Set()): number {
  if (typeof value === 'object' && value !== null && !seen.has(value)) {
    seen.add(value);
    const inner = value instanceof Set || value instanceof Map ? [...value].flat() : Object.values(value);
    inner.forEach((one: unknown) => countObjects(one, seen));
  }
  return seen.size;
}

test('thousands of like statements cross as a fraction of the objects that they were', () => {
  const outline = outlineOf('SELECT a FROM b;'.repeat(1_000));
  const [whole, small] = [countObjects(outline), countObjects(compact(outline))];
  assert.ok(whole > 18_000 && small < 5_000, `${small} of ${whole}`);
});
