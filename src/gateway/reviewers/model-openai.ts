// Chat completions through OpenAI's own SDK, for OpenAI and every server that is compatible with it: the answer is text in a JSON schema.
import { OpenAI } from 'openai';
import type { LlmApproverConfig } from '../../config/config.ts';
import type { ModelReply, ModelRequest } from '../../approvals/model-call.ts';
import { readJson } from '../../lib/json.ts';
import { count, NO_KEY, trouble } from './model-reply.ts';

/** Where a provider is reached when the configuration does not say. Google serves an OpenAI-compatible address. */
const BASE_URLS: Readonly<Partial<Record<LlmApproverConfig['provider'], string>>> = {
  openai: 'https://api.openai.com/v1',
  google: 'https://generativelanguage.googleapis.com/v1beta/openai',
};
/** Models that think before they answer count that as output. */
const OPENAI_REASONING_TOKENS = 4_096;

/** Asks. Rejects with what the SDK throws. */
export async function callOpenAi(
  { approver, system, user, answer, maxOutputTokens }: ModelRequest,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<ModelReply> {
  const client = new OpenAI({
    apiKey: NO_KEY,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: approver.baseUrl ?? BASE_URLS[approver.provider] ?? '',
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
