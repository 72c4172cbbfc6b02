// The surroundings of a driver's test: a real server with a schema worth reading, the daemon with one endpoint a driver, and the checks
// that hold for every driver. A client program knows three modes:
//   reads            prints what it read of data and schema; run twice, directly and through the gateway
//   session          prints the lines of SESSION: prepared statements, a denial, a denial in a transaction, writes, resets
//   denied TEXT …    sends each text on one connection and prints its SQLSTATE and what `SELECT 1` gives behind it: `42501 1`
//   tls PORT MODE …  connects to each port with each sslmode and prints `MODE: ` with `ok` or `refused`
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { DENIED, driverConfig, DRIVER_SCHEMA, REFUSED } from '../corpus/driver-world.ts';
import { eventually } from './daemon.ts';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { findPostgres, startPostgres, type PostgresOptions, type PostgresServer } from './postgres-server.ts';
import { runProgram, type ProgramResult } from './run.ts';
import type { CleanUp } from './temp.ts';

/** How to start a client program, without its mode. */
export interface ClientProgram {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface DriverWorld {
  readonly server: PostgresServer;
  readonly gateway: GatewayProcess;
  /** PEM file of the authority that signs what listeners show. */
  readonly caPath: string;
  /** libpq's variables for the endpoint of this name; `direct` is the server itself. */
  environment(target: string): Readonly<Record<string, string>>;
  /** Texts of everything that this endpoint denied, and how many actions it allowed. */
  judged(endpoint: string): { readonly denied: readonly string[]; readonly allowed: number };
}

/** Why tests that need PostgreSQL and these programs (by name) or files (by path) are skipped, or false. */
export function skipWithout(...things: readonly string[]): string | false {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const absent = things.filter(
    (thing) => !(thing.startsWith('/') ? existsSync(thing) : folders.some((folder) => existsSync(join(folder, thing)))),
  );
  if (findPostgres('debian') === null) {
    absent.push('PostgreSQL');
  }
  return absent.length === 0 ? false : `this machine lacks ${absent.join(', ')}`;
}

const AGENT_PASSWORD = 'only-for-the-gateway';

/** Every client prints these lines in mode `session`. */
export const SESSION: readonly string[] = [
  'prepared: user 7',
  'prepared again: user 8',
  'denied: 42501',
  'then: 1',
  'in a transaction: 1',
  'denied there: 42501',
  'still failed: 25P02',
  'after the rollback: 0',
  'written: kept 2',
  'reset: 1',
];

/** Starts the server with its schema and the daemon with an endpoint for each name. */
export async function startDriverWorld(
  cleanUp: CleanUp,
  names: readonly string[],
  flavour: PostgresOptions['flavour'] = 'debian',
): Promise<DriverWorld> {
  const server = await startPostgres(cleanUp, { flavour, settings: ['autovacuum = off', 'jit = off'] });
  await server.query('CREATE DATABASE app');
  await server.query(DRIVER_SCHEMA, 'app');
  const gateway = await startGateway(cleanUp, {
    config: driverConfig(server.port, names),
    env: { PG_PASSWORD: server.password, AGENT_PASSWORD },
  });
  const caPath = join(gateway.stateDir, 'keys', 'ca.crt');
  return {
    server,
    gateway,
    caPath,
    environment: (target) => ({
      PGHOST: '127.0.0.1',
      PGDATABASE: 'app',
      ...(target === 'direct'
        ? { PGPORT: String(server.port), PGUSER: 'postgres', PGPASSWORD: server.password }
        : { PGPORT: String(gateway.port(`postgres.${target}`)), PGUSER: 'agent' }),
    }),
    judged: (endpoint) => judgedOf(gateway, endpoint),
  };
}

interface DecidedRecord {
  readonly verdict: string;
  readonly text: string | null;
}

function judgedOf(gateway: GatewayProcess, endpoint: string): { denied: string[]; allowed: number } {
  const exported = gateway.cli('audit', 'export', '--endpoint', `postgres.${endpoint}`, '--types', 'action.decided');
  assert.equal(exported.code, 0, exported.stderr);
  const records = exported.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DecidedRecord);
  return {
    denied: records.filter((record) => record.verdict === 'deny').map((record) => record.text ?? ''),
    allowed: records.filter((record) => record.verdict === 'allow').length,
  };
}

async function runClient(
  client: ClientProgram,
  mode: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const result: ProgramResult = await runProgram(client.program, [...client.args, ...mode], {
    env: { ...client.env, ...env },
    timeoutMs: 120_000,
  });
  assert.equal(result.code, 0, `${client.args.join(' ')} ${mode.join(' ')}: ${result.stderr}${result.stdout}`);
  return result.stdout.trimEnd().split('\n');
}

/** What the client reads of data and schema is the same through the gateway as without it, and nothing of it was denied. */
export async function checkReads(world: DriverWorld, endpoint: string, client: ClientProgram): Promise<void> {
  const through = await runClient(client, ['reads'], { ...world.environment(endpoint), PGSSLMODE: 'prefer' });
  assert.deepEqual(world.judged(endpoint).denied, [], 'all that the client sends by itself is allowed');
  const direct = await runClient(client, ['reads'], { ...world.environment('direct'), PGSSLMODE: 'prefer' });
  // The first difference alone: the lists are long.
  const at = direct.findIndex((line, index) => line !== through[index]);
  assert.equal(through[at], direct[at]);
  assert.equal(through.length, direct.length);
  assert.ok(direct.length >= 3, 'it read something');
}

/** The client lives through denials, and nothing but the statement that asks for it was denied. */
export async function checkSession(world: DriverWorld, endpoint: string, client: ClientProgram): Promise<void> {
  const lines = await runClient(client, ['session'], { ...world.environment(endpoint), PGSSLMODE: 'prefer' });
  assert.deepEqual(lines, SESSION);
  await eventually('what was denied and allowed is on record', () => {
    const { denied, allowed } = world.judged(endpoint);
    return denied.length >= 2 && allowed > 0;
  });
  assert.deepEqual([...new Set(world.judged(endpoint).denied)], [REFUSED]);
}

/** After a denial of whatever kind the same connection works. */
export async function checkDenied(world: DriverWorld, endpoint: string, client: ClientProgram): Promise<void> {
  const env = { ...world.environment(endpoint), PGSSLMODE: 'prefer' };
  const lines = await runClient(client, ['denied', ...DENIED], env);
  assert.deepEqual(
    lines,
    DENIED.map(() => '42501 1'),
    lines.join(),
  );
}

/** Every way to ask for TLS, or not to, on listeners that take it, do not know it, or insist on it and on a password. */
export async function checkTls(world: DriverWorld, endpoint: string, client: ClientProgram): Promise<void> {
  const port = (name: string): string => String(world.gateway.port(`postgres.${name}`));
  const cases = [
    [port(endpoint), 'disable', 'ok'],
    [port(endpoint), 'prefer', 'ok'],
    [port(endpoint), 'require', 'ok'],
    [port(endpoint), 'verify-full', 'ok'],
    [port('tls_off'), 'prefer', 'ok'],
    [port('tls_off'), 'require', 'refused'],
    [port('tls_required'), 'disable', 'refused'],
    [port('tls_required'), 'prefer', 'ok'],
  ] as const;
  const lines = await runClient(client, ['tls', ...cases.flatMap(([at, mode]) => [at, mode])], {
    ...world.environment(endpoint),
    PGSSLROOTCERT: world.caPath,
    PGPASSWORD: AGENT_PASSWORD,
  });
  assert.deepEqual(
    lines,
    cases.map(([, mode, want]) => `${mode}: ${want}`),
  );
}
