import assert from 'node:assert/strict';
import { closeSync, linkSync, mkdirSync, openSync, realpathSync, unlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { splitCommand } from '../../src/cli/run.ts';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { pushedEnvironment, PUSHED_VARIABLES } from '../../src/client/environment.ts';
import { FrameReader, writeFrame, type Frame } from '../../src/client/run/frames.ts';
import { openOuterOpenings } from '../../src/client/run/openings.ts';
import { listeningSockets, socketsNamedIn, withoutLeadingOut } from '../../src/client/run/plan.ts';
import { findPlacesOf, findSocketFiles } from '../../src/client/run/socket-files.ts';
import { temporaryFolder } from '../support/temp.ts';

test('the command begins at the first word that is no flag, and what follows is its own', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['claude', '', 'claude'],
    ['claude --profile x -h', '', 'claude --profile x -h'],
    ['--profile oncall claude --label y', '--profile oncall', 'claude --label y'],
    ['--no-env --label a psql -c x', '--no-env --label a', 'psql -c x'],
    ['--label=a -- --odd name', '--label=a', '--odd name'],
    ['--', '', ''],
    ['--profile', '--profile', ''],
  ];
  for (const [line, flags, words] of cases) {
    const split = splitCommand(line.split(' '));
    assert.deepEqual([split.flags.join(' '), split.words.join(' ')], [flags, words], line);
  }
});

test('frames come out as they went in, however the stream cuts them', () => {
  const frames: readonly Frame[] = [
    { kind: 'message', value: { plan: ['a', 1] } },
    { kind: 'datagram', bytes: Buffer.from('hello') },
    { kind: 'datagram', bytes: Buffer.alloc(0) },
    { kind: 'datagram', bytes: Buffer.alloc(1500, 7) },
  ];
  const bytes = Buffer.concat(frames.map(writeFrame));
  for (const size of [1, 2, 5, 700, bytes.length]) {
    const reader = new FrameReader();
    const read: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      read.push(...(reader.push(bytes.subarray(at, at + size)) ?? []));
    }
    assert.deepEqual(read, frames, `${size}`);
  }
});

test('what is no frame ends the reading', () => {
  for (const bad of ['0000010000', '02000000017b', '01000000017b', '01ffffffff']) {
    assert.equal(new FrameReader().push(Buffer.from(bad, 'hex')), null, bad);
  }
  assert.throws(() => writeFrame({ kind: 'datagram', bytes: Buffer.alloc(70_000) }), RangeError);
});

test('an opening gives what was asked for to whoever has its key, and nothing to others', async (t) => {
  const server = createServer((socket) => void socket.end('from the machine')).listen(0, '127.0.0.1');
  t.after(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const openings = await openOuterOpenings({ expose: [], hostLoopback: [port] }, () => {});
  t.after(() => openings.close());
  const { path, key } = openings.plan;
  const ask = async (line: string): Promise<string> => {
    const socket = connect({ path });
    let said = '';
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
    socket.write(line);
    await once(socket, 'close');
    return said;
  };
  assert.equal(await ask(`${key} host-loopback ${port}\n`), 'from the machine');
  for (const line of [
    `host-loopback ${port}\n`,
    `${'0'.repeat(32)} host-loopback ${port}\n`,
    `${key} host-loopback ${port + 1}\n`,
    `${key} expose ${'0'.repeat(32)}\n`,
    'x'.repeat(1000),
  ]) {
    assert.equal(await ask(line), '', line.slice(0, 60));
  }
});

test('of what a gateway pushes, only known names with plain values are taken', () => {
  const sent = {
    GH_TOKEN: 'ghp_x',
    PATH: '/evil',
    LD_PRELOAD: 'x',
    GITHUB_TOKEN: 'two words',
    NODE_OPTIONS: 'x',
    PGUSER: 7,
  };
  assert.deepEqual(pushedEnvironment(sent, { GH_TOKEN: 'ghp_reallyMine' }), {
    environment: { GH_TOKEN: 'ghp_x' },
    replaced: ['GH_TOKEN'],
  });
  // What is no secret is replaced without a word.
  for (const own of ['', 'ghp_x', 'short', 'your-placeholder-here', 'xxxxxxxxxxxx']) {
    assert.deepEqual(pushedEnvironment(sent, { GH_TOKEN: own }).replaced, [], own);
  }
  for (const answer of [null, undefined, 'x', []]) {
    assert.deepEqual(pushedEnvironment(answer, {}).environment, {});
  }
  assert.deepEqual(PUSHED_VARIABLES, PUSHED_VARIABLES.toSorted());
});

test('what leads out of a run is taken from its environment, and the sockets that it names are known', () => {
  const env = {
    SSH_AUTH_SOCK: '/tmp/ssh-x/agent.1',
    DOCKER_HOST: 'unix:///tmp/docker.sock',
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/tmp/dbus-x,guid=1',
    TMUX: '/tmp/tmux-0/default,1,0',
    CONTAINER_HOST: 'tcp://1.2.3.4:1',
    CLAWPATROL_TOKEN: 'secret',
    HOME: '/root',
  };
  assert.deepEqual(withoutLeadingOut(env, []), { HOME: '/root' });
  // Also the way to a proxy, unless it was opened.
  const proxies = {
    HTTPS_PROXY: 'http://proxy.corp.test:3128',
    http_proxy: 'http://u:p@127.0.0.1:8118/',
    All_Proxy: 'localhost:9',
    NO_PROXY: 'x',
  };
  assert.deepEqual(withoutLeadingOut(proxies, []), { NO_PROXY: 'x' });
  assert.deepEqual(withoutLeadingOut(proxies, [8118, 3128]), { http_proxy: proxies.http_proxy, NO_PROXY: 'x' });
  assert.deepEqual([...socketsNamedIn(env)].toSorted(), [
    '/tmp/dbus-x',
    '/tmp/docker.sock',
    '/tmp/ssh-x/agent.1',
    '/tmp/tmux-0/default',
  ]);
  const list = [
    'Num       RefCount Protocol Flags    Type St Inode Path',
    '00000000f330d5ea: 00000003 00000000 00000000 0001 03  1197',
    '0000000000000000: 00000002 00000000 00010000 0001 01 41 /tmp/tmux 0/default',
    '0000000000000000: 00000002 00000000 00010000 0001 01 42 /run/docker.sock',
    '0000000000000000: 00000002 00000000 00010000 0001 01 43 @abstract',
    '0000000000000000: 00000003 00000000 00000000 0001 03 44 /tmp/connected',
    '0000000000000000: 00000002 00000000 00000000 0002 01 45 /dev/log',
    '0000000000000000: 00000002 00000000 00000000 0002 01 46 /run/systemd/notify',
    '0000000000000000: 00000002 00000000 00010000 0005 01 47 /srv/packets',
    '0000000000000000: 00000002 00000000 00010000 0001 01 48 agent.sock',
  ].join('\n');
  assert.deepEqual(listeningSockets(list), ['/tmp/tmux 0/default', '/dev/log', '/srv/packets', 'agent.sock']);
});

test('a folder that is full takes nothing from those above it, and that not everything was looked at is told', async (t) => {
  const folder = realpathSync(temporaryFolder(t, 'clawpatrol-crowded'));
  const near = join(folder, 'last', 's');
  const deep = join(folder, 'last', 'deep', 's');
  mkdirSync(dirname(deep), { recursive: true });
  for (const path of [near, deep]) {
    const server = createServer();
    t.after(() => void server.close());
    await new Promise<void>((resolve) => void server.listen(path, resolve));
  }
  assert.deepEqual(findSocketFiles([folder], 2), { paths: [near, deep], crowded: false });
  assert.deepEqual(findSocketFiles([folder], 1), { paths: [near], crowded: false });
  // As a tree of packages does: many files, deeper than the others.
  const full = join(folder, 'wide', 'a', 'b');
  mkdirSync(full, { recursive: true });
  for (let number = 0; number < 20_001; number += 1) {
    closeSync(openSync(join(full, String(number)), 'w'));
  }
  const { paths, crowded } = findSocketFiles([join(folder, 'wide'), folder], 2);
  assert.ok(paths.includes(near), 'above the full one');
  assert.equal(crowded, true);
});

test('a socket is found where it lies now, under whatever name it was made', async (t) => {
  const folder = realpathSync(temporaryFolder(t, 'clawpatrol-places'));
  const listen = async (name: string): Promise<void> => {
    const server = createServer();
    t.after(() => void server.close());
    await new Promise<void>((resolve) => void server.listen(name, resolve));
  };
  const [stays, made, place] = [join(folder, 'stays'), join(folder, 'cm.x7Yq'), join(folder, 'cm')];
  const [kept, second, near] = [join(folder, 'kept'), join(folder, 'second'), join(folder, 'near')];
  await listen(stays);
  await listen(made);
  linkSync(made, place);
  unlinkSync(made);
  await listen(kept);
  linkSync(kept, second);
  const name = relative(process.cwd(), near);
  await listen(name);
  assert.deepEqual(findPlacesOf([stays]), [stays]);
  assert.ok(findPlacesOf([made]).includes(place), 'moved');
  assert.ok(findPlacesOf([kept]).includes(second), 'with two names');
  assert.ok(findPlacesOf([name]).includes(near), 'made from a folder');
  assert.deepEqual(findPlacesOf([]), []);
});
