// The systemd unit and its drop-in: systemd's own check of them, and the gateway under what they put around it: capabilities, system calls,
// families of sockets, devices, and a file system that is read-only but for its state.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { serveOnce, spawnConfined, type Served } from '../support/confined.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';
import { gatewayBlock } from '../support/tunnel-world.ts';

const ROOT = process.cwd();
const UNIT = join(ROOT, 'config', 'clawpatrol-gateway.service');
const DROP_IN = join(ROOT, 'config', 'clawpatrol-gateway.service.d', 'wireguard.conf');
const FAMILIES: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
const NOBODY = 65_534;
const LIMIT = { timeout: 180_000 };

const scope = fileScope();
const skip =
  whyNoTunnel() === false && existsSync('/usr/bin/systemd-analyze') ? false : 'needs root, tunnels and systemd-analyze';
if (skip === false) {
  enterOwnNetwork();
}

/** Settings of a unit and its drop-ins; a later one takes the place of an earlier one. */
function settingsOf(...paths: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    paths
      .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
      .map((line) => /^([A-Za-z]+)=(.*)$/.exec(line))
      .flatMap((found) => (found === null ? [] : [[found[1] ?? '', found[2] ?? ''] as const])),
  );
}

/** The system calls of a group, and of the groups in it. */
function callsOf(group: string): readonly string[] {
  const told = spawnSync('systemd-analyze', ['syscall-filter', group], { encoding: 'utf8' }).stdout;
  const names = told
    .split('\n')
    .filter((line) => /^\s+[@a-z0-9_-]+$/.test(line))
    .map((line) => line.trim());
  return names.flatMap((name) => (name.startsWith('@') ? callsOf(name) : [name]));
}

/** The gateway with that configuration, under those settings. */
async function runUnder(settings: ReadonlyMap<string, string>, config: string): Promise<Served> {
  const folder = temporaryFolder(scope, 'clawpatrol-service');
  const state = join(folder, 'state');
  const credentials = join(folder, 'credentials');
  [state, credentials].forEach((path) => mkdirSync(path, { mode: 0o755 }));
  const key = join(credentials, 'store-key');
  writeFileSync(key, Buffer.alloc(32, 7).toString('base64'), { mode: 0o400 });
  chownSync(key, NOBODY, NOBODY);
  const path = join(folder, 'gateway.hcl');
  writeFileSync(path, config);
  const runtime = settings.get('RuntimeDirectory');
  if (runtime !== undefined) {
    mkdirSync(join('/run', runtime), { recursive: true });
  }
  const capabilities = settings.get('AmbientCapabilities')?.replace(/^CAP_/, '').toLowerCase() ?? '';
  const device = /^\/dev\/(\S+) rw$/.exec(settings.get('DeviceAllow') ?? '')?.[1];
  const child = spawnConfined(
    {
      folder,
      writable: [state, ...(runtime === undefined ? [] : [join('/run', runtime)])],
      devices: device === undefined ? [] : [device],
      capabilities: capabilities === '' ? [] : [capabilities],
      uid: NOBODY,
      calls: {
        names: (settings.get('SystemCallFilter') ?? '').split(' ').flatMap(callsOf),
        fails: settings.get('SystemCallErrorNumber') === 'EPERM',
        families: (settings.get('RestrictAddressFamilies') ?? '').split(' ').map((name) => FAMILIES[name] ?? -1),
      },
    },
    [process.execPath, join(ROOT, 'dist', 'src', 'main.js'), 'gateway', path],
    { HOME: folder, STATE_DIRECTORY: state, CREDENTIALS_DIRECTORY: credentials },
  );
  return serveOnce(child);
}

const PLAIN = `schema_version = 1
gateway { dashboard_listen = "127.0.0.1:0" }
endpoint "postgres" "pg" {
  host    = "127.0.0.1:5432"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "passthrough" "pg" { endpoint = postgres.pg }
profile "default" { credentials = [passthrough.pg] }
`;

test('systemd finds nothing wrong with the unit, nor much that it leaves open', { skip }, () => {
  const checked = spawnSync('systemd-analyze', ['verify', UNIT], { encoding: 'utf8' });
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
  const rated = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', '--threshold=25', UNIT], {
    encoding: 'utf8',
  });
  assert.equal(rated.status, 0, rated.stdout);
});

test('LC-04: the gateway serves under what the unit allows, without any capability', { skip, ...LIMIT }, async () => {
  const settings = settingsOf(UNIT);
  assert.equal(settings.get('CapabilityBoundingSet'), '');
  // Also where what is not on the list is fatal: then all that it needs is on the list.
  for (const errorNumber of ['EPERM', '']) {
    const served = await runUnder(new Map([...settings, ['SystemCallErrorNumber', errorNumber]]), PLAIN);
    assert.match(served.said, /^ready /m, `${served.signal}`);
    assert.match(served.health, /ok|alive/i);
    assert.equal(served.code, 0, served.said);
  }
});

test('with the drop-in, and only with it, the tunnel comes up', { skip, ...LIMIT }, async () => {
  const config = gatewayBlock('');
  const { said, code } = await runUnder(settingsOf(UNIT, DROP_IN), config);
  assert.match(said, /^ready .*wireguard=udp\//m);
  assert.equal(code, 0, said);
  const without = await runUnder(settingsOf(UNIT), config);
  assert.doesNotMatch(without.said, /^ready /m);
  assert.notEqual(without.code, 0);
});

test(
  'what the unit forbids is forbidden here too: a list without a call that the gateway needs ends it',
  { skip, ...LIMIT },
  async () => {
    const settings = new Map([...settingsOf(UNIT), ['SystemCallFilter', '@basic-io @file-system @process']]);
    const { said, health } = await runUnder(settings, PLAIN);
    assert.deepEqual([health, /^ready /m.test(said)], ['', false]);
    const offline = new Map([...settingsOf(UNIT), ['RestrictAddressFamilies', 'AF_UNIX']]);
    assert.doesNotMatch((await runUnder(offline, PLAIN)).said, /^ready /m);
  },
);
