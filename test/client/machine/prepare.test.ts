// What is found out of a machine before it is routed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOwnAddresses } from '../../../src/client/machine/prepare.ts';

const LINKS = [
  { ifname: 'lo', addr_info: [{ local: '127.0.0.1', scope: 'host' }] },
  {
    ifname: 'eth0',
    addr_info: [
      { local: '172.31.0.2', scope: 'global' },
      { local: 'fe80::1', scope: 'link' },
    ],
  },
  { ifname: 'clawpatrol0', addr_info: [{ local: '10.77.0.2', scope: 'global' }] },
  { ifname: 'down0' },
];

test('the machine’s own addresses are those that others reach, and never the tunnel’s: what comes from these goes through it', async () => {
  const system = { run: () => Promise.resolve(JSON.stringify(LINKS)) };
  assert.deepEqual(await readOwnAddresses(system, 'clawpatrol0'), ['172.31.0.2']);
  // Another's tunnel is the machine's own affair.
  assert.deepEqual(await readOwnAddresses(system, 'clawpatrol1'), ['172.31.0.2', '10.77.0.2']);
});
