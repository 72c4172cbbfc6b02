// Our reading of a statement against the server's own (EXPLAIN AST): what it is, which tables it names, what it calls.
import { judgeFunction } from './functions.ts';
import type { TreeSummary } from './outline.ts';

interface ServerTree {
  readonly root: string;
  readonly tables: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
  /** Every name in the tree, wherever it stands. */
  readonly names: ReadonlySet<string>;
}

/** Reads the answer to EXPLAIN AST: one node a line, one space of indentation a level. Null for what is no such answer. */
function readServerTree(explained: string): ServerTree | null {
  const lines = explained.split('\n').filter((line) => line.trim() !== '');
  const [first] = lines;
  if (first === undefined || /^\s/.test(first)) {
    return null;
  }
  const tables = new Set<string>();
  const functions = new Set<string>();
  const names = new Set<string>();
  for (const line of lines) {
    const node = /^ *(\w+)(?: +(.*?))?(?: \(alias .*?\))?(?: \(children \d+\))?$/s.exec(line);
    const [, kind = '', name = ''] = node ?? [];
    if (kind === 'TableIdentifier') {
      tables.add(name);
    } else if (kind === 'Function') {
      functions.add(name);
    }
    if (name !== '') {
      names.add(name);
      for (const word of name.split(/[ .]+/)) {
        names.add(word);
      }
    }
  }
  return { root: first, tables, functions, names };
}

/** What the server's parser puts in for its own syntax; all of it is harmless, so that it need not be matched with the text. */
const NO_NAMES = new Set<string>();

/** What (VALUES …) becomes. */
const STANDARD_VALUES = 'SQLStandardValues';

/** Forms whose node has another name than the text. */
const RENAMED =
  /^(extract|trim|ltrim|rtrim|substring|substr|mid|position|locate|overlay|date_?(add|sub|diff|_?trunc)|timestamp_?(add|sub|diff)|cast|try_cast|interval|columns|exists|any|all|ascii)$/i;

/** Null when both readings agree, else what differs. */
export function compareTrees(ours: TreeSummary, explained: string): string | null {
  const server = readServerTree(explained);
  if (server === null) {
    return 'the server gave no tree';
  }
  if (!ours.roots.some((root) => server.root.startsWith(root))) {
    return `the server reads a ${server.root.split(' ')[0] ?? ''}`;
  }
  const tables = new Set(ours.tables);
  for (const table of server.tables) {
    if (!tables.has(table)) {
      return `the server sees a table ${table}`;
    }
  }
  const functions = new Set([...ours.functions, ...ours.skipped].flatMap((name) => [name, name.toLowerCase()]));
  for (const name of server.functions) {
    const known = spellings(name).some((spelling) => functions.has(spelling));
    if (!known && name !== STANDARD_VALUES && judgeFunction(name, NO_NAMES).class !== 'safe') {
      return `the server sees a call of ${name}`;
    }
  }
  return missingHere(ours, server);
}

/** The name, and what the text has when the parser put DISTINCT or FILTER into it. */
function spellings(name: string): readonly string[] {
  const plain = name.replace(/If$/, '').replace(/Distinct$/, '');
  return [name, name.toLowerCase(), plain, plain.toLowerCase()];
}

/** Tables and calls that we see and the server does not: then we read another statement. */
function missingHere(ours: TreeSummary, server: ServerTree): string | null {
  for (const table of ours.sources) {
    if (!server.names.has(table) && !table.split('.').every((part) => server.names.has(part))) {
      return `the server does not see the table ${table}`;
    }
  }
  const called = new Set([...server.functions].map((name) => name.toLowerCase()));
  for (const name of ours.calls) {
    const lower = name.toLowerCase();
    // The server renames aggregate functions with DISTINCT or FILTER.
    const names = [lower, `${lower}distinct`, `${lower}if`, `${lower}distinctif`];
    if (!names.some((other) => called.has(other)) && !RENAMED.test(name)) {
      return `the server does not see the call of ${name}`;
    }
  }
  return null;
}
