// What judging one command needs of the text around it. Pure.
import type { Arg } from './args.ts';
import type { Findings } from './findings.ts';
import type { Literal, ShellOptions, StdinView, Where } from './model.ts';
import { globReachesSecret, holdsSecrets, isSecretPath, joinPath } from './paths.ts';

/** Where a command's stdin comes from: the channel, another command, a file, a text of the line; `script`: the text itself comes that way. */
export type StdinSource = 'channel' | 'pipe' | 'file' | 'text' | 'script';

/** One simple command on its way through the wrappers in front of it. */
export interface Call {
  /** argv[0] and what follows. */
  readonly words: readonly Arg[];
  readonly env: readonly Literal[];
  readonly stdin: StdinSource;
  /** Its output may reach a terminal. */
  readonly isShown: boolean;
  readonly sudo: boolean;
  readonly user: Literal;
  readonly pipe: number;
  readonly where: Where;
  /** Shells inside shells, wrappers inside wrappers. */
  readonly depth: number;
}

/** One text that is judged. */
export interface Scope {
  readonly findings: Findings;
  readonly options: ShellOptions;
  /** The text gives a value to a variable. */
  assign(name: string): void;
  /** Judges commands of a text that a shell inside gets. */
  runText(text: string, call: Call, where: Where): void;
  /** What the channel's stdin holds, where a shell that reads it gets all of it. */
  readonly stdin: StdinView;
  /** Judges a script that a shell takes from the channel's stdin. */
  runStdin(text: string, call: Call): void;
  /** Judges what a wrapper starts. */
  runCall(call: Call): void;
}

/** How many directories a text may change to before nobody follows any more. */
const MAX_DIRS = 16;

/** A `cd` in the text: relative paths may now be seen from there, too. */
export function changeDirectory(scope: Scope, arg: Arg | undefined): void {
  const { findings } = scope;
  if (arg === undefined) {
    findings.dirs.add('~');
    return;
  }
  if (
    arg.shown === '' ||
    arg.shown === '-' ||
    (arg.kind !== 'literal' && !/^~[\w.-]*(?:\/[\w./-]*)?$/.test(arg.shown))
  ) {
    findings.opaque('dynamic_word');
    return;
  }
  for (const dir of ['~', ...findings.dirs]) {
    findings.dirs.add(joinPath(dir, arg.shown));
  }
  if (findings.dirs.size > MAX_DIRS) {
    findings.opaque('dynamic_word');
  }
}

/** A path as it may be meant: as written, and from every directory that the text changes to. */
function meanings({ findings }: Scope, path: string): readonly string[] {
  return [path, joinPath('~', path), ...[...findings.dirs].map((dir) => joinPath(dir, path))];
}

/** A file whose content comes out. */
export function readFile(scope: Scope, arg: Arg): void {
  const { findings } = scope;
  switch (arg.kind) {
    case 'pipe':
      return;
    case 'dynamic':
      findings.opaque('dynamic_word');
      return;
    case 'literal':
    case 'pattern': {
      if (arg.isBelow === true) {
        if (holdsSecrets(arg.shown)) {
          findings.raise('destructive', 'secret', `reads files below ${arg.shown}, where log-ins are kept`);
        }
        return;
      }
      // gawk opens a connection for these.
      if (/^\/inet[46]?\//.test(arg.shown)) {
        findings.raise('destructive', 'network', 'opens a connection');
      }
      const isSecret = arg.kind === 'literal' ? isSecretPath : globReachesSecret;
      if (meanings(scope, arg.shown).some(isSecret)) {
        findings.raise('destructive', 'secret', `reads ${arg.shown}, which log-ins are made of`);
      }
    }
  }
}

/** A directory of which everything is read. */
export function readTree(scope: Scope, arg: Arg): void {
  readFile(scope, arg);
  if (arg.kind === 'literal' || arg.kind === 'pattern') {
    const paths =
      arg.shown.startsWith('/') || arg.shown.startsWith('~') ? [arg.shown] : meanings(scope, arg.shown).slice(1);
    if (paths.some((path) => holdsSecrets(path) || (arg.kind === 'pattern' && !/^\/[^/*?[]+\/[^/*?[]/.test(path)))) {
      scope.findings.raise('destructive', 'secret', `reads all of ${arg.shown}, where log-ins are kept`);
    }
  }
}

/** No more than suspicious inside a declared directory, else destructive. */
export function writeFile(scope: Scope, arg: Arg, isInside: (path: string) => boolean): void {
  const { findings } = scope;
  findings.writes();
  if (arg.kind === 'dynamic' || arg.kind === 'pattern') {
    findings.opaque('dynamic_word');
  } else if (arg.kind === 'literal' && isInside(arg.shown)) {
    findings.raise('suspicious', 'file', `writes ${arg.shown}`);
  } else {
    findings.raise('destructive', 'file', `writes ${arg.shown === '' ? 'to a pipe' : arg.shown}`);
  }
}
