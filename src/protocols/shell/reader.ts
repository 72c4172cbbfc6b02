// The shell model: text or argv to what would run. Pure once its grammar is loaded.
import type { OpaqueCause, ShellReader, ShellReading } from './model.ts';

/** A reader with its grammar loaded. */
export function createShellReader(): ShellReader {
  return {
    readLine: () => unreadable('syntax'),
    readArgv: () => unreadable('syntax'),
    readScript: () => unreadable('syntax'),
  };
}

/** Of a text that is not read: nothing is known, and everything is feared. */
export function unreadable(cause: OpaqueCause): ShellReading {
  return {
    commands: [],
    hidden: cause === 'too_large' ? 'too_large' : cause === 'encoding' ? 'undecodable' : 'unparseable',
    simple: null,
    opaque: [cause],
    unreadable: true,
    redirects: [],
    sudo: false,
    writesFiles: false,
    transfer: { kind: 'none', direction: 'none', paths: [] },
    startsShell: false,
    readsScript: false,
    startsSftp: false,
    tier: { risk: 'destructive', causes: ['opaque'], reason: REASONS[cause] },
  };
}

/** Why something is opaque, for people. */
export const REASONS: Readonly<Record<OpaqueCause, string>> = {
  syntax: 'the text cannot be read completely',
  dynamic_word: 'what runs hangs on a value that the shell makes at run time',
  interpreter: 'an interpreter runs code that is not judged',
  script: 'a script runs that is not seen',
  stdin_program: 'a program is read from stdin',
  interactive: 'a program that takes keys',
  encoding: 'bytes that shells read in different ways',
  unknown_program: 'a program that is not known',
  locale: 'bytes that hang on the locale',
  too_large: 'too long to be read',
};
