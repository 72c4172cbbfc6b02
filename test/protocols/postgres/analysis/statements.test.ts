import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODE_FIELDS } from '../../../../src/protocols/postgres/analysis/grammar.ts';
import { STATEMENTS } from '../../../../src/protocols/postgres/analysis/statements.ts';
import { SQL_FACTS } from '../../../../src/rules/schema-sql.ts';

const enumOf = (name: string): readonly string[] => SQL_FACTS.find((fact) => fact.name === name)?.values ?? [];

test('every statement node of the grammar is in the tier table exactly once', () => {
  const nodes = Object.keys(NODE_FIELDS).filter((name) => name.endsWith('Stmt'));
  assert.deepEqual([...STATEMENTS.keys()].toSorted(), nodes.toSorted());
});

test('verbs, objects and effects of the table are values that rules can name', () => {
  for (const [node, row] of STATEMENTS) {
    assert.ok(enumOf('sql.verb').includes(row.verb), `${node}: verb ${row.verb}`);
    assert.ok(enumOf('sql.object').includes(row.object), `${node}: object ${row.object}`);
    for (const effect of row.effects) {
      assert.ok(enumOf('sql.effects').includes(effect), `${node}: effect ${effect}`);
    }
    assert.ok(row.tier === 'safe' || row.cause !== '', `${node}: a tier has a cause`);
  }
});
