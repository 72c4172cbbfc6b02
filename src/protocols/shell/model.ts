// What the shell model says about a command line or an argv: types only. Shared by the protocols that start programs (ssh exec, exec of
// Kubernetes).
import type { Risk, UnknownCause } from '../../rules/action.ts';

/** Why something that would run cannot be seen (fact reference, 6.2 and 6.3). */
export type OpaqueCause =
  | 'syntax'
  | 'dynamic_word'
  | 'interpreter'
  | 'script'
  | 'stdin_program'
  | 'interactive'
  | 'encoding'
  | 'unknown_program'
  | 'locale'
  | 'too_large';

/** Where a command stands. */
export type Where =
  | 'top'
  | 'subshell'
  | 'substitution'
  | 'function'
  | 'loop'
  | 'condition'
  | 'background'
  | 'xargs'
  | 'find_exec'
  | 'nested_shell'
  | 'remote';

/** One word as a program would get it: exact, or null where the shell makes it at run time. */
export type Literal = string | null;

export interface Redirect {
  /** As written, without the descriptor: `>`, `>>`, `<`, `<<`, `<<<`, `>&`, `&>` … */
  readonly op: string;
  readonly fd: number;
  /** Null when it is not constant. For a here-document its delimiter, for a here-string its text. */
  readonly target: Literal;
}

/** One simple command after unwrapping (`sudo timeout 5 ls` is `ls`). */
export interface CommandRecord {
  readonly argv: readonly Literal[];
  /** Base name of argv[0]; null when it is not constant. */
  readonly program: Literal;
  /** argv[0] as given. */
  readonly path: Literal;
  /** `NAME=value` in front of it; a value that is not constant makes the whole entry null. */
  readonly env: readonly Literal[];
  readonly redirects: readonly Redirect[];
  readonly sudo: boolean;
  /** Whom sudo, su, runuser and the like change to; "" without, null when it is not constant. */
  readonly user: Literal;
  /** Position in its pipeline, from 0. */
  readonly pipe: number;
  readonly where: Where;
  /** Every word is constant. */
  readonly literal: boolean;
}

export type TransferKind = 'none' | 'sftp' | 'scp' | 'rsync' | 'git';

/** A file protocol that an exec speaks. */
export interface Transfer {
  readonly kind: TransferKind;
  /** From the view of the server's files. */
  readonly direction: 'none' | 'read' | 'write';
  readonly paths: readonly string[];
}

export interface ShellTier {
  readonly risk: Risk;
  /** Empty for safe. */
  readonly causes: readonly string[];
  /** The sentence that says why; "" for safe. */
  readonly reason: string;
}

/** What is known of one command line, argv or script. */
export interface ShellReading {
  /** Outer before inner, in the order of the text; those that run inside others included. */
  readonly commands: readonly CommandRecord[];
  /** Set when something may run that `commands` does not list: why. */
  readonly hidden: UnknownCause | null;
  /** argv when the text is exactly one simple, literal command, else null; with `hidden` of kind `unparseable` nothing is known. */
  readonly simple: readonly string[] | null;
  /** Empty when all that runs is seen. Sorted, without repeats. */
  readonly opaque: readonly OpaqueCause[];
  /** The text itself could not be read: not one of its commands is known. */
  readonly unreadable: boolean;
  readonly redirects: readonly Redirect[];
  readonly sudo: boolean;
  /** Null when a program that is not known might. */
  readonly writesFiles: boolean | null;
  readonly transfer: Transfer;
  /** An interactive shell (or one that takes commands from its stdin) is started. */
  readonly startsShell: boolean;
  /** It reads a script from its stdin, and nothing else stands in the way of judging that script. */
  readonly readsScript: boolean;
  /** An SFTP server is started. */
  readonly startsSftp: boolean;
  readonly tier: ShellTier;
}

/** The account that the text would run under, as far as judging needs it. */
export interface ShellOptions {
  /** Only a POSIX shell reads the text as this model does. */
  readonly posix: boolean;
  /** Directories in which writing is no more than suspicious; absolute, without a slash at the end. */
  readonly scratchDirs: readonly string[];
  /** Value of LC_ALL, LC_CTYPE or LANG that the shell starts with, or "" when nothing was asked for. */
  readonly locale: string;
  /** The program has a terminal, where pagers and editors take keys. */
  readonly tty: boolean;
}

/** What a program may read from its stdin. */
export type StdinView =
  /** Nobody looked: it may hold anything. */
  | { readonly kind: 'unread' }
  /** All of it, to its end. */
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  /** It was longer than what is held, or did not end in time. */
  | { readonly kind: 'cut'; readonly cause: 'too_large' | 'incomplete' };

/** The shell model. Pure and total. */
export interface ShellReader {
  /** A command line as a login shell gets it behind `-c`. */
  readLine(bytes: Buffer, stdin: StdinView, options: ShellOptions): ShellReading;
  /** Words as a kernel gets them: no shell looks at them. */
  readArgv(argv: readonly string[], stdin: StdinView, options: ShellOptions): ShellReading;
  /** A script that a shell reads from its stdin. */
  readScript(bytes: Buffer, options: ShellOptions): ShellReading;
}
