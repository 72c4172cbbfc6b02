// What to say about a name that a condition uses and nobody has.
import { nearest } from '../lib/text.ts';
import type { Family } from './action.ts';
import { FUNCTIONS } from './cel-functions.ts';
import type { FactSchema } from './fact-schema.ts';

interface Text {
  readonly message: string;
  readonly fix: string;
}

/** For a name that is no fact of the family. */
export function describeUnknownName(name: string, family: Family, schemas: ReadonlyMap<Family, FactSchema>): Text {
  const owners = [...schemas.values()].filter(({ facts }) => facts.has(name)).map((schema) => schema.family);
  if (owners.length > 0) {
    return {
      message: `${name} belongs to family ${owners.join(', ')}; this rule is about ${family} endpoints`,
      fix: `name a fact of ${family}`,
    };
  }
  const known = [...(schemas.get(family)?.facts.keys() ?? [])];
  const group = known.filter((fact) => fact.startsWith(`${name}.`));
  if (group.length > 0) {
    return {
      message: `${name} is a group of facts, not a value`,
      fix: `name one of them, for example ${group[0] ?? ''}`,
    };
  }
  const meant = nearest(name, known);
  return { message: `there is no fact ${name}`, fix: meant === null ? '' : `write ${meant}` };
}

/** For a function or method that does not exist, or that was called the wrong way. */
export function describeUnknownFunction(name: string, method: boolean): Text {
  if (name === 'has') {
    return { message: 'has() takes a field', fix: 'write has(http.body_json.field)' };
  }
  if (MACROS.has(name)) {
    return { message: `${name}() is written list.${name}(x, …)`, fix: `write list.${name}(x, …)` };
  }
  const shown = method ? `method ${name}` : `function ${name}`;
  const meant = nearest(
    name,
    [...FUNCTIONS.keys(), ...MACROS].filter((known) => /^[a-z]/.test(known)),
  );
  return { message: `there is no ${shown}`, fix: meant === null ? '' : `write ${meant}` };
}

const MACROS: ReadonlySet<string> = new Set(['exists', 'all', 'exists_one', 'map', 'filter']);

/** Names that are macros; as a call they come out of the parser only when they were written wrongly. */
export function isMacroName(name: string): boolean {
  return MACROS.has(name);
}
