// Upstreams that need packages: gRPC, MCP and WebSocket, each over TLS on a port of its own. The first argument is a file with key and
// certificate. Prints its ports as JSON, then a line for each thing that came through, and ends with its input.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import grpc from '@grpc/grpc-js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { WebSocketServer } from 'ws';
import { DEMO } from './demo-service.mjs';

const pem = readFileSync(process.argv[2]);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function startGrpc() {
  const server = new grpc.Server();
  server.addService(DEMO, {
    Echo: (call, done) => {
      say(`grpc Echo ${call.request.text.length}`);
      done(null, { text: call.request.text, key: call.metadata.get('x-key')[0] ?? null });
    },
    Fail: (_call, done) => {
      const trailers = new grpc.Metadata();
      trailers.set('x-detail', 'from the trailers');
      done({ code: grpc.status.FAILED_PRECONDITION, details: 'not yet: 100 % ü', metadata: trailers });
    },
    Wipe: (_call, done) => {
      say('grpc Wipe');
      done(null, {});
    },
    Count: (call) => {
      for (let at = 1; at <= call.request.to; at += 1) {
        call.write({ at });
      }
      call.end();
    },
    Chat: (call) => {
      call.on('data', (message) => call.write({ text: `re: ${message.text}` }));
      call.on('end', () => call.end());
    },
    WipeAll: (call) => {
      say('grpc WipeAll');
      call.end();
    },
  });
  const credentials = grpc.ServerCredentials.createSsl(null, [{ private_key: pem, cert_chain: pem }]);
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

function mcpServer() {
  const server = new Server({ name: 'demo', version: '1' }, { capabilities: { tools: {} } });
  const inputSchema = { type: 'object', properties: { text: { type: 'string' } } };
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: ['search', 'steps', 'wipe'].map((name) => ({ name, description: `${name} things`, inputSchema })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    say(`mcp ${params.name}`);
    if (params.name === 'steps') {
      for (const progress of [1, 2]) {
        const { progressToken } = params['_meta'];
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 2 },
        });
      }
    }
    return { content: [{ type: 'text', text: `${params.name}: ${params.arguments?.text ?? ''}` }] };
  });
  return server;
}

function startMcp() {
  const transports = new Map();
  const serve = async (request, response) => {
    const known = transports.get(request.headers['mcp-session-id']);
    if (known !== undefined) {
      await known.handleRequest(request, response);
      return;
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
      onsessionclosed: () => say('mcp session ended'),
    });
    await mcpServer().connect(transport);
    await transport.handleRequest(request, response);
  };
  return listen(
    createServer({ key: pem, cert: pem }, (request, response) => {
      serve(request, response).catch((error) => response.destroy(error));
    }),
  );
}

function startChat() {
  const server = createServer({ key: pem, cert: pem });
  const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 }, maxPayload: 4 * 1024 * 1024 });
  sockets.on('connection', (socket, request) => {
    say(`ws ${request.url} ${socket.extensions}`);
    socket.on('error', () => {});
    socket.on('close', (code) => say(`ws closed ${code}`));
    socket.on('message', (data, isBinary) => {
      const message = JSON.parse(Buffer.isBuffer(data) ? data.toString('utf8') : '{}');
      if (message.action === 'leave') {
        socket.close(4001, 'as you wish');
      } else if (message.action === 'ping') {
        socket.once('pong', (payload) => socket.send(JSON.stringify({ pong: payload.toString() })));
        socket.ping('are you there');
      } else {
        socket.send(data, { binary: isBinary });
      }
    });
  });
  return listen(server);
}

function listen(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

say({ grpc: await startGrpc(), mcp: await startMcp(), chat: await startChat() });
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
