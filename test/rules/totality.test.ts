import assert from 'node:assert/strict';
import { test } from 'node:test';
import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import fc from 'fast-check';
import { Unknown } from '../../src/rules/action.ts';
import type { FactValue } from '../../src/rules/action.ts';
import { compilePolicy } from '../../src/rules/compile.ts';
import { parseCondition } from '../../src/rules/cel-parse.ts';
import { factSchemas } from '../../src/rules/schemas.ts';
import {
  COMMON,
  decide,
  diagnose,
  makePolicy,
  makeRuleAction,
  makeRuleConfig,
  match,
  matcher,
} from '../support/rule-parts.ts';
import type { RuleParts } from '../support/rule-parts.ts';

const CAUSES = ['too_large', 'unparseable', 'dynamic', 'unavailable'] as const;

/** Conditions made from the parts that rules consist of; all of them pass the checks. */
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      'true',
      'false',
      "sql.verb == 'drop'",
      "sql.verb in ['delete', 'update']",
      "sql.verb == 'drop' || 'delete' == sql.verb",
      'sql.tables == []',
      "sql.tables == ['users']",
      "['users', 'logs'] == sql.tables",
      "sql.tables.exists(t, t in ['users', 'logs'])",
      "sql.tables.exists(t, 'logs' == t)",
      'sql.verb in []',
      "'users' in sql.tables || sql.verb == 'drop'",
      "'users' in sql.tables",
      "sql.tables.exists(t, t == 'users')",
      "sql.tables.all(t, t.startsWith('log_'))",
      "sql.tables.exists_one(t, t in ['users', 'logs'])",
      'size(sql.tables) > 1',
      "sql.settings['a'] == '1'",
      'has(sql.settings.a)',
      "'a' in sql.settings",
      "sql.settings.exists(k, sql.settings[k] == '1')",
      'sql.row_limit <= 100',
      'sql.bounded',
      "sql.database.matches('^a+$')",
      "sql.params[0] == 'x'",
      "sql.params.filter(p, p != '').size() > 0",
      "sql.params.map(p, p + '!') == ['x!']",
      "sql.role.substring(1) == 'b'",
      '(sql.row_limit / sql.statements) > 1',
    ),
    fc.tuple(tie('condition'), tie('condition')).map(([left, right]) => `(${left}) && (${right})`),
    fc.tuple(tie('condition'), tie('condition')).map(([left, right]) => `(${left}) || (${right})`),
    tie('condition').map((inner) => `!(${inner})`),
    fc
      .tuple(tie('condition'), tie('condition'), tie('condition'))
      .map(([test_, yes, no]) => `((${test_}) ? (${yes}) : (${no}))`),
  ),
}));

const unknown = fc.constantFrom(...CAUSES).map((cause) => new Unknown(cause));
const orUnknown = (values: fc.Arbitrary<FactValue>): fc.Arbitrary<FactValue> =>
  fc.oneof({ weight: 4, arbitrary: values }, { weight: 1, arbitrary: unknown });
const name = fc.constantFrom('users', 'logs', 'log_a', 'x', '', 'a');

const facts: fc.Arbitrary<Readonly<Record<string, FactValue>>> = fc.record({
  'sql.verb': orUnknown(fc.constantFrom('drop', 'delete', 'select')),
  'sql.tables': orUnknown(fc.array(name, { maxLength: 3 })),
  'sql.settings': orUnknown(
    fc.array(fc.tuple(name, orUnknown(name)), { maxLength: 2 }).map((entries) => new Map(entries)),
  ),
  'sql.row_limit': orUnknown(fc.constantFrom(0n, 10n, 2n ** 63n - 1n)),
  'sql.statements': fc.constantFrom(0n, 1n),
  'sql.bounded': orUnknown(fc.boolean()),
  'sql.database': orUnknown(name),
  'sql.params': orUnknown(fc.array(orUnknown(name), { maxLength: 2 })),
  'sql.role': orUnknown(name),
});

test('no condition and no facts make a decision throw, and it is the same every time', () => {
  fc.assert(
    fc.property(condition, facts, (text, values) => {
      const ask = matcher(text);
      assert.equal(ask(values), ask(values));
    }),
    { numRuns: 30 },
  );
});

test('any text is checked without a throw', () => {
  const pieces = fc.constantFrom(
    "'",
    '"',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '.',
    ',',
    '?',
    ':',
    '&&',
    '||',
    '!',
    '==',
    ' in ',
    'sql',
    'verb',
    'has',
    'exists',
    '1',
    '-',
    '\\',
    'r',
    'b',
    '//',
    '\n',
    '😀',
    '@',
    '0x',
    '1.5e',
    'u',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
      ),
      (text) => {
        parseCondition(text);
        diagnose(text);
      },
    ),
    { numRuns: 80 },
  );
});

test('any value where another type was expected cannot tell or is absorbed, it does not throw', () => {
  const wild: fc.Arbitrary<FactValue> = fc.letrec<{ value: FactValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<FactValue>(
        '',
        'users',
        1n,
        1.5,
        Number.NaN,
        true,
        null,
        new Date(0),
        new Date(Number.NaN),
        new Unknown('dynamic'),
      ),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(name, tie('value'), { maxKeys: 2 }),
      fc.array(fc.tuple(name, tie('value')), { maxLength: 2 }).map((entries) => new Map(entries)),
    ),
  })).value;
  const names = [
    'sql.verb',
    'sql.tables',
    'sql.settings',
    'sql.row_limit',
    'sql.params',
    'sql.database',
    'sql.bounded',
  ];
  const record = fc.array(fc.tuple(fc.constantFrom(...names), wild)).map((entries) => Object.fromEntries(entries));
  fc.assert(
    fc.property(condition, record, (text, values) => {
      match(text, values);
    }),
    { numRuns: 30 },
  );
});

test('an unknown fact never changes a clean answer: every value that it may stand for gives the same', () => {
  const holes = ['sql.verb', 'sql.bounded', 'sql.database'] as const;
  fc.assert(
    fc.property(condition, facts, fc.constantFrom(...holes), (text, values, hole) => {
      const ask = matcher(text);
      const open = ask({ ...values, [hole]: new Unknown('dynamic') });
      if (open !== 'cannot-tell') {
        const candidates: FactValue[] = hole === 'sql.bounded' ? [true, false] : ['drop', 'delete', 'a', 'users'];
        for (const candidate of candidates) {
          assert.equal(ask({ ...values, [hole]: candidate }), open, hole);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('the library that wrote the grammar gives the same answers', () => {
  const env = celEnv({ funcs: strings });
  const known = facts.filter((values) => !JSON.stringify(Object.values(values).map(flat)).includes('"cause"'));
  fc.assert(
    fc.property(condition, known, (text, values) => {
      const sql = Object.fromEntries(Object.entries(values).map(([key, value]) => [key.slice(4), value]));
      // oxlint-disable-next-line typescript/no-explicit-any -- the library's input type is wider than ours
      const result = plan(env, parse(text))({ sql: new Map(Object.entries(sql)) } as any);
      const expected = isCelError(result) ? 'cannot-tell' : result === true ? 'yes' : 'no';
      assert.equal(match(text, values), expected);
    }),
    { numRuns: 30 },
  );
});

function flat(value: FactValue): unknown {
  if (value instanceof Map) {
    return [...value];
  }
  return typeof value === 'bigint' ? String(value) : value;
}

test('the index over guards gives the walk’s answers', () => {
  const rule: fc.Arbitrary<RuleParts> = fc.record({
    condition,
    outcome: fc.constantFrom('allow' as const, 'deny' as const, ['human_approver.a']),
    priority: fc.integer({ min: 0, max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(rule, { minLength: 9, maxLength: 20 }), facts, (rules, values) => {
      const policy = makePolicy({ rules });
      const action = makeRuleAction({ units: [{ facts: values }] });
      const set = policy.ruleSet('postgres.pg', 'default', null);
      const { decision, trace } = set.explain(action, COMMON);
      const last = trace.at(-1);
      const decisive = last?.result === 'yes' || last?.result === 'cannot-tell' ? last.rule : '';
      assert.equal(decision.rule, decisive);
      assert.equal(decision.by === 'cannot-tell', last?.result === 'cannot-tell');
    }),
    { numRuns: 15 },
  );
});

test('a thousand rules with guards are one look-up', () => {
  const rules = Array.from({ length: 1000 }, (_, index) => ({
    name: `r${index}`,
    condition: `sql.verb == 'delete' && 'table_${index}' in sql.tables`,
  }));
  const config = makeRuleConfig({ rules });
  const { policy } = compilePolicy(config, factSchemas);
  assert.ok(policy !== null);
  const of = (table: FactValue): string =>
    decide(policy, makeRuleAction({ units: [{ facts: { 'sql.verb': 'delete', 'sql.tables': table } }] })).rule;
  assert.equal(of(['users']), '');
  assert.equal(of(['users', 'table_999', 'table_731']), 'r731');
  assert.equal(of(new Unknown('unresolved')), 'r0');
  assert.equal(of([new Unknown('unresolved')]), 'r0');
});
