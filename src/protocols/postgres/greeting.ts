// What the gateway learns about an upstream between its login and the client's first statement: the parameters that the server
// reports, and one look at the catalogue. Pure; serve.ts moves the bytes.
import type { SqlState } from '../sql/analysis.ts';
import { BACK } from './codec.ts';
import { readDataRow, readErrorFields, readParameterStatus } from './messages.ts';
import { Tracker } from './tracker.ts';

/** More schemas or shadowed names than this are taken as "not known". */
const MAX_NAMES = 5000;

// Every name and operator is qualified: the session's search path may come from the client's startup packet.
const LOOK = [
  `SELECT 'p', pg_catalog.current_setting('search_path'), current_user`,
  `SELECT 's', nspname FROM pg_catalog.pg_namespace LIMIT ${MAX_NAMES + 1}`,
];
const LOOK_AT_FUNCTIONS =
  `SELECT DISTINCT 'f', p.proname FROM pg_catalog.pg_proc p WHERE p.pronamespace OPERATOR(pg_catalog.<>) 11 ` +
  `AND EXISTS (SELECT FROM pg_catalog.pg_proc q WHERE q.proname OPERATOR(pg_catalog.=) p.proname ` +
  `AND q.pronamespace OPERATOR(pg_catalog.=) 11) UNION SELECT DISTINCT 'f', o.oprname FROM pg_catalog.pg_operator o ` +
  `WHERE o.oprnamespace OPERATOR(pg_catalog.<>) 11 LIMIT ${MAX_NAMES + 1}`;

/** The look as one simple Query. `functions`: also which names of functions and operators exist outside of pg_catalog. */
export function lookQuery(functions: boolean): string {
  return [...LOOK, ...(functions ? [LOOK_AT_FUNCTIONS] : [])].join('; ');
}

export interface UpstreamKey {
  readonly processId: number;
  readonly secretKey: Buffer;
}

/** Collects what an upstream says from AuthenticationOk on. */
export class Greeting {
  /** ParameterStatus by name, last one wins. */
  readonly parameters = new Map<string, string>();
  /** The upstream's own cancel key, or null when it gave none. */
  key: UpstreamKey | null = null;
  /** Set when the upstream ends the connection in place of greeting: SQLSTATE and text. */
  error: { readonly code: string; readonly message: string } | null = null;
  #path: string | null = null;
  #role: string | null = null;
  readonly #schemas: string[] = [];
  readonly #functions: string[] = [];
  #lookedAtFunctions = false;

  /** One message. True at ReadyForQuery, or when an error has ended the connection. */
  take(type: number, body: Buffer): boolean {
    switch (type) {
      case BACK.parameterStatus: {
        const status = readParameterStatus(body);
        if (status !== null) {
          this.parameters.set(status.name, status.value);
        }
        return false;
      }
      case BACK.backendKey:
        if (body.length >= 8) {
          this.key = { processId: body.readUInt32BE(0), secretKey: Buffer.from(body.subarray(4)) };
        }
        return false;
      case BACK.error: {
        const fields = readErrorFields(body);
        this.error = { code: fields.get('C') ?? '', message: fields.get('M') ?? '' };
        return (fields.get('V') ?? fields.get('S')) === 'FATAL';
      }
      case BACK.dataRow:
        this.#row(readDataRow(body) ?? []);
        return false;
      case BACK.ready:
        return true;
      default:
        return false;
    }
  }

  /** A look that includes functions is about to be sent. */
  looking(functions: boolean): void {
    this.#lookedAtFunctions = functions;
  }

  /** The state that a session begins in. What the look could not tell is null. */
  tracker(database: string, user: string): Tracker {
    const told = this.error === null;
    const version = /^(\d+)/.exec(this.parameters.get('server_version') ?? '');
    const state: SqlState = {
      database,
      user,
      role: told ? this.#role : null,
      // A role that a setting of the login gave is what RESET ROLE goes back to, and SET ROLE NONE is not: not told apart here.
      resetRole: told && this.#role === user ? user : null,
      searchPath: null,
      schemas: told && this.#schemas.length > 0 && this.#schemas.length <= MAX_NAMES ? new Set(this.#schemas) : null,
      gatewaySetRole: false,
      readable: true,
      serverMajor: Number(version?.[1] ?? '0'),
      shadowedFunctions:
        told && this.#lookedAtFunctions && this.#functions.length <= MAX_NAMES ? new Set(this.#functions) : null,
    };
    const tracker = new Tracker(state, told ? this.#path : null);
    for (const name of ['standard_conforming_strings', 'client_encoding']) {
      const value = this.parameters.get(name);
      if (value !== undefined) {
        tracker.reported(name, value);
      }
    }
    return tracker;
  }

  #row(columns: readonly (string | null)[]): void {
    const [kind, value, more] = columns;
    if (typeof value !== 'string') {
      return;
    }
    if (kind === 'p') {
      this.#path = value;
      this.#role = more ?? null;
    } else if (kind === 's') {
      this.#schemas.push(value);
    } else if (kind === 'f') {
      this.#functions.push(value);
    }
  }
}
