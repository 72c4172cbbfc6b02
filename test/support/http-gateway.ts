// The HTTP engine between real sockets without the rest of the gateway: a listener, a gate that goes by the path, an analysis that says little.
import { webcrypto } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { EndpointConfig, HostPattern } from '../../src/config/config.ts';
import { relay } from '../../src/gateway/relay.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import type { HttpAnalyser, HttpAnalysis } from '../../src/protocols/http/flavour.ts';
import type { Injector } from '../../src/protocols/http/injector.ts';
import type { HttpRequest, BodyReading } from '../../src/protocols/http/request.ts';
import { createHttps } from '../../src/protocols/https/index.ts';
import type {
  DialTarget,
  DispatchedCredential,
  Gate,
  Protocol,
  ServeContext,
  Waiting,
} from '../../src/protocols/protocol.ts';
import type { FinishReason, Verdict } from '../../src/protocols/session.ts';
import type { Action, Outcome } from '../../src/rules/action.ts';
import { makeAuthority, type TestAuthority } from './certificate.ts';
import { ALLOW, denial } from './fake-gate.ts';
import { AGENT } from './gate-parts.ts';
import { NO_KEYS } from './no-keys.ts';
import type { CleanUp } from './temp.ts';

export interface ParkedRequest {
  readonly action: Action;
  readonly signal: AbortSignal;
  answer(verdict: Verdict): void;
}

/** Denies paths with `denied`, parks those with `park`, waits a turn for `slow`, allows everything else; bodies with `forbidden` too. */
export class PathGate implements Gate {
  readonly asked: Action[] = [];
  readonly settled: { readonly action: Action; readonly outcome: Outcome }[] = [];
  readonly parked: ParkedRequest[] = [];
  readonly resumed: Action[] = [];
  objection: Verdict | null = null;
  #onParked: ((parked: ParkedRequest) => void)[] = [];
  #onSettled: (() => void)[] = [];

  decide(action: Action, waiting: () => Waiting): Verdict | Promise<Verdict> {
    this.asked.push(action);
    const { text } = action.evidence;
    if (action.refused !== null) {
      return denial(action.refused);
    }
    if (text.includes('denied') || text.includes('forbidden')) {
      return denial('this is not for agents');
    }
    if (text.includes('/park')) {
      return this.#park(action, waiting());
    }
    return text.includes('/slow') ? Promise.resolve(ALLOW) : ALLOW;
  }

  /** What came back for its answer later; denied where the test set `objection`. */
  resume(action: Action): Verdict {
    this.resumed.push(action);
    return this.objection ?? ALLOW;
  }

  settle(action: Action, outcome: Outcome): void {
    this.settled.push({ action, outcome });
    for (const wake of this.#onSettled.splice(0)) {
      wake();
    }
  }

  /** The next request that is parked. */
  nextParked(): Promise<ParkedRequest> {
    return new Promise((resolve) => this.#onParked.push(resolve));
  }

  /** Waits until that many actions are settled, and gives them as `summary kind status code`. */
  async outcomes(count: number): Promise<readonly string[]> {
    while (this.settled.length < count) {
      await new Promise<void>((resolve) => this.#onSettled.push(resolve));
    }
    return this.settled.map(({ action, outcome }) =>
      `${action.summary} ${outcome.kind} ${outcome.status} ${outcome.errorCode}`.trim(),
    );
  }

  async #park(action: Action, waiting: Waiting): Promise<Verdict> {
    const whole = (await waiting.whole?.()) ?? action;
    return new Promise((resolve) => {
      const cancel = (): void => resolve(denial('withdrawn', 'cancelled'));
      if (waiting.signal.aborted) {
        cancel();
        return;
      }
      waiting.signal.addEventListener('abort', cancel, { once: true });
      const approval = `approval-${this.parked.length + 1}`;
      waiting.parked({ approval, expiresInMs: 600_000, waitsFor: 'human_approver.oncall' });
      const parked = { action: whole, signal: waiting.signal, answer: resolve };
      this.parked.push(parked);
      this.#onParked.shift()?.(parked);
    });
  }
}

/** Bodies are read on paths with `/read`. */
export class PathAnalyser implements HttpAnalyser {
  analysed = 0;

  needsBody(request: HttpRequest): boolean {
    return request.rawPath.includes('/read');
  }

  analyse(request: HttpRequest, body: BodyReading): HttpAnalysis {
    this.analysed += 1;
    const summary = `${request.method} ${request.host}${request.rawPath} ${body.kind}${body.kind === 'cut' ? ` ${body.cause}` : ''}`;
    const unit = {
      facts: { get: () => undefined },
      risk: 'safe' as const,
      riskCauses: [],
      riskReason: '',
      unreadable: false,
    };
    return { units: [unit], risk: 'safe', summary, refused: null };
  }
}

/** Puts `Authorization: Bearer SECRET` in where there is a credential. */
export const testInjector: Injector = {
  hints: () => ({}),
  needsBody: () => false,
  repeats: () => true,
  inject: (request, credential) =>
    credential === null
      ? { kind: 'ready', request, mask: (text) => text }
      : {
          kind: 'ready',
          request: {
            ...request,
            fields: [
              ...request.fields.filter(({ name }) => name.toLowerCase() !== 'authorization'),
              { name: 'Authorization', value: `Bearer ${credential.secrets.get('')?.reveal() ?? ''}` },
            ],
          },
          mask: (text) => text,
        },
  identity: () => null,
  strip: (fields) => fields,
};

export interface HttpGatewayOptions {
  readonly upstreamPort: number;
  /** Hosts with ports; all of them lead to the upstream. Default `api.test:443`. */
  readonly hosts?: readonly HostPattern[];
  readonly upstreamCa?: string;
  /** Of the n-th connection. */
  readonly credential?: (connection: number) => Promise<DispatchedCredential | null>;
  readonly listenTls?: EndpointConfig['listenTls'];
  readonly target?: DialTarget;
  readonly bodyBufferBytes?: number;
  readonly headerBytes?: number;
  readonly clock?: Clock;
  readonly gate?: Gate;
  readonly protocol?: Protocol;
  readonly attributes?: EndpointConfig['attributes'];
  readonly forbids?: ServeContext['forbids'];
  /** Facts that rules read; all of them when left out. */
  readonly reads?: (fact: string) => boolean;
  /** Of the n-th connection; default as every connection's. */
  readonly device?: (connection: number) => string;
  /** As `device`. */
  readonly profile?: (connection: number) => string;
  readonly unreachable?: boolean;
}

export interface HttpGateway {
  readonly port: number;
  /** The first of its hosts. */
  readonly host: string;
  readonly gate: PathGate;
  readonly analyser: PathAnalyser;
  /** Signs what the listener shows. */
  readonly caPem: string;
  readonly refused: string[];
  readonly noticed: string[];
  readonly finished: FinishReason[];
  /** Connections to the upstream so far. */
  readonly dials: () => number;
  drain(why: string): void;
  /** The same configuration, read again. */
  reload(): void;
  abort(why: string): void;
  /** Waits until that many connections have ended. */
  ended(count: number): Promise<void>;
}

const authority: Promise<TestAuthority> = makeAuthority();
const contexts = new Map<string, Promise<ReturnType<typeof createSecureContext>>>();

/** The CA of everything that this file starts. */
export function testAuthority(): Promise<TestAuthority> {
  return authority;
}

/** A leaf for a name, made once: keys are costly. */
export async function testLeaf(name: string): Promise<ReturnType<typeof createSecureContext>> {
  const found = contexts.get(name);
  if (found !== undefined) {
    return found;
  }
  const made = authority.then(async (ca) => createSecureContext(await ca.leaf(name)));
  contexts.set(name, made);
  return made;
}

export async function startHttpGateway(cleanUp: CleanUp, options: HttpGatewayOptions): Promise<HttpGateway> {
  void webcrypto;
  const ca = await testAuthority();
  const fake = new PathGate();
  const gate = options.gate ?? fake;
  const analyser = new PathAnalyser();
  const protocol = options.protocol ?? createHttps({ name: 'https', analyser, injector: testInjector });
  const refused: string[] = [];
  const noticed: string[] = [];
  const finished: FinishReason[] = [];
  const waiters: (() => void)[] = [];
  const draining = new AbortController();
  const ending = new AbortController();
  const shared = new Map<string, unknown>();
  const sockets = new Set<Socket>();
  const clock = options.clock ?? systemClock;
  let connections = 0;
  let dials = 0;
  let config: EndpointConfig = {
    type: 'https',
    name: 'api',
    ref: 'https.api',
    family: 'http',
    hosts: options.hosts ?? [{ host: 'api.test', port: 443, wildcard: false }],
    description: '',
    tunnel: null,
    retentionMs: null,
    listen: { host: '127.0.0.1', port: 0 },
    profile: 'default',
    listenAllow: [],
    listenTls: options.listenTls ?? 'auto',
    unmatched: 'risk',
    caCert: options.upstreamCa ?? ca.caPem,
    attributes: options.attributes ?? {},
    at: { file: 'test.hcl', line: 1, column: 1, endLine: 1, endColumn: 1 },
  };
  const finish = async (serving: Promise<FinishReason>, client: Socket): Promise<void> => {
    finished.push(await serving);
    client.destroySoon();
    waiters.splice(0).forEach((wake) => wake());
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections += 1;
    const connection = connections;
    sockets.add(client);
    client.on('error', () => undefined);
    const context: ServeContext = {
      endpoint: { name: 'api', type: 'https', ref: 'https.api', family: 'http', host: 'api.test' },
      config: () => config,
      gate,
      clock,
      dial: (signal) => {
        dials += 1;
        return options.unreachable === true
          ? Promise.reject(new GatewayError('UPSTREAM_UNREACHABLE', 'upstream', 'nobody is there'))
          : dial(options.upstreamPort, signal);
      },
      credential: () => options.credential?.(connection) ?? Promise.resolve(null),
      secretAttribute: () => null,
      placeholders: () => [],
      serverTls: (names) => testLeaf(names?.[0] ?? 'localhost'),
      own: ({ method, path, body }) =>
        Promise.resolve({ status: 200, type: 'text/plain', body: `${method} ${path} ${body?.length ?? 'cut'}` }),
      relay: (parts) => relay(parts, { gate, clock, signal: ending.signal, draining: draining.signal }),
      refused: (cause, detail) => void refused.push(`${cause}: ${detail}`),
      noticed: (cause, detail) => void noticed.push(`${cause}: ${detail}`),
      shared: <T>(name: string, make: () => T): T => {
        const made = shared.get(name) ?? make();
        shared.set(name, made);
        return made as T;
      },
      reads: (_credential, fact) => options.reads?.(fact) ?? true,
      names: () => true,
      keys: NO_KEYS,
      keep: () => false,
      forbids: options.forbids ?? (() => false),
      bodyBufferBytes: options.bodyBufferBytes ?? 1024 * 1024,
      headerBytes: options.headerBytes ?? 64 * 1024,
      signal: ending.signal,
      draining: draining.signal,
    };
    const { port } = server.address() as AddressInfo;
    const serving = protocol.serve(
      {
        session: `session-${connections}`,
        client,
        agent: {
          ...AGENT,
          device: options.device?.(connections) ?? AGENT.device,
          profile: options.profile?.(connections) ?? AGENT.profile,
        },
        dialled: `127.0.0.1:${port}`,
        target: options.target ?? null,
      },
      context,
    );
    void finish(serving, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.after(() => {
    ending.abort('the test is over');
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    host: config.hosts[0]?.host ?? '',
    gate: fake,
    analyser,
    caPem: ca.caPem,
    refused,
    noticed,
    finished,
    dials: () => dials,
    drain: (why) => draining.abort(why),
    reload: () => {
      config = { ...config };
    },
    abort: (why) => ending.abort(why),
    ended: async (count) => {
      while (finished.length < count) {
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
    },
  };
}

function dial(port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true, signal });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => reject(new GatewayError('UPSTREAM_UNREACHABLE', 'upstream', error.message)));
  });
}
