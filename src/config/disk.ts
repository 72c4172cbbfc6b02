// The disk as the loader reads it: regular files only, whole, bounded, and judged by the descriptor that is read.
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { FileRead, FileReader } from './read-set.ts';

/** `trustedOnly`: files that someone else owns or that everyone may write are refused. */
export function createDiskReader(trustedOnly: boolean): FileReader {
  return {
    read: (path, maxBytes) => readWhole(path, maxBytes, trustedOnly),
    list: async (path) => {
      try {
        return await readdir(path);
      } catch {
        return null;
      }
    },
  };
}

async function readWhole(path: string, maxBytes: number, trustedOnly: boolean): Promise<FileRead> {
  let handle: FileHandle | null = null;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for its writer.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    const refusal = refuse(stats, maxBytes, trustedOnly);
    if (refusal !== null) {
      return refusal;
    }
    const bytes = await handle.readFile();
    if (bytes.length > maxBytes) {
      return { kind: 'unreadable', why: `it is larger than ${maxBytes} bytes` };
    }
    return { kind: 'read', bytes, realPath: await realpath(path) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'missing' } : { kind: 'unreadable', why: explain(code) };
  } finally {
    await handle?.close();
  }
}

function refuse(stats: Stats, maxBytes: number, trustedOnly: boolean): FileRead | null {
  if (!stats.isFile()) {
    return { kind: 'unreadable', why: stats.isDirectory() ? 'it is a directory' : 'it is not a regular file' };
  }
  if (stats.size > maxBytes) {
    return { kind: 'unreadable', why: `it is larger than ${maxBytes} bytes` };
  }
  const self = process.geteuid?.() ?? stats.uid;
  if (trustedOnly && stats.uid !== 0 && stats.uid !== self) {
    return {
      kind: 'forbidden',
      why: `it belongs to user ${stats.uid}, and the gateway runs as ${self === 0 ? 'root' : `user ${self}`}`,
    };
  }
  if (trustedOnly && (stats.mode & 0o002) !== 0) {
    return { kind: 'forbidden', why: 'everyone may write it' };
  }
  return null;
}

function explain(code: string): string {
  const words: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ELOOP: 'its symbolic links go in circles',
    EISDIR: 'it is a directory',
    ENXIO: 'it is not a regular file',
    ENAMETOOLONG: 'its name is too long',
  };
  return words[code] ?? (code === '' ? 'reading failed' : `reading failed (${code})`);
}
