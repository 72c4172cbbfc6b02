// The forward proxy's side of a client's socket: reads what it asks for first, within a deadline, finds the endpoint that this belongs to,
// answers CONNECT and hands the connection on. What no endpoint of its profile claims is refused and recorded.
import type { Socket } from 'node:net';
import { createEvent } from '../../audit/event.ts';
import { formatHostPort } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { Appender } from '../../lib/gather.ts';
import { visible } from '../../lib/text.ts';
import type { DialTarget } from '../../protocols/protocol.ts';
import type { Agent } from '../../rules/action.ts';
import { createRanges } from '../dialling/addresses.ts';
import { describeDirectAgent } from './direct-agent.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { PassThrough } from './pass-through.ts';
import { takeProxyRequest } from './proxy-request.ts';
import type { ProxyRequest } from './proxy-request.ts';
import type { Recorder } from '../judging/recorder.ts';
import { findEndpoint } from './routing.ts';
import type { Route, Way } from './routing.ts';

const LF = 0x0a;
/** From accept to the end of the first head; absolute, not per byte. */
const HEAD_MS = 10_000;
/** How long a refused client may take to read why. */
const LINGER_MS = 2_000;

export type ReceivedRequest =
  | Exclude<ProxyRequest, { kind: 'incomplete' }>
  | { readonly kind: 'gone'; readonly why: string };

/** What comes of it: bytes behind a CONNECT head, or the whole of any other request, are still to be read from the socket. */
function receiveProxyRequest(
  socket: Socket,
  { clock, signal, maxBytes }: { readonly clock: Clock; readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<ReceivedRequest> {
  return new Promise((resolve) => {
    let held: Buffer = Buffer.alloc(0);
    const appender = new Appender();
    const finish = (result: ReceivedRequest): void => {
      deadline.cancel();
      signal.removeEventListener('abort', onAbort);
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.pause();
      const rest = result.kind === 'connect' ? held.subarray(result.sizeBytes) : held;
      if (rest.length > 0 && (result.kind === 'connect' || result.kind === 'absolute')) {
        socket.unshift(rest);
      }
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      held = appender.append(held, chunk);
      if (!chunk.includes(LF) && held.length < maxBytes) {
        // Nothing ends here: what comes byte by byte is not read anew each time.
        return;
      }
      const request = takeProxyRequest(held, maxBytes);
      if (request.kind !== 'incomplete') {
        finish(request);
      }
    };
    const onEnd = (): void => finish({ kind: 'gone', why: 'the client closed before it had asked for anything' });
    const onAbort = (): void => finish({ kind: 'gone', why: 'the gateway is stopping' });
    const deadline = clock.after(HEAD_MS, () => finish({ kind: 'gone', why: 'no request within 10 s' }));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
  });
}

/** The head that opens a CONNECT tunnel. */
export const CONNECTED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1');

const STATUS_TEXTS: ReadonlyMap<number, string> = new Map([
  [403, 'Forbidden'],
  [502, 'Bad Gateway'],
]);

/** An answer in place of the destination's, as JSON that an agent can act on. The connection ends with it. */
export function proxyRefusal(status: number, reason: string, hint: string): Buffer {
  const body = Buffer.from(`${JSON.stringify({ error: { code: 'refused', reason, hint } })}\n`);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_TEXTS.get(status) ?? 'Refused'}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

type ProxyWay = Extract<Way, { kind: 'proxy' }>;

/** Whoever comes through the forward proxy acts as this device. */
const PROXY_DEVICE = 'listener/proxy';

export interface ForwardProxyParts {
  readonly clock: Clock;
  readonly live: () => Live;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly logger: Logger;
  /** What no endpoint claims, where the policy lets it through. */
  readonly passThrough: Pick<PassThrough, 'offered' | 'accept'>;
  /** Takes over a socket whose destination is known; the bytes that follow are the destination's protocol. */
  readonly admit: (
    socket: Socket,
    key: string,
    to: { readonly route: Route; readonly target: DialTarget; readonly agent: Agent },
  ) => void;
}

export interface ForwardProxy {
  accept(socket: Socket, key: string, way: ProxyWay): void;
  /** Ends those who have not asked for anything yet. */
  close(): void;
}

/** A forward proxy that nobody has connected to. */
export function createForwardProxy(parts: ForwardProxyParts): ForwardProxy {
  return new AskingClients(parts);
}

class AskingClients implements ForwardProxy {
  readonly #parts: ForwardProxyParts;
  readonly #closing = new AbortController();
  #asking = 0;

  constructor(parts: ForwardProxyParts) {
    this.#parts = parts;
  }

  accept(socket: Socket, key: string, way: ProxyWay): void {
    const agent = describeDirectAgent(socket, PROXY_DEVICE, way.profile);
    if (agent.ip === '' || !createRanges(way.listenAllow)(agent.ip)) {
      this.#refuse(agent, 'source', `${agent.ip} is not in listen_allow`);
      socket.resetAndDestroy();
      return;
    }
    if (this.#asking >= this.#parts.live().config.gateway.limits.connectionsPerDevice) {
      this.#refuse(agent, 'limit', 'too many connections that have not asked for anything');
      socket.resetAndDestroy();
      return;
    }
    // Owned: it never rejects, and ends with its deadline.
    void this.#receive(socket, key, { way, agent });
  }

  close(): void {
    this.#closing.abort();
  }

  async #receive(
    socket: Socket,
    key: string,
    { way, agent }: { readonly way: ProxyWay; readonly agent: Agent },
  ): Promise<void> {
    const { clock, live, admit } = this.#parts;
    const maxBytes = live().config.gateway.limits.headerBytes;
    this.#asking += 1;
    const request = await receiveProxyRequest(socket, { clock, signal: this.#closing.signal, maxBytes });
    this.#asking -= 1;
    switch (request.kind) {
      case 'gone':
        this.#refuse(agent, 'gone', request.why);
        socket.destroy();
        return;
      case 'refused':
        this.#refuse(agent, 'malformed', request.why);
        endWith(socket, proxyRefusal(request.status, request.why, ''));
        return;
      case 'connect':
      case 'absolute': {
        const { target } = request;
        const endpoint = findEndpoint(live(), way.profile, target);
        if (endpoint === null) {
          this.#passOrRefuse(socket, agent, request);
          return;
        }
        if (request.kind === 'connect') {
          socket.write(CONNECTED);
        }
        admit(socket, key, { route: { endpoint, profile: way.profile }, target, agent });
      }
    }
  }

  /** An absolute URL is no tunnel: whoever wants through opens one. */
  #passOrRefuse(
    socket: Socket,
    agent: Agent,
    { kind, target }: Extract<ReceivedRequest, { kind: 'connect' | 'absolute' }>,
  ): void {
    const { passThrough } = this.#parts;
    if (!passThrough.offered || kind === 'absolute') {
      this.#refuseDestination(socket, agent, target);
      return;
    }
    passThrough.accept({
      socket,
      agent,
      target,
      name: '',
      heard: false,
      onDialled: () => void socket.write(CONNECTED),
      onRefused: (status, why) => endWith(socket, proxyRefusal(status, why, '')),
    });
  }

  #refuseDestination(socket: Socket, agent: Agent, { host, port }: DialTarget): void {
    const where = formatHostPort(host, port);
    this.#refuse(agent, 'destination', `no endpoint of profile ${agent.profile} claims ${where}`, where);
    const hint = this.#parts.passThrough.offered
      ? 'Only CONNECT leads to what is not declared (curl: --proxytunnel).'
      : 'Only declared destinations can be reached. Ask a person to declare it if it is needed.';
    endWith(socket, proxyRefusal(403, `${where} is not declared`, hint));
  }

  #refuse(agent: Agent, cause: string, detail: string, dialled: string = ''): void {
    const { clock, metrics, logger, recorder } = this.#parts;
    metrics.refused(cause);
    logger.debug({ ip: agent.ip, cause }, 'a client of the proxy was refused');
    recorder.record(
      createEvent('connection.refused', clock.now(), {
        agent,
        verdict: 'deny',
        reason: visible(detail),
        data: { cause, dialled },
      }),
    );
  }
}

/** Sends the last answer; what the client still sends is dropped, so that the answer is not lost to a reset. */
function endWith(socket: Socket, answer: Buffer): void {
  socket.end(answer);
  socket.resume();
  socket.setTimeout(LINGER_MS, () => socket.destroy());
}
