// How providers of models are spoken to, through their own SDKs: Anthropic's Messages with one forced tool, and chat completions with a JSON
// schema for OpenAI and everything that is compatible with it. The SDKs never see the credential and read nothing from the environment that
// counts: what goes out is put together here.
import { Anthropic, APIError as AnthropicError } from '@anthropic-ai/sdk';
import { OpenAI, APIError as OpenAiError } from 'openai';
import type { LlmApproverConfig } from '../config/config.ts';
import type { ReviewTrouble } from '../approvals/approval.ts';
import type { CallModel, ModelReply, ModelRequest } from '../approvals/model-call.ts';
import { messageOf } from '../lib/errors.ts';
import { readJson } from '../lib/json.ts';
import { shorten } from '../lib/text.ts';
import type { Outbound } from './outbound-fetch.ts';

/** Where a provider is reached when the configuration does not say. Google serves an OpenAI-compatible address. */
const BASE_URLS: Readonly<Record<LlmApproverConfig['provider'], string>> = {
  anthropic: 'https://api.anthropic.com',
  openai: 'https://api.openai.com/v1',
  google: 'https://generativelanguage.googleapis.com/v1beta/openai',
  openai_compatible: '',
};

/** What of an SDK's header fields goes out; the credential's own are added. */
const KEPT_HEADERS: readonly string[] = ['accept', 'content-type', 'anthropic-version', 'user-agent'];
/** An SDK refuses to work without a key; this one never leaves the process. */
const NO_KEY = 'set-by-the-gateway';
const MAX_DETAIL_CHARS = 300;

export interface ModelParts {
  readonly outbound: Outbound;
  /**
   * Header fields of the approver's credential for that address, [] without one. Rejects with GatewayError SECRET_MISSING when its value cannot
   * be had.
   */
  readonly authorise: (approver: LlmApproverConfig, url: URL) => Promise<readonly (readonly [string, string])[]>;
}

/** Speaks to the provider that an approver names. */
export function createModels(parts: ModelParts): CallModel {
  return async (request, signal) => {
    try {
      return request.approver.provider === 'anthropic'
        ? await callAnthropic(request, createFetch(parts, request.approver), signal)
        : await callOpenAi(request, createFetch(parts, request.approver), signal);
    } catch (error) {
      return troubleOf(error);
    }
  };
}

/** `fetch` for an SDK: only what we mean to send, with the credential, over our own dialler. */
function createFetch({ outbound, authorise }: ModelParts, approver: LlmApproverConfig): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const given = new Headers(init?.headers);
    const kept = KEPT_HEADERS.flatMap((name): [string, string][] => {
      const value = given.get(name);
      return value === null ? [] : [[name, value]];
    });
    let fields: readonly (readonly [string, string])[];
    try {
      fields = await authorise(approver, url);
    } catch (error) {
      throw new Unauthorised(messageOf(error));
    }
    const body = typeof init?.body === 'string' ? init.body : '';
    const signal = init?.signal ?? new AbortController().signal;
    return outbound({ url, method: 'POST', headers: Object.fromEntries([...kept, ...fields]), body, signal });
  };
}

class Unauthorised extends Error {}

async function callAnthropic(
  { approver, system, user, answer, maxOutputTokens }: ModelRequest,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<ModelReply> {
  const client = new Anthropic({
    apiKey: NO_KEY,
    authToken: null,
    webhookKey: null,
    baseURL: approver.baseUrl ?? BASE_URLS.anthropic,
    maxRetries: 0,
    timeout: approver.timeoutMs,
    fetch: fetcher,
    logLevel: 'off',
  });
  const message = await client.messages.create(
    {
      model: approver.model,
      max_tokens: maxOutputTokens,
      system,
      messages: [{ role: 'user', content: user }],
      tools: [
        {
          name: answer.name,
          description: 'The one way to answer.',
          input_schema: { ...answer.schema, required: [...answer.schema.required] },
        },
      ],
      tool_choice: { type: 'tool', name: answer.name, disable_parallel_tool_use: true },
    },
    { signal },
  );
  const used = {
    inputTokens: count(message.usage?.input_tokens) + count(message.usage?.cache_read_input_tokens),
    outputTokens: count(message.usage?.output_tokens),
  };
  if (message.stop_reason === 'refusal') {
    return { ...trouble('refused', 'the model declined to answer'), ...used };
  }
  if (message.stop_reason === 'max_tokens') {
    return { ...trouble('truncated', 'the answer broke off at its longest'), ...used };
  }
  const calls = Array.isArray(message.content) ? message.content.filter(({ type }) => type === 'tool_use') : [];
  const [call] = calls;
  return message.stop_reason === 'tool_use' &&
    call?.type === 'tool_use' &&
    calls.length === 1 &&
    call.name === answer.name
    ? { kind: 'answer', value: call.input, ...used }
    : { ...trouble('malformed', 'it did not answer with exactly one call of the tool'), ...used };
}

async function callOpenAi(
  { approver, system, user, answer, maxOutputTokens }: ModelRequest,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<ModelReply> {
  const client = new OpenAI({
    apiKey: NO_KEY,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: approver.baseUrl ?? BASE_URLS[approver.provider],
    maxRetries: 0,
    timeout: approver.timeoutMs,
    fetch: fetcher,
    logLevel: 'off',
  });
  const completion = await client.chat.completions.create(
    {
      model: approver.model,
      // OpenAI's newer models know only the longer name, and most servers that are compatible only the shorter one.
      ...(approver.provider === 'openai'
        ? { max_completion_tokens: OPENAI_REASONING_TOKENS + maxOutputTokens }
        : { max_tokens: maxOutputTokens }),
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: user },
      ],
      response_format: { type: 'json_schema', json_schema: { name: answer.name, strict: true, schema: answer.schema } },
    },
    { signal },
  );
  const used = {
    inputTokens: count(completion.usage?.prompt_tokens),
    outputTokens: count(completion.usage?.completion_tokens),
  };
  const choices = Array.isArray(completion.choices) ? completion.choices : [];
  const [choice] = choices;
  if (choice === undefined || choices.length > 1) {
    return { ...trouble('malformed', `it gave ${choices.length} answers`), ...used };
  }
  const refusal = choice.message?.refusal;
  if (choice.finish_reason === 'content_filter' || (typeof refusal === 'string' && refusal !== '')) {
    return { ...trouble('refused', 'the model, or a filter before it, declined to answer'), ...used };
  }
  if (choice.finish_reason === 'length') {
    return { ...trouble('truncated', 'the answer broke off at its longest'), ...used };
  }
  const text = choice.message?.content;
  const read = typeof text === 'string' ? readJson(text, { number: null, text: null }) : null;
  return choice.finish_reason === 'stop' && read?.kind === 'value'
    ? { kind: 'answer', value: read.value, ...used }
    : { ...trouble('malformed', 'the answer is not one JSON value'), ...used };
}

/** Models that think before they answer count that as output. */
const OPENAI_REASONING_TOKENS = 4_096;

function count(tokens: unknown): number {
  return typeof tokens === 'number' && Number.isFinite(tokens) && tokens > 0 ? Math.floor(tokens) : 0;
}

type Trouble = Extract<ModelReply, { readonly kind: 'trouble' }>;

function trouble(
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
function troubleOf(error: unknown): Trouble {
  const inner = causeOf(error);
  if (inner instanceof Unauthorised) {
    return trouble('unauthorised', inner.message);
  }
  const told = error instanceof AnthropicError || error instanceof OpenAiError ? error : null;
  if (typeof told?.status === 'number') {
    return troubleOfStatus(told.status, told.headers);
  }
  if (error instanceof SyntaxError || inner instanceof SyntaxError) {
    return trouble('malformed', 'the answer is no JSON');
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
