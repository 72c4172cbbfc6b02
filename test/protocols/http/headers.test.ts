// Header fields as rules see them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseParameters, readCodings, readContentType, readHeaders } from '../../../src/protocols/http/headers.ts';
import { Unknown } from '../../../src/rules/action.ts';

const field = (name: string, value: string): { name: string; value: string } => ({ name, value });

test('names are canonical, and every value stays, in order and uncut', () => {
  const headers = readHeaders([field('x-api-KEY', 'a, b'), field('X-Api-Key', 'c'), field('ACCEPT', '*/*')]);
  assert.ok(headers instanceof Map);
  assert.deepEqual(
    [...headers],
    [
      ['X-Api-Key', ['a, b', 'c']],
      ['Accept', ['*/*']],
    ],
  );
});

test('a value that is not UTF-8 makes the map Unknown; UTF-8 is text', () => {
  assert.ok(readHeaders([field('A', '1'), field('B', '\xff')]) instanceof Unknown);
  const headers = readHeaders([field('B', '\xc3\xa4')]);
  assert.ok(headers instanceof Map);
  assert.deepEqual([...headers], [['B', ['ä']]]);
});

test('a media type is lower case without parameters; a repeated or malformed one is Unknown', () => {
  const cases: [string[], string | null][] = [
    [[], ''],
    [['application/json'], 'application/json'],
    [['Application/JSON; charset=UTF-8'], 'application/json'],
    [['text/plain;'], 'text/plain'],
    [['text/plain ; ; a="b;c\\"d"'], 'text/plain'],
    [['application/json', 'application/json'], null],
    [['application/json, text/plain'], null],
    [['json'], null],
    [[''], null],
    [['text/'], null],
    [['text/plain; charset'], null],
    [['text/plain; a=b c'], null],
    [['text/plain; a=1; A=2'], null],
    [['text/plain; a="x'], null],
  ];
  for (const [values, want] of cases) {
    const read = readContentType(values.map((value) => field('content-TYPE', value)));
    assert.equal(read instanceof Unknown ? null : read.type, want, values.join(' | '));
  }
  assert.deepEqual(
    [...(parseParameters('a="x\\"y"; B=c') ?? [])],
    [
      ['a', 'x"y'],
      ['b', 'c'],
    ],
  );
});

test('content codings are listed in the order in which they were applied', () => {
  assert.deepEqual(readCodings([field('Content-Encoding', 'GZIP, br'), field('content-encoding', ' identity ,')]), [
    'gzip',
    'br',
    'identity',
  ]);
  assert.deepEqual(readCodings([]), []);
});
