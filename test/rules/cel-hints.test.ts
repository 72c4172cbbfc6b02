// Slips in conditions: what is meant, and where; never for a text that parses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findSlip } from '../../src/rules/cel-hints.ts';
import { parseCondition } from '../../src/rules/cel-parse.ts';

/** The place is that of `^` in the line below the condition. */
function check(text: string, marker: string, fix: string): void {
  const parsed = parseCondition(text);
  assert.ok(parsed.kind === 'failed', text);
  assert.deepEqual([parsed.code, parsed.at, parsed.fix], ['cel-syntax', marker.indexOf('^'), fix], text);
}

test('the slips of people who come from SQL, Python or the shell are named, with what to write', () => {
  check("sql.verb = 'select'", '         ^', 'write == for "is equal to"');
  check("sql.verb === 'select'", '         ^', 'write == or !=');
  check("sql.verb <> 'select'", '         ^', 'write !=');
  check("sql.statement =~ 'a'", '              ^', "write text.matches('PATTERN')");
  check("a == 'x' and b == 'y'", '         ^', 'write && for "and"');
  check("a == 'x' & b == 'y'", '         ^', 'write && for "and"');
  check("a == 'x' OR b == 'y'", '         ^', 'write || for "or"');
  check("not a == 'x'", '^', 'write ! for "not"');
  check("'x' not in a", '    ^', 'write !(x in list)');
  check("a like '%x%'", '  ^', "write text.contains('…'), or text.matches('PATTERN')");
});

test('a string or a bracket that never ends is told where it begins', () => {
  const select = "'orders' in sql.tables && sql.verb == 'select";
  check(select, `${' '.repeat(select.lastIndexOf("'"))}^`, "write ' behind it");
  check('a == "x', '     ^', 'write " behind it');
  check("a == '\\'", '     ^', "write ' behind it");
  check("a == '''x'", '     ^', "write ''' behind it");
  check("(a == 'x' || (b == ')')", '^', 'write ) where it ends');
  check("a in ['x', 'y'", '     ^', 'write ] where it ends');
});

test('what stands in a string, a comment or a name is no slip', () => {
  for (const text of [
    "a == 'x = y and z or not' b",
    "a == '''it's = ''' b",
    "a == r'\\' b",
    'a b // = and (',
    'a.and b',
    'band b',
    "a.matches ('x') b",
    'a == 1 && b != 2 || c <= 3 && d >= 4 5',
  ]) {
    assert.equal(findSlip(text), null, text);
    assert.equal(parseCondition(text).kind, 'failed', text);
  }
});

test('any text is scanned to its end, and a place lies within it', () => {
  const text = fc.string({ unit: fc.constantFrom(...`'"()[]{}=&|\\/r \nab`.split('')) });
  fc.assert(
    fc.property(text, (source) => {
      const slip = findSlip(source);
      assert.ok(slip === null || (slip.at >= 0 && slip.at < source.length), JSON.stringify(source));
    }),
    { numRuns: 500, seed: 7 },
  );
});
