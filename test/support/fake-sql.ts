// A stand-in for the SQL analysis: splits at semicolons, takes the first word as the verb, and knows the handful of statements that
// the wire's own tests need. What it does not know is "unknown" only when it says opaque(…).
import type { FactValue, Unit } from '../../src/rules/action.ts';
import type {
  Judgeable,
  ParameterValue,
  SqlAnalyser,
  SqlNames,
  SqlOptions,
  SqlState,
  SqlStateChange,
  SqlText,
} from '../../src/protocols/sql/analysis.ts';

/** What a fake statement is judged by. */
export interface FakeFacts {
  readonly statement: string;
  readonly verbs: readonly string[];
  readonly path: readonly string[] | null;
  readonly role: string | null;
  readonly params: readonly (string | null)[];
}

export class FakeAnalyser implements SqlAnalyser {
  readonly #texts = new Map<string, SqlText>();
  /** Texts that are answered later. */
  slow: RegExp | null = null;
  analysed = 0;

  analyse(bytes: Buffer, options: SqlOptions): SqlText | Promise<SqlText> {
    const key = bytes.toString('latin1');
    const found = this.#texts.get(key);
    if (found !== undefined) {
      return found;
    }
    this.analysed += 1;
    const text = this.#read(bytes.length > options.maxTextBytes ? 'opaque' : bytes.toString('utf8'));
    if (this.#texts.size > 1000) {
      this.#texts.clear();
    }
    this.#texts.set(key, text);
    return this.slow?.test(text.text) === true ? Promise.resolve(text) : text;
  }

  bind(text: SqlText, state: SqlState, names: SqlNames): Judgeable {
    const cached = text as SqlText & { bound?: Judgeable; boundTo?: SqlState };
    if (cached.boundTo === state && cached.bound !== undefined && !/execute|fetch/i.test(text.text)) {
      return cached.bound;
    }
    const bound = judgeable(text, state, names, []);
    cached.bound = bound;
    cached.boundTo = state;
    return bound;
  }

  #read(sql: string): SqlText {
    const parts = splitStatements(sql);
    return {
      text: sql,
      statements: parts.length,
      changes: parts.map((part) => this.#changes(part)),
      copyIn: parts.map((part) => /^copy\b.*\bfrom stdin/i.test(part)),
      readsState: /\b(from|execute|fetch)\b/i.test(sql),
      parameters: Math.max(0, ...[...sql.matchAll(/\$(\d+)/g)].map((match) => Number(match[1]))),
    };
  }

  #changes(part: string): readonly SqlStateChange[] {
    const words = part.toLowerCase().split(/\s+/);
    const name = words[1] ?? '';
    switch (words[0] ?? '') {
      case 'begin':
        return [{ kind: 'begin' }];
      case 'commit':
        return [{ kind: 'commit' }];
      case 'savepoint':
        return [{ kind: 'savepoint', name }];
      case 'release':
        return [{ kind: 'release', name }];
      case 'rollback':
        return words[1] === 'to' ? [{ kind: 'rollback-to', name: words.at(-1) ?? '' }] : [{ kind: 'rollback' }];
      case 'set': {
        const match = /^set (local )?(\w+)\s*(?:=|to|\s)\s*(.*)$/i.exec(part);
        const local = match?.[1] !== undefined;
        return match?.[2] === 'role'
          ? [{ kind: 'set-role', role: match[3] ?? '', local }]
          : [{ kind: 'set', name: match?.[2] ?? '', value: match?.[3] ?? '', local }];
      }
      case 'prepare': {
        const inner = this.#read(/\bas (.*)$/is.exec(part)?.[1] ?? '');
        return [{ kind: 'prepare', name, statement: judgeable(inner, null, null, []) }];
      }
      case 'declare': {
        const inner = this.#read(/\bfor (.*)$/is.exec(part)?.[1] ?? '');
        return [
          { kind: 'declare', name, statement: judgeable(inner, null, null, []), hold: part.includes('with hold') },
        ];
      }
      case 'deallocate':
        return [{ kind: 'deallocate', name: name === 'all' ? null : name }];
      case 'close':
        return [{ kind: 'close', name: name === 'all' ? null : name }];
      case 'discard':
        return [{ kind: 'discard', what: 'all' }];
      default:
        return /\bopaque\b/.test(part) ? [{ kind: 'unknown' }] : [];
    }
  }
}

function splitStatements(sql: string): readonly string[] {
  return sql
    .replaceAll(/--[^\n]*/g, '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function verbsOf(sql: string): readonly string[] {
  return splitStatements(sql).map((part) => (part.split(/[\s(]+/)[0] ?? '').toLowerCase());
}

function judgeable(
  text: SqlText,
  state: SqlState | null,
  names: SqlNames | null,
  values: readonly ParameterValue[],
): Judgeable {
  const stored = /^\s*execute "?([^"\s(]*)/i.exec(text.text) ?? /^\s*fetch .*?"?([^"\s]+)"?$/i.exec(text.text);
  const inner = stored === null ? undefined : (names?.prepared(stored[1] ?? '') ?? names?.cursor(stored[1] ?? ''));
  const innerVerbs = stored === null ? [] : inner === undefined ? ['unknown'] : verbsOf(inner.source.text);
  const verbs = [...verbsOf(text.text), ...innerVerbs];
  const facts: Readonly<Record<string, FactValue>> = {
    'sql.statement': text.text,
    'sql.verbs': verbs,
    'sql.path': state?.searchPath ?? null,
    'sql.role': state?.role ?? null,
    'sql.params': values.map((value) => (value.kind === 'text' ? value.text : value.kind === 'null' ? null : '?')),
  };
  const unit: Unit = {
    facts: { get: (name) => facts[name] },
    risk: 'safe',
    riskCauses: [],
    riskReason: '',
    unreadable: false,
  };
  return {
    source: text,
    units: [unit],
    risk: 'safe',
    summary: text.text,
    refused: state !== null && !state.readable ? 'unreadable' : null,
    memo: values.length === 0 ? text : null,
    withParameters: (given) => judgeable(text, state, names, given()),
  };
}
