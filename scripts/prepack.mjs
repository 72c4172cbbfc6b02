// Before `npm pack` and `npm publish`: a clean build, the commit that it was made from, and the dependencies pinned for whoever installs it
// (npm-shrinkwrap.json, which `postpack` removes again).
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { buildPage, ensureInstalled } from './ensure.mjs';

ensureInstalled();
rmSync('dist', { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', [], { stdio: 'inherit' });
buildPage();
let commit = 'unknown';
try {
  commit = execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
} catch {
  // Packed from an unpacked archive: there is no commit to name.
}
writeFileSync('dist/commit', `${commit}\n`);
copyFileSync('package-lock.json', 'npm-shrinkwrap.json');
