// A reviewer model's answer, from whatever came back to a value: exactly the form that was asked for, or nothing. Pure.
import { isObject } from '../lib/fields.ts';
import { shorten } from '../lib/text.ts';
import type { ReviewReason } from './approval.ts';

export interface Answer {
  readonly verdict: 'allow' | 'escalate' | 'deny';
  /** 0 to 100. */
  readonly risk: number;
  readonly reasons: readonly ReviewReason[];
}

const VERDICTS = ['allow', 'escalate', 'deny'] as const;
const MAX_REASONS = 3;
const MAX_REASON_CHARS = 600;

/**
 * Reads an answer. `sources` are the texts that a reason may quote. Null when anything is not as it must be: another key, another word,
 * a number that is none, four reasons. A model that nearly answers has not answered.
 */
export function readAnswer(value: unknown, sources: readonly string[]): Answer | null {
  if (!isObject(value) || !hasExactly(value, ['verdict', 'risk', 'reasons'])) {
    return null;
  }
  const verdict = VERDICTS.find((word) => word === value['verdict']);
  const risk = value['risk'];
  const reasons = value['reasons'];
  if (verdict === undefined || typeof risk !== 'number' || !(risk >= 0 && risk <= 100)) {
    return null;
  }
  if (!Array.isArray(reasons) || reasons.length > MAX_REASONS) {
    return null;
  }
  const flat = sources.map(flatten);
  const read = reasons.map((reason: unknown) => readReason(reason, flat));
  return read.includes(null)
    ? null
    : { verdict, risk: Math.round(risk), reasons: read.flatMap((reason) => reason ?? []) };
}

function readReason(reason: unknown, sources: readonly string[]): ReviewReason | null {
  if (!isObject(reason) || !hasExactly(reason, ['quote', 'why'])) {
    return null;
  }
  const { quote, why } = reason;
  if (typeof quote !== 'string' || typeof why !== 'string') {
    return null;
  }
  const needle = flatten(quote);
  const found = needle !== '' && sources.some((source) => source.includes(needle));
  return { quote: shorten(quote, MAX_REASON_CHARS), why: shorten(why, MAX_REASON_CHARS), found };
}

/** Models change white space and escapes when they copy; nothing else. */
function flatten(text: string): string {
  return text.replaceAll('\\"', '"').replace(/\s+/g, ' ').trim();
}

function hasExactly(value: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean {
  const own = Object.keys(value);
  return own.length === keys.length && keys.every((key) => own.includes(key));
}
