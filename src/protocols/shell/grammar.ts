// The other reading of a text: tree-sitter's grammar of bash, loaded once a process. It takes nearly anything and guesses; what it finds
// is compared with what parser.ts found, and only what both see alike is believed.
import { fileURLToPath } from 'node:url';
import { Language, Parser } from 'web-tree-sitter';
import type { TreeCursor } from 'web-tree-sitter';
import type { Script } from './ast.ts';

/** Says whether the grammar reads a text as the parser did. */
export interface Grammar {
  agrees(text: string, script: Script): boolean;
}

let loading: Promise<Grammar> | null = null;

/** The grammar; loaded when first asked for. */
export function loadGrammar(): Promise<Grammar> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Grammar> {
  await Parser.init();
  const path = fileURLToPath(import.meta.resolve('tree-sitter-bash/tree-sitter-bash.wasm'));
  const parser = new Parser();
  parser.setLanguage(await Language.load(path));
  return { agrees: (text, script) => agrees(parser, text, script) };
}

/** Nodes in which words, assignments and commands are looked for. */
const STRUCTURE: ReadonlySet<string> = new Set(
  [
    'program list pipeline command command_name redirected_statement file_redirect heredoc_redirect herestring_redirect',
    'negated_command subshell compound_statement if_statement elif_clause else_clause for_statement while_statement do_group',
    'case_statement case_item function_definition',
  ]
    .join(' ')
    .split(' '),
);

/** Nodes that are a word when a structure holds them; commands are looked for inside. */
const WORDS: ReadonlySet<string> = new Set(
  [
    'word string raw_string ansi_c_string concatenation number simple_expansion expansion command_substitution process_substitution',
    'arithmetic_expansion brace_expression extglob_pattern regex',
  ]
    .join(' ')
    .split(' '),
);

/** Commands of their own kind, whose words are not looked at one by one: the parser's command begins where they do. */
const COMMANDS: ReadonlySet<string> = new Set(['test_command', 'declaration_command', 'unset_command']);

/** Programs whose commands the grammar reads so. */
export const OWN_GRAMMAR: ReadonlySet<string> = new Set(
  '[ [[ declare typeset export readonly local unset unsetenv'.split(' '),
);

/** Nodes without words of their own. */
const LEAVES: ReadonlySet<string> = new Set(
  'comment file_descriptor variable_name special_variable_name heredoc_start heredoc_body heredoc_end string_content'.split(
    ' ',
  ),
);

interface Found {
  readonly words: Set<string>;
  readonly assignments: Set<string>;
  readonly commandStarts: Set<number>;
  readonly documentEnds: Set<number>;
}

function agrees(parser: Parser, text: string, script: Script): boolean {
  const tree = parser.parse(text);
  if (tree === null) {
    return false;
  }
  const cursor = tree.walk();
  try {
    if (tree.rootNode.hasError) {
      return false;
    }
    const found: Found = {
      words: new Set(),
      assignments: new Set(),
      commandStarts: new Set(),
      documentEnds: new Set(),
    };
    return collect(cursor, found) && isSame(script, found);
  } finally {
    cursor.delete();
    tree.delete();
  }
}

/** What surrounds a node decides what it is. */
type Place = 'structure' | 'function' | 'word' | 'command' | 'assignment' | 'leaf';

/** False when there is a node that is not known. Walks with a stack: the depth is chosen by whoever wrote the text. */
function collect(cursor: TreeCursor, found: Found): boolean {
  const places: Place[] = [];
  for (;;) {
    const place = visit(cursor, places.at(-1) ?? 'structure', found);
    if (place === null) {
      return false;
    }
    if (place !== 'leaf' && cursor.gotoFirstChild()) {
      places.push(place);
      continue;
    }
    while (!cursor.gotoNextSibling()) {
      if (!cursor.gotoParent()) {
        return true;
      }
      places.pop();
    }
    if (places.length === 0) {
      return true;
    }
  }
}

function visit(cursor: TreeCursor, around: Place, found: Found): Place | null {
  const type = cursor.nodeType;
  const span = `${cursor.startIndex}-${cursor.endIndex}`;
  if (!cursor.nodeIsNamed) {
    return 'leaf';
  }
  if (type === 'command_substitution' || type === 'process_substitution') {
    if (around === 'structure') {
      found.words.add(span);
    }
    return 'structure';
  }
  if (LEAVES.has(type)) {
    if (type === 'heredoc_end') {
      found.documentEnds.add(cursor.startIndex);
    }
    return 'leaf';
  }
  if (around === 'word' || around === 'command' || around === 'assignment') {
    // Whatever it is, it belongs to the word or command that was counted; commands may be inside.
    return around;
  }
  if (COMMANDS.has(type)) {
    found.commandStarts.add(cursor.startIndex);
    return 'command';
  }
  if (type === 'variable_assignment') {
    found.assignments.add(span);
    return 'assignment';
  }
  if (type === 'variable_assignments') {
    return 'structure';
  }
  if (WORDS.has(type)) {
    if (around === 'structure') {
      found.words.add(span);
    }
    return 'word';
  }
  if (type === 'command_name') {
    found.commandStarts.add(cursor.startIndex);
  }
  return STRUCTURE.has(type) ? 'structure' : null;
}

function isSame(script: Script, found: Found): boolean {
  const ownStarts = script.commandStarts;
  if (ownStarts.length !== found.commandStarts.size || !ownStarts.every((start) => found.commandStarts.has(start))) {
    return false;
  }
  const { documentEnds, assignments } = script;
  if (documentEnds.length !== found.documentEnds.size || !documentEnds.every((at) => found.documentEnds.has(at))) {
    return false;
  }
  return isSameSpans(script.words, found.words) && isSameSpans(assignments, found.assignments);
}

function isSameSpans(
  own: readonly { readonly start: number; readonly end: number }[],
  found: ReadonlySet<string>,
): boolean {
  return own.length === found.size && own.every(({ start, end }) => found.has(`${start}-${end}`));
}
