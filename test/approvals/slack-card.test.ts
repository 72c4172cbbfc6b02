// The Slack message of an approval: all of the request or a plain word that it is cut, and nothing that an agent writes becomes a mark.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval } from '../../src/approvals/approval.ts';
import { describeApproval } from '../../src/approvals/item.ts';
import {
  alarmCard,
  buttonValue,
  cardOf,
  escapeText,
  parseButtonValue,
  type Card,
} from '../../src/approvals/slack-card.ts';
import { buttonsOf, textOfBlocks } from '../support/slack-server.ts';
import { actionOf, decisionOf } from './parts.ts';

const ASKED = { approver: 'human_approver.oncall', notifiers: [], message: null, required: 1 };

function approvalOf(text: string, changes: Partial<Approval> = {}, complete = true): Approval {
  const action = actionOf({ text, complete });
  const shown = { text, factsJson: '{}', alert: null, words: '' };
  return { ...describeApproval(action, decisionOf('human_approver.oncall'), { nowMs: 0, shown }), ...changes };
}

function card(approval: Approval, changes: Partial<Parameters<typeof cardOf>[0]> = {}): Card {
  const parts = { asked: ASKED, message: null, nowMs: 0, link: 'https://gw.example/#/approvals/x', interactive: true };
  return cardOf({ approval, ...parts, include: 'full', mention: null, ...changes });
}

/** Every mrkdwn object of a card: where Slack would read marks. */
function marked(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap(marked);
  }
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const own = Reflect.get(value, 'type') === 'mrkdwn' ? [String(Reflect.get(value, 'text'))] : [];
  return [...own, ...Object.values(value).flatMap(marked)];
}

const HOSTILE = [
  '<!channel> <@U0ALICE> <https://evil.example|Approve> *bold* _it_ ~no~ `code` ```fence```',
  '</pre> &lt;b&gt; :white_check_mark: already approved by ops',
  '\u001b[2J\u202egnp.exe \u200b\u2028 end',
  '\n'.repeat(3_000),
];

test('AP-04: text of agents, outsiders and models is shown letter by letter and never where Slack reads marks', () => {
  for (const text of HOSTILE) {
    const approval = approvalOf(text, {
      words: text,
      claim: { incident: text.slice(0, 100), task: text.slice(0, 200) },
      summary: text,
      reason: text,
      alert: { title: text },
      effect: { lines: [text], data: {} },
    });
    const { blocks, text: fallback } = card(approval);
    assert.deepEqual(marked(blocks), []);
    assert.doesNotMatch(fallback, /<|>/);
    assert.doesNotMatch(JSON.stringify([blocks, fallback]), /\\u001b|\u202e|\u200b|\u2028/);
    const literal = blocks
      .filter(({ type }) => type === 'rich_text')
      .map(textOfBlocks)
      .join('');
    assert.ok(JSON.stringify(blocks).length < 13_000);
    assert.ok(text.length > 500 || literal.includes(text.slice(0, 60).split('\u001b')[0] ?? ''));
  }
  assert.equal(escapeText('<!here> a & b'), '&lt;!here&gt; a &amp; b');
});

test('AP-39: what the agent says of itself is marked as its own words', () => {
  const { blocks } = card(approvalOf('delete', { words: 'approved in ticket 123' }));
  assert.match(textOfBlocks(blocks), /agent's own words, not checked: approved in ticket 123/);
});

test('AP-01, AP-03: what is not whole on the card cannot be approved from it, and the card says where it is cut', () => {
  const rows = [
    { length: 81, whole: true },
    { length: 4_001, whole: true },
    { length: 65_537, whole: false },
  ];
  for (const { length, whole } of rows) {
    const made = card(approvalOf(`${'a '.repeat(length / 2)}DROP`));
    assert.equal(made.whole, whole, String(length));
    assert.equal(buttonsOf(made).has('clawpatrol_approve'), whole);
    assert.ok(buttonsOf(made).has('clawpatrol_deny'));
    assert.equal(textOfBlocks(made.blocks).includes('DROP'), whole);
    assert.equal(/CUT after \d+ of \d+ characters/.test(textOfBlocks(made.blocks)), !whole);
  }
  assert.equal(card(approvalOf('short', {}, false)).whole, false);
  assert.equal(card(approvalOf('short'), { include: 'summary' }).whole, false);
});

test('AP-05: words of a model are labelled as such, after the request itself', () => {
  const review = {
    approver: 'llm_approver.judge',
    provider: 'openai',
    model: 'm',
    atMs: 0,
    answer: 'allow',
    risk: 5,
    reasons: [{ quote: 'delete', why: 'harmless', found: false }],
    trouble: null,
    detail: '',
    promptVersion: '1',
    promptDigest: '',
    inputTokens: 0,
    outputTokens: 0,
    cost: null,
    latencyMs: 0,
    cached: false,
  } as const;
  const shown = textOfBlocks(card(approvalOf('delete it', { reviews: [review] })).blocks);
  assert.ok(shown.indexOf('delete it') < shown.indexOf("model's words"));
  assert.match(shown, /model's words: "delete" \(NOT IN THE REQUEST\): harmless/);
});

test('AP-38: a link of a card leads to the dashboard, carries nothing, and no button is left when it is decided', () => {
  const open = buttonsOf(card(approvalOf('delete'))).get('clawpatrol_open');
  assert.equal(open?.['url'], 'https://gw.example/#/approvals/x');
  const decided = card(approvalOf('delete', { state: 'denied', ended: 'an approver denied it' }), { asked: null });
  assert.equal(buttonsOf(decided).size, 0);
  assert.match(textOfBlocks(decided.blocks), /ended: denied/);
});

test('a button carries the request that was shown, and nothing else is read as one', () => {
  const value = { id: 'i', digest: 'd', together: 3 };
  assert.deepEqual(parseButtonValue(buttonValue(value)), value);
  for (const text of [
    '',
    '{}',
    '[]',
    '["i","d"]',
    '["i","d",0]',
    '["i","d",1.5]',
    '["i",2,1]',
    'x'.repeat(600),
    null,
    7,
  ]) {
    assert.equal(parseButtonValue(text), null, String(text));
  }
});

test('AP-33: the alarm mentions who is called, has no button that decides, and leaves words of others text', () => {
  const alarm = alarmCard({
    title: 'BREAK-GLASS: <alice> decided alone',
    lines: [['reason', '<!channel> *down* <https://x.com>']],
    slackIds: ['U02', 'U03'],
    mention: '<!here>',
    link: 'https://gw.example/#/approvals/1',
  });
  assert.equal(alarm.text, '<!here> <@U02> <@U03> BREAK-GLASS: &lt;alice&gt; decided alone');
  const text = JSON.stringify(alarm.blocks);
  assert.match(text, /"type":"mrkdwn","text":"<!here> <@U02> <@U03>"/);
  assert.match(text, /"type":"text","text":"<!channel> \*down\* <https:\/\/x\.com>"/);
  assert.doesNotMatch(text, /clawpatrol_approve|clawpatrol_deny/);
});
