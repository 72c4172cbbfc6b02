// What a scope shows: profiles by name, what belongs to none only to those who see everything, and incidents by their source.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVERYTHING, holdsRecord, sameScope, scopeOf, sees, type Within } from '../../src/audit/scope.ts';
import type { AuditEventType } from '../../src/audit/event.ts';
import { AGENT } from './parts.ts';

test('a scope shows its profiles, and nothing that belongs to no profile; without a list everything is shown', () => {
  const cases: readonly (readonly [profiles: readonly string[] | null, profile: string, shown: boolean])[] = [
    [null, 'a', true],
    [null, '', true],
    [['a'], 'a', true],
    [['a'], 'b', false],
    [['a'], 'A', false],
    [['a'], '', false],
    [['a', 'b'], 'b', true],
    // An empty name in a list stands for nothing, above all not for what has no profile.
    [['a', ''], '', false],
    [[], 'a', false],
    [[], '', false],
  ];
  for (const [profiles, profile, shown] of cases) {
    assert.equal(sees(scopeOf(profiles), profile), shown, `${JSON.stringify(profiles)} ${profile}`);
  }
  assert.ok(sameScope(scopeOf(['b', 'a', 'a']), scopeOf(['a', 'b'])));
  assert.ok(!sameScope(scopeOf(['a']), EVERYTHING));
  assert.ok(!sameScope(scopeOf([]), EVERYTHING));
});

test('a record is of its agent’s profile; one without an agent is shown only when a source of the profiles told of an incident', () => {
  const within: Within = { profiles: ['a'], sources: ['pagerduty.a'], operator: 'ann' };
  const cases: readonly (readonly [type: AuditEventType, profile: string | null, by: string, shown: boolean])[] = [
    ['action.decided', 'a', 'rule', true],
    ['action.decided', 'b', 'rule', false],
    ['action.decided', '', 'rule', false],
    ['approval.created', 'b', 'risk', false],
    ['operator.acted', null, 'alice', false],
    ['operator.acted', 'a', 'alice', true],
    // Who looks sees their own acts, and not what they tried on the agent of another profile.
    ['operator.acted', null, 'ann', true],
    ['secret.changed', null, 'ann', true],
    ['audit.exported', null, 'ann', true],
    ['operator.acted', 'b', 'ann', false],
    ['config.loaded', null, 'ann', false],
    ['gateway.started', null, 'gateway', false],
    ['config.loaded', null, 'start', false],
    ['incident.opened', null, 'pagerduty.a', true],
    ['incident.opened', null, 'pagerduty.b', false],
    // The name of a source opens nothing else.
    ['operator.acted', null, 'pagerduty.a', false],
    ['incident.changed', 'b', 'pagerduty.a', false],
  ];
  for (const [type, profile, by, shown] of cases) {
    const agent = profile === null ? null : { ...AGENT, profile };
    assert.equal(holdsRecord(within, { type, agent, by }), shown, `${type} ${profile ?? '-'} ${by}`);
  }
});
