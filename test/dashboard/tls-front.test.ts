// The front of the addresses that machines and operators speak TLS with: how many may be there.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as connectSecurely, createSecureContext } from 'node:tls';
import { test } from 'node:test';
import { createTlsFront } from '../../src/dashboard/tls-front.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { makeAuthority } from '../support/certificate.ts';
import { eventually } from '../support/daemon.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { CleanUp } from '../support/temp.ts';

interface Front {
  readonly http: Server;
  /** Connects from that address, says nothing and stays, if it may. */
  readonly enter: (from: string) => Promise<boolean>;
  /** The one that has been there longest is sent away. */
  readonly sendAway: () => void;
}

async function listen(t: CleanUp, most: number): Promise<Front> {
  const http = createServer();
  http.maxConnections = most;
  let accepted = (): void => {};
  const inside: (() => void)[] = [];
  const front = createTlsFront(http, {
    // Asked for by each that is let in. The certificate never comes: it stays.
    context: () => {
      accepted();
      return new Promise((_, reject) => void inside.push(() => reject(new Error('no certificate'))));
    },
    clock: new FakeClock(),
  });
  await new Promise<void>((resolve) => void front.listen(0, '0.0.0.0', resolve));
  const { port } = front.address() as AddressInfo;
  const all: Socket[] = [];
  t.after(() => {
    inside.forEach((leave) => leave());
    all.forEach((socket) => socket.destroy());
    front.close();
  });
  return {
    http,
    sendAway: () => inside.shift()?.(),
    enter(from) {
      const socket = connect({ host: '127.0.0.1', port, localAddress: from });
      socket.on('error', () => {});
      socket.resume();
      all.push(socket);
      return new Promise((resolve) => {
        accepted = () => resolve(true);
        socket.once('close', () => resolve(false));
      });
    },
  };
}

test('DP-31: no more than the server’s connections are there, and a third of them from one address', async (t) => {
  const { http, enter, sendAway } = await listen(t, 4);
  for (const from of ['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3']) {
    assert.equal(await enter(from), true, from);
  }
  assert.equal(await enter('127.0.0.4'), false, 'it is full');
  sendAway();
  await eventually('there is room', () => enter('127.0.0.4'));
  assert.equal(await enter('127.0.0.5'), false, 'it is full again');
  // As many as are carried elsewhere have their places back; one address has a third.
  http.maxConnections = 12;
  for (const from of ['127.0.0.1', '127.0.0.1', '127.0.0.1']) {
    assert.equal(await enter(from), true, from);
  }
  assert.equal(await enter('127.0.0.1'), false, 'that address has a third');
  assert.equal(await enter('127.0.0.5'), true, 'another one has not');
});

test(
  'TR-10: a request that does not come whole in time is ended, behind the front as without it',
  { timeout: 120_000 },
  async (t) => {
    const limits = { requestTimeout: 3_000, headersTimeout: 3_000, connectionsCheckingInterval: 100 };
    const http = createServer(limits, (request, response) => {
      request.resume();
      request.on('end', () => response.end('whole'));
    });
    http.maxConnections = 8;
    const context = createSecureContext(await (await makeAuthority()).leaf('gateway.test'));
    const front = createTlsFront(http, { context: () => Promise.resolve(context), clock: systemClock });
    await new Promise<void>((resolve) => void front.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      front.close();
      http.close();
    });
    const { port } = front.address() as AddressInfo;
    const say = (bytes: string): Promise<string> =>
      new Promise((resolve) => {
        let said = '';
        const socket = connectSecurely({ host: '127.0.0.1', port, rejectUnauthorized: false });
        socket.write(bytes);
        socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
        socket.on('error', () => {});
        socket.on('close', () => resolve(said));
      });
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n';
    assert.match(await say(`${head}\r\nbody`), /^HTTP\/1\.1 200 [^]*whole$/);
    // The head, and the body.
    const cut = await Promise.all([say(head), say(`${head}\r\nb`)]);
    assert.deepEqual(
      cut.map((said) => said.slice(0, 12)),
      ['HTTP/1.1 408', 'HTTP/1.1 408'],
    );
  },
);
