// A strict JSON reader for texts that are judged. JSON.parse takes the last of two equal keys, rounds integers and recurses as deep
// as the text says; two readers then see two documents. Here the text is exactly one RFC 8259 value that every reader reads the same
// way, or it is a fault. Objects have no prototype, so `__proto__` is a key like any other.

/** Why a text is not one value: no JSON, nested too deep, or read differently by different readers. */
export type JsonFault = 'syntax' | 'depth' | 'ambiguous';

export type JsonReading<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'fault'; readonly fault: JsonFault };

/** What stands in the value for what cannot be told at its place alone: a number or a text that readers read differently. */
export interface JsonHoles<H> {
  /** An integer beyond ±2^53, or a number beyond the doubles. */
  readonly number: H;
  /** A text with an escape for half a surrogate pair. */
  readonly text: H;
}

export type Json<H> = string | number | boolean | null | H | readonly Json<H>[] | { readonly [key: string]: Json<H> };

export const MAX_JSON_DEPTH = 64;

/**
 * Reads a text that is exactly one value. Equal keys in one object, also equal but for case, are `ambiguous`: readers take the first,
 * the last or either. No byte order mark, no comments, nothing behind the value but white space.
 */
export function readJson<H>(text: string, holes: JsonHoles<H>): JsonReading<Json<H>> {
  const reader = new Reader(text, holes);
  try {
    return { kind: 'value', value: reader.document() };
  } catch (error) {
    if (error instanceof Fault) {
      return { kind: 'fault', fault: error.fault };
    }
    throw error;
  }
}

/** A key as readers without regard for case compare it: Unicode's simple folding, which takes `ſ` for `s` and `K` for `k`. */
export function foldKey(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/** Never leaves this file. One of each kind is made, since malformed bodies are everyday and a stack costs. */
class Fault extends Error {
  readonly fault: JsonFault;

  constructor(fault: JsonFault) {
    super(fault);
    this.fault = fault;
  }
}

const SYNTAX = new Fault('syntax');
const DEPTH = new Fault('depth');
const AMBIGUOUS = new Fault('ambiguous');

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const INTEGER = /^-?\d+$/;
// Up to the next quote or escape; control characters end it.
// oxlint-disable-next-line no-control-regex -- a text must not hold any
const PLAIN = /[^"\\\0-\x1f]*/y;
/** Folds to itself. */
const PLAIN_KEY = /^[a-z0-9_.-]*$/;
const LONE_SURROGATE = /\p{Cs}/u;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Reader<H> {
  readonly #text: string;
  readonly #holes: JsonHoles<H>;
  /** Keys come again and again. */
  readonly #folds = new Map<string, string>();
  #at = 0;
  /** Whether the text that was read last had a \u escape, so that it may hold half a pair. */
  #escaped = false;

  constructor(text: string, holes: JsonHoles<H>) {
    this.#text = text;
    this.#holes = holes;
  }

  document(): Json<H> {
    this.#space();
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) {
      throw SYNTAX;
    }
    return value;
  }

  #value(depth: number): Json<H> {
    const character = this.#text[this.#at];
    switch (character ?? '') {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"': {
        const text = this.#string();
        return this.#escaped && LONE_SURROGATE.test(text) ? this.#holes.text : text;
      }
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): Json<H> {
    this.#enter(depth);
    const object = emptyObject<H>();
    const folded = new Set<string>();
    let others = false;
    if (this.#ends('}')) {
      return object;
    }
    for (;;) {
      if (this.#text[this.#at] !== '"') {
        throw SYNTAX;
      }
      const key = this.#string();
      if (this.#escaped && LONE_SURROGATE.test(key)) {
        throw AMBIGUOUS;
      }
      // Plain keys are their own folding, and the object itself tells whether it has them; a set is made for the others only.
      if (!others && !PLAIN_KEY.test(key)) {
        others = true;
        Object.keys(object).forEach((known) => folded.add(known));
      }
      const fold = others ? this.#fold(key) : key;
      if (others ? folded.has(fold) : Object.hasOwn(object, key)) {
        throw AMBIGUOUS;
      }
      if (others) {
        folded.add(fold);
      }
      this.#space();
      this.#expect(':');
      this.#space();
      object[key] = this.#value(depth);
      if (this.#next('}')) {
        return object;
      }
    }
  }

  #array(depth: number): Json<H> {
    this.#enter(depth);
    const array: Json<H>[] = [];
    if (this.#ends(']')) {
      return array;
    }
    for (;;) {
      array.push(this.#value(depth));
      if (this.#next(']')) {
        return array;
      }
    }
  }

  #fold(key: string): string {
    let fold = this.#folds.get(key);
    if (fold === undefined) {
      fold = foldKey(key);
      this.#folds.set(key, fold);
    }
    return fold;
  }

  /** Past the opening bracket. */
  #enter(depth: number): void {
    if (depth > MAX_JSON_DEPTH) {
      throw DEPTH;
    }
    this.#at += 1;
    this.#space();
  }

  #ends(bracket: string): boolean {
    if (this.#text[this.#at] !== bracket) {
      return false;
    }
    this.#at += 1;
    return true;
  }

  /** After a member: true at the closing bracket, false after a comma. */
  #next(bracket: string): boolean {
    this.#space();
    if (this.#ends(bracket)) {
      return true;
    }
    this.#expect(',');
    this.#space();
    return false;
  }

  #string(): string {
    this.#at += 1;
    this.#escaped = false;
    let text = this.#plain();
    for (;;) {
      const character = this.#text[this.#at];
      this.#at += 1;
      if (character === '"') {
        return text;
      }
      if (character !== '\\') {
        throw SYNTAX;
      }
      text += this.#escape() + this.#plain();
    }
  }

  #plain(): string {
    PLAIN.lastIndex = this.#at;
    // test and not exec: no array is made for each text.
    PLAIN.test(this.#text);
    const start = this.#at;
    this.#at = PLAIN.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? '';
    this.#at += 1;
    const short = ESCAPES[letter];
    if (short !== undefined) {
      return short;
    }
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw SYNTAX;
    }
    this.#at += 4;
    this.#escaped = true;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) {
      throw SYNTAX;
    }
    this.#at += word.length;
    return value;
  }

  #number(): number | H {
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#text)) {
      throw SYNTAX;
    }
    const token = this.#text.slice(this.#at, NUMBER.lastIndex);
    this.#at = NUMBER.lastIndex;
    const value = Number(token);
    const exact = INTEGER.test(token) ? Number.isSafeInteger(value) : Number.isFinite(value);
    return exact ? value : this.#holes.number;
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) {
      throw SYNTAX;
    }
    this.#at += 1;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) {
        return;
      }
      this.#at += 1;
    }
  }
}

function emptyObject<H>(): Record<string, Json<H>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.create is typed any
  return Object.create(null) as Record<string, Json<H>>;
}
