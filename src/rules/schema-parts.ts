// Shorthand for writing fact schemas as tables. Nothing here but constructors.
import type { FactClass, FactDefinition, FactType } from './fact-schema.ts';

export const STRING: FactType = { kind: 'string' };
export const INT: FactType = { kind: 'int' };
export const DOUBLE: FactType = { kind: 'double' };
export const BOOL: FactType = { kind: 'bool' };
export const TIMESTAMP: FactType = { kind: 'timestamp' };
export const DYN: FactType = { kind: 'dyn' };
export const STRINGS: FactType = { kind: 'list', of: STRING };
export const STRING_MAP: FactType = { kind: 'map', of: STRING };
export const STRINGS_MAP: FactType = { kind: 'map', of: STRINGS };

export function listOf(of: FactType): FactType {
  return { kind: 'list', of };
}

export function record(fields: Readonly<Record<string, FactType>>): FactType {
  return { kind: 'record', fields };
}

type ChosenBy = FactDefinition['chosenBy'];

/** Makes facts that share a class and an author. `words` are an enumeration's values, separated by `|`. */
export interface FactMaker {
  plain(name: string, type: FactType, doc: string): FactDefinition;
  /** A closed enumeration: string, or list of strings. */
  closed(name: string, type: FactType, words: string, doc: string): FactDefinition;
  /** An open enumeration: literals are folded, none is dead. */
  open(name: string, type: FactType, doc: string): FactDefinition;
}

export function facts(factClass: FactClass, chosenBy: ChosenBy): FactMaker {
  const plain = (name: string, type: FactType, doc: string): FactDefinition => ({
    name,
    type,
    class: factClass,
    chosenBy,
    doc,
  });
  return {
    plain,
    closed: (name, type, words, doc) => ({ ...plain(name, type, doc), values: words.split('|') }),
    open: (name, type, doc) => ({ ...plain(name, type, doc), folded: true }),
  };
}
