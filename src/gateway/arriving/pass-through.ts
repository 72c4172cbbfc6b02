// Connections to destinations that nobody declared, under `unknown_host = "passthrough"`: relayed without being looked at, recorded with
// their bytes. What they may lead to is decided on the addresses that are then dialled, and on nothing that can change in between.
import type { Socket } from 'node:net';
import { createEvent } from '../../audit/event.ts';
import type { AuditLog } from '../../audit/log.ts';
import { formatHostPort } from '../../config/hosts.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { uuidv7 } from '../../lib/ids.ts';
import { visible } from '../../lib/text.ts';
import type { DialTarget, Gate } from '../../protocols/protocol.ts';
import type { FinishReason } from '../../protocols/session.ts';
import type { Agent, SessionId } from '../../rules/action.ts';
import type { DeclaredAddresses } from '../dialling/declared-addresses.ts';
import type { Dial } from '../dialling/dial.ts';
import { receiveFirstBytes } from './first-bytes.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { OpenConnection } from './open-connection.ts';
import type { Places } from '../places.ts';
import { createPlainSession } from './plain-session.ts';
import { QUARANTINED } from '../judging/quarantine.ts';
import type { Quarantine } from '../judging/quarantine.ts';
import type { Recorder } from '../judging/recorder.ts';
import { relay } from '../relay.ts';
import { createShut, findNameRefusal, findSaidRefusal, mayBeTls } from './undeclared.ts';
import type { OwnAddresses } from './undeclared.ts';

/** Without a byte in either direction. */
const IDLE_MS = 3_600_000;
/** The same once the gateway is stopping. */
const DRAINING_IDLE_MS = 1_000;
/** A device at its limit loses the connection on which nothing was sent for longest, once that is so long, to a new one of its own. */
const SPARE_AFTER_MS = 60_000;
/** Looking up names. */
const RESOLVE_MS = 10_000;
/** The label of its connections in metrics. */
const LABEL = 'passthrough';

export interface PassThroughParts {
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly recorder: Recorder;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly gate: Gate;
  readonly quarantine: Pick<Quarantine, 'find'>;
  readonly live: () => Live;
  readonly places: Places;
  readonly own: () => OwnAddresses;
  readonly declared: DeclaredAddresses;
  /** The addresses of a name. Rejects when it has none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly dial: Dial;
  /** Whether the agent may still be here under that profile. */
  readonly stillHere: (agent: Agent) => boolean;
}

/** A client that wants to go where nobody declared anything. */
export interface Stranger {
  readonly socket: Socket;
  readonly agent: Agent;
  /** A name is looked up here; an address is dialled as it is. */
  readonly target: DialTarget;
  /** The name under which the agent asked for that address, or "". */
  readonly name: string;
  /** What it said first has been looked at. */
  readonly heard: boolean;
  /** The destination has answered. */
  readonly onDialled: () => void;
  /** It ends here; nothing was sent to the client. */
  readonly onRefused: (status: 403 | 502, why: string) => void;
}

export interface PassThrough {
  /** Whether the policy in force lets anything through. */
  readonly offered: boolean;
  /** Takes over a socket whose destination no endpoint claims. */
  accept(stranger: Stranger): void;
  list(): readonly OpenConnection[];
  endOf(fits: (agent: Agent) => boolean, why: string): void;
  /** `all`: each ends as soon as it is quiet. `unrouted`: those that the policy in force would refuse end now. */
  drain(why: string, which: 'all' | 'unrouted'): void;
  emptied(): Promise<void>;
  readonly size: number;
}

export function createPassThrough(parts: PassThroughParts): PassThrough {
  return new Passing(parts);
}

interface Entry {
  readonly stranger: Stranger;
  readonly session: SessionId;
  readonly startedMs: number;
  readonly ending: AbortController;
  /** Addresses that were judged and are dialled. */
  addresses: readonly string[];
  heardMs: number;
  opened: boolean;
  /** Bytes are passed on. */
  relaying: boolean;
  /** Another connection of its device has its place. */
  placeGiven: boolean;
}

/** It does not go on, and the client is told so. */
class Refusal extends Error {
  /** One of a fixed set of words. */
  readonly word: string;

  constructor(word: string, why: string) {
    super(why);
    this.word = word;
  }
}

class Passing implements PassThrough {
  readonly #parts: PassThroughParts;
  readonly #open = new Map<SessionId, Entry>();
  #idleMs = IDLE_MS;
  #waiting: (() => void)[] = [];

  constructor(parts: PassThroughParts) {
    this.#parts = parts;
  }

  get offered(): boolean {
    return this.#parts.live().config.defaults.unknownHost === 'passthrough';
  }

  get size(): number {
    return this.#open.size;
  }

  accept(stranger: Stranger): void {
    const { clock, places } = this.#parts;
    const { agent } = stranger;
    const startedMs = clock.monotonicMs();
    const session = uuidv7(clock.now());
    const ending = new AbortController();
    const entry: Entry = {
      stranger,
      session,
      startedMs,
      ending,
      addresses: [],
      heardMs: startedMs,
      opened: false,
      relaying: false,
      placeGiven: false,
    };
    const full = places.findRefusal(agent.device);
    if (full !== null && !this.#giveUpIdlest(agent.device)) {
      this.#refuse(entry, new Refusal('limit', full));
      return;
    }
    this.#open.set(session, entry);
    places.take(agent.device);
    // Owned: it never rejects, and its end is awaited through `emptied`.
    void this.#serve(entry);
  }

  /** Whether there was one to give up; its place is free then. */
  #giveUpIdlest(device: string): boolean {
    const before = this.#parts.clock.monotonicMs() - SPARE_AFTER_MS;
    let idlest: Entry | null = null;
    for (const entry of this.#open.values()) {
      const mayGo = entry.relaying && !entry.placeGiven && entry.stranger.agent.device === device;
      if (mayGo && entry.heardMs <= (idlest?.heardMs ?? before)) {
        idlest = entry;
      }
    }
    if (idlest === null) {
      return false;
    }
    idlest.placeGiven = true;
    this.#parts.places.free(device);
    idlest.ending.abort('its device is at its limit, and nothing was sent on it for longest');
    return true;
  }

  list(): readonly OpenConnection[] {
    const nowMs = this.#parts.clock.monotonicMs();
    return [...this.#open.values()].map(({ session, startedMs, stranger: { agent, socket } }) => ({
      session,
      agent,
      endpoint: '',
      openMs: nowMs - startedMs,
      fromClientBytes: socket.bytesRead,
      toClientBytes: socket.bytesWritten,
    }));
  }

  endOf(fits: (agent: Agent) => boolean, why: string): void {
    for (const { stranger, ending } of this.#open.values()) {
      if (fits(stranger.agent)) {
        ending.abort(why);
      }
    }
  }

  drain(why: string, which: 'all' | 'unrouted'): void {
    for (const entry of this.#open.values()) {
      if (which === 'all' ? !entry.opened : this.#findForbidden(entry) !== null) {
        entry.ending.abort(why);
      }
    }
    if (which === 'all') {
      this.#idleMs = DRAINING_IDLE_MS;
      this.#open.forEach((entry) => this.#endWhenIdle(entry));
    }
  }

  emptied(): Promise<void> {
    return this.#open.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #serve(entry: Entry): Promise<void> {
    const { places, metrics } = this.#parts;
    const { agent, socket } = entry.stranger;
    metrics.connections(LABEL, 1);
    try {
      this.#end(entry, await this.#pass(entry));
    } catch (error) {
      if (!(error instanceof Refusal)) {
        this.#parts.logger.error({ err: error, session: entry.session }, 'a connection failed');
      }
      if (entry.opened) {
        socket.resetAndDestroy();
        this.#end(entry, { kind: error instanceof Refusal ? 'refused' : 'failed', detail: messageOf(error) });
      }
      this.#refuse(entry, error instanceof Refusal ? error : new Refusal('unavailable', 'it failed'));
    } finally {
      metrics.connections(LABEL, -1);
      if (!entry.placeGiven) {
        places.free(agent.device);
      }
      this.#open.delete(entry.session);
      if (this.#open.size === 0) {
        this.#waiting.splice(0).forEach((resolve) => resolve());
      }
    }
  }

  async #pass(entry: Entry): Promise<FinishReason> {
    const { stranger, ending } = entry;
    const { socket, target } = stranger;
    entry.addresses = await this.#judge(entry);
    const forbidden = this.#findForbidden(entry);
    if (forbidden !== null) {
      throw forbidden;
    }
    this.#recordOpening(entry);
    const upstream = await this.#dial(entry);
    if (upstream === null) {
      return { kind: 'failed', detail: 'the destination could not be reached' };
    }
    try {
      stranger.onDialled();
      await this.#listen(entry);
    } catch (error) {
      upstream.destroy();
      throw error;
    }
    entry.heardMs = this.#parts.clock.monotonicMs();
    socket.setKeepAlive(true, 60_000);
    entry.relaying = true;
    const timer = this.#endWhenIdle(entry);
    const session = createPlainSession(() => {
      entry.heardMs = this.#parts.clock.monotonicMs();
    });
    const { gate, clock } = this.#parts;
    try {
      return await relay(
        { session, client: socket, upstream, cancelUpstream: () => {} },
        { gate, clock, signal: ending.signal, draining: new AbortController().signal },
      );
    } finally {
      timer.cancel();
      this.#parts.logger.debug(
        { session: entry.session, to: formatHostPort(target.host, target.port) },
        'passed through',
      );
    }
  }

  /** The addresses that may be dialled. Throws Refusal when there is none. */
  async #judge({ stranger: { target, agent }, ending }: Entry): Promise<readonly string[]> {
    const { clock, live, own, declared, resolve, quarantine } = this.#parts;
    if (quarantine.find(agent) !== null) {
      throw new Refusal('quarantine', QUARANTINED);
    }
    const { config } = live();
    const named = findNameRefusal(config, target);
    if (named !== null) {
      throw new Refusal('destination', named);
    }
    const findShut = createShut(config, own());
    const late = new Promise<never>((_resolve, reject) => {
      const timer = clock.after(RESOLVE_MS, () => reject(new Error(`no answer within ${RESOLVE_MS / 1000} s`)));
      ending.signal.addEventListener('abort', () => {
        timer.cancel();
        reject(new Error('it was given up'));
      });
    });
    late.catch(() => {});
    try {
      const found = await Promise.race([resolve(target.host), late]);
      const open: string[] = [];
      let why = 'it has no address';
      for (const ip of found) {
        const shut = findShut(ip) ?? (await Promise.race([findOwner(declared, ip), late]));
        if (shut === null) {
          open.push(ip);
        } else {
          why = `${ip}: ${shut}`;
        }
      }
      if (open.length === 0) {
        throw new Refusal('destination', why);
      }
      return open;
    } catch (error) {
      throw error instanceof Refusal
        ? error
        : new Refusal('destination', `it cannot be looked up: ${messageOf(error)}`);
    }
  }

  /** Why the policy in force does not let it through, or null. */
  #findForbidden({ stranger: { agent, target }, addresses }: Entry): Refusal | null {
    const { live, own, stillHere } = this.#parts;
    const { config } = live();
    if (!this.offered || !stillHere(agent)) {
      return new Refusal('destination', 'nothing that is not declared is let through any more');
    }
    const findShut = createShut(config, own());
    const why = findNameRefusal(config, target) ?? addresses.map(findShut).find((shut) => shut !== null) ?? null;
    return why === null ? null : new Refusal('destination', why);
  }

  /** Null when it cannot be reached; the client knows then. */
  async #dial({ stranger, addresses, ending, session }: Entry): Promise<Socket | null> {
    try {
      return await this.#parts.dial({ ...stranger.target, addresses }, ending.signal);
    } catch (error) {
      const why = error instanceof GatewayError ? error.message : messageOf(error);
      this.#parts.logger.debug({ session, why }, 'a destination that nobody declared could not be reached');
      stranger.onRefused(502, why);
      return null;
    }
  }

  /** Where a server name could lead to an endpoint, it is looked at. Throws Refusal. */
  async #listen({ stranger: { heard, socket, target }, ending }: Entry): Promise<void> {
    const { clock, live } = this.#parts;
    if (heard || !mayBeTls(live().config, target.port)) {
      return;
    }
    const said = await receiveFirstBytes(socket, { clock, signal: ending.signal });
    const why = findSaidRefusal(live().config, target.port, said);
    if (why !== null) {
      throw new Refusal('destination', why);
    }
  }

  #endWhenIdle(entry: Entry): Timer {
    const { clock } = this.#parts;
    let timer: Timer = { cancel: () => {} };
    const look = (): void => {
      const leftMs = entry.heardMs + this.#idleMs - clock.monotonicMs();
      if (leftMs <= 0) {
        entry.ending.abort(`nothing was sent for ${this.#idleMs / 1000} s`);
      } else if (!entry.ending.signal.aborted) {
        timer = clock.after(leftMs, look);
      }
    };
    look();
    return { cancel: () => timer.cancel() };
  }

  /** What cannot be recorded does not begin. */
  #recordOpening(entry: Entry): void {
    const { audit, clock } = this.#parts;
    const { agent, target, name } = entry.stranger;
    const dialled = formatHostPort(target.host, target.port);
    const event = createEvent('connection.opened', clock.now(), {
      agent,
      session: entry.session,
      data: { dialled, passthrough: true, ...(name === '' ? {} : { name }) },
    });
    if (audit.append(event) === null) {
      throw new Refusal('unavailable', 'the connection could not be recorded');
    }
    entry.opened = true;
  }

  #end({ stranger, session, startedMs }: Entry, reason: FinishReason): void {
    const { audit, recorder, clock } = this.#parts;
    const { agent, socket, target } = stranger;
    socket.destroySoon();
    const event = createEvent('connection.closed', clock.now(), {
      agent,
      session,
      reason: visible(reason.detail),
      data: {
        how: reason.kind,
        dialled: formatHostPort(target.host, target.port),
        bytes_from_client: socket.bytesRead,
        bytes_to_client: socket.bytesWritten,
        duration_ms: Math.round(clock.monotonicMs() - startedMs),
      },
    });
    if (audit.append(event) === null) {
      recorder.record(event);
    }
  }

  #refuse({ stranger, session, opened }: Entry, { word, message }: Refusal): void {
    const { clock, metrics, recorder } = this.#parts;
    const { agent, target } = stranger;
    if (!opened) {
      stranger.onRefused(403, message);
    }
    metrics.refused(word);
    recorder.record(
      createEvent('connection.refused', clock.now(), {
        agent,
        session,
        verdict: 'deny',
        reason: visible(message),
        data: { cause: word, dialled: formatHostPort(target.host, target.port) },
      }),
    );
  }
}

/** Why an address is shut because of what is declared, or null. */
async function findOwner(declared: DeclaredAddresses, ip: string): Promise<string | null> {
  const { host, unclear } = await declared.find(ip);
  if (host !== null) {
    return `it is an address of ${host}, which is declared`;
  }
  return unclear === null ? null : `the addresses of ${unclear}, which is declared, cannot be looked up`;
}
