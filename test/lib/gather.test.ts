// Bytes are given in one buffer when so many are there as were asked for, in their order, whatever the chunks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gatherer } from '../../src/lib/gather.ts';

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
