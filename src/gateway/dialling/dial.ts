// Connecting to upstreams: names are resolved here, every address is checked before it is dialled, and the checked address is the one
// that is dialled. IPv6 and IPv4 are tried in turn with a head start (RFC 8305), all within one deadline.
import { lookup, Resolver } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { formatHostPort } from '../../config/hosts.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { canonicalIp, mayDial, reachesSelf } from './addresses.ts';
import type { BoundAddress } from './addresses.ts';

/** Resolving and connecting together. */
const DIAL_DEADLINE_MS = 10_000;
/** Head start of one address over the next (RFC 8305, section 5). */
const HEAD_START_MS = 250;
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 8;

export interface DialParts {
  readonly clock: Clock;
  /** `gateway { resolver }`, or null for the system's. */
  readonly resolver: () => string | null;
  /** Everything that this gateway listens on now. */
  readonly bound: () => readonly BoundAddress[];
}

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** Its addresses where they were looked up and judged: these are dialled, and nothing is looked up. */
  readonly addresses?: readonly string[];
}

export type Dial = (target: DialTarget, signal: AbortSignal) => Promise<Socket>;

/** A dialler over its parts. Rejects with GatewayError UPSTREAM_UNREACHABLE. */
export function createDial(parts: DialParts): Dial {
  return async (target, signal) => {
    const abort = new AbortController();
    const onAbort = (): void => abort.abort();
    if (signal.aborted) {
      throw unreachable(target, 'it was given up');
    }
    signal.addEventListener('abort', onAbort, { once: true });
    const deadline = parts.clock.after(DIAL_DEADLINE_MS, onAbort);
    try {
      const found = target.addresses ?? (await untilAborted(resolveHost(target.host, parts.resolver()), abort.signal));
      const allowed = checkAddresses(target, found, parts.bound());
      return await race(allowed, target.port, { clock: parts.clock, signal: abort.signal });
    } catch (error) {
      if (error instanceof GatewayError) {
        throw error;
      }
      const why = abort.signal.aborted
        ? signal.aborted
          ? 'it was given up'
          : `no answer within ${DIAL_DEADLINE_MS / 1000} s`
        : messageOf(error);
      throw unreachable(target, why, error);
    } finally {
      deadline.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  };
}

function unreachable({ host, port }: DialTarget, why: string, cause?: unknown): GatewayError {
  const message = `cannot reach ${formatHostPort(host, port)}: ${why}; check the endpoint's host and that this machine may connect to it`;
  return new GatewayError('UPSTREAM_UNREACHABLE', 'upstream', message, { cause });
}

/** Addresses that may be dialled, IPv6 and IPv4 in turn. Throws when there is none. */
function checkAddresses(
  target: DialTarget,
  addresses: readonly string[],
  bound: readonly BoundAddress[],
): readonly string[] {
  const local = readLocalAddresses();
  const checked = addresses.filter((ip) => mayDial(target.host, ip));
  if (checked.length === 0 && addresses.length > 0) {
    const message = `${target.host} resolves to ${addresses.join(', ')}, where no name may lead; write the address itself if it is meant`;
    throw new GatewayError('UPSTREAM_UNREACHABLE', 'operator', message);
  }
  const others = checked.filter((ip) => !reachesSelf(ip, target.port, { bound, local }));
  if (others.length === 0 && checked.length > 0) {
    const message = `${formatHostPort(target.host, target.port)} is a listener of this gateway; an endpoint cannot lead back to it`;
    throw new GatewayError('UPSTREAM_UNREACHABLE', 'operator', message);
  }
  return interleave(others).slice(0, MAX_ADDRESSES);
}

function interleave(addresses: readonly string[]): readonly string[] {
  const six = addresses.filter((ip) => isIP(ip) === 6);
  const four = addresses.filter((ip) => isIP(ip) === 4);
  return Array.from({ length: Math.max(six.length, four.length) }, (_, index) => [six[index], four[index]])
    .flat()
    .filter((ip) => ip !== undefined);
}

/** To ask the system costs as much as to make a connection; interfaces come and go more slowly. */
const LOCAL_FRESH_MS = 1_000;
let lastRead: { readonly atMs: number; readonly addresses: ReadonlySet<string> } | null = null;

/** Every address of this machine, as it was a second ago at the most; the same set until it is read again. */
export function readLocalAddresses(nowMs: number = systemClock.monotonicMs()): ReadonlySet<string> {
  if (lastRead === null || nowMs - lastRead.atMs > LOCAL_FRESH_MS) {
    const entries = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
    lastRead = { atMs: nowMs, addresses: new Set(entries.map(({ address }) => canonicalIp(address))) };
  }
  return lastRead.addresses;
}

/** The addresses of a host, asked of that name server or the system's. Rejects with what the look-up said. */
export async function resolveHost(host: string, server: string | null): Promise<readonly string[]> {
  if (isIP(host) !== 0) {
    return [host];
  }
  if (server === null || host === 'localhost') {
    const found = await lookup(host, { all: true, verbatim: true });
    return found.map(({ address }) => address);
  }
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  resolver.setServers([server]);
  const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const found = [...(six.status === 'fulfilled' ? six.value : []), ...(four.status === 'fulfilled' ? four.value : [])];
  if (found.length === 0 && four.status === 'rejected') {
    throw four.reason;
  }
  return found;
}

/** The first connection that is made; the others are dropped. */
async function race(
  addresses: readonly string[],
  port: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Socket> {
  const attempts: Attempt[] = [];
  const errors: Error[] = [];
  try {
    for (const [index, ip] of addresses.entries()) {
      attempts.push(openAttempt(ip, port));
      const last = index === addresses.length - 1;
      const winner = await firstOf(attempts, { headStartMs: last ? null : HEAD_START_MS, clock, signal, errors });
      if (winner !== null) {
        return winner;
      }
    }
    throw errors[0] ?? new Error('it has no address');
  } finally {
    for (const attempt of attempts) {
      attempt.dropUnlessTaken();
    }
  }
}

interface Attempt {
  /** The socket, or the error that it ended with. */
  readonly result: Promise<Socket | Error>;
  /** Set once the result was looked at and was an error. */
  failed: boolean;
  take(): void;
  dropUnlessTaken(): void;
}

function openAttempt(ip: string, port: number): Attempt {
  const socket = connect({ host: ip, port, allowHalfOpen: true, noDelay: true, keepAlive: true });
  let taken = false;
  const result = new Promise<Socket | Error>((resolve) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', resolve);
  });
  // Stays for the socket's life: an error between here and whoever takes it over must not end the process.
  socket.on('error', () => {});
  return {
    result,
    failed: false,
    take(): void {
      taken = true;
    },
    dropUnlessTaken(): void {
      if (!taken) {
        socket.destroy();
      }
    },
  };
}

/** Waits until one attempt connects, until all so far have failed, or until the head start is over. */
async function firstOf(
  attempts: readonly Attempt[],
  {
    headStartMs,
    clock,
    signal,
    errors,
  }: {
    readonly headStartMs: number | null;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly errors: Error[];
  },
): Promise<Socket | null> {
  const headStart = headStartMs === null ? null : createDelay(clock, headStartMs);
  try {
    for (;;) {
      const running = attempts.filter((attempt) => !attempt.failed);
      if (running.length === 0) {
        return null;
      }
      const results = running.map(async (attempt) => ({ attempt, value: await attempt.result }));
      const first = await untilAborted(
        Promise.race(headStart === null ? results : [...results, headStart.over]),
        signal,
      );
      if (first === 'late') {
        return null;
      }
      if (!(first.value instanceof Error)) {
        first.attempt.take();
        return first.value;
      }
      first.attempt.failed = true;
      errors.push(first.value);
    }
  } finally {
    headStart?.cancel();
  }
}

function createDelay(clock: Clock, delayMs: number): { readonly over: Promise<'late'>; cancel(): void } {
  let timer: Timer | null = null;
  const over = new Promise<'late'>((resolve) => {
    timer = clock.after(delayMs, () => resolve('late'));
  });
  return { over, cancel: () => timer?.cancel() };
}

/** The promise's value, or a rejection as soon as the signal aborts. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error('aborted'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) {
      onAbort();
    }
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
