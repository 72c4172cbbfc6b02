// The whole path for security cases: a real server, a proxy that records what reaches it, and the daemon with an endpoint for every
// rule set in front of both.
import { ATTACK_SCHEMA, attackConfig, type SetName } from '../corpus/attack-sets.ts';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';
import { fieldsOf, RawPostgres, type ServerMessage } from './raw-postgres.ts';
import { startRecordingProxy, type RecordedConnection, type RecordingProxy } from './recording-proxy.ts';
import type { CleanUp } from './temp.ts';

export interface AttackGateway {
  readonly server: PostgresServer;
  readonly gateway: GatewayProcess;
  readonly proxy: RecordingProxy;
  port(set: SetName): number;
  login(set: SetName, parameters?: Readonly<Record<string, string>>): Promise<AttackClient>;
}

export interface AttackClient {
  readonly raw: RawPostgres;
  /** Everything that the gateway has sent upstream for this client so far. */
  readonly sent: () => Buffer;
}

/** The database is `app`, with the objects that the cases name. */
export async function startAttackGateway(scope: CleanUp): Promise<AttackGateway> {
  const server = await startPostgres(scope, { flavour: 'debian' });
  await server.query('CREATE DATABASE app');
  await server.query(ATTACK_SCHEMA, 'app');
  const proxy = await startRecordingProxy(scope, server.port);
  const gateway = await startGateway(scope, {
    config: attackConfig(proxy.port, 'app'),
    env: { PG_PASSWORD: server.password },
  });
  const port = (set: SetName): number => gateway.port(`postgres.pg-${set.toLowerCase()}`);
  return {
    server,
    gateway,
    proxy,
    port,
    async login(set, parameters = {}) {
      const name = nextName();
      const own = { user: 'agent', database: 'app', application_name: name };
      const raw = await RawPostgres.login(port(set), { ...own, ...parameters });
      const recorded = connectionOf(proxy, name);
      return { raw, sent: () => Buffer.concat(recorded?.chunks ?? []) };
    },
  };
}

let clients = 0;

/** A name for `application_name` that no other client of this process has. */
export function nextName(): string {
  clients += 1;
  return `client-${clients}-of-a-test`;
}

/** The connection that the gateway made for the client of that name: it makes others of its own, to measure what waits, at any time. */
export function connectionOf(proxy: RecordingProxy, name: string): RecordedConnection | undefined {
  return proxy.connections.find(({ chunks }) => Buffer.concat(chunks).includes(`application_name\0${name}\0`));
}

/** SQLSTATEs of the errors among the messages. */
export const errorCodes = (messages: readonly ServerMessage[]): string[] =>
  messages.filter(({ type }) => type === 'E').map((message) => fieldsOf(message)['C'] ?? '');

/** Command tags of the answers among the messages. */
export const tags = (messages: readonly ServerMessage[]): string[] =>
  messages.filter(({ type }) => type === 'C').map(({ body }) => body.toString('utf8', 0, body.length - 1));

/** Waits until the client is told that its statement is parked, and gives the id of the approval. */
export async function parkedId(client: RawPostgres): Promise<string> {
  const notice = (await client.until('N')).at(-1);
  const text = notice === undefined ? '' : (fieldsOf(notice)['M'] ?? '');
  return /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(text)?.[0] ?? '';
}

/** A person looks at the request and approves it. Gives the exit code. */
export function approve(gateway: GatewayProcess, id: string): number | null {
  const shown = JSON.parse(gateway.cli('approvals', 'show', id, '--json').stdout) as { request: { digest: string } };
  return gateway.cli('approvals', 'approve', id, '--digest', shown.request.digest).code;
}
