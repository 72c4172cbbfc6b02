// A real PostgreSQL behind the real daemon with its dashboard, and psql as the agent.
import { spawn, type ChildProcess } from 'node:child_process';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';
import type { CleanUp } from './temp.ts';

export interface DashboardWorld {
  readonly server: PostgresServer;
  readonly gateway: GatewayProcess;
  /** Starts psql with one statement, as the agent. */
  readonly psql: (sql: string) => Agent;
}

export interface Agent {
  /** Everything that psql has printed, when it has ended. */
  readonly over: Promise<{ readonly code: number | null; readonly text: string }>;
  /** It was told that its statement waits; gives the id. */
  readonly parked: Promise<string>;
  readonly child: ChildProcess;
}

const SCHEMA = `
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 50) AS n;
CREATE TABLE logs (id int PRIMARY KEY, at timestamptz);
INSERT INTO logs SELECT n, now() FROM generate_series(1, 200) AS n;
`;

/** `rest` is HCL beside the endpoint, credential and profile; `gateway` goes into the gateway block. */
export async function startDashboardWorld(
  scope: CleanUp,
  {
    rest = '',
    gateway: block = '',
    env = {},
  }: { readonly rest?: string; readonly gateway?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<DashboardWorld> {
  const server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query(SCHEMA, 'app');
  const config = `schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  ${block}
}
endpoint "postgres" "shop" {
  host    = "127.0.0.1:${server.port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "postgres_credential" "shop" {
  endpoint = postgres.shop
  user     = "${server.user}"
}
profile "responder" { credentials = [postgres_credential.shop] }
${rest}
`;
  const gateway = await startGateway(scope, { config, env: { CLAWPATROL_SECRET_SHOP: server.password, ...env } });
  return { server, gateway, psql: (sql) => startPsql(scope, gateway.port('postgres.shop'), sql) };
}

/** psql with one statement, at an endpoint's listener; the database is `app`. */
export function startPsql(scope: CleanUp, port: number, sql: string): Agent {
  const where = `host=127.0.0.1 port=${port} user=agent dbname=app sslmode=disable`;
  const child = spawn('psql', ['-X', '-w', '-d', where, '-c', sql], {
    env: { PATH: process.env['PATH'] ?? '', PGCONNECT_TIMEOUT: '60' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  scope.after(() => {
    child.kill('SIGKILL');
  });
  let text = '';
  let tellParked: (id: string) => void = () => undefined;
  const parked = new Promise<string>((resolve) => {
    tellParked = resolve;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const id = /waiting for approval ([0-9a-f-]{36})/.exec(text)?.[1];
      if (id !== undefined) {
        tellParked(id);
      }
    });
  }
  const over = new Promise<{ code: number | null; text: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, text }));
  });
  return { over, parked, child };
}
