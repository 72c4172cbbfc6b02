// Enrolment by device code (in the manner of RFC 8628): a machine shows its public key and gets a short code for people and a long one for
// itself; an operator lets it in under a profile; the machine fetches what it needs, once, from the address at which it asked. What waits
// lives in memory: a restart forgets it, and the machine asks again.
import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Device } from './device.ts';
import type { JoinToken, JoinTokens } from './join-tokens.ts';
import { hasPossession } from './possession.ts';
import type { DeviceRegistry } from './registry.ts';
import { createWireguardKeys } from './wireguard.ts';

const WAIT_MS = 10 * 60_000;
/** How often a machine may ask. */
export const POLL_SECONDS = 2;
/** Requests that wait at the same time, in all and from one address. */
const MAX_WAITING = 200;
const MAX_PER_ADDRESS = 10;
/** Failed attempts (tokens, codes) of one address within `WAIT_MS`; after them it is not heard. */
const MAX_FAILURES = 20;
/** Without vowels (no words come out) and without letters that are read as digits. */
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';

/** A machine that asks to be let in. Its words are its own: name and wish prove nothing. */
export interface JoinRequest {
  /** `XXXX-XXXX`; what an operator compares and types. */
  readonly userCode: string;
  readonly publicKey: string;
  readonly hostname: string;
  /** The profile that it asks for, or "". */
  readonly wish: string;
  readonly ip: string;
  readonly askedMs: number;
  readonly expiresMs: number;
}

/** How a machine's request stands. */
export type JoinState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'denied' | 'expired' | 'withdrawn' }
  | { readonly kind: 'approved'; readonly device: Device };

/** Why a machine may not even ask. */
export interface Refused {
  readonly kind: 'refused';
  readonly status: 400 | 403 | 429;
  readonly why: string;
}

export type StartResult =
  | {
      readonly kind: 'started';
      readonly deviceCode: string;
      readonly request: JoinRequest;
      /** The public key against which the machine shows that it has the private half of its own (possession.ts). */
      readonly proofKey: string;
      /** The code of an earlier request of the same machine that waited until now, or null. */
      readonly replaced: string | null;
    }
  | Refused;

export interface NewRequest {
  readonly publicKey: string;
  readonly hostname: string;
  readonly wish: string;
  /** A join token, or "". */
  readonly token: string;
  readonly ip: string;
}

export interface Enrolment {
  /** Why that is not asked, or that address may not ask now; or null. */
  findRefusal(request: NewRequest): Refused | null;
  /** A machine asks; what it asked before is withdrawn. With a join token it is let in at once. Throws GatewayError where a device cannot be made. */
  start(request: NewRequest): StartResult;
  /** How the request of that device code stands, for whoever asks from the same address. Null: there is none. */
  poll(deviceCode: string, ip: string): JoinState | null;
  /** As `poll`, for whoever proves to have the private half of the key that asked; an approved request is gone after it. */
  claim(deviceCode: string, ip: string, proof: string): JoinState | { readonly kind: 'unproven' } | null;
  /** The machine itself does not want to be let in any more. Answers as `poll`, with what it had become. */
  withdraw(deviceCode: string, ip: string): JoinState | null;
  /** Those that wait for an operator, oldest first. */
  waiting(): readonly JoinRequest[];
  /** Lets it in. Null: no such code waits. Throws GatewayError where a device cannot be made. */
  approve(
    userCode: string,
    as: { readonly profile: string; readonly name: string | null; readonly user: string },
  ): Device | null;
  /** Whether such a code waited. */
  deny(userCode: string): boolean;
}

interface Waiting extends JoinRequest {
  readonly deviceCode: string;
  /** By the clock that nobody sets. */
  readonly dueMs: number;
  state: JoinState;
}

export interface EnrolmentParts {
  readonly clock: Clock;
  readonly registry: DeviceRegistry;
  readonly tokens: JoinTokens;
  readonly isKey: (text: string) => boolean;
  /** What an address is counted as: some machines have very many. */
  readonly sourceOf: (ip: string) => string;
  /** Whether the configuration in force has that profile. */
  readonly hasProfile: (name: string) => boolean;
  /** Whether a device of that name is quarantined. */
  readonly isHeld: (device: string) => boolean;
}

export function createEnrolment(parts: EnrolmentParts): Enrolment {
  return new WaitingRequests(parts);
}

/** What of a host's own name may be a device's: the rest becomes `-`. */
export function nameFrom(hostname: string): string {
  const name = hostname
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40);
  return name === '' ? 'device' : name;
}

/** Whether two texts are the same code for people, however they were typed. */
export function isSameCode(one: string, other: string): boolean {
  return lettersOf(one) === lettersOf(other);
}

function lettersOf(userCode: string): string {
  return userCode.toUpperCase().replace(/[^A-Z]/g, '');
}

class WaitingRequests implements Enrolment {
  readonly #parts: EnrolmentParts;
  readonly #proving = createWireguardKeys();
  readonly #byDeviceCode = new Map<string, Waiting>();
  readonly #failures = new Map<string, { count: number; sinceMs: number }>();

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
  }

  findRefusal({ publicKey, hostname, wish, ip }: NewRequest): Refused | null {
    if (!this.#parts.isKey(publicKey) || hostname === '' || hostname.length > 253 || wish.length > 128) {
      return { kind: 'refused', status: 400, why: 'public_key must be a WireGuard key, hostname 1 to 253 characters' };
    }
    this.#forgetOld();
    const { sourceOf } = this.#parts;
    const waiting = [...this.#byDeviceCode.values()];
    if (this.#blocked(ip)) {
      return { kind: 'refused', status: 429, why: 'too many attempts that failed; wait ten minutes' };
    }
    if (
      waiting.length >= MAX_WAITING ||
      waiting.filter((one) => sourceOf(one.ip) === sourceOf(ip)).length >= MAX_PER_ADDRESS
    ) {
      const why = 'too many machines wait to be let in; ask an operator to look at them';
      return { kind: 'refused', status: 429, why };
    }
    return null;
  }

  start(asked: NewRequest): StartResult {
    const { clock } = this.#parts;
    const refusal = this.findRefusal(asked);
    if (refusal !== null) {
      return refusal;
    }
    const { publicKey, hostname, wish, token, ip } = asked;
    const request: Waiting = {
      deviceCode: randomBytes(32).toString('base64url'),
      userCode: this.#newUserCode(),
      publicKey,
      hostname,
      wish,
      ip,
      askedMs: clock.now(),
      expiresMs: clock.now() + WAIT_MS,
      dueMs: clock.monotonicMs() + WAIT_MS,
      state: { kind: 'waiting' },
    };
    if (token !== '') {
      const refused = this.#admitWithToken(request, token);
      if (refused !== null) {
        return refused;
      }
    }
    const replaced = this.#withdrawEarlier(request);
    this.#byDeviceCode.set(request.deviceCode, request);
    const { deviceCode } = request;
    return { kind: 'started', deviceCode, request: shown(request), proofKey: this.#proving.publicKey, replaced };
  }

  poll(deviceCode: string, ip: string): JoinState | null {
    const found = this.#byDeviceCode.get(deviceCode);
    if (this.#blocked(ip)) {
      return null;
    }
    if (found === undefined || found.ip !== ip) {
      this.#failed(ip);
      return null;
    }
    return found.dueMs <= this.#parts.clock.monotonicMs() ? { kind: 'expired' } : found.state;
  }

  claim(deviceCode: string, ip: string, proof: string): JoinState | { readonly kind: 'unproven' } | null {
    const state = this.poll(deviceCode, ip);
    if (state?.kind !== 'approved') {
      return state;
    }
    const { privateKey } = this.#proving;
    if (!hasPossession({ privateKey, publicKey: state.device.publicKey }, deviceCode, proof)) {
      this.#failed(ip);
      return { kind: 'unproven' };
    }
    this.#byDeviceCode.delete(deviceCode);
    return state;
  }

  withdraw(deviceCode: string, ip: string): JoinState | null {
    const state = this.poll(deviceCode, ip);
    const found = this.#byDeviceCode.get(deviceCode);
    if (state?.kind !== 'waiting' || found === undefined) {
      return state;
    }
    found.state = { kind: 'withdrawn' };
    return found.state;
  }

  waiting(): readonly JoinRequest[] {
    this.#forgetOld();
    return [...this.#byDeviceCode.values()].filter(({ state }) => state.kind === 'waiting').map(shown);
  }

  approve(
    userCode: string,
    as: { readonly profile: string; readonly name: string | null; readonly user: string },
  ): Device | null {
    const found = this.#findWaiting(userCode);
    if (found === null) {
      return null;
    }
    const device = this.#enrol(found, as);
    found.state = { kind: 'approved', device };
    return device;
  }

  deny(userCode: string): boolean {
    const found = this.#findWaiting(userCode);
    if (found === null) {
      return false;
    }
    found.state = { kind: 'denied' };
    return true;
  }

  #admitWithToken(request: Waiting, text: string): Refused | null {
    const { tokens, hasProfile } = this.#parts;
    const token = tokens.find(text);
    if (token === null) {
      this.#failed(request.ip);
      return { kind: 'refused', status: 403, why: 'the join token is unknown, used up or expired' };
    }
    if (!hasProfile(token.profile)) {
      return { kind: 'refused', status: 403, why: `the profile of the join token, ${token.profile}, no longer exists` };
    }
    if (this.#cameHeld(token)) {
      const why = 'a machine that came with this join token is quarantined; join without it, or ask for another one';
      return { kind: 'refused', status: 403, why };
    }
    tokens.take(token.id);
    const device = this.#enrol(request, { profile: token.profile, name: null, user: '' });
    tokens.bind(token.id, device.id);
    request.state = { kind: 'approved', device };
    return null;
  }

  /** A machine that is quarantined has the token that it came with: by it, it would come back under another name. */
  #cameHeld({ devices }: JoinToken): boolean {
    const { registry, isHeld } = this.#parts;
    const came = new Set(devices);
    return came.size > 0 && registry.list().some(({ id, name }) => came.has(id) && isHeld(name));
  }

  /** One machine waits once: an operator who sees two codes of it cannot know which of them somebody looks at. */
  #withdrawEarlier({ publicKey, ip }: Waiting): string | null {
    let code: string | null = null;
    for (const request of this.#byDeviceCode.values()) {
      if (request.publicKey === publicKey && request.ip === ip && request.state.kind === 'waiting') {
        request.state = { kind: 'withdrawn' };
        code = request.userCode;
      }
    }
    return code;
  }

  /** A name that is taken gets a number: two machines are often called alike. */
  #enrol(
    { publicKey, hostname }: JoinRequest,
    { profile, name, user }: { readonly profile: string; readonly name: string | null; readonly user: string },
  ): Device {
    const { registry } = this.#parts;
    const wanted = nameFrom(hostname);
    const taken = new Set(registry.list().flatMap((device) => (device.revokedMs === null ? [device.name] : [])));
    return registry.enrol({ name: name ?? freeName(wanted, taken), publicKey, profile, user });
  }

  #findWaiting(userCode: string): Waiting | null {
    this.#forgetOld();
    const found = [...this.#byDeviceCode.values()].find(
      (request) => request.state.kind === 'waiting' && isSameCode(request.userCode, userCode),
    );
    return found ?? null;
  }

  #newUserCode(): string {
    for (;;) {
      const letters = Array.from({ length: 8 }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
      const code = `${letters.slice(0, 4)}-${letters.slice(4)}`;
      if (![...this.#byDeviceCode.values()].some(({ userCode }) => userCode === code)) {
        return code;
      }
    }
  }

  #blocked(ip: string): boolean {
    const failures = this.#failures.get(this.#parts.sourceOf(ip));
    return (
      failures !== undefined &&
      failures.count >= MAX_FAILURES &&
      this.#parts.clock.monotonicMs() - failures.sinceMs < WAIT_MS
    );
  }

  #failed(ip: string): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const source = this.#parts.sourceOf(ip);
    const known = this.#failures.get(source);
    const fresh = known === undefined || nowMs - known.sinceMs >= WAIT_MS;
    // Bounded: with too many addresses the oldest is forgotten.
    const oldest = this.#failures.keys().next().value;
    if (fresh && this.#failures.size >= 10_000 && oldest !== undefined) {
      this.#failures.delete(oldest);
    }
    this.#failures.set(
      source,
      fresh ? { count: 1, sinceMs: nowMs } : { count: known.count + 1, sinceMs: known.sinceMs },
    );
  }

  /** An ended request is told for as long again as it could wait, then forgotten. */
  #forgetOld(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [code, { dueMs }] of this.#byDeviceCode) {
      if (nowMs > dueMs + WAIT_MS) {
        this.#byDeviceCode.delete(code);
      } else if (nowMs > dueMs) {
        const request = this.#byDeviceCode.get(code);
        if (request?.state.kind === 'waiting') {
          request.state = { kind: 'expired' };
        }
      }
    }
  }
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let free = wanted;
  for (let number = 2; taken.has(free); number += 1) {
    free = `${wanted}-${number}`;
  }
  return free;
}

function shown({ userCode, publicKey, hostname, wish, ip, askedMs, expiresMs }: Waiting): JoinRequest {
  return { userCode, publicKey, hostname, wish, ip, askedMs, expiresMs };
}
