// Connecting to an upstream of HTTP: the gateway's own dialler, then TLS that is always verified. Which certificate authorities count, and
// which client certificate is shown, the endpoint and the credential say; there is no way to switch verification off (TL-07, DP-29).
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { isIP } from 'node:net';
import { createHash } from 'node:crypto';
import { GatewayError } from '../../lib/errors.ts';
import { Lru } from '../../lib/lru.ts';
import { describeTlsTrouble } from '../../lib/tls-trouble.ts';
import type { DialTarget, ServeContext } from '../protocol.ts';
import type { UpstreamIdentity } from './injector.ts';

/** From the connected socket to the end of the handshake. */
const TLS_MS = 10_000;
const MAX_CONTEXTS = 256;

export interface ConnectOptions {
  readonly target: DialTarget;
  readonly scheme: 'http' | 'https';
  /** ALPN protocols that may be spoken. */
  readonly protocols: readonly string[];
  readonly identity: UpstreamIdentity | null;
}

export interface ConnectedUpstream {
  readonly stream: Duplex;
  /** What was agreed on; "" when the upstream agreed on nothing, which means HTTP/1.1. */
  readonly protocol: string;
}

/** What a connection needs of the gateway. */
export type ConnectContext = Pick<ServeContext, 'dial' | 'config' | 'clock' | 'shared'>;

/** Rejects with GatewayError UPSTREAM_UNREACHABLE or UPSTREAM_TLS. */
export async function connectUpstream(
  context: ConnectContext,
  { target, scheme, protocols, identity }: ConnectOptions,
  signal: AbortSignal,
): Promise<ConnectedUpstream> {
  const socket = await context.dial(signal, target);
  if (scheme === 'http') {
    return { stream: socket, protocol: '' };
  }
  const secured = connect({
    socket,
    secureContext: secureContextOf(context, identity),
    ...(isIP(target.host) === 0 ? { servername: target.host } : { host: target.host }),
    ALPNProtocols: [...protocols],
    rejectUnauthorized: true,
  });
  try {
    await handshake(context, secured, signal);
  } catch (error) {
    secured.destroy();
    socket.destroy();
    const message = `TLS with ${target.host}:${target.port}: ${describeTlsTrouble(error)}`;
    throw new GatewayError('UPSTREAM_TLS', 'upstream', message, { cause: error });
  }
  const { alpnProtocol } = secured;
  return { stream: secured, protocol: typeof alpnProtocol === 'string' ? alpnProtocol : '' };
}

function handshake(context: ConnectContext, secured: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      secured.off('secureConnect', onSecure);
      secured.off('close', onClose);
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    };
    const onSecure = (): void => done(null);
    const onClose = (): void => done(new Error('the upstream closed the connection during the handshake'));
    const onAbort = (): void => done(new Error('it was given up'));
    const timer = context.clock.after(TLS_MS, () => done(new Error(`no handshake within ${TLS_MS / 1000} s`)));
    // Stays for the socket's life: an error between here and whoever takes it over must not end the process.
    secured.on('error', done);
    secured.once('secureConnect', onSecure);
    secured.once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) {
      onAbort();
    }
  });
}

/** Contexts are costly (the system's roots are parsed into each) and kept by what went into them. */
function secureContextOf(context: ConnectContext, identity: UpstreamIdentity | null): SecureContext {
  const ca = context.config().caCert ?? identity?.ca ?? null;
  const cert = identity?.cert?.reveal() ?? null;
  const privateKey = identity?.key?.reveal() ?? null;
  const key = createHash('sha256')
    .update(JSON.stringify([ca, cert, privateKey]))
    .digest('hex');
  const contexts = context.shared('http.upstream-tls', () => new Lru<string, SecureContext>(MAX_CONTEXTS));
  const found = contexts.find(key);
  if (found !== null) {
    return found;
  }
  const made = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === null ? {} : { ca }),
    ...(cert === null || privateKey === null ? {} : { cert, key: privateKey }),
  });
  contexts.put(key, made);
  return made;
}
