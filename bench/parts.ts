// What every benchmark shares: clean-up, child processes, pgbench, and medians.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CleanUp } from '../test/support/temp.ts';

/** Undoes in reverse order what a benchmark set up. */
export class Scope implements CleanUp {
  readonly #undo: (() => void | Promise<void>)[] = [];

  after(undo: () => void | Promise<void>): void {
    this.#undo.push(undo);
  }

  async end(): Promise<void> {
    for (const undo of this.#undo.toReversed()) {
      await undo();
    }
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** First of the usual places where a program is, or null. */
export function findProgram(name: string): string | null {
  const folders = [
    '/usr/bin',
    '/usr/sbin',
    '/usr/local/bin',
    '/usr/lib/postgresql/15/bin',
    '/usr/lib/postgresql/16/bin',
    '/usr/lib/postgresql/17/bin',
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Starts the bare relay and gives its port. */
export async function startRelay(scope: Scope, targetPort: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'relay.js'), String(targetPort)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  scope.after(() => {
    child.kill('SIGKILL');
  });
  return Number((await firstLine(child)).trim());
}

export async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const bytes of child.stdout ?? []) {
    text += String(bytes);
    if (text.includes('\n')) {
      return text.slice(0, text.indexOf('\n'));
    }
  }
  throw new Error('the process ended without a line');
}

export interface Load {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly clients: number;
  readonly mode: 'simple' | 'extended' | 'prepared';
  readonly seconds?: number;
  readonly transactions?: number;
}

export interface LoadResult {
  readonly tps: number;
  readonly latencyUs: number;
}

/** One pgbench run of point selects (`pgbench -S`). */
export async function pgbench(load: Load): Promise<LoadResult> {
  const program = findProgram('pgbench');
  if (program === null) {
    throw new Error('pgbench is needed: apt-get install postgresql-contrib');
  }
  const length =
    load.transactions === undefined ? ['-T', String(load.seconds ?? 3)] : ['-t', String(load.transactions)];
  const args = [
    '-n',
    '-S',
    '-M',
    load.mode,
    '-c',
    String(load.clients),
    '-j',
    '1',
    ...length,
    '-h',
    '127.0.0.1',
    '-p',
    String(load.port),
    '-U',
    load.user,
    'bench',
  ];
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      program,
      args,
      {
        env: { PATH: '/usr/bin:/bin', PGPASSWORD: load.password, PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' },
        maxBuffer: 1 << 24,
        timeout: 600_000,
      },
      (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stderr}`))),
    );
  });
  const tps = Number(/tps = ([\d.]+)/.exec(output)?.[1]);
  const latencyUs = Number(/latency average = ([\d.]+) ms/.exec(output)?.[1]) * 1000;
  if (!Number.isFinite(tps) || !Number.isFinite(latencyUs)) {
    throw new Error(`pgbench said: ${output}`);
  }
  return { tps, latencyUs };
}

/** Resident memory of a process in bytes (Linux). */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
