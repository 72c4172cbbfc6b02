// A real ClickHouse for a test (Debian's, 18.16): its own folder, ports and one user, gone when the test is done.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

export interface ClickHouseServer {
  readonly host: string;
  readonly nativePort: number;
  readonly httpPort: number;
  /** With TLS; 0 without. */
  readonly securePort: number;
  readonly httpsPort: number;
  readonly user: string;
  readonly password: string;
  /** Runs a statement over HTTP, past any gateway, and gives the answer. Rejects with the server's words. */
  query(sql: string, body?: string): Promise<string>;
  stop(): Promise<void>;
}

export interface ClickHouseOptions {
  /** PEM texts; with them the ports with TLS are open too. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** More users, without a password: the databases that each may use. */
  readonly users?: Readonly<Record<string, readonly string[]>>;
}

const SERVER = '/usr/sbin/clickhouse-server';
const USER = 'real';
const PASSWORD = 'real-clickhouse-password';
const START_MS = 180_000;
const ASK_MS = 100;

/** Whether this machine has a server and a client. */
export function hasClickHouse(): boolean {
  return existsSync(SERVER) && existsSync('/usr/bin/clickhouse-client');
}

/** Starts a server and waits until it answers. */
export async function startClickHouse(cleanUp: CleanUp, options: ClickHouseOptions = {}): Promise<ClickHouseServer> {
  const folder = temporaryFolder(cleanUp, 'clawpatrol-ch');
  const [nativePort, httpPort] = [await freePort(), await freePort()];
  const [securePort, httpsPort] = options.tls === undefined ? [0, 0] : [await freePort(), await freePort()];
  for (const name of ['data', 'tmp', 'logs']) {
    mkdirSync(join(folder, name));
  }
  let secure = '';
  if (options.tls !== undefined) {
    writeFileSync(join(folder, 'server.crt'), options.tls.cert);
    writeFileSync(join(folder, 'server.key'), options.tls.key, { mode: 0o600 });
    secure = `<tcp_port_secure>${securePort}</tcp_port_secure><https_port>${httpsPort}</https_port>
      <openSSL><server><certificateFile>${folder}/server.crt</certificateFile><privateKeyFile>${folder}/server.key</privateKeyFile>
      <verificationMode>none</verificationMode><disableProtocols>sslv2,sslv3</disableProtocols></server></openSSL>`;
  }
  writeFileSync(join(folder, 'users.xml'), usersOf(options.users ?? {}));
  const config = join(folder, 'config.xml');
  writeFileSync(
    config,
    configuration(folder, `<tcp_port>${nativePort}</tcp_port><http_port>${httpPort}</http_port>${secure}`),
  );
  const child = spawn(SERVER, [`--config-file=${config}`], { cwd: folder, stdio: 'ignore' });
  const server = createHandle(child, { nativePort, httpPort, securePort, httpsPort });
  cleanUp.after(() => server.stop());
  await ready(child, { folder, httpPort });
  return server;
}

function usersOf(others: NonNullable<ClickHouseOptions['users']>): string {
  const rest = '<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>';
  const more = Object.entries(others).map(([name, databases]) => {
    const allowed = databases.map((database) => `<database>${database}</database>`).join('');
    return `<${name}><password></password>${rest}<allow_databases>${allowed}</allow_databases></${name}>`;
  });
  return `<yandex><profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
    <users><${USER}><password>${PASSWORD}</password>${rest}</${USER}>${more.join('')}</users>
    <quotas><default></default></quotas></yandex>`;
}

function configuration(folder: string, ports: string): string {
  return `<yandex>
    <logger><level>warning</level><log>${folder}/logs/log</log><errorlog>${folder}/logs/err</errorlog></logger>
    ${ports}<listen_host>127.0.0.1</listen_host>
    <path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path>
    <users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
    <mark_cache_size>5368709</mark_cache_size></yandex>`;
}

async function ready(child: ChildProcess, at: { readonly folder: string; readonly httpPort: number }): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    // oxlint-disable-next-line no-await-in-loop -- asked until it answers
    if (await answers(at.httpPort)) {
      return;
    }
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
  const log = join(at.folder, 'logs', 'err');
  throw new Error(`ClickHouse did not start:\n${existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : ''}`);
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/ping`, { headers: { Connection: 'close' } })).ok;
  } catch {
    return false;
  }
}

type Ports = Pick<ClickHouseServer, 'nativePort' | 'httpPort' | 'securePort' | 'httpsPort'>;

function createHandle(child: ChildProcess, ports: Ports): ClickHouseServer {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    host: '127.0.0.1',
    ...ports,
    user: USER,
    password: PASSWORD,
    async query(sql, body = '') {
      const response = await fetch(`http://127.0.0.1:${ports.httpPort}/?query=${encodeURIComponent(sql)}`, {
        method: 'POST',
        // A kept connection may have ended while this process waited for a program.
        headers: { 'X-ClickHouse-User': USER, 'X-ClickHouse-Key': PASSWORD, Connection: 'close' },
        body,
      });
      const text = await response.text();
      if (!response.ok) {
        throw new Error(text);
      }
      return text;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
      }
      await exited;
    },
  };
}
