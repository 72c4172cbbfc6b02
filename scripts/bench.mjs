// npm run bench [part …] [--quick]: installs and builds what is missing, then measures.
import { spawnSync } from 'node:child_process';
import { ensureBuilt, ensureInstalled } from './ensure.mjs';

ensureInstalled();
ensureBuilt();
process.exit(
  spawnSync(process.execPath, ['--enable-source-maps', 'dist/bench/run.js', ...process.argv.slice(2)], {
    stdio: 'inherit',
  }).status ?? 1,
);
