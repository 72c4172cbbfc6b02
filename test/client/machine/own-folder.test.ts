// Who could change what root does for a machine.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openJournal } from '../../../src/client/machine/journal.ts';
import { findForeign } from '../../../src/client/machine/own-folder.ts';
import { temporaryFolder } from '../../support/temp.ts';

const OWN = process.getuid?.() ?? 0;
const SOMEBODY = 4242;

test('a path is ours when no folder on the way to it is another user’s or open to others', (t) => {
  const top = temporaryFolder(t, 'clawpatrol-own');
  const [safe, open, sticky] = ['safe', 'open', 'sticky'].map((name) => join(top, name));
  assert.ok(safe !== undefined && open !== undefined && sticky !== undefined);
  for (const [folder, mode] of [
    [safe, 0o755],
    [open, 0o777],
    [sticky, 0o1777],
  ] as const) {
    mkdirSync(join(folder, 'below'), { recursive: true });
    chmodSync(folder, mode);
  }
  writeFileSync(join(safe, 'loose'), '');
  chmodSync(join(safe, 'loose'), 0o666);
  symlinkSync(open, join(safe, 'away'));
  symlinkSync(join(safe, 'below'), join(safe, 'near'));
  symlinkSync(join(safe, 'nowhere'), join(safe, 'dangling'));
  const rows: readonly (readonly [string, string | null])[] = [
    [safe, null],
    [join(safe, 'below'), null],
    [join(safe, 'not', 'there'), null],
    [join(safe, 'near'), null],
    [join(safe, 'loose'), join(safe, 'loose')],
    [join(safe, 'dangling', 'x'), join(safe, 'dangling')],
    [open, open],
    [join(open, 'below'), open],
    [join(open, 'not-there'), open],
    [join(safe, 'away', 'below'), open],
    // What is there already is safe from others; what is not yet, they may make.
    [join(sticky, 'below'), null],
    [join(sticky, 'not-there'), sticky],
  ];
  for (const [path, expected] of rows) {
    assert.equal(findForeign(path, OWN), expected, path);
  }
});

test('root neither reads nor writes a journal that another user could have written', (t) => {
  const folder = temporaryFolder(t, 'clawpatrol-journal');
  const victim = join(folder, 'victim');
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  const step = { kind: 'setting', path: victim, before: 'theirs', written: 'ours' };
  writeFileSync(join(home, 'whole-machine'), JSON.stringify({ version: 1, steps: [step] }));
  assert.deepEqual(openJournal(home).read()?.steps, [step]);
  if (OWN !== 0) {
    // Only root can give a folder away; who is not root does nothing for others.
    assert.equal(lstatSync(home).uid, OWN);
    return;
  }
  chownSync(home, SOMEBODY, SOMEBODY);
  const file = openJournal(home);
  for (const act of [() => file.read(), () => file.decide('undone')]) {
    assert.throws(act, /others can change .*home; give it to root alone/);
  }
  chownSync(home, 0, 0);
  chownSync(join(home, 'whole-machine'), SOMEBODY, SOMEBODY);
  assert.throws(() => openJournal(home).read(), /others can change .*whole-machine/);
});
