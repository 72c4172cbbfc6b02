// Words as programs get them, as far as that is known before the shell has run. Pure.
import type { List, Part, Word } from './ast.ts';
import type { Literal } from './model.ts';

export interface Arg {
  /** Exact, or null. */
  readonly text: Literal;
  /**
   * `pattern`: the shell may put names of files or a home directory in its place; `shown` has it as written. `pipe`: the name of a pipe
   * to another command of the text. `dynamic`: anything.
   */
  readonly kind: 'literal' | 'pattern' | 'pipe' | 'dynamic';
  /** Text with patterns and `~` in it, quotes taken off; "" where nothing is known. */
  readonly shown: string;
  /** Some file below `shown`, which begins at the root: what find puts in place of `{}`. */
  readonly isBelow?: true;
}

const literalArg = (text: string): Arg => ({ text, kind: 'literal', shown: text });

/** Something that is not known before it runs. */
export const DYNAMIC_ARG: Arg = { text: null, kind: 'dynamic', shown: '' };

export function wordArg(word: Word): Arg {
  return partsArg(word.parts);
}

export function partsArg(parts: readonly Part[]): Arg {
  let shown = '';
  let isPattern = false;
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        shown += part.text;
        break;
      case 'glob':
      case 'tilde':
        isPattern = true;
        shown += part.text;
        break;
      case 'process':
        return { text: null, kind: 'pipe', shown: '' };
      case 'variable':
      case 'number':
      case 'substitution':
      case 'expansion':
        return DYNAMIC_ARG;
    }
  }
  return isPattern ? { text: null, kind: 'pattern', shown } : literalArg(shown);
}

/** Commands inside a word. */
export function scriptsIn(parts: readonly Part[]): readonly List[] {
  return parts.flatMap((part) => (part.kind === 'substitution' || part.kind === 'process' ? [part.script] : []));
}

/** Texts of arguments that are all constant, else null. */
export function literals(args: readonly Arg[]): readonly string[] | null {
  const texts = args.flatMap(({ text }) => (text === null ? [] : [text]));
  return texts.length === args.length ? texts : null;
}
