// Reviewer models: asks, remembers, limits, and turns every kind of trouble into "no answer". What an answer may do is decided in stages.ts;
// how a provider is spoken to is in models.ts. Nothing here allows anything.
import { createHash } from 'node:crypto';
import type { LlmApproverConfig } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { Lru } from '../lib/lru.ts';
import type { Action } from '../rules/action.ts';
import { readAnswer, type Answer } from './answer.ts';
import type { Approval, Review, ReviewTrouble } from './approval.ts';
import { askModel, TokenBudget, Turns, type CallModel } from './model-call.ts';
import { makePrompt, MAX_PROMPT_CHARS, PROMPT_VERSION, type Prompt } from './prompt.ts';

export interface ReviewCase {
  readonly approver: LlmApproverConfig;
  readonly action: Action;
  /** As people are shown it. */
  readonly approval: Approval;
}

export interface Reviewer {
  /** One assessment. Never rejects; trouble is an assessment without an answer. */
  review(request: ReviewCase, signal: AbortSignal): Promise<Review>;
  /** What was used, by approver. */
  usage(): readonly ReviewerUsage[];
}

export interface ReviewerUsage {
  readonly approver: string;
  readonly reviews: number;
  readonly allowed: number;
  readonly denied: number;
  readonly escalated: number;
  readonly failed: number;
  readonly cached: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: number;
  /** Tokens of the last hour, and how many it may have. */
  readonly hourTokens: number;
  readonly hourlyTokens: number;
  readonly lastTrouble: string;
}

export interface ReviewerParts {
  readonly clock: Clock;
  readonly call: CallModel;
  /** 32 hexadecimal digits, unguessable. */
  readonly mark: () => string;
  /** From 0 to 1, for the pause before a second try. */
  readonly random: () => number;
  /** What nearly equal requests have in common. */
  readonly likeness: (action: Action) => string;
}

const MAX_AT_ONCE = 8;
const MAX_REMEMBERED = 10_000;
/** Nearly equal requests that were not allowed, in this time, after which the model is not asked again: it is no oracle. */
const MAX_ASKED_AGAIN = 5;
const ASKED_AGAIN_MS = 10 * 60_000;

export function createReviewer(parts: ReviewerParts): Reviewer {
  return new ModelReviewer(parts);
}

/** An assessment without an answer. */
export function troubled(
  approver: LlmApproverConfig,
  trouble: ReviewTrouble,
  {
    atMs,
    detail,
    latencyMs,
    promptDigest = '',
  }: { readonly atMs: number; readonly detail: string; readonly latencyMs: number; readonly promptDigest?: string },
): Review {
  return {
    approver: approver.ref,
    provider: approver.provider,
    model: approver.model,
    atMs,
    answer: null,
    risk: null,
    reasons: [],
    trouble,
    detail,
    promptVersion: PROMPT_VERSION,
    promptDigest,
    inputTokens: 0,
    outputTokens: 0,
    cost: costOf(approver, 0, 0),
    latencyMs,
    cached: false,
  };
}

interface Remembered {
  readonly answer: Answer;
  readonly untilMs: number;
}

interface Running {
  readonly reply: Promise<Review>;
  readonly abort: AbortController;
  waiting: number;
}

/** What is counted of a reviewer that nobody has asked yet. */
export const NO_REVIEWS: Omit<ReviewerUsage, 'approver' | 'hourTokens' | 'hourlyTokens'> = {
  reviews: 0,
  allowed: 0,
  denied: 0,
  escalated: 0,
  failed: 0,
  cached: 0,
  inputTokens: 0,
  outputTokens: 0,
  cost: 0,
  lastTrouble: '',
};

type Counted = { -readonly [Name in keyof typeof NO_REVIEWS]: (typeof NO_REVIEWS)[Name] };

interface Desk {
  readonly budget: TokenBudget;
  readonly turns: Turns;
  readonly counted: Counted;
  hourlyTokens: number;
}

class ModelReviewer implements Reviewer {
  readonly #parts: ReviewerParts;
  readonly #remembered = new Lru<string, Remembered>(MAX_REMEMBERED);
  readonly #running = new Map<string, Running>();
  readonly #askedAgain = new Lru<string, readonly number[]>(MAX_REMEMBERED);
  /** By approver; few, since they come from the configuration. */
  readonly #desks = new Map<string, Desk>();

  constructor(parts: ReviewerParts) {
    this.#parts = parts;
  }

  async review({ approver, action, approval }: ReviewCase, signal: AbortSignal): Promise<Review> {
    const { clock, mark } = this.#parts;
    const startedMs = clock.monotonicMs();
    const prompt = makePrompt({ approval, policy: approver.policy, mark: mark() });
    const fail = (trouble: ReviewTrouble, detail: string): Review =>
      troubled(approver, trouble, {
        atMs: clock.now(),
        detail,
        latencyMs: clock.monotonicMs() - startedMs,
        promptDigest: prompt.digest,
      });
    // A model must not judge a part: what was cut off may be what matters.
    if (!action.evidence.complete || !approval.request.complete) {
      return this.#note(approver, fail('cut', 'the request was cut before it came here'));
    }
    if (prompt.sizeChars > MAX_PROMPT_CHARS) {
      return this.#note(
        approver,
        fail('cut', `the prompt has ${prompt.sizeChars} characters, at most ${MAX_PROMPT_CHARS}`),
      );
    }
    const key = keyOf(approver, approval, prompt);
    const remembered = this.#remembered.find(key);
    if (remembered !== null && clock.monotonicMs() < remembered.untilMs) {
      const review = { ...fail('cut', ''), ...answered(remembered.answer), cached: true };
      return this.#note(approver, review);
    }
    const likeness = JSON.stringify([
      approver.ref,
      approval.agent.device,
      approval.endpoint,
      this.#parts.likeness(action),
    ]);
    if (this.#wasAskedTooOften(likeness)) {
      return this.#note(approver, fail('repeated', 'nearly the same was asked and not allowed several times'));
    }
    const review = await this.#joined(key, { approver, prompt, startedMs, signal, likeness });
    return this.#note(approver, review);
  }

  usage(): readonly ReviewerUsage[] {
    const nowMs = this.#parts.clock.monotonicMs();
    return [...this.#desks].map(([approver, { counted, budget, hourlyTokens }]) => ({
      approver,
      ...counted,
      hourTokens: budget.spent(nowMs),
      hourlyTokens,
    }));
  }

  /** Equal cases that wait at the same time are one call, which ends when nobody waits for it any more. */
  async #joined(key: string, parts: CallParts): Promise<Review> {
    const { signal, approver, prompt, startedMs } = parts;
    const { clock } = this.#parts;
    let running = this.#running.get(key);
    if (running === undefined) {
      const abort = new AbortController();
      const reply = this.#ask(key, { ...parts, signal: abort.signal }).finally(() => this.#running.delete(key));
      running = { reply, abort, waiting: 0 };
      this.#running.set(key, running);
    }
    const joined = running;
    const first = joined.waiting === 0;
    joined.waiting += 1;
    let leave: (() => void) | null = null;
    const left = new Promise<null>((resolve) => {
      leave = (): void => resolve(null);
      signal.addEventListener('abort', leave, { once: true });
    });
    const review = signal.aborted ? null : await Promise.race([joined.reply, left]);
    if (leave !== null) {
      signal.removeEventListener('abort', leave);
    }
    joined.waiting -= 1;
    if (joined.waiting === 0) {
      joined.abort.abort();
    }
    if (review === null) {
      const detail = 'nobody waits for it any more';
      const latencyMs = clock.monotonicMs() - startedMs;
      return troubled(approver, 'cancelled', { atMs: clock.now(), detail, latencyMs, promptDigest: prompt.digest });
    }
    return first ? review : { ...review, cached: true, inputTokens: 0, outputTokens: 0, cost: costOf(approver, 0, 0) };
  }

  async #ask(key: string, { approver, prompt, startedMs, signal, likeness }: CallParts): Promise<Review> {
    const { clock } = this.#parts;
    const desk = this.#desk(approver);
    const limit = new AbortController();
    const stop = (): void => limit.abort();
    const deadline = clock.after(approver.timeoutMs, stop);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const question = { approver, prompt, startedMs, signal: limit.signal, turns: desk.turns, budget: desk.budget };
      const reply = await askModel(this.#parts, question);
      const usage = { inputTokens: reply.inputTokens, outputTokens: reply.outputTokens };
      const base = troubled(approver, 'malformed', {
        atMs: clock.now(),
        detail: '',
        latencyMs: clock.monotonicMs() - startedMs,
        promptDigest: prompt.digest,
      });
      const told = { ...base, ...usage, cost: costOf(approver, usage.inputTokens, usage.outputTokens) };
      if (reply.kind === 'trouble') {
        return { ...told, trouble: reply.trouble, detail: reply.detail };
      }
      const answer = readAnswer(reply.value, prompt.sources);
      if (answer === null) {
        this.#askedOnce(likeness);
        return { ...told, detail: 'the answer is not of the form that was asked for' };
      }
      if (answer.verdict !== 'allow') {
        this.#askedOnce(likeness);
      }
      if (answer.verdict !== 'escalate' && approver.cacheTtlMs > 0) {
        this.#remembered.put(key, { answer, untilMs: clock.monotonicMs() + approver.cacheTtlMs });
      }
      return { ...told, ...answered(answer) };
    } finally {
      deadline.cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  #wasAskedTooOften(likeness: string): boolean {
    const since = this.#parts.clock.monotonicMs() - ASKED_AGAIN_MS;
    return (this.#askedAgain.find(likeness) ?? []).filter((atMs) => atMs > since).length >= MAX_ASKED_AGAIN;
  }

  #askedOnce(likeness: string): void {
    const before = this.#askedAgain.find(likeness) ?? [];
    this.#askedAgain.put(likeness, [...before, this.#parts.clock.monotonicMs()].slice(-MAX_ASKED_AGAIN));
  }

  #desk(approver: LlmApproverConfig): Desk {
    const desk = this.#desks.get(approver.ref) ?? {
      budget: new TokenBudget(),
      turns: new Turns(MAX_AT_ONCE),
      counted: { ...NO_REVIEWS },
      hourlyTokens: 0,
    };
    // A reload may have changed it.
    desk.hourlyTokens = approver.hourlyTokens;
    desk.budget.limit = approver.hourlyTokens;
    this.#desks.set(approver.ref, desk);
    return desk;
  }

  #note(approver: LlmApproverConfig, review: Review): Review {
    const { counted } = this.#desk(approver);
    counted.reviews += 1;
    counted.allowed += review.answer === 'allow' ? 1 : 0;
    counted.denied += review.answer === 'deny' ? 1 : 0;
    counted.escalated += review.answer === 'escalate' ? 1 : 0;
    counted.failed += review.answer === null ? 1 : 0;
    counted.cached += review.cached ? 1 : 0;
    counted.inputTokens += review.inputTokens;
    counted.outputTokens += review.outputTokens;
    counted.cost += review.cost ?? 0;
    counted.lastTrouble = review.trouble === null ? counted.lastTrouble : `${review.trouble}: ${review.detail}`;
    return review;
  }
}

interface CallParts {
  readonly approver: LlmApproverConfig;
  readonly prompt: Prompt;
  readonly startedMs: number;
  readonly signal: AbortSignal;
  readonly likeness: string;
}

function answered({
  verdict,
  risk,
  reasons,
}: Answer): Pick<Review, 'answer' | 'risk' | 'reasons' | 'trouble' | 'detail'> {
  return { answer: verdict, risk, reasons, trouble: null, detail: '' };
}

/** Exactly what was judged, by whom, under which words. */
function keyOf({ provider, model, baseUrl }: LlmApproverConfig, approval: Approval, { digest }: Prompt): string {
  const parts = [provider, model, baseUrl, approval.request.digest, approval.agent, digest];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Dollars, or null when the configuration names no price. */
function costOf({ price }: LlmApproverConfig, inputTokens: number, outputTokens: number): number | null {
  return price === null ? null : (inputTokens * price.input + outputTokens * price.output) / 1_000_000;
}

/** What the model said; that it failed is a trouble like any other. */
export async function reviewOrTrouble(
  {
    clock,
    reviewer,
    warn,
  }: {
    readonly clock: Clock;
    readonly reviewer: Reviewer;
    readonly warn: (message: string, error: unknown) => void;
  },
  request: ReviewCase,
  signal: AbortSignal,
): Promise<Review> {
  const startedMs = clock.monotonicMs();
  try {
    return await reviewer.review(request, signal);
  } catch (error) {
    warn(`the reviewer model ${request.approver.ref} failed`, error);
    const latencyMs = clock.monotonicMs() - startedMs;
    return troubled(request.approver, 'unreachable', { atMs: clock.now(), detail: messageOf(error), latencyMs });
  }
}
