// The systemd drop-in for the tunnel: what it grants is what the gateway needs, and all that it needs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enterOwnNetwork, must, whyNoTunnel } from '../support/network.ts';
import { temporaryFolder } from '../support/temp.ts';
import { gatewayBlock } from '../support/tunnel-world.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');
const DROP_IN = join(process.cwd(), 'config', 'clawpatrol-gateway.service.d', 'wireguard.conf');

/** Runs the gateway with those capabilities and no others until it is ready or over, then stops it; what it said. */
async function runWith(
  capabilities: string,
  folder: string,
  before: readonly string[] = [],
): Promise<{ readonly said: string; readonly code: unknown }> {
  const set = `-all${capabilities}`;
  const config = join(folder, 'gateway.hcl');
  writeFileSync(config, gatewayBlock(''));
  const [program, ...args] = [
    ...before,
    'setpriv',
    '--inh-caps',
    set,
    '--ambient-caps',
    set,
    '--bounding-set',
    set,
    '--no-new-privs',
    process.execPath,
    MAIN,
    'gateway',
    config,
    '--state-dir',
    join(folder, `state${capabilities}`),
  ];
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
    if (said.includes('wireguard=udp/')) {
      child.kill('SIGTERM');
    }
  });
  // Not 'exit': what it said last may not have been read by then.
  const [code] = await once(child, 'close');
  return { said, code };
}

test(
  'the capability that the systemd drop-in grants is enough for the tunnel, and without it there is none',
  { skip, timeout: 180_000 },
  async (t) => {
    const text = readFileSync(DROP_IN, 'utf8');
    const [, bounding = '', ambient = ''] =
      /^CapabilityBoundingSet=(\S+)\nAmbientCapabilities=(\S+)$/m.exec(text) ?? [];
    assert.deepEqual([bounding, ambient], ['CAP_NET_ADMIN', 'CAP_NET_ADMIN']);
    const folder = temporaryFolder(t, 'clawpatrol-capability');
    const granted = await runWith(`,+${ambient.replace('CAP_', '').toLowerCase()}`, folder);
    assert.match(granted.said, /^ready .*wireguard=udp\//m);
    assert.equal(granted.code, 0);
    const without = await runWith('', folder);
    assert.doesNotMatch(without.said, /^ready /m);
    assert.match(without.said, /Operation not permitted; the tunnel needs CAP_NET_ADMIN \(under systemd: config\//);
    assert.equal(must('nft', 'list', 'ruleset').trim(), '');
  },
);

test(
  'a gateway without a tun device says so, and nothing of a tunnel that was never up',
  { skip, timeout: 180_000 },
  async (t) => {
    const folder = temporaryFolder(t, 'clawpatrol-no-tun');
    const { said, code } = await runWith(',+net_admin', folder, [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs none /dev/net && exec "$@"',
      'sh',
    ]);
    // Where the kernel has WireGuard of its own, none is needed.
    if (!said.includes('"kind":"kernel"')) {
      assert.notEqual(code, 0);
      assert.match(said, /\/dev\/net\/tun does not exist; the tunnel needs CAP_NET_ADMIN/);
      assert.doesNotMatch(said, /made anew|first class support/);
    }
  },
);
