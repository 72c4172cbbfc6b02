// What both directions of a native connection share: the server's stream, the tracked state, and the commands of the current turn.
import type { FinishReason, SessionCommand } from '../session.ts';
import type { Origin } from '../sql/action.ts';
import type { ClickHouseAnalyser, ClickHouseOptions, ClickHouseText } from './analysis/context.ts';
import { CODES, exceptionPacket } from './denial.ts';
import { ServerStream } from './server-stream.ts';
import { SessionState } from './state.ts';

/** Asks the server how it reads a text; null: as we do. What differs otherwise, for the record. */
export type Verify = (text: ClickHouseText, bytes: Buffer, database: string) => Promise<string | null>;

export interface NativeParts {
  readonly origin: Origin;
  readonly analyser: ClickHouseAnalyser;
  /** As configured now. */
  readonly options: () => ClickHouseOptions;
  /** Null where the endpoint does not ask for it. */
  readonly verify: () => Verify | null;
  /** The same on both legs. */
  readonly revision: number;
  /** Upstream login. */
  readonly user: string;
  readonly database: string;
  /** Something was refused before it was an action. */
  readonly refused: (cause: string, detail: string) => void;
}

const NOTHING: readonly SessionCommand[] = [];

export class Exchange {
  readonly parts: NativeParts;
  readonly server: ServerStream;
  readonly state: SessionState;
  /** Pings that the server has not answered. */
  pongsOwed = 0;
  over = false;
  /** Of the query that runs. */
  bytesToClient = 0;
  rows: number | null = null;
  /** A question is the last command of its turn: nothing more may be read before the next. */
  asked = false;
  #commands: SessionCommand[] = [];

  constructor(parts: NativeParts) {
    this.parts = parts;
    this.server = new ServerStream(parts.revision);
    this.state = new SessionState(parts.user, parts.database);
  }

  /** The commands of this turn. */
  take(): readonly SessionCommand[] {
    const commands = this.#commands;
    this.asked = false;
    if (commands.length === 0) {
      return NOTHING;
    }
    this.#commands = [];
    return commands;
  }

  command(command: SessionCommand): void {
    this.asked ||= command.kind === 'judge' || command.kind === 'await';
    this.#commands.push(command);
  }

  toClient(bytes: Buffer): void {
    this.bytesToClient += bytes.length;
    this.#commands.push({ kind: 'send', to: 'client', bytes });
  }

  toUpstream(bytes: Buffer): void {
    this.#commands.push({ kind: 'send', to: 'upstream', bytes });
  }

  /** A server counts what it wrote in pieces, and what it read at the end. */
  counted({ kind, rows }: { readonly kind: 'profile' | 'written'; readonly rows: number }): void {
    this.rows = kind === 'written' ? (this.rows ?? 0) + rows : rows;
  }

  /** Ends the connection with a last word to the client, where one can be said between two packets. */
  fail(cause: string, told: string, reason: FinishReason): void {
    if (this.over) {
      return;
    }
    this.parts.refused(cause, reason.detail);
    if (this.server.between) {
      this.toClient(exceptionPacket(CODES.unexpectedPacket, told));
      this.finish(reason);
    } else {
      // Cut data must not look complete.
      this.finish({ kind: 'reset', detail: reason.detail });
    }
  }

  finish(reason: FinishReason): void {
    if (!this.over) {
      this.over = true;
      this.#commands.push({ kind: 'finish', reason });
    }
  }
}
