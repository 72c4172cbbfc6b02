// The grammar of commands, by recursive descent: POSIX, and what bash, dash and zsh have in common beyond it. What one of them reads in
// another way than the others is refused, not guessed. Its twin is grammar.ts; what the two do not agree on is not believed.
import type { Assignment, List, ListItem, Node, RedirectNode, Script, Word } from './ast.ts';
import { Cursor } from './cursor.ts';
import { OWN_GRAMMAR } from './grammar.ts';
import type { OpaqueCause } from './model.ts';
import { Refused, readWord, refuse } from './words.ts';
import type { Nested } from './words.ts';

export type ParseResult =
  | { readonly kind: 'script'; readonly script: Script }
  | { readonly kind: 'refused'; readonly reason: OpaqueCause };

/** Parses a whole text. Total. */
export function parseScript(text: string): ParseResult {
  const parser = new Parser(text);
  try {
    return { kind: 'script', script: parser.parse() };
  } catch (error) {
    if (error instanceof Refused) {
      return { kind: 'refused', reason: error.reason };
    }
    throw error;
  }
}

/** Words that mean something at the start of a command. */
const CLOSERS: ReadonlySet<string> = new Set('then else elif fi do done esac }'.split(' '));
const UNREAD: ReadonlySet<string> = new Set(
  'function select coproc foreach repeat end always nocorrect noglob -'.split(' '),
);

/** The comparison with the other grammar costs some microseconds a word, on the thread that serves everybody. */
const MAX_WORDS = 8192;

const NO_WORDS: readonly Word[] = [];
const NO_LIST: List = [];

class Parser extends Cursor {
  readonly #assignments: Assignment[] = [];
  readonly #commandStarts: number[] = [];
  readonly #nested: Nested;

  constructor(text: string) {
    super(text);
    this.#nested = {
      parenthesised: (start): ReturnType<Nested['parenthesised']> => this.#parenthesised(start),
      section: (start, end): List => this.#section(start, end),
    };
  }

  parse(): Script {
    const list = this.#list(isNothing);
    if (this.at < this.text.length || this.owed.length > 0) {
      refuse();
    }
    if (this.words.size > MAX_WORDS) {
      refuse('too_large');
    }
    return {
      list,
      words: [...this.words],
      assignments: this.#assignments,
      documentEnds: this.documentEnds,
      commandStarts: this.#commandStarts,
      isCompound: this.isCompound || list.length !== 1,
    };
  }

  /** A substitution: what is behind it is not seen, and here-documents do not reach over its end. */
  #parenthesised(start: number): { readonly list: List; readonly end: number } {
    return this.#inside(start, this.text, () => {
      const list = this.#list(isNothing);
      this.expect(')');
      return { list, end: this.at };
    });
  }

  #section(start: number, end: number): List {
    return this.#inside(start, this.text.slice(0, end), () => {
      const list = this.#list(isNothing);
      if (this.at < end) {
        refuse();
      }
      return list;
    });
  }

  #inside<T>(start: number, text: string, read: () => T): T {
    const outer = { at: this.at, text: this.text, owed: this.owed };
    if (outer.owed.length > 0) {
      refuse();
    }
    this.isCompound = true;
    this.at = start;
    this.text = text;
    this.owed = [];
    this.enter();
    const result = read();
    this.depth -= 1;
    if (this.owed.length > 0) {
      refuse();
    }
    this.at = outer.at;
    this.text = outer.text;
    this.owed = outer.owed;
    return result;
  }

  /** Commands up to something that ends the list: a closing parenthesis, a keyword that closes, the end. */
  #list(ends: (keyword: string) => boolean): List {
    const items: ListItem[] = [];
    for (;;) {
      this.skipNewlines();
      if (this.closes() || ends(this.keyword())) {
        return items;
      }
      items.push(...this.#andOr());
      this.skipBlanks();
      if (this.char === ';' && !this.sees(';;') && !this.sees(';&')) {
        this.at += 1;
        this.isCompound = true;
        this.noOperator();
      } else if (this.char !== '\n' && !this.closes() && items.at(-1)?.background !== true) {
        refuse();
      }
    }
  }

  #andOr(): readonly ListItem[] {
    const nodes: Node[] = [this.#pipeline()];
    for (;;) {
      this.skipBlanks();
      if (this.takes('&&') || this.takes('||')) {
        this.isCompound = true;
        this.noOperator();
        this.skipNewlines();
        nodes.push(this.#pipeline());
        continue;
      }
      const background = this.char === '&' && !this.sees('&>');
      if (background) {
        this.at += 1;
        this.isCompound = true;
        this.noOperator();
      }
      return nodes.map((node) => ({ node, background }));
    }
  }

  #pipeline(): Node {
    this.skipBlanks();
    if (this.keyword() === '!') {
      this.at += 1;
      this.isCompound = true;
      if (this.char !== ' ' && this.char !== '\t') {
        refuse();
      }
      this.skipBlanks();
    }
    const nodes: Node[] = [this.#command()];
    for (;;) {
      this.skipBlanks();
      if (this.char !== '|' || this.sees('||')) {
        break;
      }
      this.at += this.sees('|&') ? 2 : 1;
      this.isCompound = true;
      this.noOperator();
      this.skipNewlines();
      nodes.push(this.#command());
    }
    const [first] = nodes;
    return nodes.length === 1 && first !== undefined ? first : { kind: 'pipeline', nodes };
  }

  #command(): Node {
    this.skipBlanks();
    const keyword = this.keyword();
    if (CLOSERS.has(keyword) || UNREAD.has(keyword) || keyword === '!') {
      refuse();
    }
    if (this.char === '(') {
      return this.#compound(() => this.#subshell());
    }
    switch (keyword) {
      case '{':
        return this.#compound(() => this.#group());
      case 'if':
        return this.#compound(() => this.#if());
      case 'for':
        return this.#compound(() => this.#for());
      case 'while':
      case 'until':
        return this.#compound(() => this.#while(keyword));
      case 'case':
        return this.#compound(() => this.#case());
      default:
        return this.#simple();
    }
  }

  #compound(read: () => Node): Node {
    this.enter();
    this.isCompound = true;
    const node = read();
    this.depth -= 1;
    return node;
  }

  #subshell(): Node {
    this.at += 1;
    // Two of them begin arithmetic.
    if (this.char === '(') {
      refuse();
    }
    const body = this.#list(isNothing);
    this.expect(')');
    return { kind: 'subshell', body: filled(body), redirects: this.#redirects() };
  }

  #group(): Node {
    this.at += 1;
    const body = this.#list((keyword) => keyword === '}');
    this.takeKeyword('}');
    return { kind: 'group', body: filled(body), redirects: this.#redirects() };
  }

  #if(): Node {
    const conditions: List[] = [];
    const bodies: List[] = [];
    this.at += 2;
    for (;;) {
      conditions.push(filled(this.#list((keyword) => keyword === 'then')));
      this.takeKeyword('then');
      bodies.push(filled(this.#list((keyword) => ['elif', 'else', 'fi'].includes(keyword))));
      this.skipNewlines();
      const next = this.keyword();
      if (next !== 'elif') {
        break;
      }
      this.at += next.length;
    }
    if (this.keyword() === 'else') {
      this.at += 4;
      bodies.push(filled(this.#list((keyword) => keyword === 'fi')));
    }
    this.takeKeyword('fi');
    return { kind: 'if', conditions, bodies, redirects: this.#redirects() };
  }

  #for(): Node {
    this.at += 3;
    this.skipBlanks();
    const variable = this.#name();
    this.skipNewlines();
    const words: Word[] = [];
    if (this.keyword() === 'in') {
      this.at += 2;
      this.skipBlanks();
      while (!/^[\n;]?$/.test(this.char)) {
        words.push(this.#word());
        this.skipBlanks();
      }
    }
    if (this.char === ';') {
      this.at += 1;
      this.noOperator();
    }
    const body = this.#doGroup();
    return { kind: 'loop', variable, words, condition: NO_LIST, body, redirects: this.#redirects() };
  }

  #name(): string {
    const found = /^[A-Za-z_]\w{0,99}(?=[\s;])/.exec(this.text.slice(this.at, this.at + 102));
    if (found === null) {
      return refuse();
    }
    this.at += found[0].length;
    return found[0];
  }

  #while(keyword: string): Node {
    this.at += keyword.length;
    const condition = filled(this.#list((next) => next === 'do'));
    const body = this.#doGroup();
    return { kind: 'loop', variable: null, words: NO_WORDS, condition, body, redirects: this.#redirects() };
  }

  #doGroup(): List {
    this.takeKeyword('do');
    const body = filled(this.#list((keyword) => keyword === 'done'));
    this.takeKeyword('done');
    return body;
  }

  #case(): Node {
    this.at += 4;
    this.skipBlanks();
    const words = [this.#word()];
    const bodies: List[] = [];
    this.takeKeyword('in');
    for (;;) {
      this.skipNewlines();
      if (this.keyword() === 'esac') {
        break;
      }
      if (this.takes('(')) {
        this.skipBlanks();
      }
      words.push(this.#word());
      this.skipBlanks();
      while (this.takes('|')) {
        this.skipBlanks();
        words.push(this.#word());
        this.skipBlanks();
      }
      this.expect(')');
      bodies.push(this.#list((keyword) => keyword === 'esac'));
      this.skipNewlines();
      if (!this.takes(';;')) {
        break;
      }
      if (this.char === '&') {
        refuse();
      }
    }
    this.takeKeyword('esac');
    return { kind: 'case', words, bodies, redirects: this.#redirects() };
  }

  /** Redirects behind a compound command. */
  #redirects(): readonly RedirectNode[] {
    const redirects: RedirectNode[] = [];
    for (;;) {
      this.skipBlanks();
      const redirect = this.#redirect();
      if (redirect === null) {
        return redirects;
      }
      redirects.push(redirect);
    }
  }

  #redirect(): RedirectNode | null {
    const head = this.text.slice(this.at, this.at + 12);
    const found = /^(\d*)(&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||<|>)(?![(<>])/.exec(head);
    const [whole, digits = '', op = ''] = found ?? [];
    if (whole === undefined) {
      return null;
    }
    // Descriptors of two digits are words to dash and zsh, and those in front of `&>` to bash and dash.
    if (digits.length > 1 || (op.startsWith('&') && digits !== '')) {
      refuse();
    }
    this.at += whole.length;
    this.isCompound = true;
    this.skipBlanks();
    // `>!` and `>&!` are operators to zsh.
    if (this.char === '!' || this.char === '|' || this.char === '&') {
      refuse();
    }
    const target = this.#word();
    const fd = digits === '' ? (op.startsWith('<') ? 0 : 1) : Number(digits);
    const redirect: RedirectNode = { op, fd, target, document: null };
    if (op === '<<' || op === '<<-') {
      const [part] = target.parts;
      if (target.parts.length !== 1 || part?.kind !== 'text' || part.text === '' || part.text.includes('\n')) {
        refuse();
      }
      this.words.delete(target);
      this.owed.push(redirect);
    }
    return redirect;
  }

  #word(): Word {
    const isProcess = this.sees('<(') || this.sees('>(');
    const word = isProcess ? this.#process() : readWord(this.text, this.at, this.#nested);
    if (word.end === word.start) {
      refuse();
    }
    this.at = word.end;
    // Keywords of shells that close with braces anywhere, and parentheses that are no operators here.
    const bare = this.text.slice(word.start, word.end);
    const behind = this.text.slice(this.at, this.at + 2);
    const isDescriptor = /^\{\w*\}$/.test(bare) && /^[<>]/.test(behind);
    if (bare === '{' || bare === '}' || isDescriptor || /^(?:\(|[<>]\()/.test(behind)) {
      refuse();
    }
    this.words.add(word);
    return word;
  }

  #process(): Word {
    const start = this.at;
    const { list, end } = this.#parenthesised(start + 2);
    if (!/^[\s;&|)]?$/.test(this.text[end] ?? '')) {
      refuse();
    }
    return { start, end, parts: [{ kind: 'process', script: list }], quoted: false };
  }

  #simple(): Node {
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirects: RedirectNode[] = [];
    for (;;) {
      this.skipBlanks();
      const redirect = this.#redirect();
      if (redirect !== null) {
        redirects.push(redirect);
      } else if (/^[\n|&;)]?$/.test(this.char)) {
        break;
      } else if (redirects.some(({ op }) => op.startsWith('&'))) {
        // dash takes `&>` for the end of one command, and what follows for the next one.
        refuse();
      } else if (this.char === '(') {
        return refuse();
      } else if (words.length === 0 && this.#isAssignment()) {
        assignments.push(this.#assignment());
      } else if (words.length === 0 && this.#isFunction()) {
        return assignments.length + redirects.length === 0 ? this.#function() : refuse();
      } else {
        const word = this.#word();
        // To BusyBox operators behind `[[` are words, wherever it stands.
        if (words.length > 0 && this.text.slice(word.start, word.end) === '[[') {
          refuse();
        }
        words.push(word);
      }
    }
    if (assignments.length + words.length + redirects.length === 0) {
      refuse();
    }
    const [first] = words;
    if (first !== undefined) {
      this.#commandStarts.push(first.start);
      if (OWN_GRAMMAR.has(this.text.slice(first.start, first.end))) {
        words.forEach((word) => this.words.delete(word));
      }
    }
    if (assignments.length > 0) {
      this.isCompound = true;
    }
    return { kind: 'simple', assignments, words, redirects };
  }

  #isAssignment(): boolean {
    const found = /^[A-Za-z_]\w*(?:\+?=|\[)/.exec(this.text.slice(this.at, this.at + 128));
    if (found !== null && found[0].endsWith('[')) {
      // A subscript is evaluated, and may run commands.
      refuse('dynamic_word');
    }
    return found !== null;
  }

  #assignment(): Assignment {
    const start = this.at;
    const [name = ''] = /^\w+/.exec(this.text.slice(start, start + 128)) ?? [];
    const head = name.length + (this.text[start + name.length] === '+' ? 2 : 1);
    const word = readWord(this.text, start + head, this.#nested);
    this.at = word.end;
    if (this.char === '(' || /^[<>]\(/.test(this.text.slice(this.at, this.at + 2))) {
      refuse();
    }
    const assignment: Assignment = { start, end: word.end, name, value: word.parts };
    this.#assignments.push(assignment);
    return assignment;
  }

  #isFunction(): boolean {
    return /^[^\s'"\\$`|&;()<>*?[\]{}~=]{1,100}[ \t]*\(/.test(this.text.slice(this.at, this.at + 112));
  }

  #function(): Node {
    const [name = ''] = /^[^\s(]+/.exec(this.text.slice(this.at, this.at + 112)) ?? [];
    this.words.add({ start: this.at, end: this.at + name.length, parts: [], quoted: false });
    this.at += name.length;
    this.isCompound = true;
    this.expect('(');
    this.expect(')');
    this.skipNewlines();
    if (this.char !== '(' && this.keyword() !== '{') {
      refuse();
    }
    return { kind: 'function', name, body: this.#command() };
  }
}

function isNothing(): boolean {
  return false;
}

/** Where the grammar wants a command, there must be one. */
function filled(list: List): List {
  return list.length > 0 ? list : refuse();
}
