// A body that is held for judging: what comes out is what came in, and short pieces weigh no more than they hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BodyHolder } from '../../../src/protocols/http/body-holder.ts';

const BODY = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7) % 251));

test('any cutting gives the same body, and what is over the cap is told and kept', () => {
  for (const sizes of [[1], [4095], [4096], [70_000], [1, 5000, 3, 66_000], [2, 4096]]) {
    const holder = new BodyHolder(BODY.length);
    let at = 0;
    for (let turn = 0; at < BODY.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      assert.equal(holder.add(BODY.subarray(at, at + size)), true);
      at += size;
      if (turn === 3) {
        assert.deepEqual(holder.reading(false), {
          kind: 'cut',
          cause: 'too_large',
          bytes: BODY.subarray(0, Math.min(at, BODY.length)),
        });
      }
    }
    holder.ended = true;
    const reading = holder.reading(false);
    assert.equal(reading.kind, 'whole', sizes.join());
    assert.ok(reading.kind === 'whole' && reading.bytes.equals(BODY), sizes.join());
    assert.equal(holder.add(Buffer.from('x')), false);
    const over = holder.reading(false);
    assert.ok(over.kind === 'cut' && over.bytes.equals(Buffer.concat([BODY, Buffer.from('x')])), sizes.join());
  }
});

test('a body of single bytes is held in about its own size', () => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  const weigh = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const piece = Buffer.alloc(64);
  const before = weigh();
  const holder = new BodyHolder(1024 * 1024);
  for (let index = 0; index < 1024 * 1024; index += 1) {
    holder.add(piece.subarray(index % 64, (index % 64) + 1));
  }
  const weight = weigh() - before;
  assert.ok(weight < 8 * 1024 * 1024, `${weight} bytes`);
  assert.equal(holder.reading(false).kind, 'cut');
});
