// The shell model against real shells: what bash and dash run of a line, the model has listed with the same arguments, or has called hidden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommandRecord, ShellReading } from '../../src/protocols/shell/model.ts';
import { runLines, STAND_INS } from '../support/real-shell.ts';
import { SHELL_OPTIONS, shell } from '../support/ssh.ts';

const SHELLS: readonly (readonly string[])[] = [['/bin/bash'], ['/bin/bash', '--posix'], ['/bin/dash']];

const read = (line: string): ShellReading => shell.readLine(Buffer.from(line), { kind: 'unread' }, SHELL_OPTIONS);

/** dash does not know `$'…'`: it runs the same programs with a `$` in front of the word. */
const isComparable = (command: readonly string[], line: string): boolean =>
  !(command.includes('/bin/dash') && line.includes("$'"));

/** A word that is made at run time may be anything, and any number of words. */
function isListed(argv: readonly string[], { argv: listed, literal }: CommandRecord): boolean {
  if (literal || listed.every((word) => word !== null)) {
    return listed.length === argv.length && listed.every((word, index) => word === argv[index]);
  }
  return listed[0] === argv[0];
}

/** Lines whose every run is listed; those that the model does not read do not count. */
function compare(lines: readonly string[]): { readonly wrong: readonly string[]; readonly judged: number } {
  const judged = lines.filter((line) => !line.includes('\0')).map((line) => ({ line, reading: read(line) }));
  const seen = judged.filter(({ reading }) => reading.hidden === null);
  const wrong = SHELLS.flatMap((command) => {
    const runs = runLines(
      command,
      seen.map(({ line }) => line),
    );
    assert.equal(runs.length, seen.length, `${command.join(' ')} came to its end`);
    return seen.flatMap(({ line, reading }, index) =>
      (isComparable(command, line) ? (runs[index] ?? []) : [])
        .filter((argv) => !reading.commands.some((record) => isListed(argv, record)))
        .map((argv) => `${command.join(' ')}: ${JSON.stringify(line)} ran ${JSON.stringify(argv)}`),
    );
  });
  return { wrong, judged: seen.length };
}

/** Lines that some shell reads in a way of its own: none of them is read. */
const AMBIGUOUS: readonly string[] = [
  `ls &>f id`,
  `ls &>f >>g id`,
  `ls 12>f`,
  `ls 2&>f`,
  `ls a$"b"`,
  `ls [[ a && id b`,
  `[[ a && id b ]]`,
  `((ls))`,
  `ls {x}>f`,
  `{ ls } always { id; }`,
  `repeat 2 ls`,
  `ls >! f`,
  `ls &! id`,
  `ls $x[1]`,
  `ls a(b)`,
  `function ls { id; }`,
  `time { ls; }`,
  `ls \
\
; function x`,
];

test('what shells read in different ways is not read', () => {
  for (const line of AMBIGUOUS) {
    assert.notEqual(read(line).hidden, null, line);
  }
  assert.equal(read('ls &>f').hidden, null);
});

const WRITTEN: readonly string[] = [
  `ls a b`,
  `ls 'a b' "c d" e\\ f`,
  `ls a"b"'c'\\d`,
  `ls "" ''`,
  `ls "\\a\\$\\"\\\\\\\`"`,
  `ls '\\a'`,
  `l""s a`,
  `'ls' a`,
  `ls a;id b`,
  `ls a & id b`,
  `ls a && id b || w c`,
  `ls a | id b | w c`,
  `ls a\nid b`,
  `ls a # id b`,
  `ls a#b`,
  `ls a;# b\nid c`,
  `(ls a; id b)`,
  `{ ls a; id b; }`,
  `{ ls a; } > f`,
  `if ls a; then id b; else w c; fi`,
  `for i in x y; do ls b; done`,
  `for i in x y; do ls $i; done`,
  `case a in b) ls x;; a|c) id y;; *) w z;; esac`,
  `case a in (a) id y;; esac`,
  `ls "$(id a)" b`,
  'ls `id a` b',
  `ls "a $(id "b c") d"`,
  `! ls a`,
  `ls > f a`,
  `> f ls a`,
  `ls 2>&1 a >f`,
  `ls a 2> f b`,
  `ls 2 > f`,
  `ls a2>f`,
  `ls < /dev/null a`,
  `ls <<E a\nid b\nE\nid c`,
  `ls <<'E' a\nid $b\nE\nid c`,
  `ls <<-E a\n\tid b\n\tE\nid c`,
  `ls <<A <<B\nx\nA\ny\nB\nid c`,
  `if true; then ls <<E\nx\nE\nid a\nfi`,
  `ls a\\\n`,
  `ls \\\n a`,
  `ls a |\n id b`,
  `ls a &&\n\n id b`,
  `LANG=C ls a`,
  `x=1 y=2; ls a`,
  `x='a b'; ls "$x"`,
  `ls x=1`,
  `ls {a,b} c`,
  `ls {a} {} }a`,
  `ls ~ ~/x "~" a~`,
  `ls * a`,
  `ls [a] ?`,
  `ls [ ]`,
  `ls = == a=b`,
  `ls ! -x --y`,
  `ls %1 @ + , : ^ ]`,
  `ls é "ü" 'ñ'`,
  `ls $'a'`,
  `ls \\# \\; \\& \\|`,
  `ls "#" ";" '&'`,
  `ls\ta\t b`,
  ` \t ls a `,
  `\n\nls a\n\n`,
  `ls a;`,
  `ls a &`,
  `ls a | id &`,
  `ls -- -a`,
  `f() { ls a; }; f`,
  `f() ( ls a ); f`,
  `ls "$((1+2))"`,
  `ls $((1 + 2)) a`,
  `eval ls a`,
  `eval 'ls a; id b'`,
  `eval "ls 'a b'"`,
  `ls a >&2`,
  `ls a <&0`,
  `(ls a) | (id b)`,
  `{ ls a; id b; } | w c`,
  `if ls; then if id; then w; fi; fi`,
  `while ! ls a; do id b; break; done`,
  `ls "a\nb"`,
  `ls 'a\nb' c`,
  `ls $ a$ "$" "a$"`,
  `ls a"$(ls b; id c)"d`,
  `ls $(ls b\nid c)`,
  `ls $(ls b # c\n)`,
  `ls $(case a in a) id b;; esac)`,
  `ls "\`id a\`"`,
  `ls a"'"b'"'c`,
  `ls 1>f 2>g a`,
  `ls >f; id a`,
  `ls a&& id b`,
  `ls a||id b`,
  `ls a;id b;w c`,
  `ls a&id b&w c`,
];

test('what real shells run of written lines is what the model lists', () => {
  const { wrong, judged } = compare(WRITTEN);
  assert.deepEqual(wrong, []);
  assert.ok(judged >= WRITTEN.length - 6, `${judged} of ${WRITTEN.length} lines were read`);
});

test('a line without conditions runs everything that is listed, with the very arguments', () => {
  const lines = WRITTEN.filter((line) => {
    const { commands, hidden } = read(line);
    return hidden === null && commands.every(({ where, literal }) => where === 'top' && literal) && !/[&|!]/.test(line);
  });
  assert.ok(lines.length > 20);
  for (const command of SHELLS) {
    runLines(command, lines).forEach((runs, index) => {
      const { commands } = read(lines[index] ?? '');
      const listed = commands.map(({ argv }) => argv).filter(([program]) => STAND_INS.includes(program ?? ''));
      if (isComparable(command, lines[index] ?? '')) {
        assert.deepEqual(runs, listed, `${command.join(' ')}: ${lines[index]}`);
      }
    });
  }
});

/** Pieces that shells have names for, put together in any order. */
const PIECES: readonly string[] = [
  ...STAND_INS,
  ...'abc x=1 -x a* ? [a] {a,b} { } {} ( ) (( )) ; ;; & && | || |& ! # < > >> << <<< <& >& &> <> >| 2>f 1>&2'.split(
    ' ',
  ),
  ...`' ' ' " " " \\ \\\\ $ $( ) \` \` $x \${x} $((1)) $'a' $"a" ~ = == [ ] [[ ]]`.split(' '),
  ...'if then else fi for i in do done case esac eval command x() E EOF - -- , . : % ^ @ + é'.split(' '),
  ' ',
  ' ',
  ' ',
  ' ',
  '\n',
  '\t',
  '\\\n',
  ';',
  "'",
  '"',
];

/** Seeds are fixed so that a run tells of the code and not of luck; more with SHELL_LINES=100000. */
const LINES = Number(process.env['SHELL_LINES'] ?? 2000);
const SEED = Number(process.env['SHELL_SEED'] ?? 7);

test('what real shells run of lines made of anything is what the model lists, or hidden', () => {
  const soup = fc
    .array(fc.constantFrom(...PIECES), { minLength: 2, maxLength: 14 })
    .map((pieces) => `ls ${pieces.join('')}`);
  const spaced = fc
    .array(fc.constantFrom(...PIECES), { minLength: 2, maxLength: 12 })
    .map((pieces) => pieces.join(' '));
  const lines = [
    ...fc.sample(soup, { numRuns: LINES / 2, seed: SEED }),
    ...fc.sample(spaced, { numRuns: LINES / 2, seed: SEED }),
  ];
  let judged = 0;
  for (let at = 0; at < lines.length; at += 1000) {
    const result = compare(lines.slice(at, at + 1000));
    assert.deepEqual(result.wrong, []);
    judged += result.judged;
  }
  assert.ok(judged > LINES / 200, `${judged} of ${LINES} lines were read`);
});

test('words in every kind of quotes come to a program as the model says', () => {
  const piece = fc.oneof(
    fc.string({ unit: fc.constantFrom(...Array.from(`abz09_./:=+,%@^-`)), minLength: 1, maxLength: 4 }),
    fc
      .string({ unit: fc.constantFrom(...Array.from(`a "\\$\`;|&<>()*?[]{}~#!\n\té`)), maxLength: 6 })
      .map((text) => `'${text}'`),
    fc
      .string({ unit: fc.constantFrom(...Array.from(`a ';|&<>()*?[]{}~#\n\té`)), maxLength: 6 })
      .map((text) => `"${text}"`),
    fc.constantFrom(
      '\\ ',
      "\\'",
      '\\"',
      '\\\\',
      '\\;',
      '\\&',
      '\\|',
      '\\$',
      '\\*',
      '\\(',
      '\\#',
      '\\a',
      '\\~',
      '"\\$"',
      '"\\""',
      '"\\a"',
    ),
  );
  const word = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
  const line = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => `ls ${words.join(' ')}`);
  const lines = fc.sample(line, { numRuns: LINES / 4, seed: SEED });
  const literal = lines.filter((text) => read(text).simple !== null);
  assert.ok(literal.length > lines.length / 3, `${literal.length} of ${lines.length} lines are literal`);
  for (const command of SHELLS) {
    const runs = runLines(command, literal);
    literal.forEach((text, index) =>
      assert.deepEqual(runs[index], [read(text).simple], `${command.join(' ')}: ${text}`),
    );
  }
});
