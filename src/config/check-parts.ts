// What the cross checks are given.
import type { Draft } from './declare.ts';
import type { Config } from './config.ts';
import type { Span } from './diagnostic.ts';
import type { Report } from './report.ts';

export interface CheckParts {
  readonly draft: Draft;
  readonly config: Config;
  readonly report: Report;
  /** Some file was not read: what seems to be missing may stand there. */
  readonly incomplete: boolean;
}

/** `FILE:LINE:COL` of a place, for "the first is at". */
export function formatPlace({ file, line, column }: Span): string {
  return `${file}:${line}:${column}`;
}
