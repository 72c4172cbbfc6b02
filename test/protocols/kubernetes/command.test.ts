// What exec starts: programs that start others are known in every version and variant of their name, in linear time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandsOf } from '../../../src/protocols/kubernetes/command.ts';
import { Unknown } from '../../../src/rules/action.ts';

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

test('a name of many digits takes no time', () => {
  const startMs = performance.now();
  for (const name of [
    `${'1'.repeat(8_000)}x`,
    `${'-1'.repeat(4_000)}x`,
    `${'.1'.repeat(4_000)}x`,
    `x${'-static'.repeat(1_000)}y`,
  ]) {
    assert.ok(!(commandsOf([name]) instanceof Unknown));
  }
  assert.ok(performance.now() - startMs < 2_500);
});
