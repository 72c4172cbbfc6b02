// From the syntax tree to a unit's facts. Names of common table expressions hide tables only where every server resolves them so: behind
// their definition, unqualified, in the query that defines them.
import {
  addRelation,
  markOpaque,
  mergeNested,
  type NamePart,
  type Predicate,
  type UnitContext,
  type UnitOutline,
} from '../../sql/outline.ts';
import type { Risk } from '../../../rules/action.ts';
import { decodedOf, readPredicates, type PredicateScope } from './conditions.ts';
import {
  aggregateBase,
  isDangerous,
  isHigherOrder,
  isTableFunction,
  judgeFunction,
  remoteCall,
  type Call,
} from './functions.ts';
import type { Node, Part, Query, SettingNode } from './nodes.ts';
import { createUnitOutline } from './outline.ts';
import { walkSelect } from './queries.ts';
import { decidesReading, judgeSetting } from './settings.ts';
import { walkTableFunction } from './table-functions.ts';

/** Names that a query defines before the place at hand. */
export interface Scope {
  readonly parent: Scope | null;
  readonly names: Set<string>;
  /** Names given to expressions of the same query: `x IN name` means them. */
  readonly aliases: Set<string>;
}

export interface Use {
  readonly read?: boolean;
  readonly write?: boolean;
}

/** Names of functions in the tree that the server makes for us to compare with, and tables as written. */
export interface Seen {
  readonly functions: Set<string>;
  calls: Set<string>;
  sources: Set<string>;
  readonly tables: Set<string>;
}

export class Walk {
  readonly text: string;
  readonly trusted: ReadonlySet<string>;
  readonly seen: Seen;
  readonly settings: Map<string, string>;
  /** Names given to expressions so far: to the server they come before columns of that name. */
  readonly aliases: Set<string> = new Set();
  unit: UnitOutline;
  refused: string | null = null;

  constructor(text: string, trusted: ReadonlySet<string>, context: UnitContext = 'top') {
    this.text = text;
    this.trusted = trusted;
    this.unit = createUnitOutline(context);
    this.seen = { functions: new Set(), calls: new Set(), sources: new Set(), tables: new Set() };
    this.settings = new Map();
  }

  get clickhouse(): NonNullable<UnitOutline['clickhouse']> {
    const { clickhouse } = this.unit;
    if (clickhouse === null) {
      throw new Error('a unit of another dialect');
    }
    return clickhouse;
  }

  note(tier: Risk, cause: string, reason: string): void {
    this.unit.notes.push({ tier, cause, reason });
  }

  /** Reads what is nested in a unit of its own, and lets the outer facts include it. */
  nest(context: UnitContext, range: readonly [number, number], walk: () => void): UnitOutline {
    const outer = this.unit;
    this.unit = createUnitOutline(context);
    this.unit.text = this.text.slice(range[0], range[1]);
    this.unit.range = range;
    walk();
    const inner = this.unit;
    this.unit = outer;
    outer.nested.push(inner);
    return inner;
  }

  /** A query as a unit of its own. `stored`: it does not run now. */
  nestQuery(context: UnitContext, query: Query, scope: Scope | null = null): UnitOutline {
    const inner = this.nest(context, [query.start, query.end], () => {
      this.unit.verb = 'select';
      this.unit.verbs.add('select');
      this.unit.effects.add('read');
      this.query(query, scope, true);
    });
    mergeNested(this.unit, inner);
    return inner;
  }

  /** A relation as written. Unqualified names of the scope are not relations. */
  relation(parts: readonly Part[], use: Use, scope: Scope | null): void {
    const [first, second, ...rest] = parts;
    if (first === undefined) {
      return;
    }
    this.seen.tables.add(parts.map(({ text }) => text).join('.'));
    if (second === undefined && !first.parameter && scope !== null && defines(scope, first.text)) {
      return;
    }
    if (parts.some(({ parameter }) => parameter)) {
      const [database, name] = second === undefined ? [null, first] : [first, parts.at(-1) ?? second];
      this.clickhouse.relationParameters.push({
        database: database === null ? null : namePart(database),
        name: namePart(name),
        read: use.read === true,
        write: use.write === true,
      });
      return;
    }
    if (second === undefined) {
      addRelation(this.unit, { database: null, schema: null, name: first.text }, use);
      return;
    }
    const name = [second, ...rest].map(({ text }) => text).join('.');
    addRelation(this.unit, { database: null, schema: first.text, name }, use);
    const leaf = rest.at(-1);
    if (leaf !== undefined) {
      addRelation(this.unit, { database: null, schema: first.text, name: leaf.text }, use);
    }
  }

  /** A relation named by texts that are arguments. */
  named(database: string | null, name: string, use: Use): void {
    addRelation(this.unit, { database: null, schema: database === '' ? null : database, name }, use);
  }

  applySettings(settings: readonly SettingNode[]): void {
    for (const { name, value, literal } of settings) {
      const judged = judgeSetting(name, value);
      if (literal) {
        this.unit.settings.set(name, value ?? 'default');
        this.settings.set(name, value ?? 'default');
      } else {
        this.unit.settingsKnown = false;
        this.unit.settings.set(name, '?');
      }
      if (judged.tier !== 'safe' && !(literal && value === null)) {
        this.note(judged.tier, judged.cause, judged.reason);
      }
      this.refused ??= literal || !decidesReading(name) ? judged.refused : `the value of ${name} has to be in the text`;
    }
  }

  query(query: Query, scope: Scope | null, outermost: boolean = false): void {
    switch (query.kind) {
      case 'select':
        if (query.select !== null) {
          walkSelect(this, query.select, scope, { outermost, shared: null });
        }
        break;
      case 'set':
        this.set(query, scope);
        break;
      case 'values':
        this.expressions(query.rows, scope);
        break;
      case 'explain':
        if (query.inner !== null) {
          this.query(query.inner, scope);
        }
        break;
    }
  }

  /** Names that the first query of a set operation defines are there in the others. */
  private set(query: Query, scope: Scope | null): void {
    const [first] = query.operands;
    let inner = scope;
    if (first?.kind === 'select' && !first.closed && first.select !== null && first.select.withItems.length > 0) {
      inner = { parent: scope, names: new Set(), aliases: new Set() };
      walkSelect(this, first.select, inner, { outermost: false, shared: inner });
    } else if (first !== undefined) {
      this.query(first, scope);
    }
    for (const operand of query.operands.slice(1)) {
      this.query(operand, inner);
    }
  }

  expressions(nodes: readonly Node[], scope: Scope | null): void {
    for (const node of nodes) {
      this.expression(node, scope);
    }
  }

  expression(node: Node, scope: Scope | null): void {
    if (node.alias !== null) {
      this.aliases.add(node.alias);
    }
    switch (node.kind) {
      case 'literal':
      case 'parameter':
        return;
      case 'name':
        this.column(node.parts);
        return;
      case 'query':
        if (node.query !== null) {
          this.query(node.query, scope);
        }
        return;
      case 'star':
        this.star(node, scope);
        return;
      case 'lambda':
        this.seen.functions.add('lambda');
        this.expressions(node.args, scope);
        return;
      case 'operator':
        this.operator(node, scope);
        return;
      case 'call':
        this.call(node, scope);
        return;
    }
  }

  private column(parts: readonly Part[]): void {
    const names = parts.map(({ text }) => text);
    for (const name of names.length > 1 ? names.slice(1) : names) {
      this.unit.columns.add(name);
    }
    if (names.length > 1) {
      this.unit.columns.add(names.join('.'));
      // A table or its alias, or a column with something inside: which of them is not certain.
      this.unit.columns.add(names[0] ?? '');
    }
    if (parts.some(({ parameter }) => parameter)) {
      this.unit.columns.add('*');
    }
  }

  private star(node: Node, scope: Scope | null): void {
    this.unit.columns.add('*');
    // Functions of APPLY have no node of their own in the server's tree.
    const calls = new Set(this.seen.calls);
    this.expressions(node.args, scope);
    this.seen.calls = calls;
  }

  private operator(node: Node, scope: Scope | null): void {
    for (const name of node.name.split(' ')) {
      this.seen.functions.add(name);
      this.clickhouse.operators.add(name);
    }
    if (IN_OPERATORS.has(node.name)) {
      this.membership(node.args, scope);
      return;
    }
    this.expressions(node.args, scope);
  }

  /** The right side of IN may be a table, or a table function. */
  private membership(args: readonly Node[], scope: Scope | null): void {
    const [left, right, ...rest] = args;
    if (left !== undefined) {
      this.expression(left, scope);
    }
    this.expressions(rest, scope);
    if (right === undefined) {
      return;
    }
    if (right.kind === 'name' && !(right.parts.length === 1 && aliased(scope, right.parts[0]?.text ?? ''))) {
      this.relation(right.parts, { read: true }, scope);
      this.column(right.parts);
    } else if (right.kind === 'call' && isTableFunction(right.name) && !isBoth(right.name)) {
      walkTableFunction(this, right, scope);
    } else {
      this.expression(right, scope);
    }
  }

  private call(node: Node, scope: Scope | null): void {
    const { name } = node;
    const lower = name.toLowerCase();
    this.seen.functions.add(name);
    this.seen.calls.add(name);
    this.unit.functions.add(lower);
    const base = aggregateBase(name);
    if (base !== null) {
      this.unit.functions.add(base.toLowerCase());
    }
    const judged =
      lower === 'hascolumnintable' && node.args.length > 3 ? remoteCall() : judgeFunction(name, this.trusted);
    this.applyCall(name, judged);
    this.expressions(node.more, scope);
    if (IN_FUNCTIONS.has(lower)) {
      this.membership(node.args, scope);
      return;
    }
    this.namedSources(lower, node);
    this.calledByName(name, node.args);
    // count(*) reads no column.
    const counted = base?.toLowerCase() === 'count';
    this.expressions(
      counted ? node.args.filter((arg) => arg.kind !== 'star' || arg.args.length > 0 || arg.name !== '*') : node.args,
      scope,
    );
  }

  /** `arrayMap(file, paths)` calls `file`. */
  private calledByName(name: string, [first, ...rest]: readonly Node[]): void {
    if (first?.kind !== 'name' || rest.length === 0 || !/^(array|map)/i.test(name)) {
      return;
    }
    // `arrayMap(x, y -> x + y, a, b)`: names before the arrow are the lambda's own.
    const lambda = rest.find(({ kind }) => kind !== 'name')?.kind === 'lambda';
    const [part, ...others] = first.parts;
    if (part === undefined || others.length > 0 || lambda) {
      return;
    }
    if (part.parameter) {
      if (isHigherOrder(name)) {
        markOpaque(this.unit, 'unknown_function');
        this.note('destructive', 'function_unknown', 'calls a function whose name is a parameter');
      }
    } else if (isHigherOrder(name) || isDangerous(part.text)) {
      this.unit.functions.add(part.text.toLowerCase());
      this.applyCall(part.text, judgeFunction(part.text, this.trusted));
    }
  }

  applyCall(name: string, judged: Call): void {
    if (judged.class !== 'safe') {
      this.unit.volatileFunctions.add(name.toLowerCase());
      this.unit.functionEffects.add(judged.class);
    }
    for (const effect of judged.effects) {
      this.unit.effects.add(effect);
    }
    if (judged.tier !== 'safe') {
      const cause = judged.class === 'unknown' ? 'function_unknown' : judged.class;
      this.note(judged.tier, cause, `calls ${name}, ${judged.why}`);
    }
    if (judged.opaque !== undefined) {
      markOpaque(this.unit, judged.opaque);
    }
  }

  /** Dictionaries and tables that functions name in their first arguments. */
  private namedSources(lower: string, node: Node): void {
    if (/^dict(get|has|isin)/.test(lower)) {
      this.dictionary(node.args[0]);
    } else if (lower === 'joinget' || lower === 'joingetornull') {
      const path = this.literal(node.args[0]) ?? pathOf(node.args[0]);
      if (path === null) {
        this.unit.relationsKnown = false;
      } else {
        this.dotted(path);
      }
    } else if (lower === 'hascolumnintable' && node.args.length === 3) {
      const [database, table] = node.args.map((arg) => this.literal(arg));
      if (typeof database === 'string' && typeof table === 'string') {
        this.named(database, table, {});
      } else {
        this.unit.relationsKnown = false;
      }
    }
  }

  dictionary(argument: Node | undefined): void {
    const name = this.literal(argument) ?? pathOf(argument);
    if (name === null) {
      this.clickhouse.dictionariesKnown = false;
      this.unit.relationsKnown = false;
      return;
    }
    this.clickhouse.dictionaries.add(name);
    this.dotted(name);
  }

  /** `t` or `db.t` in a text; what is listed of `db.t` is also what a name with a dot is listed as. */
  dotted(path: string): void {
    const dot = path.indexOf('.');
    if (dot > 0) {
      this.named(path.slice(0, dot), path.slice(dot + 1), { read: true });
    } else {
      this.named(null, path, { read: true });
    }
  }

  /** Content of a literal text, or null for anything else. */
  literal(node: Node | undefined): string | null {
    return node !== undefined && node.kind === 'literal' && node.name === 'string' ? decodedOf(this.text, node) : null;
  }

  /** Of conditions that were walked, and all that may give names to expressions before them. */
  predicates(conditions: readonly Node[], scope: Omit<PredicateScope, 'aliases'>): readonly Predicate[] {
    const { list, complete } = readPredicates(conditions, { ...scope, aliases: this.aliases });
    this.unit.predicatesComplete = complete;
    return list;
  }
}

const IN_OPERATORS = new Set(['in', 'notIn', 'globalIn', 'globalNotIn']);
const IN_FUNCTIONS = new Set(
  'in notin globalin globalnotin nullin notnullin globalnullin globalnotnullin inignoreset notinignoreset globalinignoreset globalnotinignoreset'.split(
    ' ',
  ),
);

/** Table functions whose name an ordinary function has too. */
function isBoth(name: string): boolean {
  return /^(file|format|null|values|input|one)$/i.test(name);
}

function namePart({ text, parameter }: Part): NamePart {
  return { kind: parameter ? 'parameter' : 'written', text };
}

function defines(scope: Scope, name: string): boolean {
  return scope.names.has(name) || (scope.parent !== null && defines(scope.parent, name));
}

function aliased(scope: Scope | null, name: string): boolean {
  return scope !== null && scope.aliases.has(name);
}

function pathOf(node: Node | undefined): string | null {
  return node?.kind === 'name' && node.parts.every(({ parameter }) => !parameter)
    ? node.parts.map(({ text }) => text).join('.')
    : null;
}
