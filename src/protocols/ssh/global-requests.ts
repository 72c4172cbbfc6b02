// Global requests (RFC 4254, section 4). Answers come in the order of the questions, so one that waits for a person holds up those behind it.
import type { Action } from '../../rules/action.ts';
import type { Side, Verdict } from '../session.ts';
import { parseBind, parseStreamLocal, parseTcpip, writeMessage } from './codec.ts';
import type { ChannelOpen, ConnectionMessage } from './codec.ts';
import type { Pending, SshHost } from './host.ts';
import type { SshRequest, SshRequestKind } from './request.ts';
import { WireReader } from './wire.ts';

/** Requests that may wait for an answer. */
const MAX_WAITING = 64;
/** Forwards that one connection may hold. */
const MAX_FORWARDS = 64;
const NOTHING = Buffer.alloc(0);

type GlobalRequest = Extract<ConnectionMessage, { readonly kind: 'global' }>;
type GlobalAnswer = Extract<ConnectionMessage, { readonly kind: 'global-success' | 'global-failure' }>;

export class GlobalRequests {
  readonly #host: SshHost;
  readonly #requestOf: (kind: SshRequestKind) => SshRequest;
  readonly #waiting: GlobalRequest[] = [];
  /** What the upstream's next answers are for. */
  readonly #asked: ((answer: GlobalAnswer) => void)[] = [];
  /** `tcpip HOST PORT` or `socket PATH`, allowed and granted. */
  readonly #forwards = new Set<string>();
  #pending: Pending | null = null;
  #busy = false;
  noMoreSessions = false;

  constructor(host: SshHost, requestOf: (kind: SshRequestKind) => SshRequest) {
    this.#host = host;
    this.#requestOf = requestOf;
  }

  get idle(): boolean {
    return this.#forwards.size === 0 && !this.#busy;
  }

  /** What is wrong with it, or null. */
  fromClient(message: GlobalRequest): string | null {
    this.#waiting.push(message);
    this.#next();
    return this.#waiting.length > MAX_WAITING ? 'too many global requests that wait' : null;
  }

  /** Requests of the upstream are signs of life, or about its host keys, which are not those that the agent knows (SS-01). */
  fromUpstream({ wantReply }: GlobalRequest): null {
    if (wantReply) {
      this.#host.send('upstream', writeMessage({ kind: 'global-failure' }));
    }
    return null;
  }

  /** An answer came. What is wrong with it, or null. */
  answered(from: Side, answer: GlobalAnswer): string | null {
    // The client's are answers to signs of life of our own.
    const asked = from === 'upstream' ? this.#asked.shift() : undefined;
    asked?.(answer);
    return null;
  }

  /** The upstream is asked for a sign of life; the answer is of no interest. */
  ping(): void {
    this.#asked.push(() => undefined);
    const data = NOTHING;
    this.#host.send('upstream', writeMessage({ kind: 'global', name: 'keepalive@openssh.com', wantReply: true, data }));
  }

  lost(): void {
    this.#waiting.length = 0;
    this.#pending?.withdraw();
    this.#pending = null;
  }

  /** Whether a channel that the upstream opens belongs to a forward that was allowed. */
  forwards({ type, data }: ChannelOpen): boolean {
    if (type === 'forwarded-tcpip') {
      const at = parseTcpip(data);
      return at !== null && this.#forwards.has(`tcpip ${at.host.toString('latin1')} ${at.port}`);
    }
    const path = type === 'forwarded-streamlocal@openssh.com' ? parseStreamLocal(data, false) : null;
    return path !== null && this.#forwards.has(`socket ${path.toString('latin1')}`);
  }

  #next(): void {
    while (!this.#busy) {
      const message = this.#waiting.shift();
      if (message === undefined) {
        return;
      }
      this.#take(message);
    }
  }

  #take(message: GlobalRequest): void {
    const { name, data } = message;
    switch (name) {
      case 'keepalive@openssh.com':
        this.#answer(message, { kind: 'global-success', data: NOTHING });
        return;
      case 'no-more-sessions@openssh.com':
        this.noMoreSessions = true;
        this.#answer(message, { kind: 'global-success', data: NOTHING });
        return;
      case 'tcpip-forward':
      case 'cancel-tcpip-forward': {
        const at = parseBind(data);
        const host = at?.host.toString('latin1') ?? '';
        if (at !== null && /^[\x21-\x7e]{0,255}$/.test(host)) {
          const kind: SshRequestKind = { verb: 'remote_forward', forwardHost: host, forwardPort: at.port };
          this.#forward(message, kind, { prefix: `tcpip ${host} `, port: at.port, cancels: name.startsWith('cancel') });
          return;
        }
        break;
      }
      case 'streamlocal-forward@openssh.com':
      case 'cancel-streamlocal-forward@openssh.com': {
        const reader = new WireReader(data);
        const path = reader.string();
        const text = path.toString('utf8');
        if (reader.done && Buffer.from(text).equals(path) && !text.includes('\0')) {
          const kind: SshRequestKind = { verb: 'socket_forward', path: text };
          const prefix = `socket ${path.toString('latin1')}`;
          this.#forward(message, kind, { prefix, port: null, cancels: name.startsWith('cancel') });
          return;
        }
        break;
      }
      default:
    }
    // Among them hostkeys-prove, which nobody in the middle can answer.
    this.#host.refused('global-request', `a global request of type ${name}`);
    this.#answer(message, { kind: 'global-failure' });
  }

  #answer({ wantReply }: GlobalRequest, answer: GlobalAnswer): void {
    if (wantReply) {
      this.#host.send('client', writeMessage(answer));
    }
  }

  #forward(
    message: GlobalRequest,
    kind: SshRequestKind,
    at: { readonly prefix: string; readonly port: number | null; readonly cancels: boolean },
  ): void {
    const key = `${at.prefix}${at.port ?? ''}`;
    if (at.cancels) {
      // Taking back is never refused, but for what was never granted.
      if (this.#forwards.delete(key)) {
        this.#pass(message, () => undefined);
      } else {
        this.#answer(message, { kind: 'global-failure' });
      }
      return;
    }
    if (this.#forwards.size >= MAX_FORWARDS) {
      this.#host.refused('global-request', 'too many forwards');
      this.#answer(message, { kind: 'global-failure' });
      return;
    }
    this.#judge(kind, (verdict, action) => {
      if (verdict.kind === 'deny') {
        this.#answer(message, { kind: 'global-failure' });
        return;
      }
      this.#pass(message, (answer) => {
        const granted = answer.kind === 'global-success';
        if (granted) {
          this.#forwards.add(at.port === 0 ? `${at.prefix}${chosenPort(answer)}` : key);
        }
        this.#host.settle(action, {
          kind: granted ? 'ok' : 'error',
          rows: null,
          status: granted ? 'forwarded' : 'refused by the upstream',
          errorCode: granted ? '' : 'refused',
          bytesToClient: 0,
          durationMs: 0,
        });
      });
    });
  }

  #judge(kind: SshRequestKind, decided: (verdict: Verdict, action: Action) => void): void {
    this.#busy = true;
    let answered = false;
    const pending = this.#host.judge(this.#requestOf(kind), {
      decided: (verdict, action) => {
        answered = true;
        this.#pending = null;
        this.#busy = false;
        decided(verdict, action);
        this.#next();
      },
    });
    this.#pending = answered ? null : pending;
  }

  /** Asks the upstream in the client's place. Always with an answer, which is passed on when the client wants one. */
  #pass(message: GlobalRequest, heard: (answer: GlobalAnswer) => void): void {
    this.#busy = true;
    this.#asked.push((answer) => {
      heard(answer);
      this.#answer(message, answer);
      this.#busy = false;
      this.#next();
    });
    this.#host.send('upstream', writeMessage({ ...message, wantReply: true }));
  }
}

/** The port that the upstream chose when it was asked for any. */
function chosenPort({ data }: Extract<GlobalAnswer, { readonly kind: 'global-success' }>): number {
  const reader = new WireReader(data);
  const port = reader.uint32();
  return reader.done ? port : 0;
}
