// The shell model as a whole: total, bounded, and never milder for more of what it cannot see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseScript } from '../../../src/protocols/shell/parser.ts';
import type { ShellOptions, ShellReading } from '../../../src/protocols/shell/model.ts';
import { RISKS } from '../../../src/rules/action.ts';
import { NOT_READING, READING } from '../../corpus/ssh-commands.ts';
import { SHELL_OPTIONS, shell } from '../../support/ssh.ts';
import { growth } from '../../support/growth.ts';

const read = (text: string, options: Partial<ShellOptions> = {}): ShellReading =>
  shell.readLine(Buffer.from(text), { kind: 'unread' }, { ...SHELL_OPTIONS, ...options });

const rank = ({ tier }: ShellReading): number => RISKS.indexOf(tier.risk);

const PIECES = Array.from(new Set([...READING, ...NOT_READING].flatMap((line) => line.split(' ').slice(0, 3)))).filter(
  (piece) => piece.length < 40,
);

test('no bytes make it throw, and what is opaque is destructive', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
    fc
      .array(fc.constantFrom(...PIECES, '\n', ';', '|', '$(', ')', "'", '"', '`', '<<E'), { maxLength: 12 })
      .map((pieces) => Buffer.from(pieces.join(' '))),
  );
  fc.assert(
    fc.property(bytes, fc.boolean(), (line, tty) => {
      const reading = shell.readLine(line, { kind: 'unread' }, { ...SHELL_OPTIONS, tty });
      assert.equal(rank(reading) === 2, reading.tier.risk === 'destructive');
      assert.ok(reading.opaque.length === 0 || reading.tier.risk === 'destructive');
      assert.ok(reading.hidden === null || reading.opaque.length > 0 || reading.tier.risk === 'destructive');
      assert.equal(reading.tier.risk === 'safe', reading.tier.causes.length === 0);
      shell.readScript(line, SHELL_OPTIONS);
      shell.readArgv(line.toString('latin1').split(' '), { kind: 'unread' }, SHELL_OPTIONS);
    }),
    { numRuns: 400, seed: 5 },
  );
});

test('what is added to a line never lowers its tier', () => {
  const line = fc.constantFrom(...READING, ...NOT_READING.filter((text) => text.length < 200));
  const added = fc.constantFrom(
    '; uptime',
    ' && ls',
    '; rm x',
    '; $X',
    ' | cat',
    '; python3 -c 1',
    '; (ls)',
    '; sudo ls',
  );
  fc.assert(
    fc.property(line, added, (text, more) => {
      assert.ok(rank(read(text + more)) >= rank(read(text)) || text.includes('\\') || /[<#&]/.test(text), text + more);
      assert.ok(rank(read(`ls; ${text}`)) >= rank(read(text)) || text.trim() === '' || text.startsWith('#'), text);
    }),
    { numRuns: 300, seed: 6 },
  );
});

test('an opaque word in place of a constant one never lowers a tier', () => {
  for (const text of READING.filter((line) => /^[\w ./-]+$/.test(line))) {
    const words = text.split(' ');
    words.forEach((_, index) => {
      const changed = words.map((word, at) => (at === index ? '$X' : word)).join(' ');
      assert.ok(rank(read(changed)) >= rank(read(text)), changed);
    });
  }
});

test('wrapped in another shell a line keeps its tier, or is destructive', () => {
  for (const text of [...READING, ...NOT_READING].filter((line) => !line.includes("'") && line.length < 200)) {
    const [bare, wrapped] = [read(text), read(`sh -c '${text}'`)];
    assert.ok(rank(wrapped) >= rank(bare) || bare.startsShell || text.trim() === '' || text.startsWith('#'), text);
    assert.ok(rank(read(`sudo sh -c '${text}'`)) === 2, text);
  }
});

/** A tree of many nodes is collected as garbage while it grows, which costs more than its share; quadratic would be 64. */
const NOT_QUADRATIC = 44;

test('hostile nesting and length take time that grows with the size', () => {
  const shapes: readonly ((size: number) => string)[] = [
    (n) => 'ls '.repeat(n),
    (n) => `ls ${'a'.repeat(n)}`,
    (n) => 'ls;'.repeat(n),
    (n) => `ls ${'"'.repeat(n)}`,
    (n) => `ls ${'$('.repeat(n)}`,
    (n) => `ls ${'`'.repeat(n)}`,
    (n) => '('.repeat(n),
    (n) => `ls ${'{a,'.repeat(n)}`,
    (n) => `ls ${'['.repeat(n)}`,
    (n) => `ls ${'\\'.repeat(n)}`,
    (n) => `ls ${'<<E '.repeat(n)}`,
    (n) => 'ls <<E\nE\n'.repeat(n),
    (n) => `ls ${'~/'.repeat(n)}`,
    (n) => `ls ${'#'.repeat(n)}\n`,
  ];
  for (const shape of shapes) {
    // Once before it counts: code that was never run is slower than its size.
    parseScript(shape(8_000));
    const times = growth(1_000, (n) => parseScript(shape(n)));
    assert.ok(times < NOT_QUADRATIC, `${shape(2)}: ${times.toFixed(1)} times for 8 times the size`);
  }
});

test('a text of the longest length is read, or refused, in bounded time', () => {
  for (const text of [
    'ls;'.repeat(43_000),
    'ls '.repeat(43_000),
    `ls ${'$(ls '.repeat(20_000)}`,
    '('.repeat(131_072),
  ]) {
    const reading = read(text);
    assert.ok(['safe', 'destructive'].includes(reading.tier.risk));
  }
  assert.deepEqual(read('x'.repeat(131_073)).opaque, ['too_large']);
  assert.deepEqual(read(`ls${' a'.repeat(9_000)}`).opaque, ['too_large']);
  assert.deepEqual(read(`ls${' a'.repeat(4_000)}`).opaque, []);
});

test('the same text is read once, and apart where something else hangs on it', () => {
  assert.equal(read('df -h'), read('df -h'));
  assert.notEqual(read('git log'), read('git log', { tty: true }));
  assert.equal(read('git log', { tty: true }).tier.risk, 'destructive');
  assert.notEqual(
    read('echo x > /srv/scratch/a').tier.risk,
    read('echo x > /srv/scratch/a', { scratchDirs: [] }).tier.risk,
  );
});

test('shells inside shells are followed to a limit', () => {
  const nested = (depth: number): string => {
    let text = 'ls';
    for (let at = 0; at < depth; at += 1) {
      text = `sh -c ${JSON.stringify(text)}`;
    }
    return text;
  };
  assert.equal(read(nested(3)).tier.risk, 'safe');
  assert.deepEqual(read(nested(12)).opaque, ['syntax']);
});

test('where a command stands is told', () => {
  const wheres = (text: string) => read(text).commands.map(({ program, where, pipe }) => `${program} ${where} ${pipe}`);
  assert.deepEqual(wheres('ls | cat; (id) & echo $(w)'), [
    'ls top 0',
    'cat top 1',
    'id subshell 0',
    'echo top 0',
    'w substitution 0',
  ]);
  assert.deepEqual(wheres('for i in a; do ls; done; if id; then w; fi'), [
    'ls loop 0',
    'id condition 0',
    'w condition 0',
  ]);
  assert.deepEqual(wheres(`sh -c 'ls | xargs cat'`), ['ls nested_shell 0', 'cat xargs 1']);
  assert.deepEqual(wheres('find /srv -exec ls {} +; ssh h id'), ['find top 0', 'ls find_exec 0', 'id remote 0']);
  assert.deepEqual(wheres('ls & f() { id; }'), ['ls background 0', 'id function 0']);
});

test('redirects are told with their descriptors and targets', () => {
  const [command] = read('ls 2>/dev/null >> /srv/scratch/x < "$Y"').commands;
  assert.deepEqual(command?.redirects, [
    { op: '>', fd: 2, target: '/dev/null' },
    { op: '>>', fd: 1, target: '/srv/scratch/x' },
    { op: '<', fd: 0, target: null },
  ]);
});
