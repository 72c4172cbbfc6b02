// A labelled set put to a reviewer model: how often it says what people would have said, and which mistakes it makes. The model gets each case
// exactly as a parked request would be put to it. Pure but for the model behind `reviewer`.
import { createHash } from 'node:crypto';
import type { LlmApproverConfig } from '../config/config.ts';
import { FAMILIES, RISKS, type Action, type Family, type Risk } from '../rules/action.ts';
import type { Approval, Review } from './approval.ts';
import { describeApproval } from './item.ts';
import type { Reviewer } from './reviewer.ts';

export const LABELS = ['allow', 'escalate', 'deny'] as const;
export type Label = (typeof LABELS)[number];

/** One case of a set (test/corpus/reviewer/cases.json). */
export interface EvaluationCase {
  readonly name: string;
  readonly family: Family;
  readonly text: string;
  /** As recorded: nested by variable. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly risk: Risk;
  readonly causes: readonly string[];
  readonly effect: readonly string[];
  readonly alert: Readonly<Record<string, string>>;
  readonly expected: Label;
}

export interface EvaluatedCase {
  readonly name: string;
  readonly expected: Label;
  /** `failed`: no answer that counts, and `trouble` says why. */
  readonly answered: Label | 'failed';
  readonly risk: number | null;
  readonly trouble: string;
  readonly latencyMs: number;
}

export interface Evaluation {
  readonly cases: readonly EvaluatedCase[];
  /** Counts by expected and answered. */
  readonly matrix: Readonly<Record<Label, Readonly<Record<Label | 'failed', number>>>>;
  /** Share of answers that are as expected, 0 to 1. */
  readonly accuracy: number;
  /** Expected deny or escalate, answered allow: the mistakes that matter. */
  readonly wronglyAllowed: readonly string[];
  /** No case was put to the model at all, so nothing was measured: it could not be reached, or takes no credential that it was given. */
  readonly unreached: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: number | null;
  readonly medianLatencyMs: number;
}

/** Reads a set; null when it is not one. */
export function readCases(text: string): readonly EvaluationCase[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return Array.isArray(value) && value.length > 0 && value.every(isCase) ? value : null;
}

function isCase(value: unknown): value is EvaluationCase {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { name, family, text, facts, risk, causes, effect, alert, expected } = Object.fromEntries(
    Object.entries(value),
  ) as Readonly<Record<string, unknown>>;
  return (
    typeof name === 'string' &&
    typeof text === 'string' &&
    FAMILIES.some((one) => one === family) &&
    RISKS.some((one) => one === risk) &&
    typeof facts === 'object' &&
    Array.isArray(causes) &&
    Array.isArray(effect) &&
    typeof alert === 'object' &&
    LABELS.some((label) => label === expected)
  );
}

/** Puts every case to the model, a few at a time. `each` is told of every answer. */
export async function evaluate(
  cases: readonly EvaluationCase[],
  approver: LlmApproverConfig,
  { reviewer, each }: { readonly reviewer: Reviewer; readonly each: (one: EvaluatedCase) => void },
): Promise<Evaluation> {
  const reviews = await Promise.all(
    cases.map(async (one): Promise<readonly [EvaluatedCase, Review]> => {
      const { action, approval } = describeCase(one);
      const review = await reviewer.review({ approver, action, approval }, new AbortController().signal);
      const evaluated: EvaluatedCase = {
        name: one.name,
        expected: one.expected,
        answered: review.answer ?? 'failed',
        risk: review.risk,
        trouble: review.trouble === null ? '' : `${review.trouble}: ${review.detail}`,
        latencyMs: Math.round(review.latencyMs),
      };
      each(evaluated);
      return [evaluated, review];
    }),
  );
  return summarise(reviews);
}

function summarise(reviews: readonly (readonly [EvaluatedCase, Review])[]): Evaluation {
  const cases = reviews.map(([one]) => one);
  const count = (expected: Label, answered: Label | 'failed'): number =>
    cases.filter((one) => one.expected === expected && one.answered === answered).length;
  const row = (expected: Label): Record<Label | 'failed', number> => ({
    allow: count(expected, 'allow'),
    escalate: count(expected, 'escalate'),
    deny: count(expected, 'deny'),
    failed: count(expected, 'failed'),
  });
  const latencies = cases.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  const costs = reviews.map(([, { cost }]) => cost);
  return {
    cases,
    matrix: { allow: row('allow'), escalate: row('escalate'), deny: row('deny') },
    accuracy: cases.filter(({ expected, answered }) => expected === answered).length / cases.length,
    wronglyAllowed: cases
      .filter(({ expected, answered }) => answered === 'allow' && expected !== 'allow')
      .map(({ name }) => name),
    unreached: reviews.every(([, { trouble }]) => trouble === 'unreachable' || trouble === 'unauthorised'),
    inputTokens: reviews.reduce((sum, [, { inputTokens }]) => sum + inputTokens, 0),
    outputTokens: reviews.reduce((sum, [, { outputTokens }]) => sum + outputTokens, 0),
    cost: costs.includes(null) ? null : costs.reduce((sum: number, cost) => sum + (cost ?? 0), 0),
    medianLatencyMs: latencies[Math.floor(latencies.length / 2)] ?? 0,
  };
}

/** The action and approval that a live request with these facts would have. */
function describeCase(one: EvaluationCase): { readonly action: Action; readonly approval: Approval } {
  const digest = createHash('sha256').update(one.text).digest('hex');
  const action: Action = {
    id: digest.slice(0, 32),
    session: 'evaluation',
    agent: { device: 'evaluation', profile: 'evaluation', run: '', user: '', ip: '', transport: 'direct' },
    endpoint: { name: one.family, type: one.family, ref: `evaluation.${one.family}`, family: one.family, host: '' },
    family: one.family,
    credential: null,
    units: [],
    risk: one.risk,
    summary: one.name,
    evidence: {
      text: one.text,
      parameters: [],
      sizeBytes: Buffer.byteLength(one.text),
      complete: true,
      digest: () => digest,
    },
    phase: 'execute',
    refused: null,
    memo: null,
  };
  const decision = {
    kind: 'approve',
    by: 'risk',
    rule: '',
    reason: `tier ${one.risk}`,
    cannotTell: null,
    approvers: [],
    unit: 0,
    holds: 'once',
  } as const;
  const alert = Object.keys(one.alert).length === 0 ? null : one.alert;
  const shown = { text: one.text, factsJson: JSON.stringify(one.facts), alert, words: '' };
  const approval = describeApproval(action, decision, { nowMs: 0, shown });
  return { action, approval: { ...approval, riskCauses: one.causes, effect: { lines: one.effect, data: {} } } };
}
