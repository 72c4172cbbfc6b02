import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimInterface } from '../../../src/gateway/tunnel/interface-claim.ts';

// Names of this process's own: other tests run beside it in the same network.
const name = (ending: string): string => `t${process.pid}${ending}`;

test('an interface is claimed once, and again when it was let go', { skip: process.platform !== 'linux' }, async () => {
  const release = await claimInterface(name('a'));
  await assert.rejects(claimInterface(name('a')), {
    code: 'TUNNEL_FAILED',
    message: new RegExp(`another gateway in this network has the interface ${name('a')}; stop it, or give this one`),
  });
  const other = await claimInterface(name('b'));
  other();
  release();
  const again = await claimInterface(name('a'));
  again();
});
