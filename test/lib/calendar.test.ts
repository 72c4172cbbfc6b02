import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dateOf, daysOf } from '../../src/lib/calendar.ts';

const dates: readonly (readonly [days: number, year: number, month: number, day: number])[] = [
  [0, 1970, 1, 1],
  [-1, 1969, 12, 31],
  [10_957, 2000, 1, 1],
  [11_016, 2000, 2, 29],
  [-25_508, 1900, 3, 1],
  [-719_162, 1, 1, 1],
  [-719_163, 0, 12, 31],
  [2_932_896, 9999, 12, 31],
];

test('a number of days is the date that the calendar gives, also before 1970 and across leap years', () => {
  for (const [days, year, month, day] of dates) {
    assert.deepEqual(dateOf(days), { year, month, day });
    assert.equal(daysOf({ year, month, day }), days);
  }
});

test('days and dates are inverse, and agree with Date where it has them', () => {
  fc.assert(
    fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (days) => {
      const date = dateOf(days);
      const utc = new Date(days * 86_400_000);
      assert.deepEqual(
        [date.year, date.month, date.day, daysOf(date)],
        [utc.getUTCFullYear(), utc.getUTCMonth() + 1, utc.getUTCDate(), days],
      );
    }),
  );
});
