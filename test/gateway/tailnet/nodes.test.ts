// Who the addresses of a tailnet are: what the daemon says, how long it is believed, and which profile it comes to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Live } from '../../../src/gateway/live.ts';
import { createNodes, type Nodes } from '../../../src/gateway/tailnet/nodes.ts';
import { createPeople } from '../../../src/gateway/tailnet/people.ts';
import {
  matchesLogin,
  matchesNode,
  readNode,
  readServes,
  type TailnetNode,
} from '../../../src/gateway/tailnet/values.ts';
import { openDeviceRegistry, type DeviceRegistry } from '../../../src/devices/registry.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from '../../support/temp.ts';

const NODE: TailnetNode = {
  stableId: 'n1',
  name: 'box',
  user: 'ann@example.com',
  tags: [],
  expiresMs: null,
  expired: false,
  routes: [],
};
const IP = '100.64.0.2';

interface World {
  readonly nodes: Nodes;
  readonly registry: DeviceRegistry;
  readonly clock: FakeClock;
  readonly left: string[];
  readonly routers: string[];
  readonly profiles: { name: string; tailscale: string[] }[];
  now: TailnetNode | null;
  asked: number;
}

function open(t: CleanUp): World {
  const clock = new FakeClock();
  const registry = openDeviceRegistry({
    stateDir: temporaryFolder(t, 'clawpatrol-nodes'),
    clock,
    isKey: () => true,
    lastNumber: () => 100,
  });
  const profiles = [
    { name: 'p', tailscale: ['tag:agent'] },
    { name: 'q', tailscale: ['*@example.com', 'tag:both'] },
    { name: 'r', tailscale: ['tag:both'] },
  ];
  const live = (): Live =>
    ({
      profiles: new Map(profiles.map((one) => [one.name, one])),
      config: { profiles, gateway: { tailscale: { operators: ['*@example.com'] } } },
    }) as unknown as Live;
  const left: string[] = [];
  const routers: string[] = [];
  const world: World = {
    nodes: createNodes({
      clock,
      live,
      registry,
      api: {
        whois: async () => {
          world.asked += 1;
          return world.now;
        },
      },
      name: (host) => host,
      left: (ip, why) => left.push(`${ip}: ${why}`),
      routes: (ip, networks) => routers.push(`${ip}: ${networks.join()}`),
      failed: (error) => assert.fail(String(error)),
    }),
    registry,
    clock,
    left,
    routers,
    profiles,
    now: NODE,
    asked: 0,
  };
  return world;
}

test('a node has the one profile that names it, or the one that an operator gave it, or none', async (t) => {
  for (const [change, profile] of [
    [{}, 'q'],
    [{ tags: ['tag:agent'], user: '' }, 'p'],
    [{ tags: ['tag:both'], user: '' }, null],
    [{ user: 'eve@example.org' }, null],
    [{ expired: true }, null],
    [{ expiresMs: 1 }, null],
  ] as const) {
    const world = open(t);
    world.now = { ...NODE, ...change };
    await world.nodes.meet(IP, 1);
    assert.equal(world.nodes.identify(IP)?.profile ?? null, profile, JSON.stringify(change));
  }
  const world = open(t);
  world.now = { ...NODE, user: 'eve@example.org' };
  await world.nodes.meet(IP, 1);
  const device = world.registry.ofNode('n1');
  world.registry.change(device?.id ?? '', { profile: 'r' });
  assert.equal(world.nodes.identify(IP)?.profile, 'r');
  world.registry.revoke(device?.id ?? '');
  assert.equal(world.nodes.identify(IP), null);
});

test('a node that has another owner loses the profile that it was given, and its connections', async (t) => {
  const world = open(t);
  world.now = { ...NODE, user: 'eve@example.org' };
  await world.nodes.meet(IP, 1);
  world.registry.change(world.registry.ofNode('n1')?.id ?? '', { profile: 'r' });
  await world.nodes.refresh();
  assert.deepEqual([world.nodes.identify(IP)?.profile, world.left], ['r', []]);
  world.now = { ...NODE, user: 'mallory@example.org' };
  await world.nodes.refresh();
  assert.equal(world.nodes.identify(IP), null);
  assert.deepEqual(world.left, [`${IP}: its node has changed`]);
});

test('an answer is believed for five seconds, and a key that runs out at once', async (t) => {
  const world = open(t);
  world.now = { ...NODE, expiresMs: world.clock.now() + 3_000 };
  await world.nodes.meet(IP, 1);
  assert.equal(world.nodes.meet(IP, 2), null);
  assert.equal(world.nodes.identify(IP)?.profile, 'q');
  world.clock.stall(4_000);
  assert.equal(world.nodes.identify(IP), null);
  world.clock.stall(1_001);
  await world.nodes.meet(IP, 3);
  assert.deepEqual([world.asked, world.left], [2, [`${IP}: its node is not in the tailnet any more`]]);
});

test('the dashboard is for owners of untagged nodes that no profile names', async (t) => {
  for (const [change, operator, shut] of [
    [{}, null, true],
    [{ stableId: 'n2' }, 'ann@example.com', false],
    [{ stableId: 'n2', user: 'eve@example.org' }, null, false],
    [{ stableId: 'n2', user: '', tags: ['tag:other'] }, null, false],
    [null, null, true],
  ] as const) {
    const world = open(t);
    if (change !== null && 'stableId' in change) {
      world.profiles.splice(1, 1);
    }
    world.now = change === null ? null : { ...NODE, ...change };
    const people = createPeople({
      live: () =>
        ({
          config: { profiles: world.profiles, gateway: { tailscale: { operators: ['*@example.com'] } } },
        }) as unknown as Live,
      nodes: world.nodes,
      isInside: (ip) => ip.startsWith('100.'),
      own: () => ['100.64.0.1'],
    });
    await people.meet(IP, 1);
    assert.deepEqual([people.operatorAt(IP), people.isShut(IP)], [operator, shut], JSON.stringify(change));
    assert.deepEqual([people.operatorAt('100.64.0.1'), people.isShut('127.0.0.1')], [null, false]);
  }
});

test('a node that carries networks for others is told of when it comes, and when they are others', async (t) => {
  const world = open(t);
  await world.nodes.meet(IP, 1);
  await world.nodes.refresh();
  assert.deepEqual(world.routers, []);
  for (const routes of [['10.1.0.0/16'], ['10.1.0.0/16'], ['10.1.0.0/16', '10.2.0.0/16'], []]) {
    world.now = { ...NODE, routes };
    await world.nodes.refresh();
  }
  assert.deepEqual(world.routers, [`${IP}: 10.1.0.0/16`, `${IP}: 10.1.0.0/16,10.2.0.0/16`]);
  assert.deepEqual(world.left, []);
});

test('addresses of nobody, however many come, push out no node', async (t) => {
  const world = open(t);
  await world.nodes.meet(IP, 1);
  world.now = null;
  for (let at = 0; at < 25_000; at += 1) {
    await world.nodes.meet(`100.100.${at >> 8}.${at & 255}`, 1);
  }
  assert.equal(world.nodes.identify(IP)?.profile, 'q');
  assert.deepEqual([world.nodes.size, world.left], [1, []]);
});

test('logins and tags match as written, and nothing matches a tagged node’s owner', () => {
  for (const [entry, login, matches] of [
    ['ann@example.com', 'ann@example.com', true],
    ['Ann@Example.com', 'ann@example.com', true],
    ['*@example.com', 'ann@example.com', true],
    ['*@example.com', 'ann@evil-example.com', false],
    ['*@example.com', '@example.com', false],
    ['*@example.com', 'x@y@example.com', false],
    ['*@example.com', '', false],
    ['ann@example.com', 'bann@example.com', false],
  ] as const) {
    assert.equal(matchesLogin(entry, login), matches, `${entry} ${login}`);
  }
  assert.equal(matchesNode('tag:a', { ...NODE, tags: ['tag:a'], user: '' }), true);
  assert.equal(matchesNode('tag:a', { ...NODE, tags: ['tag:ab'], user: '' }), false);
  assert.equal(matchesNode('node:n1', NODE), true);
  assert.equal(matchesNode('node:n11', NODE), false);
  const whois = {
    Node: { StableID: 'n1', Name: 'box.tail.test.', Tags: ['tag:a'], KeyExpiry: '0001-01-01T00:00:00Z' },
    UserProfile: { LoginName: 'Ann@example.com' },
  };
  assert.deepEqual(readNode(whois), {
    stableId: 'n1',
    name: 'box',
    user: '',
    tags: ['tag:a'],
    expiresMs: null,
    expired: false,
    routes: [],
  });
  assert.equal(readNode({ Node: {} }), null);
  assert.deepEqual([null, {}, { TCP: {} }, { Web: { 'x:443': {} } }, { AllowFunnel: { x: true } }].map(readServes), [
    false,
    false,
    false,
    true,
    true,
  ]);
});
