// Why something is opaque, for people.
import type { OpaqueCause } from './model.ts';

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
