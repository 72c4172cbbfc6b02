/* oxlint-disable no-underscore-dangle -- the module's exports are named so */
// PostgreSQL's own grammar (libpg-query, WebAssembly) behind calls that never throw. An instance that trapped, or that grew
// past its size, is not used again: a spare one is always kept ready.
import createInstance, { type PgQueryInstance } from 'libpg-query/wasm/libpg-query.js';
import { isNode, num, str, type TreeNode } from './tree.ts';

/** WebAssembly memory never shrinks; an instance starts with 128 MiB of address space. */
const MAX_INSTANCE_BYTES = 512 * 1024 * 1024;

/** `rejected`: the grammar says no. `failed`: the parser itself gave up (depth, memory). */
export type Parsed<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'rejected' | 'failed'; readonly message: string };

/** A token of the server's lexer; offsets are bytes. */
export interface Token {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly text: string;
}

/** One statement of a text; offsets are bytes, length 0 means up to the end. */
export interface RawStatement {
  readonly stmt: TreeNode;
  readonly location: number;
  readonly length: number;
}

export interface Grammar {
  /** False while no instance is ready (two trapped in quick succession); then wait for `ready`. */
  readonly available: boolean;
  ready(): Promise<void>;
  /** The text must hold no NUL: the module would stop reading there. */
  parse(text: string): Parsed<readonly RawStatement[]>;
  /** Trees of the PL/pgSQL bodies in the text, in order. */
  parsePlPgSql(text: string): Parsed<readonly TreeNode[]>;
  scan(text: string): Parsed<readonly Token[]>;
  fingerprint(text: string): Parsed<string>;
}

/** `create`: makes an instance of the parser. */
export async function createGrammar(create: () => Promise<PgQueryInstance> = createInstance): Promise<Grammar> {
  const grammar = new WasmGrammar(create);
  await grammar.ready();
  return grammar;
}

class WasmGrammar implements Grammar {
  #current: PgQueryInstance | null = null;
  #spare: PgQueryInstance | null = null;
  #filling: Promise<void> | null = null;
  readonly #create: () => Promise<PgQueryInstance>;

  constructor(create: () => Promise<PgQueryInstance>) {
    this.#create = create;
  }

  get available(): boolean {
    return this.#current !== null;
  }

  async ready(): Promise<void> {
    while (this.#current === null) {
      await this.#fill();
    }
  }

  /** Makes instances until there are a current one and a spare one; one run at a time. */
  #fill(): Promise<void> {
    this.#filling ??= (async (): Promise<void> => {
      this.#current ??= await this.#create();
      this.#spare ??= await this.#create();
    })().finally(() => {
      this.#filling = null;
    });
    return this.#filling;
  }

  #replace(): void {
    this.#current = this.#spare;
    this.#spare = null;
    // A failure to instantiate shows itself in `ready`, which whoever needs an instance awaits.
    this.#fill().catch(() => undefined);
  }

  /** Runs one call on the current instance; a trap or a stack overflow costs the instance, not the process. */
  #run<T>(text: string, call: (instance: PgQueryInstance, pointer: number) => Parsed<T>): Parsed<T> {
    const instance = this.#current;
    if (instance === null) {
      return { kind: 'failed', message: 'no parser instance is ready' };
    }
    try {
      const size = instance.lengthBytesUTF8(text) + 1;
      const pointer = instance._malloc(size);
      instance.stringToUTF8(text, pointer, size);
      const result = call(instance, pointer);
      instance._free(pointer);
      if (instance.HEAPU8.length > MAX_INSTANCE_BYTES) {
        this.#replace();
      }
      return result;
    } catch (error) {
      this.#replace();
      return { kind: 'failed', message: error instanceof Error ? error.message : 'the parser failed' };
    }
  }

  parse(text: string): Parsed<readonly RawStatement[]> {
    if (text === '') {
      return { kind: 'ok', value: [] };
    }
    return this.#run(text, (instance, pointer) => {
      const result = instance._wasm_parse_query_raw(pointer);
      if (result === 0) {
        throw new Error('the parser ran out of memory');
      }
      const error = instance.getValue(result + 8, 'i32');
      const tree = instance.getValue(result, 'i32');
      const parsed: Parsed<readonly RawStatement[]> =
        error === 0
          ? { kind: 'ok', value: readStatements(instance.UTF8ToString(tree)) }
          : { kind: 'rejected', message: instance.UTF8ToString(instance.getValue(error, 'i32')) };
      instance._wasm_free_parse_result(result);
      return parsed;
    });
  }

  parsePlPgSql(text: string): Parsed<readonly TreeNode[]> {
    return this.#json(text, '_wasm_parse_plpgsql', (json) => {
      const list = isNode(json) ? json['plpgsql_funcs'] : undefined;
      return Array.isArray(list) ? list.filter(isNode) : [];
    });
  }

  scan(text: string): Parsed<readonly Token[]> {
    return this.#json(text, '_wasm_scan', (json) => {
      const list = isNode(json) ? json['tokens'] : undefined;
      return (Array.isArray(list) ? list : []).filter(isNode).map((token) => ({
        start: num(token, 'start'),
        end: num(token, 'end'),
        // Keywords have no token name of their own there.
        name: (str(token, 'keywordName') === 'NO_KEYWORD' ? str(token, 'tokenName') : str(token, 'text')).toUpperCase(),
        text: str(token, 'text'),
      }));
    });
  }

  fingerprint(text: string): Parsed<string> {
    return this.#run(text, (instance, pointer) => {
      const result = instance._wasm_fingerprint(pointer);
      const value = instance.UTF8ToString(result);
      instance._wasm_free_string(result);
      return /^[0-9a-f]{8,64}$/.test(value) ? { kind: 'ok', value } : { kind: 'rejected', message: value };
    });
  }

  #json<T>(text: string, name: '_wasm_parse_plpgsql' | '_wasm_scan', read: (json: unknown) => T): Parsed<T> {
    return this.#run(text, (instance, pointer) => {
      const result = instance[name](pointer);
      const json = instance.UTF8ToString(result);
      instance._wasm_free_string(result);
      // Success is a JSON object; anything else is a message.
      return json.startsWith('{') ? { kind: 'ok', value: read(JSON.parse(json)) } : { kind: 'rejected', message: json };
    });
  }
}

function readStatements(json: string): readonly RawStatement[] {
  const tree: unknown = JSON.parse(json);
  const list = isNode(tree) ? tree['stmts'] : undefined;
  return (Array.isArray(list) ? list : []).map((raw: unknown) => {
    const stmt = isNode(raw) ? raw['stmt'] : undefined;
    if (!isNode(raw) || !isNode(stmt)) {
      throw new Error('a statement without a tree');
    }
    return { stmt, location: num(raw, 'stmt_location'), length: num(raw, 'stmt_len') };
  });
}
