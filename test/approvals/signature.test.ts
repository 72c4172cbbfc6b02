// Signatures of calls from outside: the very bytes under the very key, at about this time, once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createReplayGuard,
  findPagerDutyFault,
  findSlackFault,
  findWebhookFault,
  pagerDutySignature,
  slackSignature,
  webhookSignature,
  type Signed,
} from '../../src/approvals/signature.ts';
import { Secret } from '../../src/lib/secret.ts';
import { FakeClock } from '../support/fake-clock.ts';

const KEY = new Secret('key');
const NONE = new Secret('');
const BODY = Buffer.from('{"a":"ä"}');
const NOW_MS = 1_800_000_000_000;
const SECONDS = String(NOW_MS / 1000);

function signed(fields: Readonly<Record<string, string>>, body: Buffer = BODY): Signed {
  return { body, header: (name) => fields[name] ?? '' };
}

const right = pagerDutySignature(KEY, BODY);

test('a signature of PagerDuty counts whole, among a few others, and over the very bytes', () => {
  for (const [name, given, body, fault] of [
    ['right', right, BODY, null],
    ['second of two, while a key is changed', `v1=${'0'.repeat(64)}, ${right}`, BODY, null],
    ['none', '', BODY, 'unsigned'],
    ['beyond those that are looked at', `${'v1=0,'.repeat(8)}${right}`, BODY, 'wrong'],
    ['a part', right.slice(0, -1), BODY, 'wrong'],
    ['more', `${right}0`, BODY, 'wrong'],
    ['upper case', right.toUpperCase(), BODY, 'wrong'],
    ['no version', right.slice(3), BODY, 'wrong'],
    ['another version', right.replace('v1', 'v0'), BODY, 'wrong'],
    ['written anew', right, Buffer.from('{"a": "ä"}'), 'wrong'],
    ['in another encoding', right, Buffer.from('{"a":"ä"}', 'latin1'), 'wrong'],
    ['nothing', right, Buffer.alloc(0), 'wrong'],
  ] as const) {
    assert.equal(findPagerDutyFault(signed({ 'x-pagerduty-signature': given }, body), KEY), fault, name);
  }
});

test('an empty key signs nothing, whatever is signed with it', () => {
  const parts = { secret: NONE, nowMs: NOW_MS, replays: createReplayGuard(new FakeClock()) };
  const slack = { 'x-slack-request-timestamp': SECONDS, 'x-slack-signature': slackSignature(NONE, SECONDS, BODY) };
  const own = { 'clawpatrol-signature': webhookSignature(NONE, SECONDS, BODY) };
  assert.equal(findPagerDutyFault(signed({ 'x-pagerduty-signature': pagerDutySignature(NONE, BODY) }), NONE), 'wrong');
  assert.equal(findSlackFault(signed(slack), parts), 'wrong');
  assert.equal(findWebhookFault(signed(own), parts), 'wrong');
  const keyed = { 'clawpatrol-signature': webhookSignature(KEY, SECONDS, BODY) };
  assert.equal(findWebhookFault(signed(keyed), { ...parts, secret: KEY }), null);
});

test('who holds one key and sends without end shuts nobody with another key out', () => {
  const clock = new FakeClock();
  const replays = createReplayGuard(clock);
  for (let count = 0; count < 10_000; count += 1) {
    assert.equal(replays.accept(`loud ${count}`, KEY), true);
  }
  assert.equal(replays.accept('loud', KEY), false, 'what cannot be remembered does not count');
  assert.equal(replays.accept('quiet', new Secret('another')), true);
  assert.equal(replays.accept('quiet', new Secret('another')), false);
  clock.stall(600_001);
  assert.equal(replays.accept('loud 0', KEY), true);
});
