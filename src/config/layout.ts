// Where HCL wants, or forbids, a new line. The tree-sitter grammar takes any white space anywhere, so a text that HCL refuses
// would load without this pass. The oracle test holds it against HashiCorp's parser.
import type { Report } from './report.ts';
import type { SourceFile } from './source.ts';
import type { Node } from './tree.ts';

/** Checks the line structure of one file and reports every breach as `syntax`. */
export class LayoutCheck {
  readonly #file: SourceFile;
  readonly #report: Report;

  constructor(file: SourceFile, report: Report) {
    this.#file = file;
    this.#report = report;
  }

  /** Between tokens stand spaces, tabs, line ends and comments: the grammar takes any white space of Unicode. */
  checkGaps(root: Node): void {
    const { text } = this.#file;
    const stack = [root];
    let from = 0;
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.children.length > 0) {
        stack.push(...node.children.toReversed());
        continue;
      }
      this.#checkGap(from, Math.max(from, node.start));
      from = Math.max(from, node === root ? from : node.end);
    }
    this.#checkGap(from, text.length);
    // A terminal shows what follows a lone carriage return in place of what precedes it.
    const lone = text.search(/\r(?!\n)/);
    if (lone !== -1) {
      const fix = 'end lines with \\n or \\r\\n; write \\r in a quoted string';
      const message = 'a carriage return stands without a line feed';
      this.#report.error(this.#file.span(lone, lone + 1), { code: 'syntax', message, fix });
    }
  }

  #checkGap(start: number, end: number): void {
    const gap = this.#file.text.slice(start, end);
    const found = /^(?:[ \t\n]|\r\n|(?:#|\/\/)[^\n]*|\/\*[^]*?\*\/)*/.exec(gap)?.[0].length ?? 0;
    if (found < gap.length) {
      const at = this.#file.span(start + found, start + found + 1);
      const fix = 'write spaces, tabs and line ends between words';
      this.#report.error(at, { code: 'syntax', message: 'this character does not belong here', fix });
    }
  }

  /** `body` holds attributes and blocks. */
  checkBody(body: Node): void {
    let previous: Node | null = null;
    for (const item of body.children) {
      if (previous !== null && !this.#newlineBetween(previous, item)) {
        const message = `a new line is missing after this ${previous.type === 'block' ? 'block' : 'attribute'}`;
        this.#fail(item, message, 'put each attribute and each block on a line of its own');
      }
      if (item.type === 'attribute') {
        this.#checkAttribute(item);
      } else {
        this.#checkBlock(item);
      }
      previous = item;
    }
  }

  #checkAttribute(attribute: Node): void {
    this.#checkName(attribute.children[0]);
    this.#sameLine(attribute.children);
    const value = attribute.children.at(-1);
    if (value !== undefined) {
      this.#checkExpression(value, false);
    }
  }

  #checkBlock(block: Node): void {
    const { children } = block;
    this.#checkName(children[0]);
    const startIndex = children.findIndex((child) => child.type === 'block_start');
    this.#sameLine(children.slice(0, startIndex + 1));
    const start = children[startIndex];
    const end = children.at(-1);
    const body = children.find((child) => child.type === 'body');
    if (start === undefined || end === undefined || body === undefined) {
      return;
    }
    this.checkBody(body);
    const last = body.children.at(-1);
    if (last === undefined) {
      return;
    }
    if (this.#newlineBetween(start, body)) {
      if (!this.#newlineBetween(last, end)) {
        this.#fail(end, 'a new line is missing before "}"', 'put the closing brace on a line of its own');
      }
      return;
    }
    if (body.children.length > 1 || last.type !== 'attribute' || this.#newlineBetween(last, end)) {
      const message = 'a block on one line holds at most one attribute, and its "}" stands on that line';
      this.#fail(body, message, 'put the attributes and blocks on lines of their own');
    }
  }

  #checkName(node: Node | undefined): void {
    if (node !== undefined && this.#file.text.slice(node.start, node.end).includes('::')) {
      this.#fail(node, 'a name holds no "::"', 'write letters, digits, "_" and "-"');
    }
  }

  /** Between brackets, a new line is white space; elsewhere it ends the expression. */
  #checkExpression(node: Node, bracketed: boolean): void {
    const inner = bracketed || node.children[0]?.type === '(' || node.type === 'tuple';
    if (node.type === 'object') {
      this.#checkObject(node);
      return;
    }
    if (!inner) {
      this.#sameLine(node.children);
    }
    for (const child of node.children) {
      if (child.type === 'numeric_lit' && /^0[xX]/.test(this.#file.text.slice(child.start, child.end))) {
        this.#fail(child, 'numbers are written in decimal', 'write the number in decimal');
      }
      if (child.type === 'variable_expr' || child.type === 'get_attr') {
        this.#checkName(child);
      }
      // The dot and the name after it are one node, so that no gap between nodes shows a line end there.
      if (child.type === 'get_attr' && !inner && hasNewline(this.#file.text, child.start + 1, child.end)) {
        this.#fail(child, 'an unexpected new line stands after this dot', 'write the name right after the dot');
      }
      this.#checkExpression(child, inner);
    }
  }

  #checkObject(node: Node): void {
    let previous: Node | null = null;
    for (const child of node.children) {
      if (child.type === ',' && previous !== null && this.#newlineBetween(previous, child)) {
        this.#fail(child, 'an unexpected new line stands before this comma', 'put the comma on the line before');
      }
      if (child.type === 'object_elem') {
        if (previous?.type === 'object_elem' && !this.#newlineBetween(previous, child)) {
          this.#fail(child, 'a comma or a new line is missing before this key', 'write a comma between the entries');
        }
        this.#checkExpression(child, false);
      }
      previous = child;
    }
  }

  #sameLine(nodes: readonly Node[]): void {
    for (const [index, node] of nodes.entries()) {
      const previous = nodes[index - 1];
      if (previous !== undefined && this.#newlineBetween(previous, node)) {
        this.#fail(node, 'an unexpected new line stands before this', 'continue on the line before, or use brackets');
      }
    }
  }

  #newlineBetween(before: Node, after: Node): boolean {
    return hasNewline(this.#file.text, before.end, after.start);
  }

  #fail(node: Node, message: string, fix: string): void {
    this.#report.error(this.#file.span(node.start, node.end), { code: 'syntax', message, fix });
  }
}

/** Whether the white space and comments from `start` to `end` hold a line end; one inside a block comment is none. */
function hasNewline(text: string, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (text.startsWith('/*', at)) {
      const close = text.indexOf('*/', at + 2);
      at = close === -1 ? end : close + 2;
      continue;
    }
    const character = text.charAt(at);
    if (character === '\n') {
      return true;
    }
    if (character === '#' || character === '/') {
      const newline = text.indexOf('\n', at);
      return newline !== -1 && newline < end;
    }
    at += 1;
  }
  return false;
}
