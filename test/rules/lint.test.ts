import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '../../src/rules/action.ts';
import { lintPolicy } from '../../src/rules/lint.ts';
import { factSchemas } from '../../src/rules/schemas.ts';
import { makeRuleConfig } from '../support/rule-parts.ts';
import type { ConfigParts, RuleParts } from '../support/rule-parts.ts';

/** `CODE LINE:COLUMN` of each finding; conditions stand at line 10. */
function lint(parts: ConfigParts): readonly string[] {
  return lintPolicy(makeRuleConfig(parts), factSchemas).map(({ code, at }) => `${code} ${at.line}:${at.column}`);
}

function alone(condition: string, family: Family = 'sql', outcome: 'allow' | 'deny' = 'deny'): readonly string[] {
  return lint({ rules: [{ condition, family, outcome }] });
}

function pair(first: RuleParts, second: RuleParts): readonly string[] {
  return lint({ rules: [first, second] });
}

test('a rule that earlier rules leave nothing to is shadowed', () => {
  const rows: readonly (readonly [RuleParts, RuleParts, boolean])[] = [
    [{}, { condition: 'sql.bounded', outcome: 'allow' }, true],
    [{ condition: 'sql.bounded' }, { condition: 'sql.bounded', outcome: 'allow' }, true],
    [{ condition: 'sql.bounded' }, { condition: ' ( sql.bounded )', outcome: 'allow' }, true],
    [{ condition: "sql.verb in ['drop', 'alter']" }, { condition: "sql.verb == 'DROP'", outcome: 'allow' }, true],
    [
      { condition: "sql.verb == 'drop' || sql.verb == 'alter'" },
      { condition: "sql.verb in ['drop'] && sql.bounded", outcome: 'allow' },
      true,
    ],
    [{ condition: "'t' in sql.tables" }, { condition: "sql.bounded && 't' in sql.tables", outcome: 'allow' }, true],
    [
      { condition: "'t' in sql.tables || 'u' in sql.tables" },
      { condition: "'t' in sql.tables", outcome: 'allow' },
      true,
    ],
    [{ condition: 'sql.bounded' }, { outcome: 'allow' }, false],
    [{ condition: "sql.verb == 'drop'" }, { condition: "sql.verb in ['drop', 'alter']", outcome: 'deny' }, false],
    [{ condition: "sql.verb == 'drop' && sql.bounded" }, { condition: "sql.verb == 'drop'", outcome: 'deny' }, false],
    [{ condition: 'sql.statements == 1' }, { condition: 'sql.statements == 2' }, false],
    [
      { condition: "sql.verb == sql.role || 't' in sql.tables" },
      { condition: "'t' in sql.tables && sql.bounded" },
      false,
    ],
    [{ credential: 'a.b' }, { condition: 'sql.bounded', outcome: 'deny' }, false],
    [{ credential: 'a.b' }, { condition: 'sql.bounded', credential: 'a.b', outcome: 'allow' }, true],
    [{ disabled: true }, { condition: 'sql.bounded' }, false],
    [{ endpoints: ['postgres.pg'] }, { endpoints: ['postgres.pg', 'postgres.b'], condition: 'sql.bounded' }, false],
    [{ endpoints: ['postgres.pg', 'postgres.b'] }, { endpoints: ['postgres.b'], condition: 'sql.bounded' }, true],
    [{ condition: 'sql.bounded' }, { condition: 'sql.bounded', priority: 5, outcome: 'deny' }, true],
  ];
  for (const [first, second, expected] of rows) {
    const codes = pair(first, second).map((finding) => finding.split(' ')[0]);
    assert.equal(
      codes.includes('shadowed-rule'),
      expected,
      `${first.condition ?? 'all'} then ${second.condition ?? 'all'}`,
    );
  }
  assert.deepEqual(pair({}, { condition: 'sql.bounded' }), ['shadowed-rule 2:1']);
  // Two earlier rules, one per endpoint, hide it together.
  assert.deepEqual(
    lint({
      rules: [
        { endpoints: ['postgres.a'] },
        { endpoints: ['postgres.b'] },
        { endpoints: ['postgres.a', 'postgres.b'] },
      ],
    }),
    ['shadowed-rule 3:1'],
  );
});

test('two rules of one priority that differ and may both match are a tie', () => {
  const deny = (condition: string): RuleParts => ({ condition, outcome: 'deny' });
  const allow = (condition: string): RuleParts => ({ condition, outcome: 'allow' });
  const rows: readonly (readonly [RuleParts, RuleParts, boolean])[] = [
    [deny("'secrets' in sql.tables"), allow("sql.verb == 'select'"), true],
    [deny("sql.verb == 'drop'"), allow("sql.verb == 'select'"), false],
    [deny("sql.verb == 'drop' && sql.bounded"), allow("sql.verb in ['select', 'show']"), false],
    [deny("'a' in sql.tables"), allow("'b' in sql.tables"), true],
    [deny('sql.bounded'), allow('!sql.bounded'), false],
    [deny('!sql.bounded'), allow('sql.bounded && sql.cascade'), false],
    [deny("'secrets' in sql.tables"), deny("sql.verb == 'select'"), false],
    [deny("'secrets' in sql.tables"), { ...allow("sql.verb == 'select'"), priority: -1 }, false],
    [deny("'secrets' in sql.tables"), { outcome: 'allow' }, false],
    [deny("'secrets' in sql.tables"), { ...allow("sql.verb == 'select'"), endpoints: ['postgres.other'] }, false],
    [{ ...deny('sql.bounded'), credential: 'a.b' }, { ...allow('sql.cascade'), credential: 'c.d' }, false],
    [{ ...deny('sql.bounded'), credential: 'a.b' }, allow('sql.cascade'), true],
    [
      { condition: 'sql.bounded', outcome: ['human_approver.a'] },
      { condition: 'sql.cascade', outcome: ['human_approver.b'] },
      true,
    ],
    [
      { condition: 'sql.bounded', outcome: ['human_approver.a'] },
      { condition: 'sql.cascade', outcome: ['human_approver.a'] },
      false,
    ],
  ];
  for (const [first, second, expected] of rows) {
    assert.deepEqual(
      pair(first, second),
      expected ? ['contradictory-tie 2:1'] : [],
      `${first.condition ?? ''} / ${second.condition ?? ''}`,
    );
  }
});

test('a read of a key that may be absent wants a guard', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['http.body_json.a == 1', ['http.body_json.a']],
    ['has(http.body_json.a) && http.body_json.a == 1', []],
    ['http.body_json.a == 1 && has(http.body_json.a)', []],
    ["has(http.body_json.a) && http.body_json['a'] == 1", []],
    ["'a' in http.body_json && http.body_json.a == 1", []],
    ["'a' in http.body_json && http.body_json.b == 1", ['http.body_json.b']],
    ['!has(http.body_json.a) || http.body_json.a == 1', []],
    ['has(http.body_json.a) || http.body_json.a == 1', ['http.body_json.a']],
    ['!(!has(http.body_json.a) || http.body_json.a == 1)', []],
    ['!(has(http.body_json.a) && true) || http.body_json.a == 1', []],
    ['has(http.body_json.a) ? http.body_json.a == 1 : false', []],
    ['has(http.body_json.a) ? true : http.body_json.a == 1', ['http.body_json.a']],
    ['!has(http.body_json.a) ? true : http.body_json.a == 1', []],
    ['has(http.body_json.a.b) && http.body_json.a.b == 1', ['http.body_json.a']],
    ['has(http.body_json.a) && has(http.body_json.a.b) && http.body_json.a.b == 1', []],
    ["http.headers['accept'][0] == 'x'", ["http.headers['ac"]],
    ["'accept' in http.headers && http.headers['Accept'][0] == 'x'", []],
    ["http.query[http.path][0] == 'x'", []],
    ["http.query.exists(k, k == 'x')", []],
    ["http.segments[0] == 'v1'", []],
    ["http.files.exists(f, f.field == 'x')", []],
    ["'items' in http.body_json && http.body_json.items.exists(i, i.kind == 'x')", ["i.kind == 'x')"]],
    ["'items' in http.body_json && http.body_json.items.exists(i, has(i.kind) && i.kind == 'x')", []],
    ["'items' in http.body_json && http.body_json.items.map(i, i.kind == 'x').size() > 0", ["i.kind == 'x').s"]],
    ["context.alert.title == 'x'", []],
    ["size([http.body_json.a]) == 1 && {'k': http.body_json.b}.k == 1", ['http.body_json.a', 'http.body_json.b']],
  ];
  for (const [condition, expected] of rows) {
    // What is expected is the text at the finding's place.
    const found = alone(condition, 'http').map((finding) => /^unguarded-field 10:(\d+)$/.exec(finding)?.[1] ?? finding);
    assert.deepEqual(
      found.map((column) => condition.slice(Number(column) - 1, Number(column) + 15)),
      expected,
      condition,
    );
  }
});

test('a pattern over text that was parsed is pointed out', () => {
  assert.deepEqual(alone("sql.statement.matches('(?i)drop')"), ['text-regexp 10:15']);
  assert.deepEqual(alone("sql.bounded && sql.statement.contains('x')"), ['text-regexp 10:30']);
  assert.deepEqual(alone("ssh.command.startsWith('ls')", 'ssh'), ['text-regexp 10:13']);
  assert.deepEqual(alone("ssh.stdin.contains('rm -rf')", 'ssh'), []);
  assert.deepEqual(alone("sql.statement == 'select 1'"), []);
});

test('capitals in a table name of Postgres are pointed out', () => {
  assert.deepEqual(alone("'Users' in sql.tables"), ['case-table 10:1']);
  assert.deepEqual(alone("sql.tables.exists(t, t in ['users', 'LOGS'])"), ['case-table 10:37']);
  assert.deepEqual(alone("sql.functions.exists(f, f == 'PG_SLEEP')"), ['case-table 10:30']);
  assert.deepEqual(alone("'users' in sql.tables && sql.database == 'App'"), []);
  const elsewhere = lint({ rules: [{ condition: "'Users' in sql.tables", endpoints: ['clickhouse_native.ch'] }] });
  assert.deepEqual(elsewhere, []);
});

test('conditions that no request can meet are pointed out', () => {
  assert.deepEqual(alone("sql.verb == 'drop' && sql.verb == 'alter'"), ['dead-combination 10:1']);
  assert.deepEqual(alone("sql.verb in ['drop', 'alter'] && sql.verb == 'alter'"), []);
  assert.deepEqual(alone("'a' in sql.tables && 'b' in sql.tables"), []);
  assert.deepEqual(alone('false'), ['dead-combination 10:1']);
  assert.deepEqual(alone("k8s.verb in ['get', 'create'] && k8s.resource == 'pods/exec'", 'k8s'), [
    'dead-combination 10:1',
  ]);
  assert.deepEqual(alone("k8s.verb == 'connect' && k8s.resource == 'pods/exec'", 'k8s'), []);
  assert.deepEqual(alone("k8s.verb == 'get' && k8s.resource in ['pods', 'pods/exec']", 'k8s'), []);
  assert.deepEqual(alone("k8s.verb == 'get' && 'pods/log' == k8s.resource", 'k8s'), []);
});

test('an allow that hangs on nothing but the agent’s own words is pointed out', () => {
  assert.deepEqual(alone("context.reason.contains('please')", 'sql', 'allow'), ['agent-chosen 10:16']);
  assert.deepEqual(alone("ssh.user == 'deploy'", 'ssh', 'allow'), ['agent-chosen 10:10']);
  assert.deepEqual(alone("context.alert.title.contains('disk')", 'sql', 'allow'), ['agent-chosen 10:21']);
  assert.deepEqual(alone("ssh.user == 'deploy'", 'ssh', 'deny'), []);
  assert.deepEqual(alone("ssh.user == 'deploy' && ssh.verb == 'exec'", 'ssh', 'allow'), []);
  assert.deepEqual(alone('true', 'sql', 'allow'), []);
});

test('an allow that an agent can open by naming an incident is pointed out, whatever else it asks for; a deny or a question is not', () => {
  for (const condition of [
    "sql.verb == 'delete' && context.incident != ''",
    "sql.verb == 'delete' && context.alert.service == 'billing'",
    "sql.verb == 'delete' && context.reason.contains('approved')",
  ]) {
    assert.deepEqual(
      alone(condition, 'sql', 'allow').map((text) => text.split(' ')[0]),
      ['agent-chosen'],
    );
    assert.deepEqual(alone(condition, 'sql', 'deny'), []);
  }
  assert.deepEqual(alone("sql.verb == 'select'", 'sql', 'allow'), []);
});

test('an endpoint whose rules all have conditions and that lets the rest pass is pointed out', () => {
  const condition = "sql.verb == 'drop'";
  assert.deepEqual(lint({ unmatched: 'allow', rules: [{ condition }] }), ['no-catch-all 1:1']);
  assert.deepEqual(lint({ unmatched: 'allow', rules: [{ condition }, { credential: 'a.b' }] }), ['no-catch-all 1:1']);
  assert.deepEqual(lint({ unmatched: 'allow', rules: [{ condition }, { outcome: 'deny' }] }), []);
  assert.deepEqual(lint({ unmatched: 'risk', rules: [{ condition }] }), []);
  assert.deepEqual(lint({ unmatched: 'allow' }), []);
});

test('rules with errors have no lints, and the others keep theirs', () => {
  assert.deepEqual(lint({ rules: [{ condition: 'nope' }, { condition: "'Users' in sql.tables" }] }), [
    'case-table 10:1',
  ]);
});

test('findings say what to write', () => {
  const [field] = lintPolicy(
    makeRuleConfig({ rules: [{ family: 'http', condition: "http.query['id'] == []" }] }),
    factSchemas,
  );
  assert.equal(field?.fix, "write 'id' in http.query && …");
  const [json] = lintPolicy(
    makeRuleConfig({ rules: [{ family: 'http', condition: 'http.body_json.a == 1' }] }),
    factSchemas,
  );
  assert.equal(json?.fix, 'write has(http.body_json.a) && …');
  const [shadow] = lintPolicy(makeRuleConfig({ rules: [{ name: 'a' }, { name: 'b' }] }), factSchemas);
  assert.match(shadow?.message ?? '', /rule b can never decide: rule a \(gw\.hcl:1\)/);
});

test('a denial by what MCP says is asked where nothing says that the endpoint speaks it', () => {
  const tool = "mcp.tool == 'delete_repo'";
  assert.deepEqual(alone(tool, 'http'), ['mcp-undeclared 10:10']);
  assert.deepEqual(alone(tool, 'http', 'allow'), []);
  assert.deepEqual(alone("http.method == 'delete'", 'http'), []);
  const config = makeRuleConfig({ rules: [{ condition: tool, family: 'http' }] });
  const endpoints = config.endpoints.map((endpoint) => ({ ...endpoint, attributes: { mcp: true } }));
  assert.deepEqual(lintPolicy({ ...config, endpoints }, factSchemas), []);
});
