// An outline made small for its way between threads: parts that are equal become one object, which is copied once. A text of thousands of
// statements mostly says the same of each; copied one by one, their sets and lists held the receiving thread for longer than anything else.
import type { StatementOutline, TextOutline, UnitOutline } from './outline.ts';

/** The same outline, in which equal parts are one object each. Nobody changes an outline after its analysis, so nobody notices. */
export function compact(outline: TextOutline): TextOutline {
  const shared = new Map<string, object>();
  return { statements: outline.statements.map((statement) => compactStatement(statement, shared)) };
}

function compactStatement({ unit, changes, copyIn }: StatementOutline, shared: Map<string, object>): StatementOutline {
  return { unit: compactUnit(unit, shared), changes: changes.length === 0 ? share(changes, shared) : changes, copyIn };
}

function compactUnit(unit: UnitOutline, shared: Map<string, object>): UnitOutline {
  const one = <T extends object>(part: T): T => share(part, shared);
  return {
    ...unit,
    verbs: one(unit.verbs),
    relations: one(unit.relations),
    functions: one(unit.functions),
    volatileFunctions: one(unit.volatileFunctions),
    functionEffects: one(unit.functionEffects),
    shadowable: one(unit.shadowable),
    columns: one(unit.columns),
    writeColumns: one(unit.writeColumns),
    effects: one(unit.effects),
    objects: one(unit.objects),
    copy: one(unit.copy),
    roles: one(unit.roles),
    settings: one(unit.settings),
    predicates: one(unit.predicates),
    rowLimit: unit.rowLimit.kind === 'none' ? one(unit.rowLimit) : unit.rowLimit,
    notes: one(unit.notes),
    opaqueCauses: one(unit.opaqueCauses),
    nested: unit.nested.length === 0 ? one(unit.nested) : unit.nested.map((nested) => compactUnit(nested, shared)),
  };
}

function share<T extends object>(part: T, shared: Map<string, object>): T {
  const key =
    part instanceof Set
      ? `set ${JSON.stringify([...part])}`
      : part instanceof Map
        ? `map ${JSON.stringify([...part])}`
        : JSON.stringify(part);
  const known = shared.get(key);
  if (isLike(known, part)) {
    return known;
  }
  shared.set(key, part);
  return part;
}

/** What is found under a part's key is of its kind and its content, since the key says both. */
function isLike<T extends object>(known: object | undefined, _part: T): known is T {
  return known !== undefined;
}
