// Data types by their names, as far as their layout in a block tells where a column ends. A type that is not known here is null: what is
// behind it cannot be found.

/** How the values of a column stand in a block (ClickHouse, DataTypes/Serializations: the native, bulk form). */
export type Layout =
  | { readonly kind: 'fixed'; readonly sizeBytes: number }
  | { readonly kind: 'string' }
  /** One byte for each value that says whether it is NULL, then the values. */
  | { readonly kind: 'nullable'; readonly of: Layout }
  /** The end of each value's elements as a number of 64 bits, then all elements. */
  | { readonly kind: 'array'; readonly of: Layout }
  /** Column by column. */
  | { readonly kind: 'tuple'; readonly of: readonly Layout[] }
  /** A dictionary and places in it. */
  | { readonly kind: 'low-cardinality'; readonly of: Layout };

const SIZES: ReadonlyMap<string, number> = new Map([
  ...(['Int8', 'UInt8', 'Bool', 'Enum8', 'Nothing'] as const).map((name) => [name, 1] as const),
  ...(['Int16', 'UInt16', 'Date', 'Enum16', 'BFloat16'] as const).map((name) => [name, 2] as const),
  ...(['Int32', 'UInt32', 'Float32', 'Date32', 'DateTime', 'IPv4', 'Decimal32', 'Time'] as const).map(
    (name) => [name, 4] as const,
  ),
  ...(['Int64', 'UInt64', 'Float64', 'DateTime64', 'Decimal64', 'Time64'] as const).map((name) => [name, 8] as const),
  ...(['Int128', 'UInt128', 'UUID', 'IPv6', 'Decimal128'] as const).map((name) => [name, 16] as const),
  ...(['Int256', 'UInt256', 'Decimal256'] as const).map((name) => [name, 32] as const),
  ...(
    ['Nanosecond', 'Microsecond', 'Millisecond', 'Second', 'Minute', 'Hour', 'Day', 'Week', 'Month', 'Quarter'] as const
  ).map((unit) => [`Interval${unit}`, 8] as const),
  ['IntervalYear', 8],
]);

/** Types that are another type under a name of their own. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['Point', 'Tuple(Float64, Float64)'],
  ['Ring', 'Array(Point)'],
  ['LineString', 'Array(Point)'],
  ['MultiLineString', 'Array(LineString)'],
  ['Polygon', 'Array(Ring)'],
  ['MultiPolygon', 'Array(Polygon)'],
]);

const MAX_DEPTH = 24;
const MAX_TUPLE = 4096;
const MAX_FIXED_STRING_BYTES = 0xff_ffff;

/** The layout of a type as a server or driver writes its name, or null. */
export function parseType(text: string, depth: number = 0): Layout | null {
  const trimmed = text.trim();
  const open = trimmed.indexOf('(');
  if (depth > MAX_DEPTH) {
    return null;
  }
  if (open < 0) {
    return simple(trimmed, depth);
  }
  const name = trimmed.slice(0, open).trimEnd();
  const args = trimmed.endsWith(')') ? splitArguments(trimmed.slice(open + 1, -1)) : null;
  return args === null ? null : parametric(name, args, depth + 1);
}

function simple(name: string, depth: number): Layout | null {
  if (name === 'String') {
    return { kind: 'string' };
  }
  const alias = ALIASES.get(name);
  if (alias !== undefined) {
    return parseType(alias, depth + 1);
  }
  const sizeBytes = SIZES.get(name);
  return sizeBytes === undefined ? null : { kind: 'fixed', sizeBytes };
}

function parametric(name: string, args: readonly string[], depth: number): Layout | null {
  const [first = ''] = args;
  switch (name) {
    case 'FixedString':
      return sized(/^\d{1,8}$/.test(first) ? Number(first) : 0);
    case 'Decimal':
      return decimal(Number(first));
    case 'Nullable':
    case 'Array':
    case 'LowCardinality':
      return args.length === 1 ? wrapped(name, first, depth) : null;
    case 'Tuple':
      return tuple(args, depth);
    case 'Nested':
      return arrayOf(tuple(args, depth));
    case 'Map':
      return args.length === 2 ? arrayOf(tuple(args, depth)) : null;
    case 'SimpleAggregateFunction':
      return args.length === 2 ? parseType(args[1] ?? '', depth) : null;
    case 'DateTime':
    case 'DateTime64':
    case 'Time64':
    case 'Enum8':
    case 'Enum16':
    case 'Decimal32':
    case 'Decimal64':
    case 'Decimal128':
    case 'Decimal256':
      return simple(name, depth);
    default:
      return null;
  }
}

function sized(sizeBytes: number): Layout | null {
  return sizeBytes > 0 && sizeBytes <= MAX_FIXED_STRING_BYTES ? { kind: 'fixed', sizeBytes } : null;
}

function decimal(precision: number): Layout | null {
  if (!Number.isInteger(precision) || precision < 1 || precision > 76) {
    return null;
  }
  return { kind: 'fixed', sizeBytes: precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32 };
}

function wrapped(name: 'Nullable' | 'Array' | 'LowCardinality', of: string, depth: number): Layout | null {
  const inner = parseType(of, depth);
  if (inner === null) {
    return null;
  }
  switch (name) {
    case 'Array':
      return { kind: 'array', of: inner };
    case 'Nullable':
      return inner.kind === 'fixed' || inner.kind === 'string' ? { kind: 'nullable', of: inner } : null;
    case 'LowCardinality': {
      // The dictionary keeps NULL as its first entry, and no bytes beside it.
      const plain = inner.kind === 'nullable' ? inner.of : inner;
      return plain.kind === 'fixed' || plain.kind === 'string' ? { kind: 'low-cardinality', of: plain } : null;
    }
  }
}

function arrayOf(of: Layout | null): Layout | null {
  return of === null ? null : { kind: 'array', of };
}

/** Elements may have names: `Tuple(a Int8, b String)`. */
function tuple(args: readonly string[], depth: number): Layout | null {
  if (args.length === 0 || args.length > MAX_TUPLE) {
    return null;
  }
  const of: Layout[] = [];
  for (const arg of args) {
    const element = parseType(arg.replace(ELEMENT_NAME, ''), depth);
    if (element === null) {
      return null;
    }
    of.push(element);
  }
  return { kind: 'tuple', of };
}

const ELEMENT_NAME = /^\s*(?:`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*)\s+/;

/** Arguments between commas outside of parentheses and quotes, or null where those do not match up. */
function splitArguments(text: string): readonly string[] | null {
  const args: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === "'" || char === '`' || char === '"') {
      at = endOfQuoted(text, at);
    } else if (char === '(') {
      depth += 1;
    } else if (char === ')') {
      depth -= 1;
    } else if (char === ',' && depth === 0) {
      args.push(text.slice(from, at));
      from = at + 1;
    }
    if (depth < 0 || at < 0) {
      return null;
    }
  }
  args.push(text.slice(from));
  return depth === 0 ? args : null;
}

/** Offset of the closing quote, or -1. A backslash takes the next character with it. */
function endOfQuoted(text: string, from: number): number {
  const quote = text.charAt(from);
  for (let at = from + 1; at < text.length; at += 1) {
    if (text.charAt(at) === '\\') {
      at += 1;
    } else if (text.charAt(at) === quote) {
      return at;
    }
  }
  return -2;
}
