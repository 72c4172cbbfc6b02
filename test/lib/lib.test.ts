// The small tools at the bottom of the house.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { ERROR_CODES, GatewayError, messageOf } from '../../src/lib/errors.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { Lru } from '../../src/lib/lru.ts';
import { Secret } from '../../src/lib/secret.ts';
import { asciiLower, nearest, orKnown, shorten, visible } from '../../src/lib/text.ts';
import { formatDuration, parseDurationMs, parseSizeBytes } from '../../src/lib/units.ts';

test('LC-19: a secret cannot be printed in any of the ways that JavaScript prints', () => {
  const secret = new Secret('hunter2');
  const printed = [String(secret), secret.toString(), JSON.stringify({ secret }), inspect({ deep: [secret] })];
  for (const text of printed) {
    assert.ok(!text.includes('hunter2'), text);
  }
  assert.equal(secret.reveal(), 'hunter2');
});

test('an id is a UUIDv7 whose first 48 bits are the time, and no two are equal', () => {
  const ids = Array.from({ length: 2000 }, () => uuidv7(0x0123456789ab));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.match(id, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

test('the cache forgets what was used least recently, by count and by weight', () => {
  const byCount = new Lru<string, number>(2);
  byCount.put('a', 1);
  byCount.put('b', 2);
  assert.equal(byCount.find('a'), 1);
  byCount.put('c', 3);
  assert.deepEqual([byCount.find('a'), byCount.find('b'), byCount.find('c')], [1, null, 3]);
  const byWeight = new Lru<string, string>(10, 100);
  byWeight.put('big', 'x', 101);
  assert.equal(byWeight.size, 0);
  byWeight.put('a', 'x', 60);
  byWeight.put('b', 'x', 60);
  assert.deepEqual([byWeight.find('a'), byWeight.find('b')], [null, 'x']);
  byWeight.put('b', 'y', 10);
  byWeight.put('c', 'z', 90);
  assert.deepEqual([byWeight.find('b'), byWeight.find('c'), byWeight.size], ['y', 'z', 2]);
  byWeight.clear();
  assert.equal(byWeight.size, 0);
});

test('durations are read as Go writes them, and nothing else is', () => {
  const cases: [string, number | null][] = [
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['0', 0],
    ['', null],
    ['5', null],
    ['-1s', null],
    ['1s ', null],
    ['1d', null],
    ['1h 30m', null],
  ];
  for (const [text, expected] of cases) {
    assert.equal(parseDurationMs(text), expected, text);
  }
  assert.deepEqual([250, 90_000, 3_600_000, 0].map(formatDuration), ['250ms', '1m30s', '1h', '0ms']);
});

test('sizes are binary, whole and positive', () => {
  const cases: [string, number | null][] = [
    ['1MiB', 1_048_576],
    ['64k', 65_536],
    ['10', 10],
    ['2 G', 2_147_483_648],
    ['0', null],
    ['1.5M', null],
    ['1MB', null],
    ['-1', null],
    ['', null],
  ];
  for (const [text, expected] of cases) {
    assert.equal(parseSizeBytes(text), expected, text);
  }
});

test('ND-02: folding is ASCII only: KELVIN SIGN does not become k', () => {
  assert.equal(asciiLower('ABC\u212A'), 'abc\u212A');
  assert.equal(asciiLower('plain'), 'plain');
});

test('the nearest name is offered only when it is near', () => {
  assert.equal(nearest('conditon', ['condition', 'verdict']), 'condition');
  assert.equal(nearest('elephant', ['condition', 'verdict']), null);
  // Two letters that changed places are one slip, also in a short name.
  assert.equal(nearest('shpo', ['shop', 'crm']), 'shop');
  assert.equal(nearest('hsop', ['shop', 'crm']), 'shop');
  assert.equal(nearest('posh', ['shop', 'crm']), null);
});

test('what nothing is called is answered with what is near, or with what there is', () => {
  const many = Array.from({ length: 12 }, (_, index) => `postgres.unlike-${index}`);
  const cases: readonly [string, readonly string[], readonly string[], string][] = [
    ['shpo', ['postgres.shop'], ['shop'], '; did you mean "shop"?'],
    ['postgres.shpo', ['postgres.shop'], ['shop'], '; did you mean "postgres.shop"?'],
    ['nope', ['postgres.shop'], ['shop'], '; there is: postgres.shop'],
    ['nope', ['postgres.shop', 'https.api'], [], '; there are: postgres.shop, https.api'],
    ['nope', [], [], '; there is none'],
    ['nope', many, [], `; there are: ${many.slice(0, 10).join(', ')} and 2 more`],
  ];
  for (const [word, known, short, expected] of cases) {
    assert.equal(orKnown(word, known, short), expected);
  }
});

test('text of an agent is shown with its control characters visible', () => {
  assert.equal(visible('a\u001b[2Jb\u202ec\u200bd\n'), 'a\\u{1b}[2Jb\\u{202e}c\\u{200b}d\\u{a}');
  assert.equal(visible('a\n\tb\r', true), 'a\n\tb\\u{d}');
  assert.equal(shorten('abcdef', 4), 'abc…');
  assert.equal(shorten('abcd', 4), 'abcd');
});

test('TA-10: a timer longer than setTimeout can count does not fire at once, and can be cancelled', async () => {
  let fired = false;
  const long = systemClock.after(2 ** 31 + 1000, () => {
    fired = true;
  });
  await new Promise<void>((resolve) => {
    systemClock.after(20, resolve);
    setTimeout(() => undefined, 200);
  });
  long.cancel();
  long.cancel();
  assert.equal(fired, false);
});

test('an error carries its code, whose fault it is, and what to do', () => {
  const error = new GatewayError('SECRET_MISSING', 'operator', 'set it', { cause: new Error('inner') });
  assert.deepEqual(
    [error.code, error.culprit, error.message, messageOf(error)],
    ['SECRET_MISSING', 'operator', 'set it', 'set it'],
  );
  assert.ok(Object.values<string>(ERROR_CODES).every((meaning) => meaning.length > 10));
  assert.equal(messageOf('thrown text'), 'thrown text');
});
