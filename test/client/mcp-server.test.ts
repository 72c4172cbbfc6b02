// The protocol of `clawpatrol mcp`: every request has one answer, nothing else has one, and what a tool refuses is the model's to read.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { serveLines } from '../../src/cli/mcp.ts';
import { agentTools } from '../../src/client/agent-tools.ts';
import { createMcpServer } from '../../src/client/mcp-server.ts';

type Json = Readonly<Record<string, unknown>>;

function server(asked: unknown[] = []) {
  const link = {
    get: (path: string) =>
      path === '/pending' ? Promise.reject(new Error('not now')) : Promise.resolve(`text of ${path}`),
    post: (path: string, body: object) => {
      asked.push([path, body]);
      return Promise.resolve('{}');
    },
  };
  const tools = agentTools(link);
  const answer = createMcpServer({ name: 'clawpatrol', version: '1', instructions: 'be good', tools });
  return { tools, answer };
}

async function ask(answer: (line: string) => Promise<string | null>, message: unknown): Promise<Json | null> {
  const reply = await answer(typeof message === 'string' ? message : JSON.stringify(message));
  return reply === null ? null : (JSON.parse(reply) as Json);
}

const request = (method: string, params?: unknown): Json => ({ jsonrpc: '2.0', id: 7, method, params });
const call = (name: unknown, given?: unknown): Json => request('tools/call', { name, arguments: given });

test('initialize agrees on the version that the client asks for, or offers the newest', async () => {
  const { answer } = server();
  for (const [asked, agreed] of [
    ['2024-11-05', '2024-11-05'],
    ['2025-06-18', '2025-06-18'],
    ['2099-01-01', '2025-11-25'],
    [undefined, '2025-11-25'],
  ] as const) {
    const reply = await ask(answer, request('initialize', { protocolVersion: asked }));
    assert.deepEqual(reply?.['result'], {
      protocolVersion: agreed,
      capabilities: { tools: {} },
      serverInfo: { name: 'clawpatrol', version: '1' },
      instructions: 'be good',
    });
  }
});

test('tools are listed with schemas that say everything that may be given', async () => {
  const { answer, tools } = server();
  const reply = await ask(answer, request('tools/list'));
  const { tools: listed } = (reply ?? {})['result'] as { tools: Json[] };
  assert.deepEqual(
    listed.map(({ name }) => name),
    ['manifest', 'context_set', 'would_allow', 'pending'],
  );
  assert.ok(tools.every(({ inputSchema }) => inputSchema['additionalProperties'] === false));
});

test('a call goes to the gateway as its own name takes it', async () => {
  const asked: unknown[] = [];
  const { answer } = server(asked);
  const text = async (message: Json): Promise<unknown> => (await ask(answer, message))?.['result'];
  assert.deepEqual(await text(call('manifest')), { content: [{ type: 'text', text: 'text of /manifest' }] });
  await text(call('context_set', { task: 'x', parent_action: 'id' }));
  await text(call('context_set', { incident: 'PX1' }));
  await text(call('would_allow', { endpoint: 'pg', sql: { statement: 'select 1' } }));
  assert.deepEqual(asked, [
    ['/context', { task: 'x', parent: 'id' }],
    ['/context', { incident: 'PX1' }],
    ['/would-allow', { endpoint: 'pg', sql: { statement: 'select 1' } }],
  ]);
  assert.deepEqual(await text(call('pending')), { content: [{ type: 'text', text: 'not now' }], isError: true });
});

test('what is wrong is answered with an error, and what is no request is not answered', async () => {
  const { answer } = server();
  for (const [message, code] of [
    ['', -32_700],
    ['{', -32_700],
    ['[]', -32_600],
    ['null', -32_600],
    [{ id: 1, method: 'ping' }, -32_600],
    [{ jsonrpc: '2.0', id: {}, method: 'ping' }, -32_600],
    [{ jsonrpc: '2.0', id: null, method: 'ping' }, -32_600],
    [request('approve'), -32_601],
    [call('approve'), -32_602],
    [call('__proto__'), -32_602],
    [call('manifest', 'x'), -32_602],
    [request('tools/call', []), -32_602],
  ] as const) {
    const error = (await ask(answer, message))?.['error'] as { code: number } | undefined;
    assert.equal(error?.code, code, JSON.stringify(message));
  }
  for (const message of [
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', method: 'approve' },
    { jsonrpc: '2.0', id: 1, result: {} },
  ]) {
    assert.equal(await ask(answer, message), null);
  }
  assert.deepEqual((await ask(answer, request('ping')))?.['result'], {});
});

test('lines are answered in order however they are cut, and a line without end ends the session', async () => {
  const { answer } = server();
  const run = async (...parts: readonly Buffer[]): Promise<readonly [boolean, string]> => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    parts.forEach((part) => input.write(part));
    input.end();
    const ended = await serveLines(input, output, answer);
    return [ended, output.read()?.toString() ?? ''];
  };
  const text = Buffer.from(
    `${JSON.stringify(call('manifest'))}\n\r\n${JSON.stringify(request('grüße'))}\n{"never":"ended"`,
  );
  const whole = await run(text);
  assert.match(whole[1], /^\{[^\n]*text of \/manifest[^\n]*\}\n\{[^\n]*grüße[^\n]*\}\n$/);
  assert.deepEqual(await run(...[...text].map((byte) => Buffer.from([byte]))), whole);
  assert.deepEqual(await run(Buffer.alloc(1024 * 1024 + 1, 0x20)), [false, '']);
});
