// Table functions: what they reach, and which tables of this server their arguments name.
import { markOpaque } from '../../sql/outline.ts';
import { judgeTableFunction } from './functions.ts';
import type { Node } from './nodes.ts';
import type { Scope, Walk } from './walk.ts';

export function walkTableFunction(walk: Walk, call: Node, scope: Scope | null): void {
  const { name } = call;
  const lower = name.toLowerCase();
  walk.seen.functions.add(name);
  walk.seen.calls.add(name);
  walk.unit.functions.add(lower);
  walk.clickhouse.tableFunctions.add(name);
  if (lower !== name) {
    walk.clickhouse.tableFunctions.add(lower);
  }
  const judged = judgeTableFunction(name, walk.trusted);
  walk.applyCall(name, judged);
  const read = READERS[lower];
  if (read !== undefined) {
    read(walk, call, scope);
    walk.expressions(call.more, scope);
    return;
  }
  if (judged.class === 'unknown' || walk.trusted.has(lower)) {
    // A view with parameters is called like this.
    walk.relation(call.parts, { read: true }, null);
  }
  if (evaluatesText(walk, call)) {
    walk.unit.hidden = true;
    markOpaque(walk.unit, 'unparseable');
    walk.note('destructive', 'opaque', `calls ${name} with a text in which the server may find expressions`);
  }
  plain(walk, call, scope);
}

/** Where a table function takes the list of its columns. */
const STRUCTURE_AT: Readonly<Record<string, number>> = { format: 1, values: 0, input: 0, generaterandom: 0, null: 0 };

/** Rows of the format Values are expressions, and a list of columns may give them: `s String DEFAULT joinGet(…)`. */
function evaluatesText(walk: Walk, { name, args }: Node): boolean {
  const lower = name.toLowerCase();
  const at = STRUCTURE_AT[lower];
  if (at === undefined) {
    return false;
  }
  if (lower === 'format' && !/^(?!values$)\w+$/i.test(nameOf(walk, args[0])?.join('.') ?? '')) {
    return true;
  }
  const structure = lower === 'format' && args.length < 3 ? undefined : args[at];
  if (structure?.kind === 'literal' && structure.name !== 'string') {
    return false;
  }
  if (structure?.kind === 'literal') {
    const text = walk.literal(structure);
    return text === null || /\b(?:default|materialized|alias|ephemeral)\b/i.test(text);
  }
  // Of values the first may be a row already.
  return (
    structure !== undefined &&
    (lower !== 'values' || (args.length > 1 && !(structure.kind === 'operator' && structure.name === 'tuple')))
  );
}

type Reader = (walk: Walk, call: Node, scope: Scope | null) => void;

/** Arguments are constants, which may hold queries and calls; names in them are words, not columns. */
function plain(walk: Walk, call: Node, scope: Scope | null): void {
  for (const argument of [...call.args, ...call.more]) {
    value(walk, argument, scope);
  }
}

function value(walk: Walk, argument: Node, scope: Scope | null): void {
  if (argument.kind === 'name') {
    return;
  }
  if (argument.kind === 'operator' && argument.name === 'equals') {
    // key = value of a named collection.
    walk.seen.functions.add('equals');
    argument.args.forEach((side) => value(walk, side, scope));
    return;
  }
  walk.expression(argument, scope);
}

const READERS: Readonly<Record<string, Reader>> = {
  merge,
  dictionary: (walk, call) => walk.dictionary(call.args[0]),
  view,
  viewifpermitted: view,
  loop: (walk, call, scope) => table(walk, call.args, scope),
  cluster: onCluster,
  clusterallreplicas: onCluster,
  remote: onCluster,
  remotesecure: onCluster,
  mergetreeindex: (walk, call, scope) => pair(walk, call, scope),
  mergetreeparts: (walk, call, scope) => pair(walk, call, scope),
  mergetreeprojection: (walk, call, scope) => pair(walk, call, scope),
  mergetreetextindex: (walk, call, scope) => pair(walk, call, scope),
  mergetreeanalyzeindex: (walk, call, scope) => pair(walk, call, scope),
  mergetreeanalyzeindexes: (walk, call, scope) => pair(walk, call, scope),
  mergetreeanalyzeindexesuuid: (walk, call, scope) => unnamed(walk, call, scope),
  mergetreecodecblockcounts: (walk, call, scope) => pair(walk, call, scope),
  timeseriesdata: (walk, call, scope) => table(walk, call.args, scope),
  timeseriestags: (walk, call, scope) => table(walk, call.args, scope),
  timeseriesmetrics: (walk, call, scope) => table(walk, call.args, scope),
  timeseriesmetricfamilies: (walk, call, scope) => table(walk, call.args, scope),
  timeseriessamples: (walk, call, scope) => table(walk, call.args, scope),
  timeseriesselector: (walk, call, scope) => table(walk, call.args, scope),
  prometheusquery: (walk, call, scope) => table(walk, call.args, scope),
  prometheusqueryrange: (walk, call, scope) => table(walk, call.args, scope),
  vectorsearch: (walk, call, scope) => pair(walk, call, scope),
};

/** The query of a view sees no names of the query around it. */
function view(walk: Walk, call: Node): void {
  const [first, ...rest] = call.args;
  if (first?.kind !== 'query' || first.query === null) {
    markOpaque(walk.unit, 'unknown_statement');
    return;
  }
  const { query } = first;
  walk.nestQuery('view', query);
  for (const argument of rest) {
    if (argument.kind === 'call') {
      walkTableFunction(walk, argument, null);
    } else {
      walk.expression(argument, null);
    }
  }
}

function unnamed(walk: Walk, call: Node, scope: Scope | null): void {
  walk.unit.relationsKnown = false;
  plain(walk, call, scope);
}

/** A word or a text that names something, or null where only running it tells. */
function nameOf(walk: Walk, argument: Node | undefined): readonly string[] | null {
  if (argument?.kind === 'name' && argument.parts.every(({ parameter }) => !parameter)) {
    return argument.parts.map(({ text }) => text);
  }
  const text = walk.literal(argument);
  return text === null ? null : [text];
}

/** `db.t`, `db, t`, `t`, or another table function. */
function table(walk: Walk, args: readonly Node[], scope: Scope | null): void {
  const [first, second] = args;
  if (first?.kind === 'call') {
    if (first.name.toLowerCase() === 'currentdatabase' && second !== undefined) {
      walk.expression(first, scope);
      const name = nameOf(walk, second);
      if (name === null) {
        walk.unit.relationsKnown = false;
      } else {
        walk.named(null, name.join('.'), { read: true });
      }
    } else {
      walkTableFunction(walk, first, scope);
    }
    args.slice(1).forEach((argument) => value(walk, argument, scope));
    return;
  }
  const names = nameOf(walk, first);
  if (names === null) {
    walk.unit.relationsKnown = false;
    args.forEach((argument) => value(walk, argument, scope));
    return;
  }
  const [database = '', ...rest] = names;
  if (rest.length > 0) {
    walk.named(database, rest.join('.'), { read: true });
  } else {
    walk.dotted(database);
    // The second argument is the table, or something else (a user, a time).
    const other = nameOf(walk, second);
    if (other !== null) {
      walk.named(database, other.join('.'), { read: true });
    } else if (second !== undefined && second.kind !== 'literal') {
      walk.unit.relationsKnown = false;
    }
  }
  args.slice(1).forEach((argument) => value(walk, argument, scope));
}

function pair(walk: Walk, call: Node, scope: Scope | null): void {
  table(walk, call.args, scope);
}

/** cluster('c', …), remote('hosts', …): what follows the first argument names a table there, which may be here. */
function onCluster(walk: Walk, call: Node, scope: Scope | null): void {
  const [first, ...rest] = call.args;
  if (first !== undefined) {
    value(walk, first, scope);
  }
  const local = call.name.toLowerCase().startsWith('cluster');
  if (local && nameOf(walk, first) === null) {
    walk.note('destructive', 'network', `calls ${call.name} on a cluster that is not in the text`);
    walk.unit.effects.add('network');
  }
  if (rest.length > 0) {
    table(walk, rest, scope);
  } else if (!local) {
    walk.unit.relationsKnown = false;
  }
}

/** merge(['db'], 'regexp'): the tables are those that match, unless only one can. */
function merge(walk: Walk, call: Node, scope: Scope | null): void {
  const [first, second] = call.args;
  const database = second === undefined ? null : (nameOf(walk, first)?.join('.') ?? null);
  const pattern = walk.literal(second ?? first);
  const exact = pattern === null ? null : /^\^([A-Za-z0-9_]+)\$$/.exec(pattern);
  if (exact?.[1] !== undefined && (second === undefined || database !== null)) {
    walk.named(database, exact[1], { read: true });
    return;
  }
  walk.unit.relationsKnown = false;
  plain(walk, call, scope);
}
