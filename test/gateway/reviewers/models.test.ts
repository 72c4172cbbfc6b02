// Both providers' SDKs over real sockets against a stand-in: every outcome becomes one word of ours, and only an exact answer is an answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelReply, ModelRequest } from '../../../src/approvals/model-call.ts';
import { ANSWER_NAME, ANSWER_SCHEMA } from '../../../src/approvals/prompt.ts';
import type { LlmApproverConfig } from '../../../src/config/config.ts';
import { createDial } from '../../../src/gateway/dialling/dial.ts';
import { createModels, type ModelParts } from '../../../src/gateway/reviewers/models.ts';
import { createOutbound } from '../../../src/gateway/dialling/outbound-fetch.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { model } from '../../approvals/parts.ts';
import { startModelServer, type ModelScript, type ModelServer } from '../../support/model-server.ts';

const VALUE = { verdict: 'deny', risk: 90, reasons: [{ quote: 'drop', why: 'x' }] };
const PROVIDERS = ['anthropic', 'openai', 'openai_compatible'] as const;
type Provider = (typeof PROVIDERS)[number];

const dial = createDial({ clock: systemClock, resolver: () => null, bound: () => [] });

function approverAt(url: string, provider: Provider): LlmApproverConfig {
  return model('r', { provider, model: 'some-model', baseUrl: url, timeoutMs: 120_000 });
}

function requestFor(approver: LlmApproverConfig): ModelRequest {
  return {
    approver,
    system: 'the instructions',
    user: 'the data',
    answer: { name: ANSWER_NAME, schema: ANSWER_SCHEMA },
    maxOutputTokens: 500,
  };
}

interface Asking {
  readonly authorise?: ModelParts['authorise'];
  readonly signal?: AbortSignal;
}

function ask(server: Pick<ModelServer, 'url'>, provider: Provider, asking: Asking = {}): Promise<ModelReply> {
  const { authorise = async () => [], signal = new AbortController().signal } = asking;
  const call = createModels({ outbound: createOutbound({ dial }), authorise });
  return call(requestFor(approverAt(server.url, provider)), signal);
}

function brief(reply: ModelReply): string {
  return reply.kind === 'answer' ? 'answer' : `${reply.trouble}${reply.retry ? ' again' : ''}`;
}

test('an answer comes back as a value, with the tokens that it took', async (t) => {
  const server = await startModelServer(t);
  server.script = [{ kind: 'answer', value: VALUE }];
  for (const provider of PROVIDERS) {
    const reply = await ask(server, provider);
    assert.ok(reply.kind === 'answer', `${provider}: ${JSON.stringify(reply)}`);
    assert.deepEqual(JSON.parse(JSON.stringify(reply.value)), VALUE);
    assert.deepEqual([reply.inputTokens, reply.outputTokens], [1_000, 50]);
  }
});

test('what is sent is the instructions, the data, the one form of an answer, and nothing else', async (t) => {
  const server = await startModelServer(t);
  for (const provider of PROVIDERS) {
    await ask(server, provider, { authorise: async () => [['x-api-key', 'secret-1']] });
  }
  const [anthropic, openai, compatible] = server.calls;
  assert.deepEqual(Object.keys(anthropic?.body ?? {}).toSorted(), [
    'max_tokens',
    'messages',
    'model',
    'system',
    'tool_choice',
    'tools',
  ]);
  assert.deepEqual(anthropic?.body['tool_choice'], {
    type: 'tool',
    name: 'review',
    disable_parallel_tool_use: true,
  });
  assert.equal(openai?.body['max_tokens'], undefined);
  assert.equal(compatible?.body['max_tokens'], 500);
  const format = compatible?.body['response_format'] as { json_schema: { strict: boolean } };
  assert.equal(format.json_schema.strict, true);
  for (const call of server.calls) {
    assert.equal(call.system, 'the instructions');
    assert.equal(call.user, 'the data');
    assert.equal(call.headers['x-api-key'], 'secret-1');
    assert.equal(call.headers['authorization'], undefined);
    assert.ok(!JSON.stringify(call).includes('set-by-the-gateway'), "the SDK's stand-in for a key stays here");
  }
});

test('AP-07, AP-08: every other outcome is trouble, by its own word', async (t) => {
  const answer: ModelScript = { kind: 'answer', value: VALUE };
  const rows: readonly (readonly [string, ModelScript, string, string])[] = [
    // script, word with Anthropic, word with OpenAI
    ['a refusal', { kind: 'refusal' }, 'refused', 'refused'],
    ['an answer that breaks off', { kind: 'cut' }, 'truncated', 'truncated'],
    ['words', { kind: 'text', text: 'This is not allowed.' }, 'malformed', 'malformed'],
    ['a word', { kind: 'text', text: 'ALLOW' }, 'malformed', 'malformed'],
    ['nothing', { kind: 'text', text: '' }, 'malformed', 'malformed'],
    ['half a value', { kind: 'text', text: '{"verdict":"allow"' }, 'malformed', 'malformed'],
    ['two values', { kind: 'text', text: '{"verdict":"allow"} {"verdict":"deny"}' }, 'malformed', 'malformed'],
    ['one key twice', { kind: 'text', text: '{"verdict":"deny","verdict":"allow"}' }, 'malformed', 'malformed'],
    ['a fence', { kind: 'text', text: '```json\n{"verdict":"allow"}\n```' }, 'malformed', 'malformed'],
    ['two answers', { kind: 'several', values: [VALUE, VALUE] }, 'malformed', 'malformed'],
    ['no answers', { kind: 'several', values: [] }, 'malformed', 'malformed'],
    ['a page', { kind: 'raw', body: '<html>hello</html>', type: 'text/html' }, 'malformed', 'malformed'],
    ['no JSON', { kind: 'raw', body: '{{{' }, 'malformed', 'malformed'],
    ['another object', { kind: 'raw', body: '{"ok":true}' }, 'malformed', 'malformed'],
    ['null', { kind: 'raw', body: 'null' }, 'malformed', 'malformed'],
    ['400', { kind: 'status', status: 400 }, 'malformed', 'malformed'],
    ['401', { kind: 'status', status: 401 }, 'unauthorised', 'unauthorised'],
    ['403', { kind: 'status', status: 403 }, 'unauthorised', 'unauthorised'],
    ['429', { kind: 'status', status: 429 }, 'rate-limited again', 'rate-limited again'],
    ['500', { kind: 'status', status: 500 }, 'unreachable again', 'unreachable again'],
    ['529', { kind: 'status', status: 529 }, 'unreachable again', 'unreachable again'],
    [
      'a redirect',
      { kind: 'status', status: 302, headers: { location: 'http://127.0.0.1:9/' } },
      'malformed',
      'malformed',
    ],
    ['a connection that breaks', { kind: 'broken' }, 'unreachable again', 'unreachable again'],
    ['a connection that closes', { kind: 'closed' }, 'unreachable again', 'unreachable again'],
    ['a gigantic answer', { kind: 'raw', body: ' '.repeat(1_100_000) }, 'unreachable again', 'unreachable again'],
    ['the twin', answer, 'answer', 'answer'],
  ];
  const server = await startModelServer(t);
  for (const [name, script, anthropic, openai] of rows) {
    server.script = [script];
    assert.equal(brief(await ask(server, 'anthropic')), anthropic, `${name}, Anthropic`);
    assert.equal(brief(await ask(server, 'openai_compatible')), openai, `${name}, OpenAI`);
  }
});

test('a provider that says when to come back is believed', async (t) => {
  const server = await startModelServer(t);
  const rows: readonly (readonly [string, number | null])[] = [
    ['3', 3_000],
    ['0.5', 500],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
    ['-1', null],
    ['9999999999', null],
  ];
  for (const [value, expected] of rows) {
    server.script = [{ kind: 'status', status: 429, headers: { 'retry-after': value } }];
    const reply = await ask(server, 'anthropic');
    assert.equal(reply.kind === 'trouble' ? reply.retryAfterMs : 0, expected, value);
  }
});

test('a provider that is silent, or drips, is given up when the wait ends', async (t) => {
  for (const kind of ['silent', 'dripping'] as const) {
    for (const provider of ['anthropic', 'openai'] as const) {
      const server = await startModelServer(t);
      const abort = new AbortController();
      server.script = () => {
        setImmediate(() => abort.abort());
        return { kind };
      };
      const reply = await ask(server, provider, { signal: abort.signal });
      assert.equal(reply.kind, 'trouble', `${provider}, ${kind}`);
    }
  }
});

test('without a credential nothing is sent, and the words hold no secret', async (t) => {
  const server = await startModelServer(t);
  const authorise = () => Promise.reject(new Error('no secret for header_token.key'));
  for (const provider of PROVIDERS) {
    const reply = await ask(server, provider, { authorise });
    assert.equal(brief(reply), 'unauthorised');
    assert.match(reply.kind === 'trouble' ? reply.detail : '', /no secret for header_token.key/);
  }
  assert.equal(server.calls.length, 0);
});

test('CP-32: a base URL that leads to cloud metadata or back into the gateway is not dialled', async (t) => {
  const server = await startModelServer(t);
  const own = createDial({
    clock: systemClock,
    resolver: () => null,
    bound: () => [{ host: '127.0.0.1', port: server.port }],
  });
  const call = createModels({ outbound: createOutbound({ dial: own }), authorise: async () => [] });
  const reply = await call(requestFor(approverAt(server.url, 'openai_compatible')), new AbortController().signal);
  assert.equal(brief(reply), 'unreachable again');
  assert.match(reply.kind === 'trouble' ? reply.detail : '', /listener of this gateway/);
  assert.equal(server.calls.length, 0);
});
