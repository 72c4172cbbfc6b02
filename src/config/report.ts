// Collects diagnostics over a load and puts them into file order.
import type { Diagnostic, Span } from './diagnostic.ts';

/** What is wrong, and what to write instead. */
export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly fix?: string;
}

/** All problems of one load. Order of reporting does not matter: `sorted` puts them into file order. */
export class Report {
  readonly #diagnostics: Diagnostic[] = [];
  #errors = 0;

  error(at: Span, finding: Finding): void {
    this.#add(at, 'error', finding);
  }

  warning(at: Span, finding: Finding): void {
    this.#add(at, 'warning', finding);
  }

  addAll(diagnostics: readonly Diagnostic[]): void {
    for (const { at, severity, code, message, fix } of diagnostics) {
      this.#add(at, severity, { code, message, fix });
    }
  }

  get errorCount(): number {
    return this.#errors;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** By file (in the order given), line and column; equal places keep the order of reporting. */
  sorted(fileOrder: ReadonlyMap<string, number>): readonly Diagnostic[] {
    const rank = (diagnostic: Diagnostic): number => fileOrder.get(diagnostic.at.file) ?? fileOrder.size;
    return this.#diagnostics.toSorted(
      (a, b) => rank(a) - rank(b) || a.at.line - b.at.line || a.at.column - b.at.column,
    );
  }

  #add(at: Span, severity: 'error' | 'warning', { code, message, fix = '' }: Finding): void {
    this.#diagnostics.push({ at, severity, code, message, fix });
    this.#errors += severity === 'error' ? 1 : 0;
  }
}

/** A fix that names the nearest known word, or lists them when none is near. */
export function suggest(near: string | null, known: readonly string[], noun: string): string {
  if (near !== null) {
    return `did you mean "${near}"?`;
  }
  return known.length === 0 ? '' : `${noun}: ${known.join(', ')}`;
}
