import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose, match } from '../support/rule-parts.ts';

function check(expected: 'yes' | 'no' | 'cannot-tell', ...conditions: readonly string[]): void {
  for (const condition of conditions) {
    assert.equal(match(condition), expected, condition);
  }
}

test('strings are sequences of code points', () => {
  check(
    'yes',
    "size('a😀b') == 3 && 'a😀b'.size() == 3",
    "'a😀b'.charAt(1) == '😀' && 'a😀b'.charAt(3) == ''",
    "'a😀b'.substring(2) == 'b' && 'a😀b'.substring(1, 2) == '😀'",
    "'a😀b'.indexOf('b') == 2 && 'a😀ba'.lastIndexOf('a') == 3",
    "'abab'.indexOf('a', 1) == 2 && 'abab'.lastIndexOf('a', 1) == 0",
    "'abc'.indexOf('z') == -1 && 'abc'.indexOf('') == 0",
    "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
    "'a,b'.split(',', 0) == [] && 'a,b'.split(',', 1) == ['a,b'] && 'a,b'.split(',', -1) == ['a', 'b']",
    "'a😀'.split('') == ['a', '😀']",
    "'aXbXc'.replace('X', '-') == 'a-b-c' && 'aXbXc'.replace('X', '-', 1) == 'a-bXc' && 'aX'.replace('X', '-', 0) == 'aX'",
    "'ab'.replace('', '.') == '.a.b.' && 'ab'.replace('', '.', 1) == '.ab' && 'ab'.replace('z', 'y') == 'ab'",
    "['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b'",
    "' \\t\\u0085x \\u00a0'.trim() == 'x' && '   '.trim() == ''",
    "'ÀB'.lowerAscii() == 'Àb' && 'àb'.upperAscii() == 'àB'",
    "'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')",
    "sql.statement.contains(sql.database) && sql.statement.startsWith(sql.database) && sql.statement.endsWith('')",
    "'\\uFFFD' < '😀' && 'a' < 'ab' && !('b' < 'a') && 'a' <= 'a' && 'b' > 'a' && 'b' >= 'b'",
    "'😀' > '\\uFFFD' && '\\uE000' < '😀'",
  );
  check(
    'cannot-tell',
    "'abc'.charAt(4) == ''",
    "'abc'.charAt(-1) == ''",
    "'abc'.substring(4) == ''",
    "'abc'.substring(2, 1) == ''",
    "'abc'.substring(0, 9) == ''",
    "'abc'.indexOf('a', 9) == 0",
    "[dyn(1)].join() == ''",
    "dyn(1).charAt(0) == ''",
    "dyn('a').charAt(dyn('x')) == ''",
    "dyn('a').substring(dyn('x')) == ''",
    "dyn('a').indexOf(dyn(1)) == 0",
    "dyn('a').split(dyn(1)) == []",
    "dyn('a').split('a', dyn('b')) == []",
    "dyn('a').replace('a', dyn(1)) == ''",
    "dyn(1).join() == ''",
    "dyn(1).contains('x')",
    "dyn('x').contains(dyn(1))",
    "dyn(1).lowerAscii() == ''",
    "dyn(1).matches('x')",
    "dyn(1).matches(dyn('x'))",
  );
});

test('conversions are strict', () => {
  check(
    'yes',
    "int('42') == 42 && int('-1') == -1 && int(1.9) == 1 && int(-1.9) == -1 && int(3u) == 3 && int(7) == 7",
    "int(timestamp('1970-01-01T00:01:00Z')) == 60 && int(duration('2m')) == 120",
    "uint('42') == 42u && uint(7) == 7u && uint(7u) == 7u && uint(1.5) == 1u",
    "double('1.5') == 1.5 && double(2) == 2.0 && double(2u) == 2.0 && double(1.5) == 1.5 && double('-.5e1') == -5.0",
    "bool('true') && !bool('0') && bool(true) && bool('T'.lowerAscii())",
    "string(1) == '1' && string(1u) == '1' && string(1.5) == '1.5' && string(true) == 'true' && string('a') == 'a'",
    "string(b'ab') == 'ab' && bytes('ab') == b'ab' && bytes(b'x') == b'x'",
    "string(timestamp('2024-02-29T12:00:00.5+02:00')) == '2024-02-29T10:00:00.500Z' || string(timestamp('2024-02-29T12:00:00.5+02:00')) == '2024-02-29T10:00:00.5Z'",
    "string(duration('90m')) == '5400s' && string(duration('-1.5s')) == '-1.5s'",
    "timestamp(60) == timestamp('1970-01-01T00:01:00Z') && timestamp(timestamp(1)) == timestamp(1)",
    "duration(duration('1s')) == duration('1000ms')",
    "type(1) == int && type('') == string && type(1.0) == double && type(true) == bool && type(1u) == uint",
    "type(null) == null_type && type([]) == list && type({}) == map && type(b'') == bytes && type(int) == type",
    "type(timestamp(0)) != type(duration('0'))",
    'dyn(1) == 1.0 && 1 == 1u && 1u == 1.0',
  );
  check(
    'cannot-tell',
    "int('') == 0",
    "int('0x10') == 16",
    "int('1 ') == 1",
    'int(0.0 / 0.0) == 0',
    "int('9223372036854775808') == 0",
    'int(1e300) == 0',
    "int('1'.replace('1', '11111111111111111111111111111111111111111111111111111111111111111')) == 0",
    "uint('-1') == 1u",
    'uint(-1) == 1u',
    "double('') == 0.0",
    "double('x') == 0.0",
    "bool('yes')",
    "bool('constructor')",
    "string(b'\\xff') == ''",
    "timestamp('2024-02-30T00:00:00Z') == timestamp(0)",
    "timestamp('2024-01-01') == timestamp(0)",
    "timestamp('2024-01-01T25:00:00Z') == timestamp(0)",
    "timestamp('2024-01-01T00:00:00+25:00') == timestamp(0)",
    'timestamp(999999999999999) == timestamp(0)',
    "duration('1') == duration('1s')",
    "duration('') == duration('1s')",
    "duration('-') == duration('1s')",
    "duration('1x') == duration('1s')",
    "duration('99999999999h') == duration('1s')",
    'int(dyn(true)) == 1',
    'double(dyn(true)) == 1.0',
    'uint(dyn(true)) == 1u',
    'bool(dyn(1))',
    'string(dyn([])) == ""',
    "bytes(dyn(1)) == b''",
    'timestamp(dyn(true)) == timestamp(0)',
    "duration(dyn(1)) == duration('1s')",
  );
});

test('arithmetic has 64 bits and does not mix types', () => {
  check(
    'yes',
    '1 + 2 * 3 - 4 / 2 == 5 && 7 % 3 == 1 && -7 / 2 == -3 && -7 % 3 == -1',
    '1u + 2u * 3u == 7u && 7u / 2u == 3u && 7u % 2u == 1u && 3u - 2u == 1u',
    '1.5 + 2.0 * 2.0 - 1.0 / 2.0 == 5.0 && 1.0 / 0.0 > 1.0e300 && !(0.0 / 0.0 == 0.0 / 0.0)',
    '-(1) == -1 && -(1.5) == -1.5',
    "b'a' + b'b' == b'ab' && b'a' < b'b' && [1] + [2] == [1, 2]",
    "timestamp(0) + duration('1s') == timestamp(1) && duration('1s') + timestamp(0) == timestamp(1)",
    "timestamp(2) - timestamp(1) == duration('1s') && timestamp(2) - duration('1s') == timestamp(1)",
    "duration('1h') + duration('1m') == duration('61m') && duration('1h') - duration('1m') == duration('59m')",
    'false < true && !(true < true) && true >= true',
    "timestamp(1) < timestamp(2) && duration('1s') <= duration('1s') && timestamp(2) > timestamp(1)",
    '1 < 2.5 && 2u < 3 && 1.5 < 2u && 1 <= 1u && 2 > 1.5 && 2 >= 2.0',
    '1.0 / 0.0 <= 1.0 / 0.0',
    '{1: 2} == {1: 2} && {1: 2} != {1: 3} && {1: 2} != {2: 2} && {1: 1} != {1: 1, 2: 2} && [] == []',
    "{'a': 1}['a'] == 1 && {true: 1}[true] == 1 && {1: 'x'}[1u] == 'x' && {1u: 'x'}[1.0] == 'x'",
    "1 in [1.0] && 1u in {1: 2} && !('a' in {}) && !(1 in [])",
    'dyn([1, 2])[1] == 2 && dyn([1, 2])[1.0] == 2',
    '!false && !(!true)',
    "null == null && dyn(null) != 1 && b'a' != b'b'",
    'size([1, 2]) == 2 && size({1: 2}) == 1 && b"abc".size() == 3 && size(sql.settings) == 0',
  );
  check(
    'cannot-tell',
    '9223372036854775807 + 1 > 0',
    '-9223372036854775807 - 2 < 0',
    '9223372036854775807 * 2 > 0',
    '0u - 1u == 0u',
    '1 / 0 == 0',
    '1 % 0 == 0',
    '1u / 0u == 0u',
    '-(-9223372036854775808) == 0',
    'dyn(1) + 1.0 == 2.0',
    'dyn(1.0) % dyn(1.0) == 0.0',
    "dyn(1) + 'a' == ''",
    "-dyn('a') == 1",
    '!dyn(1)',
    "dyn('a') < 1",
    "dyn(timestamp(0)) < dyn(duration('1s'))",
    "timestamp('9999-12-31T23:59:59Z') + duration('1s') > timestamp(0)",
    "duration('290h') * 2 == duration('1s')".replace('* 2', "+ duration('2562047h')"),
    "timestamp('0001-01-01T00:00:00Z') - duration('1s') < timestamp(0)",
    '{1: 2, 1: 3} == {}',
    '{dyn(1.5): 2} == {}',
    "{'a': 1}['b'] == 1",
    '[1][1] == 1',
    '[1][-1] == 1',
    "dyn([1])['x'] == 1",
    'dyn([1])[0.5] == 1',
    "dyn({'a': 1})[dyn([])] == 1",
    "dyn(1)['a'] == 1",
    'dyn(1).a == 1',
    'has(dyn(1).a)',
    '1 in dyn(1)',
    'size(dyn(1)) == 1',
    'dyn(1).exists(x, true)',
    '[1 / 0] == [1]',
    "{'a': 1 / 0} == {}",
    '{string(1 / 0): 1} == {}',
    'sets.contains(dyn(1), [1])',
    '[1, 2].filter(x, dyn(1)) == []',
    '[1, 2].exists(x, dyn(1))',
    '[[1], [2]].map(x, x[1]) == []',
    "[1][dyn('x')] == 1",
    '[1, 2][1 / 0] == 1',
    '(1 / 0) in [1]',
    '1 in [1 / 0]',
    '1 == 1 / 0',
    '(1 / 0).exists(x, true)'.replace('(1 / 0)', 'dyn(1 / 0)'),
  );
});

test('sets compare members', () => {
  check(
    'yes',
    'sets.contains([1, 2], [2]) && sets.contains([1], []) && !sets.contains([], [1]) && sets.contains([1, 1.0], [1u])',
    'sets.equivalent([1, 2, 2], [2, 1]) && !sets.equivalent([1], [1, 2]) && !sets.equivalent([1, 2], [1]) && sets.equivalent([], [])',
    'sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [2]) && !sets.intersects([], [])',
    "sets.intersects(sql.tables, ['a']) == false",
  );
});

test('wall-clock readings of instants and lengths of durations', () => {
  const at = "timestamp('2024-02-29T23:59:58.007Z')";
  check(
    'yes',
    `${at}.getFullYear() == 2024 && ${at}.getMonth() == 1 && ${at}.getDate() == 29 && ${at}.getDayOfMonth() == 28`,
    `${at}.getDayOfWeek() == 4 && ${at}.getDayOfYear() == 59 && ${at}.getHours() == 23 && ${at}.getMinutes() == 59`,
    `${at}.getSeconds() == 58 && ${at}.getMilliseconds() == 7`,
    `${at}.getDate('+00:01') == 1 && ${at}.getHours('-23:00') == 0 && ${at}.getHours('02:00') == 1`,
    `${at}.getHours('Europe/Berlin') == 0 && ${at}.getMonth('Europe/Berlin') == 2 && ${at}.getHours('UTC') == 23`,
    "timestamp('0001-01-01T00:00:00Z').getDayOfWeek() == 1 && timestamp('0001-01-01T00:00:00Z').getFullYear() == 1",
    "timestamp('1969-12-31T23:59:59.5Z').getMilliseconds() == 500 && timestamp('1900-02-28T00:00:00Z').getDayOfYear() == 58",
    "duration('3730s').getHours() == 1 && duration('3730s').getMinutes() == 62 && duration('1.5s').getMilliseconds() == 500",
    "duration('3730s').getSeconds() == 3730 && duration('1h1us').getSeconds() == 3600 && duration('.5ms') < duration('1ms')",
  );
  check(
    'cannot-tell',
    `${at}.getHours('Mars/Olympus') == 1`,
    `${at}.getHours('99:00') == 1`,
    'dyn(1).getHours() == 1',
    "dyn(duration('1h')).getFullYear() == 1",
    "dyn(duration('1h')).getHours('UTC') == 1",
  );
});

test('the arity and the form of calls are checked at load', () => {
  for (const condition of [
    "'a'.indexOf('a', 0, 1) == 0",
    "'a'.replace('a') == ''",
    "'a'.split() == []",
    'size() == 1',
    "'a'.int() == 1",
    'int(1, 2) == 1',
  ]) {
    assert.equal(diagnose(condition)[0]?.code, 'cel-type', condition);
  }
});
