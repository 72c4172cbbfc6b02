// clawpatrol completion: a shell script made from the declarations of the verbs.
import { VERBS } from './cli.ts';
import { CliError, EXIT, runCommand } from './command.ts';
import type { Noun, Verb } from './command.ts';
import type { Io } from './io.ts';

const COMMON = ['--json', '--no-color', '--help'];

/** Words that may follow `clawpatrol`, a verb, or a noun and its verb: the key is what was typed before, joined by a space. */
async function completions(): Promise<ReadonlyMap<string, readonly string[]>> {
  const modules = await Promise.all(Object.values(VERBS).map((load) => load()));
  const words = new Map<string, readonly string[]>([['', modules.map((module) => module.command.name)]]);
  for (const { command: declared } of modules) {
    if ('verbs' in declared) {
      words.set(declared.name, [...declared.verbs.map((verb) => verb.name), '--help']);
      declared.verbs.forEach((verb) => words.set(`${declared.name} ${verb.name}`, flagsOf(verb)));
    } else {
      words.set(declared.name, flagsOf(declared));
    }
  }
  return words;
}

function flagsOf(verb: Verb): readonly string[] {
  const own = (verb.options ?? []).map(([notation]) => /--[a-z-]+/.exec(notation)?.[0] ?? '');
  return [...own.filter((name) => name !== ''), ...COMMON];
}

function bashScript(words: ReadonlyMap<string, readonly string[]>): string {
  const cases = [...words].map(([typed, next]) => `    '${typed}') words='${next.join(' ')}' ;;`);
  return [
    '_clawpatrol() {',
    '  local typed="" word words="" i',
    '  for ((i = 1; i < COMP_CWORD && i <= 2; i++)); do',
    '    word="${COMP_WORDS[i]}"',
    '    case "$word" in -*) continue ;; esac',
    '    typed="${typed:+$typed }$word"',
    '  done',
    '  case "$typed" in',
    ...cases,
    '    *) typed="${typed%% *}"; words=\'--json --no-color --help\' ;;',
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _clawpatrol clawpatrol',
  ].join('\n');
}

/** zsh runs bash's completions through its own compatibility layer. */
function zshScript(words: ReadonlyMap<string, readonly string[]>): string {
  return ['#compdef clawpatrol', 'autoload -U +X bashcompinit && bashcompinit', bashScript(words)].join('\n');
}

function fishScript(words: ReadonlyMap<string, readonly string[]>): string {
  return [...words]
    .map(([typed, next]) => {
      const [first, second] = typed.split(' ');
      const verbs = next.filter((word) => !word.startsWith('-')).join(' ');
      if (first === undefined || first === '') {
        return `complete -c clawpatrol -f -n __fish_use_subcommand -a '${verbs}'`;
      }
      const seen = `__fish_seen_subcommand_from ${first}${second === undefined ? '' : `; and __fish_seen_subcommand_from ${second}`}`;
      const flags = next.filter((word) => word.startsWith('--')).map((word) => `-l ${word.slice(2)}`);
      return [
        ...(verbs === '' ? [] : [`complete -c clawpatrol -f -n '${seen}' -a '${verbs}'`]),
        ...flags.map((name) => `complete -c clawpatrol -n '${seen}' ${name}`),
      ].join('\n');
    })
    .join('\n');
}

const SCRIPTS: Readonly<Record<string, (words: ReadonlyMap<string, readonly string[]>) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const command: Verb | Noun = {
  name: 'completion',
  summary: 'print a completion script for bash, zsh or fish',
  operands: [['<shell>', 'bash, zsh or fish']],
  act: async ({ operands: [shell = ''], out }) => {
    const words = await completions();
    const script = SCRIPTS[shell];
    if (script === undefined) {
      throw new CliError('usage', EXIT.usage, `unknown shell "${shell}": write bash, zsh or fish`);
    }
    out.line(script(words));
    return EXIT.ok;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
