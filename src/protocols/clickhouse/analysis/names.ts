// The forms under which a relation's name is listed (fact reference 3.3). Names are case-sensitive on the server.
import type { Name } from '../../sql/outline.ts';

/** As written, with the database it is looked up in, and a lower-cased copy of each that differs. */
export function nameForms(name: Name, database: string): readonly string[] {
  const forms = [name.name];
  if (name.schema !== null) {
    forms.push(`${name.schema}.${name.name}`);
  } else if (name.temporary !== true && database !== '') {
    forms.push(`${database}.${name.name}`);
  }
  return [...new Set(forms.flatMap((form) => [form, form.toLowerCase()]))];
}
