// What to say about a text that is not HCL: HashiCorp's diagnosis where it has one, else where tree-sitter lost the thread.
import { createRequire } from 'node:module';
import type { Diagnostic } from './diagnostic.ts';
import { Report } from './report.ts';
import type { SourceFile } from './source.ts';
import type { Node } from './tree.ts';

/** The part of `@cdktn/hcl2json` that is used. Its own types would bring the browser's globals along. */
interface Hcl2Json {
  parse(filename: string, contents: string): Promise<unknown>;
}

/** A name that no configuration text holds, so that it can be found again in the parser's messages. */
const FILE_MARK = '\u2063f';
/** Above this the recursive parser is not asked: its stack ends the whole WASM program, not the call. */
const MAX_BRACKETS = 500;
const MAX_ASKED_CHARS = 1024 * 1024;
const ANSWER_WITHIN_MS = 10_000;

/** Diagnostics for a text that tree-sitter or the layout check refused; never empty. */
export async function findSyntaxErrors(
  file: SourceFile,
  root: Node,
  layout: readonly Diagnostic[],
): Promise<readonly Diagnostic[]> {
  const theirs = await askHashiCorp(file);
  if (theirs.length > 0) {
    return theirs;
  }
  if (layout.length > 0) {
    return layout;
  }
  const report = new Report();
  const place = findBroken(root) ?? root;
  const message = 'this is not HCL as this configuration reads it';
  const fix = 'write blocks as KEYWORD "LABEL" { … } and attributes as NAME = VALUE, one on a line';
  report.error(file.span(place.start, Math.max(place.end, place.start + 1)), { code: 'syntax', message, fix });
  return report.sorted(new Map());
}

async function askHashiCorp(file: SourceFile): Promise<readonly Diagnostic[]> {
  if (file.text.length > MAX_ASKED_CHARS || bracketDepth(file.text) > MAX_BRACKETS) {
    return [];
  }
  const parser: unknown = createRequire(import.meta.url)('@cdktn/hcl2json');
  if (!isParser(parser)) {
    return [];
  }
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(''), ANSWER_WITHIN_MS);
  });
  const answer = parser.parse(FILE_MARK, file.text).then(
    () => '',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );
  try {
    return readMessages(file, await Promise.race([answer, tooLate]));
  } finally {
    clearTimeout(timer);
  }
}

function isParser(value: unknown): value is Hcl2Json {
  return typeof value === 'object' && value !== null && 'parse' in value && typeof value.parse === 'function';
}

const UNCLOSED = {
  code: 'syntax',
  message: 'the string that begins here has no end on its line',
  fix: 'write " at its end; a text of several lines stands between <<EOT and EOT',
};

/** The parser's one message to diagnostics: `[FILE:L,C-L,C: Summary; Detail. FILE:…]`. */
function readMessages(file: SourceFile, message: string): readonly Diagnostic[] {
  const report = new Report();
  const head = new RegExp(`${FILE_MARK}:(\\d+),(\\d+)-(?:(\\d+),)?(\\d+): `, 'g');
  const heads = [...message.matchAll(head)];
  for (const [index, match] of heads.entries()) {
    const text = message.slice(match.index + match[0].length, heads[index + 1]?.index ?? message.length);
    const [summary = '', ...detail] = text.replace(/[\]\s]+$/, '').split('; ');
    if (summary === 'Invalid multi-line string') {
      const quote = file.text.lastIndexOf('"', offsetOf(file, Number(match[1]), Number(match[2])));
      report.error(file.span(Math.max(0, quote), Math.max(0, quote) + 1), UNCLOSED);
      // From here on the text is read inside out: every later complaint would be about the same quote.
      break;
    }
    const line = Number(match[1]);
    const start = offsetOf(file, line, Number(match[2]));
    const end = offsetOf(file, match[3] === undefined ? line : Number(match[3]), Number(match[4]));
    const places = detail.join('; ').replaceAll(FILE_MARK, file.display);
    const code = summary === 'Attribute redefined' ? 'duplicate-attribute' : 'syntax';
    report.error(file.span(start, end), { code, message: lowerFirst(summary), fix: places });
  }
  return report.sorted(new Map());
}

/** HCL's columns count grapheme clusters, ours code points. */
function offsetOf(file: SourceFile, line: number, column: number): number {
  const lineStart = file.offsetOfLine(line);
  const newline = file.text.indexOf('\n', lineStart);
  const text = file.text.slice(lineStart, newline === -1 ? file.text.length : newline);
  let offset = 0;
  let seen = 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (seen >= column) {
      break;
    }
    offset += segment.length;
    seen += 1;
  }
  return lineStart + offset;
}

function bracketDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if ('([{'.includes(character)) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (')]}'.includes(character)) {
      depth = Math.max(0, depth - 1);
    }
  }
  return deepest;
}

/** The first error node or token without width. */
function findBroken(root: Node): Node | null {
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.type === 'ERROR' || (node.start === node.end && node !== root)) {
      return node;
    }
    stack.push(...node.children.toReversed());
  }
  return null;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
