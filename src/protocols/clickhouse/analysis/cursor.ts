// Where the parser stands in a text. A text that the grammar does not have is left by an exception that never leaves this folder.
import { Lexer, decodeQuoted, type Token } from './lexer.ts';
import type { Node, Part, Query, SettingNode } from './nodes.ts';

/** The grammar does not have this text, or has it in a way that is not accounted for. */
export class NotRead extends Error {
  readonly at: number;

  constructor(at: number) {
    super(`not read at ${at}`);
    this.at = at;
  }
}

/** More than the gateway reads: too many tokens, or too deep. */
export class TooMuch extends Error {}

/** Deeper texts are opaque; the server's own limit (max_parser_depth) counts its parsers, several for one level of ours. */
const MAX_DEPTH = 500;
/** About what 1 MiB of a list of numbers has. */
export const MAX_TOKENS = 400_000;

/** Parts of the grammar that need each other; set once, so that the files need not import in circles. */
export interface Grammar {
  /** An expression, and AS with a name where one follows. */
  expression(cursor: Cursor): Node;
  /** An expression after which AS belongs to somebody else. */
  bare(cursor: Cursor): Node;
  query(cursor: Cursor): Query;
  /** A set operation whose first query is read already. */
  continued(cursor: Cursor, first: Query): Query;
  /** What follows ORDER BY. */
  order(cursor: Cursor): Node[];
  /** A window's definition in parentheses. */
  window(cursor: Cursor): Node[];
  /** What follows SETTINGS. */
  settings(cursor: Cursor): SettingNode[];
}

/** Words of a phrase; phrases are the grammar's own, so that there are few. */
const knownPhrases = new Map<string, readonly string[]>();

function wordsOf(phrase: string): readonly string[] {
  let words = knownPhrases.get(phrase);
  if (words === undefined) {
    words = phrase.split(' ');
    knownPhrases.set(phrase, words);
  }
  return words;
}

export class Cursor {
  readonly text: string;
  readonly grammar: Grammar;
  /** Types of `{name:Type}` by name. */
  readonly parameters: Map<string, string> = new Map();
  /** Words inside what is skipped: types, codecs, layouts. */
  readonly skipped: Set<string> = new Set();
  readonly #lexer: Lexer;
  readonly maxTokens: number;
  readonly #tokens: Token[] = [];
  #taken = 0;
  #at = 0;
  #depth = 0;

  constructor(
    text: string,
    grammar: Grammar,
    { position = 0, maxTokens = MAX_TOKENS }: { readonly position?: number; readonly maxTokens?: number } = {},
  ) {
    this.maxTokens = maxTokens;
    this.text = text;
    this.grammar = grammar;
    this.#lexer = new Lexer(text, position);
  }

  peek(offset: number = 0): Token {
    for (;;) {
      const known = this.#tokens[this.#at + offset];
      if (known !== undefined) {
        return known;
      }
      const last = this.#tokens.at(-1);
      if (last !== undefined && (last.kind === 'end' || last.kind === 'malformed')) {
        return last;
      }
      if (this.#taken >= this.maxTokens) {
        throw new TooMuch();
      }
      this.#taken += 1;
      this.#tokens.push(this.#lexer.next());
    }
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') {
      this.#at += 1;
    }
    return token;
  }

  /** Offset where the next token begins. */
  get start(): number {
    return this.peek().start;
  }

  /** Offset where the last token ended. */
  get end(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0;
  }

  get position(): number {
    return this.#at;
  }

  /** Goes back. What was taken between may be read in another way. */
  back(position: number): void {
    this.#at = position;
  }

  /** What is left of the text is no matter of this cursor's. */
  finish(): void {
    this.#tokens.length = this.#at;
    this.#tokens.push({ kind: 'end', start: this.text.length, end: this.text.length, text: '' });
  }

  /** Forgets what was read, which nobody goes back to. */
  forget(): void {
    this.#tokens.splice(0, this.#at);
    this.#at = 0;
  }

  fail(): never {
    throw new NotRead(this.peek().start);
  }

  /** Runs what may nest without end. */
  nested<T>(read: () => T): T {
    if (this.#depth >= MAX_DEPTH) {
      throw new TooMuch();
    }
    this.#depth += 1;
    try {
      return read();
    } finally {
      this.#depth -= 1;
    }
  }

  /** Whether these keywords come next (upper case). */
  at(...words: readonly string[]): boolean {
    return this.#atAll(words);
  }

  /** The first of these phrases (words between spaces) that comes next, taken; null when none does. */
  takeOne(...phrases: readonly string[]): string | null {
    // Most often none does, which the first word tells.
    if (this.peek().kind !== 'word') {
      return null;
    }
    for (const phrase of phrases) {
      const words = wordsOf(phrase);
      if (this.#atAll(words)) {
        this.#at += words.length;
        return phrase;
      }
    }
    return null;
  }

  #atAll(words: readonly string[]): boolean {
    for (let index = 0; index < words.length; index += 1) {
      const token = this.peek(index);
      if (token.kind !== 'word' || token.text !== words[index]) {
        return false;
      }
    }
    return true;
  }

  /** Whether one of these keywords comes next. */
  atOneOf(...words: readonly string[]): boolean {
    const token = this.peek();
    return token.kind === 'word' && words.includes(token.text);
  }

  /** Takes these phrases, in any order and number. */
  takeAny(...phrases: readonly string[]): void {
    for (;;) {
      if (this.takeOne(...phrases) === null) {
        return;
      }
    }
  }

  /** Takes any number of semicolons. */
  takeSemicolons(): void {
    for (;;) {
      if (!this.takeMark(';')) {
        return;
      }
    }
  }

  take(...words: readonly string[]): boolean {
    if (!this.#atAll(words)) {
      return false;
    }
    this.#at += words.length;
    return true;
  }

  expect(...words: readonly string[]): void {
    if (!this.take(...words)) {
      this.fail();
    }
  }

  atMark(mark: string, offset: number = 0): boolean {
    const token = this.peek(offset);
    return token.kind === 'mark' && token.text === mark;
  }

  takeMark(mark: string): boolean {
    if (!this.atMark(mark)) {
      return false;
    }
    this.#at += 1;
    return true;
  }

  expectMark(mark: string): void {
    if (!this.takeMark(mark)) {
      this.fail();
    }
  }

  atEnd(): boolean {
    const token = this.peek();
    return token.kind === 'end' || this.atMark(';');
  }

  raw(token: Token): string {
    return this.text.slice(token.start, token.end);
  }

  /** Content of a string literal that comes next. Null content: servers decode it in different ways. */
  takeString(): string | null {
    const token = this.peek();
    if (token.kind !== 'string' && token.kind !== 'heredoc') {
      this.fail();
    }
    this.#at += 1;
    return decodeQuoted(this.raw(token));
  }

  /** A string whose content matters: opaque when it cannot be told. */
  takeKnownString(): string {
    return this.takeString() ?? this.fail();
  }

  atName(offset: number = 0): boolean {
    const { kind } = this.peek(offset);
    return kind === 'word' || kind === 'quoted';
  }

  /** An identifier, as the server decodes it. */
  takeName(): string {
    const token = this.peek();
    if (token.kind === 'word') {
      this.#at += 1;
      return this.raw(token);
    }
    if (token.kind !== 'quoted') {
      this.fail();
    }
    const name = decodeQuoted(this.raw(token));
    if (name === null || name === '') {
      this.fail();
    }
    this.#at += 1;
    return name;
  }

  /** An identifier or `{name:Identifier}`. */
  takePart(): Part {
    if (this.atMark('{')) {
      const { name } = this.takeParameter();
      return { text: name, parameter: true, quoted: false };
    }
    const quoted = this.peek().kind === 'quoted';
    return { text: this.takeName(), parameter: false, quoted };
  }

  /** `a`, `a.b`, `a.b.c`: at least one part. */
  takePath(): Part[] {
    const parts = [this.takePart()];
    while (this.atMark('.') && (this.atName(1) || this.atMark('{', 1))) {
      this.#at += 1;
      parts.push(this.takePart());
    }
    return parts;
  }

  /** `{name:Type}`. */
  takeParameter(): { readonly name: string; readonly type: string } {
    this.expectMark('{');
    const name = this.takeName();
    this.expectMark(':');
    const start = this.start;
    let depth = 0;
    while (depth > 0 || !this.atMark('}')) {
      const token = this.next();
      if (token.kind === 'end' || token.kind === 'malformed' || token.text === ';') {
        this.fail();
      }
      depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
    }
    const type = this.text.slice(start, this.end);
    this.expectMark('}');
    if (type === '') {
      this.fail();
    }
    this.parameters.set(name, type);
    return { name, type };
  }

  /** Whatever stands between parentheses that match, the first of which comes next: parts that can hold no query and call nothing. */
  skipParentheses(): void {
    this.expectMark('(');
    let depth = 1;
    while (depth > 0) {
      const token = this.next();
      if (token.kind === 'end' || token.kind === 'malformed' || token.text === ';' || token.text === 'SELECT') {
        this.fail();
      }
      depth += token.kind === 'mark' ? (token.text === '(' ? 1 : token.text === ')' ? -1 : 0) : 0;
      if (token.kind === 'word') {
        this.skipped.add(this.raw(token));
      }
    }
  }

  /** Reads one or more, separated by commas. */
  list<T>(read: () => T): T[] {
    const items = [read()];
    while (this.takeMark(',')) {
      items.push(read());
    }
    return items;
  }
}
