// SELECT: which names it defines, what it reads, and what restricts its rows.
import type { RowLimit } from '../../sql/outline.ts';
import { isTautology, type PredicateScope } from './conditions.ts';
import type { Node, Query, Select, Source } from './nodes.ts';
import { walkTableFunction } from './table-functions.ts';
import type { Scope, Walk } from './walk.ts';

export interface SelectParts {
  readonly outermost: boolean;
  /** The scope to define names in, where others are to see them too. */
  readonly shared: Scope | null;
}

export function walkSelect(walk: Walk, select: Select, outer: Scope | null, parts: SelectParts): void {
  const scope = parts.shared ?? { parent: outer, names: new Set(), aliases: new Set() };
  const named = select.withItems.flatMap(({ expression }) => expression ?? []);
  defineAliases([...named, ...select.projection], scope);
  walkWithItems(walk, select, scope);
  for (const source of select.sources) {
    walkSource(walk, source, scope);
  }
  walk.expressions(select.projection, scope);
  walk.expressions(select.conditions, scope);
  walk.expressions(select.others, scope);
  if (select.limit !== null) {
    walk.expression(select.limit, scope);
  }
  qualifyColumns(walk, select);
  walk.applySettings(select.settings);
  if (parts.outermost) {
    describeRows(walk, select);
  }
}

/**
 * Names that the query gives to expressions, so that `x IN name` means those. One that is defined by itself or by another such name is left
 * out: where the server looks it up within its own definition, it finds the table.
 */
function defineAliases(nodes: readonly Node[], scope: Scope): void {
  const definitions: Node[] = [];
  collectAliases(nodes, definitions);
  const names = new Set(definitions.map(({ alias }) => alias));
  for (const { alias } of definitions) {
    if (alias !== null) {
      scope.aliases.add(alias);
    }
  }
  for (const definition of definitions) {
    if (definition.alias !== null && mentions(definition, names)) {
      scope.aliases.delete(definition.alias);
    }
  }
}

function collectAliases(nodes: readonly Node[], definitions: Node[]): void {
  for (const node of nodes) {
    if (node.alias !== null) {
      definitions.push(node);
    }
    if (node.kind !== 'lambda') {
      // An alias inside a lambda is the lambda's own.
      collectAliases(node.args, definitions);
    }
  }
}

function mentions(node: Node, names: ReadonlySet<string | null>): boolean {
  const [first] = node.parts;
  return (
    (node.kind === 'name' && first !== undefined && (first.parameter || names.has(first.text))) ||
    node.args.some((arg) => mentions(arg, names)) ||
    node.more.some((part) => mentions(part, names))
  );
}

export function walkWithItems(walk: Walk, select: Pick<Select, 'withItems' | 'recursive'>, scope: Scope): void {
  for (const { name, query, expression } of select.withItems) {
    if (expression !== null) {
      walk.expression(expression, scope);
    } else if (query !== null && name !== null) {
      walkDefinition(walk, query, { name, recursive: select.recursive, scope });
      scope.names.add(name);
    }
  }
}

/** A definition that names itself means the table of that name, but behind the first UNION of a recursive one. */
function walkDefinition(
  walk: Walk,
  query: Query,
  { name, recursive, scope }: { readonly name: string; readonly recursive: boolean; readonly scope: Scope },
): void {
  if (!recursive || query.kind !== 'set') {
    walk.query(query, scope);
    return;
  }
  const [first, ...rest] = query.operands;
  const inner: Scope = { parent: scope, names: new Set([name]), aliases: new Set() };
  if (first !== undefined) {
    walk.query(first, scope);
  }
  for (const operand of rest) {
    walk.query(operand, inner);
  }
}

function walkSource(walk: Walk, source: Source, scope: Scope | null): void {
  if (source.renames === true) {
    // Which of its columns is which name cannot be told from the text.
    walk.unit.columns.add('*');
  }
  switch (source.kind) {
    case 'table':
      walk.relation(source.parts, { read: true }, scope);
      walk.seen.sources.add(source.parts.map(({ text }) => text).join('.'));
      return;
    case 'function':
      if (source.call !== null) {
        walkTableFunction(walk, source.call, scope);
      }
      return;
    case 'query':
      if (source.query !== null) {
        walk.query(source.query, scope);
      }
      return;
    case 'none':
      return;
  }
}

/** With one table in FROM, columns without a prefix are its own. */
function qualifyColumns(walk: Walk, select: Select): void {
  const table = onlyTable(select);
  if (table === null) {
    return;
  }
  const visit = (node: Node): void => {
    if (node.kind === 'name') {
      const [first, second] = node.parts;
      if (first !== undefined && second === undefined) {
        walk.unit.columns.add(`${table.table}.${first.text}`);
      } else if (first !== undefined && second !== undefined && [table.table, table.alias].includes(first.text)) {
        walk.unit.columns.add(`${table.table}.${second.text}`);
      }
    }
    node.args.forEach(visit);
    node.more.forEach(visit);
  };
  [...select.projection, ...select.conditions, ...select.others].forEach(visit);
}

function onlyTable(select: Select): Pick<PredicateScope, 'table' | 'alias'> | null {
  const [source, ...others] = select.sources;
  const leaf = source?.kind === 'table' ? source.parts.at(-1) : undefined;
  if (source === undefined || leaf === undefined || leaf.parameter || others.length > 0) {
    return null;
  }
  return { table: leaf.text, alias: source.alias ?? '' };
}

function describeRows(walk: Walk, select: Select): void {
  const { unit } = walk;
  unit.rowLimit = rowLimit(walk, select);
  if (select.sources.length === 0) {
    return;
  }
  unit.hasWhere =
    select.conditions.length > 0 &&
    select.conditions.some((condition) => !isTautology(condition, walk.text, walk.aliases));
  const table = onlyTable(select) ?? { table: '', alias: '' };
  unit.predicates = [...walk.predicates(select.conditions, { text: walk.text, ...table })];
}

function rowLimit(walk: Walk, { limit, ties }: Select): RowLimit {
  if (limit === null || ties) {
    return { kind: 'none' };
  }
  const text = walk.text.slice(limit.start, limit.end);
  return limit.kind === 'literal' && /^\d{1,18}$/.test(text)
    ? { kind: 'rows', rows: BigInt(text), offset: limit.start }
    : limit.kind === 'literal' && limit.name === 'null'
      ? { kind: 'none' }
      : { kind: 'unknown' };
}
