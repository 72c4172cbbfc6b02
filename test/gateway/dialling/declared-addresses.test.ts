// Declared hosts are recognised by their addresses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeclaredAddresses } from '../../../src/gateway/dialling/declared-addresses.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('an address that a declared host has, or had within the hour, is its own (DP-06)', async () => {
  const clock = new FakeClock();
  const table = new Map([['a.test', ['192.0.2.1', '2001:db8::1']]]);
  let asked = 0;
  const declared = createDeclaredAddresses({
    clock,
    hosts: () => ['a.test', 'none.test', '192.0.2.9'],
    resolve: (host) => {
      asked += 1;
      return Promise.resolve(table.get(host) ?? []);
    },
  });
  for (const [ip, host] of [
    ['192.0.2.1', 'a.test'],
    ['::ffff:192.0.2.1', 'a.test'],
    ['2001:db8::1', 'a.test'],
    ['192.0.2.9', '192.0.2.9'],
    ['192.0.2.2', null],
  ] as const) {
    assert.deepEqual(await declared.find(ip), { host, unclear: null }, ip);
  }
  assert.equal(asked, 2, 'each name is looked up once');
  table.set('a.test', ['192.0.2.3']);
  await clock.advance(31_000);
  await declared.find('192.0.2.3');
  await new Promise((resolve) => void setImmediate(resolve));
  assert.equal((await declared.find('192.0.2.3')).host, 'a.test');
  assert.equal((await declared.find('192.0.2.1')).host, 'a.test');
  await clock.advance(3_600_000);
  assert.equal((await declared.find('192.0.2.1')).host, null);
});

test('while the addresses of one cannot be learned, nothing is told apart', async () => {
  let works = false;
  const declared = createDeclaredAddresses({
    clock: new FakeClock(),
    hosts: () => ['a.test'],
    resolve: () => (works ? Promise.resolve([]) : Promise.reject(new Error('no answer'))),
  });
  assert.deepEqual(await declared.find('192.0.2.2'), { host: null, unclear: 'a.test' });
  works = true;
  assert.deepEqual(
    await declared.find('192.0.2.2'),
    { host: null, unclear: 'a.test' },
    'it is not asked at once again',
  );
});
