// Concrete expression nodes to constant values (config reference, 0.1): literals, lists, objects, references, arithmetic.
import type { Report } from './report.ts';
import type { SourceFile } from './source.ts';
import { decodeHeredoc, decodeQuoted } from './strings.ts';
import type { DecodedString } from './strings.ts';
import type { Expression, ObjectEntry } from './syntax.ts';
import type { Node } from './tree.ts';

/** Reads the expressions of one file; what is not a constant is reported and becomes `invalid`. */
export class ExpressionReader {
  readonly #file: SourceFile;
  readonly #report: Report;

  constructor(file: SourceFile, report: Report) {
    this.#file = file;
    this.#report = report;
  }

  /** `node` is an `expression` of the grammar. */
  read(node: Node): Expression {
    return this.#readTerm(node.children, node);
  }

  /** Decodes a block's label or an object's key; null after a problem was reported. */
  readLabel(node: Node): string | null {
    const decoded = decodeQuoted(this.#file, node.start, node.end);
    if (decoded.kind === 'text') {
      return decoded.text.text;
    }
    this.#reportString(decoded);
    return null;
  }

  /** A term of the grammar is a run of sibling nodes: `a` `.b` is two of them. `whole` gives its place. */
  #readTerm(nodes: readonly Node[], whole: { readonly start: number; readonly end: number }): Expression {
    const at = this.#file.span(whole.start, whole.end);
    const [first, second, third] = nodes;
    if (first === undefined) {
      return { kind: 'invalid', at };
    }
    if (first.type === '(' && second !== undefined && third?.type === ')' && nodes.length === 3) {
      return this.read(second);
    }
    if (first.type === 'variable_expr') {
      return this.#readReference(nodes, whole);
    }
    if (nodes.length > 1) {
      return this.#notConstant(whole, 'an index or attribute of a value');
    }
    const inner = first.children[0];
    switch (first.type) {
      case 'literal_value':
        return inner === undefined ? { kind: 'invalid', at } : this.#readLiteral(inner);
      case 'template_expr':
        return inner === undefined ? { kind: 'invalid', at } : this.#readLiteral(inner);
      case 'collection_value':
        return inner === undefined ? { kind: 'invalid', at } : this.#readCollection(inner);
      case 'operation':
        return inner === undefined ? { kind: 'invalid', at } : this.#readOperation(inner);
      case 'function_call':
        return this.#notConstant(whole, 'a function call');
      case 'conditional':
        return this.#notConstant(whole, 'a conditional');
      case 'for_expr':
        return this.#notConstant(whole, 'a "for" expression');
      default:
        return this.#notConstant(whole, 'this expression');
    }
  }

  #readLiteral(node: Node): Expression {
    const at = this.#file.span(node.start, node.end);
    const raw = this.#file.text.slice(node.start, node.end);
    switch (node.type) {
      case 'numeric_lit':
        return { kind: 'number', value: Number(raw), at };
      case 'bool_lit':
        return { kind: 'bool', value: raw === 'true', at };
      case 'null_lit':
        return { kind: 'null', at };
      case 'heredoc_template':
        return this.#readString(decodeHeredoc(this.#file, node.start, node.end), node);
      default:
        return this.#readString(decodeQuoted(this.#file, node.start, node.end), node);
    }
  }

  #readString(decoded: DecodedString, node: Node): Expression {
    const at = this.#file.span(node.start, node.end);
    if (decoded.kind === 'text') {
      return { kind: 'string', text: decoded.text, at };
    }
    this.#reportString(decoded);
    return { kind: 'invalid', at };
  }

  #reportString(decoded: Exclude<DecodedString, { readonly kind: 'text' }>): void {
    const at = this.#file.span(decoded.start, decoded.end);
    if (decoded.kind === 'template') {
      const fix = 'write $${ for a literal ${, and %%{ for a literal %{';
      this.#report.error(at, { code: 'not-constant', message: decoded.message, fix });
    } else {
      const fix = 'write \\n, \\r, \\t, \\", \\\\, \\uNNNN or \\UNNNNNNNN, or use a heredoc';
      this.#report.error(at, { code: 'syntax', message: decoded.message, fix });
    }
  }

  #readReference(nodes: readonly Node[], whole: { readonly start: number; readonly end: number }): Expression {
    const segments: string[] = [];
    for (const node of nodes) {
      if (node.type !== 'variable_expr' && node.type !== 'get_attr') {
        return this.#notConstant(whole, 'an index or splat');
      }
      segments.push(this.#file.text.slice(node.start, node.end).replace(/^\.\s*/, ''));
    }
    if (segments.length > 2) {
      return this.#notConstant(whole, `"${segments.join('.')}", a reference of more than two parts,`);
    }
    return { kind: 'reference', segments, at: this.#file.span(whole.start, whole.end) };
  }

  #readCollection(node: Node): Expression {
    const at = this.#file.span(node.start, node.end);
    if (node.type === 'tuple') {
      const items = node.children.filter((child) => child.type === 'expression').map((child) => this.read(child));
      return { kind: 'list', items, at };
    }
    const entries: ObjectEntry[] = [];
    for (const element of node.children) {
      const entry = element.type === 'object_elem' ? this.#readEntry(element) : null;
      if (entry !== null) {
        entries.push(entry);
      }
    }
    return { kind: 'object', entries, at };
  }

  /** A bare word is a key of that name; a quoted string and a number are keys too. */
  #readEntry(element: Node): ObjectEntry | null {
    const [keyNode, , valueNode] = element.children;
    if (keyNode === undefined || valueNode === undefined) {
      return null;
    }
    const keyAt = this.#file.span(keyNode.start, keyNode.end);
    const value = this.read(valueNode);
    const raw = this.#file.text.slice(keyNode.start, keyNode.end);
    if (/^[\p{ID_Start}_][\p{ID_Continue}-]*$/u.test(raw)) {
      return { key: raw, keyAt, value };
    }
    const key = this.read(keyNode);
    if (key.kind === 'string' && keyNode.children[0]?.type !== '(') {
      return { key: key.text.text, keyAt, value };
    }
    if (key.kind === 'number' && keyNode.children[0]?.type === 'literal_value') {
      return { key: String(key.value), keyAt, value };
    }
    if (key.kind !== 'invalid') {
      this.#notConstant(keyNode, 'this key');
    }
    return null;
  }

  #readOperation(node: Node): Expression {
    const at = this.#file.span(node.start, node.end);
    const { children } = node;
    const operatorIndex = node.type === 'unary_operation' ? 0 : findOperator(children);
    const operator = this.#file.text.slice(children[operatorIndex]?.start, children[operatorIndex]?.end);
    const rightNodes = children.slice(operatorIndex + 1);
    if (!'+-*/%'.includes(operator) || operator === '') {
      return this.#notConstant(node, `the operator "${operator}"`);
    }
    const left = operatorIndex === 0 ? null : this.#readNumber(children.slice(0, operatorIndex));
    const right = this.#readNumber(rightNodes);
    if (right === null || (operatorIndex > 0 && left === null)) {
      return { kind: 'invalid', at };
    }
    const value = left === null ? -right : calculate(left, operator, right);
    if (!Number.isFinite(value)) {
      return this.#notConstant(node, 'a calculation without a finite result');
    }
    return { kind: 'number', value, at };
  }

  #readNumber(nodes: readonly Node[]): number | null {
    const whole = { start: nodes[0]?.start ?? 0, end: nodes.at(-1)?.end ?? 0 };
    const operand = this.#readTerm(nodes, whole);
    if (operand.kind === 'number') {
      return operand.value;
    }
    if (operand.kind !== 'invalid') {
      this.#notConstant(whole, 'arithmetic over anything but numbers');
    }
    return null;
  }

  #notConstant(place: { readonly start: number; readonly end: number }, what: string): Expression {
    const at = this.#file.span(place.start, place.end);
    const fix = 'write a literal, a list, an object, a reference (TYPE.NAME), or arithmetic over numbers';
    this.#report.error(at, { code: 'not-constant', message: `${what} is not a constant`, fix });
    return { kind: 'invalid', at };
  }
}

const OPERATORS: ReadonlySet<string> = new Set('+ - * / % > >= < <= == != && ||'.split(' '));

function findOperator(children: readonly Node[]): number {
  return children.findIndex((child, index) => index > 0 && OPERATORS.has(child.type));
}

function calculate(left: number, operator: string, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    default:
      return left % right;
  }
}
