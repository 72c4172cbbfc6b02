// Builds the dashboard's page from src/dashboard/web/ into dist/src/dashboard/page/: static files that src/dashboard/page.ts serves.
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'dist/src/dashboard/page');
const FRESH = `${PAGE}.new`;

await build({
  root: join(ROOT, 'src/dashboard/web'),
  configFile: false,
  logLevel: 'warn',
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: FRESH,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash].mjs',
        chunkFileNames: 'assets/[name]-[hash].mjs',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
});
// Swapped at once: a gateway that starts meanwhile finds a whole page.
rmSync(PAGE, { recursive: true, force: true });
renameSync(FRESH, PAGE);
