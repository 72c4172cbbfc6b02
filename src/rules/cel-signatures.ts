// How functions of conditions are declared: signatures as text, read once when the module loads.
import type { Budget } from './cel-budget.ts';
import { DYN, scalar } from './cel-types.ts';
import type { ScalarKind, Type } from './cel-types.ts';
import type { Result, Value } from './cel-values.ts';

/** The receiver of a method is the first argument. Operands are never failed; their types are not checked yet. */
export type Run = (args: readonly Value[], budget: Budget) => Result;

export interface Overload {
  readonly method: boolean;
  readonly params: readonly Type[];
  readonly result: Type;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly overloads: readonly Overload[];
  readonly run: Run;
}

export type FunctionTable = ReadonlyMap<string, FunctionDefinition>;

const SIGNATURE = /^(?:(\S+)\.)?\(([^)]*)\) (\S+)$/;

/**
 * Declares a function. Signatures are written `(string, int) bool`, with a receiver for methods: `string.(string) bool`.
 * `list` is a list of anything, `strings` a list of string.
 */
export function define(name: string, signatures: readonly string[], run: Run): [string, FunctionDefinition] {
  const overloads = signatures.map((signature): Overload => {
    const [, receiver, params = '', result = ''] = SIGNATURE.exec(signature) ?? [];
    const all = [...(receiver === undefined ? [] : [receiver]), ...params.split(', ').filter((param) => param !== '')];
    return { method: receiver !== undefined, params: all.map(parseType), result: parseType(result) };
  });
  return [name, { name, overloads, run }];
}

const KINDS: Readonly<Record<string, ScalarKind>> = {
  string: 'string',
  int: 'int',
  uint: 'uint',
  double: 'double',
  bool: 'bool',
  bytes: 'bytes',
  timestamp: 'timestamp',
  duration: 'duration',
  type: 'type',
};

function parseType(word: string): Type {
  switch (word) {
    case 'list':
      return { kind: 'list', of: DYN };
    case 'strings':
      return { kind: 'list', of: scalar('string') };
    case 'map':
      return { kind: 'map', key: DYN, of: DYN };
    default:
      return scalar(KINDS[word] ?? 'dyn');
  }
}
