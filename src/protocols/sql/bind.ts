// Binding: outlines plus a connection's state give units, their risk and the one-line summary. What only the state can tell (a role
// that the gateway set, a shadowed function, a stored statement) is added here.
import { MAX_SUMMARY_CHARS } from '../../lib/limits.ts';
import { shorten, visible } from '../../lib/text.ts';
import { RISKS, type FactValue, type Risk, type Unit } from '../../rules/action.ts';
import { pathKnown, type ParameterValue, type SqlState } from './analysis.ts';
import { SqlFacts, type FactDialect } from './facts.ts';
import {
  createStandIn,
  flatten,
  markOpaque,
  mergeNested,
  type ClickHouseOutline,
  type Lookup,
  type OpaqueCause,
  type UnitOutline,
} from './outline.ts';

/** Finds what an EXECUTE or FETCH runs: the stored statement's outline, or null when the gateway did not see it made. */
export type FindStored = (lookup: Lookup) => UnitOutline | null;

export interface BindParts {
  readonly state: SqlState;
  readonly transaction: 'idle' | 'open' | 'failed';
  readonly statements: number;
  readonly parameters: readonly ParameterValue[] | null;
  readonly dialect: FactDialect;
  /** See UnitFactsParts. */
  readonly extra?: ReadonlyMap<string, FactValue>;
}

/** The outline as this connection's state changes it; the same object when it does not. */
export function applyState(outline: UnitOutline, state: SqlState, find: FindStored): UnitOutline {
  if (!state.readable) {
    return unreadable(outline, 'session_state');
  }
  if (state.serverMajor > 0 && outline.sinceMajor > state.serverMajor) {
    return unreadable(outline, 'unknown_statement');
  }
  const nested = outline.nested.map((inner) => applyState(inner, state, find));
  const changed = nested.some((inner, index) => inner !== outline.nested[index]);
  const bound = changed ? remerge(outline, nested) : outline;
  return bindLookup(bindState(bound, state), state, find);
}

/** A copy that can be changed without touching the analysis, which is shared. */
export function copyOf(outline: UnitOutline): UnitOutline {
  return {
    ...outline,
    verbs: new Set(outline.verbs),
    relations: new Map([...outline.relations].map(([key, relation]) => [key, { ...relation }])),
    functions: new Set(outline.functions),
    volatileFunctions: new Set(outline.volatileFunctions),
    functionEffects: new Set(outline.functionEffects),
    shadowable: new Set(outline.shadowable),
    columns: new Set(outline.columns),
    writeColumns: new Set(outline.writeColumns),
    effects: new Set(outline.effects),
    roles: new Set(outline.roles),
    settings: new Map(outline.settings),
    notes: [...outline.notes],
    opaqueCauses: new Set(outline.opaqueCauses),
    clickhouse: outline.clickhouse === null ? null : copyClickHouse(outline.clickhouse),
    nested: [...outline.nested],
  };
}

function copyClickHouse(outline: ClickHouseOutline): ClickHouseOutline {
  return {
    ...outline,
    tableFunctions: new Set(outline.tableFunctions),
    dictionaries: new Set(outline.dictionaries),
    operators: new Set(outline.operators),
    relationParameters: [...outline.relationParameters],
  };
}

function remerge(outline: UnitOutline, nested: readonly UnitOutline[]): UnitOutline {
  const copy = copyOf(outline);
  copy.nested = [...nested];
  for (const inner of nested) {
    mergeNested(copy, inner);
  }
  return copy;
}

function unreadable(outline: UnitOutline, cause: OpaqueCause): UnitOutline {
  const fresh = { ...copyOf(outline), blank: { cause: 'unparseable', standin: false } as const, nested: [] };
  markOpaque(fresh, cause);
  fresh.notes.push({
    tier: 'destructive',
    cause: 'opaque',
    reason: 'would be read differently by this server or under a setting of this connection',
  });
  return fresh;
}

function bindState(outline: UnitOutline, state: SqlState): UnitOutline {
  const shadowed = findShadowed(outline, state);
  const identity = outline.resetsRole && state.gatewaySetRole && !outline.effects.has('identity');
  const unbounded = !pathKnown(state) && outline.bounded === true;
  if (shadowed === null && !identity && !unbounded) {
    return outline;
  }
  const copy = copyOf(outline);
  if (shadowed !== null) {
    markOpaque(copy, 'unknown_function');
    copy.volatileFunctions.add(shadowed);
    copy.functionEffects.add('unknown');
    copy.notes.push({
      tier: 'destructive',
      cause: 'function_unknown',
      reason: `calls ${shadowed}, which another schema of the search path also has`,
    });
  }
  if (identity) {
    copy.effects.add('identity');
    copy.notes.push({
      tier: 'destructive',
      cause: 'identity',
      reason: 'undoes the role that the gateway set at login',
    });
  }
  if (unbounded) {
    copy.bounded = false;
    if (copy.effects.has('write')) {
      copy.notes.push({
        tier: 'destructive',
        cause: 'unbounded_update',
        reason: 'has a condition whose operators cannot be told while the search path is not known',
      });
    }
  }
  return copy;
}

/** A built-in function or operator that this connection may resolve to somebody's own, or null. */
function findShadowed(outline: UnitOutline, state: SqlState): string | null {
  if (outline.shadowable.size === 0) {
    return null;
  }
  if (state.shadowedFunctions !== null) {
    for (const name of outline.shadowable) {
      if (state.shadowedFunctions.has(name)) {
        return name;
      }
    }
    return null;
  }
  // The system catalogue is searched first unless the path names it later on.
  const place = state.searchPath?.indexOf('pg_catalog') ?? -1;
  return place > 0 ? ([...outline.shadowable][0] ?? null) : null;
}

/** Adds the stored statement that an EXECUTE or FETCH runs, or a stand-in for one that is not known. */
function bindLookup(outline: UnitOutline, state: SqlState, find: FindStored): UnitOutline {
  const { lookup } = outline;
  if (lookup === null) {
    return outline;
  }
  const copy = copyOf(outline);
  const context = lookup.kind === 'prepared' ? 'execute' : 'cursor';
  const stored = find(lookup);
  if (stored === null) {
    copy.hidden = true;
    markOpaque(copy, 'unknown_prepared');
    copy.notes.push({
      tier: 'destructive',
      cause: 'opaque',
      reason: `runs ${lookup.kind === 'prepared' ? 'a prepared statement' : 'a cursor'} that was not made through the gateway`,
    });
    const standIn = createStandIn(context, 'unknown_prepared', 'unresolved');
    standIn.notes.push({
      tier: 'destructive',
      cause: 'opaque',
      reason: 'is a statement that the gateway has not seen',
    });
    copy.nested.push(standIn);
    return copy;
  }
  const inner = { ...applyState(stored, state, noStored), context } as const;
  mergeNested(copy, inner, lookup.planned);
  // Its parameters are the arguments of EXECUTE, not parameters of this text.
  copy.parameters = outline.parameters;
  if (!lookup.planned) {
    copy.nested.push(inner);
  }
  return copy;
}

/** A stored statement cannot be an EXECUTE. */
function noStored(): null {
  return null;
}

/** Arguments of an EXECUTE as values of the stored statement's parameters. */
function argumentValues(lookup: Lookup): readonly ParameterValue[] {
  return lookup.arguments.map((argument) =>
    argument === undefined
      ? { kind: 'opaque' }
      : argument === null
        ? { kind: 'null' }
        : { kind: 'text', text: argument },
  );
}

/** Units of a bound outline, outer before nested. */
export function createUnits(outline: UnitOutline, parts: BindParts): readonly Unit[] {
  return flattenWithParameters(outline, parts.parameters).map(([unit, parameters]) =>
    createUnit(unit, parameters === parts.parameters ? parts : { ...parts, parameters }),
  );
}

/** What stands below an EXECUTE has that statement's arguments as parameters. */
function flattenWithParameters(
  outline: UnitOutline,
  parameters: readonly ParameterValue[] | null,
): readonly (readonly [UnitOutline, readonly ParameterValue[] | null])[] {
  const { lookup } = outline;
  const inner = lookup?.kind === 'prepared' ? argumentValues(lookup) : parameters;
  return [[outline, parameters], ...outline.nested.flatMap((nested) => flattenWithParameters(nested, inner))];
}

function createUnit(outline: UnitOutline, parts: BindParts): Unit {
  const { risk, riskCauses, riskReason } = assess(outline);
  const { state, transaction, statements, parameters, dialect, extra } = parts;
  // Written out: a spread takes ten times as long, and a text may have ten thousand units.
  const own = { outline, state, transaction, statements, parameters, dialect, risk, riskCauses };
  const facts = new SqlFacts(extra === undefined ? own : { ...own, extra });
  return { facts, risk, riskCauses, riskReason, unreadable: isUnreadable(outline) };
}

type Assessment = Pick<Unit, 'risk' | 'riskCauses' | 'riskReason'>;

/** By the notes, which every change of an outline copies: texts of one shape share them. */
const assessments = new WeakMap<UnitOutline['notes'], Assessment>();

function assess(outline: UnitOutline): Assessment {
  const known = assessments.get(outline.notes);
  if (known !== undefined) {
    return known;
  }
  const risk = riskOf(outline);
  const notes = outline.notes.filter((note) => note.tier === risk);
  const causes = new Set(notes.map((note) => note.cause));
  if (outline.opaqueCauses.size > 0) {
    causes.add('opaque');
  }
  const made = { risk, riskCauses: risk === 'safe' ? [] : [...causes], riskReason: reasonOf(risk, notes) };
  assessments.set(outline.notes, made);
  return made;
}

/** A text of which nothing could be read; a stand-in is a part of something that could. */
function isUnreadable(outline: UnitOutline): boolean {
  return outline.blank !== null && !outline.blank.standin;
}

function riskOf(outline: UnitOutline): Risk {
  const level = outline.notes.reduce((highest, note) => Math.max(highest, RISKS.indexOf(note.tier)), 0);
  return outline.opaqueCauses.size > 0 ? 'destructive' : (RISKS[level] ?? 'destructive');
}

const MAX_REASONS = 3;

function reasonOf(risk: Risk, notes: UnitOutline['notes']): string {
  const reasons = [...new Set(notes.map((note) => note.reason).filter((reason) => reason !== ''))];
  if (risk === 'safe') {
    return '';
  }
  const shown = reasons.slice(0, MAX_REASONS).map((reason) => visible(shorten(reason, MAX_SUMMARY_CHARS)));
  return shown.length === 0 ? 'It holds something that cannot be seen.' : `It ${shown.join('; it ')}.`;
}

/** The strongest tier of several units. */
export function highestRisk(units: readonly Unit[]): Risk {
  return units.reduce<Risk>(
    (highest, unit) => (RISKS.indexOf(unit.risk) > RISKS.indexOf(highest) ? unit.risk : highest),
    'safe',
  );
}

/** Most texts are their own summary: ASCII words with single spaces between them. */
const NOT_A_SUMMARY = /[^ -~]| {2}|^ | $/;

/** One line for a person: the text itself, on one line. */
export function summaryOf(text: string): string {
  if (text.length <= MAX_SUMMARY_CHARS && !NOT_A_SUMMARY.test(text)) {
    return text;
  }
  const cut = text.length > MAX_SUMMARY_CHARS * 4 ? text.slice(0, MAX_SUMMARY_CHARS * 4) : text;
  return shorten(visible(cut.replace(/\s+/g, ' ').trim()), MAX_SUMMARY_CHARS);
}

/** Effects that a read-only endpoint does not let through. */
const WRITING = ['write', 'delete', 'ddl', 'privilege', 'exec', 'file', 'network', 'server', 'maintenance', 'opaque'];

/** Why the statement is refused whatever rules say, or null. */
export function refusalOf(outline: UnitOutline, readOnly: boolean): string | null {
  if (outline.refused !== null) {
    return outline.refused;
  }
  const writes = flatten(outline).some((unit) => WRITING.some((effect) => unit.effects.has(effect)));
  return readOnly && writes ? 'this endpoint is read-only' : null;
}
