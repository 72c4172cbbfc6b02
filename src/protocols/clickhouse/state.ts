// What earlier statements of a session did to the meaning of later ones: it changes when the server has said that they succeeded.
import type { ClickHouseChange, ClickHouseContext } from './analysis/context.ts';

/** What a query itself brings. */
export type QueryContext = Pick<ClickHouseContext, 'settings' | 'parameters' | 'externalTables'>;

export class SessionState {
  #database: string;
  #role: string | null = '';
  readonly #user: string;
  #settings: ReadonlyMap<string, string> = new Map();
  #parameters: ReadonlyMap<string, string> = new Map();
  #temporary: readonly string[] = [];

  constructor(user: string, database: string) {
    this.#user = user;
    this.#database = database;
  }

  get database(): string {
    return this.#database;
  }

  /** What a query is judged with. */
  context({ settings, parameters, externalTables }: QueryContext): ClickHouseContext {
    return {
      database: this.#database,
      user: this.#user,
      role: this.#role,
      interface: 'native',
      settings,
      parameters: this.#parameters.size === 0 ? parameters : new Map([...this.#parameters, ...parameters]),
      externalTables,
      temporaryTables: this.#temporary,
      sessionSettings: this.#settings,
    };
  }

  /** The server has done what the statement says. */
  succeeded(changes: readonly ClickHouseChange[]): void {
    for (const change of changes) {
      this.#apply(change);
    }
  }

  /** It failed, or nobody knows: a list of settings may have been taken in part. */
  failed(changes: readonly ClickHouseChange[]): void {
    for (const change of changes) {
      switch (change.kind) {
        case 'parameter':
          this.#parameters = without(this.#parameters, change.name);
          break;
        case 'role-unknown':
        case 'setting':
          this.#apply(change);
          break;
        case 'database':
        case 'temporary-table':
        case 'temporary-table-gone':
          break;
      }
    }
  }

  #apply(change: ClickHouseChange): void {
    switch (change.kind) {
      case 'database':
        this.#database = change.name;
        break;
      case 'setting':
        this.#settings =
          change.value === null
            ? without(this.#settings, change.name)
            : new Map([...this.#settings, [change.name, change.value]]);
        break;
      case 'parameter':
        this.#parameters = new Map([...this.#parameters, [change.name, change.value]]);
        break;
      case 'temporary-table':
        this.#temporary = [...this.#temporary.filter((name) => name !== change.name), change.name];
        break;
      case 'temporary-table-gone':
        this.#temporary = this.#temporary.filter((name) => name !== change.name);
        break;
      case 'role-unknown':
        this.#role = null;
        break;
    }
  }
}

function without(map: ReadonlyMap<string, string>, key: string): ReadonlyMap<string, string> {
  return new Map([...map].filter(([name]) => name !== key));
}
