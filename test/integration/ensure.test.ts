// What `npm start` and `npm test` tell npm where SQLite has to be compiled: the headers of the Node that runs, where nobody said otherwise.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const ENSURE = pathToFileURL(join(process.cwd(), 'scripts', 'ensure.mjs')).href;

/** A folder with `include/node` for that ABI; null: without one. */
function makePrefix(abi: string | null): string {
  const prefix = temporaryFolder(scope, 'clawpatrol-prefix');
  if (abi !== null) {
    const headers = join(prefix, 'include', 'node');
    mkdirSync(headers, { recursive: true });
    writeFileSync(join(headers, 'node.h'), '');
    writeFileSync(join(headers, 'node_version.h'), `#define NODE_MODULE_VERSION ${abi}\n`);
  }
  return prefix;
}

test('the headers beside the Node that runs are named to npm, unless others are configured or they are of another Node', async () => {
  const fits = makePrefix(process.versions.modules);
  const rows: readonly (readonly [
    string,
    prefix: string,
    env: Record<string, string>,
    npmrc: string,
    wanted: string,
  ])[] = [
    ['nothing is configured', fits, {}, '', fits],
    ['no headers', makePrefix(null), {}, '', 'none'],
    ['headers of another Node', makePrefix('1'), {}, '', 'none'],
    ['configured in the environment', fits, { npm_config_nodedir: '/elsewhere' }, '', '/elsewhere'],
    ['configured for node-gyp', fits, { npm_package_config_node_gyp_nodedir: '/elsewhere' }, '', 'none'],
    ['configured in a file', fits, {}, 'nodedir=/elsewhere\n', 'none'],
  ];
  for (const [name, prefix, env, npmrc, wanted] of rows) {
    const home = temporaryFolder(scope, 'clawpatrol-home');
    writeFileSync(join(home, '.npmrc'), npmrc);
    const source = `
      const { npmEnvironment } = await import(${JSON.stringify(ENSURE)});
      console.log(npmEnvironment(process.env, ${JSON.stringify(join(prefix, 'bin', 'node'))}).npm_config_nodedir ?? 'none');`;
    const { stdout, stderr } = await runProgram(process.execPath, ['--input-type=module', '-e', source], {
      env: { HOME: home, ...env },
    });
    assert.equal(stdout.trim(), wanted, `${name}: ${stderr}`);
  }
});
