import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  alertShown,
  createIncidentBook,
  incidentEvent,
  incidentOf,
  isIncidentId,
  MAX_INCIDENTS,
  type Heard,
} from '../../src/approvals/incidents.ts';

const heard = (id: string, changes: Partial<Heard> = {}): Heard => ({
  source: 'pagerduty.oncall',
  id,
  status: 'open',
  url: '',
  serviceId: 'PSVC',
  fields: { title: 'checkout is slow', urgency: 'high' },
  openedMs: 1_000,
  saidMs: 1_000,
  asked: null,
  ...changes,
});

test('what is new is opened, what differs is changed, what is over is resolved, and the same again is no news', () => {
  const book = createIncidentBook();
  assert.equal(book.take(heard('P1'), 5_000)?.news, 'opened');
  assert.equal(book.take(heard('P1'), 6_000), null);
  assert.equal(book.take(heard('P1', { status: 'acknowledged' }), 7_000)?.news, 'changed');
  const over = book.take(heard('P1', { status: 'resolved' }), 8_000);
  assert.deepEqual([over?.news, over?.incident.resolvedMs, over?.incident.openedMs], ['resolved', 8_000, 1_000]);
  const again = book.take(heard('P1', { saidMs: 9_000 }), 9_000);
  assert.deepEqual([again?.news, again?.incident.resolvedMs], ['changed', null]);
});

test('what was said before what is known changes nothing, and texts that are not mentioned stay', () => {
  const book = createIncidentBook();
  book.take(heard('P1', { fields: { title: 'one', body: 'long' }, saidMs: 2_000 }), 1);
  assert.equal(book.take(heard('P1', { status: 'resolved', saidMs: 1_999 }), 2), null);
  assert.equal(book.find('pagerduty.oncall', 'P1')?.status, 'open');
  book.take(heard('P1', { fields: { title: 'two' }, saidMs: 2_001 }), 3);
  assert.deepEqual(book.find('pagerduty.oncall', 'P1')?.fields, { title: 'two', body: 'long' });
});

test('an answer counts unless something was heard after it was asked for; what it only adds is no news', () => {
  const book = createIncidentBook();
  const early = book.turn();
  book.take(heard('P1'), 1);
  const late = book.turn();
  const answer = (asked: number, changes: Partial<Heard> = {}): Heard =>
    heard('P1', { asked, saidMs: null, ...changes });
  assert.equal(book.take(answer(early, { status: 'resolved' }), 2), null);
  assert.equal(book.find('pagerduty.oncall', 'P1')?.status, 'open');
  const fields = { title: 'checkout is slow', urgency: 'high', body: 'long' };
  assert.equal(book.take(answer(late, { fields }), 3), null);
  assert.deepEqual(book.find('pagerduty.oncall', 'P1')?.fields, fields);
  assert.equal(book.take(answer(late, { fields: { ...fields, body: 'longer' } }), 4)?.news, 'changed');
  assert.equal(book.take(answer(late, { fields: { title: 'else' } }), 5)?.news, 'changed');
  assert.equal(book.take(answer(book.turn(), { status: 'resolved' }), 6)?.news, 'resolved');
  assert.equal(book.take(answer(late), 7), null, 'an older answer after a newer one');
});

test('sources do not know each other’s incidents, and a change that is undone was never there', () => {
  const book = createIncidentBook();
  const change = book.take(heard('P1'), 1);
  assert.ok(change !== null);
  assert.equal(book.find('webhook.other', 'P1'), null);
  book.undo(change);
  assert.equal(book.find('pagerduty.oncall', 'P1'), null);
  assert.equal(book.take(heard('P1'), 2)?.news, 'opened');
});

test('a source that tells of any number pushes out only its own', () => {
  const book = createIncidentBook();
  book.take(heard('MINE', { openedMs: 1 }), 1);
  for (let index = 0; index < 2 * MAX_INCIDENTS; index += 1) {
    book.take(heard(`F${index}`, { source: 'webhook.loud', openedMs: 9_000_000 + index }), 2);
  }
  assert.equal(book.find('pagerduty.oncall', 'MINE')?.status, 'open');
  assert.equal(book.list().length, MAX_INCIDENTS);
  assert.equal(book.find('webhook.loud', 'F0'), null);
});

test('the book is bounded: what is over goes first, then the oldest; open ones are listed first', () => {
  const book = createIncidentBook();
  book.take(heard('OVER', { status: 'resolved', openedMs: 900_000 }), 1);
  for (let index = 0; index < MAX_INCIDENTS; index += 1) {
    book.take(heard(`P${index}`, { openedMs: 1_000 + index }), 2);
  }
  assert.equal(book.list().length, MAX_INCIDENTS);
  assert.equal(book.find('pagerduty.oncall', 'OVER'), null);
  book.take(heard('NEW', { openedMs: 2_000_000 }), 3);
  assert.equal(book.find('pagerduty.oncall', 'P0'), null);
  assert.equal(book.list()[0]?.id, 'NEW');
});

test('the record of a change has the whole incident, and what is no such record has none', () => {
  const change = createIncidentBook().take(heard('P1', { url: 'https://acme.pagerduty.com/incidents/P1' }), 5);
  assert.ok(change !== null);
  const event = incidentEvent(change, 'EV1', 5);
  assert.equal(event.type, 'incident.opened');
  assert.equal(event.by, 'pagerduty.oncall');
  const data = JSON.parse(JSON.stringify(event.data)) as Readonly<Record<string, unknown>>;
  assert.deepEqual(incidentOf(data), change.incident);
  for (const other of [null, {}, { incident: null }, { incident: 'P1' }, { incident: { id: 'P1' } }]) {
    assert.equal(incidentOf(other), null);
  }
});

test('AP-04: outsiders’ text is bounded, and no address but one of the web becomes a link', () => {
  const cases = [
    ['javascript:alert(1)', ''],
    ['https://x.example/a b', ''],
    ['https://x.example/a\u202eb', ''],
    ['ftp://x.example/', ''],
    ['https://x.example/i', 'https://x.example/i'],
  ] as const;
  for (const [url, want] of cases) {
    const change = createIncidentBook().take(heard('P1', { url }), 1);
    assert.equal(change?.incident.url, want, url);
  }
  const change = createIncidentBook().take(heard('P1', { fields: { title: 'x'.repeat(100_000) } }), 1);
  assert.equal(change?.incident.fields.title?.length, 2_000);
});

test('ids are what can be searched for and put into an address', () => {
  for (const id of ['Q2K', 'a1b2-c3', '052652ac-5d1c-464a-812a-7dd18bbfba8c', 'INC:1@x=2']) {
    assert.equal(isIncidentId(id), true, id);
  }
  for (const id of ['', '../x', 'a b', 'x/y', 'a\n', '{}', 'é', 'x'.repeat(129), '-a']) {
    assert.equal(isIncidentId(id), false, id);
  }
});

test('what is shown names its source, and only the fields that are wanted', () => {
  const change = createIncidentBook().take(heard('P1', { fields: { title: 't', urgency: 'high', body: 'b' } }), 1);
  assert.ok(change !== null);
  assert.deepEqual(alertShown(change.incident, ['title', 'body'], { named: 'by the agent' }), {
    id: 'P1',
    source: 'pagerduty.oncall',
    status: 'open',
    named: 'by the agent',
    title: 't',
    body: 'b',
  });
});
