// The words by which records are found: which tables a record's facts name, and words in the form in which they are kept.
import { isObject } from '../lib/fields.ts';

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

/** An action's record and the time in the action's id may be this far apart for the record to be found by that time. */
export const MAX_APART_MS = 1000;

/** What decides how an action's record is found. */
export interface Findable {
  readonly type: string;
  readonly verdict: string;
  /** It tells the outcome too. */
  readonly settled: boolean;
  readonly actionId: string;
  readonly timeMs: number;
}

/**
 * Whether a record is found by its action's id alone (a UUIDv7, which begins with a time). That is how the many records are found that tell
 * all of an action by themselves; every other record of an action is listed, so that what belongs together is found together.
 */
export function isFoundByTime({ type, verdict, settled, actionId, timeMs }: Findable): boolean {
  const alone = type === 'action.decided' && (verdict === 'deny' || (verdict === 'allow' && settled));
  // Anything that does not begin with the digits of a time is no number, which is not near.
  const apart = Number(`0x${actionId.slice(0, 8)}${actionId.slice(9, 13)}`) - timeMs;
  return alone && actionId.length === UUID_CHARS && actionId[14] === '7' && Math.abs(apart) <= MAX_APART_MS;
}

/** The earliest and latest time, in milliseconds, of a UUIDv7 that begins with these hexadecimal digits. */
export function timesOfId(prefix: string): { readonly first: number; readonly last: number } {
  const digits = prefix.replaceAll('-', '').slice(0, TIME_DIGITS);
  return {
    first: Number.parseInt(digits.padEnd(TIME_DIGITS, '0'), 16),
    last: Number.parseInt(digits.padEnd(TIME_DIGITS, 'f'), 16),
  };
}

const TIME_DIGITS = 12;
const UUID_CHARS = 36;
