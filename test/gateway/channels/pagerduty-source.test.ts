// What PagerDuty answers while events arrive, with a clock that moves only when told: of both the newer counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedBlock } from '../../../src/config/config.ts';
import { createIncidentDesk, type IncidentDesk } from '../../../src/gateway/channels/incident-desk.ts';
import { createPagerDutySource, type IncidentSource } from '../../../src/gateway/channels/pagerduty-source.ts';
import { readPagerDutyEvent } from '../../../src/gateway/channels/pagerduty-event.ts';
import { createDeferred } from '../../../src/lib/deferred.ts';
import { FakeAudit } from '../../approvals/parts.ts';
import { createJobs } from '../../../src/lib/jobs.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import type { CleanUp } from '../../support/temp.ts';

const BASE = {
  id: 'PINC1',
  type: 'incident',
  title: 'checkout is slow',
  urgency: 'high',
  html_url: 'https://acme.pagerduty.com/incidents/PINC1',
  created_at: '2026-01-02T03:00:00Z',
  service: { id: 'PSVC', summary: 'shop-db' },
  assignees: [],
};

type Status = 'triggered' | 'acknowledged' | 'resolved';

interface World {
  readonly clock: FakeClock;
  readonly desk: IncidentDesk;
  readonly source: IncidentSource;
  readonly types: () => readonly string[];
  /** Questions that wait for an answer. */
  readonly waiting: () => number;
  /** Answers the oldest question. */
  readonly answer: (status: Status) => Promise<void>;
  /** A signed event arrives. */
  readonly tell: (status: Status) => Promise<void>;
  readonly status: () => string | undefined;
}

function open(t: CleanUp, attributes: NamedBlock['attributes'] = {}): World {
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const none = { items: [], next: null };
  const desk = createIncidentDesk({
    clock,
    audit: { appendDurable: (event) => audit.appendDurable(event), search: async () => none },
  });
  const at = { file: 'gateway.hcl', line: 1, column: 1, endLine: 1, endColumn: 2 };
  const block: NamedBlock = {
    type: 'pagerduty',
    name: 'oncall',
    ref: 'pagerduty.oncall',
    attributes: { fields: ['title', 'body'], signing_secret: 's', cache_ttl: 60_000, timeout: 3_000, ...attributes },
    at,
  };
  const questions: { readonly url: URL; readonly reply: (response: Response) => void }[] = [];
  const source = createPagerDutySource(block, {
    clock,
    jobs: createJobs(clock),
    desk,
    warn: () => undefined,
    authorise: async () => [],
    outbound({ url }) {
      const { promise, resolve } = createDeferred<Response>();
      questions.push({ url, reply: resolve });
      return promise;
    },
  });
  t.after(() => source.close());
  let events = 0;
  return {
    clock,
    desk,
    source,
    types: () => audit.events.map(({ type }) => type),
    waiting: () => questions.length,
    async answer(status) {
      const question = questions.shift();
      const incident = { ...BASE, status, body: { details: 'p99 over 5 s' } };
      const listed = question?.url.pathname === '/incidents';
      question?.reply(Response.json(listed ? { incidents: status === 'resolved' ? [] : [incident] } : { incident }));
      await settled();
    },
    async tell(status) {
      events += 1;
      const event = readPagerDutyEvent(
        {
          event: {
            id: `E${events}`,
            event_type: `incident.${status}`,
            occurred_at: new Date(clock.now()).toISOString(),
            data: { ...BASE, status },
          },
        },
        'pagerduty.oncall',
      );
      assert.ok(event?.heard);
      await desk.take(event.heard, event.id);
      source.heard('PINC1');
      await settled();
    },
    status: () => desk.find('pagerduty.oncall', 'PINC1')?.status,
  };
}

test('an answer that was asked for before an event came does not undo the event, however the clock moves; it is asked again', async (t) => {
  for (const jumpMs of [1_000, 0, -86_400_000]) {
    const { clock, source, tell, answer, waiting, status, types } = open(t);
    await tell('triggered');
    assert.deepEqual([waiting(), status()], [1, 'open'], 'an event has no description: it is asked for');
    clock.setWall(clock.now() + 60_000);
    await tell('resolved');
    clock.setWall(clock.now() + jumpMs);
    await answer('triggered');
    assert.equal(status(), 'resolved', `a clock that jumps by ${jumpMs} ms`);
    assert.deepEqual(types(), ['incident.opened', 'incident.resolved']);
    assert.equal(waiting(), 1, 'the answer that came too late is asked for again');
    await answer('resolved');
    assert.equal(status(), 'resolved');
    assert.deepEqual(types(), ['incident.opened', 'incident.resolved']);
    source.close();
  }
});

test('an answer that was asked for after the event counts, and what it adds to an event is no news', async (t) => {
  const { clock, desk, source, tell, answer, status, types } = open(t);
  await tell('triggered');
  await answer('triggered');
  assert.equal(desk.find('pagerduty.oncall', 'PINC1')?.fields.body, 'p99 over 5 s', 'the description is known');
  assert.deepEqual(types(), ['incident.opened'], 'and no record says that anything changed');
  await clock.advance(61_000);
  source.find('PINC1', 'one');
  await answer('acknowledged');
  assert.deepEqual([status(), types().at(-1)], ['acknowledged', 'incident.changed']);
  await clock.advance(61_000);
  source.find('PINC1', 'one');
  await answer('resolved');
  assert.deepEqual([status(), types().at(-1)], ['resolved', 'incident.resolved']);
});

test('of overlapping questions for the newest one the later one counts', async (t) => {
  const { source, tell, answer, waiting, status } = open(t, { select: 'latest', services: ['PSVC'] });
  await settled();
  assert.equal(waiting(), 1);
  await tell('resolved');
  // The first round, the look at the incident, and the round that the event began.
  assert.equal(waiting(), 3);
  await answer('triggered');
  assert.equal(status(), 'resolved');
  assert.equal(source.latest(), null);
});
