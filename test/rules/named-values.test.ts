// Which values of a fact a condition speaks of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCondition } from '../../src/rules/cel-parse.ts';
import { checkCondition } from '../../src/rules/check.ts';
import { namedValues } from '../../src/rules/named-values.ts';
import { factSchemas } from '../../src/rules/schemas.ts';

function verbs(condition: string): readonly string[] {
  const parsed = parseCondition(condition);
  assert.notEqual(parsed.kind, 'failed');
  const { expr } = checkCondition(parsed.kind === 'failed' ? assert.fail() : parsed.expr, 'ssh', factSchemas);
  return [...((expr === null ? null : namedValues(expr).get('ssh.verb')) ?? [])].toSorted();
}

test('a verb is named by comparing the fact with it, alone or in a list, wherever that stands', () => {
  assert.deepEqual(verbs("ssh.verb == 'shell'"), ['shell']);
  assert.deepEqual(verbs("'shell' == ssh.verb"), ['shell']);
  assert.deepEqual(verbs("ssh.verb in ['pty', 'shell'] && ssh.user == 'root'"), ['pty', 'shell']);
  assert.deepEqual(verbs("ssh.user == 'x' || (ssh.pty && ssh.verb == 'SHELL')"), ['shell']);
});

test('speaking of something else, or of everything but, names nothing', () => {
  assert.deepEqual(verbs("ssh.user == 'shell'"), []);
  assert.deepEqual(verbs("ssh.verb != 'shell'"), []);
  assert.deepEqual(verbs("ssh.programs.exists(p, p == 'shell') && ssh.verb == 'exec'"), ['exec']);
  assert.deepEqual(verbs('true'), []);
});
