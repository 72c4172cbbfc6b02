// Case of literals (configuration reference, section 5.3). A literal that meets an enumeration is lower-cased at load, one
// that meets a header name is canonicalised; what only the evaluation knows is folded then. So there is no silent no.
import { asciiLower, nearest } from '../lib/text.ts';
import { FOLD_FUNCTIONS } from './cel-functions.ts';
import type { Expr } from './cel-tree.ts';
import type { Fold } from './cel-types.ts';
import type { Issue } from './condition-issue.ts';
import type { FactDefinition } from './fact-schema.ts';
import { canonicalHeader } from './header-name.ts';

/** How a literal meets the fact: as a whole value, or as the part of one that a string method looks for. */
export type Meeting = 'whole' | 'contains' | 'startsWith' | 'endsWith';

export interface Folding {
  readonly fold: Fold;
  readonly meeting: Meeting;
  /** The list literal that a comprehension variable runs over, or null. */
  findRange(variable: string): Expr | null;
  report(issue: Issue): void;
}

/** The text as the folded fact would have it. */
function foldText(text: string, fold: Fold): string {
  return fold.how === 'lower' ? asciiLower(text) : canonicalHeader(text);
}

/** `expr` rewritten so that its value, or what it holds, is folded. */
export function foldInto(expr: Expr, folding: Folding): Expr {
  const inner = (child: Expr): Expr => foldInto(child, folding);
  switch (expr.kind) {
    case 'const':
      return typeof expr.value === 'string' ? foldLiteral(expr.value, expr.at, folding) : expr;
    case 'list':
      return { ...expr, items: expr.items.map(inner) };
    case 'map':
      return { ...expr, entries: expr.entries.map(([key, value]) => [inner(key), value] as const) };
    case 'conditional':
      return { ...expr, yes: inner(expr.yes), no: inner(expr.no) };
    case 'name': {
      const range = folding.findRange(expr.name);
      if (range !== null) {
        // Only for its findings: the variable may meet other things too, so its range stays as written.
        inner(range);
      }
      return atEvaluation(expr, folding.fold);
    }
    case 'call':
      return foldCall(expr, folding);
    case 'fact':
    case 'select':
    case 'index':
    case 'fold':
    case 'and':
    case 'or':
      return atEvaluation(expr, folding.fold);
  }
}

function foldCall(expr: Extract<Expr, { kind: 'call' }>, folding: Folding): Expr {
  if (expr.function === 'dyn' || isListSum(expr)) {
    return { ...expr, args: expr.args.map((arg) => foldInto(arg, folding)) };
  }
  return atEvaluation(expr, folding.fold);
}

/** A concatenation with a list literal in it; concatenated text is folded as a whole. */
function isListSum(expr: Expr): boolean {
  return (
    expr.kind === 'call' && expr.function === '_+_' && expr.args.some((arg) => arg.kind === 'list' || isListSum(arg))
  );
}

function atEvaluation(expr: Expr, fold: Fold): Expr {
  return { kind: 'call', function: FOLD_FUNCTIONS[fold.how], args: [expr], method: false, at: expr.at };
}

function foldLiteral(text: string, at: number, folding: Folding): Expr {
  const { fold, meeting } = folding;
  const folded = foldText(text, fold);
  const { definition } = fold;
  if (definition !== null && !canMatch(folded, definition, meeting)) {
    const verb = meeting === 'whole' ? 'is none of its values' : `fits none of its values (${meeting})`;
    folding.report({
      code: 'dead-literal',
      severity: 'error',
      message: `'${text}' can never match ${fold.fact}: it ${verb}`,
      fix: fixFor(folded, definition),
      at,
    });
  }
  return { kind: 'const', value: folded, at };
}

function canMatch(text: string, definition: FactDefinition, meeting: Meeting): boolean {
  const values = definition.values ?? [];
  return meeting === 'whole' ? values.includes(text) : values.some((value) => PART[meeting](value, text));
}

const PART: Readonly<Record<Exclude<Meeting, 'whole'>, (value: string, text: string) => boolean>> = {
  contains: (value, text) => value.includes(text),
  startsWith: (value, text) => value.startsWith(text),
  endsWith: (value, text) => value.endsWith(text),
};

function fixFor(text: string, { values = [], hints = {}, name }: FactDefinition): string {
  if (Object.hasOwn(hints, text)) {
    return `write ${hints[text] ?? ''}`;
  }
  const meant = nearest(text.trim(), values);
  return meant === null ? `${name} has the values ${values.join(', ')}` : `write '${meant}'`;
}
