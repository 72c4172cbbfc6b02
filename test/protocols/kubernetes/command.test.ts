// What exec starts, and the tier that follows from it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutVersion } from '../../../src/protocols/shell/programs.ts';
import { Unknown } from '../../../src/rules/action.ts';
import { analysisOf, factOf } from '../../support/kubernetes.ts';
import { growth, LINEAR } from '../../support/growth.ts';

const exec = (argv: readonly string[], more = ''): string =>
  `GET /api/v1/namespaces/d/pods/p/exec?${argv.map((word) => `command=${encodeURIComponent(word)}`).join('&')}${more}`;

test('a version or variant does not hide a program that starts others, and other programs are known', () => {
  for (const program of ['python3', 'python3.11', 'bash-5.2', 'bash-static', 'bash-5.2-static', 'Bash.exe']) {
    assert.ok(factOf(exec([program, '-c', 'x']), 'k8s.commands') instanceof Unknown, program);
  }
  for (const program of ['ls', '/usr/bin/cat', 'cat-', 'md5sum', 'python-config', '7', '-static']) {
    assert.ok(!(factOf(exec([program]), 'k8s.commands') instanceof Unknown), program);
  }
});

test('an exec that only reads, without input and terminal, is suspicious; every other is destructive', () => {
  const tier = (argv: readonly string[], more = '') => analysisOf(exec(argv, more)).risk;
  for (const argv of [
    ['ls', '-l'],
    ['cat', '/etc/hosts'],
    ['sh', '-c', 'df -h | sort'],
    ['env', 'ls'],
  ]) {
    assert.equal(tier(argv), 'suspicious', argv.join(' '));
    assert.equal(tier(argv, '&stdin=true'), 'destructive', argv.join(' '));
    assert.equal(tier(argv, '&tty=true'), 'destructive', argv.join(' '));
  }
  for (const argv of [
    ['rm', 'x'],
    ['sh'],
    ['sh', '-c', 'rm x'],
    ['sh', '-c', '$X'],
    ['python3', '-c', '1'],
    ['sudo', 'ls'],
  ]) {
    assert.equal(tier(argv), 'destructive', argv.join(' '));
  }
  assert.equal(tier(['cat', '/var/run/secrets/kubernetes.io/serviceaccount/token']), 'destructive');
  assert.equal(analysisOf('GET /api/v1/namespaces/d/pods/p/exec').risk, 'destructive');
  assert.equal(analysisOf('GET /api/v1/namespaces/d/pods/p/attach').risk, 'destructive');
});

test('a name of many digits takes time that grows with its length', () => {
  for (const nameOf of [
    (n: number) => `${'1'.repeat(n)}x`,
    (n: number) => `${'-1'.repeat(n)}x`,
    (n: number) => `${'.1'.repeat(n)}x`,
    (n: number) => `x${'-static'.repeat(n)}y`,
  ]) {
    const times = growth(1_000, (n) => withoutVersion(nameOf(n)));
    assert.ok(times < LINEAR, `${nameOf(2)}: ${times.toFixed(1)} times for 8 times the size`);
  }
});
