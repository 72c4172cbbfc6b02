// Taking single fields out of parsed JSON.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldOf, isObject, textOf } from '../../src/lib/fields.ts';

test('an object is neither null nor a list', () => {
  const cases: readonly (readonly [value: unknown, expected: boolean])[] = [
    [{}, true],
    [{ a: 1 }, true],
    [Object.create(null), true],
    [null, false],
    [[], false],
    ['text', false],
    [undefined, false],
  ];
  for (const [value, expected] of cases) {
    assert.equal(isObject(value), expected, JSON.stringify(value));
  }
});

test('a field is undefined where there is none, whatever the value is', () => {
  assert.equal(fieldOf({ a: null }, 'a'), null);
  for (const value of [{}, null, 'text', 7, undefined]) {
    assert.equal(fieldOf(value, 'a'), undefined);
  }
});

test('a text that is missing is named', () => {
  assert.equal(textOf({ name: '' }, 'name'), '');
  for (const value of [{}, { name: 7 }, null]) {
    assert.throws(() => textOf(value, 'name'), /^Error: name is missing$/);
  }
});
