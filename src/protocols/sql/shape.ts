// Clients send texts that differ only in whole numbers. Texts of one shape are analysed once: the key is the text with each such
// number replaced, and what the analysis read from a number is read again from the new text. Only plain texts take part: anything
// with quotes, dollars, backslashes, comments or characters beyond ASCII is analysed for itself, and so is a text of which a fact
// hung on a number's value. A property test holds both ways against each other.
import type { Predicate, StatementOutline, TextOutline, UnitOutline } from './outline.ts';

/** A text's shape and where its numbers stand. */
export interface ShapedText {
  readonly key: string;
  /** Start and end of each replaced number, ascending. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Longer numbers may not be int4, which the grammar reads as another kind of token. */
const MAX_DIGITS = 9;
/** Stands for a number in a key; no plain text holds it. */
const PLACEHOLDER = '\u0001';

/** The text's shape, or null when it does not take part or has no number. */
export function shapeOf(text: string): ShapedText | null {
  const starts: number[] = [];
  const ends: number[] = [];
  let key = '';
  let copied = 0;
  let index = 0;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (!isPlain(code, text.charCodeAt(index + 1))) {
      return null;
    }
    if (!isDigit(code)) {
      index += 1;
      continue;
    }
    const start = index;
    while (isDigit(text.charCodeAt(index))) {
      index += 1;
    }
    if (standsAlone(text, start, index)) {
      starts.push(start);
      ends.push(index);
      key += text.slice(copied, start) + PLACEHOLDER;
      copied = index;
    }
  }
  return starts.length === 0 ? null : { key: key + text.slice(copied), starts, ends };
}

/**
 * The text with each number of its own replaced by one and the same: what a fingerprint is taken of, so that all texts of a shape have one (the
 * grammar's own fingerprint tells `varchar(5)` from `varchar(6)`).
 */
export function withoutNumbers(text: string): string {
  return shapeOf(text)?.key.replaceAll(PLACEHOLDER, '1') ?? text;
}

/** False for what starts or is part of a quote, comment, parameter or escape, and for control characters. */
function isPlain(code: number, next: number): boolean {
  switch (code) {
    case 0x22: // "
    case 0x24: // $
    case 0x27: // '
    case 0x5c: // \
      return false;
    case 0x2d: // --
      return next !== 0x2d;
    case 0x2f: // /*
      return next !== 0x2a;
    case 0x09:
    case 0x0a:
    case 0x0d:
      return true;
    default:
      return code >= 0x20 && code < 0x7f;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A number of its own: no part of an identifier or a decimal, short enough, without leading zeros. */
function standsAlone(text: string, start: number, end: number): boolean {
  const before = start === 0 ? 0x20 : text.charCodeAt(start - 1);
  const after = end === text.length ? 0x20 : text.charCodeAt(end);
  const short = end - start <= MAX_DIGITS && (end - start === 1 || text.charCodeAt(start) !== 0x30);
  return short && !isWordOrDot(before) && !isWordOrDot(after);
}

function isWordOrDot(code: number): boolean {
  return (
    isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f || code === 0x2e
  );
}

const SHAPED_VERBS = new Set(['select', 'insert', 'update', 'delete']);

/** The grammar looks at the number itself there. */
const VALUE_MATTERS = /\bfloat\s*\(/i;

/** Whether texts of this shape can share the analysis of this one. */
export function canShare(text: string, shape: ShapedText, outline: TextOutline): boolean {
  const [statement, ...others] = outline.statements;
  if (statement === undefined || others.length > 0 || VALUE_MATTERS.test(text)) {
    return false;
  }
  const { unit } = statement;
  const whole = unit.blank === null && unit.nested.length === 0 && unit.lookup === null && !unit.literalSensitive;
  return (
    whole &&
    statement.changes.length === 0 &&
    SHAPED_VERBS.has(unit.verb) &&
    unit.settings.size === 0 &&
    unit.predicates.every((predicate) => canPatch(predicate, text, shape)) &&
    (unit.rowLimit.kind !== 'rows' || isPatchable(unit.rowLimit.offset, text, shape))
  );
}

function canPatch(predicate: Predicate, text: string, shape: ShapedText): boolean {
  const complete =
    predicate.kind === 'list'
      ? predicate.offsets.length === predicate.values.length
      : predicate.kind === 'literal' || !/\d/.test(predicate.value);
  return complete && predicate.offsets.every((offset) => isPatchable(offset, text, shape));
}

/** A replaced number, or one that every text of the shape has as it is. A sign in front is part of the constant: not patched. */
function isPatchable(offset: number, text: string, shape: ShapedText): boolean {
  return indexOfStart(shape, offset) >= 0 || isDigit(text.charCodeAt(offset));
}

/** Which replaced number begins at the offset; -1 for none. By halves, since a list may have thousands. */
function indexOfStart({ starts }: ShapedText, offset: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return starts[low] === offset ? low : -1;
}

/** The outline of another text of the same shape. */
export function outlineOfShape(
  template: { readonly outline: TextOutline; readonly shape: ShapedText },
  text: string,
  shape: ShapedText,
): TextOutline {
  const number = (offset: number): string | null => {
    const index = indexOfStart(template.shape, offset);
    return index < 0 ? null : text.slice(shape.starts[index], shape.ends[index]);
  };
  const statements = template.outline.statements.map((statement): StatementOutline => {
    const unit: UnitOutline = { ...statement.unit };
    const [start, end] = unit.range ?? [0, text.length];
    const range = [moved(start, template.shape, shape), moved(end, template.shape, shape)] as const;
    unit.range = range;
    unit.text = text.slice(range[0], range[1]);
    unit.predicates = unit.predicates.map((predicate) => patched(predicate, number));
    if (unit.rowLimit.kind === 'rows') {
      const rows = number(unit.rowLimit.offset);
      unit.rowLimit = rows === null ? unit.rowLimit : { ...unit.rowLimit, rows: BigInt(rows) };
    }
    return { ...statement, unit };
  });
  return { statements };
}

function patched(predicate: Predicate, number: (offset: number) => string | null): Predicate {
  if (predicate.offsets.length === 0) {
    return predicate;
  }
  if (predicate.kind !== 'list') {
    return { ...predicate, value: number(predicate.offsets[0] ?? -1) ?? predicate.value };
  }
  const values = predicate.values.map((value, index) => number(predicate.offsets[index] ?? -1) ?? value);
  return { ...predicate, values, value: values.join(',') };
}

/** Where an offset of one text is in another of its shape. */
function moved(offset: number, from: ShapedText, to: ShapedText): number {
  let shift = 0;
  for (const [index, end] of from.ends.entries()) {
    if (end > offset) {
      break;
    }
    shift = (to.ends[index] ?? 0) - end;
  }
  return offset + shift;
}
