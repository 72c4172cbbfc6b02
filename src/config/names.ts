// Names of a configuration and what references to them mean (config reference, sections 1.1 and 3).
import { nearest } from '../lib/text.ts';
import type { Ref } from './config.ts';
import type { Span } from './diagnostic.ts';
import type { Finding } from './report.ts';
import type { RefKind } from './schema-types.ts';

/** A declared block that has a name. */
export interface NamedEntry {
  readonly kind: string;
  /** Type label; for one-label kinds the kind itself. */
  readonly type: string;
  readonly name: string;
  readonly ref: Ref;
  /** Place of the name. */
  readonly at: Span;
}

/** Variable from which a slot is taken when nothing else says so: `CLAWPATROL_SECRET_NAME`, for the named ones `CLAWPATROL_SECRET_NAME_SLOT`. */
export function secretVariable(name: string, slot: string): string {
  const text = slot === '' ? name : `${name}_${slot}`;
  return `CLAWPATROL_SECRET_${text.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/** The approver that needs no block: any operator, on the dashboard or the command line. */
export const BUILTIN_APPROVER: Ref = 'builtin.dashboard';

export type Resolution =
  | { readonly kind: 'found'; readonly ref: Ref; readonly type: string }
  | { readonly kind: 'problem'; readonly finding: Finding }
  /** Not declared in what could be read, and something could not be read. */
  | { readonly kind: 'untold' };

/** All names by kind. */
export class Names {
  readonly #byKind = new Map<string, Map<string, NamedEntry>>();
  /** Something was not read or belongs to a plugin: a missing name is not worth an error of its own. */
  incomplete = false;

  /** Adds a name; the entry that already holds it, or null. */
  add(entry: NamedEntry): NamedEntry | null {
    const entries = this.#byKind.get(entry.kind) ?? new Map<string, NamedEntry>();
    this.#byKind.set(entry.kind, entries);
    const first = entries.get(entry.name);
    if (first !== undefined) {
      return first;
    }
    entries.set(entry.name, entry);
    return null;
  }

  find(kind: string, name: string): NamedEntry | null {
    return this.#byKind.get(kind)?.get(name) ?? null;
  }

  /** What `segments` (one: bare, two: typed) means where a `kind` is wanted; `types` narrows the kind. */
  resolve(segments: readonly string[], kind: RefKind, types: readonly string[] | undefined): Resolution {
    const name = segments.at(-1) ?? '';
    const written = segments.join('.');
    const builtin = kind === 'approver' && (written === BUILTIN_APPROVER || written === 'dashboard');
    if (builtin && types === undefined) {
      return { kind: 'found', ref: BUILTIN_APPROVER, type: 'builtin' };
    }
    const entry = this.find(kind, name);
    const type = segments.length === 2 ? segments[0] : undefined;
    if (builtin || entry === null || (type !== undefined && type !== entry.type)) {
      return this.#miss(written, name, { kind, types, type });
    }
    if (types !== undefined && !types.includes(entry.type)) {
      const message = `"${written}" is of type ${entry.type}, and ${types.join(' or ')} is wanted here`;
      const fix = suggestNames(name, this.#namesOf(kind, types));
      return { kind: 'problem', finding: { code: 'wrong-kind', message, fix } };
    }
    return { kind: 'found', ref: entry.ref, type: entry.type };
  }

  #miss(
    written: string,
    name: string,
    wanted: {
      readonly kind: RefKind;
      readonly types: readonly string[] | undefined;
      readonly type: string | undefined;
    },
  ): Resolution {
    const { kind, types } = wanted;
    const sameKind = this.find(kind, name);
    if (sameKind !== null) {
      const message = `${article(kind)} named "${name}" is of type ${sameKind.type}`;
      return { kind: 'problem', finding: { code: 'wrong-kind', message, fix: `write ${writeRef(sameKind.ref)}` } };
    }
    const elsewhere = [...this.#byKind.values()]
      .map((entries) => entries.get(name))
      .find((entry) => entry !== undefined && (wanted.type === undefined || wanted.type === entry.type));
    const known = this.#namesOf(kind, types);
    if (elsewhere !== undefined) {
      const message = `"${written}" is ${article(elsewhere.kind)}, and ${article(kind)} is wanted here`;
      return { kind: 'problem', finding: { code: 'wrong-kind', message, fix: suggestNames(name, known) } };
    }
    if (this.incomplete) {
      return { kind: 'untold' };
    }
    const message = `no ${kind} is named "${name}"`;
    return { kind: 'problem', finding: { code: 'unknown-reference', message, fix: suggestNames(name, known) } };
  }

  #namesOf(kind: RefKind, types: readonly string[] | undefined): ReadonlyMap<string, Ref> {
    const names = new Map<string, Ref>();
    for (const entry of this.#byKind.get(kind)?.values() ?? []) {
      if (types === undefined || types.includes(entry.type)) {
        names.set(entry.name, entry.ref);
      }
    }
    if (kind === 'approver' && types === undefined) {
      names.set('dashboard', BUILTIN_APPROVER);
    }
    return names;
  }
}

/** Names that can be written without quotes. */
export function isIdentifier(name: string): boolean {
  return /^[\p{ID_Start}_][\p{ID_Continue}-]*$/u.test(name);
}

/** A reference as it has to be typed. */
function writeRef(ref: Ref): string {
  return ref.split('.').every(isIdentifier) ? ref : JSON.stringify(ref);
}

function suggestNames(name: string, known: ReadonlyMap<string, Ref>): string {
  const near = nearest(name, known.keys());
  if (near !== null) {
    return `did you mean ${writeRef(known.get(near) ?? near)}?`;
  }
  const refs = [...known.values()].slice(0, 8).map(writeRef);
  return refs.length === 0 ? 'declare it' : `declare it, or write one of: ${refs.join(', ')}`;
}

function article(kind: string): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}
