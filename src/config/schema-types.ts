// The vocabulary of the schema tables: what a block and an attribute can be described by.
import type { AttributeValue } from './config.ts';

/** Kinds of named blocks that a reference may point at. */
export type RefKind = 'profile' | 'credential' | 'endpoint' | 'approver' | 'tunnel' | 'notifier' | 'context';

/** Types of values (config reference, 0.1). Durations decode to milliseconds, sizes to bytes, references to `TYPE.NAME`. */
export type ValueType =
  | { readonly kind: 'string'; readonly secret?: true; readonly markers?: true; readonly form?: StringForm }
  | { readonly kind: 'bool' }
  | { readonly kind: 'int'; readonly min?: number; readonly max?: number }
  /** `words`: texts with a meaning of their own, in milliseconds. `minMs` defaults to "more than 0". */
  | {
      readonly kind: 'duration';
      readonly minMs?: number;
      readonly maxMs?: number;
      readonly words?: Readonly<Record<string, number>>;
    }
  /** A whole number of seconds, or a duration. */
  | { readonly kind: 'seconds'; readonly minMs?: number; readonly maxMs?: number }
  /** A duration, or "0", "0s", "off": 0, for ever. */
  | { readonly kind: 'retention' }
  | { readonly kind: 'size' }
  | { readonly kind: 'host'; readonly wildcards: boolean }
  | { readonly kind: 'enum'; readonly words: readonly string[] }
  | { readonly kind: 'ref'; readonly to: RefKind; readonly types?: readonly string[] }
  | { readonly kind: 'list'; readonly of: ValueType; readonly nonEmpty?: true }
  /** Object of strings. */
  | { readonly kind: 'map' }
  /** Object of anything constant. */
  | { readonly kind: 'object' }
  /** A profile's entry: a reference, or an object with `credential` and disambiguators. */
  | { readonly kind: 'profile-credential' }
  /** A model family, `"agent"`, or a reference to an llm_approver. */
  | { readonly kind: 'other-family' }
  | { readonly kind: 'condition' };

/** Strings with a form of their own; `value-forms.ts` checks them. */
export type StringForm =
  | 'address'
  | 'base64-key'
  | 'cidr'
  | 'dial-host'
  | 'env-name'
  | 'header-name'
  | 'host-or-url'
  | 'host-key'
  | 'public-key'
  | 'interface'
  | 'ip-port'
  | 'operator'
  | 'tailnet-node'
  | 'resolver'
  | 'absolute-path'
  | 'path'
  | 'pem'
  | 'timezone'
  | 'url'
  | 'url-https';

/** An element whose type and checks are fixed now and whose work comes later. */
export interface Later {
  readonly mode: 'warn' | 'refuse';
  /** The safe side taken until then. */
  readonly until: string;
}

export interface AttributeSpec {
  readonly type: ValueType;
  readonly doc: string;
  readonly required?: true;
  /** Decoded; null = none. */
  readonly default?: AttributeValue;
  /** How the reference page writes a default that is not a constant. */
  readonly defaultText?: string;
  readonly later?: Later;
}

export interface BlockSpec {
  readonly doc: string;
  readonly attributes: Readonly<Record<string, AttributeSpec>>;
  readonly blocks?: Readonly<Record<string, NestedSpec>>;
  /** Pairs that exclude one another. */
  readonly exclusive?: readonly (readonly [string, string])[];
  /** Sets of which exactly one must be written. */
  readonly exactlyOne?: readonly (readonly string[])[];
  readonly later?: Later;
  /** Names that were another thing once, and what to write now. */
  readonly hints?: Readonly<Record<string, string>>;
}

export interface NestedSpec extends BlockSpec {
  /** Labels it takes; `optional-slot`: none or one. */
  readonly labels?: 'none' | 'optional-slot';
  readonly many?: true;
}

/** A top-level block: its labels, and its body by type where it has one. */
export type TopLevelSpec =
  | { readonly labels: 'none' | 'name' | 'tier'; readonly doc: string; readonly body: BlockSpec }
  | {
      readonly labels: 'type-name';
      readonly doc: string;
      readonly types: Readonly<Record<string, BlockSpec>>;
    };

export const text: ValueType = { kind: 'string' };
export const bool: ValueType = { kind: 'bool' };
export const duration: ValueType = { kind: 'duration' };
export const seconds: ValueType = { kind: 'seconds' };
export const size: ValueType = { kind: 'size' };
export const path: ValueType = { kind: 'string', form: 'path' };
export const secretText: ValueType = { kind: 'string', secret: true };
export const url: ValueType = { kind: 'string', form: 'url' };
export const strings: ValueType = { kind: 'list', of: text };

export function oneOf(...words: string[]): ValueType {
  return { kind: 'enum', words };
}

export function int(min: number, max: number = 2 ** 31 - 1): ValueType {
  return { kind: 'int', min, max };
}

export function listOf(of: ValueType): ValueType {
  return { kind: 'list', of };
}

export function formOf(form: StringForm): ValueType {
  return { kind: 'string', form };
}

export function refTo(to: RefKind, ...types: string[]): ValueType {
  return types.length === 0 ? { kind: 'ref', to } : { kind: 'ref', to, types };
}

export function laterWarn(until: string): Later {
  return { mode: 'warn', until };
}

/** Families that a model can belong to. */
export const MODEL_FAMILIES: readonly string[] = [
  'anthropic',
  'openai',
  'google',
  'meta',
  'mistral',
  'qwen',
  'deepseek',
  'other',
];

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
