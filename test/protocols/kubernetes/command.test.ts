// What exec starts: programs that start others are known in every version and variant of their name, in linear time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandsOf } from '../../../src/protocols/kubernetes/command.ts';
import { Unknown } from '../../../src/rules/action.ts';
import { growth, LINEAR } from '../../support/growth.ts';

test('a version or variant does not hide a program that starts others, and other programs are known', () => {
  for (const program of [
    'sh',
    '/bin/bash',
    'python3',
    'python3.11',
    'bash-5.2',
    'bash-static',
    'bash-5.2-static',
    'Bash.exe',
  ]) {
    assert.ok(commandsOf([program, '-c', 'x']) instanceof Unknown, program);
  }
  for (const program of ['ls', '/usr/bin/cat', 'cat-', 'md5sum', 'python-config', '7', '-static']) {
    assert.ok(!(commandsOf([program]) instanceof Unknown), program);
  }
});

test('a name of many digits takes time that grows with its length', () => {
  for (const nameOf of [
    (n: number) => `${'1'.repeat(n)}x`,
    (n: number) => `${'-1'.repeat(n)}x`,
    (n: number) => `${'.1'.repeat(n)}x`,
    (n: number) => `x${'-static'.repeat(n)}y`,
  ]) {
    assert.ok(!(commandsOf([nameOf(10)]) instanceof Unknown));
    const times = growth(1_000, (n) => commandsOf([nameOf(n)]));
    assert.ok(times < LINEAR, `${nameOf(2)}: ${times.toFixed(1)} times for 8 times the size`);
  }
});
