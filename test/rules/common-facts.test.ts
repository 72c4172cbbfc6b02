import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommonFacts } from '../../src/rules/decision.ts';
import { COMMON, decide, makePolicy, makeRuleAction } from '../support/rule-parts.ts';
import type { ActionParts } from '../support/rule-parts.ts';

function check(
  rows: readonly (readonly [string, 'yes' | 'no' | 'cannot-tell'])[],
  common: CommonFacts = COMMON,
  timezone: string = 'UTC',
): void {
  const parts: ActionParts = {
    units: [{ risk: 'suspicious', riskCauses: ['bounded_write'] }],
    agent: { run: 'run-1', user: 'ann', transport: 'wireguard' },
  };
  for (const [condition, expected] of rows) {
    const policy = makePolicy({ rules: [{ condition }], unmatched: 'allow', timezone });
    const decision = decide(policy, makeRuleAction(parts), common);
    const got = decision.by === 'cannot-tell' ? 'cannot-tell' : decision.kind === 'deny' ? 'yes' : 'no';
    assert.equal(got, expected, condition);
  }
}

test('the agent, the endpoint and the tier are there for every unit', () => {
  check([
    ["agent.device == 'laptop' && agent.profile == 'default' && agent.ip == '10.0.0.7'", 'yes'],
    ["agent.run == 'run-1' && agent.user == 'ann' && agent.transport == 'WireGuard'", 'yes'],
    ["endpoint.name == 'pg' && endpoint.type == 'postgres' && endpoint.host == 'pg.internal'", 'yes'],
    ["risk == 'suspicious' && 'BOUNDED_WRITE' in risk_causes", 'yes'],
    ["risk in ['safe', 'destructive']", 'no'],
  ]);
});

test('time is one instant, read in the gateway’s zone', () => {
  const rows = [
    ["time.now == timestamp('2026-11-22T03:04:05Z')", 'yes'],
    ["time.hour == 3 && time.minute == 4 && time.weekday == 'SUN' && time.date == '2026-11-22'", 'yes'],
  ] as const;
  check(rows);
  check(
    [["time.hour == 22 && time.minute == 4 && time.weekday == 'sat' && time.date == '2026-11-21'", 'yes']],
    COMMON,
    'America/New_York',
  );
  check([['time.hour == 8 && time.minute == 49', 'yes']], COMMON, 'Asia/Kathmandu');
  check([['time.hour == 1', 'cannot-tell']], COMMON, 'Mars/Olympus');
});

test('ND-11: an hour is that of the zone on both sides of each change of its clocks', () => {
  for (const [now, condition] of [
    ['2026-03-29T00:59:59Z', "time.hour == 1 && time.minute == 59 && time.date == '2026-03-29'"],
    ['2026-03-29T01:00:00Z', "time.hour == 3 && time.minute == 0 && time.date == '2026-03-29'"],
    ['2026-10-25T00:30:00Z', 'time.hour == 2 && time.minute == 30'],
    ['2026-10-25T01:30:00Z', 'time.hour == 2 && time.minute == 30'],
    ['2026-10-25T02:00:00Z', 'time.hour == 3 && time.minute == 0'],
  ] as const) {
    check([[condition, 'yes']], { ...COMMON, nowMs: Date.parse(now) }, 'Europe/Berlin');
  }
});

test('what is not known offline cannot tell', () => {
  const unknownFacts = new Set(['agent.device', 'agent.transport']);
  check(
    [
      ["agent.device == 'laptop'", 'cannot-tell'],
      ["agent.transport == 'direct'", 'cannot-tell'],
      ["agent.profile == 'default'", 'yes'],
      ['time.hour == 1', 'cannot-tell'],
      ["time.now > timestamp('2026-01-01T00:00:00Z')", 'cannot-tell'],
      ["time.weekday in ['sat', 'sun'] || time.date == ''", 'cannot-tell'],
    ],
    { ...COMMON, nowMs: null, unknownFacts },
  );
});

test('the incident is read as it was given', () => {
  check(
    [
      ["context.incident == 'P1' && context.alert['title'] == 'disk' && context.reason.contains('because')", 'yes'],
      ["context.alert['nope'] == 'x'", 'cannot-tell'],
    ],
    { ...COMMON, incident: 'P1', alert: new Map([['title', 'disk']]), reason: 'because of the disk' },
  );
});
