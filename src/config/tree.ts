// The only user of tree-sitter: text to a plain tree of nodes. The WASM is loaded once a process.
import { fileURLToPath } from 'node:url';
import { Language, Parser } from 'web-tree-sitter';
import type { TreeCursor } from 'web-tree-sitter';

/** A node of the concrete syntax tree, detached from WASM memory. Comments are left out; so is the inside of strings and names. */
export interface Node {
  readonly type: string;
  /** UTF-16 offsets into the text. */
  readonly start: number;
  readonly end: number;
  readonly children: Node[];
}

/** A level of brackets is at most this many nodes deep in the concrete tree; 64 levels are more than any attribute needs. */
const MAX_NODE_DEPTH = 64 * 6;

/** Nodes whose inside is read from the text itself, or not at all. */
const LEAVES: ReadonlySet<string> = new Set(
  (
    'identifier variable_expr numeric_lit bool_lit null_lit string_lit quoted_template heredoc_template block_start ' +
    'block_end tuple_start tuple_end object_start object_end get_attr index splat function_call for_expr comment = , : ( )'
  ).split(' '),
);

export type TreeResult =
  | { readonly kind: 'tree'; readonly root: Node; readonly hasError: boolean }
  | { readonly kind: 'too-deep'; readonly at: number };

let parserReady: Promise<Parser> | null = null;

async function createParser(): Promise<Parser> {
  await Parser.init();
  const grammar = import.meta.resolve('@tree-sitter-grammars/tree-sitter-hcl/tree-sitter-hcl.wasm');
  const language = await Language.load(fileURLToPath(grammar));
  const parser = new Parser();
  parser.setLanguage(language);
  return parser;
}

/** Parses a text. Syntax errors are nodes of type `ERROR` and tokens without width; no text makes this throw. */
export async function parseTree(text: string): Promise<TreeResult> {
  parserReady ??= createParser();
  const parser = await parserReady;
  const tree = parser.parse(text);
  if (tree === null) {
    return { kind: 'too-deep', at: 0 };
  }
  const cursor = tree.walk();
  try {
    return copyTree(cursor, tree.rootNode.hasError);
  } finally {
    cursor.delete();
    tree.delete();
  }
}

/** Walks with a cursor and a stack, not by recursion: the depth is chosen by whoever wrote the text. */
function copyTree(cursor: TreeCursor, hasError: boolean): TreeResult {
  const root = copyNode(cursor);
  const stack = [root];
  let inside = cursor.gotoFirstChild();
  while (inside) {
    const node = copyNode(cursor);
    if (node.type !== 'comment') {
      stack.at(-1)?.children.push(node);
    }
    if (stack.length > MAX_NODE_DEPTH) {
      return { kind: 'too-deep', at: node.start };
    }
    if (!LEAVES.has(node.type) && cursor.gotoFirstChild()) {
      stack.push(node);
      continue;
    }
    inside = gotoNext(cursor, stack);
  }
  return { kind: 'tree', root, hasError };
}

/** Moves to the next sibling of the node or of its nearest ancestor that has one. */
function gotoNext(cursor: TreeCursor, stack: Node[]): boolean {
  while (!cursor.gotoNextSibling()) {
    if (stack.length <= 1 || !cursor.gotoParent()) {
      return false;
    }
    stack.pop();
  }
  return true;
}

function copyNode(cursor: TreeCursor): Node {
  return { type: cursor.nodeType, start: cursor.startIndex, end: cursor.endIndex, children: [] };
}
