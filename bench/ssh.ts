// A large file over scp (SFTP) in both directions, a stream through exec, and small commands: directly, through a bare relay made of ssh2,
// and through the gateway with ten rules and the audit on. The ways take turns.
import { spawn } from 'node:child_process';
import { createWriteStream, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { runProgram } from '../test/support/run.ts';
import { startSshGateway, allow, deny } from '../test/support/ssh-gateway.ts';
import { createSshClient, startSshd } from '../test/support/sshd.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { firstLine, median, Scope, table } from './parts.ts';

interface Options {
  readonly rounds: number;
  readonly bytes: number;
}

interface Way {
  readonly name: string;
  readonly port: number;
  readonly options: readonly string[];
}

/** Prints a table; the ratios are medians of the ratios of one round. */
export async function benchSsh({ rounds, bytes }: Options): Promise<void> {
  const scope = new Scope();
  try {
    const folder = temporaryFolder(scope, 'clawpatrol-ssh');
    const file = join(folder, 'file');
    await writeRandom(file, bytes);
    const ways = await startWays(scope, folder);
    const rows: string[][] = [];
    for (const workload of workloads(folder, file)) {
      const seconds = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
      for (let round = 0; round < rounds; round += 1) {
        for (const way of ways) {
          const startedMs = performance.now();
          await workload.run(way);
          seconds.get(way.name)?.push((performance.now() - startedMs) / 1000);
        }
      }
      const relay = seconds.get('relay') ?? [];
      const ratio = median((seconds.get('gateway') ?? []).map((value, index) => (relay[index] ?? value) / value));
      const taken = [...seconds.values()].map((all) => `${median(all).toFixed(2)} s`);
      rows.push([workload.name, ...taken, ratio.toFixed(2)]);
    }
    process.stdout.write(`files of ${Math.round(bytes / 1024 ** 2)} MiB\n\n`);
    process.stdout.write(`${table(['work', ...ways.map(({ name }) => name), 'speed ÷ relay'], rows)}\n`);
  } finally {
    await scope.end();
  }
}

function workloads(folder: string, file: string): readonly { readonly name: string; run(way: Way): Promise<void> }[] {
  const check = async (program: string, args: readonly string[]): Promise<void> => {
    const done = await runProgram(program, args, { timeoutMs: 120_000 });
    if (done.code !== 0) {
      throw new Error(`${program} ended with ${done.code}: ${done.stderr}`);
    }
  };
  const there = join(folder, 'there');
  const back = join(folder, 'back');
  return [
    {
      name: 'scp up',
      run: ({ options, port }) => check('scp', [...options, '-P', String(port), file, `127.0.0.1:${there}`]),
    },
    {
      name: 'scp down',
      run: async ({ options, port }) => {
        rmSync(back, { force: true });
        await check('scp', [...options, '-P', String(port), `127.0.0.1:${file}`, back]);
      },
    },
    {
      name: 'one command',
      run: ({ options, port }) => check('ssh', [...options, '-p', String(port), '127.0.0.1', 'true']),
    },
  ];
}

async function startWays(scope: Scope, folder: string): Promise<readonly Way[]> {
  const sshd = await startSshd(scope);
  const rules: Record<string, string> = {
    sftp: allow("ssh.verb in ['sftp', 'subsystem']"),
    run: allow("ssh.verb == 'exec' && ssh.programs == ['true']"),
  };
  for (let index = 0; index < 8; index += 1) {
    rules[`bench-${index}`] = deny(`ssh.verb == 'exec' && ssh.programs.exists(p, p == 'rm${index}')`);
  }
  const { gateway, client } = await startSshGateway(scope, sshd, { rules });
  const key = join(folder, 'key');
  writeFileSync(key, sshd.privateKey, { mode: 0o600 });
  const args = [String(sshd.port), sshd.user, key, join(sshd.folder, 'host')];
  const relay = spawn(process.execPath, [join(import.meta.dirname, 'ssh-relay.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  scope.after(() => {
    relay.kill('SIGKILL');
  });
  const relayPort = Number((await firstLine(relay)).trim());
  const known = (port: number): readonly string[] =>
    createSshClient(scope, { port, user: sshd.user, knownHosts: `[127.0.0.1]:${port} ${sshd.hostKey}\n` }).options;
  return [
    {
      name: 'direct',
      port: sshd.port,
      options: known(sshd.port).map((option) => (option === 'IdentityFile=none' ? `IdentityFile=${key}` : option)),
    },
    { name: 'relay', port: relayPort, options: known(relayPort) },
    { name: 'gateway', port: gateway.port('ssh.box'), options: client.options },
  ];
}

/** Content that no compression makes smaller. */
async function writeRandom(path: string, bytes: number): Promise<void> {
  const made = spawn('head', ['-c', String(bytes), '/dev/urandom'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const stream = createWriteStream(path);
  made.stdout.pipe(stream);
  await once(stream, 'finish');
}
