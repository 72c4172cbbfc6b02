// Asking reviewer models: what is remembered, how much is asked, how long, and that every trouble is no answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval, Review } from '../../src/approvals/approval.ts';
import { describeApproval } from '../../src/approvals/item.ts';
import type { ModelReply, ModelRequest } from '../../src/approvals/model-call.ts';
import { createReviewer, type Reviewer } from '../../src/approvals/reviewer.ts';
import type { LlmApproverConfig } from '../../src/config/config.ts';
import type { Action } from '../../src/rules/action.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { actionOf, decisionOf, model, type ActionChanges } from './parts.ts';

const USED = { inputTokens: 100, outputTokens: 10 };

function says(verdict: string): ModelReply {
  return { kind: 'answer', value: { verdict, risk: 1, reasons: [] }, ...USED };
}

function fails(retry: boolean, retryAfterMs: number | null = null): ModelReply {
  const inputTokens = 0;
  return { kind: 'trouble', trouble: 'unreachable', detail: '503', retry, retryAfterMs, inputTokens, outputTokens: 0 };
}

interface Desk {
  readonly clock: FakeClock;
  readonly reviewer: Reviewer;
  readonly requests: ModelRequest[];
  readonly signals: AbortSignal[];
  /** What the next call gets; a promise that stays open is a model that thinks. */
  reply: (request: ModelRequest) => ModelReply | Promise<ModelReply>;
  ask(changes?: ActionChanges, approver?: LlmApproverConfig, signal?: AbortSignal): Promise<Review>;
}

function openDesk(): Desk {
  const clock = new FakeClock();
  const requests: ModelRequest[] = [];
  const signals: AbortSignal[] = [];
  const reviewer = createReviewer({
    clock,
    async call(request, signal) {
      requests.push(request);
      signals.push(signal);
      return desk.reply(request);
    },
    mark: () => 'a'.repeat(32),
    random: () => 0.5,
    likeness: ({ summary }) => summary.replace(/\d+/g, '?'),
  });
  const desk: Desk = {
    clock,
    reviewer,
    requests,
    signals,
    reply: () => says('allow'),
    ask(changes = {}, approver = model('r'), signal = new AbortController().signal) {
      const action = actionOf(changes);
      return reviewer.review({ approver, action, approval: approvalOf(action) }, signal);
    },
  };
  return desk;
}

function approvalOf(action: Action): Approval {
  const shown = { text: action.evidence.text, factsJson: '{}', alert: null, words: '' };
  return describeApproval(action, decisionOf('llm_approver.r'), { nowMs: 0, shown });
}

const never = (): Promise<ModelReply> => new Promise(() => undefined);

function brief({ answer, trouble, cached }: Review): string {
  return `${answer ?? trouble}${cached ? ', remembered' : ''}`;
}

test('an allow or a deny is remembered for exactly the same case and as long as configured; an escalation is not', async () => {
  const keeping = model('r', { cacheTtlMs: 60_000 });
  for (const [verdict, again] of [
    ['allow', 'allow, remembered'],
    ['deny', 'deny, remembered'],
    ['escalate', 'escalate'],
  ]) {
    const desk = openDesk();
    desk.reply = () => says(verdict ?? '');
    assert.equal(brief(await desk.ask({}, keeping)), verdict);
    await desk.clock.advance(59_999);
    const second = await desk.ask({}, keeping);
    assert.equal(brief(second), again);
    assert.equal(second.inputTokens, second.cached ? 0 : 100);
    const calls = desk.requests.length;
    await desk.clock.advance(1);
    await desk.ask({}, keeping);
    assert.equal(desk.requests.length, calls + 1, 'its time is over');
  }
});

test('nothing is remembered without a time, nor for another text, agent, model, policy or address', async () => {
  const desk = openDesk();
  await desk.ask();
  await desk.ask();
  assert.equal(desk.requests.length, 2);
  const keeping = model('r', { cacheTtlMs: 60_000 });
  await desk.ask({}, keeping);
  const others: readonly (readonly [ActionChanges, LlmApproverConfig])[] = [
    [{ text: 'delete from users where id = 8' }, keeping],
    [{ agent: { device: 'other' } }, keeping],
    [{ agent: { profile: 'other' } }, keeping],
    [{}, { ...keeping, model: 'other' }],
    [{}, { ...keeping, policy: 'other' }],
    [{}, { ...keeping, baseUrl: 'http://127.0.0.1:2/v1' }],
    [{}, { ...keeping, provider: 'openai' }],
  ];
  for (const [changes, approver] of others) {
    const before: number = desk.requests.length;
    assert.equal((await desk.ask(changes, approver)).cached, false);
    assert.equal(desk.requests.length, before + 1, JSON.stringify(changes));
  }
});

test('equal cases at the same time are one call, which goes on while one of them waits, and then ends', async () => {
  const desk = openDesk();
  desk.reply = never;
  const [first, second] = [new AbortController(), new AbortController()];
  const one = desk.ask({}, model('r'), first.signal);
  const two = desk.ask({}, model('r'), second.signal);
  await settled();
  assert.equal(desk.requests.length, 1);
  first.abort();
  assert.equal(brief(await one), 'cancelled');
  assert.equal(desk.signals[0]?.aborted, false);
  second.abort();
  assert.equal(brief(await two), 'cancelled');
  await settled();
  assert.equal(desk.signals[0]?.aborted, true);
  assert.equal(desk.clock.timers, 0);
});

test('AP-03: what is cut, or longer than a model is shown, is not put to it', async () => {
  const desk = openDesk();
  assert.equal(brief(await desk.ask({ complete: false })), 'cut');
  assert.equal(brief(await desk.ask({ text: `select '${'x'.repeat(400_000)}'` })), 'cut');
  assert.equal(desk.requests.length, 0);
  assert.equal(brief(await desk.ask({ text: `select '${'x'.repeat(70_000)}harm'` })), 'allow');
  assert.match(desk.requests[0]?.user ?? '', /harm/);
});

test('AP-08: a model that does not answer in time is a timeout, retries included', async () => {
  const desk = openDesk();
  desk.reply = never;
  const slow = desk.ask({}, model('r', { timeoutMs: 5_000 }));
  await desk.clock.advance(4_999);
  let over = false;
  void slow.then(() => (over = true));
  await settled();
  assert.equal(over, false);
  await desk.clock.advance(1);
  assert.equal(brief(await slow), 'timeout');
  assert.equal(desk.signals[0]?.aborted, true);
  assert.equal(desk.clock.timers, 0);
});

test('TA-11: what may pass is tried once more, after a pause, and never beyond the time', async () => {
  const rows: readonly (readonly [string, ModelReply, number, number, string])[] = [
    // first reply, pause, calls, outcome
    ['a failure that may pass', fails(true), 600, 2, 'allow'],
    ['a pause that the provider names', fails(true, 3_000), 3_000, 2, 'allow'],
    ['a pause beyond the time', fails(true, 29_500), 0, 1, 'unreachable'],
    ['a failure that stays', fails(false), 0, 1, 'unreachable'],
  ];
  for (const [name, first, pauseMs, calls, outcome] of rows) {
    const desk = openDesk();
    const replies = [first, says('allow')];
    desk.reply = () => replies.shift() ?? says('deny');
    const review = desk.ask();
    await settled();
    if (pauseMs > 0) {
      await desk.clock.advance(pauseMs - 1);
      assert.equal(desk.requests.length, 1, name);
      await desk.clock.advance(1);
    }
    assert.equal(brief(await review), outcome, name);
    assert.equal(desk.requests.length, calls, name);
    assert.equal(desk.clock.timers, 0, name);
  }
  const desk = openDesk();
  desk.reply = () => fails(true);
  const failing = desk.ask();
  await desk.clock.advance(600);
  assert.equal(brief(await failing), 'unreachable');
  assert.equal(desk.requests.length, 2, 'twice and no more');
});

test('AP-08: the tokens of an hour are not overspent, also by many at once, and come back', async () => {
  const approver = model('r', { hourlyTokens: 5_000 });
  const desk = openDesk();
  const texts = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ text: `drop table ${name}` }));
  const reviews = await Promise.all(texts.map((changes) => desk.ask(changes, approver)));
  const asked = reviews.filter(({ answer }) => answer === 'allow').length;
  assert.ok(asked >= 1 && asked < 5, `what may be used is set aside first: ${asked}`);
  assert.ok(reviews.some(({ trouble }) => trouble === 'budget'));
  assert.equal(desk.reviewer.usage()[0]?.hourTokens, 110 * asked);
  desk.reply = () => ({ ...says('allow'), inputTokens: 5_000 });
  await desk.ask({ text: 'drop table f' }, approver);
  assert.equal(brief(await desk.ask({ text: 'drop table g' }, approver)), 'budget');
  await desk.clock.advance(3_700_000);
  assert.equal(brief(await desk.ask({ text: 'drop table g' }, approver)), 'allow');
});

test('TA-11: few calls run at once, and those that wait for their turn keep to their time', async () => {
  const desk = openDesk();
  desk.reply = never;
  const reviews = Array.from({ length: 10 }, (_, index) => desk.ask({ text: `drop table t${index}` }));
  await settled();
  assert.equal(desk.requests.length, 8);
  await desk.clock.advance(30_000);
  assert.ok((await Promise.all(reviews)).every(({ trouble }) => trouble === 'timeout'));
  desk.reply = () => says('allow');
  assert.equal(brief(await desk.ask({ text: 'drop table other' })), 'allow', 'every turn was given back');
});

test('AP-09: nearly the same is asked five times and no more while it is not allowed', async () => {
  const desk = openDesk();
  desk.reply = () => says('deny');
  for (let id = 1; id <= 5; id += 1) {
    assert.equal(brief(await desk.ask({ text: `delete from users where id = ${id}` })), 'deny');
  }
  assert.equal(brief(await desk.ask({ text: 'delete from users where id = 6' })), 'repeated');
  assert.equal(brief(await desk.ask({ text: 'delete from logs where id = 6' })), 'deny', 'something else');
  assert.equal(brief(await desk.ask({ text: 'delete from users where id = 7', agent: { device: 'b' } })), 'deny');
  await desk.clock.advance(600_001);
  assert.equal(brief(await desk.ask({ text: 'delete from users where id = 8' })), 'deny');
  const allowing = openDesk();
  for (let id = 1; id <= 20; id += 1) {
    assert.equal(brief(await allowing.ask({ text: `delete from users where id = ${id}` })), 'allow');
  }
});

test('the record has model, prompt digest, answer, tokens, cost and latency; the usage sums them up', async () => {
  const desk = openDesk();
  const priced = model('r', { price: { input: 3, output: 15 } });
  let finish: (reply: ModelReply) => void = () => undefined;
  desk.reply = () => new Promise((resolve) => (finish = resolve));
  const asking = desk.ask({}, priced);
  await desk.clock.advance(250);
  finish({
    kind: 'answer',
    value: { verdict: 'deny', risk: 70, reasons: [] },
    inputTokens: 1_000_000,
    outputTokens: 1_000,
  });
  const review = await asking;
  assert.equal(review.model, 'qwen3');
  assert.match(review.promptDigest, /^[0-9a-f]{64}$/);
  assert.equal(review.promptVersion, 'clawpatrol-review-2');
  assert.equal(review.latencyMs, 250);
  assert.equal(review.cost, 3.015);
  desk.reply = () => ({ kind: 'answer', value: 'no', ...USED });
  const bad = await desk.ask({ text: 'x' }, priced);
  assert.deepEqual([bad.trouble, bad.inputTokens], ['malformed', 100]);
  const [usage] = desk.reviewer.usage();
  assert.deepEqual([usage?.reviews, usage?.denied, usage?.failed, usage?.inputTokens], [2, 1, 1, 1_000_100]);
});
