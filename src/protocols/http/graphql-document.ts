// A GraphQL document read by the reference parser, and what of it will run: the operation, its fields, its paths. Bounded before
// and while it is parsed, since a short text can ask for a deep recursion or an endless expansion.
import { Kind, Lexer, Source, TokenKind, parse } from 'graphql';
import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode } from 'graphql';
import type { UnknownCause } from '../../rules/action.ts';

const MAX_TEXT_CHARS = 1024 * 1024;
const MAX_TOKENS = 50_000;
/** Nested selections; brackets of arguments may be as deep again. */
const MAX_DEPTH = 32;
const MAX_BRACKETS = 2 * MAX_DEPTH;
/** Fields visited while fragments are expanded, and levels that a path shows. */
const MAX_VISITED = 20_000;
const MAX_PATH_LEVELS = 8;

/** The operation that will run. */
export interface GraphqlOperation {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly name: string;
  /** Operations in the document. */
  readonly operations: number;
  /** Top-level fields in order, aliases removed, fragments expanded, without repeats. */
  readonly fields: readonly string[];
  /** Every selected field as dotted path. */
  readonly paths: readonly string[];
  /** Names of all selected fields, at any depth. */
  readonly names: ReadonlySet<string>;
}

export type GraphqlResult =
  | { readonly kind: 'operation'; readonly operation: GraphqlOperation }
  | {
      readonly kind: 'unknown';
      readonly cause: UnknownCause;
      /** It is no GraphQL by its grammar, and has no word that begins a mutation: likely another language's text (PromQL, LogQL). */
      readonly foreign: boolean;
    };

/** What runs of a document; `operationName` is null when the client named none. */
export function readDocument(text: string, operationName: string | null): GraphqlResult {
  if (text.length > MAX_TEXT_CHARS) {
    return unknown('too_large');
  }
  const document = parseDocument(text);
  if (typeof document === 'string') {
    return { kind: 'unknown', cause: 'unparseable', foreign: document === 'syntax' && !BEGINS.test(text) };
  }
  const operations: OperationDefinitionNode[] = [];
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      operations.push(definition);
    } else if (definition.kind === Kind.FRAGMENT_DEFINITION && !fragments.has(definition.name.value)) {
      fragments.set(definition.name.value, definition);
    } else {
      // A type definition, which does not run, or a second fragment of that name.
      return unknown('unparseable');
    }
  }
  const chosen = chooseOperation(operations, operationName);
  return chosen === null ? unknown('ambiguous') : describe(chosen, operations.length, fragments);
}

function unknown(cause: UnknownCause): GraphqlResult {
  return { kind: 'unknown', cause, foreign: false };
}

const BEGINS = /mutation|subscription|fragment/i;

/** `bounds`: too deep or too long to be parsed. */
function parseDocument(text: string): DocumentNode | 'syntax' | 'bounds' {
  try {
    return isShallow(text) ? parse(text, { noLocation: true, maxTokens: MAX_TOKENS }) : 'bounds';
  } catch {
    return 'syntax';
  }
}

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

/** Whether brackets are nested no deeper than the parser should recurse. Throws where the lexer does. */
function isShallow(text: string): boolean {
  const lexer = new Lexer(new Source(text));
  let depth = 0;
  for (let count = 0; count <= MAX_TOKENS; count += 1) {
    const { kind } = lexer.advance();
    if (kind === TokenKind.EOF) {
      return true;
    }
    depth += OPENING.has(kind) ? 1 : CLOSING.has(kind) ? -1 : 0;
    if (depth > MAX_BRACKETS) {
      return false;
    }
  }
  return false;
}

/** Null: servers would choose differently, or none would run any. */
function chooseOperation(
  operations: readonly OperationDefinitionNode[],
  operationName: string | null,
): OperationDefinitionNode | null {
  const names = operations.map(({ name }) => name?.value ?? '');
  if (new Set(names).size !== names.length) {
    return null;
  }
  // Some servers take "" for no name.
  if (operationName === null || operationName === '') {
    return operations.length === 1 ? (operations[0] ?? null) : null;
  }
  return operations[names.indexOf(operationName)] ?? null;
}

function describe(
  operation: OperationDefinitionNode,
  operations: number,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): GraphqlResult {
  const walk = new Walk(fragments);
  walk.enter(operation.selectionSet, []);
  if (walk.failed !== null) {
    return unknown(walk.failed);
  }
  return {
    kind: 'operation',
    operation: {
      type: operation.operation,
      name: operation.name?.value ?? '',
      operations,
      fields: [...walk.fields],
      paths: [...walk.paths],
      names: walk.names,
    },
  };
}

/** Visits every selected field, fragments expanded. @skip and @include are not looked at: their fields count. */
class Walk {
  readonly fields = new Set<string>();
  readonly paths = new Set<string>();
  readonly names = new Set<string>();
  failed: UnknownCause | null = null;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Fragments that are being expanded, so that one that holds itself is noticed. */
  readonly #open = new Set<string>();
  #visited = 0;

  constructor(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
    this.#fragments = fragments;
  }

  enter(set: SelectionSetNode, above: readonly string[]): void {
    for (const selection of set.selections) {
      this.#visited += 1;
      if (this.#visited > MAX_VISITED || above.length >= MAX_DEPTH) {
        this.failed = 'too_large';
      }
      if (this.failed !== null) {
        return;
      }
      switch (selection.kind) {
        case Kind.FIELD:
          this.#field(selection.name.value, selection.selectionSet, above);
          break;
        case Kind.INLINE_FRAGMENT:
          this.enter(selection.selectionSet, above);
          break;
        case Kind.FRAGMENT_SPREAD:
          this.#spread(selection.name.value, above);
          break;
      }
    }
  }

  #field(name: string, set: SelectionSetNode | undefined, above: readonly string[]): void {
    const path = [...above, name];
    this.names.add(name);
    if (above.length === 0) {
      this.fields.add(name);
    }
    this.paths.add(path.length <= MAX_PATH_LEVELS ? path.join('.') : `${path.slice(0, MAX_PATH_LEVELS).join('.')}.…`);
    if (set !== undefined) {
      this.enter(set, path);
    }
  }

  #spread(name: string, above: readonly string[]): void {
    const fragment = this.#fragments.get(name);
    if (fragment === undefined || this.#open.has(name)) {
      this.failed = 'unparseable';
      return;
    }
    this.#open.add(name);
    this.enter(fragment.selectionSet, above);
    this.#open.delete(name);
  }
}
