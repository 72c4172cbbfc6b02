// The checks that look at more than one value: which blocks run, in which order. Each lives beside its subject.
import { checkRules } from './check-rules.ts';
import type { CheckParts } from './check-parts.ts';

/** Runs every cross check over a configuration; problems go to the report. */
export function runChecks(parts: CheckParts): void {
  checkRules(parts);
}
