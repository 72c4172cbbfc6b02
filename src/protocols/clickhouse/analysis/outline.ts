// What the analysis of one text finds out, as plain data: it is cached, and crosses a thread boundary for long texts.
import type { UnknownCause } from '../../../rules/action.ts';
import {
  createOutline,
  markOpaque,
  type ClickHouseOutline,
  type OpaqueCause,
  type UnitContext,
  type UnitOutline,
} from '../../sql/outline.ts';
import type { ClickHouseChange, ClickHouseInsert } from './context.ts';

/** A ClickHouseText with what only the analysis looks at. */
export interface TextOutline {
  readonly text: string;
  readonly statements: number;
  readonly verb: string | null;
  readonly insert: ClickHouseInsert | null;
  readonly outfile: string;
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly changes: readonly ClickHouseChange[];
  /** The statement with everything nested in it. */
  readonly unit: UnitOutline;
  /** Refused whatever rules say, or null. */
  readonly refused: string | null;
  /** What is compared with the server's own tree; null for a text that was not read. */
  readonly tree: TreeSummary | null;
}

/** What our reading and the server's tree must agree on. */
export interface TreeSummary {
  /** Names of the server's root node that stand for this statement. */
  readonly roots: readonly string[];
  /** Tables and other named sources as written, `db.t` or `t`, sorted. */
  readonly tables: readonly string[];
  /** Of these: what queries read from. */
  readonly sources: readonly string[];
  /** Functions as written, sorted; operators and special forms by the server's names for them. */
  readonly functions: readonly string[];
  /** Words of types, codecs and the like, which the server's tree may call functions. */
  readonly skipped: readonly string[];
  /** Of the functions: what the text spells as a call, where the server's tree has it too. */
  readonly calls: readonly string[];
}

function createClickHouse(): ClickHouseOutline {
  return {
    tableFunctions: new Set(),
    dictionaries: new Set(),
    dictionariesKnown: true,
    format: '',
    outfile: '',
    infile: '',
    cluster: '',
    engine: '',
    operators: new Set(),
    relationParameters: [],
  };
}

/** A unit about which nothing is known yet. */
export function createUnitOutline(context: UnitContext): UnitOutline {
  return { ...createOutline(context), clickhouse: createClickHouse() };
}

export interface OpaqueText {
  /** Null when not even the text can be told. */
  readonly text: string | null;
  readonly cause: OpaqueCause;
  readonly unknown: UnknownCause;
  readonly refused?: string;
}

/** A text that could not be read: one unit of which at most the text is known. */
export function opaqueText({ text, cause, unknown, refused }: OpaqueText): TextOutline {
  const unit = createUnitOutline('top');
  unit.text = text;
  unit.blank = { cause: unknown, standin: false };
  markOpaque(unit, cause);
  unit.notes.push({ tier: 'destructive', cause: 'opaque', reason: OPAQUE_REASONS[cause] });
  return {
    text: text ?? '',
    statements: 1,
    verb: null,
    insert: null,
    outfile: '',
    format: '',
    settings: new Map(),
    parameters: new Map(),
    changes: [],
    unit,
    refused: refused ?? null,
    tree: null,
  };
}

export const OPAQUE_REASONS: Readonly<Record<OpaqueCause, string>> = {
  unparseable: 'does not parse, so what it does is not known',
  too_large: 'is too long to be read',
  dynamic_sql: 'runs SQL that is put together while it runs',
  procedural_language: 'holds code in a language that is not read',
  unknown_statement: 'holds something that this grammar does not know',
  unknown_prepared: 'runs a statement that was not made through the gateway',
  unknown_function: 'calls something that is in no list of known functions',
  encoding: 'is not valid text, so the server may read something else',
  session_state: 'would be read differently under a setting of this connection',
  multi_parse: 'holds several statements',
};
