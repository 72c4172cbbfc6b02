// What providers' SDKs answer or throw, in our own words. Pure.
import type { ReviewTrouble } from '../../approvals/approval.ts';
import type { ModelReply } from '../../approvals/model-call.ts';
import { messageOf } from '../../lib/errors.ts';
import { shorten } from '../../lib/text.ts';

/** An SDK refuses to work without a key; this one never leaves the process. */
export const NO_KEY = 'set-by-the-gateway';
const MAX_DETAIL_CHARS = 300;

/** The credential could not be had, so nothing was sent. */
export class Unauthorised extends Error {}

export function count(tokens: unknown): number {
  return typeof tokens === 'number' && Number.isFinite(tokens) && tokens > 0 ? Math.floor(tokens) : 0;
}

export type Trouble = Extract<ModelReply, { readonly kind: 'trouble' }>;

export function trouble(
  word: ReviewTrouble,
  detail: string,
  again: { readonly retry: boolean; readonly retryAfterMs: number | null } = { retry: false, retryAfterMs: null },
): Trouble {
  return {
    kind: 'trouble',
    trouble: word,
    detail: shorten(detail, MAX_DETAIL_CHARS),
    ...again,
    inputTokens: 0,
    outputTokens: 0,
  };
}

/** What an SDK threw, as trouble. Connections that fail, 429 and 5xx may be tried once more. */
export function troubleOf(error: unknown): Trouble {
  const inner = causeOf(error);
  if (inner instanceof Unauthorised) {
    return trouble('unauthorised', inner.message);
  }
  // Both SDKs' errors of an answer carry its status and headers.
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  if (typeof status === 'number') {
    const headers = error instanceof Error && 'headers' in error ? error.headers : undefined;
    return troubleOfStatus(status, headers instanceof Headers ? headers : undefined);
  }
  if (inner instanceof SyntaxError || inner instanceof TypeError) {
    return trouble('malformed', 'the answer is not of the form that the provider documents');
  }
  return trouble('unreachable', messageOf(inner), { retry: true, retryAfterMs: null });
}

function troubleOfStatus(status: number, headers: Headers | undefined): Trouble {
  const detail = `the provider answered ${status}`;
  const again = { retry: true, retryAfterMs: retryAfterOf(headers) };
  if (status === 429) {
    return trouble('rate-limited', detail, again);
  }
  if (status === 401 || status === 403) {
    return trouble('unauthorised', detail);
  }
  return status >= 500 ? trouble('unreachable', detail, again) : trouble('malformed', detail);
}

/** SDKs wrap what `fetch` threw. */
function causeOf(error: unknown): unknown {
  let inner = error;
  for (let depth = 0; depth < 4 && inner instanceof Error && inner.cause !== undefined; depth += 1) {
    inner = inner.cause;
  }
  return inner;
}

/** Seconds, as providers send them; dates are not waited for. */
function retryAfterOf(headers: Headers | undefined): number | null {
  const text = headers?.get('retry-after') ?? '';
  return /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) * 1000 : null;
}
