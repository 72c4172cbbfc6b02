// Options as getopt_long takes them, from a list of those that are known to do no harm. Anything else, an abbreviation too, is not read.
import type { Arg } from './args.ts';

export interface OptionSpec {
  /** Letters without a value. */
  readonly flags: string;
  /** Letters with one, attached or behind. */
  readonly valued: string;
  /** Letters that take one only when it is attached: the word behind is not theirs. */
  readonly optional: string;
  /** Names; `name=` takes a value, attached or behind; `name?` takes one only when attached. */
  readonly long: ReadonlySet<string>;
  /** `-20` and `+20` are options too. */
  readonly numbers: boolean;
  /** Options end at the first operand (`timeout 5 ls -l`). */
  readonly stops: boolean;
}

export interface Option {
  /** Letter or long name. */
  readonly name: string;
  readonly value: Arg | null;
}

export type Options =
  | { readonly kind: 'read'; readonly options: readonly Option[]; readonly operands: readonly Arg[] }
  /** An option that is not in the list; `shown` is it. */
  | { readonly kind: 'unknown'; readonly shown: string }
  /** A word that may be an option, or several. */
  | { readonly kind: 'dynamic' };

/** `flags valued long,long=,long?` in one line; `-` for an empty part. A letter before `?` among the valued takes a value only when attached. */
export function optionSpec(line: string, { numbers = false, stops = false } = {}): OptionSpec {
  const [flags = '-', valued = '-', long = '-'] = line.split(' ');
  return {
    flags: part(flags),
    valued: part(valued).replaceAll(/.\?/g, ''),
    optional: Array.from(part(valued).matchAll(/(.)\?/g), ([, letter = '']) => letter).join(''),
    long: new Set(
      part(long)
        .split(',')
        .filter((name) => name !== ''),
    ),
    numbers,
    stops,
  };
}

const part = (text: string): string => (text === '-' ? '' : text);

/** Reads arguments behind the program's name. A pattern that cannot begin with a dash is an operand. */
export function readOptions(args: readonly Arg[], spec: OptionSpec): Options {
  const options: Option[] = [];
  const operands: Arg[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at];
    if (arg === undefined) {
      break;
    }
    if (arg.text === '--') {
      operands.push(...args.slice(at + 1));
      break;
    }
    if (arg.kind === 'dynamic') {
      return { kind: 'dynamic' };
    }
    const text = arg.shown;
    const isNumber = spec.numbers && /^[-+]\d+$/.test(text);
    if (isNumber) {
      options.push({ name: text, value: null });
      continue;
    }
    if (!text.startsWith('-') || text === '-') {
      operands.push(arg);
      if (spec.stops) {
        operands.push(...args.slice(at + 1));
        break;
      }
      continue;
    }
    if (arg.kind !== 'literal') {
      return { kind: 'dynamic' };
    }
    const taken = text.startsWith('--') ? takeLong(text, args[at + 1], spec) : takeShort(text, args[at + 1], spec);
    if (taken === null) {
      return { kind: 'unknown', shown: text };
    }
    options.push(...taken.options);
    at += taken.usesNext ? 1 : 0;
  }
  return { kind: 'read', options, operands };
}

interface Taken {
  readonly options: readonly Option[];
  readonly usesNext: boolean;
}

function takeLong(text: string, next: Arg | undefined, { long }: OptionSpec): Taken | null {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text.slice(2) : text.slice(2, equals);
  if (equals !== -1) {
    const value = text.slice(equals + 1);
    return long.has(`${name}=`) || long.has(`${name}?`)
      ? { options: [{ name, value: { text: value, kind: 'literal', shown: value } }], usesNext: false }
      : null;
  }
  if (long.has(name) || long.has(`${name}?`)) {
    return { options: [{ name, value: null }], usesNext: false };
  }
  return long.has(`${name}=`) && next !== undefined ? { options: [{ name, value: next }], usesNext: true } : null;
}

function takeShort(text: string, next: Arg | undefined, { flags, valued, optional }: OptionSpec): Taken | null {
  const options: Option[] = [];
  for (let at = 1; at < text.length; at += 1) {
    const letter = text[at] ?? '';
    if (flags.includes(letter)) {
      options.push({ name: letter, value: null });
      continue;
    }
    const isOptional = optional.includes(letter);
    if (!isOptional && !valued.includes(letter)) {
      return null;
    }
    const rest = text.slice(at + 1);
    if (isOptional && rest === '') {
      options.push({ name: letter, value: null });
      continue;
    }
    if (rest !== '') {
      options.push({ name: letter, value: { text: rest, kind: 'literal', shown: rest } });
      return { options, usesNext: false };
    }
    if (next === undefined) {
      return null;
    }
    options.push({ name: letter, value: next });
    return { options, usesNext: true };
  }
  return { options, usesNext: false };
}
