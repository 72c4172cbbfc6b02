// The web page as it was built: read once at start, kept in memory, served with the headers that let nothing else run in it.
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  /** Its name changes with its content. */
  readonly hashed: boolean;
}

/** By URL path. */
export type Page = ReadonlyMap<string, PageFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing inline, nothing from elsewhere, no frame around it, and no way to make markup of text. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** With every answer of the dashboard. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};

/** Where `npm run build` puts the page. */
const FOLDER = join(import.meta.dirname, 'page');

/** Reads the built page; empty when it has not been built. */
export function loadPage(folder: string = FOLDER): Page {
  const page = new Map<string, PageFile>();
  for (const [prefix, path] of [
    ['/', folder],
    ['/assets/', join(folder, 'assets')],
  ] as const) {
    for (const name of listFiles(path)) {
      const type = TYPES[extname(name)];
      if (type !== undefined) {
        const bytes = readFileSync(join(path, name));
        const file = { type, bytes, gzipped: gzipSync(bytes, { level: 9 }), hashed: prefix === '/assets/' };
        page.set(name === 'index.html' ? '/' : `${prefix}${name}`, file);
      }
    }
  }
  return page;
}

function listFiles(path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  } catch {
    return [];
  }
}
