// One file's text with a way from offsets to places. Offsets are UTF-16 units of the text; columns count code points.
import type { SourceText } from './config.ts';
import type { Span } from './diagnostic.ts';

/** A text that was read, under the name by which diagnostics call it. */
export class SourceFile {
  /** Path as given on the command line, joined with the file's name for a directory or an include. */
  readonly display: string;
  readonly text: string;
  /** Position in reading order, by which diagnostics are sorted. */
  readonly order: number;
  readonly #lineStarts: readonly number[];
  readonly #wide: boolean;

  constructor(display: string, text: string, order: number) {
    this.display = display;
    this.text = text;
    this.order = order;
    const starts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
      starts.push(at + 1);
    }
    this.#lineStarts = starts;
    this.#wide = /[\ud800-\udfff]/.test(text);
  }

  /** The place of the text from `start` up to `end` (exclusive). */
  span(start: number, end: number): Span {
    const from = this.#point(start);
    const to = this.#point(Math.max(start, end));
    return { file: this.display, line: from.line, column: from.column, endLine: to.line, endColumn: to.column };
  }

  /** Offset at which the 1-based `line` begins. */
  offsetOfLine(line: number): number {
    return this.#lineStarts[line - 1] ?? this.text.length;
  }

  #point(offset: number): { line: number; column: number } {
    const at = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= at) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    const lineStart = this.#lineStarts[low] ?? 0;
    const units = at - lineStart;
    const column = this.#wide ? Array.from(this.text.slice(lineStart, at)).length : units;
    return { line: low + 1, column: column + 1 };
  }
}

/** From decoded offset `at` on, the decoded text stands in the file from `source` on, unit for unit, up to the next run. */
export interface Run {
  readonly at: number;
  readonly source: number;
}

/** A decoded string that remembers where each of its characters was typed. */
export class LocatedText implements SourceText {
  readonly text: string;
  readonly #file: SourceFile;
  readonly #runs: readonly Run[];

  /** `runs` in rising order, the first at 0. */
  constructor(file: SourceFile, text: string, runs: readonly Run[]) {
    this.text = text;
    this.#file = file;
    this.#runs = runs;
  }

  locate(offset: number): Span {
    const at = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#runs[middle]?.at ?? 0) <= at) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    const run = this.#runs[low] ?? { at: 0, source: 0 };
    const source = run.source + (at - run.at);
    return this.#file.span(source, source + 1);
  }
}
