// What a setting does to the statement it comes with and to later ones (fact reference 7.7), whichever way it is set: SET, a SETTINGS
// clause, the Query packet, the URL.
import type { Risk } from '../../../rules/action.ts';

export interface SettingJudgement {
  readonly tier: Risk;
  readonly cause: string;
  readonly reason: string;
  /** The gateway would read another text than the server, or another than was judged would run: refused whatever rules say. */
  readonly refused: string | null;
}

const SAFE: SettingJudgement = { tier: 'safe', cause: '', reason: '', refused: null };

/** Settings under which the server reads another language, or text that is no statement here. */
export function changesReading(name: string, value: string): boolean {
  switch (name) {
    case 'dialect':
      return value !== 'clickhouse';
    case 'implicit_select':
    case 'allow_settings_after_format_in_insert':
      return !/^(0|false)$/i.test(value);
    default:
      return false;
  }
}

/** Judges one setting. `value` null: back to the server's own. */
export function judgeSetting(name: string, value: string | null): SettingJudgement {
  if (value !== null && changesReading(name, value)) {
    return {
      tier: 'destructive',
      cause: 'setting',
      reason: `sets ${name}, under which the server would read other text than was judged`,
      refused: `${name} may not be set to this value: the gateway would read another text than the server`,
    };
  }
  return name === 'max_threads' && value !== null && /^\d{1,4}$/.test(value)
    ? SAFE
    : {
        tier: 'destructive',
        cause: 'setting',
        reason: `sets ${name}, which is on no list of harmless settings`,
        refused: null,
      };
}
