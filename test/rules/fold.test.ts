import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FactValue, Family } from '../../src/rules/action.ts';
import { diagnose, match } from '../support/rule-parts.ts';

const SQL: Readonly<Record<string, FactValue>> = {
  'sql.verb': 'delete',
  'sql.verbs': ['delete', 'set'],
  'sql.database': 'DELETE',
  'sql.tables': ['Users'],
};

function yes(
  conditions: readonly string[],
  facts: Readonly<Record<string, FactValue>> = SQL,
  family: Family = 'sql',
): void {
  for (const condition of conditions) {
    assert.equal(match(condition, facts, family), 'yes', condition);
  }
}

function no(
  conditions: readonly string[],
  facts: Readonly<Record<string, FactValue>> = SQL,
  family: Family = 'sql',
): void {
  for (const condition of conditions) {
    assert.equal(match(condition, facts, family), 'no', condition);
  }
}

function refused(
  code: 'dead-literal' | 'enum-case',
  rows: readonly (readonly [string, RegExp?])[],
  family: Family = 'sql',
): void {
  for (const [condition, text] of rows) {
    const found = diagnose(condition, family);
    assert.deepEqual(
      found.map((finding) => finding.code),
      [code],
      `${condition}: ${found.map(({ message }) => message).join('; ')}`,
    );
    assert.match(`${found[0]?.message ?? ''} / ${found[0]?.fix ?? ''}`, text ?? /./, condition);
  }
}

test('RC-03: an enumeration is compared without regard to case, wherever the literal stands', () => {
  yes([
    "sql.verb == 'DELETE'",
    "'Delete' == sql.verb",
    "!(sql.verb != 'DELETE')",
    "sql.verb in ['DROP', 'DELETE']",
    "sql.verb in ['DROP'] + ['DELETE']",
    "sql.verb in (sql.bounded ? ['DROP'] : ['DELETE'])",
    "sql.verb in {'DELETE': 1}",
    "{'DELETE': true}[sql.verb]",
    "'DELETE' in sql.verbs",
    "sql.verb.startsWith('DEL')",
    "sql.verb.endsWith('ETE')",
    "sql.verb.contains('ELE')",
    "sql.verb.indexOf('ELE') == 1",
    "sql.verb.matches('^DEL')",
    "matches(sql.verb, 'D.L')",
    "sql.verb.matches('^D' + 'EL')",
    'sql.verb.matches(sql.database)',
    "'DELETE FROM'.contains(sql.verb)",
    "['DELETE'].exists(m, m == sql.verb)",
    "['DROP', 'DELETE'].exists(m, sql.verb == m)",
    "sql.verbs.exists(v, v == 'DELETE')",
    "sql.verbs.all(v, v in ['DELETE', 'SET'])",
    "sql.verbs.filter(v, v == 'DELETE').size() == 1",
    "sql.verbs.map(v, v).exists(v, v == 'SET')",
    "sql.verbs[0] == 'DELETE'",
    "sql.verbs == ['DELETE', 'SET']",
    "sql.verb == (sql.bounded ? 'DROP' : 'DELETE')",
    "(sql.bounded ? 'Nothing' : sql.verb) == 'DELETE'",
    "(true ? 'Nothing' : sql.verb) == 'NOTHING'",
    "[sql.verb, 'Other'] == ['DELETE', 'other']",
    "[sql.verb].exists(v, v == 'DELETE')",
    "sql.verb == 'DEL' + 'ETE'",
    'sql.verb == sql.database',
    'sql.verb in [sql.database]',
    "dyn(sql.verb) == 'DELETE'",
    "'DELETE' in dyn(sql.verbs)",
    "string(sql.verb) == 'DELETE'",
    "sql.verb.lowerAscii() == 'DELETE'",
    "sets.intersects(sql.verbs, ['DELETE'])",
    "sets.contains(['DELETE', 'SET', 'DROP'], sql.verbs)",
    "(sql.verbs + ['DROP']).exists(v, v == 'Drop')",
    "sql.verb <= 'DELETE' && sql.verb >= 'DELETE'",
    "risk == 'SAFE'",
    'sql.verb == sql.verbs[0]',
    "{'k': sql.verb}.k == 'DELETE'",
    "['DELETE', 'DROP'].exists(m, m == sql.verb && m == 'DELETE')",
  ]);
  no([
    "sql.verb == 'DROP'",
    "sql.verb in ['DROP', 'SELECT']",
    "['DROP'].exists(m, m == sql.verb)",
    "sql.verb.matches('^X')",
    "sql.verb in ['DROP'] + ['SELECT']",
    "sql.verb != 'DELETE'",
  ]);
});

test('other text is compared as it is', () => {
  yes(["sql.database == 'DELETE'", "'Users' in sql.tables", "sql.tables.exists(t, t.matches('^U'))"]);
  no(["sql.database == 'delete'", "'users' in sql.tables", "sql.tables.exists(t, t.matches('^u'))"]);
});

test('what only the evaluation knows is folded there', () => {
  const facts = {
    'http.method': 'delete',
    'http.segments': ['DELETE'],
    'http.query': new Map([['DELETE', ['1']]]),
    'http.body_json': { DELETE: 1, verbs: ['Delete', 1] },
    'http.headers': new Map([['Accept', ['x']]]),
  };
  yes(
    [
      'http.method in http.segments',
      'http.method in http.query',
      'http.method in http.body_json',
      'http.method in http.body_json.verbs',
      'http.method == http.body_json.verbs[0]',
      'http.method != http.body_json.verbs[1]',
      "http.headers == {'accept': ['x']} && http.headers != http.query",
      "!('a b' in http.headers)",
    ],
    facts,
    'http',
  );
  no(["http.method in ['PUT', http.segments[0] + 'X']"], facts, 'http');
});

test('ND-02: only ASCII letters fold', () => {
  const facts = { 'http.method': 'kill' };
  yes(["http.method == 'KILL'"], facts, 'http');
  // KELVIN SIGN lower-cases to k in Unicode.
  no(["http.method == '\u212aILL'"], facts, 'http');
});

test('an open enumeration folds and has no dead literals', () => {
  const facts = { 'http.method': 'propfind' };
  yes(
    ["http.method == 'PROPFIND'", "http.method.matches('POST|PROPFIND')", "['PROPFIND'].exists(m, m == http.method)"],
    facts,
    'http',
  );
  no(["http.method == 'POST'"], facts, 'http');
});

test('RC-04: a literal outside a closed enumeration is dead, and the fix names what was meant', () => {
  refused('dead-literal', [
    ["sql.verb == 'dropp'", /write 'drop'/],
    ["sql.verb != 'dropp'", /write 'drop'/],
    ["sql.verb == 'revoke '", /write 'revoke'/],
    ["'DROPP' in sql.verbs", /'DROPP'.*write 'drop'/],
    ["sql.verb in ['drop', 'zzz']", /has the values .*alter/],
    ["sql.verb in ['drain']", /write 'drain'|has the values|write/],
    ["['dropp'].exists(m, m == sql.verb)", /write 'drop'/],
    ["sql.verb == (sql.bounded ? 'dropp' : 'drop')", /write 'drop'/],
    ["sql.verb == 'dr' + 'opp'", /write 'drop'/],
    ["sql.verb.startsWith('xx')", /startsWith/],
    ["sql.verb.contains('xx')", /contains/],
    ["sql.verb.endsWith('xx')", /endsWith/],
    ["sql.verbs == ['dropp']", /write 'drop'/],
    ["sets.intersects(sql.verbs, ['dropp'])", /write 'drop'/],
    ["sql.verb in {'dropp': 1}", /write 'drop'/],
    ["{'dropp': true}[sql.verb]", /write 'drop'/],
    ["sql.verbs.exists(v, v == 'dropp')", /write 'drop'/],
    ["risk == 'dangerous'", /has the values safe/],
    ["sql.verb in ['drop'] + ['dropp']", /write 'drop'/],
    ["dyn(sql.verb) == 'dropp'", /write 'drop'/],
  ]);
  refused(
    'dead-literal',
    [
      ["k8s.verb == 'evict'", /pods\/eviction/],
      ["k8s.verb in ['drain']", /pods\/eviction/],
      ["k8s.verb == 'CORDON'", /nodes/],
      ["k8s.verb == 'exec'", /connect/],
      ["k8s.verb == 'lst'", /write 'list'/],
    ],
    'k8s',
  );
  yes(["sql.verb in ['use', 'describe', 'delete']"]);
});

test('an enumeration that was changed on the way is refused, never a silent no', () => {
  refused('enum-case', [
    ["sql.verb.upperAscii() == 'DELETE'", /compare the fact itself/],
    ["sql.verb.substring(0, 3) == 'DEL'"],
    ["sql.verb.replace('e', 'E') == 'DELETE'"],
    ["sql.verb.trim() == 'DELETE'"],
    ["sql.verb.charAt(0) == 'D'"],
    ["sql.verb.split('e')[0] == 'D'"],
    ["sql.verbs.join(',').contains('DELETE')"],
    ["sql.verb + ':' + sql.database == 'DELETE:x'"],
  ]);
});

test('header names are found in any spelling', () => {
  const facts = {
    'http.headers': new Map([
      ['X-Api-Key', ['k']],
      ['Accept', ['*/*']],
    ]),
    'http.path': 'x-API-key',
  };
  yes(
    [
      "http.headers['x-api-key'][0] == 'k'",
      "http.headers['X-API-KEY'] == ['k']",
      "http.headers.accept[0] == '*/*'",
      "http.headers.Accept[0] == '*/*'",
      'has(http.headers.accept)',
      "'accept' in http.headers",
      "http.headers.exists(h, h == 'x-api-key')",
      "http.headers.exists(h, h in ['x-api-key'])",
      "http.headers[http.path][0] == 'k'",
      'http.path in http.headers',
      "http.headers.exists(h, h.lowerAscii() == 'x-api-key')",
      "http.headers == {'accept': ['*/*'], 'x-api-key': ['k']}",
    ],
    facts,
    'http',
  );
  no(["'x-other' in http.headers", "http.headers['accept'] == ['*/*', 'x']"], facts, 'http');
});
