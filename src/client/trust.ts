// The certificates that a machine's programs trust: ours is added to the system's store where root may, and taken out again.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import type { RunCommand } from '../devices/commands.ts';

interface Store {
  readonly folder: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** By the folder that only that family of systems has. */
const STORES: readonly Store[] = [
  // Debian, Ubuntu, Alpine.
  { folder: '/usr/local/share/ca-certificates', program: 'update-ca-certificates', args: [] },
  // Fedora, RHEL and their relatives.
  { folder: '/etc/pki/ca-trust/source/anchors', program: 'update-ca-trust', args: ['extract'] },
  // Arch.
  { folder: '/etc/ca-certificates/trust-source/anchors', program: 'update-ca-trust', args: [] },
];

const FILE = 'clawpatrol.crt';

/** What became of it: `detail` is for people. */
export interface TrustResult {
  readonly done: boolean;
  readonly detail: string;
}

/** Adds the certificate. `root` is a folder in place of `/`, for tests. Never rejects. */
export async function addTrust(caPem: string, run: RunCommand, root: string = '/'): Promise<TrustResult> {
  const store = findStore(root);
  if (store === null) {
    return {
      done: false,
      detail: 'this system keeps its certificates where we do not know; the variables of `clawpatrol env` do without',
    };
  }
  const path = join(root, store.folder, FILE);
  try {
    writeFileSync(path, caPem, { mode: 0o644 });
    await run(store.program, store.args);
    return { done: true, detail: `${path}; ${store.program}` };
  } catch (error) {
    return {
      done: false,
      detail: `${messageOf(error)}; as root it works, and the variables of \`clawpatrol env\` do without`,
    };
  }
}

/** How the system's own store stands: `unknown` = it is kept where we do not know. */
export type TrustState = 'trusted' | 'other' | 'absent' | 'unknown';

/** Whether the system trusts that certificate: as far as the file in its store says. */
export function findTrust(caPem: string, root: string = '/'): TrustState {
  const store = findStore(root);
  if (store === null) {
    return 'unknown';
  }
  const path = join(root, store.folder, FILE);
  if (!existsSync(path)) {
    return 'absent';
  }
  return readFileSync(path, 'utf8').trim() === caPem.trim() ? 'trusted' : 'other';
}

/** Takes the certificate out again. Never rejects. */
export async function removeTrust(run: RunCommand, root: string = '/'): Promise<TrustResult> {
  const store = findStore(root);
  const path = store === null ? null : join(root, store.folder, FILE);
  if (store === null || path === null || !existsSync(path)) {
    return { done: true, detail: '' };
  }
  try {
    rmSync(path);
    // Debian's forgets what is gone only when it begins anew; Alpine's may not know the word, and always does.
    await (store.program === 'update-ca-certificates'
      ? run(store.program, ['--fresh']).catch(() => run(store.program, store.args))
      : run(store.program, store.args));
    return { done: true, detail: `${path}; ${store.program}` };
  } catch (error) {
    return { done: false, detail: `${path} is still trusted: ${messageOf(error)}` };
  }
}

function findStore(root: string): Store | null {
  return STORES.find(({ folder }) => existsSync(join(root, folder))) ?? null;
}
