// What `status` and `doctor` say of a machine that has joined: each check well, and each failing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceChecks, type DeviceView } from '../../src/client/device-health.ts';
import {
  checkClock,
  checkMtu,
  checkNames,
  checkNamespaces,
  checkPrograms,
  checkRuntime,
  checkTun,
  checkWaysOut,
  type Said,
} from '../../src/client/doctor.ts';
import type { CheckJson } from '../../src/client/control-shapes.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const VIEW: DeviceView = {
  record: {
    gateway: { url: 'https://gw.test:8444', fingerprint: 'AA' },
    device: { id: 'id', name: 'laptop', profile: 'oncall' },
    addresses: ['10.77.0.2'],
    resolver: '10.77.0.1',
    tunnel: { publicKey: 'KEY', endpoint: 'gw.test:51820', mtu: 1420 },
  },
  answer: {
    kind: 'answered',
    view: {
      profile: 'oncall',
      profileExists: true,
      revision: 'abcdef0123456789',
      pending: 2,
      lastHeardMs: null,
      nowMs: NOW,
    },
  },
  machine: null,
  trust: 'trusted',
  nowMs: NOW,
};
const MACHINE = { interfaceName: 'clawpatrol0', kept: true, isUp: true, fenced: true, lastHandshakeMs: NOW - 60_000 };

function line({ state, name, detail, fix }: CheckJson): string {
  return `${state} ${name}: ${[detail, fix].filter((part) => part !== '').join('; ')}`;
}

test('a machine that is well has nothing but ok', () => {
  assert.deepEqual(deviceChecks(VIEW).map(line), [
    'ok joined: as laptop, at https://gw.test:8444',
    'ok gateway: it answers, and knows this machine',
    'ok transport: what clawpatrol run starts goes through the tunnel, and nothing else',
    'ok tunnel: never heard',
    'ok profile: oncall',
    'ok policy: revision abcdef012345',
    'ok pending: 2 waiting for a decision',
    "ok ca: the system's store has the gateway's certificate",
  ]);
  const routed = deviceChecks({ ...VIEW, machine: MACHINE });
  assert.ok(routed.every(({ state }) => state === 'ok'));
  assert.match(routed.map(line).join('\n'), /^ok tunnel: last heard 2026-11-22T11:59:00\.000Z$/m);
});

test('each check of status fails by itself, and says what to do', () => {
  const { answer } = VIEW;
  assert.ok(answer.kind === 'answered');
  for (const [view, expected] of [
    [
      { answer: { kind: 'unreachable', message: 'no route' } },
      'fail gateway: no route; is https://gw.test:8444 reachable from here, and running?',
    ],
    [{ answer: { kind: 'refused', message: 'revoked' } }, 'fail gateway: revoked; clawpatrol leave, then join again'],
    [
      { answer: { ...answer, view: { ...answer.view, profileExists: false } } },
      'fail profile: oncall is not in the policy; clawpatrol devices set-profile laptop PROFILE',
    ],
    [
      { machine: { ...MACHINE, isUp: false } },
      'fail transport: the interface clawpatrol0 is gone; nothing gets out; clawpatrol join --resume, as root',
    ],
    [
      { machine: { ...MACHINE, fenced: false } },
      "fail transport: the kernel's rules are gone; traffic may take another way; clawpatrol join --resume, as root",
    ],
    [
      { machine: { ...MACHINE, kept: false } },
      'warn transport: everything goes through the tunnel, until it is undone; clawpatrol join --confirm',
    ],
    [
      { machine: { ...MACHINE, lastHandshakeMs: NOW - 600_000 } },
      "fail tunnel: last heard 2026-11-22T11:50:00.000Z; is the gateway's UDP port reachable from here, and the clock right?",
    ],
    [
      { trust: 'other' },
      "fail ca: the system's store has another certificate in its place; join again as root, or use the variables of clawpatrol env",
    ],
    [
      { trust: 'absent' },
      "warn ca: the system's store does not have the gateway's certificate; join again as root, or use the variables of clawpatrol env",
    ],
    [
      { trust: 'unknown' },
      'warn ca: this system keeps its certificates where we do not know; join again as root, or use the variables of clawpatrol env',
    ],
  ] as const) {
    const bad = deviceChecks({ ...VIEW, ...view }).filter(({ state }) => state !== 'ok');
    assert.deepEqual(bad.map(line), [expected]);
  }
});

const FINE: Said = { status: 0, stdout: '', stderr: '' };
const NO_SETTINGS = { clone: null, most: '10000', apparmor: null };
const FINGERPRINT = 'AB:'.repeat(32).slice(0, -1);

test('each check of doctor, well and failing', () => {
  const refused: Said = { status: 1, stdout: '', stderr: 'unshare: unshare failed: Operation not permitted\n' };
  const attempts = (held: boolean): Said => ({
    ...FINE,
    stdout: JSON.stringify({ attempts: [{ name: 'QUIC', held }] }),
  });
  const cases: readonly (readonly [CheckJson, RegExp])[] = [
    [checkClock(NOW + 3_000, NOW), /^ok clock: 3 s before the gateway's$/],
    [checkClock(NOW - 120_000, NOW), /^warn clock: 120 s behind/],
    [checkClock(NOW - 3_600_000, NOW), /^fail clock: 3600 s behind the gateway's; set the clock/],
    [checkMtu(1420, { name: 'eth0', mtu: 1500, version: 6 }), /^ok mtu: 1420 in the tunnel, 1500 on eth0$/],
    [checkMtu(1420, { name: 'eth0', mtu: 1480, version: 4 }), /^ok mtu/],
    [
      checkMtu(1420, { name: 'eth0', mtu: 1400, version: 4 }),
      /^warn mtu: .*; set wireguard \{ mtu \} on the gateway to 1340 or less/,
    ],
    [checkNames(false, []), /^ok dns: only what clawpatrol run starts/],
    [checkNames(true, ['10.78.255.254']), /^ok dns: the gateway answers/],
    [checkNames(true, []), /^fail dns: this machine's resolver does not ask the gateway; look at \/etc\/resolv\.conf/],
    [checkNamespaces(FINE, NO_SETTINGS, false), /^ok namespaces: this user has them$/],
    [
      checkNamespaces(refused, { ...NO_SETTINGS, clone: '0\n' }, false),
      /^fail namespaces: unshare: .* not permitted; sysctl kernel\.unprivileged_userns_clone=1; or sudo/,
    ],
    [
      checkNamespaces(refused, { ...NO_SETTINGS, most: '0\n' }, false),
      /; sysctl user\.max_user_namespaces=10000; or sudo/,
    ],
    [
      checkNamespaces(refused, { ...NO_SETTINGS, apparmor: '1\n' }, false),
      /; sysctl kernel\.apparmor_restrict_unprivileged_userns=0/,
    ],
    [checkNamespaces(refused, NO_SETTINGS, false), /; a container or a policy of the system forbids them/],
    [checkTun(null), /^ok tun/],
    [checkTun('ENOENT'), /^fail tun: \/dev\/net\/tun: ENOENT; modprobe tun/],
    [checkPrograms([]), /^ok programs: ip, wg, /],
    [
      checkPrograms(['wg', 'unshare', 'setpriv']),
      /^fail programs: there is no wg, unshare, setpriv; install wireguard-tools, util-linux$/,
    ],
    [checkRuntime('java', null, FINGERPRINT), /^ok ca-java: there is no java on this machine$/],
    [checkRuntime('openssl', FINE, FINGERPRINT), /^ok ca-openssl/],
    [checkRuntime('openssl', refused, FINGERPRINT), /^warn ca-openssl: does not trust .*; join as root/],
    [checkRuntime('node', { ...FINE, stdout: `${FINGERPRINT}\n` }, FINGERPRINT), /^ok ca-node/],
    [checkRuntime('node', FINE, FINGERPRINT), /^warn ca-node: .*NODE_EXTRA_CA_CERTS/],
    [
      checkRuntime('python', { ...FINE, stdout: `${'cd'.repeat(32)}\n${'ab'.repeat(32)}\n` }, FINGERPRINT),
      /^ok ca-python/,
    ],
    [checkRuntime('python', { ...FINE, stdout: `${'cd'.repeat(32)}\n` }, FINGERPRINT), /^warn ca-python/],
    [
      checkRuntime('java', { ...FINE, stdout: `Certificate fingerprint (SHA-256): ${FINGERPRINT}\n` }, FINGERPRINT),
      /^ok ca-java/,
    ],
    [checkRuntime('java', FINE, FINGERPRINT), /^warn ca-java: .*keytool -importcert/],
    [checkWaysOut(attempts(true)), /^ok ways-out/],
    [
      checkWaysOut(attempts(false)),
      /^fail ways-out: in a run these are open: QUIC; clawpatrol run clawpatrol escape-test/,
    ],
    [
      checkWaysOut({ status: 125, stdout: '', stderr: 'clawpatrol: no tun\n' }),
      /^fail ways-out: no run could begin: clawpatrol: no tun/,
    ],
  ];
  for (const [check, expected] of cases) {
    assert.match(line(check), expected);
  }
});
