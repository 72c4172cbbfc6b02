// The one reading of paths and queries: what is ambiguous is Unknown, and what is plain is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readPath } from '../../../src/protocols/http/path.ts';
import type { PathForms } from '../../../src/protocols/http/path.ts';
import { isOverrideKey } from '../../../src/protocols/http/form-scanner.ts';
import { possibleValues, readQuery } from '../../../src/protocols/http/query.ts';
import { Unknown } from '../../../src/rules/action.ts';

const STRICT: PathForms = { encodedSlash: false, emptySegments: false, pathParams: false };

function check(raw: string, want: string | null, forms: Partial<PathForms> = {}): void {
  const { path, segments } = readPath(raw, { ...STRICT, ...forms });
  if (want === null) {
    assert.ok(path instanceof Unknown && segments instanceof Unknown, raw);
    return;
  }
  assert.equal(path, want, raw);
  assert.ok(Array.isArray(segments), raw);
}

test('a canonical path is decoded once, and everything that can be read in two ways is Unknown', () => {
  const cases: [string, string | null][] = [
    ['/', '/'],
    ['*', '*'],
    ['/v1/refunds', '/v1/refunds'],
    ['/v1/refunds/', '/v1/refunds/'],
    ['/v1/%72efunds', '/v1/refunds'],
    ['/v1/%C3%A4', '/v1/ä'],
    ['/v1/\xc3\xa4', '/v1/ä'],
    ['/a%20b', '/a b'],
    ['/100%25', '/100%'],
    ['/a%25z0', '/a%z0'],
    ['/...', '/...'],
    ['/a.b/..c', '/a.b/..c'],
    ['/a:b@c=d', '/a:b@c=d'],
    ['//v1/refunds', null],
    ['/v1//refunds', null],
    ['//', null],
    ['/v1/./refunds', null],
    ['/x/../v1/refunds', null],
    ['/v1/..', null],
    ['/.', null],
    ['/v1/%2e/refunds', null],
    ['/v1/x/%2e%2E/refunds', null],
    ['/v1/.%2e/refunds', null],
    ['/v1%2frefunds', null],
    ['/v1%2Frefunds', null],
    ['/v1%5crefunds', null],
    ['/v1\\refunds', null],
    ['/v1/refunds%00', null],
    ['/v1/refunds%0a', null],
    ['/v1/refunds\x7f', null],
    ['/v1/refunds;a=b', null],
    ['/v1/refunds%3ba=b', null],
    ['/v1/..;/v1/refunds', null],
    ['/v1/%2572efunds', null],
    ['/v1/%25%37%32efunds', null],
    ['/v1/%257%32efunds', null],
    ['/v1/%25%372efunds', null],
    ['/v1/%zz', null],
    ['/v1/%', null],
    ['/v1/%e4', null],
    ['/v1/\xe4', null],
    ['/v1#x', null],
    ['/v1?x', null],
    ['', null],
    ['v1', null],
    ['http://h/v1', null],
    [`/${'a'.repeat(8192)}`, null],
    [`/${'a'.repeat(8191)}`, `/${'a'.repeat(8191)}`],
  ];
  for (const [raw, want] of cases) {
    check(raw, want);
  }
});

test('a form that the endpoint declares is data, and only that form', () => {
  const slash = { encodedSlash: true };
  check('/api/v4/projects/group%2Fproj', '/api/v4/projects/group/proj', slash);
  check('/%2e%2e%2fetc', null, slash);
  check('/a%2f..%2fb', null, slash);
  check('/a%2f%2fb', null, slash);
  check('/a%252fb', null, slash);
  check('/a//b', null, slash);
  check('/a;b', null, slash);
  const empty = { emptySegments: true };
  check('/b/a//b', '/b/a//b', empty);
  check('/b/a/../b', null, empty);
  check('/a%2fb', null, empty);
  const params = { pathParams: true };
  check('/a;v=1/b', '/a;v=1/b', params);
  check('/a%2fb', null, params);
  assert.deepEqual(readPath('/@scope%2fname/x', { ...STRICT, ...slash }).segments, ['@scope/name', 'x']);
});

test('segments are cut before they are decoded; a trailing slash gives an empty last one', () => {
  assert.deepEqual(readPath('/', STRICT).segments, []);
  assert.deepEqual(readPath('/a/b%20c', STRICT).segments, ['a', 'b c']);
  assert.deepEqual(readPath('/a/', STRICT).segments, ['a', '']);
});

test('any path is read without throwing, and a known one has no dot segment in any decoding', () => {
  const unit = fc.constantFrom(...Array.from('/..%%2e2f5c;\\a\0\xe4'));
  fc.assert(
    fc.property(fc.string({ unit }), fc.boolean(), (text, encodedSlash) => {
      const { path } = readPath(`/${text}`, { ...STRICT, encodedSlash });
      if (!(path instanceof Unknown)) {
        assert.ok(
          path.split(/[/\\;]/).every((piece) => piece !== '.' && piece !== '..'),
          path,
        );
        assert.doesNotMatch(path, /%[0-9a-f]{2}/i);
      }
    }),
  );
});

test('query pairs are cut at & only and decoded once', () => {
  const cases: [string | null, [string, string[]][] | 'ambiguous' | 'too_large'][] = [
    [null, []],
    ['', []],
    [
      'a=1&b=2&a=3',
      [
        ['a', ['1', '3']],
        ['b', ['2']],
      ],
    ],
    ['role=user&role=admin', [['role', ['user', 'admin']]]],
    ['%72ole=admin', [['role', ['admin']]]],
    ['a=b+c%2B', [['a', ['b c+']]]],
    ['a', [['a', ['']]]],
    ['=x', [['', ['x']]]],
    ['a==b', [['a', ['=b']]]],
    ['&&a=1&', [['a', ['1']]]],
    ['__proto__=x', [['__proto__', ['x']]]],
    ['a=%2572', [['a', ['%72']]]],
    ['a=%3b', [['a', [';']]]],
    ['role=user;role=admin', 'ambiguous'],
    ['role=%zz', 'ambiguous'],
    ['%zz=1', 'ambiguous'],
    ['a=%ff', 'ambiguous'],
    ['a=\xff', 'ambiguous'],
    ['a=1#b', 'ambiguous'],
    [`a=${'x'.repeat(65_536)}`, 'too_large'],
    ['a&'.repeat(1000), 'too_large'],
  ];
  for (const [raw, want] of cases) {
    const query = readQuery(raw);
    if (typeof want === 'string') {
      assert.ok(query instanceof Unknown, String(raw).slice(0, 40));
      assert.equal(query.cause, want);
    } else {
      assert.ok(!(query instanceof Unknown), String(raw));
      assert.deepEqual([...query], want);
    }
  }
});

test('any query is read without throwing', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('a=&;%+4zé\xff')) }), (text) => {
      readQuery(text);
      possibleValues(text, (name) => name === 'a');
    }),
  );
});

test('a value that some reader would find is found, however the rest of the query reads', () => {
  for (const raw of [
    '_method=DELETE',
    'a=%zz&_method=delete',
    'a;_method=DELETE',
    '%5fmethod=DELETE',
    '_METHOD=delete',
    '+_method=delete',
    '.method=delete',
    '%5bmethod=delete',
    '$httpMethod=DELETE',
    '%24httpmethod=delete',
    '_HttpMethod=DELETE',
    'X-HTTP-Method-Override=DELETE',
  ]) {
    assert.deepEqual(possibleValues(raw, isOverrideKey), ['delete'], raw);
  }
  assert.deepEqual(possibleValues('x_method=DELETE&a=_method&method=delete&httpMethod=delete', isOverrideKey), []);
});
