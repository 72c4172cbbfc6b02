// Sealed values open only with the same key, in the same place, unchanged.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { seal, unseal } from '../../src/lib/seal.ts';

const key = Buffer.alloc(32, 7);
const plain = Buffer.from('hunter2');

test('a sealed value opens with its key and context', () => {
  assert.deepEqual(unseal(key, seal(key, plain, 'secret/pg'), 'secret/pg'), plain);
  assert.deepEqual(unseal(key, seal(key, Buffer.alloc(0), ''), ''), Buffer.alloc(0));
});

test('a sealed value does not open with another key or in another place', () => {
  const sealed = seal(key, plain, 'secret/pg');
  assert.equal(unseal(randomBytes(32), sealed, 'secret/pg'), null);
  assert.equal(unseal(key, sealed, 'secret/other'), null);
});

test('a change of any byte and any cut is noticed', () => {
  const sealed = seal(key, plain, 'c');
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(unseal(key, changed, 'c'), null, `byte ${at}`);
    assert.equal(unseal(key, sealed.subarray(0, at), 'c'), null, `cut at ${at}`);
  }
});

test('the same value sealed twice looks different and does not show the plain text', () => {
  const first = seal(key, plain, 'c');
  assert.notDeepEqual(first, seal(key, plain, 'c'));
  assert.equal(first.includes(plain), false);
});
