// validate: what it prints and how it exits. What the findings are is the loader's to test.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVerb } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

const GOOD = `schema_version = 1
endpoint "postgres" "pg" {
  host   = "pg.example"
  listen = "127.0.0.1:15432"
}
credential "postgres_credential" "pg" {
  endpoint = pg
  secret { env = "PG_PASSWORD" }
}
profile "default" {
  credentials = [pg]
}
rule "reads" {
  endpoint  = pg
  condition = "sql.verb == 'select'"
  verdict   = "allow"
}
`;

/** The same with one warning: a tier that lets destruction through. */
const WARNS = `${GOOD}risk "destructive" {\n  verdict = "allow"\n}\n`;

function file(cleanUp: CleanUp, text: string): string {
  const path = join(temporaryFolder(cleanUp), 'gateway.hcl');
  writeFileSync(path, text);
  return path;
}

test('a good file ends with a line of counts and 0', async (t) => {
  const path = file(t, GOOD);
  const { code, stdout, stderr } = await runVerb(['validate', path]);
  assert.deepEqual(
    [code, stdout, stderr],
    [0, `ok: ${path}: 1 endpoint(s), 1 rule(s), 1 profile(s), 0 warning(s)\n`, ''],
  );
});

test('errors are printed with place, code and fix, and exit 1; all of them in one run', async (t) => {
  const text = GOOD.replace('host   =', 'hots   =').replace("'select'", "'selekt'");
  const path = file(t, text);
  const { code, stdout } = await runVerb(['validate', path]);
  assert.equal(code, 1);
  const lines = stdout.trimEnd().split('\n');
  assert.ok(stdout.includes(`${path}:3:3: error: `), stdout);
  assert.match(stdout, /\[unknown-attribute\]\n {2}fix: .*host/);
  assert.match(stdout, /:15:\d+: error: .*\[dead-literal\]\n {2}fix: .*select/);
  assert.match(lines.at(-1) ?? '', /^\S+: \d+ error\(s\), 0 warning\(s\)$/);
});

test('a syntax error is a finding, too', async (t) => {
  const { code, stdout } = await runVerb(['validate', file(t, 'rule "x" {')]);
  assert.equal(code, 1);
  assert.match(stdout, /\[syntax\]/);
});

test('with --strict a warning is a finding', async (t) => {
  const path = file(t, WARNS);
  const plain = await runVerb(['validate', path]);
  assert.equal(plain.code, 0);
  assert.match(plain.stdout, /\[destructive-allowed\]/);
  assert.match(plain.stdout, /, 1 warning\(s\)\n$/);
  const strict = await runVerb(['validate', path, '--strict']);
  assert.equal(strict.code, 1);
  assert.match(strict.stdout, /: 0 error\(s\), 1 warning\(s\)\n$/);
});

test('--json gives counts and diagnostics', async (t) => {
  const path = file(t, WARNS);
  const run = await runVerb(['validate', path, '--json']);
  const result = Object(run.json());
  assert.deepEqual(Object.keys(result), ['ok', 'path', 'schema_version', 'counts', 'diagnostics']);
  assert.deepEqual(result.counts, { endpoints: 1, credentials: 1, rules: 1, profiles: 1, approvers: 0 });
  assert.deepEqual(Object.keys(result.diagnostics[0]), [
    'file',
    'line',
    'col',
    'end_line',
    'end_col',
    'severity',
    'code',
    'message',
    'fix',
  ]);
  const broken = Object((await runVerb(['validate', file(t, 'x = 1'), '--json'])).json());
  assert.deepEqual([broken.ok, broken.schema_version, broken.counts], [false, null, null]);
});

test('--secrets also looks whether the sources exist', async (t) => {
  const path = file(t, GOOD);
  assert.equal((await runVerb(['validate', path])).code, 0);
  const missing = await runVerb(['validate', path, '--secrets']);
  assert.equal(missing.code, 1);
  assert.match(missing.stdout, /PG_PASSWORD is not set \[secret-missing\]\n {2}fix: set PG_PASSWORD/);
  assert.equal((await runVerb(['validate', path, '--secrets'], { env: { PG_PASSWORD: 'x' } })).code, 0);
  const named = { PG_PASSWORD: '@/nonexistent/password' };
  const unreadable = await runVerb(['validate', path, '--secrets'], { env: named });
  assert.equal(unreadable.code, 1);
  const secretFile = join(temporaryFolder(t), 'password');
  const byFile = GOOD.replace('env = "PG_PASSWORD"', `file = "${secretFile}"`);
  assert.equal((await runVerb(['validate', file(t, byFile), '--secrets'])).code, 1);
  writeFileSync(secretFile, 'x', { mode: 0o600 });
  assert.equal((await runVerb(['validate', file(t, byFile), '--secrets'])).code, 0);
});

test('a path that cannot be read, or a folder without *.hcl, exits 2', async (t) => {
  const empty = join(temporaryFolder(t), 'empty');
  mkdirSync(empty);
  for (const path of ['/nonexistent.hcl', empty]) {
    const run = await runVerb(['validate', path]);
    assert.deepEqual([run.code, run.stdout], [2, ''], path);
    assert.match(run.stderr, /^clawpatrol: /);
  }
});
