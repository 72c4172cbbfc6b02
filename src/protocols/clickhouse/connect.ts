// The upstream's socket of a native connection: dial, TLS, hellos; and queries of the gateway's own. What the upstream's bytes mean is decided
// in login.ts and own-answer.ts.
import { Socket, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { EndpointConfig } from '../../config/config.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError } from '../../lib/errors.ts';
import type { Secret } from '../../lib/secret.ts';
import { describeTlsTrouble } from '../../lib/tls-trouble.ts';
import { Peer, once, within } from '../peer.ts';
import type { DispatchedCredential } from '../protocol.ts';
import { CLIENT, NEWEST_REVISION, OLDEST_REVISION, SINCE, Writer } from './codec.ts';
import { EMPTY_BLOCK } from './denial.ts';
import { addendum, clientHello, takeServerGreeting, type ClientHello, type ServerHello } from './login.ts';
import { takeOwnAnswer } from './own-answer.ts';
import { ownQuery, queryBytes } from './query.ts';

const TLS_MS = 10_000;
const LOGIN_MS = 15_000;
const OWN_QUERY_MS = 15_000;
const KEEPALIVE_MS = 60_000;

/** Where to log in, as whom, and how the upstream is checked. */
export interface Target {
  readonly host: string;
  readonly secure: boolean;
  readonly verifies: boolean;
  readonly caCert: string | null;
  readonly user: string;
  readonly password: Secret | null;
  readonly database: string;
}

/** What connecting needs of the gateway. */
export interface Dialler {
  readonly clock: Clock;
  dial(signal: AbortSignal): Promise<Duplex>;
  readonly signal: AbortSignal;
}

/** A logged-in upstream connection, idle; an addendum is still to be sent from 54458 on. */
export interface Upstream {
  readonly peer: Peer;
  readonly hello: ServerHello;
  /** On this leg. */
  readonly revision: number;
  readonly target: Target;
}

/** The upstream did not let the gateway in. */
export class LoginError extends Error {}

/** The login that a client's hello and its credential lead to: the credential's user; a database that the client names. */
export function targetOf(hello: ClientHello, credential: DispatchedCredential, config: EndpointConfig): Target {
  const { user, database } = credential.attributes;
  return {
    host: config.hosts[0]?.host ?? '',
    secure: config.attributes['tls'] === true,
    verifies: config.attributes['accept_invalid_certificate'] !== true,
    caCert: config.caCert,
    user: typeof user === 'string' && user !== '' ? user : hello.user === '' ? 'default' : hello.user,
    password: credential.secrets.get('') ?? null,
    database: hello.database === '' && typeof database === 'string' ? database : hello.database,
  };
}

/** Dials, secures and logs in, announcing no more than the client knows. Each phase has its own deadline, and its error names it. */
export async function openUpstream(dialler: Dialler, target: Target, client: ClientHello): Promise<Upstream> {
  const { clock, signal } = dialler;
  const peer = new Peer(await dialler.dial(signal));
  tune(peer.stream);
  try {
    if (target.secure) {
      const tls = new GatewayError('UPSTREAM_TLS', 'upstream', `TLS with ${target.host}: no answer in ${TLS_MS} ms`);
      await within(clock, { ms: TLS_MS, error: tls, outer: signal }, (inner) => secure(peer, target, inner));
    }
    const slow = new GatewayError('UPSTREAM_AUTH', 'upstream', `login at ${target.host}: no end in ${LOGIN_MS} ms`);
    return await within(clock, { ms: LOGIN_MS, error: slow, outer: signal }, (inner) =>
      logIn(peer, { target, client }, inner),
    );
  } catch (error) {
    peer.stream.destroy();
    throw error;
  }
}

async function secure(peer: Peer, target: Target, signal: AbortSignal): Promise<void> {
  const { host, caCert, verifies } = target;
  const socket = connectTls({
    socket: peer.stream,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: verifies,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(caCert === null ? {} : { ca: caCert }),
    ...(verifies ? { host } : { checkServerIdentity: (): undefined => undefined }),
  });
  try {
    await once(socket, 'secureConnect', signal);
  } catch (error) {
    if (error instanceof GatewayError) {
      throw error;
    }
    throw new GatewayError('UPSTREAM_TLS', 'upstream', `TLS with ${host} failed: ${describeTlsTrouble(error)}`, {
      cause: error,
    });
  }
  peer.stream = socket;
}

async function logIn(
  peer: Peer,
  { target, client }: { readonly target: Target; readonly client: ClientHello },
  signal: AbortSignal,
): Promise<Upstream> {
  const announced = Math.min(client.revision, NEWEST_REVISION);
  const { user, database, password } = target;
  const hello = { ...client, revision: announced, user, database, password: password?.reveal() ?? '' };
  peer.stream.write(clientHello(hello));
  for (;;) {
    const taken = takeServerGreeting(peer.bytes, announced);
    switch (taken.kind) {
      case 'incomplete':
        await peer.more(signal);
        break;
      case 'malformed':
        throw new LoginError(`the upstream is no ClickHouse: ${taken.why}`);
      case 'packet': {
        peer.used(taken.sizeBytes);
        const greeting = taken.packet;
        if (greeting.kind === 'exception') {
          const { code, message } = greeting.exception;
          throw new LoginError(`the upstream refuses the login: code ${code}, ${message}`);
        }
        const revision = Math.min(announced, greeting.hello.revision);
        if (revision < OLDEST_REVISION) {
          throw new LoginError(`the upstream speaks revision ${revision}, too old to be followed`);
        }
        return { peer, hello: greeting.hello, revision, target };
      }
    }
  }
}

/** Sends what newer servers wait for behind the hellos. */
export function sendAddendum({ peer, revision }: Upstream, quotaKey: Buffer): void {
  if (revision >= SINCE.addendum) {
    peer.stream.write(addendum(quotaKey));
  }
}

/** Runs a query of the gateway's own whose answer is one column of text. */
export async function ask(
  { peer, revision }: Upstream,
  text: string,
  limits: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const query = queryBytes(ownQuery(text), { revision, compressed: false });
  peer.stream.write(Buffer.concat([query, new Writer().varuint(CLIENT.data).string('').bytes(), EMPTY_BLOCK]));
  const slow = new GatewayError('UPSTREAM_UNREACHABLE', 'upstream', `no answer in ${OWN_QUERY_MS} ms`);
  return within(limits.clock, { ms: OWN_QUERY_MS, error: slow, outer: limits.signal }, async (signal) => {
    for (;;) {
      const taken = takeOwnAnswer(peer.bytes, revision);
      switch (taken.kind) {
        case 'incomplete':
          await peer.more(signal);
          break;
        case 'malformed':
          throw new LoginError(taken.why);
        case 'packet':
          peer.used(taken.sizeBytes);
          return taken.packet;
      }
    }
  });
}

export function tune(stream: Duplex): void {
  if (stream instanceof Socket) {
    stream.setNoDelay(true);
    stream.setKeepAlive(true, KEEPALIVE_MS);
  }
}
