// RE2 patterns: linear time whatever the pattern and the text. No RegExp is ever made from a rule or from a request.
import { RE2JS } from 're2js';
import { messageOf } from '../lib/errors.ts';
import { Lru } from '../lib/lru.ts';
import type { Budget } from './cel-budget.ts';
import { EXHAUSTED, Failure } from './cel-values.ts';

/** A pattern that only a request names is compiled again and again; longer ones are not compiled at all. */
const MAX_DYNAMIC_PATTERN_CHARS = 1000;
/** Instructions of a compiled program that run for the price of one. */
const PROGRAM_PER_STEP = 32;

export interface Pattern {
  test(text: string, budget: Budget): boolean | Failure;
}

class CompiledPattern implements Pattern {
  readonly #regexp: RE2JS;
  readonly #weight: number;

  constructor(regexp: RE2JS) {
    this.#regexp = regexp;
    this.#weight = 1 + regexp.programSize() / PROGRAM_PER_STEP;
  }

  test(text: string, budget: Budget): boolean | Failure {
    return budget.spendText(text.length * this.#weight) ? this.#regexp.test(text) : EXHAUSTED;
  }
}

/** Compiles a pattern (RE2 syntax, unanchored), or says why it is none. */
export function compilePattern(pattern: string, ignoreCase: boolean): Pattern | { readonly error: string } {
  try {
    return new CompiledPattern(RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0));
  } catch (error) {
    return { error: messageOf(error).replace(/^error parsing regexp: /, '') };
  }
}

/** Patterns that are not constants of a rule. */
const MAX_CACHED = 200;
const cache = new Lru<string, Pattern | Failure>(MAX_CACHED);

export function findPattern(pattern: string, budget: Budget): Pattern | Failure {
  const known = cache.find(pattern);
  if (known !== null) {
    return known;
  }
  if (pattern.length > MAX_DYNAMIC_PATTERN_CHARS) {
    return new Failure(`a pattern that is computed has at most ${MAX_DYNAMIC_PATTERN_CHARS} characters`);
  }
  // Compiling costs about what scanning a few thousand characters costs.
  if (!budget.spend(100 + pattern.length)) {
    return EXHAUSTED;
  }
  const compiled = compilePattern(pattern, false);
  const entry = 'error' in compiled ? new Failure(`not a pattern: ${compiled.error}`) : compiled;
  cache.put(pattern, entry);
  return entry;
}
