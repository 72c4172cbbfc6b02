// ClickHouse's tokens, cut as the server's lexer cuts them. Where versions of the server cut a text in different ways (nested comments,
// `$`, typographic quotes), it is `malformed`, so that the whole text is opaque.

/** Kinds of tokens. Operators and punctuation are their own text. */
export type TokenKind =
  | 'word'
  | 'quoted'
  | 'string'
  | 'heredoc'
  | 'number'
  | 'end'
  | 'malformed'
  /** One of OPERATORS. */
  | 'mark';

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** Of a mark: its text; of a word: its upper-case form; else "". */
  readonly text: string;
}

/** Longest first. */
const OPERATORS: readonly string[] =
  '<=>|!~*|!~|~*|~|->|==|!=|<>|<=|>=|::|:|,|;|(|)|[|]|{|}|+|-|*|/|%|=|<|>|?|.|||@@|@|^'.split('|').concat(['||']);

const BY_FIRST: ReadonlyMap<string, readonly string[]> = group(OPERATORS.filter((text) => text !== ''));

function group(texts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const text of texts.toSorted((a, b) => b.length - a.length)) {
    const list = groups.get(text.charAt(0)) ?? [];
    list.push(text);
    groups.set(text.charAt(0), list);
  }
  return groups;
}

/** Spaces to every server, or an error to those that do not know them. */
const SPACES = /[ \t\n\r\f\v\u0085\u00a0\u1680\u180e\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER =
  /0[xX][0-9a-fA-F](?:_?[0-9a-fA-F])*(?:\.[0-9a-fA-F]*)?(?:[pP][+-]?\d+)?|0[bB][01](?:_?[01])*|\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?(?:[eE][+-]?\d+)?|\.\d(?:_?\d)*(?:[eE][+-]?\d+)?/y;
const DIGITS = /\d+/y;
const WORD_CHAR = /[A-Za-z0-9_$]/;
const HEX_STRING = /[xX]'[0-9a-fA-F]*'|[bB]'[01]*'/y;
const HEREDOC_TAG = /\$[A-Za-z0-9_]*\$/y;

/** Cuts one token after another, so that what follows the head of an INSERT is never looked at. */
export class Lexer {
  readonly text: string;
  #position: number;
  /** Last token that was not space or comment. */
  #previous: Token | null = null;

  constructor(text: string, position: number = 0) {
    this.text = text;
    this.#position = position;
  }

  next(): Token {
    const problem = this.#skip();
    const token = problem ?? this.#take();
    this.#position = token.end;
    this.#previous = token;
    return token;
  }

  /** Skips spaces and comments; a token for a comment that cannot be told. */
  #skip(): Token | null {
    const { text } = this;
    for (;;) {
      SPACES.lastIndex = this.#position;
      SPACES.test(text);
      this.#position = SPACES.lastIndex;
      const at = this.#position;
      const [first, second] = [text.charAt(at), text.charAt(at + 1)];
      if (
        (first === '-' && second === '-') ||
        (first === '/' && second === '/') ||
        (first === '#' && (second === ' ' || second === '!'))
      ) {
        const end = text.indexOf('\n', at);
        this.#position = end < 0 ? text.length : end + 1;
      } else if (first === '/' && second === '*') {
        const end = text.indexOf('*/', at + 2);
        // Newer servers nest comments, older ones do not. A star that closes one may not open another (`/*/`).
        if (end < 0 || text.slice(at + 2, end + 1).includes('/*')) {
          return malformed(at, text.length);
        }
        this.#position = end + 2;
      } else {
        return null;
      }
    }
  }

  #take(): Token {
    const { text } = this;
    const at = this.#position;
    if (at >= text.length) {
      return { kind: 'end', start: text.length, end: text.length, text: '' };
    }
    const first = text.charAt(at);
    if (first === "'" || first === '"' || first === '`') {
      const end = endOfQuoted(text, at);
      return end < 0
        ? malformed(at, text.length)
        : { kind: first === "'" ? 'string' : 'quoted', start: at, end, text: '' };
    }
    if (text.charAt(at + 1) === "'" && /[xXbB]/.test(first)) {
      HEX_STRING.lastIndex = at;
      return HEX_STRING.test(text)
        ? { kind: 'string', start: at, end: HEX_STRING.lastIndex, text: '' }
        : malformed(at, text.length);
    }
    if (/[0-9]/.test(first) || (first === '.' && /[0-9]/.test(text.charAt(at + 1)) && !this.#afterOperand())) {
      return this.#number(at);
    }
    if (first === '$') {
      return this.#heredoc(at);
    }
    WORD.lastIndex = at;
    if (WORD.test(text)) {
      const end = WORD.lastIndex;
      // Only newer servers have `$` in words.
      return text.charAt(end) === '$'
        ? malformed(at, end)
        : { kind: 'word', start: at, end, text: text.slice(at, end).toUpperCase() };
    }
    for (const operator of BY_FIRST.get(first) ?? []) {
      if (text.startsWith(operator, at)) {
        return { kind: 'mark', start: at, end: at + operator.length, text: operator };
      }
    }
    return malformed(at, at + 1);
  }

  /** After these a dot is an access, not the start of a number. */
  #afterOperand(): boolean {
    const previous = this.#previous;
    return (
      previous !== null &&
      (previous.kind === 'word' ||
        previous.kind === 'quoted' ||
        previous.kind === 'number' ||
        previous.text === ')' ||
        previous.text === ']' ||
        previous.text === '}')
    );
  }

  /** `x.1.1` is two accesses: after a dot only digits are taken. */
  #number(at: number): Token {
    const { text } = this;
    const pattern = this.#previous?.text === '.' && this.#previous.kind === 'mark' ? DIGITS : NUMBER;
    pattern.lastIndex = at;
    if (!pattern.test(text)) {
      return malformed(at, at + 1);
    }
    let end = pattern.lastIndex;
    if (!WORD_CHAR.test(text.charAt(end))) {
      return { kind: 'number', start: at, end, text: '' };
    }
    while (WORD_CHAR.test(text.charAt(end))) {
      end += 1;
    }
    const whole = text.slice(at, end);
    // A name that begins with digits. What has a digit group or a fraction before it is read in different ways.
    return /^[0-9][A-Za-z0-9]*$/.test(whole)
      ? { kind: 'word', start: at, end, text: whole.toUpperCase() }
      : malformed(at, end);
  }

  #heredoc(at: number): Token {
    HEREDOC_TAG.lastIndex = at;
    if (!HEREDOC_TAG.test(this.text)) {
      return malformed(at, at + 1);
    }
    const inner = HEREDOC_TAG.lastIndex;
    const tag = this.text.slice(at, inner);
    const close = this.text.indexOf(tag, inner);
    return close < 0
      ? malformed(at, this.text.length)
      : { kind: 'heredoc', start: at, end: close + tag.length, text: '' };
  }
}

function malformed(start: number, end: number): Token {
  return { kind: 'malformed', start, end, text: '' };
}

/** Behind the closing quote, or -1 when there is none. A doubled quote and a backslash escape. */
function endOfQuoted(text: string, start: number): number {
  const quote = text.charCodeAt(start);
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) {
      at += 1;
    } else if (code === quote) {
      if (text.charCodeAt(at + 1) !== quote) {
        return at + 1;
      }
      at += 1;
    }
  }
  return -1;
}

/** A quoted token's content as every server decodes it, or null where servers differ or it is not UTF-8. */
export function decodeQuoted(raw: string): string | null {
  const quote = raw.charAt(0);
  if (quote === '$') {
    const tag = raw.indexOf('$', 1) + 1;
    return raw.slice(tag, raw.length - tag);
  }
  if (/^[xXbB]'/.test(raw)) {
    return null;
  }
  const inner = raw.slice(1, -1);
  if (!inner.includes('\\') && !inner.includes(quote)) {
    return inner;
  }
  return unescape(inner, quote);
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '0': '\0',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '/': '/',
};

function unescape(inner: string, quote: string): string | null {
  let out = '';
  for (let at = 0; at < inner.length; at += 1) {
    const char = inner.charAt(at);
    if (char === quote) {
      out += quote;
      at += 1;
    } else if (char !== '\\') {
      out += char;
    } else {
      at += 1;
      const escaped = inner.charAt(at);
      const hex = escaped === 'x' ? /^[0-7][0-9a-fA-F]/.exec(inner.slice(at + 1, at + 3)) : null;
      // Bytes above 7F may be parts of a character; unknown escapes keep their backslash on newer servers only.
      const simple = hex === null ? SIMPLE[escaped] : String.fromCharCode(Number.parseInt(hex[0], 16));
      if (simple === undefined) {
        return null;
      }
      at += hex === null ? 0 : 2;
      out += simple;
    }
  }
  return out;
}
