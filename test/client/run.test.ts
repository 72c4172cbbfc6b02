import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitCommand } from '../../src/cli/run.ts';
import { FrameReader, writeFrame, type Frame } from '../../src/client/run/frames.ts';

test('the command begins at the first word that is no flag, and what follows is its own', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['claude', '', 'claude'],
    ['claude --profile x -h', '', 'claude --profile x -h'],
    ['--profile oncall claude --label y', '--profile oncall', 'claude --label y'],
    ['--no-env --label a psql -c x', '--no-env --label a', 'psql -c x'],
    ['--label=a -- --odd name', '--label=a', '--odd name'],
    ['--', '', ''],
    ['--profile', '--profile', ''],
  ];
  for (const [line, flags, words] of cases) {
    const split = splitCommand(line.split(' '));
    assert.deepEqual([split.flags.join(' '), split.words.join(' ')], [flags, words], line);
  }
});

test('frames come out as they went in, however the stream cuts them', () => {
  const frames: readonly Frame[] = [
    { kind: 'message', value: { plan: ['a', 1] } },
    { kind: 'datagram', bytes: Buffer.from('hello') },
    { kind: 'datagram', bytes: Buffer.alloc(0) },
    { kind: 'datagram', bytes: Buffer.alloc(1500, 7) },
  ];
  const bytes = Buffer.concat(frames.map(writeFrame));
  for (const size of [1, 2, 5, 700, bytes.length]) {
    const reader = new FrameReader();
    const read: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      read.push(...(reader.push(bytes.subarray(at, at + size)) ?? []));
    }
    assert.deepEqual(read, frames, `${size}`);
  }
});

test('what is no frame ends the reading', () => {
  for (const bad of ['0000010000', '02000000017b', '01000000017b', '01ffffffff']) {
    assert.equal(new FrameReader().push(Buffer.from(bad, 'hex')), null, bad);
  }
  assert.throws(() => writeFrame({ kind: 'datagram', bytes: Buffer.alloc(70_000) }), RangeError);
});
