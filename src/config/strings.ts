// Quoted strings and heredocs to text, with the way back from each character to where it was typed (config reference, 4.1).
import { LocatedText } from './source.ts';
import type { Run, SourceFile } from './source.ts';

export type DecodedString =
  | { readonly kind: 'text'; readonly text: LocatedText }
  /** `what` is a template or text that HCL refuses, from `start` to `end` of the file. */
  | { readonly kind: 'template' | 'malformed'; readonly start: number; readonly end: number; readonly message: string };

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** Builds a decoded text piece by piece; a new run begins wherever the file and the text stop going in step. */
class Builder {
  readonly #pieces: string[] = [];
  readonly #runs: Run[] = [];
  #length = 0;
  #expected = -1;

  /** Appends `text`, which stands for the file's text from `source` on, `width` units long. */
  add(text: string, source: number, width: number = text.length): void {
    if (source !== this.#expected) {
      this.#runs.push({ at: this.#length, source });
    }
    this.#pieces.push(text);
    this.#length += text.length;
    this.#expected = width === text.length ? source + width : -1;
  }

  finish(file: SourceFile, source: number): LocatedText {
    if (this.#runs.length === 0 || this.#expected !== source) {
      this.#runs.push({ at: this.#length, source });
    }
    return new LocatedText(file, this.#pieces.join(''), this.#runs);
  }
}

/** The string whose quotes stand at `start` and just before `end`. */
export function decodeQuoted(file: SourceFile, start: number, end: number): DecodedString {
  const { text } = file;
  const last = end - 1;
  const builder = new Builder();
  let at = start + 1;
  while (at < last) {
    const from = at;
    while (at < last && !'\\$%\n'.includes(text.charAt(at))) {
      at += 1;
    }
    if (at > from) {
      builder.add(text.slice(from, at), from);
      continue;
    }
    const special = text.charAt(at);
    if (special === '\n') {
      return { kind: 'malformed', start: at, end: at, message: 'a quoted string ends on the line it begins on' };
    }
    const step = special === '\\' ? takeEscape(text, at, last) : takeDollar(text, at, last);
    if (step.kind !== 'ok') {
      return { ...step, start: at };
    }
    builder.add(step.text, at, step.width);
    at += step.width;
  }
  return { kind: 'text', text: builder.finish(file, last) };
}

type Step =
  | { readonly kind: 'ok'; readonly text: string; readonly width: number }
  | { readonly kind: 'template' | 'malformed'; readonly end: number; readonly message: string };

function takeEscape(text: string, at: number, last: number): Step {
  const selector = at + 1 < last ? text.charAt(at + 1) : '';
  const simple = SIMPLE_ESCAPES[selector];
  if (simple !== undefined) {
    return { kind: 'ok', text: simple, width: 2 };
  }
  const digits = selector === 'u' ? 4 : selector === 'U' ? 8 : 0;
  const hex = text.slice(at + 2, Math.min(at + 2 + digits, last));
  const code = /^[0-9A-Fa-f]+$/.test(hex) ? Number.parseInt(hex, 16) : Number.NaN;
  if (digits === 0 || hex.length !== digits || Number.isNaN(code)) {
    const shown = Array.from(text.slice(at, Math.min(at + 3, last)))
      .slice(0, 2)
      .join('');
    return { kind: 'malformed', end: at + shown.length, message: `"${shown}" is not an escape sequence` };
  }
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return { kind: 'malformed', end: at + 2 + digits, message: `U+${hex} is not a character` };
  }
  return { kind: 'ok', text: String.fromCodePoint(code), width: 2 + digits };
}

/** At a `$` or `%`: `$${` stands for `${`; `${` begins a template. */
function takeDollar(text: string, at: number, last: number): Step {
  const sign = text.charAt(at);
  let signs = 1;
  while (at + signs < last && text.charAt(at + signs) === sign) {
    signs += 1;
  }
  if (at + signs >= last || text.charAt(at + signs) !== '{') {
    return { kind: 'ok', text: sign.repeat(signs), width: signs };
  }
  if (signs === 2) {
    return { kind: 'ok', text: `${sign}{`, width: 3 };
  }
  const message =
    signs === 1
      ? `"${sign}{" begins a template, and values are constants`
      : `"${sign.repeat(signs)}{" can be read in two ways`;
  return { kind: 'template', end: at + signs + 1, message };
}

interface HeredocLine {
  readonly start: number;
  /** Past the newline. */
  readonly end: number;
}

/** The heredoc that begins at `start` with `<<` or `<<-` and ends, marker included, at `end`. */
export function decodeHeredoc(file: SourceFile, start: number, end: number): DecodedString {
  const { text } = file;
  const head = /^<<(-?)([^\s"'<>{}()[\],]+)\r?\n/.exec(text.slice(start, Math.min(end, start + 300)));
  const lines = head === null ? null : findHeredocLines(text, start + head[0].length, head[2] ?? '');
  if (head === null || lines === null || lines.end !== end) {
    return {
      kind: 'malformed',
      start,
      end: start + 2,
      message: 'a heredoc begins with <<NAME at the end of a line and ends with a line that holds only NAME',
    };
  }
  const dropped = head[1] === '-' ? commonIndent(text, lines.body) : 0;
  const builder = new Builder();
  for (const line of lines.body) {
    const raw = text.slice(line.start, line.end);
    const skip = raw.trim() === '' ? 0 : dropped;
    const problem = addHeredocLine(builder, text, { start: line.start + skip, end: line.end });
    if (problem !== null) {
      return problem;
    }
  }
  return { kind: 'text', text: builder.finish(file, lines.closing) };
}

function findHeredocLines(
  text: string,
  bodyStart: number,
  name: string,
): { readonly body: HeredocLine[]; readonly closing: number; readonly end: number } | null {
  const body: HeredocLine[] = [];
  let at = bodyStart;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const lineEnd = newline === -1 ? text.length : newline;
    const line = text.slice(at, lineEnd);
    if (line.trim() === name) {
      const indent = line.length - line.trimStart().length;
      return { body, closing: at, end: at + indent + name.length };
    }
    if (newline === -1) {
      return null;
    }
    body.push({ start: at, end: newline + 1 });
    at = newline + 1;
  }
  return null;
}

/** The smallest indentation of the lines that hold more than white space, in characters, as HCL counts it. */
function commonIndent(text: string, lines: readonly HeredocLine[]): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    const raw = text.slice(line.start, line.end);
    const trimmed = raw.trimStart();
    if (trimmed !== '') {
      smallest = Math.min(smallest, raw.length - trimmed.length);
    }
  }
  return Number.isFinite(smallest) ? smallest : 0;
}

function addHeredocLine(builder: Builder, text: string, line: HeredocLine): DecodedString | null {
  let at = line.start;
  while (at < line.end) {
    const from = at;
    while (at < line.end && !'$%'.includes(text.charAt(at))) {
      at += 1;
    }
    if (at > from) {
      builder.add(text.slice(from, at), from);
      continue;
    }
    const step = takeDollar(text, at, line.end);
    if (step.kind !== 'ok') {
      return { ...step, start: at };
    }
    builder.add(step.text, at, step.width);
    at += step.width;
  }
  return null;
}
