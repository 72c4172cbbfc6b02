import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { writeTogether } from '../../../src/protocols/http/write-together.ts';

/** What reaches the stream, write by write. */
function written(...pieces: readonly Buffer[]): readonly (readonly number[])[] {
  const writes: number[][] = [];
  const stream = new Duplex({
    highWaterMark: 1024 * 1024,
    read: () => {},
    write: (chunk: Buffer, _, done) => {
      writes.push([chunk.length]);
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }: { chunk: Buffer }) => chunk.length));
      done();
    },
  });
  writeTogether(stream, pieces);
  return writes;
}

test('small pieces are one write of one piece, large ones one write of several, in order', () => {
  const small = Buffer.alloc(300);
  const large = Buffer.alloc(20_000);
  assert.deepEqual(written(small), [[300]]);
  assert.deepEqual(written(small, small, small), [[900]]);
  assert.deepEqual(written(small, large, small), [[300, 20_000, 300]]);
});
