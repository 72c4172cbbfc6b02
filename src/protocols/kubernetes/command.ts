// What exec starts, through the shell model: the kernel starts argv as it is, and a shell in it is read like any other.
import { Unknown } from '../../rules/action.ts';
import type { FactRecord } from '../../rules/action.ts';
import { commandFact } from '../shell/facts.ts';
import type { ShellOptions, ShellReader, ShellReading } from '../shell/model.ts';

const OPTIONS: ShellOptions = { posix: true, scratchDirs: [], locale: '', tty: false };

/** The reading of an exec's argv. Its stdin, where it has one, comes later and is not waited for. */
export function readExec(shell: ShellReader, argv: readonly string[], tty: boolean): ShellReading {
  return shell.readArgv(argv, { kind: 'unread' }, { ...OPTIONS, tty });
}

/** Records as family ssh has them; [] without a command. */
export function commandsFact({ commands, hidden }: ShellReading): readonly FactRecord[] | Unknown {
  return hidden === null ? commands.map(commandFact) : new Unknown(hidden);
}
