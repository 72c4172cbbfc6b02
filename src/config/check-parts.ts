// What the cross checks are given.
import type { Config } from './config.ts';
import type { Draft } from './declare.ts';
import type { Span } from './diagnostic.ts';
import type { Report } from './report.ts';

export interface CheckParts {
  readonly draft: Draft;
  readonly config: Config;
  readonly report: Report;
  /** Some file was not read: what seems to be missing may stand there. */
  readonly incomplete: boolean;
}

/** Place of a list's item is not kept; this is the attribute's value, or the block. */
export function placeOf(config: Config, ref: string, attribute: string, otherwise: Span): Span {
  return config.places?.get(`${ref}#${attribute}`) ?? otherwise;
}

/** `FILE:LINE:COL` of a place, for "the first is at". */
export function formatPlace({ file, line, column }: Span): string {
  return `${file}:${line}:${column}`;
}
