// The pieces of an answer that is looked into, in their order: what is to be judged holds back what comes behind it.
import type { Gate, Waiting } from '../protocol.ts';
import type { Verdict } from '../session.ts';
import type { Action } from '../../rules/action.ts';
import type { AnswerPiece, McpAnswerFilter } from './mcp-answer.ts';

export interface AnswerPipeParts {
  readonly filter: McpAnswerFilter;
  readonly gate: Gate;
  /** The action of a piece that is to be judged. */
  actionOf(piece: Extract<AnswerPiece, { kind: 'judge' }>): Action;
  pass(bytes: Buffer): void;
  /** Nothing follows, and it must not look whole. */
  cut(why: string): void;
  /** False: more of the answer would only be kept. */
  setFlow(flowing: boolean): void;
}

export class AnswerPipe {
  readonly #parts: AnswerPipeParts;
  readonly #abort = new AbortController();
  #queue: AnswerPiece[] = [];
  #waiting = false;
  #stopped = false;
  #ended: (() => void) | null = null;

  constructor(parts: AnswerPipeParts) {
    this.#parts = parts;
  }

  /** Something is being judged: what follows is held. */
  get waiting(): boolean {
    return this.#waiting;
  }

  push(bytes: Buffer): void {
    this.#queue.push(...this.#parts.filter.push(bytes));
    this.#pump();
  }

  /** `then` is called when everything before it has passed. */
  end(then: () => void): void {
    this.#queue.push(...this.#parts.filter.end());
    this.#ended = then;
    this.#pump();
  }

  /** The answer is wanted no more. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#abort.abort();
  }

  #pump(): void {
    while (!this.#waiting && !this.#stopped) {
      const piece = this.#queue.shift();
      if (piece === undefined) {
        this.#ended?.();
        return;
      }
      switch (piece.kind) {
        case 'pass':
          this.#pass(piece.bytes);
          break;
        case 'cut':
          this.stop();
          this.#parts.cut(piece.why);
          break;
        case 'judge':
          this.#judge(piece);
          break;
      }
    }
  }

  #pass(bytes: Buffer): void {
    if (bytes.length > 0) {
      this.#parts.pass(bytes);
    }
  }

  #judge(piece: Extract<AnswerPiece, { kind: 'judge' }>): void {
    const { gate } = this.#parts;
    const action = this.#parts.actionOf(piece);
    const verdict = gate.decide(action, (): Waiting => ({ signal: this.#abort.signal, parked: () => undefined }));
    if (!(verdict instanceof Promise)) {
      this.#judged(piece, action, verdict);
      return;
    }
    this.#waiting = true;
    this.#parts.setFlow(false);
    const go = (given: Verdict): void => {
      this.#waiting = false;
      this.#judged(piece, action, given);
      if (!this.#stopped) {
        this.#parts.setFlow(true);
        this.#pump();
      }
    };
    // The gate never rejects; if it did, nothing would be passed on.
    verdict.then(go, () => this.stop());
  }

  /** What is denied is left out: the agent never learns that it was asked. */
  #judged(piece: Extract<AnswerPiece, { kind: 'judge' }>, action: Action, verdict: Verdict): void {
    if (verdict.kind !== 'allow') {
      return;
    }
    const sent = !this.#stopped;
    if (sent) {
      this.#pass(piece.bytes);
    }
    this.#parts.gate.settle(action, {
      kind: sent ? 'ok' : 'not-run',
      rows: null,
      status: '',
      errorCode: '',
      bytesToClient: sent ? piece.bytes.length : 0,
      durationMs: 0,
    });
  }
}
