// A text and its byte offsets: the grammar counts bytes of UTF-8, JavaScript counts UTF-16 units.
import type { Grammar, Token } from './engine.ts';

export class Source {
  readonly text: string;
  readonly #grammar: Grammar;
  /** Null while every character is one byte. */
  readonly #bytes: Buffer | null;
  #tokens: readonly Token[] | null = null;

  constructor(text: string, grammar: Grammar) {
    this.text = text;
    this.#grammar = grammar;
    const bytes = Buffer.from(text);
    this.#bytes = bytes.length === text.length ? null : bytes;
  }

  get length(): number {
    return this.#bytes?.length ?? this.text.length;
  }

  slice(start: number, end: number): string {
    return this.#bytes === null ? this.text.slice(start, end) : this.#bytes.toString('utf8', start, end);
  }

  /** Text of the operand that follows the operator at this offset, up to where its conjunct ends. */
  expressionAfter(operatorAt: number, range: readonly [number, number]): string {
    let depth = 0;
    let start = -1;
    let end = -1;
    for (const token of this.tokens()) {
      if (token.start <= operatorAt || token.end > range[1]) {
        continue;
      }
      depth += OPEN.has(token.name) ? 1 : CLOSE.has(token.name) ? -1 : 0;
      if (depth < 0 || (depth === 0 && ENDS.has(token.name))) {
        break;
      }
      start = start < 0 ? token.start : start;
      end = token.end;
    }
    return start < 0 ? '' : this.slice(start, end);
  }

  /** Tokens of the whole text, comments left out; empty when the lexer refuses it. */
  tokens(): readonly Token[] {
    if (this.#tokens === null) {
      const scanned = this.#grammar.scan(this.text);
      this.#tokens =
        scanned.kind === 'ok'
          ? scanned.value.filter((token) => token.name !== 'SQL_COMMENT' && token.name !== 'C_COMMENT')
          : [];
    }
    return this.#tokens;
  }
}

type Range = readonly [start: number, end: number];

const OPEN = new Set(['ASCII_40', 'ASCII_91']);
const CLOSE = new Set(['ASCII_41', 'ASCII_93']);
const SEMICOLON = 'ASCII_59';
/** What ends an operand outside parentheses. */
const ENDS = new Set(
  ';|AND|OR|RETURNING|GROUP|ORDER|LIMIT|OFFSET|FETCH|FOR|HAVING|WINDOW|UNION|INTERSECT|EXCEPT|ON|WHEN|THEN'.split('|'),
).add(SEMICOLON);

function within(source: Source, range: Range): readonly Token[] {
  return source.tokens().filter((token) => token.start >= range[0] && token.end <= range[1]);
}

/** What stands in the first parentheses at or after `from`: the query of a common table expression or of COPY. */
export function cutParentheses(source: Source, from: number, skip: number): Range | null {
  let left = skip;
  let depth = 0;
  let start = -1;
  for (const token of source.tokens()) {
    if (token.start < from) {
      continue;
    }
    if (OPEN.has(token.name)) {
      if (depth === 0 && left === 0) {
        start = token.end;
      }
      depth += 1;
    } else if (CLOSE.has(token.name)) {
      depth -= 1;
      if (depth === 0) {
        if (left === 0) {
          return [start, token.start];
        }
        left -= 1;
      }
    }
  }
  return null;
}

/** What follows the first of these tokens outside parentheses, up to the end of the statement. */
export function cutAfter(source: Source, range: Range, names: ReadonlySet<string>): Range | null {
  let depth = 0;
  for (const token of within(source, range)) {
    if (OPEN.has(token.name)) {
      depth += 1;
    } else if (CLOSE.has(token.name)) {
      depth -= 1;
    } else if (depth === 0 && names.has(token.name)) {
      return [token.end, range[1]];
    }
  }
  return null;
}

const STARTS = new Set([
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'WITH',
  'VALUES',
  'TABLE',
  'DECLARE',
  'CREATE',
  'REFRESH',
  'EXECUTE',
]);

/** The statement that EXPLAIN explains. */
export function cutExplained(source: Source, range: Range): Range | null {
  const tokens = within(source, range).slice(1);
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (depth === 0 && OPEN.has(token.name) && next !== undefined && (STARTS.has(next.name) || OPEN.has(next.name))) {
      return [token.start, range[1]];
    }
    if (depth === 0 && STARTS.has(token.name)) {
      return [token.start, range[1]];
    }
    depth += OPEN.has(token.name) ? 1 : CLOSE.has(token.name) ? -1 : 0;
  }
  return null;
}

/**
 * Statements of the text by its tokens alone: pieces between semicolons that hold a token, with parentheses and `BEGIN ATOMIC … END` taken as
 * one. Compared with the grammar's own count.
 */
export function countPieces(source: Source): number {
  let pieces = 0;
  let filled = false;
  let depth = 0;
  let atomic = 0;
  const tokens = source.tokens();
  for (const [index, token] of tokens.entries()) {
    const { name } = token;
    if (name === SEMICOLON && depth === 0 && atomic === 0) {
      pieces += filled ? 1 : 0;
      filled = false;
      continue;
    }
    filled = true;
    if (OPEN.has(name)) {
      depth += 1;
    } else if (CLOSE.has(name)) {
      depth -= 1;
    } else if (name === 'ATOMIC' && tokens[index - 1]?.name === 'BEGIN') {
      atomic += 1;
    } else if (atomic > 0 && name === 'CASE') {
      atomic += 1;
    } else if (atomic > 0 && name === 'END') {
      atomic -= 1;
    }
  }
  return pieces + (filled ? 1 : 0);
}
