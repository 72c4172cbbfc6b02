// The pages for people: every path that they name exists, and every example command names a verb that there is.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VERBS } from '../src/cli/cli.ts';

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/benchmarks.md',
  'examples/quickstart/README.md',
  'examples/internal-api/README.md',
  'examples/github-readonly/README.md',
  'examples/gcp-incident/README.md',
];
/** Where a short path of a page may begin: pages about the code leave `src/` out, and a table names a folder's files without it. */
const ROOTS = [
  '',
  'src',
  'src/protocols',
  'src/protocols/postgres',
  'src/protocols/postgres/analysis',
  'src/protocols/sql',
  'src/protocols/http',
  'src/gateway',
  'src/audit',
  'src/rules',
  'src/config',
  'src/dashboard',
  'src/client',
  'examples/quickstart',
  'examples/internal-api',
  'examples/github-readonly',
  'examples/gcp-incident',
];

for (const page of PAGES) {
  const text = readFileSync(page, 'utf8');

  test(`every path that ${page} names exists`, () => {
    const named = [...text.matchAll(/`([\w./-]+(?:\.(?:ts|mjs|json|md|hcl)|\/))`/g)].map((match) => match[1] ?? '');
    for (const path of named) {
      assert.ok(
        ROOTS.some((root) => existsSync(join(root, path))),
        `${page} names ${path}`,
      );
    }
  });

  test(`every command line of ${page} calls a verb that there is`, () => {
    for (const [, verb = ''] of text.matchAll(/(?:^ {4}|`)(?:bin\/)?clawpatrol ([a-z-]+)/gm)) {
      assert.ok(Object.hasOwn(VERBS, verb), `${page} calls clawpatrol ${verb}`);
    }
  });
}
