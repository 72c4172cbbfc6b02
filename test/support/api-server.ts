// A local API server that checks every request it gets: the injected token and nothing of the agent's, a canonical path, a body only where one
// belongs. It keeps objects by path, runs dry, streams watches and logs, and speaks exec over WebSocket.
import { createHash } from 'node:crypto';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestAuthority } from './certificate.ts';
import type { CleanUp } from './temp.ts';
import { webSocketFrame } from './spdy.ts';
import { takeWebSocketFrame } from '../../src/protocols/kubernetes/websocket.ts';

export const API_TOKEN = 'the-real-token';

export interface ApiServer {
  readonly port: number;
  /** `METHOD path`, dry runs and reads of the gateway's own included, in order. */
  readonly requests: string[];
  /** What was wrong with requests; empty in every good test. */
  readonly faults: string[];
  readonly objects: Map<string, Record<string, unknown>>;
  /** Events of the watch on a path; a usual one where there are none. */
  readonly events: Map<string, readonly unknown[]>;
  /** What exec was given on stdin. */
  readonly stdin: string[];
}

/** On loopback; its certificate is that name's. */
export async function startApiServer(
  scope: CleanUp,
  authority: TestAuthority,
  name: string = '127.0.0.1',
): Promise<ApiServer> {
  const { cert, key } = await authority.leaf(name);
  const state: Omit<ApiServer, 'port'> = { requests: [], faults: [], objects: new Map(), events: new Map(), stdin: [] };
  const server = createServer({ cert, key }, (request, response) => void answer(state, request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => exec(state, request, socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ...state, port: (server.address() as AddressInfo).port };
}

function checkHead(
  state: Omit<ApiServer, 'port'>,
  { method = '', url = '', headers, rawHeaders }: IncomingMessage,
): void {
  state.requests.push(`${method} ${url}`);
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const wrong = [
    headers.authorization === `Bearer ${API_TOKEN}` ? '' : `authorization ${String(headers.authorization)}`,
    names.filter((name) => name === 'authorization').length === 1 ? '' : 'several authorizations',
    names.some((name) => name.startsWith('impersonate-') || name.startsWith('x-forwarded') || name === 'cookie')
      ? 'an account of the agent'
      : '',
    /(?:^|, )base64url\.bearer/.test(headers['sec-websocket-protocol'] ?? '') ? 'a bearer protocol' : '',
    /\/\/|\/\.\.?(?:\/|$)|%2f/i.test(url.split('?')[0] ?? '') ? 'a path that is not canonical' : '',
    method === 'GET' && (headers['content-length'] ?? '0') !== '0' ? 'a GET with a body' : '',
  ].filter((fault) => fault !== '');
  state.faults.push(...wrong.map((fault) => `${method} ${url}: ${fault}`));
}

async function answer(
  state: Omit<ApiServer, 'port'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  checkHead(state, request);
  const { method = '', url = '' } = request;
  const [path = '', query = ''] = url.split('?');
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  const say = (status: number, value: unknown): void => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  };
  if (new URLSearchParams(query).get('watch') === 'true') {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    const events = state.events.get(path) ?? [{ type: 'ADDED', object: { kind: 'Pod' } }];
    response.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    setTimeout(() => response.end('{"type":"BOOKMARK","object":{"kind":"Pod"}}\n'), 100);
    return;
  }
  if (method === 'GET') {
    const found = state.objects.get(path);
    const items = [...state.objects]
      .filter(([key]) => key.slice(0, key.lastIndexOf('/')) === path)
      .map(([, value]) => value);
    say(found === undefined && items.length === 0 ? 404 : 200, found ?? { kind: 'List', metadata: {}, items });
    return;
  }
  const body = Buffer.concat(chunks).toString();
  const dry = query.includes('dryRun=All') || body.includes('"dryRun":["All"]');
  if (method === 'DELETE') {
    say(200, { kind: 'Status', status: 'Success' });
    if (!dry) {
      state.objects.delete(path);
    }
    return;
  }
  const value = { ...state.objects.get(path), ...(JSON.parse(body) as Record<string, unknown>) };
  const metadata = value['metadata'] as { readonly name?: string } | undefined;
  if (!dry) {
    state.objects.set(method === 'POST' ? `${path}/${metadata?.name ?? ''}` : path, value);
  }
  say(method === 'POST' ? 201 : 200, value);
}

/** exec over v5.channel.k8s.io: echoes stdin to stdout; at its end says how many bytes came, and ends with code 3. */
function exec(state: Omit<ApiServer, 'port'>, request: IncomingMessage, socket: Duplex): void {
  checkHead(state, request);
  const accept = createHash('sha1')
    .update(`${String(request.headers['sec-websocket-key'])}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n`,
  );
  const send = (channel: number, text: string): unknown =>
    socket.write(webSocketFrame(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]), { masked: false }));
  const status = {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  };
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    for (let taken = takeWebSocketFrame(rest, true); taken.kind === 'frame'; taken = takeWebSocketFrame(rest, true)) {
      rest = rest.subarray(taken.frame.raw.length);
      const [channel] = taken.frame.payload;
      const text = taken.frame.payload.subarray(1).toString();
      if (channel === 0) {
        state.stdin.push(text);
        send(1, text);
      } else if (channel === 255) {
        send(3, JSON.stringify(status));
        socket.end(webSocketFrame(Buffer.from([3, 0xe8]), { masked: false, opcode: 8 }));
      }
    }
  });
}

/** What kubectl asks about an API server before it gets to the point. */
export function fillCluster(objects: ApiServer['objects']): void {
  const resource = (name: string, kind: string): object => ({
    name,
    singularName: kind.toLowerCase(),
    namespaced: true,
    kind,
    verbs: ['get', 'list', 'delete'],
  });
  const resources = [resource('pods', 'Pod'), resource('secrets', 'Secret')];
  objects.set('/api', { kind: 'APIVersions', versions: ['v1'] });
  objects.set('/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: [] });
  objects.set('/api/v1', { kind: 'APIResourceList', groupVersion: 'v1', resources });
  const metadata = { name: 'p', namespace: 'default' };
  objects.set('/api/v1/namespaces/default/pods/p', { kind: 'Pod', apiVersion: 'v1', metadata });
}
