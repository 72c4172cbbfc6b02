// Bytes are given in one buffer when so many are there as were asked for, in their order, whatever the chunks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Appender, Gatherer } from '../../src/lib/gather.ts';

test('nothing is given before it is enough, and then all of it', () => {
  const gathered = new Gatherer();
  assert.equal(gathered.add(Buffer.from('ab'))?.toString(), 'ab');
  gathered.keep(Buffer.from('b'), 4);
  assert.equal(gathered.size, 1);
  assert.equal(gathered.add(Buffer.from('c')), null);
  assert.equal(gathered.add(Buffer.from('d')), null);
  assert.equal(gathered.size, 3);
  assert.equal(gathered.add(Buffer.from('efg'))?.toString(), 'bcdefg');
  gathered.keep(Buffer.alloc(0), 1);
  assert.equal(gathered.size, 0);
  assert.equal(gathered.add(Buffer.from('h'))?.toString(), 'h');
});

test('what is appended stands behind what is left, and what was given before does not change', () => {
  const appender = new Appender();
  let rest: Buffer = Buffer.alloc(0);
  const given: [Buffer, string][] = [];
  let text = '';
  for (let index = 0; index < 500; index += 1) {
    const piece = 'x'.repeat(index % 3) + String(index);
    text += piece;
    rest = appender.append(rest, Buffer.from(piece));
    assert.equal(rest.toString(), text);
    if (index % 7 === 0) {
      // Some of it is used, and kept by somebody.
      const used = Math.floor(rest.length / 2);
      given.push([rest.subarray(0, used), text.slice(0, used)]);
      rest = rest.subarray(used);
      text = text.slice(used);
    }
    if (index % 50 === 49) {
      given.push([rest, text]);
      rest = Buffer.alloc(0);
      text = '';
    }
  }
  assert.ok(given.every(([bytes, want]) => bytes.toString() === want));
});
