// A disk made of an object: paths relative to the working directory, or absolute, to texts.
import { dirname, resolve } from 'node:path';
import type { FileReader } from '../../src/config/read-set.ts';

/** Files that exist; everything else is missing. */
export function createMemoryReader(files: Readonly<Record<string, string | Buffer>>): FileReader {
  const contents = new Map(Object.entries(files).map(([path, text]) => [resolve(path), Buffer.from(text)]));
  return {
    read: async (path, maxBytes) => {
      const bytes = contents.get(path);
      if (bytes === undefined) {
        return { kind: 'missing' };
      }
      return bytes.length > maxBytes
        ? { kind: 'unreadable', why: `it is larger than ${maxBytes} bytes` }
        : { kind: 'read', bytes, realPath: path };
    },
    list: async (path) => {
      const names = new Set<string>();
      for (const file of contents.keys()) {
        for (let child = file; child !== '/'; child = dirname(child)) {
          if (dirname(child) === path) {
            names.add(child.slice(path === '/' ? 1 : path.length + 1));
          }
        }
      }
      return names.size === 0 ? null : [...names];
    },
  };
}
