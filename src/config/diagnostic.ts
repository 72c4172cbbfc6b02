// Findings about a configuration, each with a place and a fix (config reference, section 0.2).

/** A place in a file. Lines and columns are 1-based; columns count Unicode code points. */
export interface Position {
  /** Path as given on the command line, joined with the file's name for a directory. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Span extends Position {
  readonly endLine: number;
  readonly endColumn: number;
}

export interface Diagnostic {
  readonly at: Span;
  readonly severity: 'error' | 'warning';
  /** One of the codes of the config reference, for example `unknown-attribute`. */
  readonly code: string;
  /** Names, never a secret's value. */
  readonly message: string;
  /** What to write instead; "" only where there is nothing to say. */
  readonly fix: string;
}

/** The printed form: two lines, the second only when there is a fix. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { at, severity, message, code, fix } = diagnostic;
  const head = `${at.file}:${at.line}:${at.column}: ${severity}: ${message} [${code}]`;
  return fix === '' ? head : `${head}\n  fix: ${fix}`;
}
