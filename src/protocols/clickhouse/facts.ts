// ClickHouse's statement analysis as the wires use it: text to outline (cached), outline and context to units.
import { createHash } from 'node:crypto';
import { isAscii, isUtf8 } from 'node:buffer';
import { systemClock, type Clock } from '../../lib/clock.ts';
import { MAX_INLINE_ANALYSIS_BYTES } from '../../lib/limits.ts';
import { Lru } from '../../lib/lru.ts';
import type { FactValue, Unit } from '../../rules/action.ts';
import type { SqlState } from '../sql/analysis.ts';
import { copyOf, createUnits, highestRisk, refusalOf, summaryOf } from '../sql/bind.ts';
import type { FactDialect } from '../sql/facts.ts';
import { addRelation, markOpaque, type Predicate, type RelationParameter, type UnitOutline } from '../sql/outline.ts';
import { createAnalysisThread, type AnalysisThread } from '../sql/thread.ts';
import { analyseText, type AnalyseOptions } from './analysis/analyse.ts';
import { compareTrees } from './analysis/compare.ts';
import type {
  ClickHouseAnalyser,
  ClickHouseContext,
  ClickHouseJudgeable,
  ClickHouseOptions,
  ClickHouseText,
} from './analysis/context.ts';
import { nameForms } from './analysis/names.ts';
import { OPAQUE_REASONS, opaqueText, type TextOutline } from './analysis/outline.ts';
import { changesReading, hides, judgeSetting } from './analysis/settings.ts';

const MAX_CACHED_TEXTS = 4096;
const MAX_CACHED_BYTES = 16 * 1024 * 1024;
/** How many contexts' bindings a text keeps: connections of one pool mostly share theirs. */
const MAX_BINDINGS = 16;

/** How long a text may take in the worker before it is opaque. */
const DEADLINE_MS = 10_000;
/** Heads of INSERTs have fewer tokens; one that has more goes to the worker. */
const MAX_INSERT_TOKENS = 2000;

/** Everything is optional: the defaults are right for a gateway. */
export interface ClickHouseAnalyserParts {
  readonly clock?: Clock;
  readonly deadlineMs?: number;
}

export function createClickHouseAnalyser(parts: ClickHouseAnalyserParts = {}): ClickHouseAnalyser {
  return new Analyser(
    createAnalysisThread({
      clock: parts.clock ?? systemClock,
      deadlineMs: parts.deadlineMs ?? DEADLINE_MS,
      script: new URL('./analysis/worker.js', import.meta.url),
    }),
  );
}

/** A text with its bindings: nothing of it changes but the caches. */
class AnalysedText implements ClickHouseText {
  readonly outline: TextOutline;
  readonly bindings: Lru<string, ClickHouseJudgeable> = new Lru(MAX_BINDINGS);
  readonly memos: Lru<string, object> = new Lru(MAX_BINDINGS);

  constructor(outline: TextOutline) {
    this.outline = outline;
  }

  get text(): string {
    return this.outline.text;
  }
  get statements(): number {
    return this.outline.statements;
  }
  get verb(): string | null {
    return this.outline.verb;
  }
  get insert(): ClickHouseText['insert'] {
    return this.outline.insert;
  }
  get outfile(): string {
    return this.outline.outfile;
  }
  get format(): string {
    return this.outline.format;
  }
  get settings(): ClickHouseText['settings'] {
    return this.outline.settings;
  }
  get parameters(): ClickHouseText['parameters'] {
    return this.outline.parameters;
  }
  get changes(): ClickHouseText['changes'] {
    return this.outline.changes;
  }
}

class Analyser implements ClickHouseAnalyser {
  readonly #texts = new Lru<string, AnalysedText>(MAX_CACHED_TEXTS, MAX_CACHED_BYTES);
  readonly #trusted = new WeakMap<ReadonlySet<string>, string>();
  readonly #thread: AnalysisThread<AnalyseOptions, TextOutline>;

  constructor(thread: AnalysisThread<AnalyseOptions, TextOutline>) {
    this.#thread = thread;
  }

  analyse(
    bytes: Buffer,
    options: ClickHouseOptions,
    complete: boolean = true,
  ): ClickHouseText | Promise<ClickHouseText> {
    if (bytes.length > options.maxTextBytes) {
      return new AnalysedText(opaqueText({ text: null, cause: 'too_large', unknown: 'too_large' }));
    }
    const text = decodeText(bytes, complete);
    if (text === null) {
      return new AnalysedText(opaqueText({ text: null, cause: 'encoding', unknown: 'undecodable' }));
    }
    const key = `${complete ? 'c' : 'p'}${this.#keyOf(options.trustedFunctions)}${text}`;
    const cached = this.#texts.find(key);
    if (cached !== null) {
      return cached;
    }
    const wanted: AnalyseOptions = { complete, trusted: options.trustedFunctions };
    if (!complete || bytes.length <= MAX_INLINE_ANALYSIS_BYTES) {
      return this.#keep(key, analyseText(text, wanted));
    }
    const head = INSERT.test(text) ? analyseText(text, { ...wanted, maxTokens: MAX_INSERT_TOKENS }) : null;
    if (head !== null && head.tree !== null) {
      return this.#keep(key, head);
    }
    return this.#thread
      .analyse(text, { complete, trusted: new Set(options.trustedFunctions) })
      .then((outline) =>
        outline === null
          ? new AnalysedText(opaqueText({ text, cause: 'too_large', unknown: 'too_large' }))
          : this.#keep(key, outline),
      );
  }

  #keep(key: string, outline: TextOutline): AnalysedText {
    const analysed = new AnalysedText(outline);
    this.#texts.put(key, analysed, key.length * 2);
    return analysed;
  }

  bind(text: ClickHouseText, context: ClickHouseContext, options: ClickHouseOptions): ClickHouseJudgeable {
    const analysed =
      text instanceof AnalysedText
        ? text
        : new AnalysedText(opaqueText({ text: text.text, cause: 'unparseable', unknown: 'unparseable' }));
    const key = contextKey(context, options);
    const known = analysed.bindings.find(key);
    if (known !== null) {
      return known;
    }
    const made = createJudgeable(analysed, context, options);
    analysed.bindings.put(key, made);
    return made;
  }

  compareAst(text: ClickHouseText, explained: string): string | null {
    const tree = text instanceof AnalysedText ? text.outline.tree : null;
    return tree === null ? 'the gateway could not read the text' : compareTrees(tree, explained);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #keyOf(trusted: ReadonlySet<string>): string {
    let key = this.#trusted.get(trusted);
    if (key === undefined) {
      key = `${JSON.stringify([...trusted].toSorted())}\n`;
      this.#trusted.set(trusted, key);
    }
    return key;
  }
}

const INSERT = /^[\s;]*insert\b/i;

/**
 * The text, or null when it is not UTF-8. The data of an INSERT may be anything, and a text that goes on may be cut within a character:
 * what stands before it decides.
 */
function decodeText(bytes: Buffer, complete: boolean): string | null {
  if (isUtf8(bytes)) {
    return bytes.toString('utf8');
  }
  const text = bytes.toString('latin1');
  if (!INSERT.test(text)) {
    return complete ? null : decodeCut(bytes);
  }
  const format = /^[^'"`$]*?\bformat\s+[A-Za-z]\w*\s*?(?:\n|[ \t])/i.exec(text);
  return format !== null && isAscii(Buffer.from(format[0], 'latin1')) ? text : complete ? null : decodeCut(bytes);
}

/** Without the last character, which may not be whole. */
function decodeCut(bytes: Buffer): string | null {
  for (let cut = 1; cut < 4 && cut < bytes.length; cut += 1) {
    const rest = bytes.subarray(0, bytes.length - cut);
    if (isUtf8(rest)) {
      return rest.toString('utf8');
    }
  }
  return null;
}

/** Everything that the units of a text hang on beside the text. */
function contextKey(context: ClickHouseContext, options: ClickHouseOptions): string {
  return JSON.stringify([stateKey(context, options), [...context.parameters].toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}

/** The same without values that facts of class `shape` do not show. */
function stateKey(context: ClickHouseContext, options: ClickHouseOptions): string {
  return JSON.stringify([
    [context.database, context.user, context.role, context.interface, options.readOnly],
    [...context.settings],
    [...context.sessionSettings],
    context.externalTables,
    context.temporaryTables,
  ]);
}

function createJudgeable(
  text: AnalysedText,
  context: ClickHouseContext,
  options: ClickHouseOptions,
): ClickHouseJudgeable {
  const outline = bindOutline(text.outline.unit, context);
  const refused = text.outline.refused ?? refusedSetting(context) ?? refusalOf(outline, options.readOnly);
  const units = unitsOf(outline, text, context);
  const shape = text.outline.unit.clickhouse?.relationParameters.length ?? 0;
  const memoKey = shape > 0 ? contextKey(context, options) : stateKey(context, options);
  const memo = text.memos.find(memoKey) ?? {};
  text.memos.put(memoKey, memo);
  return { source: text, units, risk: highestRisk(units), summary: summaryOf(text.text), refused, memo };
}

function unitsOf(outline: UnitOutline, text: AnalysedText, context: ClickHouseContext): readonly Unit[] {
  const dialect: FactDialect = { nameForms: (name) => nameForms(name, context.database), fingerprint };
  return createUnits(outline, {
    state: stateOf(context),
    transaction: 'idle',
    statements: text.statements,
    parameters: null,
    dialect,
    extra: extraFacts(context),
  });
}

/** A digest of the text without its literals. */
function fingerprint(text: string): string | null {
  const shape = text.replace(/'(?:[^'\\]|\\.|'')*'|\b\d+(?:\.\d+)?\b/gs, '?').replace(/\s+/g, ' ');
  return createHash('sha256').update(shape).digest('hex').slice(0, 16);
}

function extraFacts(context: ClickHouseContext): ReadonlyMap<string, FactValue> {
  return new Map<string, FactValue>([
    ['sql.interface', context.interface],
    ['sql.external_tables', context.externalTables],
    ['sql.query_params', context.parameters],
  ]);
}

function stateOf(context: ClickHouseContext): SqlState {
  return {
    database: context.database,
    user: context.user,
    role: context.role,
    resetRole: null,
    searchPath: [],
    schemas: null,
    gatewaySetRole: false,
    readable: true,
    serverMajor: 0,
    shadowedFunctions: null,
  };
}

/** A setting that decides how the text is read, and that is not as our grammar takes it. */
function refusedSetting(context: ClickHouseContext): string | null {
  for (const [name, value] of context.settings) {
    const { refused } = judgeSetting(name, value);
    if (refused !== null) {
      return refused;
    }
  }
  return null;
}

/** The outline as this query's context changes it. */
function bindOutline(outline: UnitOutline, context: ClickHouseContext): UnitOutline {
  const unread = [...context.sessionSettings, ...context.settings].find(([name, value]) => changesReading(name, value));
  if (unread !== undefined) {
    return unreadable(outline);
  }
  const bound = bindUnit(outline, context);
  for (const [name, value] of context.settings) {
    const { tier, cause, reason } = judgeSetting(name, value);
    if (!bound.settings.has(name)) {
      bound.settings.set(name, value);
    }
    if (tier !== 'safe') {
      bound.notes.push({ tier, cause, reason });
    }
  }
  if (bound.verb !== 'set') {
    for (const hidden of hiddenUnder([...context.sessionSettings, ...settingsOf(bound)])) {
      hide(bound, hidden);
    }
  }
  return bound;
}

/** Settings of the unit and of those in it. */
function settingsOf(unit: UnitOutline): readonly (readonly [string, string])[] {
  return [...unit.settings, ...unit.nested.flatMap(settingsOf)];
}

function hiddenUnder(settings: readonly (readonly [string, string])[]): ReadonlySet<'names' | 'all'> {
  return new Set(settings.map(([name, value]) => hides(name, value)).filter((hidden) => hidden !== null));
}

/** Takes from the unit, and from those in it, what nobody can tell under a setting. */
function hide(unit: UnitOutline, what: 'names' | 'all'): void {
  unit.relationsKnown = false;
  if (what === 'all') {
    unit.hidden = true;
    markOpaque(unit, 'dynamic_sql');
  }
  for (const nested of unit.nested) {
    hide(nested, what);
  }
}

function unreadable(outline: UnitOutline): UnitOutline {
  const fresh = { ...copyOf(outline), blank: { cause: 'unparseable', standin: false } as const, nested: [] };
  markOpaque(fresh, 'session_state');
  fresh.notes.push({ tier: 'destructive', cause: 'opaque', reason: OPAQUE_REASONS.session_state });
  return fresh;
}

function bindUnit(outline: UnitOutline, context: ClickHouseContext): UnitOutline {
  const copy = copyOf(outline);
  copy.nested = outline.nested.map((nested) => bindUnit(nested, context));
  for (const relation of outline.clickhouse?.relationParameters ?? []) {
    bindRelation(copy, relation, context.parameters);
  }
  const own = new Set([...context.externalTables, ...context.temporaryTables]);
  for (const [key, relation] of copy.relations) {
    // Only reading looks there first for sure; what is written is listed under all its names.
    if (relation.schema === null && !relation.write && own.has(relation.name)) {
      copy.relations.set(key, { ...relation, temporary: true });
    }
  }
  copy.predicates = outline.predicates.map((predicate) => bindPredicate(predicate, context.parameters));
  return copy;
}

function bindRelation(unit: UnitOutline, relation: RelationParameter, values: ReadonlyMap<string, string>): void {
  const read = ({ kind, text }: RelationParameter['name']): string | null =>
    kind === 'written' ? text : (values.get(text) ?? null);
  const database = relation.database === null ? null : read(relation.database);
  const name = read(relation.name);
  if (name === null || (relation.database !== null && database === null)) {
    unit.relationsKnown = false;
    return;
  }
  const use = { read: relation.read, write: relation.write };
  addRelation(unit, { database: null, schema: database, name }, use);
  // A value `db.t` is one name to some servers and two to others.
  const dot = name.indexOf('.');
  if (database === null && dot > 0) {
    addRelation(unit, { database: null, schema: name.slice(0, dot), name: name.slice(dot + 1) }, use);
  }
}

/** A comparison with `{name:Type}` is one with the value that the query brings. */
function bindPredicate(predicate: Predicate, values: ReadonlyMap<string, string>): Predicate {
  if (predicate.kind !== 'param' || predicate.param !== 0) {
    return predicate;
  }
  const value = values.get(predicate.value);
  return value === undefined
    ? { ...predicate, value: '' }
    : { ...predicate, kind: 'literal', value, numeric: /^-?\d+(\.\d+)?$/.test(value), temporal: true };
}
