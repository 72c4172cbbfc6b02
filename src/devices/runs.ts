// Runs: one process tree on a device, with a name in the log of its own for as long as it lives, and by which it is known: a key with an address
// in the tunnel, or a token (`run --mode proxy`). They are kept on disk, so that a gateway that is started again still knows them.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { uuidv7 } from '../lib/ids.ts';
import { openStoredList } from './stored-list.ts';
import type { FieldReader, StoredList } from './stored-list.ts';

export interface Run {
  /** UUIDv7. */
  readonly id: string;
  /** Id of the device. */
  readonly device: string;
  /** "" for one that has a token in its place. */
  readonly publicKey: string;
  /** SHA-256 (hex) of its token; "" for one that has a key. */
  readonly tokenHash: string;
  /** Its place in the tunnel; 0 = it has none. */
  readonly number: number;
  /** What the device had when the run began; what counts is what it has now. */
  readonly profile: string;
  /** What it was called, or "": the agent's word. */
  readonly label: string;
  readonly startedMs: number;
  /** Null while it lives. */
  readonly endedMs: number | null;
}

export type NewRun = Pick<Run, 'device' | 'publicKey' | 'profile' | 'label'>;

export interface RunRegistry {
  /** Those that live. */
  list(): readonly Run[];
  find(id: string): Run | null;
  /** Whether a run has that key, or lately had. */
  hasKey(publicKey: string): boolean;
  /** The lowest place that is a run's, or has lately been one's; one above the highest place when there is none. */
  readonly lowest: number;
  /** The run that may use that place in the tunnel now. */
  at(number: number): Run | null;
  /** The run that has that place, or was the last to have it and ended lately: for records of what came before its end. */
  latelyAt(number: number): Run | null;
  /** Throws GatewayError CONFIG_INVALID (no key, or one that is known), LIMIT_REACHED, STORE_FAILED. */
  start(run: NewRun): Run;
  /** Starts one that is known by a token, which is told once. Throws GatewayError LIMIT_REACHED, STORE_FAILED. */
  startWithToken(run: Omit<NewRun, 'publicKey'>): { readonly run: Run; readonly token: string };
  /** The run with that token, if it lives. */
  authenticate(token: string): Run | null;
  /** Something was heard of a run. */
  noteHeard(id: string): void;
  /** When (milliseconds since the epoch) something was last heard of it here; at the least when this gateway began to listen. */
  heardMs(id: string): number;
  /** Ends a run; false when it did not live. Throws GatewayError STORE_FAILED. */
  end(id: string): boolean;
  onChange(listener: (run: Run) => void): void;
}

export interface RunRegistryParts {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly isKey: (text: string) => boolean;
  /** Whether a device has, or had, that key: a run that came with it would take the device's place in the tunnel away. */
  readonly isDevices: (publicKey: string) => boolean;
  /** Places are given from here down; devices have theirs from below. */
  readonly lastNumber: number;
  /** The highest place that a device has. */
  readonly highestDevice: () => number;
}

/** Runs of one device that live at the same time. */
const MAX_PER_DEVICE = 64;
/** How long the place of a run that has ended stays empty: a late packet or record must not be taken for the next one's. */
const EMPTY_MS = 3_600_000;

/** A run speaks every few seconds, and shakes hands every few minutes; one that has been silent for so long has ended without saying so. */
const SILENT_MS = 10 * 60_000;

/** Runs of which nothing was heard any more. `heardMs`: when each was last heard (milliseconds since the epoch). */
export function findSilent(runs: readonly Run[], heardMs: (run: Run) => number, nowMs: number): readonly Run[] {
  return runs.filter((run) => nowMs - Math.max(run.startedMs, heardMs(run)) > SILENT_MS);
}

const TOKEN_PREFIX = 'cpr_';

/** Opens the file, empty when there is none yet. Throws GatewayError STORE_FAILED. */
export function openRunRegistry(parts: RunRegistryParts): RunRegistry {
  return new FileRuns(parts);
}

class FileRuns implements RunRegistry {
  readonly #parts: RunRegistryParts;
  readonly #stored: StoredList<Run>;
  readonly #listeners: ((run: Run) => void)[] = [];
  #byNumber: ReadonlyMap<number, Run> = new Map();
  readonly #openedMs: number;
  readonly #heardMs = new Map<string, number>();

  constructor(parts: RunRegistryParts) {
    this.#parts = parts;
    this.#openedMs = parts.clock.now();
    this.#stored = openStoredList(join(parts.stateDir, 'runs.json'), 'runs', readRun);
    this.#index();
  }

  list(): readonly Run[] {
    return this.#stored.items.filter(({ endedMs }) => endedMs === null);
  }

  find(id: string): Run | null {
    return this.list().find((run) => run.id === id) ?? null;
  }

  hasKey(publicKey: string): boolean {
    return this.#stored.items.some((run) => run.publicKey === publicKey);
  }

  at(number: number): Run | null {
    return this.#byNumber.get(number) ?? null;
  }

  latelyAt(number: number): Run | null {
    return this.at(number) ?? this.#kept().findLast((run) => run.number === number) ?? null;
  }

  start({ device, publicKey, profile, label }: NewRun): Run {
    const { isKey, isDevices } = this.#parts;
    if (!isKey(publicKey) || isDevices(publicKey) || this.hasKey(publicKey)) {
      throw new GatewayError(
        'CONFIG_INVALID',
        'operator',
        'a run needs a public key of its own: 44 characters of base64',
      );
    }
    this.#checkLimit(device);
    return this.#add({ device, publicKey, tokenHash: '', number: this.#freeNumber(), profile, label });
  }

  startWithToken({ device, profile, label }: Omit<NewRun, 'publicKey'>): { readonly run: Run; readonly token: string } {
    this.#checkLimit(device);
    const token = `${TOKEN_PREFIX}${randomBytes(24).toString('base64url')}`;
    return { run: this.#add({ device, publicKey: '', tokenHash: hashOf(token), number: 0, profile, label }), token };
  }

  authenticate(token: string): Run | null {
    const hash = Buffer.from(hashOf(token));
    const found = this.list().find(
      ({ tokenHash }) => tokenHash.length === hash.length && timingSafeEqual(Buffer.from(tokenHash), hash),
    );
    return found ?? null;
  }

  noteHeard(id: string): void {
    this.#heardMs.set(id, this.#parts.clock.now());
  }

  heardMs(id: string): number {
    return this.#heardMs.get(id) ?? this.#openedMs;
  }

  #checkLimit(device: string): void {
    if (this.list().filter((run) => run.device === device).length >= MAX_PER_DEVICE) {
      throw new GatewayError(
        'LIMIT_REACHED',
        'operator',
        `the device has ${MAX_PER_DEVICE} runs already; end one first`,
      );
    }
  }

  #add(made: Omit<Run, 'id' | 'startedMs' | 'endedMs'>): Run {
    const nowMs = this.#parts.clock.now();
    const run: Run = { ...made, id: uuidv7(nowMs), startedMs: nowMs, endedMs: null };
    this.#replace([...this.#stored.items, run], run);
    return run;
  }

  end(id: string): boolean {
    const run = this.find(id);
    if (run === null) {
      return false;
    }
    const ended = { ...run, endedMs: this.#parts.clock.now() };
    this.#heardMs.delete(id);
    this.#replace(
      this.#stored.items.map((one) => (one.id === id ? ended : one)),
      ended,
    );
    return true;
  }

  get lowest(): number {
    const above = this.#parts.lastNumber + 1;
    return this.#kept().reduce((least, { number }) => Math.min(least, number === 0 ? above : number), above);
  }

  onChange(listener: (run: Run) => void): void {
    this.#listeners.push(listener);
  }

  #freeNumber(): number {
    const { lastNumber, highestDevice } = this.#parts;
    const kept = new Set(this.#kept().map(({ number }) => number));
    for (let number = lastNumber; number > highestDevice(); number -= 1) {
      if (!kept.has(number)) {
        return number;
      }
    }
    throw new GatewayError('LIMIT_REACHED', 'operator', 'subnet_cidr has no address left; choose a larger network');
  }

  /** Those that live, and those whose place is to stay empty for a while. */
  #kept(): readonly Run[] {
    const nowMs = this.#parts.clock.now();
    return this.#stored.items.filter(({ endedMs }) => endedMs === null || Math.abs(nowMs - endedMs) < EMPTY_MS);
  }

  #replace(runs: readonly Run[], changed: Run): void {
    const kept = new Set([...this.#kept(), changed].map(({ id }) => id));
    this.#stored.replace(runs.filter(({ id }) => kept.has(id)));
    this.#index();
    this.#listeners.forEach((listener) => listener(changed));
  }

  #index(): void {
    const placed = this.list().filter(({ number }) => number !== 0);
    this.#byNumber = new Map(placed.map((run) => [run.number, run]));
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function readRun({ text, textIfThere, whole, wholeOrNull }: FieldReader): Run {
  return {
    id: text('id'),
    device: text('device'),
    publicKey: text('publicKey'),
    tokenHash: textIfThere('tokenHash'),
    number: whole('number'),
    profile: text('profile'),
    label: text('label'),
    startedMs: whole('startedMs'),
    endedMs: wholeOrNull('endedMs'),
  };
}
