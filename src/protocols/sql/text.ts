// An analysed text, and what it means for one connection. Shared by the dialects.
import type { Unit } from '../../rules/action.ts';
import { Lru } from '../../lib/lru.ts';
import type { Judgeable, ParameterValue, SqlNames, SqlState, SqlStateChange, SqlText } from './analysis.ts';
import { Batch } from './batch.ts';
import { applyState, createUnits, highestRisk, refusalOf, summaryOf, type FindStored } from './bind.ts';
import type { FactDialect } from './facts.ts';
import {
  createOutline,
  flatten,
  type OutlineChange,
  type StatementOutline,
  type TextOutline,
  type UnitOutline,
} from './outline.ts';

export interface TextDialect extends FactDialect {
  /** Schemas of a search_path value, or null when it cannot be read. */
  readonly parsePath: (value: string) => readonly string[] | null;
}
type Transaction = 'idle' | 'open' | 'failed';

export interface BoundText extends SqlText {
  readonly outline: TextOutline;
  bind(state: SqlState, names: SqlNames, transaction: Transaction): Judgeable;
}

export interface TextParts {
  readonly text: string;
  readonly outline: TextOutline;
  readonly dialect: TextDialect;
  readonly readOnly: boolean;
  readonly states: StateKeys;
  /** Of the texts that share this one's shape: one memo per state. */
  readonly memos: Map<StateKey, object>;
}

export function createText(parts: TextParts): AnalysedText {
  return new AnalysedText(parts);
}

/** How many states' bindings a text keeps: connections of one pool mostly share theirs. */
const MAX_BINDINGS = 16;

const NO_NAMES: SqlNames = { prepared: () => undefined, cursor: () => undefined };

/** The state of a connection of which nothing is known: names are unresolved. */
const NO_STATE: SqlState = {
  database: '',
  user: '',
  role: null,
  resetRole: null,
  searchPath: null,
  schemas: null,
  gatewaySetRole: false,
  readable: true,
  serverMajor: 0,
  shadowedFunctions: null,
};

export class AnalysedText implements BoundText {
  readonly text: string;
  readonly outline: TextOutline;
  readonly changes: readonly (readonly SqlStateChange[])[];
  readonly copyIn: readonly boolean[];
  readonly readsState: boolean;
  readonly parameters: number;
  readonly #parts: TextParts;
  readonly #namesMatter: boolean;
  /** By interned state, then transaction. */
  readonly #bindings = new Map<StateKey, Map<Transaction, BoundJudgeable>>();

  constructor(parts: TextParts) {
    this.#parts = parts;
    this.text = parts.text;
    this.outline = parts.outline;
    const { statements } = parts.outline;
    this.changes = statements.map((statement) => statement.changes.map((change) => this.#change(change)));
    this.copyIn = statements.map((statement) => statement.copyIn);
    const units = statements.flatMap((statement) => flatten(statement.unit));
    this.parameters = units.reduce((highest, unit) => Math.max(highest, unit.parameters), 0);
    this.readsState = units.some(readsState);
    this.#namesMatter = units.some(({ lookup }) => lookup !== null);
  }

  get statements(): number {
    return this.outline.statements.length;
  }

  #change(change: OutlineChange): SqlStateChange {
    if (change.kind !== 'prepare' && change.kind !== 'declare') {
      return change;
    }
    const { statement, ...rest } = change;
    const text = new StoredText(statement, this.#parts);
    return { ...rest, statement: text.unbound() };
  }

  bind(state: SqlState, names: SqlNames, transaction: Transaction): Judgeable {
    if (this.#namesMatter) {
      return this.#make(state, names, transaction, null);
    }
    const key = this.#parts.states.of(state);
    let byTransaction = this.#bindings.get(key);
    if (byTransaction === undefined) {
      if (this.#bindings.size >= MAX_BINDINGS) {
        this.#bindings.clear();
      }
      byTransaction = new Map();
      this.#bindings.set(key, byTransaction);
    }
    const known = byTransaction.get(transaction);
    if (known !== undefined) {
      return known;
    }
    const made = this.#make(state, names, transaction, this.#memo(key));
    byTransaction.set(transaction, made);
    return made;
  }

  #memo(key: StateKey): object {
    const { memos } = this.#parts;
    let memo = memos.get(key);
    if (memo === undefined) {
      if (memos.size >= MAX_BINDINGS) {
        memos.clear();
      }
      memo = {};
      memos.set(key, memo);
    }
    return memo;
  }

  /** Bound to no connection: what a stored statement looks like before somebody runs it. */
  unbound(): Judgeable {
    return this.bind(NO_STATE, NO_NAMES, 'idle');
  }

  // oxlint-disable-next-line max-params -- the four things that a binding is a function of
  #make(state: SqlState, names: SqlNames, transaction: Transaction, memo: object | null): BoundJudgeable {
    const { parsePath } = this.#parts.dialect;
    const batch = new Batch({ state, names, transaction, parsePath });
    const find: FindStored = (lookup) => {
      const stored = lookup.kind === 'prepared' ? batch.prepared(lookup.name) : batch.cursor(lookup.name);
      return stored === undefined ? null : storedOutline(stored.source);
    };
    const bound = this.outline.statements.map(({ unit }, index) => {
      const before = batch.state;
      const outline = applyState(unit, before, find);
      batch.apply(this.changes[index] ?? []);
      return { outline, state: before };
    });
    return new BoundJudgeable({ source: this, bound, state, transaction, memo, parts: this.#parts });
  }
}

/**
 * A text that differs from an analysed one in whole numbers only. What hangs on its shape (risk, refusal, memo, state changes) is its
 * template's; its own outline and units are made when somebody asks, which a remembered verdict never does.
 */
export class SharedText implements BoundText {
  readonly text: string;
  readonly #template: AnalysedText;
  readonly #analyse: (text: string) => AnalysedText;
  #own: AnalysedText | null = null;

  constructor(text: string, template: AnalysedText, analyse: (text: string) => AnalysedText) {
    this.text = text;
    this.#template = template;
    this.#analyse = analyse;
  }

  get statements(): number {
    return this.#template.statements;
  }

  get changes(): SqlText['changes'] {
    return this.#template.changes;
  }

  get copyIn(): SqlText['copyIn'] {
    return this.#template.copyIn;
  }

  get readsState(): boolean {
    return this.#template.readsState;
  }

  get parameters(): number {
    return this.#template.parameters;
  }

  get outline(): TextOutline {
    return this.#text().outline;
  }

  bind(state: SqlState, names: SqlNames, transaction: Transaction): Judgeable {
    const base = this.#template.bind(state, names, transaction);
    return new SharedJudgeable(this, base, () => this.#text().bind(state, names, transaction));
  }

  #text(): AnalysedText {
    this.#own ??= this.#analyse(this.text);
    return this.#own;
  }
}

class SharedJudgeable implements Judgeable {
  readonly source: SqlText;
  readonly risk: Judgeable['risk'];
  readonly refused: string | null;
  readonly memo: object | null;
  readonly #bind: () => Judgeable;
  #own: Judgeable | null = null;
  #summary: string | null = null;

  constructor(source: SqlText, base: Judgeable, bind: () => Judgeable) {
    this.source = source;
    this.risk = base.risk;
    this.refused = base.refused;
    this.memo = base.memo;
    this.#bind = bind;
  }

  get units(): readonly Unit[] {
    return this.#judgeable().units;
  }

  get summary(): string {
    this.#summary ??= summaryOf(this.source.text);
    return this.#summary;
  }

  withParameters(values: () => readonly ParameterValue[]): Judgeable {
    return this.source.parameters === 0 ? this : this.#judgeable().withParameters(values);
  }

  #judgeable(): Judgeable {
    this.#own ??= this.#bind();
    return this.#own;
  }
}

/** The one statement of a text that was prepared or declared, or null for anything else. */
function storedOutline(source: SqlText): UnitOutline | null {
  if (!(source instanceof AnalysedText) && !(source instanceof SharedText)) {
    return null;
  }
  const [statement, ...others] = source.outline.statements;
  return others.length > 0 ? null : (statement?.unit ?? createOutline('top'));
}

/** A statement that PREPARE or DECLARE stores. */
class StoredText extends AnalysedText {
  constructor(statement: StatementOutline, parts: TextParts) {
    super({ ...parts, text: statement.unit.text ?? '', outline: { statements: [statement] } });
  }
}

function readsState(unit: UnitOutline): boolean {
  return (
    unit.lookup !== null ||
    unit.resetsRole ||
    [...unit.relations.values(), ...unit.objects.values()].some((name) => name.schema === null)
  );
}

/** Identity of a state's content: equal states share it, so that bindings and remembered verdicts are shared by connections. */
export interface StateKey {
  readonly content: string;
}

const MAX_STATES = 1024;

export class StateKeys {
  readonly #byState = new WeakMap<SqlState, StateKey>();
  readonly #byContent = new Lru<string, StateKey>(MAX_STATES);

  of(state: SqlState): StateKey {
    let key = this.#byState.get(state) ?? null;
    if (key === null) {
      const content = contentOf(state);
      key = this.#byContent.find(content) ?? { content };
      this.#byContent.put(content, key);
      this.#byState.set(state, key);
    }
    return key;
  }
}

function contentOf(state: SqlState): string {
  const { database, user, role, resetRole, searchPath, schemas, shadowedFunctions } = state;
  const { gatewaySetRole, readable, serverMajor } = state;
  return JSON.stringify([
    [database, user, role, resetRole, searchPath, gatewaySetRole, readable, serverMajor],
    schemas === null ? null : [...schemas].toSorted(),
    shadowedFunctions === null ? null : [...shadowedFunctions].toSorted(),
  ]);
}

interface JudgeableParts {
  readonly source: AnalysedText;
  /** Outlines as bound, each with the state in force when its statement begins. */
  readonly bound: readonly { readonly outline: UnitOutline; readonly state: SqlState }[];
  readonly state: SqlState;
  readonly transaction: Transaction;
  readonly memo: object | null;
  readonly parts: TextParts;
}

/** A text bound to a state. Parameters change facts, never risk or refusal: those are computed once and kept by every execution. */
class BoundJudgeable implements Judgeable {
  readonly source: SqlText;
  readonly risk: Judgeable['risk'];
  readonly refused: string | null;
  readonly memo: object | null;
  readonly #parts: JudgeableParts;
  readonly #base: BoundJudgeable | null;
  readonly #values: (() => readonly ParameterValue[]) | null;
  #units: readonly Unit[] | null = null;
  #summary: string | null = null;

  /** `base`: the same text without values; `values`: those of one execution. */
  constructor(
    parts: JudgeableParts,
    base: BoundJudgeable | null = null,
    values: (() => readonly ParameterValue[]) | null = null,
  ) {
    this.#parts = parts;
    this.#base = base;
    this.#values = values;
    this.source = parts.source;
    this.memo = parts.memo;
    this.risk = base === null ? highestRisk(this.units) : base.risk;
    this.refused = base === null ? this.#refusal() : base.refused;
  }

  get units(): readonly Unit[] {
    this.#units ??= this.#createUnits();
    return this.#units;
  }

  get summary(): string {
    this.#summary ??= this.#base?.summary ?? summaryOf(this.source.text);
    return this.#summary;
  }

  withParameters(values: () => readonly ParameterValue[]): Judgeable {
    return this.source.parameters === 0 ? this : new BoundJudgeable(this.#parts, this, values);
  }

  #createUnits(): readonly Unit[] {
    const { source, transaction, parts } = this.#parts;
    const shared = {
      transaction,
      statements: source.statements,
      parameters: this.#values === null ? null : this.#values(),
      dialect: parts.dialect,
    };
    const units: Unit[] = [];
    let bound = { ...shared, state: this.#parts.state };
    for (const { outline, state } of this.#statements()) {
      // Thousands of statements mostly find the state that the first one found.
      bound = state === bound.state ? bound : { ...shared, state };
      units.push(...createUnits(outline, bound));
    }
    return units;
  }

  #refusal(): string | null {
    const { readOnly } = this.#parts.parts;
    return (
      this.#statements()
        .map(({ outline }) => refusalOf(outline, readOnly))
        .find((why) => why !== null) ?? null
    );
  }

  /** A text without a statement is judged too: drivers ping with it. */
  #statements(): JudgeableParts['bound'] {
    const { bound, source, state } = this.#parts;
    return bound.length === 0 ? [{ outline: emptyUnit(source.text), state }] : bound;
  }
}

function emptyUnit(text: string): UnitOutline {
  const unit = createOutline('top');
  unit.verbs.add('other');
  unit.text = text;
  return unit;
}
