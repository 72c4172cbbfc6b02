// The state machine of one logged-in PostgreSQL connection: events in, commands out. It owns no socket and no policy. The two
// directions are in client-side.ts and upstream-side.ts; what is between them in exchange.ts.
import type { Session, SessionCommand, SessionEvent, Side } from '../session.ts';
import { ClientSide } from './client-side.ts';
import { parkedMessage } from './denial.ts';
import { Exchange, type SessionParts } from './exchange.ts';
import { UpstreamSide } from './upstream-side.ts';

/** A session behind a finished login: both sides are idle, outside of a transaction. */
export function createPostgresSession(parts: SessionParts): Session {
  return new PostgresSession(parts);
}

class PostgresSession implements Session {
  readonly #exchange: Exchange;
  readonly #client: ClientSide;
  readonly #upstream: UpstreamSide;
  /** Why the gateway wants the connection to end; null while it does not. */
  #draining: string | null = null;
  #withdrawn = false;

  constructor(parts: SessionParts) {
    this.#exchange = new Exchange(parts);
    this.#client = new ClientSide(this.#exchange);
    this.#upstream = new UpstreamSide(this.#exchange);
  }

  get idle(): boolean {
    return this.#exchange.owed.length === 0 && this.#exchange.transaction === 'idle' && this.#client.idle;
  }

  paused(side: Side): boolean {
    return side === 'client' && this.#client.paused;
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    if (!this.#exchange.over) {
      this.#handle(event);
      if (this.#draining !== null && this.idle && !this.#exchange.over) {
        this.#exchange.fatal('57P01', `terminating connection: ${this.#draining}`, {
          kind: 'drained',
          detail: this.#draining,
        });
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
          this.#upstream.data(event.bytes);
          this.#client.confirmed();
          this.#withdrawSkipped();
        }
        break;
      case 'judged':
        this.#withdrawn = false;
        this.#client.verdict(event.action, event.verdict);
        break;
      case 'waiting':
        this.#client.waiting(event.action);
        break;
      case 'awaited':
        this.#client.analysed();
        break;
      case 'parked':
        if (this.#client.asked?.id === event.action) {
          const { signOfLife = null } = this.#exchange.parts;
          const message = event.notice.silent === true ? signOfLife : parkedMessage(event.notice);
          if (message !== null) {
            this.#upstream.inject(message);
          }
        }
        break;
      case 'cancel-requested':
        this.#cancel();
        break;
      case 'draining':
        this.#draining = event.why;
        break;
      case 'ended':
        if (event.from === 'client') {
          this.#clientEnded(event.how);
        } else {
          this.#upstreamEnded(event.how);
        }
        break;
    }
  }

  /** A message whose group has failed meanwhile will be skipped, so nobody needs to decide about it. */
  #withdrawSkipped(): void {
    if (this.#exchange.skipping && this.#client.asked !== null) {
      this.#withdraw();
    }
  }

  #withdraw(): void {
    const { asked } = this.#client;
    if (asked !== null && !this.#withdrawn) {
      this.#withdrawn = true;
      this.#exchange.command({ kind: 'withdraw', action: asked.id });
    }
  }

  /** A parked statement is withdrawn; a running one is cancelled at the upstream; with nothing running there is nothing to do. */
  #cancel(): void {
    if (this.#client.asked !== null) {
      this.#withdraw();
    } else if (this.#exchange.owed.length > 0) {
      this.#exchange.command({ kind: 'cancel-upstream' });
    }
  }

  #clientEnded(how: 'fin' | 'reset'): void {
    const waiting = this.#client.asked !== null;
    this.#withdraw();
    const already = this.#client.closed;
    this.#client.ended();
    if (how === 'reset') {
      this.#exchange.finish({ kind: already ? 'client-closed' : 'reset', detail: 'the client is gone' });
    } else if (waiting) {
      this.#exchange.finish({ kind: 'client-closed', detail: 'the client closed while its statement waited' });
    } else if (!already) {
      // Statements in flight finish, and their answers still go to a client that only ended its own direction.
      this.#exchange.command({ kind: 'end', to: 'upstream' });
    }
  }

  #upstreamEnded(how: 'fin' | 'reset'): void {
    const exchange = this.#exchange;
    if (this.#client.closed) {
      exchange.finish({ kind: 'client-closed', detail: 'the client ended the connection' });
    } else if (this.#upstream.saidGoodbye && !exchange.midMessage) {
      exchange.finish({ kind: 'upstream-closed', detail: 'the upstream ended the connection' });
    } else {
      const detail = how === 'reset' ? 'the upstream reset the connection' : 'the upstream closed the connection';
      exchange.fatal('08006', 'the connection to the upstream database was lost', { kind: 'upstream-closed', detail });
    }
  }
}
