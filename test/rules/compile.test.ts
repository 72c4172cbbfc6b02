import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePolicy } from '../../src/rules/compile.ts';
import { factSchemas } from '../../src/rules/schemas.ts';
import { COMMON, decide, diagnose, makePolicy, makeRuleAction, makeRuleConfig } from '../support/rule-parts.ts';

test('all problems of all rules come in one run, in order, and nothing is compiled', () => {
  const config = makeRuleConfig({
    rules: [
      { name: 'a', condition: "sql.verbb == 'x' && sql.tables == 'y'" },
      { name: 'b', condition: 'a $$ b' },
      { name: 'c', condition: "sql.verb == 'drop'" },
      { name: 'd', condition: "sql.statement.matches('(?i)\\bx')" },
    ],
  });
  const { policy, diagnostics } = compilePolicy(config, factSchemas);
  assert.equal(policy, null);
  assert.deepEqual(
    diagnostics.map(({ code, severity }) => `${severity} ${code}`),
    ['error cel-unknown-name', 'error cel-type', 'error cel-syntax', 'warning regexp-backspace'],
  );
});

test('warnings alone do not stop a policy', () => {
  const config = makeRuleConfig({ rules: [{ condition: "sql.statement.matches('(?i)\\bx')" }] });
  const { policy, diagnostics } = compilePolicy(config, factSchemas);
  assert.notEqual(policy, null);
  assert.equal(diagnostics.length, 1);
  assert.equal(policy?.revision, 'r1');
});

test('a finding that the whole of a condition has points at where it begins', () => {
  const [finding] = diagnose('[1, 2');
  assert.deepEqual([finding?.code, finding?.at.column], ['cel-syntax', 1]);
});

test('rules apply to the endpoints they name', () => {
  const policy = makePolicy({
    rules: [
      { name: 'here', outcome: 'deny', endpoints: ['postgres.pg'] },
      { name: 'there', outcome: 'deny', endpoints: ['postgres.other', 'https.api'], family: 'http' },
    ],
  });
  assert.equal(decide(policy, makeRuleAction()).rule, 'here');
  assert.equal(decide(policy, makeRuleAction({ family: 'http' })).rule, 'there');
  assert.equal(decide(policy, makeRuleAction({ family: 'ssh' })).rule, '');
});

test('an endpoint that the policy does not have lets nothing through', () => {
  const policy = makePolicy({ unmatched: 'allow' });
  const decision = policy.ruleSet('postgres.gone', 'default', null).decide(makeRuleAction(), COMMON);
  assert.deepEqual([decision.kind, decision.by], ['deny', 'unmatched']);
});

test('sets are made once per endpoint, profile and credential', () => {
  const policy = makePolicy({});
  const set = policy.ruleSet('postgres.pg', 'a', null);
  assert.equal(policy.ruleSet('postgres.pg', 'a', null), set);
  assert.notEqual(policy.ruleSet('postgres.pg', 'b', null), set);
  assert.notEqual(policy.ruleSet('postgres.pg', 'a', 'x.y'), set);
  assert.notEqual(policy.ruleSet('https.api', 'a', null), set);
});
