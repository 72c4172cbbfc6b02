// Which run-time parameters a client may set in its startup packet (fact reference 7.3: the safe rows), and how the server
// splits `options` into them. Everything that is not listed is refused: an unknown name may change what later text means.
import { asciiLower } from '../../lib/text.ts';

const SAFE_NAMES: ReadonlySet<string> = new Set([
  'application_name',
  'datestyle',
  'intervalstyle',
  'timezone',
  'extra_float_digits',
  'bytea_output',
  'client_min_messages',
  'lc_messages',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
  'work_mem',
  'temp_buffers',
  'hash_mem_multiplier',
  'cursor_tuple_fraction',
  'from_collapse_limit',
  'join_collapse_limit',
  'plan_cache_mode',
  'default_statistics_target',
  'synchronize_seqscans',
  'quote_all_identifiers',
  'row_security',
  'xmloption',
  'xmlbinary',
  'check_function_bodies',
  'restrict_nonsystem_relation_kind',
  'default_transaction_isolation',
  'default_transaction_deferrable',
  'transaction_isolation',
  'transaction_deferrable',
  'escape_string_warning',
  'search_path',
]);

const SAFE_SHAPES: readonly RegExp[] = [
  /^tcp_[a-z_]+$/,
  /^jit(_[a-z_]+)?$/,
  /^enable_[a-z_]+$/,
  /^geqo(_[a-z_]+)?$/,
  /^[a-z_]+_cost$/,
  /^max_parallel_workers(_[a-z_]+)?$/,
];

/** Shapes cover these too, and they are not safe: libraries that are loaded. */
const NOT_SAFE: ReadonlySet<string> = new Set(['jit_provider', 'jit_debugging_support', 'jit_dump_bitcode']);

/** Parameters of which only some values leave the meaning of text as the gateway reads it. */
const SAFE_VALUES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['standard_conforming_strings', new Set(['on', 'true', 'yes', '1'])],
  ['backslash_quote', new Set(['safe_encoding', 'off', 'false', 'no', '0'])],
  ['default_transaction_read_only', new Set(['on', 'true', 'yes', '1'])],
]);

/** Why this parameter may not be set at start-up, or null when it may. The text names the parameter, never the value. */
export function findParameterProblem(name: string, value: string): string | null {
  const folded = asciiLower(name);
  if (folded === 'client_encoding') {
    return readableEncoding(value) ? null : 'startup parameter "client_encoding" must be UTF8 or SQL_ASCII';
  }
  const values = SAFE_VALUES.get(folded);
  if (values !== undefined) {
    return values.has(asciiLower(value)) ? null : `startup parameter "${folded}" may not have this value`;
  }
  const safe = SAFE_NAMES.has(folded) || (!NOT_SAFE.has(folded) && SAFE_SHAPES.some((shape) => shape.test(folded)));
  return safe ? null : `startup parameter "${shownName(folded)}" is not allowed through this gateway`;
}

/** Whether text in this encoding is what the gateway reads. Spelled as freely as the server allows (`utf-8`, `'utf8'`). */
export function readableEncoding(value: string): boolean {
  const letters = asciiLower(value).replace(/[^a-z0-9]/g, '');
  return letters === 'utf8' || letters === 'unicode' || letters === 'sqlascii';
}

function shownName(name: string): string {
  return name.replace(/[^a-z0-9_.]/g, '?').slice(0, 63);
}

/**
 * Splits `options` as the server does: white space separates, a backslash takes the next character literally. Null when
 * anything else than `-c name=value`, `-cname=value` and `--name=value` is there. Dashes in names mean underscores.
 */
export function splitOptions(text: string): readonly { readonly name: string; readonly value: string }[] | null {
  const words = splitWords(text);
  const settings: { name: string; value: string }[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    let setting: string | undefined;
    if (word === '-c') {
      index += 1;
      setting = words[index];
    } else if (word.startsWith('-c') || word.startsWith('--')) {
      setting = word.slice(2);
    }
    const equals = setting?.indexOf('=') ?? -1;
    if (setting === undefined || equals < 1) {
      return null;
    }
    settings.push({
      name: asciiLower(setting.slice(0, equals)).replaceAll('-', '_'),
      value: setting.slice(equals + 1),
    });
  }
  return settings;
}

function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let inWord = false;
  let escaped = false;
  for (const character of text) {
    if (escaped) {
      word += character;
      escaped = false;
    } else if (character === '\\') {
      escaped = true;
      inWord = true;
    } else if (' \t\n\r\v\f'.includes(character)) {
      if (inWord) {
        words.push(word);
      }
      word = '';
      inWord = false;
    } else {
      word += character;
      inWord = true;
    }
  }
  if (inWord) {
    words.push(word);
  }
  return words;
}
