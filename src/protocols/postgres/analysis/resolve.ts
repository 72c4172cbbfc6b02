// The forms under which a relation's name is listed (fact reference 3.3).
import { pathKnown, type SqlState } from '../../sql/analysis.ts';
import type { Name } from '../../sql/outline.ts';
import { isCatalogueRelation } from './relations.ts';

/** Null when the name is unqualified and the search path is not known. */
export function nameForms(name: Name, state: SqlState): readonly string[] | null {
  if (name.schema !== null) {
    const schema = /^pg_temp(_\d+)?$/.test(name.schema) ? 'pg_temp' : name.schema;
    const forms = [name.name, `${schema}.${name.name}`];
    return name.database === null || name.database === state.database
      ? forms
      : [...forms, `${name.database}.${schema}.${name.name}`];
  }
  if (state.searchPath === null || !pathKnown(state)) {
    return null;
  }
  // The system catalogue is searched first, unless the path says otherwise.
  if (isCatalogueRelation(name.name) && !state.searchPath.slice(1).includes('pg_catalog')) {
    return [name.name, `pg_catalog.${name.name}`];
  }
  const forms = [name.name];
  for (const entry of state.searchPath) {
    const schema = entry === '$user' ? (state.role ?? '') : entry;
    // What the path names itself may have been made by another connection since the login.
    if (schema !== '' && (entry !== '$user' || state.schemas === null || state.schemas.has(schema))) {
      forms.push(`${schema}.${name.name}`);
    }
  }
  return forms;
}
