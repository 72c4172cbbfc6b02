// The ground under the parser: a place in a text, blanks and comments, keywords, and the lines of here-documents.
import type { HereDocument, RedirectNode, Word } from './ast.ts';
import { refuse } from './words.ts';

/** Constructs inside constructs. */
const MAX_DEPTH = 40;

export class Cursor {
  /** Without what is behind the section that is parsed. */
  protected text: string;
  protected at = 0;
  protected depth = 0;
  /** Here-documents whose lines come behind the next newline. */
  protected owed: RedirectNode[] = [];
  protected isCompound = false;
  protected readonly words = new Set<Word>();
  protected readonly documentEnds: number[] = [];

  constructor(text: string) {
    this.text = text;
  }

  protected enter(): void {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) {
      refuse();
    }
  }

  protected get char(): string {
    return this.text[this.at] ?? '';
  }

  protected sees(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  protected takes(text: string): boolean {
    const found = this.sees(text);
    if (found) {
      this.at += text.length;
    }
    return found;
  }

  protected expect(text: string): void {
    this.skipBlanks();
    if (!this.takes(text)) {
      refuse();
    }
  }

  /** Blanks, continued lines and a comment; not the newline behind it. */
  protected skipBlanks(): void {
    for (;;) {
      const char = this.char;
      if (char === ' ' || char === '\t') {
        this.at += 1;
      } else if (char === '\\' && this.sees('\\\n')) {
        this.at += 2;
      } else {
        break;
      }
    }
    if (this.char === '#') {
      const end = this.text.indexOf('\n', this.at);
      this.at = end === -1 ? this.text.length : end;
    }
  }

  protected skipNewlines(): void {
    this.skipBlanks();
    while (this.char === '\n') {
      this.newline();
      this.skipBlanks();
    }
  }

  protected newline(): void {
    this.at += 1;
    for (const redirect of this.owed) {
      redirect.document = this.document(redirect);
    }
    this.owed = [];
  }

  /** Lines up to the delimiter of a here-document. */
  protected document({ op, target }: RedirectNode): HereDocument {
    const [part] = target.parts;
    const delimiter = part?.kind === 'text' ? part.text : '';
    const start = this.at;
    for (let line = start; line < this.text.length;) {
      const found = this.text.indexOf('\n', line);
      const end = found === -1 ? this.text.length : found;
      let from = line;
      if (op === '<<-') {
        from = behindTabs(this.text, from);
      }
      if (this.text.slice(from, end) === delimiter) {
        this.documentEnds.push(from);
        // The newline behind it ends no command.
        this.at = Math.min(end + 1, this.text.length);
        return { body: constantBody(this.text.slice(start, line), op, target.quoted), end: from };
      }
      line = end + 1;
    }
    return refuse();
  }

  /** The keyword that stands here, not taken; "" when there is none. */
  protected keyword(): string {
    const found = /^(?:[a-z]+|[{}!-])(?=[\s;&|()<>]|$)/.exec(this.text.slice(this.at, this.at + 12));
    return found?.[0] ?? '';
  }

  protected takeKeyword(word: string): void {
    this.skipNewlines();
    if (this.keyword() !== word) {
      refuse();
    }
    this.at += word.length;
  }

  protected closes(): boolean {
    return this.char === '' || this.char === ')' || this.sees(';;') || this.sees(';&');
  }

  /** Right behind an operator that another one cannot follow: zsh has operators of two and three characters that others read as two. */
  protected noOperator(): void {
    if (/^[&|;!]/.test(this.char)) {
      refuse();
    }
  }
}

/** Text of a here-document; null where the shell would put something in. */
function constantBody(body: string, op: string, quoted: boolean): string | null {
  if (!quoted && /[\\`$]/.test(body)) {
    // What stands in it may run, and a backslash at the end of a line hides the delimiter.
    refuse('dynamic_word');
  }
  return op === '<<-' ? body.replaceAll(/^\t+/gm, '') : body;
}

function behindTabs(text: string, start: number): number {
  let at = start;
  while (text[at] === '\t') {
    at += 1;
  }
  return at;
}
