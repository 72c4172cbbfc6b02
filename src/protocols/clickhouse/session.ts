// The state machine of one logged-in native connection: events in, commands out. One query runs at a time, so a refusal never has to wait for
// an answer that is still owed. What the client sends is followed in client-side.ts, what the server sends in server-stream.ts.
import type { Session, SessionCommand, SessionEvent, Side, FinishReason } from '../session.ts';
import { ClientSide } from './client-side.ts';
import { CODES, exceptionPacket, idleProgress, logPacket, parkedText } from './denial.ts';
import { Exchange, type NativeParts } from './exchange.ts';
import type { ServerEvent } from './server-stream.ts';

/** A session behind finished hellos. */
export function createNativeSession(parts: NativeParts): Session {
  return new NativeSession(parts);
}

class NativeSession implements Session {
  readonly #exchange: Exchange;
  readonly #client: ClientSide;
  #draining: string | null = null;
  /** Approvals whose waiting the client has been told of. */
  #told = '';

  constructor(parts: NativeParts) {
    this.#exchange = new Exchange(parts);
    this.#client = new ClientSide(this.#exchange);
  }

  get idle(): boolean {
    return this.#client.idle && this.#exchange.server.between && this.#exchange.pongsOwed === 0;
  }

  paused(side: Side): boolean {
    return side === 'client' && this.#client.paused;
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    if (!this.#exchange.over) {
      this.#handle(event);
      if (this.#draining !== null && this.idle && !this.#exchange.over) {
        this.#exchange.finish({ kind: 'drained', detail: this.#draining });
      }
    }
    return this.#exchange.take();
  }

  #handle(event: SessionEvent): void {
    switch (event.kind) {
      case 'data':
        if (event.from === 'client') {
          this.#client.data(event.bytes);
        } else {
          this.#upstreamData(event.bytes);
        }
        break;
      case 'judged':
        this.#client.verdict(event.action, event.verdict);
        break;
      case 'awaited':
        this.#client.analysed();
        break;
      case 'parked':
        if (this.#client.asked?.id === event.action) {
          this.#parked(event.notice);
        }
        break;
      case 'draining':
        this.#draining = event.why;
        break;
      case 'ended':
        this.#ended(event.from, event.how);
        break;
      case 'waiting':
        // What came behind the query may take it back.
        this.#client.go();
        break;
      case 'cancel-requested':
        break;
    }
  }

  #upstreamData(bytes: Buffer): void {
    const exchange = this.#exchange;
    const { server } = exchange;
    for (const part of server.push(bytes)) {
      exchange.toClient(part);
    }
    for (const event of server.takeEvents()) {
      this.#happened(event);
    }
    if (server.trouble !== '') {
      exchange.fail('upstream', 'the upstream broke the protocol', {
        kind: 'protocol-error',
        detail: `upstream: ${server.trouble}`,
      });
    }
    this.#client.go();
  }

  #happened(event: ServerEvent): void {
    const exchange = this.#exchange;
    switch (event.kind) {
      case 'profile':
      case 'written':
        exchange.counted(event);
        break;
      case 'exception':
        this.#client.finished('error', String(event.code), event.name);
        break;
      case 'end':
        this.#client.finished('ok', '', 'EndOfStream');
        break;
      case 'pong':
        exchange.pongsOwed = Math.max(0, exchange.pongsOwed - 1);
    }
  }

  /** The first time in words; then signs of life that the client reads over. */
  #parked(notice: Parameters<typeof parkedText>[0]): void {
    const { revision, origin } = this.#exchange.parts;
    const seconds = Math.floor(origin.clock.now() / 1000);
    const isNew = this.#told !== notice.approval;
    this.#told = notice.approval;
    if (isNew || this.#client.takesData) {
      this.#exchange.toClient(logPacket(revision, isNew ? parkedText(notice) : null, seconds));
    } else {
      this.#exchange.toClient(idleProgress(revision));
    }
  }

  #ended(from: Side, how: 'fin' | 'reset'): void {
    const exchange = this.#exchange;
    const running = this.#client.running;
    if (from === 'client') {
      this.#client.gone();
      const kind: FinishReason['kind'] = how === 'reset' ? 'reset' : 'client-closed';
      exchange.finish({ kind, detail: 'the client is gone' });
      return;
    }
    const detail = how === 'reset' ? 'the upstream reset the connection' : 'the upstream closed the connection';
    if (running && exchange.server.between) {
      exchange.toClient(exceptionPacket(CODES.networkError, 'the connection to the upstream database was lost'));
    }
    this.#client.gone();
    exchange.finish({ kind: running && !exchange.server.between ? 'reset' : 'upstream-closed', detail });
  }
}
