// A stand-in for model providers on loopback. It speaks Anthropic's Messages and OpenAI's chat completions as their documentation has them,
// keeps what it was sent, and answers as a test says: well, slowly, brokenly, not at all.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CleanUp } from './temp.ts';

export interface ModelCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  readonly system: string;
  readonly user: string;
}

export interface ModelAnswer {
  readonly verdict: string;
  readonly risk?: unknown;
  readonly reasons?: unknown;
}

export type ModelScript =
  /** An answer of the form that was asked for (or nearly, as the test wants). */
  | { readonly kind: 'answer'; readonly value: unknown }
  /** Text in the place of a JSON value or a tool call. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'refusal' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'several'; readonly values: readonly unknown[] }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The whole body of a 200. */
  | { readonly kind: 'raw'; readonly body: string; readonly type?: string }
  /** Half of an answer, then the end of the connection. */
  | { readonly kind: 'broken' }
  /** Head and first half, and never more. */
  | { readonly kind: 'dripping' }
  /** Never an answer. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'closed' };

export interface ModelServer {
  readonly port: number;
  /** `base_url` for an OpenAI-compatible approver; Anthropic's is the same without `/v1`. */
  readonly url: string;
  readonly calls: ModelCall[];
  /** What the next calls get; the last one for all that follow. */
  script: readonly ModelScript[] | ((call: ModelCall) => ModelScript);
  /** Tokens that each answer says it used. */
  usage: { input: number; output: number };
}

/** A plain yes, for tests that need no other. */
export const YES: ModelScript = {
  kind: 'answer',
  value: { verdict: 'allow', risk: 5, reasons: [{ quote: 'delete', why: 'one row' }] },
};
export const NO: ModelScript = {
  kind: 'answer',
  value: { verdict: 'deny', risk: 95, reasons: [{ quote: 'delete', why: 'SECRET-REASON: all rows' }] },
};
export const UNSURE: ModelScript = { kind: 'answer', value: { verdict: 'escalate', risk: 50, reasons: [] } };

export async function startModelServer(cleanUp: CleanUp): Promise<ModelServer> {
  const calls: ModelCall[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('error', () => undefined);
    request.on('end', () => {
      const call = readCall(request.url ?? '', request.headers, Buffer.concat(pieces).toString('utf8'));
      calls.push(call);
      const { script } = model;
      const next =
        typeof script === 'function' ? script(call) : (script[Math.min(calls.length, script.length) - 1] ?? YES);
      answer(response, call, next, model.usage);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanUp.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const model: ModelServer = {
    port,
    url: `http://127.0.0.1:${port}/v1`,
    calls,
    script: [YES],
    usage: { input: 1_000, output: 50 },
  };
  return model;
}

function readCall(path: string, headers: IncomingHttpHeaders, text: string): ModelCall {
  const body = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const messages = body['messages'] as readonly { readonly role: string; readonly content: string }[];
  const of = (role: string): string => messages.find((message) => message.role === role)?.content ?? '';
  return {
    path,
    headers,
    body,
    system: typeof body['system'] === 'string' ? body['system'] : of('system'),
    user: of('user'),
  };
}

function answer(response: ServerResponse, call: ModelCall, script: ModelScript, usage: ModelServer['usage']): void {
  const anthropic = call.path === '/v1/messages';
  const send = (body: unknown): void => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const wrap = anthropic ? anthropicMessage : openAiCompletion;
  switch (script.kind) {
    case 'answer':
      return send(wrap({ values: [script.value], usage }));
    case 'several':
      return send(wrap({ values: script.values, usage }));
    case 'text':
      return send(wrap({ text: script.text, usage }));
    case 'refusal':
      return send(wrap({ stop: anthropic ? 'refusal' : 'content_filter', text: '', usage }));
    case 'cut':
      return send(wrap({ stop: anthropic ? 'max_tokens' : 'length', text: '{"verdict":"allow","ri', usage }));
    case 'status':
      response.writeHead(script.status, { 'content-type': 'application/json', ...script.headers });
      response.end(JSON.stringify({ type: 'error', error: { type: 'api_error', message: 'no' } }));
      return;
    case 'raw':
      response.writeHead(200, { 'content-type': script.type ?? 'application/json' });
      response.end(script.body);
      return;
    case 'broken':
    case 'dripping': {
      const whole = JSON.stringify(wrap({ values: [{ verdict: 'allow', risk: 0, reasons: [] }], usage }));
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(whole.length) });
      response.write(whole.slice(0, whole.length / 2), () => {
        if (script.kind === 'broken') {
          response.socket?.destroy();
        }
      });
      return;
    }
    case 'silent':
      return;
    case 'closed':
      response.socket?.destroy();
  }
}

interface Wrapped {
  readonly values?: readonly unknown[];
  readonly text?: string;
  readonly stop?: string;
  readonly usage: ModelServer['usage'];
}

function anthropicMessage({ values = [], text, stop, usage }: Wrapped): unknown {
  const calls = values.map((input, index) => ({ type: 'tool_use', id: `toolu_${index}`, name: 'review', input }));
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'stand-in',
    content: text === undefined ? calls : [{ type: 'text', text }],
    stop_reason: stop ?? (text === undefined ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    usage: { input_tokens: usage.input, output_tokens: usage.output },
  };
}

function openAiCompletion({ values = [], text, stop, usage }: Wrapped): unknown {
  const contents = text === undefined ? values.map((value) => JSON.stringify(value)) : [text];
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 0,
    model: 'stand-in',
    choices: contents.map((content, index) => ({
      index,
      message: { role: 'assistant', content, refusal: null },
      finish_reason: stop ?? 'stop',
      logprobs: null,
    })),
    usage: {
      prompt_tokens: usage.input,
      completion_tokens: usage.output,
      total_tokens: usage.input + usage.output,
    },
  };
}
