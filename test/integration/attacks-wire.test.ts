// Security cases of the Postgres wire (section 1.6) end to end: through the daemon, with a recording proxy before a real server.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { SetName } from '../corpus/attack-sets.ts';
import {
  approve,
  errorCodes as codes,
  parkedId,
  startAttackGateway,
  tags,
  type AttackClient,
  type AttackGateway,
} from '../support/attack-gateway.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres } from '../support/postgres-server.ts';
import * as wire from '../support/raw-postgres.ts';
import type { RecordingProxy } from '../support/recording-proxy.ts';
import { fileScope } from '../support/scope.ts';

const { RawPostgres } = wire;
const scope = fileScope();
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let world: AttackGateway;
let gateway: GatewayProcess;
let proxy: RecordingProxy;

before(async () => {
  if (skip === false) {
    world = await startAttackGateway(scope);
    ({ gateway, proxy } = world);
    await world.server.query('CREATE DOMAIN day AS date', 'app');
    const [row] = await world.server.query("SELECT 'day'::regtype::oid::int AS oid", 'app');
    domainOid = Number(row?.['oid']);
  }
});

const portOf = (set: SetName): number => world.port(set);
const login = async (set: SetName): Promise<wire.RawPostgres> => (await world.login(set)).raw;
const upstream = (): string =>
  proxy.connections.map(({ chunks }) => Buffer.concat(chunks).toString('latin1')).join('\n');

test(
  'PG-31: a name prepared on the wire is the same name in SQL, and neither way runs what is denied',
  { skip },
  async () => {
    const client = await login('BAN');
    assert.deepEqual(codes(await client.ask(wire.parse('w1', 'DELETE FROM u WHERE id = 31'), wire.sync())), ['42501']);
    assert.deepEqual(codes(await client.ask(wire.query('EXECUTE w1'))), ['42501']);
    assert.deepEqual(codes(await client.ask(wire.parse('w2', 'SELECT 31'), wire.sync())), []);
    assert.deepEqual(codes(await client.ask(wire.query('EXECUTE w2'))), []);
    assert.ok(!upstream().includes('id = 31'));
    client.close();
  },
);

test(
  'PG-32: a statement that SQL prepared parks at each execution by the wire, and nothing runs before',
  { skip, timeout: 180_000 },
  async () => {
    const { raw: client, sent } = await world.login('ASK');
    client.send(wire.query("PREPARE p1 AS UPDATE users SET name = 'thirty-two' WHERE id = 1"));
    assert.equal(approve(gateway, await parkedId(client)), 0);
    assert.deepEqual(tags(await client.until('Z')), ['PREPARE']);
    for (let round = 0; round < 2; round += 1) {
      const mark = sent().length;
      client.send(wire.bind('', 'p1'), wire.execute(''), wire.sync());
      const id = await parkedId(client);
      assert.ok(!sent().subarray(mark).includes(wire.execute('')), 'the execution waits');
      assert.equal(approve(gateway, id), 0);
      assert.deepEqual(tags(await client.until('Z')), ['UPDATE 1']);
    }
    // The twin: a read that SQL prepared runs by the wire without a question.
    assert.deepEqual(tags(await client.ask(wire.query('PREPARE p2 AS SELECT 32'))), ['PREPARE']);
    assert.deepEqual(tags(await client.ask(wire.bind('', 'p2'), wire.execute(''), wire.sync())), ['SELECT 1']);
    client.close();
  },
);

/** Days since 2000-01-01, as the server sends and takes dates in binary. */
const binaryDate = (text: string): Buffer =>
  wire.int32((Date.parse(`${text}T00:00:00Z`) - Date.parse('2000-01-01T00:00:00Z')) / 86_400_000);
const DATE_OID = 1082;
/** Of a domain over date: no type that a gateway could know. */
let domainOid = 0;

interface BoundCase {
  readonly name: string;
  readonly oids: () => readonly number[];
  readonly value: string | Buffer;
  readonly allowed: boolean;
}

const BOUND: readonly BoundCase[] = [
  { name: 'PG-91: an early date as text', oids: () => [], value: '2023-01-01', allowed: true },
  { name: 'PG-91: a late date as text', oids: () => [], value: '2030-01-01', allowed: false },
  { name: 'PG-92: an early date in binary', oids: () => [DATE_OID], value: binaryDate('2023-01-01'), allowed: true },
  { name: 'PG-92: a late date in binary', oids: () => [DATE_OID], value: binaryDate('2030-01-01'), allowed: false },
  {
    name: 'PG-92: an early date in binary of an unknown type',
    oids: () => [domainOid],
    value: binaryDate('2023-01-01'),
    allowed: false,
  },
  {
    name: 'PG-92: an early date in binary of a type that was not named',
    oids: () => [],
    value: binaryDate('2023-01-01'),
    allowed: false,
  },
];

async function bindAndExecute({ raw, sent }: AttackClient, value: string | Buffer): Promise<[string[], boolean]> {
  const mark = sent().length;
  const messages = await raw.ask(wire.bind('', 'purge', [value]), wire.execute(''), wire.sync());
  return [codes(messages), sent().subarray(mark).includes(wire.execute(''))];
}

for (const { name, oids, value, allowed } of BOUND) {
  test(`${name} is ${allowed ? 'allowed' : 'denied'} at its execution`, { skip }, async () => {
    const client = await world.login('PURGE');
    const parsed = await client.raw.ask(wire.parse('purge', 'DELETE FROM logs WHERE date < $1', oids()), wire.sync());
    assert.deepEqual(codes(parsed), []);
    assert.deepEqual(await bindAndExecute(client, value), [allowed ? [] : ['42501'], allowed]);
    client.raw.close();
  });
}

test('PG-91: one Parse, judged once: its executions are allowed and denied by their own values', { skip }, async () => {
  const client = await world.login('PURGE');
  await client.raw.ask(wire.parse('purge', 'DELETE FROM logs WHERE date < $1'), wire.sync());
  for (const [value, allowed] of [
    ['2023-01-01', true],
    ['2030-01-01', false],
    ['2022-01-01', true],
  ] as const) {
    assert.deepEqual(await bindAndExecute(client, value), [allowed ? [] : ['42501'], allowed], value);
  }
  client.raw.close();
});

test('PG-50: a function call is refused, and the connection lives', { skip }, async () => {
  const client = await login('T');
  const call = wire.frame('F', wire.int32(1598), wire.int16(0), wire.int16(0), wire.int16(0));
  assert.equal(codes(await client.ask(call)).length, 1);
  assert.deepEqual(codes(await client.ask(wire.query('SELECT 1'))), []);
  client.close();
});

test('PG-98: each execution of an approved statement asks again', { skip, timeout: 180_000 }, async () => {
  const client = await login('ASK');
  await client.ask(wire.parse('p', 'UPDATE users SET name = $1 WHERE id = 2'), wire.sync());
  const ids: string[] = [];
  for (const name of ['first', 'second']) {
    client.send(wire.bind('', 'p', [name]), wire.execute(''), wire.sync());
    const id = await parkedId(client);
    assert.equal(approve(gateway, id), 0);
    assert.deepEqual(codes(await client.until('Z')), []);
    ids.push(id);
  }
  assert.notEqual(ids[0], ids[1]);
  client.close();
});

test(
  'PG-102: whoever falls silent before the login is cut off at the deadline, and others are served',
  { skip, timeout: 180_000 },
  async () => {
    const silent = await RawPostgres.open(portOf('T'));
    silent.send(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
    const half = await RawPostgres.open(portOf('T'));
    half.send(wire.startup({ user: 'agent', database: 'app' }).subarray(0, 12));
    const other = await login('T');
    assert.deepEqual(codes(await other.ask(wire.query('SELECT 1'))), []);
    other.close();
    await Promise.all([silent.untilEnd(), half.untilEnd()]);
  },
);

for (const length of [0, 1, 3, 4, 7, 2 ** 31 - 1, 2 ** 32 - 1]) {
  test(
    `PG-103: a length of ${length} ends the connection cleanly, at start-up and later`,
    { skip, timeout: 180_000 },
    async () => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      const fresh = await RawPostgres.open(portOf('T'));
      fresh.send(head, Buffer.alloc(8));
      await fresh.untilEnd();
      const client = await login('T');
      client.send(Buffer.from('Q'), head, Buffer.alloc(8));
      // Four and seven are lengths of a Query that is complete, and 2^31-1 never is: it is refused by its length alone.
      if (length !== 4 && length !== 7) {
        await client.untilEnd();
      }
      client.close();
      const next = await login('T');
      assert.deepEqual(codes(await next.ask(wire.query('SELECT 1'))), []);
      next.close();
    },
  );
}

const REFUSED_STARTUPS: readonly Readonly<Record<string, string>>[] = [
  { replication: 'database' },
  { session_authorization: 'x' },
  { options: '-c role=x' },
  { options: '--role=x' },
  { options: '-c standard_conforming_strings=off' },
  { nonsense: '1' },
];

for (const extra of REFUSED_STARTUPS) {
  test(`PG-107: a start-up packet with ${JSON.stringify(extra)} is refused`, { skip }, async () => {
    const client = await RawPostgres.open(portOf('T'));
    client.send(wire.startup({ user: 'agent', database: 'app', ...extra }));
    assert.equal(codes(await client.until('E')).length, 1);
    await client.untilEnd();
  });
}

test('PG-107: what is harmless is kept', { skip }, async () => {
  const client = await RawPostgres.login(portOf('T'), {
    user: 'agent',
    database: 'app',
    application_name: 'probe',
    options: '-c work_mem=5MB',
  });
  const answer = await client.ask(
    wire.query("SELECT current_setting('application_name') || current_setting('work_mem')"),
  );
  assert.ok(answer.some(({ type, body }) => type === 'D' && body.toString().includes('probe5MB')));
  client.close();
});

for (const name of [`a'b`, 'a" OR 1=1', 'a?b/c:d@e\\f', 'x'.repeat(9000)]) {
  test(
    `PG-108: a user and database named ${JSON.stringify(name.slice(0, 20))} are never spliced into anything`,
    { skip },
    async () => {
      const connections = proxy.connections.length;
      const client = await RawPostgres.open(portOf('T'));
      client.send(wire.startup({ user: name, database: name.slice(0, 500) }));
      await Promise.race([client.until('Z'), client.until('E')]).catch(() => undefined);
      const sent = proxy.connections.slice(connections).map(({ chunks }) => Buffer.concat(chunks).toString('latin1'));
      for (const bytes of sent) {
        // The user is the credential's; the database is one value of the start-up packet, between its zero bytes, and nothing else.
        assert.ok(bytes.includes('user\0postgres\0'));
        assert.ok(!bytes.replace(`database\0${name.slice(0, 500)}\0`, '').includes(name.slice(0, 500)), bytes);
      }
      client.close();
    },
  );
}

test(
  'MP-14: cursors, portals with row limits, and Describe before Execute work as they do directly',
  { skip },
  async () => {
    const client = await login('T');
    assert.deepEqual(
      codes(
        await client.ask(
          wire.query('BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 9); FETCH 4 FROM c; CLOSE c; COMMIT'),
        ),
      ),
      [],
    );
    const answer = await client.ask(
      wire.parse('', 'SELECT generate_series(1, 5)'),
      wire.bind('p', ''),
      wire.describe('P', 'p'),
      wire.execute('p', 2),
      wire.execute('p', 2),
      wire.sync(),
    );
    assert.equal(answer.map(({ type }) => type).join(''), '12TDDsDDsZ');
    client.close();
  },
);
