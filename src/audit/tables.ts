// Which tables a record's facts name: what the filter `table` looks for.

/** `sql.tables` of recorded facts, of every unit where there are several, without repeats; null when the text is not JSON. */
export function readTables(factsJson: string): readonly string[] | null {
  let facts: unknown;
  try {
    facts = JSON.parse(factsJson);
  } catch {
    return null;
  }
  return tablesOf(facts);
}

/** The same of facts that are parsed already. */
export function tablesOf(facts: unknown): readonly string[] {
  const found = new Set<string>();
  for (const unit of Array.isArray(facts) ? facts : [facts]) {
    collect(unit, found);
  }
  return [...found].toSorted();
}

function collect(unit: unknown, found: Set<string>): void {
  if (!isObject(unit)) {
    return;
  }
  const sql = unit['sql'];
  const tables = isObject(sql) ? sql['tables'] : null;
  for (const table of Array.isArray(tables) ? tables : []) {
    if (typeof table === 'string') {
      found.add(table);
    }
  }
  const nested = unit['units'];
  for (const inner of Array.isArray(nested) ? nested : []) {
    collect(inner, found);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
