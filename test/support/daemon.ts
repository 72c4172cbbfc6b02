// A whole daemon in this process, over the real configuration, rules, store and sockets; only the protocol is a toy: every line that a
// client sends is one action, whose tier is its first word, and every allowed one is passed on to the upstream.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { recordFacts } from '../../src/rules/facts.ts';
import { factSchemas } from '../../src/rules/schemas.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createOperatorServers } from '../../src/dashboard/operations.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import type { Gateway, GatewayParts, Operations } from '../../src/gateway/gateway.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import type { Connection, Protocol, ServeContext } from '../../src/protocols/protocol.ts';
import type { Session, SessionCommand, SessionEvent } from '../../src/protocols/session.ts';
import { RISKS } from '../../src/rules/action.ts';
import type { Action } from '../../src/rules/action.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

/** Lines in, verdicts and the upstream's answers out. */
class LineSession implements Session {
  readonly #connection: Connection;
  readonly #context: ServeContext;
  readonly #credential: string | null;
  readonly #lines: string[] = [];
  #rest = '';
  #asked: Action | null = null;
  #draining = false;

  constructor(connection: Connection, context: ServeContext, credential: string | null) {
    this.#connection = connection;
    this.#context = context;
    this.#credential = credential;
  }

  get idle(): boolean {
    return this.#asked === null && this.#lines.length === 0;
  }

  paused(): boolean {
    return false;
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    switch (event.kind) {
      case 'data': {
        if (event.from === 'upstream') {
          return [{ kind: 'send', to: 'client', bytes: event.bytes }];
        }
        const parts = (this.#rest + event.bytes.toString()).split('\n');
        this.#rest = parts.pop() ?? '';
        this.#lines.push(...parts);
        return this.#next();
      }
      case 'ended':
        return [{ kind: 'finish', reason: { kind: `${event.from}-closed`, detail: '' } }];
      case 'parked':
        return [this.#tell(`parked ${event.notice.approval}`)];
      case 'judged':
        return this.#judged(event);
      case 'draining':
        this.#draining = true;
        return this.idle ? this.#next() : [];
      case 'waiting':
      case 'awaited':
      case 'cancel-requested':
        return [];
    }
  }

  #judged(event: Extract<SessionEvent, { kind: 'judged' }>): readonly SessionCommand[] {
    const action = this.#asked;
    this.#asked = null;
    if (action === null) {
      return [];
    }
    if (event.verdict.kind === 'deny') {
      const { rule, reason, cause } = event.verdict;
      return [this.#tell(`denied ${cause} ${rule}: ${reason}`), ...this.#next()];
    }
    const outcome = { kind: 'ok', rows: 1, status: 'LINE', errorCode: '', bytesToClient: 0, durationMs: 0 } as const;
    return [
      { kind: 'send', to: 'upstream', bytes: Buffer.from(`${action.evidence.text}\n`) },
      { kind: 'settle', action, outcome },
      ...this.#next(),
    ];
  }

  #next(): readonly SessionCommand[] {
    const line = this.#lines.shift();
    if (line !== undefined && this.#asked === null) {
      this.#asked = this.#actionOf(line);
      return [{ kind: 'judge', action: this.#asked }];
    }
    return this.#draining ? [{ kind: 'finish', reason: { kind: 'drained', detail: '' } }] : [];
  }

  #tell(text: string): SessionCommand {
    return { kind: 'send', to: 'client', bytes: Buffer.from(`${text}\n`) };
  }

  #actionOf(text: string): Action {
    const risk = RISKS.find((tier) => text.startsWith(tier)) ?? 'destructive';
    const verb = text.split(' ')[1] ?? '';
    const facts = recordFacts({ 'sql.verb': verb, 'sql.verbs': [verb], risk, risk_causes: [] });
    return {
      id: uuidv7(this.#context.clock.now()),
      session: this.#connection.session,
      agent: this.#connection.agent,
      endpoint: this.#context.endpoint,
      family: 'sql',
      credential: this.#credential,
      units: [{ facts, risk, riskCauses: [], riskReason: '', unreadable: false }],
      risk,
      summary: text,
      evidence: {
        text,
        parameters: [],
        sizeBytes: text.length,
        complete: true,
        digest: () => createHash('sha256').update(text).digest('hex'),
      },
      phase: 'execute',
      refused: null,
      memo: null,
    };
  }
}

const lineProtocol: Protocol = {
  name: 'postgres',
  facts: factSchemas.get('sql') ?? { family: 'sql', facts: new Map() },
  async serve(connection, context) {
    const credential = await context.credential({});
    const upstream = await context.dial(context.signal);
    const session = new LineSession(connection, context, credential?.ref ?? null);
    return context.relay({ session, client: connection.client, upstream, cancelUpstream: () => {} });
  },
  analyse: () => ({
    units: [],
    evidence: { text: '', parameters: [], sizeBytes: 0, complete: true, digest: () => '' },
    summary: '',
    refused: null,
  }),
};

/** An upstream that remembers what it was sent and answers each line. */
export async function startLineServer(cleanUp: CleanUp): Promise<{ readonly port: number; readonly lines: string[] }> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let rest = '';
    socket.on('data', (bytes: Buffer) => {
      const parts = (rest + bytes.toString()).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts.filter(Boolean)) {
        lines.push(line);
        socket.write(`done ${line}\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.after(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return { port: (server.address() as AddressInfo).port, lines };
}

/** A client that reads line by line. */
export interface LineClient {
  readonly socket: Socket;
  send(line: string): void;
  /** The next line; "" when the connection has ended. */
  next(): Promise<string>;
}

export async function connectLines(cleanUp: CleanUp, port: number, localAddress?: string): Promise<LineClient> {
  const socket = connect({ port, host: '127.0.0.1', ...(localAddress === undefined ? {} : { localAddress }) });
  const ready: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  const give = (line: string) => {
    const resolve = waiting.shift();
    if (resolve === undefined) {
      ready.push(line);
    } else {
      resolve(line);
    }
  };
  let rest = '';
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    const parts = (rest + bytes.toString()).split('\n');
    rest = parts.pop() ?? '';
    parts.forEach(give);
  });
  socket.on('close', () => {
    give('');
    waiting.splice(0).forEach((resolve) => resolve(''));
  });
  cleanUp.after(() => {
    socket.destroy();
  });
  // A connection that is refused at once may break before it is seen as made.
  await Promise.race([once(socket, 'connect'), once(socket, 'close')].map((event) => event.catch(() => {})));
  return {
    socket,
    send: (line) => void socket.write(`${line}\n`),
    next: () =>
      new Promise((resolve) => {
        const line = ready.shift();
        if (line === undefined) {
          waiting.push(resolve);
        } else {
          resolve(line);
        }
      }),
  };
}

/** HCL of one endpoint with a direct listener. */
export function lineConfig(upstreamPort: number, rest: string = '', endpoint: string = ''): string {
  return `schema_version = 1
endpoint "postgres" "pg" {
  host    = "127.0.0.1:${upstreamPort}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
  ${endpoint}
}
credential "passthrough" "pg" { endpoint = postgres.pg }
profile "default" { credentials = [passthrough.pg] }
${rest}
`;
}

export const QUIET = 'gateway { dashboard_listen = "off" }';

export interface Daemon {
  readonly gateway: Gateway;
  readonly operations: Operations;
  readonly configPath: string;
  readonly stateDir: string;
  /** Address by name of the `ready` line. */
  readonly addresses: ReadonlyMap<string, string>;
  port(name: string): number;
  writeConfig(text: string): void;
}

/** A gateway that is not started yet, with its folder. */
export function makeDaemon(
  cleanUp: CleanUp,
  config: string,
  overrides: Partial<GatewayParts> & { readonly folder?: string } = {},
): Pick<Daemon, 'gateway' | 'configPath' | 'stateDir'> & { readonly operations: () => Operations } {
  const folder = overrides.folder ?? temporaryFolder(cleanUp, 'daemon');
  const configPath = join(folder, 'gateway.hcl');
  const stateDir = join(folder, 'state');
  writeFileSync(configPath, config);
  let operations: Operations | null = null;
  const gateway = createGateway({
    configPath,
    stateDir,
    logLevel: null,
    env: { HOME: folder },
    clock: systemClock,
    version: '0.0.0-test',
    protocols: new Map([['postgres', lineProtocol]]),
    load: loadConfig,
    openDashboard: (address, given) => createOperatorServers(() => {}).openDashboard(address, given),
    openJoin: (name, address, given) => createOperatorServers(() => {}).openJoin(name, address, given),
    onWarnings: () => {},
    ...overrides,
    openControl: (address, given) => {
      operations = given;
      const none = { address: 'unix:none', bound: null, close: () => Promise.resolve() };
      return overrides.openControl?.(address, given) ?? Promise.resolve(none);
    },
  });
  cleanUp.after(async () => {
    await gateway.stop();
  });
  return {
    gateway,
    configPath,
    stateDir,
    operations: () => {
      if (operations === null) {
        throw new Error('not started');
      }
      return operations;
    },
  };
}

/** A started gateway. Its log goes to a file in its folder. */
export async function startDaemon(
  cleanUp: CleanUp,
  config: string,
  overrides: Partial<GatewayParts> & { readonly folder?: string } = {},
): Promise<Daemon> {
  const made = makeDaemon(cleanUp, config, overrides);
  const line = await made.gateway.start();
  const addresses = new Map(
    line
      .split(' ')
      .slice(1)
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const),
  );
  return {
    ...made,
    operations: made.operations(),
    addresses,
    port: (name) => Number(/:(\d+)$/.exec(addresses.get(name) ?? '')?.[1] ?? Number.NaN),
    writeConfig: (text) => writeFileSync(made.configPath, text),
  };
}

/** Asks until it is so, with a limit. A condition that throws does not hold yet: a command that it runs may have been refused for a moment. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) {
        return;
      }
    } catch (error) {
      cause = error;
    }
    if (performance.now() > endMs) {
      throw new Error(`it did not come to pass: ${what}`, { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
