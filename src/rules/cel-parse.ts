// Condition text to syntax tree. The grammar is @bufbuild/cel's; this file maps its tree (in which macros are already
// expanded) to ours, and refuses what that parser lets through and CEL does not: unknown escapes, integers out of range.
import { parse } from '@bufbuild/cel';
import { messageOf } from '../lib/errors.ts';
import { findSlip } from './cel-hints.ts';
import { Uint } from './cel-tree.ts';
import type { Constant, Expr, Macro } from './cel-tree.ts';

/** Limits of the configuration reference, section 5.4. */
const MAX_SOURCE_BYTES = 16 * 1024;
const MAX_NODES = 5000;
const MAX_FOLD_DEPTH = 3;
/** Not in the reference: what keeps recursion over the tree far from the stack's end. */
const MAX_DEPTH = 200;

export type ParseResult =
  | { readonly kind: 'tree'; readonly expr: Expr }
  | {
      readonly kind: 'failed';
      readonly code: 'cel-syntax' | 'cel-too-big';
      readonly message: string;
      /** What to write instead; empty where the text does not tell. */
      readonly fix: string;
      readonly at: number;
    };

type Parsed = ReturnType<typeof parse>;
type Source = NonNullable<Parsed['expr']>;
type SourceCall = Extract<Source['exprKind'], { case: 'callExpr' }>['value'];
type SourceFold = Extract<Source['exprKind'], { case: 'comprehensionExpr' }>['value'];
type SourceConstant = Extract<Source['exprKind'], { case: 'constExpr' }>['value'];

/** A refusal with its place, thrown and caught inside this file only. */
class Refusal extends Error {
  readonly code: 'cel-syntax' | 'cel-too-big';
  readonly at: number;

  constructor(code: 'cel-syntax' | 'cel-too-big', message: string, at: number) {
    super(message);
    this.code = code;
    this.at = at;
  }
}

/** Parses a condition. Total. */
export function parseCondition(text: string): ParseResult {
  if (Buffer.byteLength(text) > MAX_SOURCE_BYTES) {
    return tooBig(`the condition has more than ${MAX_SOURCE_BYTES} bytes`);
  }
  try {
    const parsed = parse(text);
    return { kind: 'tree', expr: new Reader(text, parsed).read() };
  } catch (error) {
    if (error instanceof Refusal) {
      return { kind: 'failed', code: error.code, message: error.message, fix: '', at: error.at };
    }
    if (error instanceof RangeError) {
      return tooBig('the condition nests too deeply');
    }
    return syntaxError(text, error);
  }
}

function tooBig(message: string): ParseResult {
  return { kind: 'failed', code: 'cel-too-big', message, fix: '', at: 0 };
}

function syntaxError(text: string, error: unknown): ParseResult {
  const slip = findSlip(text);
  if (slip !== null) {
    return { kind: 'failed', code: 'cel-syntax', ...slip };
  }
  const offset = numberAt(error, ['location', 'start', 'offset']);
  const message = messageOf(error).replace(/^<input>:\d+:\d+: /, '');
  return { kind: 'failed', code: 'cel-syntax', message, fix: '', at: offset };
}

/** A number inside an object that somebody else made, 0 when it is not there. */
function numberAt(value: unknown, path: readonly string[]): number {
  let inner = value;
  for (const key of path) {
    inner = typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined;
  }
  return typeof inner === 'number' ? inner : 0;
}

class Reader {
  readonly #text: string;
  readonly #parsed: Parsed;
  #nodes = 0;

  constructor(text: string, parsed: Parsed) {
    this.#text = text;
    this.#parsed = parsed;
  }

  read(): Expr {
    return this.#expr(this.#parsed.expr, 0, 0);
  }

  /** Offset of the node's own token. The parser counts UTF-16 units, puts an operator before its leading space and a method at its dot. */
  #at(source: Source): number {
    const { case: kind, value } = source.exprKind;
    const isMethod = kind === 'comprehensionExpr' || (kind === 'callExpr' && value.target !== undefined);
    const pattern = isMethod ? /^(?:\s+|\/\/[^\n]*|\.)/ : /^(?:\s+|\/\/[^\n]*)/;
    let at = this.#parsed.sourceInfo?.positions[source.id.toString()] ?? 0;
    for (;;) {
      const skipped = pattern.exec(this.#text.slice(at));
      if (skipped === null) {
        return at;
      }
      at += skipped[0].length;
    }
  }

  #expr(source: Source | undefined, depth: number, folds: number): Expr {
    if (source === undefined) {
      throw new Refusal('cel-syntax', 'the condition is incomplete', 0);
    }
    const at = this.#at(source);
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) {
      throw new Refusal('cel-too-big', `the condition has more than ${MAX_NODES} nodes`, at);
    }
    if (depth > MAX_DEPTH) {
      throw new Refusal('cel-too-big', `the condition nests deeper than ${MAX_DEPTH}`, at);
    }
    const read = (inner: Source | undefined): Expr => this.#expr(inner, depth + 1, folds);
    const kind = source.exprKind;
    switch (kind.case) {
      case 'constExpr':
        return { kind: 'const', value: this.#constant(kind.value, at), at };
      case 'identExpr':
        return { kind: 'name', name: kind.value.name, at };
      case 'selectExpr': {
        const { operand, field, testOnly } = kind.value;
        const inner = read(operand);
        // Point at the start of `a.b.c`, which is where a person looks for the name.
        return { kind: 'select', operand: inner, field, test: testOnly, at: testOnly ? at : inner.at };
      }
      case 'callExpr':
        return this.#call(kind.value, at, read);
      case 'listExpr':
        return { kind: 'list', items: kind.value.elements.map(read), at };
      case 'structExpr': {
        if (kind.value.messageName !== '') {
          throw new Refusal('cel-syntax', `there are no messages here: ${kind.value.messageName}{…}`, at);
        }
        const entries = kind.value.entries.map((entry): readonly [Expr, Expr] => [
          read(entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined),
          read(entry.value),
        ]);
        return { kind: 'map', entries, at };
      }
      case 'comprehensionExpr':
        return this.#fold(source, kind.value, { depth: depth + 1, folds: folds + 1, at });
      case undefined:
        throw new Refusal('cel-syntax', 'the condition is empty', at);
    }
  }

  #call(call: SourceCall, at: number, read: (source: Source | undefined) => Expr): Expr {
    const args = call.args.map(read);
    if (call.target !== undefined) {
      const target = call.target.exprKind;
      if (target.case === 'identExpr' && QUALIFIERS.has(target.value.name)) {
        return { kind: 'call', function: `${target.value.name}.${call.function}`, args, method: false, at };
      }
      return { kind: 'call', function: call.function, args: [read(call.target), ...args], method: true, at };
    }
    const [first, second, third] = args;
    if (call.function === '_&&_' || call.function === '_||_') {
      const kind = call.function === '_&&_' ? 'and' : 'or';
      return { kind, terms: args.flatMap((arg) => (arg.kind === kind ? arg.terms : [arg])), at };
    }
    if (call.function === '_?_:_' && first !== undefined && second !== undefined && third !== undefined) {
      return { kind: 'conditional', test: first, yes: second, no: third, at };
    }
    if (call.function === '_[_]' && first !== undefined && second !== undefined) {
      return { kind: 'index', operand: first, index: second, at: first.at };
    }
    return { kind: 'call', function: call.function, args, method: false, at };
  }

  /** Takes the predicate and the step back out of an expanded macro. */
  #fold(source: Source, fold: SourceFold, place: { depth: number; folds: number; at: number }): Expr {
    const { depth, folds, at } = place;
    if (folds > MAX_FOLD_DEPTH) {
      throw new Refusal('cel-too-big', `macros nest deeper than ${MAX_FOLD_DEPTH}`, at);
    }
    const written = this.#parsed.sourceInfo?.macroCalls[source.id.toString()]?.exprKind;
    const name = written?.case === 'callExpr' ? written.value.function : '';
    const macro: Macro | undefined = MACROS[name];
    const step = callOf(fold.loopStep);
    const read = (inner: Source | undefined): Expr => this.#expr(inner, depth, folds);
    const base = { kind: 'fold', range: read(fold.iterRange), variable: fold.iterVar, at } as const;
    switch (macro) {
      case 'exists':
      case 'all':
        return { ...base, macro, test: read(step?.args[1]), step: null };
      case 'exists_one':
      case 'filter':
        return { ...base, macro, test: read(step?.args[0]), step: null };
      case 'map': {
        const filtered = step?.function === '_?_:_';
        const appended = callOf(filtered ? step.args[1] : fold.loopStep)?.args[1]?.exprKind;
        const element = appended?.case === 'listExpr' ? appended.value.elements[0] : undefined;
        return { ...base, macro, test: filtered ? read(step.args[0]) : null, step: read(element) };
      }
      case undefined:
        throw new Refusal('cel-syntax', `unknown macro ${name}`, at);
    }
  }

  #constant(constant: SourceConstant, at: number): Constant {
    const { case: kind, value } = constant.constantKind;
    switch (kind) {
      case 'int64Value':
        if (value > 2n ** 63n - 1n || value < -(2n ** 63n)) {
          throw new Refusal('cel-syntax', 'the integer does not fit in 64 bits', at);
        }
        return value;
      case 'uint64Value':
        if (value > 2n ** 64n - 1n) {
          throw new Refusal('cel-syntax', 'the integer does not fit in 64 bits', at);
        }
        return new Uint(value);
      case 'stringValue':
      case 'bytesValue':
        this.#checkEscapes(at);
        return value;
      case 'doubleValue':
      case 'boolValue':
        return value;
      case 'nullValue':
        return null;
      case 'durationValue':
      case 'timestampValue':
      case undefined:
        throw new Refusal('cel-syntax', 'unknown literal', at);
    }
  }

  /** The parser keeps the backslash of an escape it does not know; CEL refuses it, and so a pattern's `\d` is not lost silently. */
  #checkEscapes(at: number): void {
    const literal = /^([rRbB]*)("""|'''|"|')/.exec(this.#text.slice(at, at + 8));
    if (literal === null || /[rR]/.test(literal[1] ?? '')) {
      return;
    }
    const quote = literal[2] ?? '';
    let offset = at + literal[0].length;
    while (offset < this.#text.length && !this.#text.startsWith(quote, offset)) {
      if (this.#text[offset] !== '\\') {
        offset += 1;
        continue;
      }
      const escape = ESCAPE.exec(this.#text.slice(offset, offset + 10));
      if (escape === null) {
        const shown = this.#text.slice(offset, offset + 2);
        throw new Refusal('cel-syntax', `unknown escape ${shown} in a string; write \\${shown}, or r'…'`, offset);
      }
      offset += escape[0].length;
    }
  }
}

/** Functions that are written with a dot and are not methods. */
const QUALIFIERS: ReadonlySet<string> = new Set(['sets', 'math', 'strings', 'optional', 'base64', 'lists']);

const MACROS: Readonly<Record<string, Macro>> = {
  exists: 'exists',
  all: 'all',
  exists_one: 'exists_one',
  existsOne: 'exists_one',
  map: 'map',
  filter: 'filter',
};

const ESCAPE = /^\\(?:[abfnrtv\\?"'`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})/;

function callOf(source: Source | undefined): SourceCall | undefined {
  return source?.exprKind.case === 'callExpr' ? source.exprKind.value : undefined;
}
