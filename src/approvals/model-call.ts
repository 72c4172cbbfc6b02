// One question to a reviewer model: its turn, its share of the hour's tokens, its time, and at most one second try.
import type { LlmApproverConfig } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import type { ReviewTrouble } from './approval.ts';
import { ANSWER_NAME, ANSWER_SCHEMA, type Prompt } from './prompt.ts';

/** One call of a model. */
export interface ModelRequest {
  readonly approver: LlmApproverConfig;
  readonly system: string;
  readonly user: string;
  readonly answer: { readonly name: string; readonly schema: typeof ANSWER_SCHEMA };
  readonly maxOutputTokens: number;
}

export interface TokensUsed {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export type ModelReply = TokensUsed &
  (
    | { readonly kind: 'answer'; readonly value: unknown }
    | {
        readonly kind: 'trouble';
        readonly trouble: ReviewTrouble;
        readonly detail: string;
        /** Whether the same call may fare better in a moment, and when the provider says so. */
        readonly retry: boolean;
        readonly retryAfterMs: number | null;
      }
  );

/** Speaks to a provider. Never rejects; ends soon after `signal` aborts. */
export type CallModel = (request: ModelRequest, signal: AbortSignal) => Promise<ModelReply>;

const MAX_OUTPUT_TOKENS = 1_024;
/** A second try is not begun with less time than this left. */
const MIN_TRY_MS = 1_000;
/** A pause before it, unless the provider names another, and how much of it is drawn by lot so that many do not come back together. */
const PAUSE_MS = 200;
const JITTER_MS = 800;

export interface AskParts {
  readonly clock: Clock;
  readonly call: CallModel;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface Question {
  readonly approver: LlmApproverConfig;
  readonly prompt: Prompt;
  readonly turns: Turns;
  readonly budget: TokenBudget;
  /** Monotonic. */
  readonly startedMs: number;
  /** Aborts at the approver's deadline, or when nobody waits any more. */
  readonly signal: AbortSignal;
}

/** Asks once, and once more when that failed in a way that may pass. Never rejects. */
export async function askModel(parts: AskParts, question: Question): Promise<ModelReply> {
  const { clock, random } = parts;
  const { approver, startedMs, signal } = question;
  const first = await askOnce(parts, question);
  if (first.kind === 'answer' || !first.retry || signal.aborted) {
    return first;
  }
  const pauseMs = first.retryAfterMs ?? PAUSE_MS + random() * JITTER_MS;
  const leftMs = approver.timeoutMs - (clock.monotonicMs() - startedMs);
  if (pauseMs + MIN_TRY_MS > leftMs) {
    return first;
  }
  await pause(clock, pauseMs, signal);
  const second = await askOnce(parts, question);
  const inputTokens = first.inputTokens + second.inputTokens;
  return { ...second, inputTokens, outputTokens: first.outputTokens + second.outputTokens };
}

async function askOnce({ clock, call }: AskParts, question: Question): Promise<ModelReply> {
  const { approver, prompt, turns, budget, signal } = question;
  const release = await turns.take(signal);
  if (release === null) {
    return noReply('timeout', 'no answer in time');
  }
  try {
    // What it may cost at most is set aside first, so that many at once cannot spend more than there is.
    const share = budget.reserve(Math.ceil(prompt.sizeChars / 3) + MAX_OUTPUT_TOKENS, clock.monotonicMs());
    if (share === null) {
      return noReply('budget', `the ${approver.hourlyTokens} tokens of this hour are spent`);
    }
    const request: ModelRequest = {
      approver,
      system: prompt.system,
      user: prompt.user,
      answer: { name: ANSWER_NAME, schema: ANSWER_SCHEMA },
      maxOutputTokens: MAX_OUTPUT_TOKENS,
    };
    const reply = await untilAborted(call(request, signal), signal);
    // A call that was given up may have been worked on all the same.
    share.settle(reply === null ? null : reply.inputTokens + reply.outputTokens);
    return reply === null || (signal.aborted && reply.kind === 'trouble')
      ? { ...noReply('timeout', 'no answer in time'), ...usedBy(reply) }
      : reply;
  } finally {
    release();
  }
}

function usedBy(reply: ModelReply | null): TokensUsed {
  return { inputTokens: reply?.inputTokens ?? 0, outputTokens: reply?.outputTokens ?? 0 };
}

/** A reply that tells of trouble before any call was made. */
function noReply(trouble: ReviewTrouble, detail: string): ModelReply {
  return { kind: 'trouble', trouble, detail, retry: false, retryAfterMs: null, inputTokens: 0, outputTokens: 0 };
}

/** The value, or null as soon as the signal aborts: a call that ignores its signal holds nobody up. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let onAbort: (() => void) | null = null;
  const aborted = new Promise<null>((resolve) => {
    onAbort = (): void => resolve(null);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) {
      resolve(null);
    }
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== null) {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  let wake: (() => void) | null = null;
  const over = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const timer = clock.after(delayMs, () => wake?.());
  await untilAborted(over, signal);
  timer.cancel();
}

/** At most so many at once; the others wait in order. */
export class Turns {
  readonly #atMost: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atMost: number) {
    this.#atMost = atMost;
  }

  /** What gives the turn back, or null when the signal aborts first. */
  async take(signal: AbortSignal): Promise<(() => void) | null> {
    if (signal.aborted) {
      return null;
    }
    if (this.#running < this.#atMost) {
      this.#running += 1;
      return this.#release();
    }
    let mine: (() => void) | null = null;
    const turn = new Promise<true>((resolve) => {
      mine = (): void => resolve(true);
      this.#waiting.push(mine);
    });
    if ((await untilAborted(turn, signal)) === true) {
      return this.#release();
    }
    const index = this.#waiting.findIndex((other) => other === mine);
    if (index >= 0) {
      this.#waiting.splice(index, 1);
    } else {
      // The turn came in the same moment: it is handed on.
      this.#release()();
    }
    return null;
  }

  #release(): () => void {
    let held = true;
    return () => {
      if (!held) {
        return;
      }
      held = false;
      // The turn is handed on without being given back: nobody can slip in between.
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#running -= 1;
      } else {
        next();
      }
    };
  }
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Part of an hour's tokens that is set aside for one call. */
export interface Share {
  /** What the call used; null = nobody knows, so all of it counts. */
  settle(tokens: number | null): void;
}

/** Tokens of the last hour, counted by the minute. Forgotten with the process. */
export class TokenBudget {
  /** In the last hour. */
  limit = Number.POSITIVE_INFINITY;
  #minutes: { readonly minute: number; tokens: number }[] = [];

  spent(nowMs: number): number {
    this.#minutes = this.#minutes.filter(({ minute }) => nowMs - minute * MINUTE_MS < HOUR_MS + MINUTE_MS);
    return this.#minutes.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  /** Null when there is not that much left. */
  reserve(tokens: number, nowMs: number): Share | null {
    if (this.spent(nowMs) + tokens > this.limit) {
      return null;
    }
    const minute = Math.floor(nowMs / MINUTE_MS);
    let entry = this.#minutes.find((one) => one.minute === minute);
    if (entry === undefined) {
      entry = { minute, tokens: 0 };
      this.#minutes.push(entry);
    }
    const counted = entry;
    counted.tokens += tokens;
    return {
      settle(used) {
        counted.tokens += used === null ? 0 : used - tokens;
      },
    };
  }
}
