// The SQLite library, in the build that fits this Node. better-sqlite3 12 is made against the headers of Node; from 24.19 on those abort the
// process when one of its objects is garbage collected. better-sqlite3 13 speaks Node-API and does not, but needs Node 22.
import { createRequire } from 'node:module';
import type SqliteDatabase from 'better-sqlite3';
import { messageOf } from '../lib/errors.ts';

/** First major version of Node whose Node-API the newer library needs. */
const NODE_API_SINCE = 22;

/** Name of the package that a Node of this version uses. */
export function libraryFor(version: string): 'better-sqlite3' | 'better-sqlite3-napi' {
  return Number.parseInt(version, 10) >= NODE_API_SINCE ? 'better-sqlite3-napi' : 'better-sqlite3';
}

function load(name: string): typeof SqliteDatabase {
  const require = createRequire(import.meta.url);
  try {
    // Both have the same interface, and only one set of types.
    const library: typeof SqliteDatabase = require(name);
    return library;
  } catch (error) {
    const [why = ''] = messageOf(error).split('\n');
    throw new Error(`SQLite cannot be loaded; install the packages again with this Node.js: ${why}`, { cause: error });
  }
}

/** Opens databases: the constructor of better-sqlite3, whichever it is here. */
export const Database = load(libraryFor(process.versions.node));
