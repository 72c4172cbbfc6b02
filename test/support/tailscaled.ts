// Stands in for tailscaled where no Go is: its LocalAPI on a Unix socket in the real wire format, and its server for peers, which asks about
// names as the real one does. The packets come over an interface that the test makes.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder, type CleanUp } from './temp.ts';

/** A node as `whois` tells of it. */
export interface StandInNode {
  readonly stableId: string;
  readonly name: string;
  readonly login: string;
  readonly tags?: readonly string[];
  readonly expired?: boolean;
  /** Networks that it carries for others. */
  readonly routes?: readonly string[];
}

export interface StandIn {
  readonly socket: string;
  /** By address; a change is told with `tell`. */
  readonly nodes: Map<string, StandInNode>;
  /** `Running`, `NeedsLogin`, …. */
  state: string;
  serveConfig: object | null;
  /** Where names are asked that peers want to know. */
  resolver: string;
  readonly prefs: Record<string, unknown>;
  /** Bodies of `start`. */
  readonly starts: object[];
  /** Something has changed. */
  tell(): void;
}

/** Starts it, with these addresses of its own. */
export async function startTailscaled(cleanUp: CleanUp, ...own: readonly string[]): Promise<StandIn> {
  const socket = join(temporaryFolder(cleanUp, 'clawpatrol-tsd'), 'tailscaled.sock');
  const watchers = new Set<ServerResponse>();
  const standIn: StandIn = {
    socket,
    nodes: new Map(),
    state: 'NeedsLogin',
    serveConfig: null,
    resolver: '127.78.0.53',
    prefs: { ControlURL: '', AdvertiseRoutes: null },
    starts: [],
    tell: () => watchers.forEach((watcher) => watcher.write(`${JSON.stringify({ NetMap: null })}\n`)),
  };
  const peers = createServer((request, response) => void answerPeer(request, response, standIn));
  peers.listen(0, '127.0.0.1');
  await once(peers, 'listening');
  const peerUrl = `http://127.0.0.1:${(peers.address() as AddressInfo).port}`;
  const api = createServer((request, response) => {
    if (request.url?.includes('watch-ipn-bus') === true) {
      watchers.add(response);
      response.on('close', () => watchers.delete(response));
      response.write(`${JSON.stringify({ State: 6 })}\n`);
      return;
    }
    void answerCall(request, response, { standIn, own, peerUrl });
  });
  api.listen(socket);
  await once(api, 'listening');
  cleanUp.after(() => {
    for (const server of [api, peers]) {
      server.closeAllConnections();
      server.close();
    }
  });
  return standIn;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  { standIn, own, peerUrl }: { readonly standIn: StandIn; readonly own: readonly string[]; readonly peerUrl: string },
): Promise<void> {
  const body = (await readBody(request)).toString();
  const url = new URL(request.url ?? '', 'http://local-tailscaled.sock');
  const json = (value: unknown): void => void response.end(JSON.stringify(value));
  switch (`${request.method} ${url.pathname.replace('/localapi/v0/', '')}`) {
    case 'GET status':
      json({
        BackendState: standIn.state,
        TUN: true,
        TailscaleIPs: standIn.state === 'Running' ? own : null,
        Self: { PeerAPIURL: standIn.state === 'Running' ? [peerUrl] : null },
        Health: null,
        AuthURL: '',
      });
      return;
    case 'GET whois': {
      const address = url.searchParams.get('addr')?.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '') ?? '';
      const node = standIn.nodes.get(address);
      if (node === undefined) {
        response.writeHead(404).end('no match for IP:port\n');
        return;
      }
      const { stableId, name, login, tags = [], expired = false, routes = [] } = node;
      const addresses = [...standIn.nodes]
        .filter(([, one]) => one.stableId === stableId)
        .map(([ip]) => `${ip}/${ip.includes(':') ? 128 : 32}`);
      json({
        Node: {
          ID: 1,
          StableID: stableId,
          Name: `${name}.tail.test.`,
          ComputedName: name,
          Addresses: addresses,
          AllowedIPs: [...addresses, ...routes],
          KeyExpiry: '0001-01-01T00:00:00Z',
          ...(tags.length === 0 ? {} : { Tags: tags }),
          ...(expired ? { Expired: true } : {}),
        },
        UserProfile: { ID: 1, LoginName: tags.length === 0 ? login : 'tagged-devices', DisplayName: '' },
      });
      return;
    }
    case 'GET prefs':
      json(standIn.prefs);
      return;
    case 'PATCH prefs': {
      const changes: object = JSON.parse(body);
      for (const [name, value] of Object.entries(changes)) {
        if (`${name}Set` in changes) {
          standIn.prefs[name] = value;
        }
      }
      json(standIn.prefs);
      return;
    }
    case 'POST start':
      standIn.starts.push(JSON.parse(body));
      standIn.state = 'Running';
      response.writeHead(204).end();
      return;
    case 'POST login-interactive':
      response.writeHead(204).end();
      return;
    case 'GET serve-config':
      json(standIn.serveConfig);
      return;
    case 'GET derpmap':
      json(null);
      return;
    default:
      response.writeHead(404).end('not found\n');
  }
}

/** As HandlePeerDNSQuery: to the first server of resolv.conf, and what it says back. */
async function answerPeer(request: IncomingMessage, response: ServerResponse, { resolver }: StandIn): Promise<void> {
  const question = await readBody(request);
  const socket = createSocket('udp4');
  const end = (bytes: Buffer): void => {
    clearTimeout(timer);
    socket.close();
    response.end(bytes);
  };
  const timer = setTimeout(() => end(Buffer.alloc(0)), 5_000);
  socket.on('error', () => {});
  socket.on('message', end);
  socket.send(question, 53, resolver);
}
