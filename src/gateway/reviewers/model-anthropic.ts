// Anthropic's Messages through its own SDK: the answer is one forced call of one tool, whose form is the schema.
import { Anthropic } from '@anthropic-ai/sdk';
import type { ModelReply, ModelRequest } from '../../approvals/model-call.ts';
import { count, NO_KEY, trouble } from './model-reply.ts';

const BASE_URL = 'https://api.anthropic.com';

/** Asks. Rejects with what the SDK throws. */
export async function callAnthropic(
  { approver, system, user, answer, maxOutputTokens }: ModelRequest,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<ModelReply> {
  const client = new Anthropic({
    apiKey: NO_KEY,
    authToken: null,
    webhookKey: null,
    // The SDK adds /v1 itself.
    baseURL: approver.baseUrl?.replace(/\/v1\/?$/, '') ?? BASE_URL,
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
