// Terminals as asciicast: in parts, with their times, and an end when they cannot be kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecording } from '../../../src/protocols/ssh/recording.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function start(keeps: (part: number) => boolean = () => true) {
  const clock = new FakeClock();
  const parts: string[] = [];
  let lost = 0;
  const recording = createRecording({
    clock,
    pty: { term: 'xterm', columns: 100, rows: 40 },
    title: 'deploy@box: [shell]',
    keep: (part, text) => {
      if (!keeps(part)) {
        return false;
      }
      assert.equal(part, parts.length);
      parts.push(text);
      return true;
    },
    lost: () => {
      lost += 1;
    },
  });
  return { clock, parts, recording, lost: () => lost };
}

test('it begins with its header, and what follows comes within a second', async () => {
  const { clock, parts, recording } = start();
  assert.deepEqual(JSON.parse(parts[0] ?? ''), {
    version: 2,
    width: 100,
    height: 40,
    timestamp: Math.floor(clock.now() / 1000),
    title: 'deploy@box: [shell]',
    env: { TERM: 'xterm' },
  });
  clock.stall(250);
  recording?.output(Buffer.from('hello'));
  recording?.input(Buffer.from('q'));
  recording?.resized({ columns: 80, rows: 24 });
  assert.equal(parts.length, 1);
  await clock.advance(1_000);
  assert.equal(parts[1], '[0.25,"o","hello"]\n[0.25,"i","q"]\n[0.25,"r","80x24"]\n');
});

test('characters that are cut between two pieces stay whole, and long output is kept in parts', () => {
  const { parts, recording } = start();
  const snow = Buffer.from('☃');
  recording?.output(snow.subarray(0, 1));
  recording?.output(snow.subarray(1));
  recording?.output(Buffer.alloc(100_000, 'x'));
  recording?.end();
  const text = parts.join('');
  assert.match(text, /"☃"/);
  // Two of them are in the header.
  assert.equal((text.match(/x/g) ?? []).length, 100_002);
  assert.equal(parts.length > 2, true);
});

test('where nothing can be kept it does not begin; where it stops being kept, it is told once', () => {
  assert.equal(start(() => false).recording, null);
  const { recording, lost } = start((part) => part === 0);
  recording?.output(Buffer.alloc(100_000));
  recording?.output(Buffer.alloc(100_000));
  recording?.end();
  assert.equal(lost(), 1);
});
