import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { test } from 'node:test';
import { createDial } from '../../src/gateway/dialling/dial.ts';
import type { BoundAddress } from '../../src/gateway/dialling/addresses.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import type { CleanUp } from '../support/temp.ts';

async function listen(t: CleanUp, host: string): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

const dialWith = (bound: readonly BoundAddress[] = []) =>
  createDial({ clock: systemClock, resolver: () => null, bound: () => bound });
const never = new AbortController().signal;

test('an upstream that listens is connected, one that does not is unreachable at once, with a fix', async (t) => {
  const { server, port } = await listen(t, '127.0.0.1');
  const socket = await dialWith()({ host: '127.0.0.1', port }, never);
  assert.equal(socket.remotePort, port);
  socket.destroy();
  server.close();
  await once(server, 'close');
  await assert.rejects(dialWith()({ host: '127.0.0.1', port }, never), {
    code: 'UPSTREAM_UNREACHABLE',
    message: new RegExp(`cannot reach 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*check the endpoint's host`),
  });
});

test('a name with several addresses is connected by whichever answers', async (t) => {
  const { port } = await listen(t, '127.0.0.1');
  const socket = await dialWith()({ host: 'localhost', port }, never);
  assert.equal(socket.remoteAddress, '127.0.0.1');
  socket.destroy();
});

test('our own listeners are not dialled', async (t) => {
  const { port } = await listen(t, '127.0.0.1');
  await assert.rejects(dialWith([{ host: '127.0.0.1', port }])({ host: '127.0.0.1', port }, never), {
    code: 'UPSTREAM_UNREACHABLE',
    culprit: 'operator',
    message: /a listener of this gateway/,
  });
});

test('a name that does not exist is unreachable', async () => {
  await assert.rejects(dialWith()({ host: 'no-such-host.invalid', port: 1 }, never), { code: 'UPSTREAM_UNREACHABLE' });
});

test('whoever gave up is not kept waiting, and a black hole ends at the deadline', { timeout: 60_000 }, async (t) => {
  const { port } = await listen(t, '127.0.0.1');
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(dialWith()({ host: '127.0.0.1', port }, abort.signal), { message: /given up/ });
  const clock = new FakeClock();
  // TEST-NET-1: nothing answers there, or the system says at once that there is no way to it.
  const dialling = createDial({ clock, resolver: () => null, bound: () => [] })({ host: '192.0.2.1', port: 9 }, never);
  const ended = assert.rejects(dialling, { code: 'UPSTREAM_UNREACHABLE' });
  await settled();
  await clock.advance(10_000);
  await ended;
  assert.equal(clock.timers, 0);
});

interface NameServer {
  readonly address: string;
  readonly asked: Set<string>;
  /** Questions for an A. */
  readonly questions: () => number;
}

/**
 * A name server that answers an A with the next of these addresses, at last with 127.0.0.1, and everything else with nothing. Gives the
 * names that it was asked for.
 */
async function nameServer(t: CleanUp, addresses: readonly (readonly number[])[] = []): Promise<NameServer> {
  const asked = new Set<string>();
  let questions = 0;
  const socket = createSocket('udp4', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + size));
      at += 1 + size;
    }
    asked.add(labels.join('.'));
    const isA = query.readUInt16BE(at + 1) === 1;
    // Flags: an answer, recursion available; one question; the address once, its name as a pointer to the question.
    const head = Buffer.from([0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
    const ip = (isA ? addresses[questions] : undefined) ?? [127, 0, 0, 1];
    questions += isA ? 1 : 0;
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...ip]);
    const parts = [query.subarray(0, 2), head, query.subarray(12, at + 5), ...(isA ? [record] : [])];
    socket.send(Buffer.concat(parts), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked, questions: () => questions };
}

test('HT-45: a name that answers otherwise when it is asked again leads to the address that was checked, and nowhere else', async (t) => {
  const { server, port } = await listen(t, '127.0.0.1');
  let connections = 0;
  server.on('connection', () => (connections += 1));
  // TEST-NET-3 is nobody's: what was checked is dialled, and does not answer.
  const names = await nameServer(t, [[203, 0, 113, 7]]);
  const clock = new FakeClock();
  const dial = createDial({ clock, resolver: () => names.address, bound: () => [] });
  const ended = assert.rejects(dial({ host: 'rebound.clawpatrol.test', port }, never), {
    code: 'UPSTREAM_UNREACHABLE',
  });
  while (names.questions() === 0) {
    await settled();
  }
  // The answer is taken in a turn of the loop after the question.
  for (let turn = 0; turn < 50; turn += 1) {
    await settled();
  }
  await clock.advance(10_000);
  await ended;
  assert.deepEqual([names.questions(), connections], [1, 0]);
  // The second time the name leads to this host, and is refused for it.
  const message = /rebound\.clawpatrol\.test resolves to 127\.0\.0\.1, where no name may lead/;
  await assert.rejects(dial({ host: 'rebound.clawpatrol.test', port }, never), { message });
  assert.equal(connections, 0);
  // The twin: a written address is dialled at that listener.
  (await dial({ host: '127.0.0.1', port }, never)).destroy();
});

test('names are asked of `resolver`, and what it answers is checked like any address', async (t) => {
  const { address, asked } = await nameServer(t);
  const { port } = await listen(t, '127.0.0.1');
  const dial = (resolver: string | null) =>
    createDial({ clock: systemClock, resolver: () => resolver, bound: () => [] });
  const message = /db\.clawpatrol\.test resolves to 127\.0\.0\.1, where no name may lead/;
  await assert.rejects(dial(address)({ host: 'db.clawpatrol.test', port }, never), { culprit: 'operator', message });
  assert.deepEqual([...asked], ['db.clawpatrol.test']);
  // Addresses and `localhost` are nobody's to answer.
  for (const host of ['127.0.0.1', 'localhost']) {
    (await dial(address)({ host, port }, never)).destroy();
  }
  // The twin: without the attribute the system's resolver is asked.
  await assert.rejects(dial(null)({ host: 'other.clawpatrol.invalid', port }, never), { code: 'UPSTREAM_UNREACHABLE' });
  assert.deepEqual([...asked], ['db.clawpatrol.test']);
});
