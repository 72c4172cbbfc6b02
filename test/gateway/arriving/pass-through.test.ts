// Idle connections to what nobody declared (traps TR-04), over real sockets and a clock that moves only when told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { createPassThrough, type PassThroughParts } from '../../../src/gateway/arriving/pass-through.ts';
import { Places } from '../../../src/gateway/places.ts';
import { FakeAudit } from '../../support/gate-parts.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { eventually as waitUntil } from '../../support/daemon.ts';
import type { CleanUp } from '../../support/temp.ts';

async function listen(t: CleanUp, onSocket: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

async function open(t: CleanUp, { perDevice }: { readonly perDevice: number }) {
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const upstreams = new Set<Socket>();
  const far = await listen(t, (socket) => {
    upstreams.add(socket);
    socket.on('close', () => upstreams.delete(socket));
    socket.on('data', (bytes: Buffer) => void socket.write(bytes));
    socket.on('end', () => void socket.end());
  });
  const refused: string[] = [];
  const none = (): null => null;
  const passing = createPassThrough({
    clock,
    audit,
    recorder: { record: (event: { readonly reason: string }) => refused.push(event.reason) },
    metrics: { connections: none, refused: none },
    logger: { debug: none, error: none },
    gate: { decide: none, settle: none },
    quarantine: { find: none },
    live: () => ({
      config: { defaults: { unknownHost: 'passthrough', unknownPrivate: 'deny' }, endpoints: [], gateway: {} },
    }),
    places: new Places(() => ({ connections: 10_000, connectionsPerDevice: perDevice })),
    own: () => ({ networks: [], local: new Set() }),
    declared: { find: async () => ({ host: null, unclear: null }) },
    resolve: async (host: string) => [host],
    dial: async () => {
      const socket = connect({ port: far.port, host: '127.0.0.1', allowHalfOpen: true });
      await once(socket, 'connect');
      return socket;
    },
    stillHere: () => true,
  } as unknown as PassThroughParts);
  const near = await listen(t, (socket) => {
    const device = 'laptop';
    passing.accept({
      socket,
      agent: { device, profile: 'p', run: '', user: '', ip: '10.77.0.2', transport: 'wireguard' },
      target: { host: '93.184.216.34', port: 7000 },
      name: '',
      heard: true,
      onDialled: () => {},
      onRefused: () => void socket.resetAndDestroy(),
    });
  });
  const clients: Client[] = [];
  const client = async (): Promise<Client> => {
    const socket = connect({ port: near.port, host: '127.0.0.1' });
    const made: Client = { socket, got: '', closed: false };
    socket.on('data', (bytes: Buffer) => (made.got += bytes.toString()));
    socket.on('error', () => {});
    socket.on('close', () => (made.closed = true));
    clients.push(made);
    socket.write('x');
    await waitUntil('it is answered or refused', () => made.got !== '' || made.closed);
    return made;
  };
  t.after(() => clients.forEach(({ socket }) => socket.destroy()));
  return { clock, audit, passing, upstreams, refused, client };
}

interface Client {
  readonly socket: Socket;
  got: string;
  closed: boolean;
}

test('TR-04: idle connections end at their deadline, one that is used stays, and nothing of them is left', async (t) => {
  const { clock, passing, upstreams, client, audit } = await open(t, { perDevice: 1_000 });
  const idle = [];
  for (let at = 0; at < 300; at += 1) {
    idle.push(client());
  }
  const opened = await Promise.all(idle);
  assert.deepEqual([passing.size, upstreams.size], [300, 300]);
  await clock.advance(1_800_000);
  const used = await client();
  await clock.advance(1_800_001);
  await waitUntil('the idle ones have ended', () => opened.every(({ closed }) => closed));
  await waitUntil('they are forgotten', () => passing.size === 1 && upstreams.size === 1);
  assert.equal(used.closed, false);
  const ends = audit.events.filter(({ type }) => type === 'connection.closed');
  assert.deepEqual([ends.length, ends[0]?.reason], [300, 'nothing was sent for 3600 s']);
  used.socket.end();
  await passing.emptied();
  await waitUntil('no socket is left', () => upstreams.size === 0);
  assert.equal(clock.timers, 0);
});

test('TR-04: at its limit a device loses what is idle for longest to a new one, and nothing that was used a moment ago', async (t) => {
  const { clock, passing, refused, client } = await open(t, { perDevice: 3 });
  const first = await client();
  await clock.advance(1_000);
  const second = await client();
  const third = await client();
  // All were used within the minute: nothing is taken from them.
  const early = await client();
  assert.deepEqual([early.got, refused], ['', ['too many connections of this device']]);
  await clock.advance(61_000);
  first.socket.write('y');
  await waitUntil('it is answered', () => first.got === 'xy');
  const fourth = await client();
  assert.equal(fourth.got, 'x');
  await waitUntil('one of the idle has ended', () => second.closed !== third.closed);
  assert.equal(first.closed, false);
  const fifth = await client();
  assert.equal(fifth.got, 'x');
  await waitUntil('the other idle one too', () => second.closed && third.closed);
  const sixth = await client();
  assert.deepEqual([sixth.got, first.closed, fourth.closed, fifth.closed], ['', false, false, false]);
  await waitUntil('they are forgotten', () => passing.size === 3);
});
