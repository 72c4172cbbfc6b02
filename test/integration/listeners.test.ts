import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, Server } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { createListeners } from '../../src/gateway/arriving/listeners.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { eventually } from '../support/daemon.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { CleanUp } from '../support/temp.ts';

function world(t: CleanUp) {
  const seen: { readonly key: string; readonly socket: Socket }[] = [];
  const listeners = createListeners({
    clock: systemClock,
    onSocket: (socket, key) => {
      socket.on('error', () => {});
      seen.push({ socket, key });
    },
    onExhausted: () => {},
  });
  t.after(() => {
    listeners.close();
    seen.forEach(({ socket }) => socket.destroy());
  });
  return { listeners, seen };
}

const spec = (key: string, port = 0) => ({ key, host: '127.0.0.1', port, name: key });

async function reachable(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const open = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return open;
}

test('a plan binds at once, and only a commit closes what is gone', async (t) => {
  const { listeners } = world(t);
  const first = await listeners.plan([spec('a'), spec('b')]);
  first.commit();
  const ports = [...first.bound.values()].map(({ port }) => port);
  const second = await listeners.plan([spec('b'), spec('c')]);
  assert.equal(await reachable(ports[0] ?? 0), true);
  assert.equal(second.bound.get('b')?.port, ports[1]);
  second.commit();
  assert.equal(await reachable(ports[0] ?? 0), false);
  assert.equal(await reachable(ports[1] ?? 0), true);
});

test('LC-09: an undone plan leaves no trace, and so does one that fails half way', async (t) => {
  const { listeners } = world(t);
  (await listeners.plan([spec('a')])).commit();
  const taken = listeners.bound.get('a')?.port ?? 0;
  const undone = await listeners.plan([spec('a'), spec('b')]);
  const port = undone.bound.get('b')?.port ?? 0;
  undone.undo();
  assert.equal(await reachable(port), false);
  await assert.rejects(listeners.plan([spec('c'), spec('clash', taken)]), {
    code: 'LISTEN_FAILED',
    message: new RegExp(`clash: cannot listen on 127\\.0\\.0\\.1:${taken}: the address is in use`),
  });
  assert.deepEqual([...listeners.bound.keys()], ['a']);
  assert.equal(await reachable(taken), true);
});

test('a client that has sent its last byte keeps its connection for the answer', async (t) => {
  const { listeners, seen } = world(t);
  (await listeners.plan([spec('a')])).commit();
  const client = connect({ port: listeners.bound.get('a')?.port ?? 0, host: '127.0.0.1', allowHalfOpen: true });
  client.end('question');
  const answer = once(client, 'data');
  await once(client, 'connect');
  while (seen.length === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [{ socket, key } = { socket: client, key: '' }] = seen;
  assert.equal(key, 'a');
  socket.resume();
  await once(socket, 'end');
  socket.end('answer');
  assert.equal(String((await answer)[0]), 'answer');
});

/** A process with a listener, which uses up its descriptors at the first line that it is sent, and gives them back at the second. */
const CHILD = `
import { closeSync, openSync } from 'node:fs';
const { createListeners } = await import(process.argv[1]);
const { systemClock } = await import(process.argv[2]);
const held = [];
const listeners = createListeners({
  clock: systemClock,
  onSocket: (socket) => {
    socket.on('error', () => {});
    socket.end('served');
  },
  onExhausted: (name, error) => console.log('exhausted ' + name + ' ' + error.code),
});
(await listeners.plan([{ key: 'a', host: '127.0.0.1', port: 0, name: 'postgres.pg' }])).commit();
console.log('port ' + listeners.bound.get('a').port);
const take = () => {
  try {
    for (;;) {
      held.push(openSync('/dev/null'));
    }
  } catch {}
};
let taking = null;
process.stdin.on('data', () => {
  if (taking !== null) {
    clearInterval(taking);
    held.splice(0).forEach((descriptor) => closeSync(descriptor));
    return;
  }
  // Again and again, since what the earlier clients had becomes free.
  taking = setInterval(take, 5);
  take();
  console.log('full');
});
`;

/** What the listener says to a new client, or "" when it does not take one. */
async function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    said += bytes.toString();
  });
  await once(socket, 'close');
  return said;
}

test(
  'out of descriptors, new clients are turned away, the process lives, and it accepts again',
  { timeout: 180_000 },
  async (t) => {
    const modules = ['gateway/arriving/listeners.js', 'lib/clock.js'].map(
      (name) => `${import.meta.dirname}/../../src/${name}`,
    );
    const node = [process.execPath, '--input-type=module', '--eval', CHILD, ...modules];
    const child = spawn('/bin/sh', ['-c', 'ulimit -n 64 && exec "$@"', 'sh', ...node], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    await eventually('it listens', () => lines.length === 1);
    const port = Number(lines[0]?.split(' ')[1]);
    assert.equal(await ask(port), 'served');
    child.stdin.write('take\n');
    await eventually('it is full', () => lines.includes('full'));
    // One that was served before may give its descriptor back after the next has been turned away.
    let inARow = 0;
    await eventually('nobody is served without a descriptor', async () => {
      inARow = (await ask(port)) === '' ? inARow + 1 : 0;
      return inARow === 6;
    });
    child.stdin.write('give back\n');
    await eventually('it accepts again', async () => (await ask(port)) === 'served');
    assert.equal(child.exitCode, null);
  },
);

test('when accepting fails, it pauses for a second and then listens on the same port; what is connected lives', async (t) => {
  const clock = new FakeClock();
  const seen: Socket[] = [];
  const told: string[] = [];
  const listeners = createListeners({
    clock,
    onSocket: (socket) => {
      socket.on('error', () => {});
      seen.push(socket);
    },
    onExhausted: (name, error) => told.push(`${name}: ${String(error)}`),
  });
  t.after(() => {
    listeners.close();
    seen.forEach((socket) => socket.destroy());
  });
  (await listeners.plan([spec('a')])).commit();
  const port = listeners.bound.get('a')?.port ?? 0;
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  await eventually('it is accepted', () => seen.length === 1);
  const [socket] = seen;
  assert.ok(socket !== undefined && 'server' in socket && socket.server instanceof Server);
  // What Node does with an accept that fails for want of memory or buffers.
  socket.server.emit('error', new Error('accept ENOBUFS'));
  assert.deepEqual(told, ['a: Error: accept ENOBUFS']);
  assert.equal(await reachable(port), false);
  await clock.advance(999);
  assert.equal(await reachable(port), false);
  await clock.advance(1);
  await eventually('it listens again', () => reachable(port));
  socket.write('still here');
  assert.equal(String((await once(client, 'data'))[0]), 'still here');
});
