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

/** Adds one verb's operands, flags and action to a commander command. */
function fill(command: Command, verb: Verb, finish: (call: Omit<Call, 'io' | 'out'>) => Promise<void>): Command {
  command.description(verb.summary);
  for (const [notation, meaning] of verb.operands ?? []) {
    command.argument(notation, meaning);
  }
  const repeatable = new Set(verb.repeatable ?? []);
  for (const [notation, meaning] of verb.options ?? []) {
    const long = /--([a-z-]+)/.exec(notation)?.[1] ?? '';
    if (repeatable.has(long)) {
      command.option<readonly string[]>(notation, meaning, collect, []);
    } else {
      command.option(notation, meaning);
    }
  }
  command.option('--json', 'print JSON').option('--no-color', 'no colour, also with NO_COLOR set');
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
    command.description(parts.summary).helpCommand(false);
    for (const verb of parts.verbs) {
      fill(command.command(verb.name), verb, (call) => runVerb(verb, call));
    }
  } else {
    fill(command, parts, (call) => runVerb(parts, call));
  }
  try {
    await command.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof commander.CommanderError) {
      return reportUsage(error, args, io);
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
  { exitCode, message }: { readonly exitCode: number; readonly message: string },
  args: readonly string[],
  io: Io,
): number {
  if (exitCode === 0) {
    return EXIT.ok;
  }
  if (args.includes('--json')) {
    writeJsonError(io, 'usage', message.replace(/^error: /, ''));
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

function writeJsonError(io: Io, code: string, message: string): void {
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
