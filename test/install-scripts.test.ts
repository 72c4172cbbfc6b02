// npm 11 tells of every dependency that runs a program when it is installed, and a later one runs none that the package does not allow. What is
// allowed is written down here once; a dependency that comes with such a program is looked at before it runs anywhere.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');

function read(name: string): Readonly<Record<string, unknown>> {
  return Object(JSON.parse(readFileSync(join(ROOT, name), 'utf8')));
}

test('every dependency that runs a program at its installation is named in allowScripts, and nothing else is', () => {
  const packages: Readonly<Record<string, unknown>> = Object(read('package-lock.json')['packages']);
  const withScripts = Object.entries(packages)
    .filter(([, one]) => Reflect.get(Object(one), 'hasInstallScript') === true)
    .map(([path]) => path.split('node_modules/').at(-1));
  const allowed: Readonly<Record<string, unknown>> = Object(read('package.json')['allowScripts']);
  assert.deepEqual(new Set(Object.keys(allowed)), new Set(withScripts));
  // Of these the grammars are used, which are WebAssembly: their native halves are never loaded.
  const denied = Object.keys(allowed).filter((name) => allowed[name] !== true);
  assert.deepEqual(denied, ['@tree-sitter-grammars/tree-sitter-hcl', 'tree-sitter-bash']);
});
