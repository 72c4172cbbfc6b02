// Connections on which nothing happens, and cancels that race with what does: no idle limit ends a session, the kernel is told to look
// after dead peers, and a cancel never reaches somebody else's statement.
import assert from 'node:assert/strict';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { attackConfig } from '../corpus/attack-sets.ts';
import { eventually } from '../support/daemon.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startGateway } from '../support/gateway-process.ts';
import { KEEPALIVE, kernelTimer } from '../support/kernel-timer.ts';
import { startPostgres } from '../support/postgres-server.ts';
import * as wire from '../support/raw-postgres.ts';
import { fileScope } from '../support/scope.ts';
import { startWireGateway } from '../support/wire-gateway.ts';

const { RawPostgres } = wire;
const DAY_MS = 24 * 60 * 60 * 1000;
const scope = fileScope();
const server = await startPostgres(scope, { flavour: 'debian' });
const upstream = { host: server.host, port: server.port };
const login = { user: server.user, password: server.password };
const types = (messages: readonly wire.ServerMessage[]): string => messages.map(({ type }) => type).join('');

test('MP-50: a session that idles for a day, between statements and in a transaction, is alive', async () => {
  const clock = new FakeClock();
  const { port } = await startWireGateway(scope, { upstream, ...login, clock });
  const client = await RawPostgres.login(port, { user: 'agent', database: 'postgres' });
  for (const sql of ['SELECT 1', 'BEGIN', 'SELECT 2', 'COMMIT']) {
    // Nothing that the gateway would do later is pending: time alone ends nothing.
    assert.equal(clock.timers, 0, sql);
    await clock.advance(DAY_MS);
    assert.match(types(await client.ask(wire.query(sql))), /^(TD)?CZ$/, sql);
  }
  assert.equal(clock.timers, 0);
  client.close();
});

test(
  'MP-50: the kernel sends keepalives to both peers of a session',
  { skip: process.platform !== 'linux' },
  async () => {
    const gateway = await startGateway(scope, {
      config: attackConfig(server.port, 'postgres'),
      env: { PG_PASSWORD: server.password },
    });
    const port = gateway.port('postgres.pg-t');
    const client = await RawPostgres.login(port, { user: 'agent', database: 'postgres', application_name: 'idler' });
    const [row] = await server.query(
      "SELECT client_port AS port FROM pg_stat_activity WHERE application_name = 'idler'",
    );
    const { port: clientPort } = client.socket.address() as AddressInfo;
    const timers = (): string =>
      [
        kernelTimer(port, clientPort),
        kernelTimer(Number(row?.['port']), server.port),
        kernelTimer(clientPort, port),
      ].join();
    // As soon as the last bytes are acknowledged. The twin: the test's own socket has none.
    await eventually('keepalives are armed', () => timers() === `${KEEPALIVE},${KEEPALIVE},00`);
    client.close();
  },
);

const CANCELS = 10_000;
const AT_ONCE = 16;

/** Sends a CancelRequest and waits until the gateway has closed. */
function cancel(port: number, key: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
    socket.end(Buffer.concat([wire.int32(16), wire.int32(80_877_102), key]));
  });
}

test(
  'PG-T09: ten thousand cancels race with the statements of two sessions and never reach the wrong one',
  { timeout: 900_000 },
  async () => {
    const { port } = await startWireGateway(scope, { upstream, ...login });
    const target = await RawPostgres.open(port);
    target.send(wire.startup({ user: 'agent', database: 'postgres' }));
    const key = (await target.until('Z')).find(({ type }) => type === 'K')?.body ?? Buffer.alloc(0);
    const bystander = await RawPostgres.login(port, { user: 'agent', database: 'postgres' });
    const state = { left: CANCELS, done: false };
    const cancelling = async (): Promise<void> => {
      while (state.left > 0) {
        state.left -= 1;
        await cancel(port, key);
      }
    };
    const errors: string[] = [];
    const running = async (client: wire.RawPostgres, allowed: readonly string[]): Promise<number> => {
      let cancelled = 0;
      for (let round = 0; !state.done; round += 1) {
        // Mostly short ones: a cancel that comes between two statements must do nothing.
        const messages = await client.ask(wire.query(round % 20 === 0 ? 'SELECT pg_sleep(0.005)' : 'SELECT 1'));
        const codes = messages.filter(({ type }) => type === 'E').map((message) => wire.fieldsOf(message)['C'] ?? '');
        errors.push(...codes.filter((code) => !allowed.includes(code)));
        cancelled += codes.length;
      }
      return cancelled;
    };
    const work = [running(target, ['57014']), running(bystander, [])];
    await Promise.all(Array.from({ length: AT_ONCE }, cancelling));
    state.done = true;
    const [cancelled = 0] = await Promise.all(work);
    assert.deepEqual(errors, []);
    assert.ok(cancelled > 10, `${cancelled} statements were cancelled`);
    // The server takes a cancel after it has closed its connection, so the last ones may still hit what comes next; then no more do.
    let last = await target.ask(wire.query('SELECT 1'));
    for (let late = 0; types(last) === 'EZ' && late < CANCELS; late += 1) {
      assert.equal(wire.fieldsOf(last[0] ?? { type: 'E', body: Buffer.alloc(0) })['C'], '57014');
      last = await target.ask(wire.query('SELECT 1'));
    }
    assert.equal(types(last), 'TDCZ');
    target.close();
    bystander.close();
  },
);
