import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unknown } from '../../src/rules/action.ts';
import type { FactValue } from '../../src/rules/action.ts';
import { parseCondition } from '../../src/rules/cel-parse.ts';
import { checkCondition } from '../../src/rules/check.ts';
import { findGuard } from '../../src/rules/guard.ts';
import { factSchemas } from '../../src/rules/schemas.ts';
import { decide, makePolicy, makeRuleAction, matcher } from '../support/rule-parts.ts';
import type { Matched } from '../support/rule-parts.ts';

/** `FACT: VALUES` of the guard that a condition has, or "none". */
function guardOf(condition: string): string {
  const parsed = parseCondition(condition);
  assert.ok(parsed.kind === 'tree', condition);
  const guard = findGuard(checkCondition(parsed.expr, 'sql', factSchemas).expr);
  return guard === null ? 'none' : `${guard.fact}: ${[...guard.values].join(' ')}`;
}

test('a guard is a conjunct without which the condition is false', () => {
  const rows: readonly (readonly [string, string])[] = [
    ["sql.verb == 'DROP'", 'sql.verb: drop'],
    ["'drop' == sql.verb", 'sql.verb: drop'],
    ["sql.verb in ['drop', 'alter']", 'sql.verb: drop alter'],
    ['sql.verb in []', 'sql.verb: '],
    ["'t' in sql.tables", 'sql.tables: t'],
    ["sql.tables.exists(t, t in ['a', 'b'])", 'sql.tables: a b'],
    ["sql.tables.exists(t, 'a' == t)", 'sql.tables: a'],
    ["sql.verb == 'drop' || sql.verb == 'alter'", 'sql.verb: drop alter'],
    ["sql.bounded && sql.verb == 'drop'", 'sql.verb: drop'],
    ["sql.verb in ['drop', 'alter'] && 't' in sql.tables", 'sql.tables: t'],
    ["sql.verb != 'drop'", 'none'],
    ["!(sql.verb == 'drop')", 'none'],
    ["sql.verb == 'drop' || sql.bounded", 'none'],
    ["sql.verb == 'drop' || 't' in sql.tables", 'none'],
    ["sql.tables == ['t']", 'none'],
    ['sql.tables == []', 'none'],
    ["sql.tables.all(t, t == 'a')", 'none'],
    ["sql.tables.exists(t, t != 'a')", 'none'],
    ['sql.tables.exists(t, t == sql.database)', 'none'],
    ["sql.tables.exists_one(t, t == 'a')", 'none'],
    ['sql.verb == sql.role', 'none'],
    ['sql.verb in sql.tables', 'none'],
    ["sql.verb in ['drop', sql.role]", 'none'],
    ["sql.statement == 'x'", 'none'],
    ["sql.verb.startsWith('d')", 'none'],
    ['sql.bounded', 'none'],
    ["sql.verbs[0] == 'drop'", 'none'],
    ["sql.role == 'x'", 'none'],
    ["'x' in ['x']", 'none'],
    ["sql.tables.exists(t, sql.verb == 'drop')", 'none'],
  ];
  for (const [condition, expected] of rows) {
    assert.equal(guardOf(condition), expected, condition);
  }
});

/** The condition's answer among rules that are enough for an index. */
function matcherAmong(condition: string): (facts: Readonly<Record<string, FactValue>>) => Matched {
  const filler = Array.from({ length: 40 }, (_, index) => ({
    name: `filler${index}`,
    condition: `sql.database == 'filler_${index}'`,
    outcome: 'allow' as const,
    priority: index % 2 === 0 ? 1 : -1,
  }));
  const policy = makePolicy({ rules: [...filler, { name: 'asked', condition }], unmatched: 'allow' });
  return (facts) => {
    const { by, kind } = decide(policy, makeRuleAction({ units: [{ facts }] }));
    return by === 'cannot-tell' ? 'cannot-tell' : kind === 'deny' ? 'yes' : 'no';
  };
}

test('a rule that the index leaves out is one that says no', () => {
  const unknown = new Unknown('unresolved');
  const verbs: readonly FactValue[] = ['drop', 'select', unknown];
  const tables: readonly FactValue[] = [[], ['t'], ['a', 't'], ['a', unknown], unknown];
  for (const condition of [
    "sql.verb == 'drop'",
    "sql.verb in ['drop', 'alter'] && 't' in sql.tables",
    'sql.verb in []',
    "'t' in sql.tables",
    "'t' in sql.tables && sql.settings['x'] == 'y'",
    "sql.tables.exists(t, t in ['t', 'b'])",
    "sql.verb == 'drop' || sql.verb == 'alter'",
    "sql.verb == 'drop' || 't' in sql.tables",
    'sql.tables == []',
    "sql.tables == ['t']",
    "['t'] == sql.tables",
    "!('t' in sql.tables)",
    "sql.tables.all(t, t == 't')",
  ]) {
    const bare = matcher(condition);
    const among = matcherAmong(condition);
    for (const verb of verbs) {
      for (const list of tables) {
        const facts = { 'sql.verb': verb, 'sql.tables': list };
        assert.equal(among(facts), bare(facts), `${condition} ${JSON.stringify(facts)}`);
      }
    }
  }
});
