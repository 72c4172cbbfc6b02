// SSH as Python speaks it: paramiko as the client and as an upstream that takes passwords; Ansible over OpenSSH.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { allow, deny, startSshGateway } from '../support/ssh-gateway.ts';
import { makeKey, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope, 'ssh-python');
const lacks = (...things: readonly string[]): string | false => {
  const missing = things.filter((thing) => !existsSync(thing));
  return missing.length === 0 ? false : `${missing.join(' and ')} is not installed`;
};
const noParamiko = lacks('/usr/lib/python3/dist-packages/paramiko');
const noAnsible = lacks('/usr/bin/ansible');
const sshd = await startSshd(scope);
mkdirSync(join(folder, 'open'));
const { gateway, client } = await startSshGateway(scope, sshd, {
  endpoint: 'agent_password = "{{secret:env:AGENT}}"',
  env: { AGENT: 'the right one' },
  rules: {
    // By its text: the programs of Ansible's command lines are not known for sure, for the backticks in them.
    run: allow("ssh.verb == 'exec' && !ssh.command.contains('touch ') && !ssh.command.startsWith('rm ')"),
    sftp: allow("ssh.verb == 'subsystem' && ssh.subsystem == 'sftp'"),
    files: allow(`ssh.verb == 'sftp' && ssh.sftp_path.startsWith('${folder}/open')`),
    look: allow("ssh.verb == 'sftp' && ssh.sftp_op in ['realpath', 'stat', 'lstat']"),
    terminal: allow("ssh.verb == 'pty'"),
    'no-rm': deny("ssh.verb == 'exec' && (ssh.command.contains('touch ') || ssh.command.startsWith('rm '))"),
  },
});

/** Debian's own Python: the packages are Debian's too. */
function python(name: string, ...args: readonly string[]): Promise<ProgramResult> {
  const env = { PYTHONDONTWRITEBYTECODE: '1' };
  return runProgram('/usr/bin/python3', [`test/integration/clients/${name}.py`, ...args], { env, timeoutMs: 180_000 });
}

test('MP-40: paramiko runs programs and moves files, and is told what is denied', { skip: noParamiko }, async () => {
  const known = join(folder, 'known');
  writeFileSync(known, gateway.cli('known-hosts', 'ssh.box').stdout.replace(/^(\S+?),\S+/, '$1'));
  const args = [known, String(client.port), sshd.user];
  const done = await python('paramiko_client', ...args, 'the right one', folder);
  assert.equal(done.code, 0, done.stderr);
  const { denied, shut, ...seen } = JSON.parse(done.stdout);
  assert.deepEqual(seen, {
    run: [3, 'out\n', 'err\n'],
    stdin: [0, '300000\n', ''],
    size: 1_048_576,
    same: true,
    list: ['file'],
    after: [],
  });
  assert.deepEqual([denied[0], denied[1]], [126, '']);
  assert.match(denied[2], /^clawpatrol: denied by rule "no-rm"/);
  assert.match(shut, /denied/i);
  assert.equal(existsSync(join(folder, 'shut')), false);
  const wrong = await python('paramiko_client', ...args, 'the wrong one', folder);
  assert.match(wrong.stderr, /AuthenticationException/);
});

test(
  'the gateway logs in with a password, as a method and as an answer to a hidden prompt',
  { skip: noParamiko },
  async () => {
    const key = join(folder, 'host');
    makeKey(key);
    for (const [method, password, expected] of [
      ['password', 'the right one', /^in\n$/],
      ['keyboard-interactive', 'the right one', /^in\n$/],
      ['password', 'the wrong one', /the upstream refused the login as \S+ with password; it takes password/],
    ] as const) {
      const args = ['test/integration/clients/paramiko_server.py', key, method, 'the right one'];
      const server = spawn('/usr/bin/python3', args, { stdio: ['ignore', 'pipe', 'ignore'] });
      scope.after(async () => {
        server.kill('SIGKILL');
        await once(server, 'exit');
      });
      const [printed] = await once(server.stdout, 'data');
      const upstream = { ...sshd, port: Number(String(printed)), hostKey: readFileSync(`${key}.pub`, 'utf8') };
      const proving = await startSshGateway(scope, upstream, {
        unmatched: 'allow',
        credential: 'secret "password" { env = "UPSTREAM" }',
        env: { UPSTREAM: password },
      });
      const done = await proving.client.ssh(['anything']);
      assert.match(done.stdout + done.stderr, expected, `${method}, ${password}`);
    }
  },
);

test(
  'MP-43: Ansible copies its modules and runs them, and a denied command fails the task',
  { skip: noAnsible },
  async () => {
    const args = client.options.map((option) => (option === 'BatchMode=yes' ? 'BatchMode=no' : option));
    const inventory = join(folder, 'inventory.json');
    const vars = {
      ansible_host: '127.0.0.1',
      ansible_port: client.port,
      ansible_password: 'the right one',
      ansible_ssh_common_args: args.join(' '),
      ansible_python_interpreter: '/usr/bin/python3',
      ansible_remote_tmp: join(folder, 'open', 'ansible'),
    };
    writeFileSync(inventory, JSON.stringify({ all: { hosts: { box: vars } } }));
    const ansible = (task: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ProgramResult> =>
      runProgram('/usr/bin/ansible', ['box', '-i', inventory, ...task], {
        timeoutMs: 180_000,
        env: {
          HOME: folder,
          ANSIBLE_NOCOLOR: '1',
          ANSIBLE_TIMEOUT: '60',
          ANSIBLE_KEEP_REMOTE_FILES: '1',
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, 'cp'),
          ...env,
        },
      });
    const ping = await ansible(['-m', 'ping']);
    assert.match(ping.stdout, /"ping": "pong"/, ping.stdout + ping.stderr);
    // The module comes on the interpreter's stdin instead of as a file.
    const piped = await ansible(['-m', 'ping', '-vvv'], { ANSIBLE_PIPELINING: '1', ANSIBLE_KEEP_REMOTE_FILES: '0' });
    assert.match(piped.stdout, /"ping": "pong"/, piped.stdout + piped.stderr);
    assert.match(piped.stdout, /PIPELINING/i);
    assert.doesNotMatch(piped.stdout, /sftp> put|AnsiballZ_ping\.py/, 'nothing was copied');
    const raw = await ansible(['-m', 'raw', '-a', 'echo raw-$((40+2))']);
    assert.match(raw.stdout, /rc=0[^]*raw-42/, raw.stdout + raw.stderr);
    const denied = await ansible(['-m', 'raw', '-a', `touch ${folder}/touched`]);
    assert.match(denied.stdout, /rc=126[^]*clawpatrol: denied by rule "no-rm"/, denied.stdout + denied.stderr);
    assert.equal(existsSync(join(folder, 'touched')), false);
  },
);
