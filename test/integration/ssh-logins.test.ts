// How the gateway proves itself to a real sshd: keys with a passphrase, certificates, an agent program, a password; and OpenSSH's jump host
// through the gateway.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { allow, startSshGateway, type SshGateway } from '../support/ssh-gateway.ts';
import { makeKey, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope, 'ssh-logins');
const authority = join(folder, 'authority');
makeKey(authority);
const sshd = await startSshd(scope, { config: [`TrustedUserCAKeys ${authority}.pub`] });

/** A gateway whose credential holds these secrets and nothing else. */
function proving(secrets: Readonly<Record<string, string>>, more = ''): Promise<SshGateway> {
  const slots = Object.keys(secrets).map((name) => `secret "${name}" { env = "SSH_${name.toUpperCase()}" }`);
  return startSshGateway(scope, sshd, {
    unmatched: 'allow',
    credential: [more, ...slots].join('\n  '),
    env: Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`SSH_${name.toUpperCase()}`, value])),
  });
}

/** What `echo in` gives through a gateway that proves itself so. */
async function check(secrets: Readonly<Record<string, string>>, more = ''): Promise<string> {
  const { client } = await proving(secrets, more);
  const done = await client.ssh(['echo in']);
  return done.stdout + done.stderr.trim();
}

function keygen(...args: readonly string[]): void {
  const made = spawnSync('ssh-keygen', ['-q', ...args], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
}

test('SH-45: ssh -J reaches a server behind the gateway where a rule names it, and nothing where none does', async () => {
  const named = await startSshGateway(scope, sshd, {
    rules: {
      jump: allow(`ssh.verb == 'forward' && ssh.forward_host == '127.0.0.1' && ssh.forward_port == ${sshd.port}`),
    },
  });
  const silent = await startSshGateway(scope, sshd, { unmatched: 'allow' });
  const key = join(folder, 'login');
  writeFileSync(key, sshd.privateKey, { mode: 0o600 });
  const known = join(folder, 'known');
  writeFileSync(known, `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`);
  const jump = ({ client }: SshGateway): ReturnType<typeof runProgram> => {
    const file = join(folder, `config-${client.port}`);
    const gatewayLines = client.options
      .filter((option) => option.includes('='))
      .map((option) => `  ${option.replace('=', ' ')}`);
    const lines = ['Host gateway', '  HostName 127.0.0.1', `  Port ${client.port}`, ...gatewayLines];
    const target = ['Host target', '  HostName 127.0.0.1', `  Port ${sshd.port}`, `  User ${sshd.user}`];
    const trust = [`  IdentityFile ${key}`, '  IdentitiesOnly yes', '  BatchMode yes', `  UserKnownHostsFile ${known}`];
    writeFileSync(file, [...lines, ...target, ...trust, '  StrictHostKeyChecking yes', ''].join('\n'));
    return runProgram('ssh', ['-F', file, '-J', 'gateway', 'target', 'echo jumped; exit 4']);
  };
  const through = await jump(named);
  assert.deepEqual([through.code, through.stdout], [4, 'jumped\n'], through.stderr);
  const refused = await jump(silent);
  assert.deepEqual([refused.code, refused.stdout], [255, ''], refused.stderr);
  assert.match(refused.stderr, /administratively prohibited/);
  assert.equal((await silent.client.ssh(['echo beside'])).stdout, 'beside\n');
});

test('a private key with a passphrase proves the gateway, and without it does not', async () => {
  const path = join(folder, 'locked');
  writeFileSync(path, sshd.privateKey, { mode: 0o600 });
  keygen('-p', '-P', '', '-N', 'open sesame', '-f', path);
  const locked = readFileSync(path, 'utf8');
  assert.equal(await check({ private_key: locked, passphrase: 'open sesame' }), 'in\n');
  assert.match(await check({ private_key: locked }), /needs a passphrase/);
});

test('a user certificate proves the gateway where the key alone does not', async () => {
  for (const args of [
    ['-t', 'ed25519'],
    ['-t', 'ecdsa'],
    ['-t', 'rsa', '-b', '2048'],
  ]) {
    const path = join(folder, `certified-${args[1]}`);
    keygen('-N', '', ...args, '-f', path);
    keygen('-s', authority, '-I', 'the gateway', '-n', sshd.user, '-V', '+1h', `${path}.pub`);
    const key = readFileSync(path, 'utf8');
    const certificate = readFileSync(`${path}-cert.pub`, 'utf8');
    assert.equal(await check({ private_key: key, certificate }), 'in\n', args.join(' '));
  }
  const alone = readFileSync(join(folder, 'certified-ed25519'), 'utf8');
  assert.match(await check({ private_key: alone }), /the upstream refused the login/);
  assert.match(sshd.log(), /Accepted publickey for \S+ .* ID the gateway/);
});

test('the keys of an agent program prove the gateway as long as it has them, with every type of key', async () => {
  const socket = join(folder, 'agent.sock');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  scope.after(async () => {
    agent.kill();
    await once(agent, 'exit');
  });
  await eventually('the agent listens', () => existsSync(socket));
  const add = async (...args: readonly string[]): Promise<void> => {
    const done = await runProgram('ssh-add', args, { env: { SSH_AUTH_SOCK: socket } });
    assert.equal(done.code, 0, done.stderr);
  };
  const { client } = await proving({}, `agent_socket = "${socket}"`);
  assert.match((await client.ssh(['echo in'])).stderr, /the upstream refused the login/);
  for (const args of [
    ['-t', 'ed25519'],
    ['-t', 'ecdsa'],
    ['-t', 'rsa', '-b', '2048'],
  ]) {
    const path = join(folder, `agent-${args[1]}`);
    keygen('-N', '', ...args, '-f', path);
    const list = join(sshd.folder, 'authorized_keys');
    writeFileSync(list, `${readFileSync(list, 'utf8')}${readFileSync(`${path}.pub`, 'utf8')}`);
    await add(path);
    const done = await client.ssh(['echo in']);
    assert.equal(done.stdout, 'in\n', `${args.join(' ')}: ${done.stderr}`);
    await add('-d', path);
    assert.match((await client.ssh(['echo in'])).stderr, /the upstream refused the login/);
  }
});
