// Words: quotes, escapes and expansions, as sh, dash, bash and zsh all read them. What they read in different ways is refused.
import type { OpaqueCause } from './model.ts';
import type { List, Part, Word } from './ast.ts';

/** Thrown inside the parser, and caught by it: the text is not read. */
export class Refused extends Error {
  readonly reason: OpaqueCause;

  constructor(reason: OpaqueCause) {
    super(reason);
    this.reason = reason;
  }
}

export function refuse(reason: OpaqueCause = 'syntax'): never {
  throw new Refused(reason);
}

/** Characters that end a word. */
const ENDS: ReadonlySet<string> = new Set([' ', '\t', '\n', '|', '&', ';', '(', ')', '<', '>']);

/** What else the word reader needs of the parser. */
export interface Nested {
  /** Parses commands from `start` up to the closing parenthesis, and says where that is. */
  parenthesised(start: number): { readonly list: List; readonly end: number };
  /** Parses commands of a part of the text. */
  section(start: number, end: number): List;
}

/** Reads one word at `start`, which is not blank. Its end is behind its last character. */
export function readWord(text: string, start: number, nested: Nested): Word {
  return new WordReader(text, start, nested).read();
}

class WordReader {
  readonly #text: string;
  readonly #start: number;
  readonly #nested: Nested;
  readonly #parts: Part[] = [];
  #at: number;
  #literal = '';
  #quoted = false;
  /** Brackets and braces that were not quoted, to tell patterns from text. */
  #bare = '';
  #isExpanded = false;

  constructor(text: string, start: number, nested: Nested) {
    this.#text = text;
    this.#start = start;
    this.#at = start;
    this.#nested = nested;
  }

  read(): Word {
    this.#readTilde();
    for (let char = this.#text[this.#at]; char !== undefined && !ENDS.has(char); char = this.#text[this.#at]) {
      this.#readOne(char);
    }
    this.#flush();
    const parts = this.#withExpansions();
    return { start: this.#start, end: this.#at, parts, quoted: this.#quoted };
  }

  #readOne(char: string): void {
    switch (char) {
      case "'":
        this.#quoted = true;
        this.#readSingle();
        return;
      case '"':
        this.#quoted = true;
        this.#readDouble();
        return;
      case '\\':
        this.#quoted = true;
        this.#readEscape();
        return;
      case '$':
        this.#readDollar(false);
        return;
      case '`':
        this.#readBackticks(false);
        return;
      default:
        // zsh expands these also behind quotes that hold nothing.
        this.#isExpanded ||= (char === '~' || char === '=') && this.#literal === '' && this.#parts.length === 0;
        this.#bare += char;
        this.#at += 1;
        if (char === '*' || char === '?' || (char === '[' && this.#closesBracket())) {
          this.#flush();
          this.#parts.push({ kind: 'glob', text: char });
        } else {
          this.#literal += char;
        }
    }
  }

  #flush(): void {
    if (this.#literal !== '') {
      this.#parts.push({ kind: 'text', text: this.#literal });
      this.#literal = '';
    }
  }

  /** Whether a bracket expression may begin here: some `]` follows before the next blank. */
  #closesBracket(): boolean {
    for (let at = this.#at; at < this.#text.length; at += 1) {
      const char = this.#text[at] ?? '';
      if (char === ']') {
        return true;
      }
      if (char === ' ' || char === '\t' || char === '\n' || at - this.#at > MAX_BRACKET_CHARS) {
        return at - this.#at > MAX_BRACKET_CHARS;
      }
    }
    return false;
  }

  #readTilde(): void {
    const found = /^~[\w.+-]*/.exec(this.#text.slice(this.#at, this.#at + MAX_USER_CHARS));
    if (found !== null && /^~[-+\d]/.test(found[0])) {
      // `~+`, `~-`, `~1`: where the shell is, was, or has been.
      this.#parts.push({ kind: 'expansion' });
      this.#at += found[0].length;
    } else if (found !== null) {
      this.#parts.push({ kind: 'tilde', text: found[0] });
      this.#at += found[0].length;
    }
  }

  /** Word-level expansions that shells do not share: a word that may be one is not constant. */
  #withExpansions(): readonly Part[] {
    const { length } = this.#parts;
    const bare = this.#bare;
    const isList = mayBeBraces(bare);
    // zsh puts the path of a command in place of `=name`; alone it is an operator of `[`.
    const isExpanded = this.#isExpanded && !/^={1,2}$/.test(this.#text.slice(this.#start, this.#at));
    const isAssignedTilde = /[=:]~/.test(bare);
    if (isList || isExpanded || isAssignedTilde) {
      return [...this.#parts, { kind: 'expansion' }];
    }
    return length === 0 && this.#quoted ? [{ kind: 'text', text: '' }] : this.#parts;
  }

  #readSingle(): void {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end === -1) {
      refuse();
    }
    this.#literal += this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
  }

  #readEscape(): void {
    const next = this.#text[this.#at + 1];
    // A continued line inside a word is read in different ways by what reads the text.
    if (next === undefined || next === '\n') {
      refuse();
    }
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at + 1) ?? 0);
    this.#literal += char;
    this.#at += 1 + char.length;
  }

  #readDouble(): void {
    this.#at += 1;
    for (;;) {
      const char = this.#text[this.#at];
      switch (char) {
        case undefined:
          return refuse();
        case '"':
          this.#at += 1;
          return;
        case '\\': {
          const next = this.#text[this.#at + 1];
          if (next === undefined || next === '\n') {
            refuse();
          }
          this.#literal += next === '$' || next === '`' || next === '"' || next === '\\' ? next : `\\${next}`;
          this.#at += 2;
          break;
        }
        case '$':
          this.#readDollar(true);
          break;
        case '`':
          this.#readBackticks(true);
          break;
        default:
          this.#literal += char;
          this.#at += 1;
      }
    }
  }

  #push(part: Part, end: number): void {
    this.#flush();
    this.#parts.push(part);
    this.#at = end;
  }

  #readDollar(inQuotes: boolean): void {
    const at = this.#at + 1;
    const next = this.#text[at];
    if (next === "'" && !inQuotes) {
      this.#quoted = true;
      this.#readAnsi();
    } else if (next === '(') {
      this.#readParenthesis(at);
    } else if (next === '{') {
      const found = /^\{(?:[A-Za-z_]\w*|\d{1,4}|[?#$!@*-])\}/.exec(this.#text.slice(at, at + MAX_NAME_CHARS));
      // Operators inside braces may hold anything, and some run it.
      if (found === null) {
        refuse('dynamic_word');
      }
      this.#push({ kind: 'variable', name: found[0].slice(1, -1) }, at + found[0].length);
    } else {
      this.#readPlainDollar(at, inQuotes);
    }
  }

  #readPlainDollar(at: number, inQuotes: boolean): void {
    const name = /^(?:[A-Za-z_]\w*|[0-9?#$!@*-])/.exec(this.#text.slice(at, at + MAX_NAME_CHARS));
    if (name !== null) {
      // `$name[…]` is a subscript to zsh, and `$name:x` a modifier.
      const behind = this.#text[at + name[0].length] ?? '';
      if (behind === '[' || behind === ':' || name[0].length >= MAX_NAME_CHARS) {
        refuse('dynamic_word');
      }
      this.#push({ kind: 'variable', name: name[0] }, at + name[0].length);
      return;
    }
    // Outside quotes, `$"…"` is translated by some.
    const next = this.#text.slice(at, at + 1);
    if (next === '"' ? !inQuotes : !/^[\s|/).,;&%\\]?$/.test(next)) {
      refuse('dynamic_word');
    }
    this.#literal += '$';
    this.#at = at;
  }

  #readParenthesis(at: number): void {
    if (this.#text[at + 1] === '(') {
      const found = /^[\d \t+*/%-]{1,64}\)\)/.exec(this.#text.slice(at + 2, at + 80));
      // A name is looked up, and what it holds is evaluated again.
      if (found === null) {
        refuse('dynamic_word');
      }
      this.#push({ kind: 'number' }, at + 2 + found[0].length);
      return;
    }
    const { list, end } = this.#nested.parenthesised(at + 1);
    this.#push({ kind: 'substitution', script: list }, end);
  }

  #readBackticks(inQuotes: boolean): void {
    const end = this.#text.indexOf('`', this.#at + 1);
    const inside = end === -1 ? '\\' : this.#text.slice(this.#at + 1, end);
    // Backslashes and quotes mean different things to different shells in here.
    if (inside.includes('\\') || (inQuotes && inside.includes('"'))) {
      refuse();
    }
    this.#push({ kind: 'substitution', script: this.#nested.section(this.#at + 1, end) }, end + 1);
  }

  #readAnsi(): void {
    let at = this.#at + 2;
    for (;;) {
      const char = this.#text[at];
      if (char === undefined) {
        refuse();
      }
      if (char === "'") {
        this.#at = at + 1;
        return;
      }
      if (char !== '\\') {
        this.#literal += char;
        at += 1;
        continue;
      }
      const escape = ANSI_ESCAPE.exec(this.#text.slice(at + 1, at + 10))?.[0];
      // A shell that does not know `$'…'` ends the word at an escaped quote.
      if (escape === undefined) {
        refuse();
      }
      this.#literal += ansiValue(escape);
      at += 1 + escape.length;
    }
  }
}

/** `{a,b}` or `{1..9}`, as far as the characters that were not quoted tell. */
function mayBeBraces(bare: string): boolean {
  const open = bare.indexOf('{');
  if (open === -1) {
    return false;
  }
  const between = [bare.indexOf(',', open), bare.indexOf('..', open)].filter((at) => at !== -1);
  return between.length > 0 && bare.lastIndexOf('}') > Math.min(...between);
}

const MAX_NAME_CHARS = 256;
const MAX_USER_CHARS = 64;
/** A bracket that closes later than this is taken for one that closes. */
const MAX_BRACKET_CHARS = 256;

/** Escapes of `$'…'` that all shells which know it decode alike; not the escaped quote. */
const ANSI_ESCAPE = /^(?:[abefnrtv\\]|x[0-9A-Fa-f]{1,2}(?![0-9A-Fa-f])|u[0-9A-Fa-f]{4}|[0-7]{3})/;

const ANSI_CONTROLS: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  e: '\u001b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function ansiValue(escape: string): string {
  const [first = ''] = escape;
  const digits = /^[xu]/.test(escape) ? Number.parseInt(escape.slice(1), 16) : Number.parseInt(escape, 8);
  if (/^[xu0-7]/.test(escape)) {
    // A byte over ASCII is half a character, and NUL ends the word.
    if (digits === 0 || digits > 0x7e) {
      refuse('encoding');
    }
    return String.fromCodePoint(digits);
  }
  return ANSI_CONTROLS[first] ?? first;
}
