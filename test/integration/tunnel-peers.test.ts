// A thousand peers are one call of `wg`, and are there when it returns (in 0.13 s on two busy cores; the test tells how long it took).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runCommand } from '../../src/devices/commands.ts';
import { createWireguardKeys, type Peer } from '../../src/devices/wireguard.ts';
import { createInterface, type TunnelInterface } from '../../src/gateway/tunnel/interface.ts';
import { addressesAt, layOut } from '../../src/gateway/tunnel/layout.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const PEERS = 1000;
const layout = layOut({
  subnetCidr: '10.77.0.0/16',
  listenPort: 51_897,
  interfaceName: `cpp${process.pid % 100_000}`,
  mtu: 1420,
});

function makePeers(count: number): readonly Peer[] {
  return Array.from({ length: count }, (_, index) => {
    const { v4, v6 } = addressesAt(layout.devices, index + 2);
    return { publicKey: createWireguardKeys().publicKey, addresses: [`${v4}/32`, `${v6}/128`], outerAddress: null };
  });
}

describe('many peers', { skip, timeout: 120_000 }, () => {
  const calls: string[] = [];
  let tunnel: TunnelInterface;

  before(async () => {
    tunnel = await createInterface({
      layout,
      mode: 'auto',
      privateKey: createWireguardKeys().privateKey,
      clock: systemClock,
      run: (program, args, input) => {
        calls.push([program, ...args].join(' '));
        return runCommand(program, args, input);
      },
      onDeath: () => {},
    });
  });

  after(async () => {
    assert.deepEqual(await tunnel.close(), []);
  });

  test(`${PEERS} come, one goes and one comes, each with one call`, async (t) => {
    const peers = makePeers(PEERS);
    await tunnel.open({ tcp4: 1, tcp6: 2, dns: 3 }, 'everything', []);
    calls.length = 0;
    const startedMs = performance.now();
    await tunnel.setPeers(peers);
    t.diagnostic(`${PEERS} peers in ${(performance.now() - startedMs).toFixed(0)} ms`);
    assert.deepEqual(calls, [`wg syncconf ${layout.interfaceName} /dev/stdin`]);
    assert.deepEqual(
      new Set((await tunnel.peers()).map(({ publicKey }) => publicKey)),
      new Set(peers.map(({ publicKey }) => publicKey)),
    );
    calls.length = 0;
    const next = [...peers.slice(1), ...makePeers(1)];
    await tunnel.setPeers(next);
    assert.equal(calls.length, 1);
    const known = new Set((await tunnel.peers()).map(({ publicKey }) => publicKey));
    assert.deepEqual(known, new Set(next.map(({ publicKey }) => publicKey)));
  });
});
