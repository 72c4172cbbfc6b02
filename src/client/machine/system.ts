// What the routing of a whole machine needs of the system: its programs, its files, its clock. Tests put another one in its place.
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../../devices/commands.ts';
import type { RunCommand } from '../../devices/commands.ts';
import { SYSTEM_PATH } from '../../devices/system-path.ts';

export interface MachineSystem {
  readonly run: RunCommand;
  /** Starts a program that outlives us, in a session of its own. */
  startDetached(program: string, args: readonly string[], env: Readonly<Record<string, string>>): void;
  /** Null when there is no such file. */
  readText(path: string): string | null;
  writeText(path: string, text: string, mode: number): void;
  remove(path: string): void;
  exists(path: string): boolean;
  /** Whether it is a symbolic link, one that leads nowhere too. */
  isLink(path: string): boolean;
  /** Milliseconds since the system's start. */
  uptimeMs(): number;
  /** Another one after every start of the system. */
  bootId(): string;
  sleep(delayMs: number): Promise<void>;
}

/** The machine at hand. `root` is a folder in place of `/`, for tests of files. */
export function createMachineSystem(root: string = '/'): MachineSystem {
  const at = (path: string): string => (root === '/' ? path : join(root, path));
  const readText = (path: string): string | null => {
    try {
      return readFileSync(at(path), 'utf8');
    } catch {
      return null;
    }
  };
  return {
    run: runCommand,
    startDetached(program, args, env) {
      const child = spawn(program, [...args], {
        env: { PATH: SYSTEM_PATH, ...env },
        stdio: 'ignore',
        cwd: '/',
        detached: true,
      });
      // What cannot be started shows by what it then does not do.
      child.on('error', () => {});
      child.unref();
    },
    readText,
    writeText: (path, text, mode) => writeFileSync(at(path), text, { mode }),
    remove: (path) => rmSync(at(path), { force: true }),
    exists: (path) => existsSync(at(path)),
    isLink: (path) => lstatSync(at(path), { throwIfNoEntry: false })?.isSymbolicLink() === true,
    uptimeMs: () => Math.round(Number((readText('/proc/uptime') ?? '0').split(' ')[0]) * 1000),
    bootId: () => (readText('/proc/sys/kernel/random/boot_id') ?? '').trim(),
    sleep: (delayMs) =>
      new Promise((resolve) => {
        setTimeout(resolve, delayMs);
      }),
  };
}
