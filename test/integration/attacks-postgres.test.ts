// Every security case for SQL on Postgres, end to end: a client, the daemon, a recording proxy, a real server. A denial counts only when
// none of the statement's bytes went upstream; an allow only when all of them did.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ATTACKS, type AttackRow } from '../corpus/attacks-postgres.ts';
import { ATTACK_SCHEMA, attackConfig, RULE_SETS, type SetName } from '../corpus/attack-sets.ts';
import { connectionOf, nextName } from '../support/attack-gateway.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findPostgres, startPostgres } from '../support/postgres-server.ts';
import { fieldsOf, query, RawPostgres, type ServerMessage } from '../support/raw-postgres.ts';
import { startRecordingProxy, type RecordedConnection, type RecordingProxy } from '../support/recording-proxy.ts';

const undo: (() => void | Promise<void>)[] = [];
const scope = { after: (step: () => void | Promise<void>) => undo.push(step) };
const skip = findPostgres('debian') === null ? 'no PostgreSQL on this machine' : false;
let gateway: GatewayProcess;
let proxy: RecordingProxy;

before(async () => {
  if (skip !== false) {
    return;
  }
  const server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query(ATTACK_SCHEMA, 'app');
  proxy = await startRecordingProxy(scope, server.port);
  gateway = await startGateway(scope, {
    config: attackConfig(proxy.port, 'app'),
    env: { PG_PASSWORD: server.password },
  });
});

after(async () => {
  for (const step of undo.toReversed()) {
    await step();
  }
});

interface Client {
  readonly raw: RawPostgres;
  readonly recorded: RecordedConnection;
}

async function login(set: SetName): Promise<Client> {
  const name = nextName();
  const raw = await RawPostgres.login(gateway.port(`postgres.pg-${set.toLowerCase()}`), {
    user: 'agent',
    database: 'app',
    application_name: name,
  });
  const recorded = connectionOf(proxy, name);
  assert.ok(recorded, 'the gateway connected upstream');
  return { raw, recorded };
}

const sentUpstream = (client: Client): Buffer => Buffer.concat(client.recorded.chunks);
const codes = (messages: readonly ServerMessage[]): string[] =>
  messages.filter((message) => message.type === 'E').map((message) => fieldsOf(message)['C'] ?? '');
const bytesOf = (input: string | Buffer): Buffer => (typeof input === 'string' ? Buffer.from(input) : input);
const show = (input: string | Buffer): string => JSON.stringify(bytesOf(input).toString('latin1').slice(0, 90));

/** Statements that a set lets through: used to see that a connection lives on after a denial. */
const harmless = (set: SetName): string | null =>
  ['D', 'PURGE'].includes(set) ? null : set === 'LIMIT' ? 'SELECT 1 LIMIT 1' : 'SELECT 1';

async function checkDenied(client: Client, row: AttackRow, input: string | Buffer): Promise<void> {
  const mark = sentUpstream(client).length;
  client.raw.send(query(bytesOf(input)));
  const messages = await client.raw.until(row.outcome === 'refuse' && bytesOf(input).includes(0) ? 'E' : 'Z');
  const got = codes(messages);
  assert.equal(got.length, 1, `one error, got ${JSON.stringify(messages.map((message) => message.type))}`);
  assert.ok(['42501', '08P01', '22021'].includes(got[0] ?? ''), `a refusal, got ${got[0]}`);
  const sent = sentUpstream(client).subarray(mark);
  const text = bytesOf(input);
  for (const piece of [text.subarray(0, 16), text.subarray(-16)]) {
    assert.ok(!sent.includes(piece), `${show(piece)} reached the upstream`);
  }
  const next = harmless(row.set);
  if (next !== null && !client.raw.ended) {
    const answer = await client.raw.ask(query((row.before ?? []).includes('BEGIN') ? 'ROLLBACK' : next));
    assert.deepEqual(codes(answer), [], 'the connection lives on');
  }
}

async function checkParked(client: Client, input: string | Buffer): Promise<void> {
  const mark = sentUpstream(client).length;
  client.raw.send(query(bytesOf(input)));
  const messages = await client.raw.until('N');
  const notice = messages.at(-1);
  assert.ok(
    notice !== undefined && /[0-9a-f]{8}-[0-9a-f]{4}-7/.test(fieldsOf(notice)['M'] ?? ''),
    'a notice with the approval id',
  );
  assert.deepEqual(codes(messages), []);
  assert.ok(
    !sentUpstream(client).subarray(mark).includes(bytesOf(input).subarray(0, 16)),
    'nothing reached the upstream',
  );
}

async function checkAllowed(client: Client, input: string | Buffer): Promise<void> {
  const messages = await client.raw.ask(query(bytesOf(input)));
  assert.ok(
    !codes(messages).includes('42501'),
    `allowed, got ${JSON.stringify(messages.filter((m) => m.type === 'E').map(fieldsOf))}`,
  );
  assert.ok(sentUpstream(client).includes(query(bytesOf(input))), 'forwarded byte for byte');
}

for (const row of ATTACKS) {
  for (const input of row.inputs) {
    test(`${row.id} ${row.set} ${row.outcome}: ${show(input)}`, { skip, timeout: 120_000 }, async () => {
      const client = await login(row.set);
      try {
        for (const earlier of row.before ?? []) {
          assert.deepEqual(codes(await client.raw.ask(query(earlier))), [], earlier);
        }
        if (row.outcome === 'park') {
          await checkParked(client, input);
        } else if (row.outcome === 'allow') {
          await checkAllowed(client, input);
        } else {
          await checkDenied(client, row, input);
        }
      } finally {
        client.raw.close();
      }
    });
  }
}

test('PG-T12: every rule set denies something and allows something, so that a rule that denies all would be seen', () => {
  for (const set of Object.keys(RULE_SETS) as SetName[]) {
    const outcomes = new Set(
      ATTACKS.filter((row) => row.set === set).map((row) => (row.outcome === 'refuse' ? 'deny' : row.outcome)),
    );
    const oneSided: SetName[] = ['D', 'ASK', 'BANMERGE'];
    assert.ok(oneSided.includes(set) || outcomes.has('allow'), `${set} has an allowed twin`);
  }
});
