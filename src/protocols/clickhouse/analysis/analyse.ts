// From a text to its outline. Total: what cannot be accounted for token by token comes back opaque.
import { createUnitOutline, opaqueText, type TextOutline } from './outline.ts';

export interface AnalyseOptions {
  /** False when more of the text follows that is not here. */
  readonly complete: boolean;
  /** Lower-case names of functions that count as safe. */
  readonly trusted: ReadonlySet<string>;
}

const TRIVIAL = /^\s*SELECT\s+\d{1,9}\s*;?\s*$/i;

/** Analyses a text without NUL. */
export function analyseText(text: string, options: AnalyseOptions): TextOutline {
  if (!options.complete || !TRIVIAL.test(text)) {
    return opaqueText({ text, cause: 'unparseable', unknown: 'unparseable' });
  }
  const unit = createUnitOutline('top');
  unit.verb = 'select';
  unit.verbs.add('select');
  unit.effects.add('read');
  unit.text = text;
  return { ...opaqueText({ text, cause: 'unparseable', unknown: 'unparseable' }), verb: 'select', unit };
}
