// What one program does with its arguments: the general part, over the tables of readers.ts. Programs with rules of their own are in
// special-text.ts, special-services.ts and wrappers.ts. Pure.
import type { Arg } from './args.ts';
import { readOptions } from './getopt.ts';
import type { Options } from './getopt.ts';
import {
  DESTRUCTIVE,
  HARMLESS,
  INTERACTIVE,
  INTERPRETERS,
  LEAVING,
  READERS,
  CHANGES_READING,
  SESSIONS,
} from './readers.ts';
import type { Reader } from './readers.ts';
import { readFile, readTree } from './scope.ts';
import type { Call, Scope } from './scope.ts';

/** Builtins evaluate some of their arguments; what looks like a substitution inside quotes may then run. */
const BUILTINS: ReadonlySet<string> = new Set(
  'echo printf test [ [[ read type cd pwd exit return break continue kill ulimit wait true false : command builtin'.split(
    ' ',
  ),
);

/** Judges a program by the tables. `args` are what follows its name. */
export function judgeByTable(program: string, args: readonly Arg[], call: Call, scope: Scope): void {
  const { findings } = scope;
  const reader = READERS.get(program);
  const family = withoutVersion(program);
  if (reader !== undefined) {
    judgeReader(reader, args, scope);
    if (PAGING.has(program)) {
      judgePager(call, args, scope);
    }
  } else if (HARMLESS.has(program)) {
    return;
  } else if (LEAVING.has(program)) {
    findings.raise('suspicious', 'network', `${program} asks other hosts, or tells of the environment`);
  } else if (DESTRUCTIVE.has(program) || program.startsWith('mkfs.') || program.startsWith('fsck.')) {
    judgeDestructive(program, args, scope);
  } else if (CHANGES_READING.has(program)) {
    findings.opaque('dynamic_word', 'dynamic');
  } else if (INTERACTIVE.has(program) || INTERACTIVE.has(family)) {
    findings.opaque('interactive', 'dynamic');
    findings.mayWrite();
  } else if (SESSIONS.has(program)) {
    findings.opaque('interactive', 'dynamic');
    findings.startsShell = true;
  } else if (INTERPRETERS.has(program) || INTERPRETERS.has(family) || INTERPRETERS.has(family.toLowerCase())) {
    findings.opaque(call.stdin === 'channel' || args.length > 0 ? 'interpreter' : 'stdin_program', 'dynamic');
  } else {
    findings.opaque('unknown_program');
    findings.mayWrite();
  }
}

/** Whether arguments of a builtin hold what it may evaluate. */
export function judgeBuiltin(program: string, args: readonly Arg[], { findings }: Scope): void {
  if (BUILTINS.has(program) && args.some(({ shown }) => /\$\(|`|\$\{|\$\[/.test(shown))) {
    findings.opaque('dynamic_word', 'dynamic');
  }
}

/** Programs that show their output with a pager when there is a terminal. */
const PAGING: ReadonlySet<string> = new Set(['journalctl', 'dmesg']);

/** A pager takes keys, and starts shells and editors for some of them. */
export function judgePager(call: Call, args: readonly Arg[], { findings, options }: Scope): void {
  if (options.tty && call.isShown && !args.some(({ text }) => text === '--no-pager')) {
    findings.opaque('interactive', 'dynamic');
  }
}

function judgeReader(reader: Reader, args: readonly Arg[], scope: Scope): void {
  const { findings } = scope;
  const read = readOptions(args, reader.spec);
  if (!isRead(read, scope)) {
    return;
  }
  const { options, operands } = read;
  // Names of files that a pattern gives may look like options.
  if (reader.hazard && operands.some(({ kind, shown }) => kind === 'pattern' && /^[*?[]/.test(shown))) {
    findings.opaque('dynamic_word');
  }
  for (const { name, value } of options) {
    if (value !== null && value.kind === 'dynamic') {
      findings.opaque('dynamic_word');
    } else if (value !== null && reader.files.includes(name)) {
      readFile(scope, value);
    }
  }
  const isTree = reader.trees.includes('*') || options.some(({ name }) => reader.trees.includes(name));
  judgeOperands(
    reader,
    operands,
    { isTree, hasPattern: options.some(({ name }) => reader.patterns.includes(name)) },
    scope,
  );
}

/** False, and judged, when the options are not all known to do no harm. */
export function isRead(read: Options, { findings }: Scope): read is Extract<Options, { readonly kind: 'read' }> {
  switch (read.kind) {
    case 'dynamic':
      findings.opaque('dynamic_word');
      findings.mayWrite();
      return false;
    case 'unknown':
      findings.raise('destructive', 'option', `${read.shown} is an option that is not known to do no harm`);
      findings.writes();
      return false;
    case 'read':
      return true;
  }
}

interface Found {
  readonly isTree: boolean;
  readonly hasPattern: boolean;
}

function judgeOperands(reader: Reader, operands: readonly Arg[], { isTree, hasPattern }: Found, scope: Scope): void {
  const { findings } = scope;
  const files = reader.operands === 'pattern' && !hasPattern ? operands.slice(1) : operands;
  switch (reader.operands) {
    case 'any':
      if (reader.hazard && operands.some(({ kind }) => kind === 'dynamic')) {
        findings.opaque('dynamic_word');
      }
      return;
    case 'none':
      if (operands.length > 0) {
        findings.raise('destructive', 'option', 'an operand sets what it shows');
      }
      return;
    case 'format':
      if (!operands.every(({ text }) => text?.startsWith('+') === true)) {
        findings.raise('destructive', 'option', 'an operand without + sets the clock');
      }
      return;
    case 'one-file':
      if (operands.length > 1 || operands.some(({ kind }) => kind === 'pattern')) {
        findings.raise('destructive', 'file', 'the second file is written');
        findings.writes();
      }
      break;
    case 'pattern':
    case 'files':
      break;
  }
  files.forEach((file) => (isTree ? readTree(scope, file) : readFile(scope, file)));
  if (isTree && files.length === 0 && reader.operands === 'pattern') {
    readTree(scope, { text: '.', kind: 'literal', shown: '.' });
  }
}

/** What the programs of a cause do, for people. */
const DOES: Readonly<Record<string, string>> = {
  delete: 'deletes',
  file: 'writes, moves or unpacks files',
  disk: 'changes disks or what is mounted',
  kill: 'ends or slows processes',
  signal: 'ends processes',
  power: 'stops the machine',
  network_config: 'changes the network',
  kernel: 'changes the kernel',
  identity: 'changes accounts, names or rights',
  schedule: 'starts something later or elsewhere',
  packages: 'installs or removes software',
  network: 'reaches other hosts',
  database: 'reaches a database around the gateway',
  cluster: 'changes containers, clusters or repositories',
  trace: 'records traffic',
  service: 'changes services or their logs',
};

/** Those of the destructive programs that are of the writing class. */
const WRITING = /^(?:delete|file|disk|packages|schedule|identity)$/;

function judgeDestructive(program: string, args: readonly Arg[], { findings }: Scope): void {
  const cause = DESTRUCTIVE.get(program) ?? 'disk';
  findings.raise('destructive', cause, `${program} ${DOES[cause] ?? 'does more than read'}`);
  if (args.some(({ kind }) => kind !== 'literal')) {
    findings.opaque('dynamic_word');
  }
  if (WRITING.test(cause)) {
    findings.writes();
  } else {
    findings.mayWrite();
  }
}

const STATIC = '-static';

/** `python3.11` and `bash-5.2-static` without what follows the name. By hand: a pattern for it takes exponential time. */
export function withoutVersion(program: string): string {
  let end = program.length;
  for (;;) {
    const before = end;
    while (end > 0 && /[\d.]/.test(program[end - 1] ?? '')) {
      end -= 1;
    }
    if (end < before && program[end - 1] === '-') {
      end -= 1;
    } else if (program.slice(0, end).endsWith(STATIC)) {
      end -= STATIC.length;
    }
    if (end === before) {
      return program.slice(0, end);
    }
  }
}
