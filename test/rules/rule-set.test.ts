import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unknown } from '../../src/rules/action.ts';
import type { Decision } from '../../src/rules/decision.ts';
import { COMMON, decide, makePolicy, makeRuleAction } from '../support/rule-parts.ts';
import type { ActionParts, ConfigParts } from '../support/rule-parts.ts';

function decided(config: ConfigParts, action: ActionParts): Decision {
  return decide(makePolicy(config), makeRuleAction(action));
}

function check(config: ConfigParts, action: ActionParts, expected: Partial<Decision>): void {
  const decision = decided(config, action);
  const picked = Object.fromEntries(Object.keys(expected).map((key) => [key, decision[key as keyof Decision]]));
  assert.deepEqual(picked, expected);
}

const DELETE = { facts: { 'sql.verb': 'delete' }, risk: 'destructive', riskReason: 'DELETE without WHERE' } as const;
const SELECT = { facts: { 'sql.verb': 'select' } } as const;
const ONCALL = 'human_approver.oncall';
const JUDGE = 'llm_approver.judge';

test('the first rule that matches decides: priority high first, ties in declaration order', () => {
  const rules = [
    { name: 'low', outcome: 'allow', priority: -5 },
    { name: 'first', outcome: 'deny' },
    { name: 'second', outcome: 'allow' },
    { name: 'high', condition: "sql.verb == 'drop'", outcome: 'allow', priority: 10 },
  ] as const;
  check({ rules }, { units: [DELETE] }, { kind: 'deny', by: 'rule', rule: 'first' });
  check({ rules }, { units: [{ facts: { 'sql.verb': 'drop' } }] }, { kind: 'allow', by: 'rule', rule: 'high' });
  check({ rules: rules.slice(0, 1) }, { units: [DELETE] }, { kind: 'allow', rule: 'low' });
});

test('the order of equal priorities is the same in every load', () => {
  const rules = Array.from({ length: 6 }, (_, index) => ({
    name: `r${index}`,
    outcome: index % 2 === 0 ? 'allow' : 'deny',
    condition: `sql.statements > ${index}`,
    file: index < 3 ? 'a.hcl' : 'b.hcl',
  })) as ConfigParts['rules'];
  for (let load = 0; load < 100; load += 1) {
    check({ rules: rules ?? [] }, { units: [{ facts: { 'sql.statements': 1000n } }] }, { rule: 'r0', kind: 'allow' });
  }
});

test('a disabled rule is checked and skipped', () => {
  const rules = [{ name: 'off', outcome: 'deny', disabled: true }] as const;
  check({ rules }, { units: [SELECT] }, { kind: 'allow', by: 'risk', rule: '' });
  assert.throws(() => makePolicy({ rules: [{ condition: 'nope', disabled: true }] }), /cel-unknown-name/);
});

test('RC-13: a rule that names a credential matches only when that one was dispatched', () => {
  const rules = [{ name: 'pinned', outcome: 'deny', credential: 'postgres_credential.pg' }] as const;
  check({ rules }, { units: [SELECT], credential: 'postgres_credential.pg' }, { kind: 'deny', rule: 'pinned' });
  check({ rules }, { units: [SELECT], credential: 'postgres_credential.other' }, { kind: 'allow', rule: '' });
  check({ rules }, { units: [SELECT], credential: null }, { kind: 'allow', rule: '' });
});

test('an empty condition matches everything', () => {
  check(
    { rules: [{ condition: ' \n ', outcome: 'deny', reason: 'closed' }] },
    { units: [SELECT] },
    { kind: 'deny', reason: 'closed' },
  );
});

test('PG-111, RC-06: a condition that fails denies by name, it never counts as no match', () => {
  const rules = [
    { name: 'guardless', condition: "sql.settings['work_mem'] == '1'", outcome: 'allow' },
    { name: 'rest', outcome: 'allow' },
  ] as const;
  check(
    { rules },
    { units: [SELECT] },
    {
      kind: 'deny',
      by: 'cannot-tell',
      rule: 'guardless',
      reason: 'rule guardless could not be evaluated (evaluation)',
      cannotTell: { word: 'evaluation', cause: 'error', facts: [], detail: 'no such key' },
    },
  );
  const known = { facts: { 'sql.settings': new Map([['work_mem', '2']]) } };
  check({ rules }, { units: [known] }, { kind: 'allow', rule: 'rest' });
});

test('PG-112: a denial tells the rule, its reason and one coarse word, never the condition or a value', () => {
  const words = {
    too_large: 'truncated',
    incomplete: 'truncated',
    unparseable: 'unparseable',
    undecodable: 'unparseable',
  } as const;
  const more = {
    ambiguous: 'unparseable',
    dynamic: 'evaluation',
    unresolved: 'evaluation',
    unavailable: 'evaluation',
  } as const;
  for (const [cause, word] of Object.entries({ ...words, ...more }) as [Unknown['cause'], string][]) {
    const rules = [
      { name: 'no-tokens', condition: "'tokens' in sql.tables", outcome: 'deny', reason: 'ask security' },
    ] as const;
    const decision = decided({ rules }, { units: [{ facts: { 'sql.tables': new Unknown(cause) } }] });
    assert.equal(decision.reason, `rule no-tokens could not be evaluated (${word}): ask security`);
    assert.equal(decision.cannotTell?.word, word);
    assert.equal(decision.cannotTell?.cause, cause);
    assert.deepEqual(decision.cannotTell?.facts, ['sql.tables']);
    assert.match(decision.cannotTell?.detail ?? '', /sql\.tables is unknown/);
  }
  const denied = decided(
    { rules: [{ name: 'x', condition: "sql.database == 'secret-db'" }] },
    { units: [{ facts: { 'sql.database': 'secret-db' } }] },
  );
  assert.equal(denied.reason, 'denied by rule x');
});

test('PG-113: an enumeration matches in any case', () => {
  check({ rules: [{ condition: 'sql.verb == "DELETE"' }] }, { units: [DELETE] }, { kind: 'deny', by: 'rule' });
  assert.throws(() => makePolicy({ rules: [{ condition: "sql.verb in ['drain']" }] }), /dead-literal/);
});

test('a rule may ask approvers in order, each once', () => {
  const rules = [{ name: 'ask', condition: "sql.verb == 'delete'", outcome: [JUDGE, ONCALL, JUDGE] }] as const;
  check(
    { rules },
    { units: [DELETE] },
    { kind: 'approve', by: 'rule', approvers: [JUDGE, ONCALL], reason: 'rule ask asks for approval' },
  );
  check({ rules }, { units: [SELECT] }, { kind: 'allow', approvers: [] });
});

test('with no rule the tier decides', () => {
  check({}, { units: [SELECT] }, { kind: 'allow', by: 'risk', reason: '' });
  check(
    {},
    { units: [DELETE] },
    {
      kind: 'approve',
      by: 'risk',
      rule: '',
      approvers: ['builtin.dashboard'],
      reason: 'no rule matched; destructive: DELETE without WHERE',
    },
  );
  check({}, { units: [{ risk: 'suspicious' }] }, { kind: 'approve', reason: 'no rule matched; suspicious' });
  const risks = {
    destructive: { risk: 'destructive', outcome: { kind: 'deny' }, reason: 'hands off', at: null },
    suspicious: { risk: 'suspicious', outcome: { kind: 'approve', approvers: [JUDGE] }, reason: '', at: null },
  } as const;
  check({ risks }, { units: [DELETE] }, { kind: 'deny', by: 'risk', reason: 'hands off', approvers: [] });
  check({ risks }, { units: [{ risk: 'suspicious' }] }, { kind: 'approve', approvers: [JUDGE] });
});

test('unmatched = allow and deny stand in for the tiers', () => {
  check({ unmatched: 'allow' }, { units: [DELETE] }, { kind: 'allow', by: 'unmatched' });
  check(
    { unmatched: 'deny' },
    { units: [SELECT] },
    {
      kind: 'deny',
      by: 'unmatched',
      reason: 'no rule matched, and what no rule allows is denied',
    },
  );
});

test('what could not be read is destructive, and unmatched = allow denies it', () => {
  const unit = { unreadable: true, risk: 'safe', riskReason: 'the text could not be parsed' } as const;
  check(
    { unmatched: 'allow' },
    { units: [unit] },
    { kind: 'deny', by: 'unmatched', reason: 'no rule matched, and it could not be read' },
  );
  check(
    {},
    { units: [unit] },
    { kind: 'approve', reason: 'no rule matched; destructive: the text could not be parsed' },
  );
  check({ unmatched: 'allow', rules: [{ outcome: 'allow' }] }, { units: [unit] }, { kind: 'allow', by: 'rule' });
});

test('what the protocol refuses is denied before any rule', () => {
  const rules = [{ outcome: 'allow' }] as const;
  check(
    { rules },
    { refused: 'standard_conforming_strings is off' },
    {
      kind: 'deny',
      by: 'protocol',
      reason: 'standard_conforming_strings is off',
      holds: 'once',
    },
  );
  check({ rules }, { refused: '' }, { kind: 'deny', reason: 'refused by the protocol' });
  check({ rules }, { refused: null }, { kind: 'allow' });
});

test('of several units the strictest decides, the first of equals', () => {
  const rules = [
    { name: 'no-drop', condition: "sql.verb == 'drop'", outcome: 'deny' },
    { name: 'ask-a', condition: "sql.verb == 'delete'", outcome: [JUDGE, ONCALL] },
    { name: 'ask-b', condition: "sql.verb == 'update'", outcome: [ONCALL, 'human_approver.dba'] },
    { name: 'reads', condition: "sql.verb == 'select'", outcome: 'allow' },
  ] as const;
  const UPDATE = { facts: { 'sql.verb': 'update' } };
  const DROP = { facts: { 'sql.verb': 'drop' } };
  check({ rules }, { units: [SELECT, SELECT] }, { kind: 'allow', rule: 'reads', unit: 0 });
  check(
    { rules },
    { units: [SELECT, UPDATE, DELETE] },
    {
      kind: 'approve',
      rule: 'ask-b',
      unit: 1,
      approvers: [ONCALL, 'human_approver.dba', JUDGE],
    },
  );
  check({ rules }, { units: [DELETE, SELECT, DROP, DROP] }, { kind: 'deny', rule: 'no-drop', unit: 2, approvers: [] });
  check(
    { rules },
    { units: [SELECT, DELETE] },
    { kind: 'approve', rule: 'ask-a', unit: 1, approvers: [JUDGE, ONCALL] },
  );
});

test('an action without units is denied', () => {
  check(
    { rules: [{ outcome: 'allow' }] },
    { units: [] },
    { kind: 'deny', by: 'protocol', reason: 'there is nothing to judge' },
  );
});

test('a prepare is denied only when it is surely denied', () => {
  const open = { facts: { 'sql.verb': 'delete', 'sql.params': new Unknown('dynamic') }, risk: 'destructive' } as const;
  const ask = { name: 'ask', condition: "sql.verb == 'delete'", outcome: [ONCALL] } as const;
  const byValue = { name: 'by-value', condition: "'root' in sql.params", outcome: 'deny' } as const;
  const prepare = { phase: 'prepare', units: [open] } as const;
  const execute = { phase: 'execute', units: [open] } as const;
  check({ rules: [ask] }, prepare, {
    kind: 'allow',
    by: 'rule',
    rule: 'ask',
    approvers: [],
    reason: 'judged when it is executed',
    holds: 'once',
  });
  check({ rules: [ask] }, execute, { kind: 'approve', holds: 'shape' });
  check({ rules: [byValue] }, prepare, {
    kind: 'allow',
    rule: 'by-value',
    by: 'cannot-tell',
    cannotTell: null,
    holds: 'once',
  });
  check({ rules: [byValue] }, execute, { kind: 'deny', by: 'cannot-tell', holds: 'once' });
  check({}, prepare, { kind: 'allow', by: 'risk', holds: 'once' });
  check({ unmatched: 'deny' }, prepare, { kind: 'deny', by: 'unmatched' });
  check({ rules: [{ name: 'no', condition: "sql.verb == 'delete'" }] }, prepare, {
    kind: 'deny',
    rule: 'no',
    holds: 'shape',
  });
});

test('a prepare whose facts are unknown for another cause is denied', () => {
  const rules = [{ name: 'r', condition: "'a' in sql.params && 'users' in sql.tables", outcome: 'deny' }] as const;
  const unit = { facts: { 'sql.params': new Unknown('dynamic'), 'sql.tables': new Unknown('unresolved') } };
  check({ rules }, { phase: 'prepare', units: [unit] }, { kind: 'deny', by: 'cannot-tell', rule: 'r' });
  const error = [{ name: 'r', condition: "sql.settings['x'] == 'y'", outcome: 'deny' }] as const;
  check({ rules: error }, { phase: 'prepare', units: [SELECT] }, { kind: 'deny', by: 'cannot-tell' });
});

test('a postponed unit does not hide a denied one', () => {
  const rules = [
    { name: 'no-drop', condition: "sql.verb == 'drop'", outcome: 'deny' },
    { name: 'ask', condition: "sql.verb == 'delete'", outcome: [ONCALL] },
  ] as const;
  const units = [DELETE, { facts: { 'sql.verb': 'drop' } }];
  check({ rules }, { phase: 'prepare', units }, { kind: 'deny', rule: 'no-drop', unit: 1, holds: 'once' });
  check({ rules }, { phase: 'prepare', units: [DELETE, SELECT] }, { kind: 'allow', holds: 'once' });
  check({ rules }, { phase: 'prepare', units: [SELECT] }, { kind: 'allow', holds: 'shape' });
});

test('an answer holds as long as the most fleeting fact that was read for it', () => {
  const holds = (condition: string): Decision['holds'] =>
    decided({ rules: [{ condition }] }, { units: [SELECT] }).holds;
  assert.equal(holds("sql.verb == 'drop'"), 'shape');
  assert.equal(holds("sql.verb == 'drop' || agent.profile == 'x' || endpoint.name == 'y'"), 'shape');
  assert.equal(holds("agent.ip == '10.0.0.1'"), 'connection');
  assert.equal(holds("sql.transaction == 'open'"), 'connection');
  assert.equal(holds("sql.statement == 'x'"), 'once');
  assert.equal(holds('time.hour > 25'), 'once');
  assert.equal(holds("sql.params == ['x']"), 'once');
  assert.equal(holds("sql.statement == 'x' && agent.ip == ''"), 'once');
  // Not read, so it does not matter: the && was decided before.
  assert.equal(holds("sql.verb == 'drop' && sql.statement == 'x'"), 'shape');
  assert.equal(decided({ rules: [{ outcome: 'deny' }] }, { units: [SELECT] }).holds, 'shape');
});

test('facts read for one unit count for the whole decision', () => {
  const rules = [{ condition: "sql.verb == 'delete' && sql.statement == 'x'" }];
  check({ rules }, { units: [DELETE, SELECT] }, { holds: 'once' });
  check({ rules }, { units: [SELECT, SELECT] }, { holds: 'shape' });
});

test('explain lists every rule up to the one that decides, for each unit', () => {
  const policy = makePolicy({
    rules: [
      { name: 'off', disabled: true, priority: 9 },
      { name: 'pinned', credential: 'postgres_credential.other', priority: 8 },
      { name: 'drops', condition: "sql.verb == 'drop'", priority: 7 },
      { name: 'open', condition: "sql.verb == 'update' && sql.settings['x'] == 'y'", priority: 6 },
      { name: 'reads', condition: "sql.verb == 'select'", outcome: 'allow', priority: 5 },
      { name: 'never', priority: 4 },
    ],
  });
  const set = policy.ruleSet('postgres.pg', 'default', 'postgres_credential.pg');
  const action = makeRuleAction({
    units: [SELECT, { facts: { 'sql.verb': 'update' } }],
    credential: 'postgres_credential.pg',
  });
  const { decision, trace } = set.explain(action, COMMON);
  assert.equal(decision.rule, 'open');
  assert.deepEqual(
    trace.map(({ unit, rule, priority, line, result, cause }) => [unit, rule, priority, line, result, cause]),
    [
      [0, 'off', 9, 1, 'disabled', ''],
      [0, 'pinned', 8, 2, 'other-credential', 'postgres_credential.other'],
      [0, 'drops', 7, 3, 'no', ''],
      [0, 'open', 6, 4, 'no', ''],
      [0, 'reads', 5, 5, 'yes', ''],
      [1, 'off', 9, 1, 'disabled', ''],
      [1, 'pinned', 8, 2, 'other-credential', 'postgres_credential.other'],
      [1, 'drops', 7, 3, 'no', ''],
      [1, 'open', 6, 4, 'cannot-tell', 'no such key'],
    ],
  );
  const unknown = makeRuleAction({ units: [{ facts: { 'sql.verb': new Unknown('unparseable') } }] });
  assert.equal(set.explain(unknown, COMMON).trace.at(-1)?.cause, 'sql.verb is unknown (unparseable)');
  const sure = makePolicy({ rules: [{ name: 'all' }] })
    .ruleSet('postgres.pg', 'p', null)
    .explain(action, COMMON);
  assert.deepEqual(
    sure.trace.map(({ result }) => result),
    ['yes', 'yes'],
  );
});

test('a set says which facts its rules can read', () => {
  const policy = makePolicy({
    rules: [
      { family: 'http', condition: "http.method == 'POST' && has(http.body_json.a)" },
      { family: 'http', condition: "http.body == 'x'", disabled: true },
      { family: 'http', condition: 'http.form == {}', credential: 'bearer_token.other' },
    ],
  });
  const set = policy.ruleSet('https.api', 'default', null);
  assert.equal(set.reads('http.body_json'), true);
  assert.equal(set.reads('http.method'), true);
  assert.equal(set.reads('http.body'), false);
  assert.equal(set.reads('http.form'), false);
  assert.equal(policy.ruleSet('https.api', 'default', 'bearer_token.other').reads('http.form'), true);
});

test('facts that throw deny, they do not end the process', () => {
  const policy = makePolicy({ rules: [{ name: 'r', condition: "sql.verb == 'drop'", outcome: 'allow' }] });
  const action = makeRuleAction();
  const broken = { ...action, units: action.units.map((unit) => ({ ...unit, facts: { get: () => fail() } })) };
  const set = policy.ruleSet('postgres.pg', 'default', null);
  const decision = set.decide(broken, COMMON);
  assert.equal(decision.kind, 'deny');
  assert.equal(decision.by, 'cannot-tell');
  assert.equal(decision.cannotTell?.detail, 'broken');
  assert.deepEqual(set.explain(broken, COMMON), { decision, trace: [] });
});

function fail(): never {
  throw new Error('broken');
}
