import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '../../src/rules/action.ts';
import { diagnose } from '../support/rule-parts.ts';

/** Code and column of each finding (the condition starts at column 1 of line 10), and a piece of its text. */
function check(
  condition: string,
  expected: readonly [code: string, column: number, text?: RegExp][],
  family: Family = 'sql',
): void {
  const found = diagnose(condition, family);
  assert.deepEqual(
    found.map(({ code, at }) => [code, at.column]),
    expected.map(([code, column]) => [code, column]),
    `${condition}\n${found.map(({ message }) => message).join('\n')}`,
  );
  expected.forEach(([, , text], index) => {
    assert.match(`${found[index]?.message ?? ''} / ${found[index]?.fix ?? ''}`, text ?? /./, condition);
  });
}

function passes(family: Family, ...conditions: readonly string[]): void {
  for (const condition of conditions) {
    check(condition, [], family);
  }
}

test('a name that the schema lacks is reported with the nearest, or with the family that has it', () => {
  check("sql.verbb == 'drop'", [['cel-unknown-name', 1, /write sql\.verb$/]]);
  check('sql.table.size() == 0', [['cel-unknown-name', 1, /write sql\.tables/]]);
  check("true && http.path == '/x'", [['cel-unknown-name', 9, /belongs to family http, k8s/]]);
  check("k8s.verb == 'get'", [['cel-unknown-name', 1, /belongs to family k8s/]], 'http');
  check('sql == 1', [['cel-unknown-name', 1, /group of facts.*sql\./]]);
  check("risc == 'safe'", [['cel-unknown-name', 1, /write risk$/]]);
  check('nothing_like_it', [['cel-unknown-name', 1, /there is no fact/]]);
  check('has(sql.nope)', [['cel-unknown-name', 5]]);
  check('sql.tables.exists(t, u == 1)', [['cel-unknown-name', 22]]);
  check("sql.verb.lower() == 'x'", [['cel-unknown-name', 10, /no method lower/]]);
  check('sizes(sql.tables) == 1', [['cel-unknown-name', 1, /write size$/]]);
  check('has(sql)', [
    ['cel-unknown-name', 1, /takes a field/],
    ['cel-unknown-name', 5],
  ]);
  check('sql.tables.all(1, true)', [['cel-unknown-name', 12, /written list\.all/]]);
  check("sql.tables.exists(i, t, t == 'x')", [['cel-unknown-name', 12, /written list\.exists/]]);
  check('a == 1 || b == 1', [
    ['cel-unknown-name', 1],
    ['cel-unknown-name', 11],
  ]);
});

test('columns count code points, lines are the file’s', () => {
  check("'😀' == sql.database && sql.nope", [['cel-unknown-name', 24]]);
  const [finding] = diagnose("sql.verb == 'drop'\n  && sql.nope");
  assert.deepEqual([finding?.at.line, finding?.at.column], [11, 6]);
});

test('operands are checked against their types', () => {
  check("sql.tables == 'x'", [['cel-type', 12, /never equal.*in list/]]);
  check('sql.verb == 1', [['cel-type', 10, /string and int/]]);
  check("sql.statements == '1'", [['cel-type', 16]]);
  check("sql.statements in ['1']", [['cel-type', 16, /never in list\(string\)/]]);
  check('1 in sql.settings', [['cel-type', 3]]);
  check("'a' in sql.verb", [['cel-type', 5, /no in on string and string/]]);
  check('sql.verb && true', [['cel-type', 1, /bool is wanted/]]);
  check('sql.verb ? true : false', [['cel-type', 1]]);
  check("true ? 1 : 'a'", [['cel-type', 1]]);
  check('sql.verb.size() + 1.0 > 2.0', [['cel-type', 17]]);
  check('sql.bounded < 3', [['cel-type', 13]]);
  check('!sql.verb', [['cel-type', 1]]);
  check("-sql.verb == 'x'", [['cel-type', 1]]);
  check("sql.tables['x'] == 'y'", [['cel-type', 1, /index is string/]]);
  check("sql.settings[1] == 'y'", [['cel-type', 1, /index is int/]]);
  check("sql.verb['x'] == 'y'", [['cel-type', 1, /cannot be indexed/]]);
  check("sql.verb.x == 'y'", [['cel-type', 1, /no field x/]]);
  check("sql.predicates[0].colum == 'y'", [['cel-type', 1, /keys are table, column/]]);
  check("sql.predicates[0]['colum'] == 'y'", [['cel-type', 1]]);
  check('sql.statements.exists(x, true)', [['cel-type', 16, /runs over lists/]]);
  check('{1.5: 2} == {}', [['cel-type', 2, /cannot be a key/]]);
  check('sql.statement.contains(1)', [['cel-type', 15, /string\.contains\(int\)/]]);
  check("contains(sql.statement, 'x')", [['cel-type', 1]]);
  check("time.now > '2024-01-01'", [['cel-type', 10]]);
  check('sql.tables.map(t, 1).exists(n, n == "a")', [['cel-type', 34]]);
  check("sql.tables.join(',').foo", [['cel-type', 12]]);
  check("sets.contains(sql.tables, 'x')", [['cel-type', 6]]);
  check('sql.tables.exists(t, t)', [['cel-type', 22]]);
  check('sql.predicates[0] == 1', [['cel-type', 19, /record\{table, column/]]);
  check("{'a': 1} == {1: 1}", [['cel-type', 10]]);
  check('null == sql.verb', [['cel-type', 6]]);
});

test('a condition is a bool, or is told at load that it is not', () => {
  check('sql.verb', [['cel-not-bool', 1, /this is string/]]);
  check('size(sql.tables)', [['cel-not-bool', 1]]);
  check('[true]', [['cel-not-bool', 1]]);
  passes('sql', 'true', 'sql.bounded', '!sql.bounded', 'sql.tables == []');
  passes('http', 'http.body_json.flag', 'dyn(true)');
});

test('conditions of every family that fit the schema pass', () => {
  passes(
    'sql',
    "sql.verb in ['select', 'show'] && !sql.is_opaque",
    "sql.verb == 'delete' && sql.writes.all(t, t in ['logs', 'public.logs']) && sql.context == 'top'",
    "sql.predicates.exists(p, p.column == 'date' && p.op in ['<', '<='] && p.time <= timestamp('2024-01-01T00:00:00Z'))",
    "sql.predicates[0].values == ['a'] && sql.predicates[0]['column'] == 'x' && sql.predicates.exists(p, p.exists(k, k == 'time'))",
    'sql.row_limit <= 1000 && sql.row_limit < 1000.5',
    "time.now > timestamp('2024-01-01T00:00:00Z') && time.now - timestamp('2024-01-01T00:00:00Z') > duration('1h')",
    "time.hour >= 9 && time.hour < 17 && !(time.weekday in ['sat', 'sun'])",
    "sql.settings == {} || sql.settings['role'] == 'x' || has(sql.settings.role)",
    'type(sql.verb) == string && type(1) != int',
    "sql.tables + ['x'] == ['y'] + sql.reads",
    "context.alert['title'].contains('disk') && context.reason != ''",
    "sql.tables.exists(sql, sql == 'users')",
    '(sql.bounded ? sql.tables : sql.reads).size() > 0',
    "[1, 'a', true].exists(x, x == 1)",
    "b'ab' == bytes('ab') && 1u < 2u && 1 < 2u",
  );
  passes('http', "http.headers['accept'][0] == 'a' && 'x' in http.query && http.body_json.a.b[0] == null");
  passes(
    'k8s',
    "k8s.verb == 'get' && http.method == 'GET' && k8s.params.exists(k, k == 'x') && k8s.ports.all(p, p > 1024)",
  );
  passes('ssh', "ssh.commands.exists(c, c.program == 'rm' && c.argv.size() > 1 && c.redirects.all(r, r.fd < 3))");
});

test('a pattern that RE2 refuses is an error, a backspace in one a warning', () => {
  check("sql.statement.matches('(')", [['cel-regexp', 23, /RE2/]]);
  check("matches(sql.statement, '(?=x)')", [['cel-regexp', 24]]);
  check("sql.statement.matches('a' + '(')", [['cel-regexp', 23]]);
  check("sql.statement.matches('\\\\1')", [['cel-regexp', 23]]);
  const [finding] = diagnose("sql.statement.matches('(?i)\\bpassword\\b')");
  assert.equal(finding?.code, 'regexp-backspace');
  assert.equal(finding?.severity, 'warning');
  passes(
    'sql',
    "sql.statement.matches(r'(?i)\\bpassword\\b')",
    "sql.statement.matches('(?i)\\\\bx')",
    'sql.statement.matches(sql.database)',
  );
});
