// Slack's Web API, as far as channels need it: JSON calls with a bot or app token, and its errors as what the outbox understands.
import { GatewayError, messageOf } from '../../lib/errors.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Outbound } from '../dialling/outbound-fetch.ts';
import { Later, Permanent } from './outbox.ts';

export const SLACK_URL = 'https://slack.com/api';

export type SlackAnswer = Readonly<Record<string, unknown>>;

/** One call. Rejects with Permanent, Later, or another error that a new try may mend. */
export type SlackCall = (
  method: string,
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  slot?: 'bot' | 'app',
) => Promise<SlackAnswer>;

export interface SlackApiParts {
  readonly outbound: Outbound;
  readonly baseUrl: string;
  /** Slots of the credential. Rejects with GatewayError SECRET_MISSING. */
  readonly secrets: () => Promise<ReadonlyMap<string, Secret>>;
}

/** Errors of Slack's that pass. */
const PASSING: ReadonlySet<string> = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
]);

export function createSlackCall({ outbound, baseUrl, secrets }: SlackApiParts): SlackCall {
  return async (method, body, signal, slot = 'bot') => {
    const token = (await secrets()).get(slot);
    if (token === undefined) {
      throw new Permanent(`the Slack credential has no value in its slot ${slot}`);
    }
    const response = await outbound({
      url: new URL(`${baseUrl.replace(/\/$/, '')}/${method}`),
      method: 'POST',
      headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(body),
      signal,
    });
    if (response.status === 429) {
      throw new Later(`${method}: Slack asks for a pause`, Number(response.headers.get('retry-after') ?? '1') * 1000);
    }
    if (response.status !== 200) {
      throw new Error(`${method}: HTTP status ${response.status}`);
    }
    const answer = parseObject(await response.text());
    if (answer === null) {
      throw new Error(`${method}: the answer is no JSON object`);
    }
    if (answer['ok'] !== true) {
      const word = typeof answer['error'] === 'string' ? answer['error'].slice(0, 80) : 'no error was named';
      throw PASSING.has(word) ? new Error(`${method}: ${word}`) : new Permanent(`${method}: ${word}`);
    }
    return answer;
  };
}

/** Null when it is no JSON object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : null;
}

/** The text at a path of objects, or "". */
export function textAt(value: unknown, ...path: readonly string[]): string {
  let found: unknown = value;
  for (const name of path) {
    found = asObject(found)?.[name];
  }
  return typeof found === 'string' ? found : '';
}

/** What may be told of an error: ours and Slack's words, never a secret. */
export function reasonOf(error: unknown): string {
  return error instanceof GatewayError ? `${error.code}: ${error.message}` : messageOf(error);
}
