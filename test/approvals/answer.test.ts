// An answer counts only when it is exactly of the form that was asked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAnswer } from '../../src/approvals/answer.ts';

const SOURCES = ["DELETE FROM logs\n  WHERE at < '2026-01-01'", '{"sql":{"verb":"delete"}}'];
const GOOD = { verdict: 'deny', risk: 80, reasons: [{ quote: 'DELETE FROM logs', why: 'old rows' }] };

test('AP-07: what is not exactly an answer is none', () => {
  const bad: readonly unknown[] = [
    null,
    undefined,
    '',
    'allow',
    'This is not allowed.',
    [],
    [GOOD],
    {},
    { verdict: 'allow' },
    { ...GOOD, verdict: 'ALLOW' },
    { ...GOOD, verdict: 'allow?' },
    { ...GOOD, verdict: 'approve' },
    { ...GOOD, verdict: ['allow'] },
    { ...GOOD, verdict: null },
    { ...GOOD, risk: '0' },
    { ...GOOD, risk: -1 },
    { ...GOOD, risk: 101 },
    { ...GOOD, risk: Number.NaN },
    { ...GOOD, risk: null },
    { ...GOOD, reasons: null },
    { ...GOOD, reasons: 'because' },
    { ...GOOD, reasons: ['because'] },
    { ...GOOD, reasons: [{ quote: 'x' }] },
    { ...GOOD, reasons: [{ quote: 'x', why: 1 }] },
    { ...GOOD, reasons: [{ quote: 'x', why: 'y', also: 'z' }] },
    { ...GOOD, reasons: Array.from({ length: 4 }, () => ({ quote: 'x', why: 'y' })) },
    { ...GOOD, approved: true },
  ];
  for (const value of bad) {
    assert.equal(readAnswer(value, SOURCES), null, JSON.stringify(value));
  }
  for (const verdict of ['allow', 'escalate', 'deny']) {
    assert.equal(readAnswer({ ...GOOD, verdict }, SOURCES)?.verdict, verdict);
  }
});

test('a reason says whether its quote is in what the model was shown', () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ['DELETE FROM logs', true],
    ["DELETE FROM logs WHERE at < '2026-01-01'", true],
    ['"verb":"delete"', true],
    ['{\\"verb\\":\\"delete\\"}', true],
    ['DROP TABLE logs', false],
    ['delete from logs', false],
    ['', false],
    ['  ', false],
  ];
  for (const [quote, found] of rows) {
    const answer = readAnswer({ ...GOOD, reasons: [{ quote, why: 'x' }] }, SOURCES);
    assert.equal(answer?.reasons[0]?.found, found, quote);
  }
});

test('long reasons are cut and numbers are whole', () => {
  const long = 'x'.repeat(10_000);
  const answer = readAnswer({ verdict: 'allow', risk: 12.4, reasons: [{ quote: long, why: long }] }, [long]);
  assert.equal(answer?.risk, 12);
  assert.equal(answer?.reasons[0]?.found, true);
  assert.ok((answer?.reasons[0]?.why.length ?? 0) <= 600);
});
