// The shape of a fact schema: what names a family has, of which CEL type, and how long a value may be remembered.
import type { FactValue, Family } from './action.ts';

/** CEL type of a fact as the checker sees it. */
export type FactType =
  | { readonly kind: 'string' | 'int' | 'double' | 'bool' | 'timestamp' | 'dyn' }
  | { readonly kind: 'list'; readonly of: FactType }
  | { readonly kind: 'map'; readonly of: FactType }
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, FactType>> };

/**
 * What the value is a function of. `shape`: the action's `memo` object. `text`: also literals in the text or bound parameters.
 * `connection`: constant or tracked per connection (agent.*, sql.transaction). `volatile`: time, people, outside systems.
 */
export type FactClass = 'shape' | 'text' | 'connection' | 'volatile';

export interface FactDefinition {
  /** Full name, `sql.verb`; facts without a dot (`risk`) are top-level variables. */
  readonly name: string;
  readonly type: FactType;
  readonly class: FactClass;
  /** Closed set of lower-case values (elements, for a list); literals are folded, others are `dead-literal`. */
  readonly values?: readonly string[];
  /** What to write for literals that people expect in `values` but that are spelled otherwise there. */
  readonly hints?: Readonly<Record<string, string>>;
  /** An enumeration that is open (http.method): literals are folded, none is dead. */
  readonly folded?: boolean;
  /** Who can choose the value: agent, gateway, operators, upstream. */
  readonly chosenBy: 'agent' | 'gateway' | 'operators' | 'upstream';
  /** One-line meaning, for the generated documentation. */
  readonly doc: string;
}

/** All facts of a family, common ones included. */
export interface FactSchema {
  readonly family: Family;
  readonly facts: ReadonlyMap<string, FactDefinition>;
}

/** What a fact of that type is worth where it has no meaning: "", 0, false, nothing in it. */
export function neutralValue(type: FactType): FactValue {
  switch (type.kind) {
    case 'string':
      return '';
    case 'int':
      return 0n;
    case 'double':
      return 0;
    case 'bool':
      return false;
    case 'timestamp':
      // There is no instant that means none.
      return null;
    case 'list':
      return [];
    case 'map':
      return new Map();
    case 'dyn':
    case 'record':
      return {};
  }
}
