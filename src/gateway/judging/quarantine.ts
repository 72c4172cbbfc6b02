// Quarantine: who may do nothing at all until a person lifts it, whatever the rules say. Kept in one file of the state directory, so that a
// restart lifts nothing.
import { join } from 'node:path';
import { fieldOf } from '../../lib/fields.ts';
import type { Agent } from '../../rules/action.ts';
import { badStateFile, readStateFile, replaceStateFile } from '../../audit/state-file.ts';

export const QUARANTINE_KINDS = ['device', 'profile', 'all'] as const;

export type QuarantineKind = (typeof QUARANTINE_KINDS)[number];

export interface Quarantined {
  readonly kind: QuarantineKind;
  /** Device or profile; "" for all. */
  readonly name: string;
  readonly by: string;
  readonly atMs: number;
  /** For people and for the log; the agent is not told it. */
  readonly reason: string;
}

export interface Quarantine {
  list(): readonly Quarantined[];
  /** What holds that agent, or null. Asked for every action. */
  find(agent: Pick<Agent, 'device' | 'profile'>): Quarantined | null;
  /** Durable when it returns, and in force. Throws GatewayError STORE_FAILED, and then nothing has changed. */
  set(entry: Quarantined): void;
  /** False when there was none. Throws alike. */
  lift(kind: QuarantineKind, name: string): boolean;
  /** Calls after every change. */
  onChange(listener: () => void): void;
}

/** Opens the file of the state directory. Throws GatewayError STORE_FAILED when it is not what it should be. */
export function openQuarantine(stateDir: string): Quarantine {
  const path = join(stateDir, 'quarantine.json');
  const listeners: (() => void)[] = [];
  let entries = readEntries(path);
  const replace = (next: ReadonlyMap<string, Quarantined>): void => {
    replaceStateFile(path, { version: 1, quarantined: [...next.values()] });
    entries = next;
    listeners.forEach((listener) => listener());
  };
  return {
    list: () => [...entries.values()],
    find: ({ device, profile }) =>
      entries.size === 0
        ? null
        : (entries.get('all ') ?? entries.get(`device ${device}`) ?? entries.get(`profile ${profile}`) ?? null),
    set: (entry) => replace(new Map(entries).set(`${entry.kind} ${entry.name}`, entry)),
    lift(kind, name) {
      const next = new Map(entries);
      if (!next.delete(`${kind} ${name}`)) {
        return false;
      }
      replace(next);
      return true;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/**
 * Gives a device another name by `act`. A quarantine goes by the name: it is there under the new one before anything can come under that, and
 * nobody inherits it under the old one. Throws what `act` throws, and then nothing has changed.
 */
export function renameHeld<T>(
  quarantine: Pick<Quarantine, 'list' | 'set' | 'lift'>,
  { from, to }: { readonly from: string; readonly to: string },
  act: () => T,
): T {
  const find = (wanted: string): Quarantined | undefined =>
    quarantine.list().find(({ kind, name }) => kind === 'device' && name === wanted);
  const held = find(from);
  if (held === undefined) {
    return act();
  }
  const isNew = find(to) === undefined;
  if (isNew) {
    quarantine.set({ ...held, name: to });
  }
  try {
    const changed = act();
    quarantine.lift('device', from);
    return changed;
  } catch (error) {
    if (isNew) {
      quarantine.lift('device', to);
    }
    throw error;
  }
}

/** What is said to the agent. */
export const QUARANTINED = 'this agent is quarantined by an operator';

function readEntries(path: string): ReadonlyMap<string, Quarantined> {
  const value = readStateFile(path);
  if (value === null) {
    return new Map();
  }
  const list = fieldOf(value, 'quarantined');
  if (fieldOf(value, 'version') !== 1 || !Array.isArray(list)) {
    throw badStateFile(path);
  }
  return new Map(
    list.map((item) => {
      const kind = QUARANTINE_KINDS.find((one) => one === fieldOf(item, 'kind'));
      const [name, by, reason] = ['name', 'by', 'reason'].map((key) => fieldOf(item, key));
      const atMs = fieldOf(item, 'atMs');
      if (
        kind === undefined ||
        typeof name !== 'string' ||
        typeof by !== 'string' ||
        typeof reason !== 'string' ||
        typeof atMs !== 'number'
      ) {
        throw badStateFile(path);
      }
      return [`${kind} ${name}`, { kind, name, by, reason, atMs }];
    }),
  );
}
