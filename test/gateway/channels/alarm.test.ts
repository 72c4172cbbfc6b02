// Whom an alarm calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVERYTHING, scopeOf } from '../../../src/audit/scope.ts';
import { calledBy } from '../../../src/gateway/channels/alarm.ts';
import type { People, Person } from '../../../src/gateway/channels/parts.ts';

function person(name: string, changes: Partial<Person> = {}): Person {
  return { name, aliases: [], decides: true, admin: false, scope: EVERYTHING, ...changes };
}

const PEOPLE: readonly Person[] = [
  person('alice'),
  person('bob', { aliases: ['bob@x.com', 'slack:U0B'] }),
  person('carl'),
  person('root', { admin: true, aliases: ['slack:<!channel>'] }),
  person('vera', { decides: false }),
  // Who may not know of the request is not called because of it, whatever list they stand in.
  person('ann', { admin: true, aliases: ['ann@x.com'], scope: scopeOf(['payments']) }),
];

const people: People = { findBySlack: () => null, findByName: () => null, all: () => PEOPLE };

test('AP-33: the other approvers and every admin are called, who decided is not; without a list everybody who decides', () => {
  const rows: readonly (readonly [readonly string[], readonly string[]])[] = [
    [
      ['alice', 'bob@x.com'],
      ['bob', 'root'],
    ],
    [
      ['alice', '*@x.com'],
      ['bob', 'root'],
    ],
    [
      ['alice', 'zoe@y.com', 'local', 'slack:U0Z'],
      ['root', 'slack:U0Z', 'zoe@y.com'],
    ],
    [[], ['bob', 'carl', 'root']],
  ];
  for (const [allowed, want] of rows) {
    const vote = {
      by: 'alice',
      via: 'cli',
      decision: 'approve',
      atMs: 0,
      note: '',
      digest: '',
      breakGlass: { approver: 'human_approver.x', missing: [] },
    } as const;
    const called = calledBy({ vote, allowed }, people, 'shop');
    assert.deepEqual(called.map(({ name }) => name).toSorted(), want, allowed.join());
    assert.equal(called.find(({ name }) => name === 'root')?.slack, '', 'what is no member id mentions nobody');
    assert.ok(called.every(({ name, slack }) => name !== 'bob' || slack === 'U0B'));
  }
});
