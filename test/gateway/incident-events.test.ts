// What alerting systems send, read: of any shape, without a throw, and with nothing taken for what it is not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NamedBlock } from '../../src/config/config.ts';
import { MAX_ALERTS, readMappedEvent } from '../../src/gateway/channels/mapped-event.ts';
import { readPagerDutyEvent } from '../../src/gateway/channels/pagerduty-event.ts';
import { findPagerDutyFault, pagerDutySignature } from '../../src/approvals/signature.ts';
import { Secret } from '../../src/lib/secret.ts';

const BLOCK: NamedBlock = {
  type: 'webhook',
  name: 'alerts',
  ref: 'webhook.alerts',
  attributes: {
    items: 'alerts',
    id: 'id',
    title: 'a.b.title',
    service: 'tags.0',
    status: 'status',
    resolved: ['Closed'],
  },
  at: { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 },
};

const EVENT = {
  id: 'E1',
  event_type: 'incident.triggered',
  occurred_at: '2026-11-22T10:00:00Z',
  data: {
    id: 'PINC1',
    type: 'incident',
    status: 'triggered',
    title: 't',
    urgency: 'high',
    html_url: 'https://x.example/',
    created_at: '2026-11-22T09:59:59Z',
    service: { id: 'PSVC', summary: 'shop' },
    assignees: [{ summary: 'Alice' }, { summary: 'Bob' }, 7, null],
  },
};

describe('an event of PagerDuty', () => {
  test('has its incident, by the clock of PagerDuty', () => {
    assert.deepEqual(readPagerDutyEvent({ event: EVENT }, 'pagerduty.p'), {
      id: 'E1',
      occurredMs: Date.parse('2026-11-22T10:00:00Z'),
      heard: {
        source: 'pagerduty.p',
        id: 'PINC1',
        status: 'open',
        url: 'https://x.example/',
        serviceId: 'PSVC',
        fields: { title: 't', urgency: 'high', service: 'shop', assignees: 'Alice, Bob' },
        openedMs: Date.parse('2026-11-22T09:59:59Z'),
        saidMs: Date.parse('2026-11-22T10:00:00Z'),
        asked: null,
      },
    });
  });

  test('of another shape is none, or has no incident', () => {
    for (const body of [null, {}, { event: null }, { event: [] }, { event: { ...EVENT, id: 'two words' } }]) {
      assert.equal(readPagerDutyEvent(body, 'p'), null, JSON.stringify(body));
    }
    assert.equal(readPagerDutyEvent({ event: { ...EVENT, occurred_at: 'yesterday' } }, 'p'), null);
    for (const data of [null, 'x', {}, { ...EVENT.data, id: '../x' }, { ...EVENT.data, status: 'constructor' }]) {
      assert.equal(readPagerDutyEvent({ event: { ...EVENT, data } }, 'p')?.heard, null, JSON.stringify(data));
    }
    assert.equal(readPagerDutyEvent({ event: { ...EVENT, event_type: 'service.updated' } }, 'p')?.heard, null);
  });

  test('counts under one of several signatures of its secret, over these very bytes', () => {
    const secret = new Secret('s');
    const body = Buffer.from('{}');
    const right = pagerDutySignature(secret, body);
    const wrong = pagerDutySignature(new Secret('other'), body);
    const cases: readonly (readonly [string, string | null])[] = [
      [right, null],
      [`${wrong}, ${right}`, null],
      [`${right},${wrong}`, null],
      ['', 'unsigned'],
      [wrong, 'wrong'],
      [right.toUpperCase(), 'wrong'],
      [right.slice(0, -1), 'wrong'],
      [right.slice(3), 'wrong'],
      [`${`${wrong},`.repeat(8)}${right}`, 'wrong'],
    ];
    for (const [given, want] of cases) {
      assert.equal(findPagerDutyFault({ body, header: () => given }, secret), want, given);
    }
    const altered = Buffer.from('{} ');
    assert.equal(findPagerDutyFault({ body: altered, header: () => right }, secret), 'wrong');
  });
});

describe('an event of another system', () => {
  test('is read where the paths lead; numbers are places of a list', () => {
    const alert = { id: 7, a: { b: { title: ['one', 2, [3], { x: 1 }] } }, tags: ['shop'], status: 'CLOSED' };
    assert.deepEqual(readMappedEvent({ alerts: [alert] }, BLOCK, 5), [
      {
        source: 'webhook.alerts',
        id: '7',
        status: 'resolved',
        url: '',
        serviceId: 'shop',
        fields: { title: 'one, 2', service: 'shop' },
        openedMs: null,
        saidMs: 5,
        asked: null,
      },
    ]);
  });

  test('without an id in each alert, without alerts, or with too many of them, it is none', () => {
    const alert = { id: 'A1' };
    assert.equal(readMappedEvent({ alerts: [alert] }, BLOCK, 5)?.length, 1);
    for (const alerts of [
      undefined,
      null,
      'x',
      {},
      [],
      [alert, {}],
      [null],
      Array.from({ length: MAX_ALERTS + 1 }, () => alert),
    ]) {
      assert.equal(readMappedEvent({ alerts }, BLOCK, 5), null);
    }
    assert.equal(readMappedEvent(null, BLOCK, 5), null);
  });

  test('nothing that every object has is read as a field', () => {
    const paths = ['constructor.name', '__proto__.id', 'toString', 'alerts.length'];
    for (const id of paths) {
      const block = { ...BLOCK, attributes: { ...BLOCK.attributes, items: '', id } };
      assert.equal(readMappedEvent({ alerts: [] }, block, 5), null, id);
    }
  });
});
