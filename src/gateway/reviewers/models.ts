// How providers of models are spoken to, through their own SDKs: Anthropic's Messages with one forced tool, and chat completions with a JSON
// schema for OpenAI and everything that is compatible with it. The SDKs never see the credential and read nothing from the environment that
// counts: what goes out is put together here.
import type { ApproverConfig, LlmApproverConfig } from '../../config/config.ts';
import type { CallModel, ModelReply, ModelRequest } from '../../approvals/model-call.ts';
import { messageOf } from '../../lib/errors.ts';
import { troubleOf, Unauthorised } from './model-reply.ts';
import type { Outbound } from '../dialling/outbound-fetch.ts';

/** What of an SDK's header fields goes out; the credential's own are added. */
const KEPT_HEADERS: readonly string[] = ['accept', 'content-type', 'anthropic-version', 'user-agent'];
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
      const call = await loadSdk(request.approver.provider);
      return await call(request, createFetch(parts, request.approver), signal);
    } catch (error) {
      return troubleOf(error);
    }
  };
}

type CallSdk = (request: ModelRequest, fetcher: typeof fetch, signal: AbortSignal) => Promise<ModelReply>;

/** An SDK takes half a second to load, so that is done when a model is configured and not by everybody. */
async function loadSdk(provider: LlmApproverConfig['provider']): Promise<CallSdk> {
  return provider === 'anthropic'
    ? (await import('./model-anthropic.ts')).callAnthropic
    : (await import('./model-openai.ts')).callOpenAi;
}

/** Loads what these approvers need, before the first question waits for it. */
export async function loadModels(approvers: readonly ApproverConfig[]): Promise<void> {
  for (const approver of approvers) {
    if (approver.type === 'llm_approver') {
      await loadSdk(approver.provider);
    }
  }
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
