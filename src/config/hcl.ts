// HCL text to a syntax tree with positions. tree-sitter gives the structure; HashiCorp's own parser is asked only about texts
// that do not parse, for its diagnosis: it costs more than the whole of a good load.
import type { Diagnostic } from './diagnostic.ts';
import { ExpressionReader } from './expression.ts';
import { LayoutCheck } from './layout.ts';
import { Report } from './report.ts';
import type { SourceFile } from './source.ts';
import type { Attribute, Block, Body, Label } from './syntax.ts';
import { findSyntaxErrors } from './syntax-errors.ts';
import { parseTree } from './tree.ts';
import type { Node } from './tree.ts';

/** One parsed file. `body` is null after a syntax error. */
export interface ParsedFile {
  readonly file: SourceFile;
  readonly body: Body | null;
  /** `schema_version` if it could be read, also from a file that is otherwise not HCL of today. */
  readonly schemaVersion: Attribute | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses one file. Every problem is a diagnostic; no text makes this throw. */
export async function parseHcl(file: SourceFile): Promise<ParsedFile> {
  const tree = await parseTree(file.text);
  const report = new Report();
  if (tree.kind === 'too-deep') {
    const fix = 'nest brackets less deeply';
    report.error(file.span(tree.at, tree.at + 1), { code: 'syntax', message: 'nested too deeply', fix });
    return { file, body: null, schemaVersion: null, diagnostics: report.sorted(new Map()) };
  }
  const root = tree.root.children[0];
  const layout = new Report();
  if (!tree.hasError && root?.type !== 'object') {
    const check = new LayoutCheck(file, layout);
    check.checkGaps(tree.root);
    if (root !== undefined) {
      check.checkBody(root);
    }
  }
  if (tree.hasError || layout.hasErrors || root?.type === 'object') {
    const diagnostics = await findSyntaxErrors(file, tree.root, layout.sorted(new Map()));
    return { file, body: null, schemaVersion: findVersion(file, tree.root), diagnostics };
  }
  const body = root === undefined ? [] : new BodyReader(file, report).read(root);
  const schemaVersion = body.find((item) => item.kind === 'attribute' && item.name === 'schema_version');
  return {
    file,
    // A malformed escape is found only while values are decoded; it is a syntax error like any other.
    body: report.sorted(new Map()).some((diagnostic) => diagnostic.code === 'syntax') ? null : body,
    schemaVersion: schemaVersion?.kind === 'attribute' ? schemaVersion : null,
    diagnostics: report.sorted(new Map()),
  };
}

class BodyReader {
  readonly #file: SourceFile;
  readonly #report: Report;
  readonly #expressions: ExpressionReader;

  constructor(file: SourceFile, report: Report) {
    this.#file = file;
    this.#report = report;
    this.#expressions = new ExpressionReader(file, report);
  }

  read(body: Node): Body {
    const seen = new Map<string, Attribute>();
    const items: (Attribute | Block)[] = [];
    for (const node of body.children) {
      if (node.type === 'block') {
        items.push(this.#readBlock(node));
        continue;
      }
      const attribute = this.readAttribute(node);
      const first = seen.get(attribute.name);
      if (first === undefined) {
        seen.set(attribute.name, attribute);
        items.push(attribute);
      } else {
        const message = `"${attribute.name}" was already set at ${first.at.file}:${first.at.line}:${first.at.column}`;
        this.#report.error(attribute.at, { code: 'duplicate-attribute', message, fix: 'keep one of the two' });
      }
    }
    return items;
  }

  readAttribute(node: Node): Attribute {
    const [name, , value] = node.children;
    const at = this.#file.span(node.start, name?.end ?? node.end);
    return {
      kind: 'attribute',
      name: this.#file.text.slice(node.start, name?.end ?? node.end),
      at,
      value: value === undefined ? { kind: 'invalid', at } : this.#expressions.read(value),
    };
  }

  #readBlock(node: Node): Block {
    const [keyword, ...rest] = node.children;
    const labels: Label[] = [];
    let body: Body = [];
    for (const child of rest) {
      if (child.type === 'body') {
        body = this.read(child);
      } else if (child.type === 'identifier' || child.type === 'string_lit') {
        const text =
          child.type === 'identifier'
            ? this.#file.text.slice(child.start, child.end)
            : (this.#expressions.readLabel(child) ?? '');
        labels.push({ text, at: this.#file.span(child.start, child.end) });
      }
    }
    return {
      kind: 'block',
      keyword: this.#file.text.slice(node.start, keyword?.end ?? node.end),
      labels,
      body,
      at: this.#file.span(node.start, keyword?.end ?? node.end),
    };
  }
}

/** Looks for a top-level `schema_version` in what tree-sitter made of a text that is not HCL as we know it. */
function findVersion(file: SourceFile, root: Node): Attribute | null {
  const reader = new BodyReader(file, new Report());
  const queue = [...root.children];
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    if (node.type === 'attribute' && node.children.length === 3 && node.children[2]?.type === 'expression') {
      const attribute = reader.readAttribute(node);
      if (attribute.name === 'schema_version') {
        return attribute;
      }
    }
    if (node.type === 'body' || node.type === 'ERROR') {
      queue.unshift(...node.children);
    }
  }
  return null;
}
