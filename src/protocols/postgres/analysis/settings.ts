// What setting a parameter does to later statements (fact reference 7.3), whichever way it is set: SET, set_config, the
// startup packet, CREATE FUNCTION … SET, ALTER ROLE … SET.
import type { Risk } from '../../../rules/action.ts';
import { asciiLower } from '../../../lib/text.ts';

export interface SettingJudgement {
  readonly tier: Risk;
  readonly cause: string;
  readonly reason: string;
  /** Entries of `sql.effects`. */
  readonly effects: readonly string[];
  /** The gateway would read another text than the server, or a read-only endpoint would be opened: refused whatever rules say. */
  readonly refused: string | null;
}

const SAFE =
  'application_name datestyle intervalstyle timezone extra_float_digits bytea_output client_min_messages lc_messages lc_monetary ' +
  'lc_numeric lc_time statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout ' +
  'transaction_timeout tcp_* work_mem temp_buffers hash_mem_multiplier jit* enable_* geqo* *_cost cursor_tuple_fraction ' +
  'from_collapse_limit join_collapse_limit plan_cache_mode default_statistics_target max_parallel_workers* synchronize_seqscans ' +
  'quote_all_identifiers row_security xmloption xmlbinary check_function_bodies restrict_nonsystem_relation_kind ' +
  'default_transaction_isolation default_transaction_deferrable transaction_isolation transaction_deferrable search_path ' +
  'transaction_snapshot seed';
const SUSPICIOUS =
  'synchronous_commit commit_delay default_tablespace temp_tablespaces default_table_access_method default_toast_compression ' +
  'default_with_oids maintenance_work_mem vacuum_* backend_flush_after *.*';
/** Named here although a pattern of the safe list would match them. */
const DESTRUCTIVE = 'jit_provider';

function matcher(names: string): (name: string) => boolean {
  const patterns = names
    .split(' ')
    .map((name) => new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's'));
  return (name) => patterns.some((pattern) => pattern.test(name));
}

const isSafe = matcher(SAFE);
const isSuspicious = matcher(SUSPICIOUS);
const isDestructive = matcher(DESTRUCTIVE);

/** Values of the parameters that decide how text is read, under which our grammar reads the same. */
const READING: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['client_encoding', (value: string): boolean => /^(utf-?8|unicode|sql_?ascii)$/.test(value)],
  ['standard_conforming_strings', isOn],
  ['backslash_quote', (value: string): boolean => value === 'safe_encoding' || isOff(value)],
  ['escape_string_warning', (): boolean => true],
]);

/** The server's boolean words, prefixes included. */
function isOn(value: string): boolean {
  return value !== '' && ('true'.startsWith(value) || 'yes'.startsWith(value) || value === 'on' || value === '1');
}

function isOff(value: string): boolean {
  return (
    value !== '' &&
    ('false'.startsWith(value) || 'no'.startsWith(value) || value === 'of' || value === 'off' || value === '0')
  );
}

function judgement(
  tier: Risk,
  cause: string,
  reason: string,
  effects: readonly string[] = ['session'],
): SettingJudgement {
  return { tier, cause, reason, effects, refused: null };
}

const SESSION = judgement('safe', '', '');

/**
 * Judges `SET name = value`. `value` null: not a literal; `default` sets back what the server had at login. Names compare without regard to case,
 * as the server's do.
 */
export function judgeSetting(rawName: string, rawValue: string | null, readOnly: boolean): SettingJudgement {
  const name = asciiLower(rawName);
  const value = rawValue === null ? null : asciiLower(rawValue.trim());
  const reading = READING.get(name);
  if (reading !== undefined) {
    return value !== null && (value === 'default' || reading(value)) ? SESSION : refuseReading(name);
  }
  if (name === 'role' || name === 'session_authorization') {
    return judgement('destructive', 'identity', `sets ${name}, which changes who later statements run as`, [
      'session',
      'identity',
    ]);
  }
  if (name === 'transaction_read_only' || name === 'default_transaction_read_only') {
    if (value !== null && isOn(value)) {
      return SESSION;
    }
    const note = judgement('suspicious', 'read_write', `sets ${name}, which lets later statements write`);
    return readOnly ? { ...note, refused: 'this endpoint is read-only: read-write transactions are refused' } : note;
  }
  if (isDestructive(name)) {
    return dangerous(name);
  }
  if (isSafe(name)) {
    return value === null && name === 'search_path'
      ? judgement('suspicious', 'search_path', 'sets search_path to a value that is not in the text')
      : SESSION;
  }
  return isSuspicious(name) ? judgement('suspicious', 'setting', `sets ${rawName}`) : dangerous(name);
}

function dangerous(name: string): SettingJudgement {
  return judgement('destructive', 'setting', `sets ${name}, which is on no list of harmless parameters`);
}

function refuseReading(name: string): SettingJudgement {
  return {
    tier: 'destructive',
    cause: 'setting',
    reason: `sets ${name}, under which the server would read other text than was judged`,
    effects: ['session'],
    refused: `${name} may not be set to this value: the gateway would read another text than the server`,
  };
}
