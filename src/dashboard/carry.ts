// Where runs in proxy mode come in: CONNECT with the run's own token, at the addresses where machines speak with the gateway. What follows is a
// connection of the data plane like any other; it leads to declared destinations of the run's profile and nowhere else.
import type { IncomingMessage, Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { parseHost } from '../config/hosts.ts';
import type { RunRegistry } from '../devices/runs.ts';
import { canonicalIp } from '../gateway/dialling/addresses.ts';
import { CarriedStream } from '../gateway/client-socket.ts';
import type { Connections } from '../gateway/arriving/connections.ts';
import { CONNECTED, proxyRefusal } from '../gateway/arriving/forward-proxy.ts';
import type { DialTarget } from '../protocols/protocol.ts';
import { tcpBelow } from './tls-front.ts';

export interface CarryParts {
  readonly runs: Pick<RunRegistry, 'authenticate' | 'noteHeard'>;
  readonly acceptRun: Connections['acceptRun'];
  readonly turnedAway: (cause: 'run-token') => void;
}

const UNKNOWN = 'CONNECT is for runs, with a token that lives: clawpatrol run --mode proxy';

/**
 * Answers CONNECT on a server; its other requests stay what they are. A connection that was taken is one of the data plane, with the limits of
 * that, and takes no place here: else agents would keep operators and other machines out.
 */
export function serveCarried(server: Server, parts: CarryParts): void {
  server.on('connect', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const refusal = carry(request, stream, head, parts);
    if (refusal === null) {
      server.maxConnections += 1;
      stream.once('close', () => {
        server.maxConnections -= 1;
      });
    }
    if (refusal !== null) {
      parts.turnedAway('run-token');
      stream.end(proxyRefusal(refusal.status, refusal.why, ''), () => stream.destroy());
    }
  });
}

/** Null when it was taken. */
function carry(
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  { runs, acceptRun }: CarryParts,
): { readonly status: number; readonly why: string } | null {
  const token = /^Bearer (\S{1,200})$/.exec(request.headers['proxy-authorization'] ?? '')?.[1];
  const run = token === undefined ? null : runs.authenticate(token);
  const tcp = tcpBelow(stream) ?? (stream instanceof Socket ? stream : null);
  if (run === null || tcp === null) {
    return { status: 407, why: UNKNOWN };
  }
  const target = readTarget(request.url ?? '');
  if (target === null) {
    return { status: 400, why: 'CONNECT needs host:port' };
  }
  runs.noteHeard(run.id);
  const asked = { run: run.id, ip: canonicalIp(tcp.remoteAddress), target };
  const why = acceptRun(asked, () => {
    if (head.length > 0) {
      stream.unshift(head);
    }
    const client = new CarriedStream(stream, tcp);
    client.write(CONNECTED);
    return client;
  });
  return why === null ? null : { status: 403, why };
}

/** Canonical; null where it is none. */
function readTarget(text: string): DialTarget | null {
  const parsed = parseHost(text, false);
  return parsed?.port === null || parsed === null ? null : { host: parsed.host, port: parsed.port };
}
