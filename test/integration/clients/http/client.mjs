// Clients of HTTP for Node: the first argument names one, CA is the file of the authority to trust, and what the others need is in the
// environment. Each prints what it saw as JSON.
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ProxyAgent, fetch as fetchWith } from 'undici';
import WebSocket from 'ws';
import { DEMO } from './demo-service.mjs';

const { CA, AT, PROXY } = process.env;
const ca = readFileSync(CA);

/** A call's answers, and how it ended. */
function streamed(call) {
  return new Promise((resolve) => {
    const got = [];
    call.on('data', (message) => got.push(message));
    call.on('error', () => {});
    call.on('status', ({ code, details }) => resolve({ got, code, details }));
  });
}

async function runGrpc() {
  const Demo = grpc.makeGenericClientConstructor(DEMO, 'demo.Demo');
  const client = new Demo(AT, grpc.credentials.createSsl(ca));
  const unary = (name, request, metadata = new grpc.Metadata()) =>
    new Promise((resolve) => {
      client[name](request, metadata, (error, answer) =>
        resolve(
          error === null
            ? answer
            : { code: error.code, details: error.details, trailer: error.metadata.get('x-detail')[0] ?? null },
        ),
      );
    });
  const metadata = new grpc.Metadata();
  metadata.set('x-key', 'value');
  const seen = { echo: await unary('Echo', { text: 'hello' }, metadata) };
  seen.long = (await unary('Echo', { text: 'x'.repeat(1024 * 1024) })).text.length;
  seen.fail = await unary('Fail', {});
  seen.denied = await unary('Wipe', {});
  seen.count = (await streamed(client.Count({ to: 100 }))).got.length;
  const chat = client.Chat();
  const answers = streamed(chat);
  // One message after the answer to the one before.
  chat.write({ text: 'a' });
  await new Promise((resolve) => chat.once('data', resolve));
  chat.write({ text: 'b' });
  chat.end();
  seen.chat = await answers;
  const wipe = client.WipeAll();
  const refused = streamed(wipe);
  wipe.write({ text: 'everything' });
  seen.deniedStream = await refused;
  seen.after = await unary('Echo', { text: 'still here' });
  client.close();
  return seen;
}

async function runMcp() {
  const transport = new StreamableHTTPClientTransport(new URL(AT));
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  const call = (name, options) =>
    client
      .callTool({ name, arguments: { text: name } }, undefined, options)
      .then(({ content }) => content[0].text)
      .catch((error) => ({ error: error.message }));
  const seen = {
    server: client.getServerVersion().name,
    tools: (await client.listTools()).tools.map(({ name }) => name),
  };
  const progress = [];
  seen.search = await call('search');
  seen.steps = await call('steps', { onprogress: (step) => progress.push(step.progress) });
  seen.progress = progress;
  seen.denied = await call('wipe');
  seen.after = await call('search');
  await transport.terminateSession();
  await client.close();
  return seen;
}

/** `clawpatrol mcp`, whose program MAIN names, as an MCP client starts it. */
async function runOwnMcp() {
  const env = { HTTPS_PROXY: PROXY, NODE_EXTRA_CA_CERTS: CA };
  const transport = new StdioClientTransport({ command: process.execPath, args: [process.env.MAIN, 'mcp'], env });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  const call = async (name, given = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: given });
    return isError ? { error: content[0].text } : content[0].text;
  };
  const seen = {
    server: client.getServerVersion().name,
    instructions: client.getInstructions(),
    tools: (await client.listTools()).tools.map(({ name }) => name),
    manifest: await call('manifest'),
    said: JSON.parse(
      await call('context_set', { incident: 'PX1', reason: 'disk is full', parent_action: process.env.PARENT }),
    ),
    safe: JSON.parse(await call('would_allow', { endpoint: 'api', http: { method: 'GET', path: '/a' } })),
    denied: JSON.parse(await call('would_allow', { endpoint: 'api', http: { method: 'GET', path: '/denied' } })),
    pending: JSON.parse(await call('pending')),
    wrong: await call('context_set', { incident: 'two words' }),
    unknown: await call('approve').catch((error) => error.code),
    after: JSON.parse(await call('context_set', { incident: '' })),
  };
  await client.close();
  return seen;
}

/** The next message, or how the connection closed. */
function next(socket) {
  return new Promise((resolve) => {
    const onMessage = (data, isBinary) => {
      socket.off('close', onClose);
      resolve({ text: data.toString(), isBinary });
    };
    const onClose = (code, reason) => {
      socket.off('message', onMessage);
      resolve({ code, reason: reason.toString() });
    };
    socket.once('message', onMessage);
    socket.once('close', onClose);
  });
}

async function open(path, perMessageDeflate) {
  const socket = new WebSocket(`${AT}${path}`, { ca, perMessageDeflate });
  socket.on('error', () => {});
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}

async function runWebSocket() {
  const seen = {};
  for (const deflate of [true, false]) {
    const socket = await open('/chat', deflate && { threshold: 0 });
    const ask = async (message, options) => {
      const answer = next(socket);
      socket.send(JSON.stringify(message), options);
      const got = await answer;
      if (got.code !== undefined && message.action !== 'leave') {
        throw new Error(`closed with ${got.code} ${got.reason}`);
      }
      return got;
    };
    const rows = [(await ask({ text: 'hello' })).text, (await ask({ action: 'ping' })).text];
    const pong = new Promise((resolve) => socket.once('pong', (data) => resolve(data.toString())));
    socket.ping('from the client');
    rows.push(await pong);
    // As JSON, to the byte what is held for judging (body_buffer): more would be unknown to the rule, which denies then.
    rows.push((await ask({ text: 'y'.repeat(1024 * 1024 - 11) })).text.length);
    rows.push(await ask({ action: 'leave' }));
    const other = await open('/chat', deflate && { threshold: 0 });
    const closed = next(other);
    other.send(JSON.stringify({ action: 'wipe' }));
    rows.push(await closed);
    const polite = await open('/chat', deflate && { threshold: 0 });
    const left = next(polite);
    polite.close(1000, 'bye');
    rows.push(await left);
    seen[deflate ? 'deflate' : 'plain'] = { extensions: socket.extensions !== '', rows };
  }
  seen.upgrade = await open('/denied', false).catch((error) => error.message);
  return seen;
}

async function runUndici() {
  const dispatcher = new ProxyAgent({ uri: PROXY, requestTls: { ca } });
  const seen = [];
  for (const path of ['/a', '/denied', '/b']) {
    const response = await fetchWith(`${AT}${path}`, { dispatcher });
    seen.push([response.status, (await response.text()).slice(0, 9)]);
  }
  await dispatcher.close();
  return seen;
}

/** Each event is asked for when the one before has come. */
async function runEvents() {
  const response = await fetch(`${AT}/events`);
  const reader = response.body.getReader();
  const seen = [];
  for (const _ of [1, 2, 3]) {
    const { value } = await reader.read();
    seen.push(new TextDecoder().decode(value));
    await (await fetch(`${AT}/release`)).text();
  }
  const { done } = await reader.read();
  const poll = fetch(`${AT}/poll`);
  // Answered once the poll is there.
  const released = await (await fetch(`${AT}/answer-poll`)).text();
  return { seen, done, released, poll: await (await poll).text() };
}

const run = {
  grpc: runGrpc,
  mcp: runMcp,
  'own-mcp': runOwnMcp,
  ws: runWebSocket,
  undici: runUndici,
  events: runEvents,
}[process.argv[2]];
process.stdout.write(`${JSON.stringify(await run())}\n`, () => process.exit(0));
