// Files over SSH with the programs that people use: sftp, both protocols of scp, rsync, git. Each operation is judged; a denied one is told in
// the protocol's own words, and the session lives on.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { allow, startSshGateway } from '../support/ssh-gateway.ts';
import { startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const sshd = await startSshd(scope);
const there = temporaryFolder(scope, 'there');
const here = temporaryFolder(scope, 'here');
const open = join(there, 'open');
const shut = join(there, 'shut');
mkdirSync(open);
mkdirSync(shut);
const READS = "ssh.sftp_op in ['opendir', 'stat', 'lstat', 'readlink', 'realpath']";
const KNOWN = "ssh.sftp_op == 'extended' && risk == 'safe'";
const inside = `ssh.sftp_path.startsWith('${open}/')`;
const { gateway, client } = await startSshGateway(scope, sshd, {
  rules: {
    sftp: allow("ssh.verb == 'subsystem' && ssh.subsystem == 'sftp'"),
    look: allow(`ssh.verb == 'sftp' && (${READS} || (${KNOWN}))`),
    read: allow("ssh.verb == 'sftp' && ssh.sftp_op == 'open' && !ssh.sftp_write"),
    write: allow(`ssh.verb == 'sftp' && ${inside} && (ssh.sftp_write || ssh.sftp_op == 'setstat')`),
    move: allow(
      `ssh.verb == 'sftp' && ssh.sftp_op in ['rename', 'remove', 'mkdir', 'rmdir'] && ${inside} && ` +
        `(ssh.sftp_target == '' || ssh.sftp_target.startsWith('${open}/'))`,
    ),
    copy: allow(`ssh.verb == 'exec' && ssh.transfer == 'scp' && ssh.transfer_paths.all(p, p.startsWith('${open}'))`),
    sync: allow(`ssh.verb == 'exec' && ssh.transfer == 'rsync' && ssh.transfer_direction == 'read'`),
    git: allow(`ssh.verb == 'exec' && ssh.transfer == 'git'`),
  },
});
const port = String(client.port);
const content = randomBytes(3_000_000);
const local = join(here, 'local');
writeFileSync(local, content);
writeFileSync(join(shut, 'kept'), 'kept');

const sha = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

function sftp(...commands: readonly string[]): Promise<ProgramResult> {
  const args = [...client.options.filter((option) => option !== '-F' && option !== 'none'), '-F', 'none'];
  return runProgram('sftp', [...args, '-b', '-', '-P', port, '127.0.0.1'], { input: `${commands.join('\n')}\n` });
}

function scp(...args: readonly string[]): Promise<ProgramResult> {
  return runProgram('scp', [...client.options, '-P', port, ...args]);
}

test('sftp puts, gets, lists, renames and removes, and every byte is the same', async () => {
  const back = join(here, 'back');
  const done = await sftp(
    `put ${local} ${open}/one`,
    `rename ${open}/one ${open}/two`,
    `mkdir ${open}/folder`,
    `ls -l ${open}`,
    `get ${open}/two ${back}`,
    `rm ${open}/two`,
    `rmdir ${open}/folder`,
  );
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /two/);
  assert.equal(sha(back), sha(local));
  assert.equal(existsSync(join(open, 'two')), false);
  // What is safe is recorded up to a tenth of a second later, in one record with its outcome if that came by then, else in two.
  const log = (): string => gateway.cli('audit', 'search', '--limit', '200', '--json').stdout;
  for (const told of ['read 3000000 bytes', '[sftp] open for writing', 'wrote 3000000']) {
    await eventually(`recorded: ${told}`, () => log().includes(told));
  }
});

test('SH-37: what changes files is refused with its reason where no rule allows it, and the session lives on', async () => {
  const cases = [
    `put ${local} ${shut}/new`,
    `rm ${shut}/kept`,
    `rename ${shut}/kept ${shut}/other`,
    `chmod 777 ${shut}/kept`,
    `symlink ${shut}/kept ${shut}/link`,
    `ln ${shut}/kept ${shut}/hard`,
    `mkdir ${shut}/folder`,
  ];
  for (const command of cases) {
    const done = await sftp(`-${command}`, `ls ${shut}`);
    assert.equal(done.code, 0, `${command}\n${done.stderr}`);
    assert.match(done.stderr + done.stdout, /denied|failure/i, command);
    const listed = done.stdout.split('\n').filter((line) => !line.startsWith('sftp>'));
    assert.deepEqual(listed.join('\n').match(/shut\/\w+/g), ['shut/kept'], command);
  }
  assert.equal(readFileSync(join(shut, 'kept'), 'utf8'), 'kept');
});

test('SH-38: a path that leaves the folder is not in it, whatever it begins with', async () => {
  const done = await sftp(`-put ${local} ${open}/../shut/out`, `-put ${local} ${open}/in`, `rm ${open}/in`);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(existsSync(join(shut, 'out')), false);
});

test('scp copies in both directions with both of its protocols, and no further than a rule lets it', async () => {
  for (const flag of ['-O', '-s']) {
    const up = await scp(flag, local, `127.0.0.1:${open}/copy${flag}`);
    assert.equal(up.code, 0, `${flag}\n${up.stderr}`);
    assert.equal(sha(join(open, `copy${flag}`)), sha(local));
    const back = join(here, `back${flag}`);
    const down = await scp(flag, `127.0.0.1:${open}/copy${flag}`, back);
    assert.equal(down.code, 0, `${flag}\n${down.stderr}`);
    assert.equal(sha(back), sha(local));
    const denied = await scp(flag, local, `127.0.0.1:${shut}/copy${flag}`);
    assert.notEqual(denied.code, 0);
    assert.equal(existsSync(join(shut, `copy${flag}`)), false);
  }
});

test('MP-42: rsync reads, and SH-40: does not write where only reading is allowed', async () => {
  const shell = ['ssh', ...client.options, '-p', port].join(' ');
  const target = join(here, 'synced');
  const read = await runProgram('rsync', ['-a', '-e', shell, `127.0.0.1:${shut}/`, target]);
  assert.equal(read.code, 0, read.stderr);
  assert.equal(readFileSync(join(target, 'kept'), 'utf8'), 'kept');
  const write = await runProgram('rsync', ['-a', '-e', shell, `${here}/local`, `127.0.0.1:${shut}/`]);
  assert.notEqual(write.code, 0);
  assert.match(write.stderr, /clawpatrol: denied/);
  assert.equal(existsSync(join(shut, 'local')), false);
});

test('git clones and pushes', async () => {
  const bare = join(there, 'r.git');
  const env = {
    GIT_SSH_COMMAND: ['ssh', ...client.options, '-p', port].join(' '),
    HOME: here,
    GIT_CONFIG_GLOBAL: join(here, 'gitconfig'),
  };
  writeFileSync(join(here, 'gitconfig'), '[user]\nname = a\nemail = a@example.com\n[init]\ndefaultBranch = main\n');
  const git = (...args: readonly string[]): Promise<ProgramResult> => runProgram('git', args, { env });
  assert.equal((await git('init', '-q', '--bare', bare)).code, 0);
  const work = join(here, 'work');
  const cloned = await git('clone', '-q', `ssh://127.0.0.1${bare}`, work);
  assert.equal(cloned.code, 0, cloned.stderr);
  writeFileSync(join(work, 'file'), 'text');
  await git('-C', work, 'add', 'file');
  await git('-C', work, 'commit', '-q', '-m', 'first');
  const pushed = await git('-C', work, 'push', '-q', 'origin', 'HEAD:main');
  assert.equal(pushed.code, 0, pushed.stderr);
  const again = await git('clone', '-q', `ssh://127.0.0.1${bare}`, join(here, 'again'));
  assert.equal(again.code, 0, again.stderr);
  assert.equal(readFileSync(join(here, 'again', 'file'), 'utf8'), 'text');
});
