import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { createListeners } from '../../src/gateway/listeners.ts';
import { systemClock } from '../../src/lib/clock.ts';
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

test('an undone plan leaves no trace, and so does one that fails half way', async (t) => {
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
