// The words by which records are found: which tables a record's facts name, and words in the form in which they are kept.

/** As SQLite keeps them: it has no form for half a surrogate pair, and a NUL would end the text for some of its functions. */
export function shapeWords(words: readonly string[]): readonly string[] {
  return words.map((word) => (/[\0\ud800-\udfff]/.test(word) ? word.replaceAll(/\0|\p{Cs}/gu, '\ufffd') : word));
}

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
