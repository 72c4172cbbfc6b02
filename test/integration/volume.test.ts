// Large answers through the real daemon: they arrive whole, its memory stays flat, and a policy that is reloaded meanwhile leaves them alone.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { before, test } from 'node:test';
import { createDeferred } from '../../src/lib/deferred.ts';
import { ATTACK_SCHEMA, attackConfig } from '../corpus/attack-sets.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres } from '../support/postgres-server.ts';
import * as wire from '../support/raw-postgres.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
const MIB = 1024 * 1024;
/** Whatever passes through, the daemon keeps to this over what it had before the first of it. */
const MAX_GROWTH_BYTES = 192 * MIB;
let gateway: GatewayProcess;
let config = '';
let idleBytes = 0;

before(async () => {
  if (skip === false) {
    const server = await startPostgres(scope, { flavour: 'debian' });
    await server.query('CREATE DATABASE app');
    await server.query(ATTACK_SCHEMA, 'app');
    config = attackConfig(server.port, 'app');
    gateway = await startGateway(scope, { config, env: { PG_PASSWORD: server.password } });
    idleBytes = residentBytes();
  }
});

/** Resident memory of the daemon in bytes. */
function residentBytes(): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** What an answer held, counted without keeping it. */
interface Counted {
  /** Messages by type. */
  readonly messages: Map<string, number>;
  /** Bytes of the bodies by type. */
  readonly bytes: Map<string, number>;
  /** The most that the daemon held meanwhile. */
  readonly residentBytes: number;
}

/** Reads up to ReadyForQuery. `progress` sees the bytes so far after each chunk. */
function count(socket: Socket, progress: (bytes: number) => void = () => undefined): Promise<Counted> {
  const messages = new Map<string, number>();
  const bytes = new Map<string, number>();
  let most = 0;
  let total = 0;
  let head = Buffer.alloc(0);
  let left = 0;
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      most = Math.max(most, residentBytes());
    }, 20);
    const finish = (): void => {
      clearInterval(timer);
      socket.removeAllListeners('data');
      socket.off('close', onClose);
      resolve({ messages, bytes, residentBytes: Math.max(most, residentBytes()) });
    };
    const onClose = (): void => reject(new Error('the connection ended'));
    socket.once('close', onClose);
    socket.on('data', (chunk) => {
      total += chunk.length;
      let at = Math.min(left, chunk.length);
      left -= at;
      while (at < chunk.length) {
        const rest = head.length === 0 ? chunk.subarray(at) : Buffer.concat([head, chunk.subarray(at)]);
        if (rest.length < 5) {
          head = Buffer.from(rest);
          break;
        }
        const type = String.fromCodePoint(rest[0] ?? 0);
        const size = 1 + rest.readUInt32BE(1);
        messages.set(type, (messages.get(type) ?? 0) + 1);
        bytes.set(type, (bytes.get(type) ?? 0) + size - 5);
        at += Math.min(size - head.length, chunk.length - at);
        left = Math.max(0, size - rest.length);
        head = Buffer.alloc(0);
        if (type === 'Z') {
          finish();
        }
      }
      progress(total);
    });
  });
}

async function login(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: gateway.port('postgres.pg-ban'), noDelay: true });
  socket.on('error', () => undefined);
  const greeted = count(socket);
  socket.write(wire.startup({ user: 'agent', database: 'app' }));
  await greeted;
  return socket;
}

interface Volume {
  readonly name: string;
  readonly frames: readonly Buffer[];
  readonly type: string;
  readonly messages: number;
  readonly bytes: number;
}

const binary = (sql: string): readonly Buffer[] => [
  wire.parse('', sql),
  wire.frame('B', '', '', wire.int16(0), wire.int16(0), wire.int16(1), wire.int16(1)),
  wire.execute(''),
  wire.sync(),
];
const ROW = 32 * 1024;
const ROWS = (1024 * MIB) / ROW;

const VOLUMES: readonly Volume[] = [
  {
    name: 'a result of 50 MiB',
    frames: [wire.query(`SELECT repeat('x', 1024) FROM generate_series(1, 51200)`)],
    type: 'D',
    messages: 51_200,
    bytes: 51_200 * (1024 + 6),
  },
  {
    name: 'a million rows in binary',
    frames: binary('SELECT i::int8 FROM generate_series(1, 1000000) i'),
    type: 'D',
    messages: 1_000_000,
    bytes: 1_000_000 * (8 + 6),
  },
  {
    name: 'a COPY in binary of a million rows',
    frames: [wire.query('COPY (SELECT i::int8 FROM generate_series(1, 1000000) i) TO STDOUT (FORMAT binary)')],
    type: 'd',
    messages: 1_000_001,
    bytes: 19 + 1_000_000 * (2 + 4 + 8) + 2,
  },
  {
    name: 'a COPY of 1 GiB',
    frames: [wire.query(`COPY (SELECT repeat('x', ${ROW - 1}) FROM generate_series(1, ${ROWS})) TO STDOUT`)],
    type: 'd',
    messages: ROWS,
    bytes: ROWS * ROW,
  },
];

for (const volume of VOLUMES) {
  test(`MP-15: ${volume.name} arrives whole, and the daemon does not grow`, { skip, timeout: 600_000 }, async () => {
    const socket = await login();
    const counted = count(socket);
    socket.write(Buffer.concat(volume.frames));
    const { messages, bytes, residentBytes: most } = await counted;
    assert.deepEqual([messages.get(volume.type), bytes.get(volume.type)], [volume.messages, volume.bytes]);
    assert.ok(most - idleBytes < MAX_GROWTH_BYTES, `grown by ${Math.round((most - idleBytes) / MIB)} MiB`);
    socket.destroy();
  });
}

test('MP-47: a reload leaves a running COPY alone, and the next statement meets the new policy', { skip }, async () => {
  const socket = await login();
  const { promise: stopped, resolve: stop } = createDeferred<null>();
  let pauses = 0;
  const counted = count(socket, (bytes) => {
    // Much more is still to come than the sockets on the way hold.
    if (bytes > 4 * MIB && pauses === 0) {
      pauses += 1;
      socket.pause();
      stop(null);
    }
  });
  socket.write(wire.query(`COPY (SELECT repeat('x', 8191) FROM generate_series(1, 16384)) TO STDOUT`));
  await stopped;
  const rule =
    'rule "frozen" {\n  endpoint = postgres.pg-ban\n  condition = "sql.verb == \'select\'"\n  verdict = "deny"\n}';
  writeFileSync(gateway.configPath, `${config}\n${rule}\n`);
  const told = gateway.cli('reload');
  assert.equal(told.code, 0, told.stderr);
  socket.resume();
  const { messages, bytes } = await counted;
  assert.deepEqual([messages.get('d'), bytes.get('d'), messages.get('C')], [16_384, 16_384 * 8192, 1]);
  for (const [sql, type] of [
    ['SELECT 1', 'E'],
    ['SHOW search_path', 'C'],
  ] as const) {
    const answer = count(socket);
    socket.write(wire.query(sql));
    assert.equal((await answer).messages.get(type), 1, sql);
  }
  socket.destroy();
});
