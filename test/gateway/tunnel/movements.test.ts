import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Movements } from '../../../src/gateway/tunnel/movements.ts';

const MINUTE = 60_000;

/** Looks, one a minute unless a time is given, at where one peer is; what was told at each, in short. */
function follow(places: readonly (string | null | readonly [string, number])[]): readonly string[] {
  const movements = new Movements();
  let nowMs = 0;
  return places.map((look) => {
    const [place, minutes] = Array.isArray(look) ? look : [look, 1];
    nowMs += minutes * MINUTE;
    return movements
      .note([{ publicKey: 'k', outerAddress: place }], nowMs)
      .map(({ from, to, isShared }) => `${from} ${to}${isShared ? ' shared' : ''}`)
      .join();
  });
}

test('DP-21: a key that is in two machines is told once, one that moves each time that it moves', () => {
  const cases: readonly (readonly [Parameters<typeof follow>[0], readonly string[]])[] = [
    [
      ['a', 'a', 'a'],
      ['', '', ''],
    ],
    [
      ['a', 'b', 'c', 'd'],
      ['', 'a b', 'b c', 'c d'],
    ],
    [
      ['a', 'b', 'a', 'b', 'a'],
      ['', 'a b', 'b a shared', '', ''],
    ],
    // Back home in the evening.
    [
      ['a', 'b', ['a', 600]],
      ['', 'a b', 'b a'],
    ],
    // Still two of them, ten minutes later.
    [
      ['a', 'b', 'a', ['b', 9], ['a', 1]],
      ['', 'a b', 'b a shared', '', 'b a shared'],
    ],
    // A peer that was never heard has no place, and one that was forgotten begins anew.
    [
      [null, 'a', null, 'b', 'a'],
      ['', '', '', '', 'b a'],
    ],
  ];
  for (const [places, told] of cases) {
    assert.deepEqual(follow(places), told, JSON.stringify(places));
  }
});

test('each key has its own places, and no more than a few are remembered', () => {
  const movements = new Movements();
  const at = (...places: readonly string[]): readonly string[] =>
    movements
      .note(
        places.map((outerAddress, index) => ({ publicKey: `k${index}`, outerAddress })),
        0,
      )
      .map(({ publicKey, isShared }) => `${publicKey} ${isShared}`);
  at('a', 'b');
  assert.deepEqual(at('b', 'a'), ['k0 false', 'k1 false']);
  for (let index = 0; index < 20; index += 1) {
    at(`p${index}`);
  }
  assert.deepEqual(at('a'), ['k0 false'], 'it was left too many places ago');
});
