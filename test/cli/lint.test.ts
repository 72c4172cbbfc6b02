// lint: findings of the loader and of the rules in one list, filters on it, exit codes.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WARNING_CODES } from '../../src/cli/lint.ts';
import { runVerb } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { CleanUp } from '../support/temp.ts';

const BASE = `schema_version = 1
endpoint "postgres" "pg" {
  host    = "pg.example"
  sslmode = "verify-full"
  listen  = "127.0.0.1:15432"
  profile = "default"
}
endpoint "postgres" "other" {
  host    = "other.example"
  sslmode = "verify-full"
  listen  = "127.0.0.1:15433"
  profile = "other"
}
credential "postgres_credential" "pg" {
  endpoint = pg
}
credential "postgres_credential" "other" {
  endpoint = other
}
profile "default" {
  credentials = [pg]
}
profile "other" {
  credentials = [other]
}
`;

const SHADOWED = `${BASE}rule "all" {
  endpoint = pg
  priority = 9
  verdict  = "deny"
}
rule "never" {
  endpoint  = pg
  condition = "sql.verb == 'select'"
  verdict   = "allow"
}
`;

function write(cleanUp: CleanUp, text: string): string {
  const path = join(temporaryFolder(cleanUp), 'gateway.hcl');
  writeFileSync(path, text);
  return path;
}

test('a rule that can never decide is a finding, with 1', async (t) => {
  const path = write(t, SHADOWED);
  const { code, stdout } = await runVerb(['lint', path]);
  assert.equal(code, 1);
  assert.match(stdout, /gateway\.hcl:\d+:\d+: warning: rule never can never decide.*\[shadowed-rule\]\n {2}fix: /);
  assert.match(stdout, /: 0 error\(s\), 1 warning\(s\)\n$/);
});

test('no finding is 0 with the counts', async (t) => {
  const path = write(t, BASE);
  const { code, stdout } = await runVerb(['lint', path]);
  assert.deepEqual([code, stdout], [0, `ok: ${path}: 2 endpoint(s), 0 rule(s), 2 profile(s), 0 warning(s)\n`]);
});

test('--only, --except and --profile choose among findings', async (t) => {
  const path = write(t, SHADOWED);
  const cases: [string[], number][] = [
    [['--only', 'shadowed-rule,unused'], 1],
    [['--only', 'case-table'], 0],
    [['--except', 'shadowed-rule'], 0],
    [['--except', 'case-table'], 1],
    [['--profile', 'default'], 1],
    [['--profile', 'other'], 0],
    [['--profile', 'nobody'], 2],
  ];
  for (const [args, code] of cases) {
    assert.equal((await runVerb(['lint', path, ...args])).code, code, args.join(' '));
  }
});

test('errors are findings that no filter hides', async (t) => {
  const path = write(t, SHADOWED.replace("'select'", "'selekt'"));
  const { code, stdout } = await runVerb(['lint', path, '--only', 'case-table']);
  assert.equal(code, 1);
  assert.match(stdout, /\[dead-literal\]/);
});

test('--json is the shape of validate', async (t) => {
  const result = Object((await runVerb(['lint', write(t, SHADOWED), '--json'])).json());
  assert.equal(result.ok, false);
  assert.equal(result.diagnostics[0].code, 'shadowed-rule');
});

test('a code that no warning has is refused, with the nearest or with all of them', async (t) => {
  const path = write(t, SHADOWED);
  const cases: readonly [string, string, RegExp][] = [
    [
      '--only',
      'shadowd-rule',
      /--only takes codes of warnings, and "shadowd-rule" is none; did you mean shadowed-rule\?/,
    ],
    ['--except', 'unused,nope', /--except takes codes of warnings, and "nope" is none; the codes are: agent-chosen, /],
  ];
  for (const [option, codes, expected] of cases) {
    const { code, stderr } = await runVerb(['lint', path, option, codes]);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
  assert.equal((await runVerb(['lint', path, '--except', 'unused, shadowed-rule'])).code, 0);
});

test('every warning of the sources is among the codes that --only takes', () => {
  const sources = ['src/config', 'src/rules'].flatMap((folder) =>
    readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8')),
  );
  const spellings = [
    /warning\([^;]*?code: '([a-z-]+)'/g,
    /\bwarning\(\s*'([a-z-]+)'/g,
    /code: '([a-z-]+)',\s*severity: 'warning'/g,
    /severity: 'warning',\s*code: '([a-z-]+)'/g,
    /#add\([^;]*?code: '([a-z-]+)'/g,
  ];
  const used = new Set(
    sources.flatMap((text) =>
      spellings.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? '')),
    ),
  );
  assert.ok(used.size > 20, [...used].join(' '));
  assert.deepEqual(
    [...used].filter((code) => !WARNING_CODES.includes(code)),
    [],
  );
});

test('a profile that is not there is answered with those that are', async (t) => {
  const { code, stderr } = await runVerb(['lint', write(t, SHADOWED), '--profile', 'nope']);
  assert.equal(code, 2);
  assert.match(stderr, /there is no profile "nope"; there are: default, other/);
});
