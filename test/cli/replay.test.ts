// Recorded sessions out of records, and onto a terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { castEvents, castText, harmless } from '../../src/cli/replay.ts';
import type { RecordJson } from '../../src/client/control-shapes.ts';

const record = (type: string, data: unknown): RecordJson => ({ type, data }) as unknown as RecordJson;

test('the parts of a recording are put together in their order, and nothing else', () => {
  const records = [
    record('action.decided', { part: 0, cast: 'no' }),
    record('action.recorded', { part: 1, cast: 'b\n' }),
    record('action.recorded', { part: 0, cast: 'a\n' }),
    record('action.recorded', null),
  ];
  assert.equal(castText(records), 'a\nb\n');
});

test('events are what lines of an asciicast say; other lines are none', () => {
  const text = '{"version":2}\n[0.5,"o","x"]\n[1,"i","y"]\n[bad\n["1","o","z"]\n';
  assert.deepEqual(castEvents(text), [
    { seconds: 0.5, kind: 'o', text: 'x' },
    { seconds: 1, kind: 'i', text: 'y' },
  ]);
});

test('colours and the cursor pass; what asks, titles, copies or defines does not', () => {
  const kept = ['\u001b[31mred\u001b[0m', '\u001b[2J\u001b[H', 'a\r\nb\tc', '\u001b[?25l', 'jürgen ☃'];
  for (const text of kept) {
    assert.equal(harmless(text), text);
  }
  const dropped = [
    '\u001b]0;title\u0007',
    '\u001b]52;c;aGk=\u001b\\',
    '\u001bP$q"p\u001b\\',
    '\u001b[6n',
    '\u001b[c',
    '\u001b[>4;1m',
    '\u001b_x\u001b\\',
    '\u009d0;t\u009c',
    '\u0007',
    '\u001bc',
    '\u001b]8;;http://x\u0007',
  ];
  for (const text of dropped) {
    assert.equal(harmless(`a${text}b`), 'ab', JSON.stringify(text));
  }
});
