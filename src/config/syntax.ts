// The syntax tree: what was typed, with positions. Nothing here knows what a block or an attribute means.
import type { Span } from './diagnostic.ts';
import type { LocatedText } from './source.ts';

/** A constant expression (config reference, 0.1). `invalid` was reported already and has no value. */
export type Expression =
  | { readonly kind: 'string'; readonly text: LocatedText; readonly at: Span }
  | { readonly kind: 'number'; readonly value: number; readonly at: Span }
  | { readonly kind: 'bool'; readonly value: boolean; readonly at: Span }
  | { readonly kind: 'null'; readonly at: Span }
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly at: Span }
  | { readonly kind: 'object'; readonly entries: readonly ObjectEntry[]; readonly at: Span }
  | { readonly kind: 'reference'; readonly segments: readonly string[]; readonly at: Span }
  | { readonly kind: 'invalid'; readonly at: Span };

export interface ObjectEntry {
  readonly key: string;
  readonly keyAt: Span;
  readonly value: Expression;
}

export interface Attribute {
  readonly kind: 'attribute';
  readonly name: string;
  /** Place of the name. */
  readonly at: Span;
  readonly value: Expression;
}

export interface Label {
  readonly text: string;
  readonly at: Span;
}

export interface Block {
  readonly kind: 'block';
  readonly keyword: string;
  readonly labels: readonly Label[];
  readonly body: Body;
  /** Place of the keyword. */
  readonly at: Span;
}

/** Attributes and blocks in the order in which they were written. */
export type Body = readonly (Attribute | Block)[];

/** Calls an expression's kind by the word that people know. */
export function describeExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'string':
      return 'a string';
    case 'number':
      return 'a number';
    case 'bool':
      return 'a bool';
    case 'null':
      return 'null';
    case 'list':
      return 'a list';
    case 'object':
      return 'an object';
    case 'reference':
      return 'a reference';
    case 'invalid':
      return 'no value';
  }
}
