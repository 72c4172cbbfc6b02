// A real OpenSSH server on loopback with its own keys and configuration, run as a process of the test; and OpenSSH's clients against a gateway.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { runProgram, type ProgramOptions, type ProgramResult } from './run.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

export interface SshServer {
  readonly port: number;
  readonly user: string;
  /** Text of the private key that may log in. */
  readonly privateKey: string;
  /** Public host key, `TYPE BASE64`. */
  readonly hostKey: string;
  readonly folder: string;
  log(): string;
}

export interface SshServerOptions {
  /** Further lines of sshd_config. */
  readonly config?: readonly string[];
  readonly port?: number;
  /** Folder with keys to use again. */
  readonly folder?: string;
}

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path)) ?? 'sshd';

/** Makes a key pair without asking anything; gives the private key's text. */
export function makeKey(path: string, ...args: readonly string[]): string {
  if (!existsSync(path)) {
    const made = spawnSync('ssh-keygen', ['-q', '-N', '', '-t', 'ed25519', '-f', path, ...args], { encoding: 'utf8' });
    if (made.status !== 0) {
      throw new Error(made.stderr);
    }
  }
  return readFileSync(path, 'utf8');
}

export async function startSshd(cleanUp: CleanUp, options: SshServerOptions = {}): Promise<SshServer> {
  const folder = options.folder ?? temporaryFolder(cleanUp, 'sshd');
  chmodSync(folder, 0o755);
  const port = options.port ?? (await freePort());
  makeKey(join(folder, 'host'));
  const privateKey = makeKey(join(folder, 'login'));
  writeFileSync(join(folder, 'authorized_keys'), readFileSync(join(folder, 'login.pub')));
  writeFileSync(
    join(folder, 'sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${join(folder, 'host')}`,
      `PidFile ${join(folder, 'pid')}`,
      `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin yes',
      'PrintMotd no',
      'MaxSessions 100',
      'MaxStartups 100',
      'AcceptEnv LANG LC_*',
      'Subsystem sftp internal-sftp',
      ...(options.config ?? []),
      '',
    ].join('\n'),
  );
  if (process.getuid?.() === 0) {
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  }
  const child = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (bytes: Buffer) => {
    log = (log + bytes.toString()).slice(-200_000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  cleanUp.after(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  await answers(port, () => log);
  const [type = '', key = ''] = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ');
  return { port, user: userInfo().username, privateKey, hostKey: `${type} ${key}`, folder, log: () => log };
}

/** Waits until something accepts connections there. */
async function answers(port: number, log: () => string): Promise<void> {
  const limit = Date.now() + 60_000;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) {
      return;
    }
    if (Date.now() > limit) {
      throw new Error(`sshd does not answer:\n${log()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export interface SshClient {
  /** Options of every OpenSSH program, without the port. */
  readonly options: readonly string[];
  readonly port: number;
  ssh(args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
}

/** OpenSSH's client that knows nothing but the gateway's host key. */
export function createSshClient(
  cleanUp: CleanUp,
  { port, user, knownHosts }: { readonly port: number; readonly user: string; readonly knownHosts: string },
): SshClient {
  const folder = temporaryFolder(cleanUp, 'ssh-client');
  const file = join(folder, 'known_hosts');
  writeFileSync(file, knownHosts);
  const options = [
    ['-F', 'none'],
    ...[
      `UserKnownHostsFile=${file}`,
      'GlobalKnownHostsFile=none',
      'StrictHostKeyChecking=yes',
      'IdentityFile=none',
      'IdentitiesOnly=yes',
      'BatchMode=yes',
      'UpdateHostKeys=no',
      'LogLevel=INFO',
      `User=${user}`,
    ].map((option) => ['-o', option]),
  ].flat();
  return {
    options,
    port,
    ssh: (args, given) => runProgram('ssh', [...options, '-p', String(port), '127.0.0.1', ...args], given),
  };
}
