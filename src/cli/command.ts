// How a verb is declared and run: commander parses, this file turns its ways of ending into exit codes and keeps
// the promises of the config reference 6.1 (usage on stderr with 2, help on stdout with 0, errors as JSON with --json).
import type { Command } from 'commander';
import { ControlError } from '../client/control-client.ts';
import { messageOf } from '../lib/errors.ts';
import type { Io } from './io.ts';
import { createPrinter } from './printer.ts';
import type { Printer } from './printer.ts';

/** Exit codes of every verb. */
export const EXIT = { ok: 0, no: 1, usage: 2, unreachable: 3, unauthorised: 4, timeout: 5 } as const;

/** A failure that a verb reports by throwing: the message for people, the code for machines, the exit code for scripts. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: number;

  constructor(code: string, exitCode: number, message: string) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** What a verb's action gets: its operands and options as commander parsed them, and where to write. */
export interface Call {
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly io: Io;
  readonly out: Printer;
}

export type Act = (call: Call) => Promise<number>;

/** A verb, or one of the sub-verbs of a noun. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  /** Operands in commander's notation, for example `<config>` or `[slot]`. */
  readonly operands?: readonly (readonly [notation: string, meaning: string])[];
  /** Flags in commander's notation, beside `--json` and `--no-color`, which every verb has. */
  readonly options?: readonly (readonly [notation: string, meaning: string])[];
  /** Flags that may be given several times; their values become a list. Long names without dashes. */
  readonly repeatable?: readonly string[];
  /** Whole command lines without the program's name, for the help. */
  readonly examples?: readonly string[];
  readonly act: Act;
}

/** Several verbs under one noun: `approvals list`. */
export interface Noun {
  readonly name: string;
  readonly summary: string;
  readonly verbs: readonly Verb[];
}

function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

function addCommonFlags(command: Command): Command {
  return command.option('--json', 'print JSON').option('--no-color', 'no colour, also with NO_COLOR set');
}

/** `rollback-after` as commander names it, `rollbackAfter`. */
function camelCase(long: string): string {
  return long.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

type Finish = (call: Omit<Call, 'io' | 'out'>) => Promise<void>;

/** Adds one verb's operands, flags and action to a commander command. `path`: what is typed to call it. */
function fill(command: Command, verb: Verb, path: string, finish: Finish): Command {
  command.description(verb.summary);
  for (const [notation, meaning] of verb.operands ?? []) {
    command.argument(notation, meaning);
  }
  const repeatable = new Set(verb.repeatable ?? []);
  for (const [notation, meaning] of verb.options ?? []) {
    const long = /--([a-z-]+)/.exec(notation)?.[1] ?? '';
    if (repeatable.has(long)) {
      // A default of its own would be told as "default: []".
      command.option<readonly string[]>(notation, meaning, (value, values) => collect(value, values ?? []));
      command.setOptionValueWithSource(camelCase(long), [], 'default');
    } else {
      command.option(notation, meaning);
    }
  }
  addCommonFlags(command);
  const line = `${path} ${command.usage()}`;
  // The whole help would push what is wrong out of sight.
  command.showHelpAfterError(`\nUsage: ${line}\n${path} --help says what each of them is.`);
  if (verb.examples !== undefined) {
    const lines = verb.examples.map((example) => `  clawpatrol ${example}`);
    command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
  command.action(async () => {
    const operands = command.processedArgs.filter((value): value is string => typeof value === 'string');
    await finish({ operands, options: command.opts() });
  });
  return command;
}

/** Runs `clawpatrol NAME …` for a noun's sub-verbs (`approvals list`) or a single verb. */
export async function runCommand(parts: Noun | Verb, args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.usage;
  // Loaded here: `run` has begun other things before it needs this.
  const commander = await import('commander');
  const command = new commander.Command(`clawpatrol ${parts.name}`)
    .exitOverride()
    .showHelpAfterError(true)
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) });
  const runVerb = async (verb: Verb, call: Omit<Call, 'io' | 'out'>): Promise<void> => {
    exitCode = await verb.act({ ...call, io, out: createPrinter(io, call.options) });
  };
  if ('verbs' in parts) {
    // They are moved behind the sub-verb (cli.ts); where there is none, that is what is wrong, and not the flag.
    addCommonFlags(command.description(parts.summary).helpCommand(false).enablePositionalOptions());
    for (const verb of parts.verbs) {
      const path = `clawpatrol ${parts.name} ${verb.name}`;
      fill(command.command(verb.name), verb, path, (call) => runVerb(verb, call));
    }
  } else {
    fill(command, parts, `clawpatrol ${parts.name}`, (call) => runVerb(parts, call));
  }
  try {
    await command.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof commander.CommanderError) {
      const missing = 'verbs' in parts ? `one of ${parts.verbs.map(({ name }) => name).join(', ')} is missing` : '';
      return reportUsage(error, { args, missing, io });
    }
    return reportFailure(error, args, io);
  }
}

/** Runs a single verb that was called without any flag: there is nothing to parse, and the parser need not be loaded. */
export async function runWithoutFlags(verb: Verb, io: Io): Promise<number> {
  try {
    return await verb.act({ operands: [], options: {}, io, out: createPrinter(io, {}) });
  } catch (error) {
    return reportFailure(error, [], io);
  }
}

/** What commander ended with: help, or a command line that makes no sense, of which it has told already. */
function reportUsage(
  { exitCode, code, message }: { readonly exitCode: number; readonly code: string; readonly message: string },
  { args, missing, io }: { readonly args: readonly string[]; readonly missing: string; readonly io: Io },
): number {
  if (exitCode === 0) {
    return EXIT.ok;
  }
  if (args.includes('--json')) {
    const plain = message
      .replace(/^error: /, '')
      .replace(/\s*\n\(?/, '; ')
      .replace(/\)$/, '');
    writeJsonError(io, 'usage', code === 'commander.help' ? missing : plain);
  }
  return EXIT.usage;
}

/** Prints what ended a verb and gives its exit code. */
function reportFailure(error: unknown, args: readonly string[], io: Io): number {
  const asJson = args.includes('--json');
  const expected = error instanceof CliError || error instanceof ControlError;
  const code = expected ? error.code : 'internal';
  if (asJson) {
    writeJsonError(io, code, messageOf(error));
  } else {
    io.stderr.write(`clawpatrol: ${messageOf(error)}\n`);
  }
  return expected ? error.exitCode : EXIT.no;
}

/** A failure as every verb tells it with `--json`. */
export function writeJsonError(io: Io, code: string, message: string): void {
  io.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
}

/** A text option, or null when it was not given. */
export function textOption(call: Call, name: string): string | null {
  const value = call.options[name];
  return typeof value === 'string' ? value : null;
}

/** True when a flag was given. */
export function flag(call: Call, name: string): boolean {
  return call.options[name] === true;
}

/** A whole number option within bounds, or null when it was not given. */
export function intOption(call: Call, name: string, min: number, max: number): number | null {
  const text = textOption(call, name);
  if (text === null) {
    return null;
  }
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new CliError(
      'usage',
      EXIT.usage,
      `${dashed(name)} takes a whole number from ${min} to ${max}, not "${text}"`,
    );
  }
  return value;
}

/** One of a few words, or null when the option was not given. */
export function wordOption<W extends string>(call: Call, name: string, words: readonly W[]): W | null {
  const text = textOption(call, name);
  if (text === null) {
    return null;
  }
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) {
    throw new CliError('usage', EXIT.usage, `${dashed(name)} takes ${words.join(', ')}, not "${text}"`);
  }
  return word;
}

/** `publicKey` as commander names it, back to `--public-key`; `n` to `-n`. */
function dashed(name: string): string {
  const long = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return long.length === 1 ? `-${long}` : `--${long}`;
}
