// Sessions of OpenSSH's client through the real daemon: terminals and their recordings, scripts on stdin, many channels, forwards, logins,
// host keys that change, and streams of any length.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { startGateway } from '../support/gateway-process.ts';
import { approvePending, pendingId } from '../support/pending.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { allow, deny, startSshGateway } from '../support/ssh-gateway.ts';
import { createSshClient, makeKey, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const sshd = await startSshd(scope);
const folder = temporaryFolder(scope, 'ssh-session');

/** Something that answers what it is sent, at the upstream's side of a forward. */
const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
scope.after(() => void echo.close());
const echoPort = (echo.address() as AddressInfo).port;

// Everything is open but what a rule closes; what must be named to be open is not.
const open = await startSshGateway(scope, sshd, {
  unmatched: 'allow',
  rules: {
    'no-rm': deny("ssh.verb == 'exec' && ssh.command.startsWith('rm ')"),
    'no-evil': deny(
      "ssh.verb == 'exec' && ssh.programs.exists(p, p in ['sh', 'bash']) && ssh.stdin.contains('rm -rf')",
    ),
  },
});
// What has to be named is named.
const named = await startSshGateway(scope, sshd, {
  rules: {
    terminals: allow("ssh.verb in ['pty', 'shell', 'signal']"),
    programs: allow("ssh.verb == 'exec'"),
    forward: allow(`ssh.verb == 'forward' && ssh.forward_port in [${echoPort}, ${sshd.port}]`),
    listen: allow("ssh.verb == 'remote_forward'"),
    sftp: allow("ssh.verb == 'subsystem' && ssh.subsystem == 'sftp'"),
  },
});

test('SH-15: a shell is refused where no rule speaks of it, with or without a terminal', async () => {
  for (const args of [['-tt'], ['-tt', 'bash'], ['-tt', 'screen']]) {
    const done = await open.client.ssh(args.slice(0, 1).concat(args.slice(1)), { input: 'echo reached\n' });
    assert.notEqual(done.code, 0, args.join(' '));
    assert.doesNotMatch(done.stdout, /reached/, args.join(' '));
  }
  assert.equal((await open.client.ssh(['echo beside'])).stdout, 'beside\n');
});

test('a shell that a rule allows runs on its terminal, is recorded, and can be played again', async () => {
  const done = await named.client.ssh(['-tt'], { input: 'echo shown-$((40+2))\nexit 5\n' });
  assert.equal(done.code, 5, done.stderr);
  assert.match(done.stdout, /shown-42/);
  let action = '';
  let cast = '';
  await eventually('the recording has both', () => {
    const records = named.gateway.cli('audit', 'search', '--text', '[shell]', '--json').stdout;
    action = /"action_id":\s*"([0-9a-f-]{36})"/.exec(records)?.[1] ?? '';
    cast = named.gateway.cli('audit', 'replay', action, '--cast').stdout;
    return cast.includes('shown-42') && cast.includes('"i",');
  });
  const [header = ''] = cast.split('\n');
  assert.equal(JSON.parse(header).version, 2);
  assert.match(cast, /shown-42/);
  assert.match(cast, /"i","echo shown-\$\(\(40\+2\)\)/);
  const shown = named.gateway.cli('audit', 'replay', action, '--speed', '1000');
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /shown-42/);
  assert.equal(named.gateway.cli('audit', 'verify').code, 0);
});

test('SH-17: a script on stdin is held until its end and judged whole, however long it takes; silence is not its end', async () => {
  const made = join(folder, 'made');
  const slow = (text: string): Promise<{ code: number | null; stderr: string }> =>
    new Promise((resolve) => {
      const child = spawn('ssh', [...open.client.options, '-p', String(open.client.port), '127.0.0.1', 'bash'], {
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (bytes: Buffer) => {
        stderr += bytes.toString();
      });
      child.stdin.write('# begins\n');
      setTimeout(() => child.stdin.end(text), 300);
      child.once('close', (code) => resolve({ code, stderr }));
    });
  const evil = await slow(`touch ${made}; rm -rf ${folder}/none\n`);
  assert.equal(evil.code, 126, evil.stderr);
  assert.match(evil.stderr, /denied by rule "no-evil"/);
  assert.equal(existsSync(made), false);
  const good = await slow(`touch ${made}\nexit 3\n`);
  assert.equal(good.code, 3, good.stderr);
  assert.equal(existsSync(made), true);
});

test('SH-18: a script that is longer than what is held is not judged by its beginning', async () => {
  const long = `${'#'.repeat(1024 * 1024)}\nrm -rf ${folder}/none\n`;
  const cut = await open.client.ssh(['bash'], { input: long });
  assert.equal(cut.code, 126, cut.stderr);
  const text = 'exit 4\n';
  const whole = `${'#'.repeat(1024 * 1024 - 1 - text.length)}\n${text}`;
  assert.equal(whole.length, 1024 * 1024);
  const exact = await open.client.ssh(['bash'], { input: whole });
  assert.equal(exact.code, 4, exact.stderr);
});

test('SS-07: megabytes come whole, before the exit status; both streams and the end of stdin are kept', async () => {
  const done = await open.client.ssh(['head -c 5000000 /dev/zero | tr "\\0" x; echo end >&2; exit 3']);
  assert.deepEqual([done.code, done.stdout.length, done.stderr], [3, 5_000_000, 'end\n']);
  const input = 'y'.repeat(3_000_000);
  const back = await open.client.ssh(['cat; echo after'], { input });
  assert.deepEqual([back.code, back.stdout === `${input}after\n`], [0, true]);
  const killed = await open.client.ssh(['kill -TERM $$']);
  assert.equal(killed.code, 255);
});

test('SS-12: an upstream that dies in the middle of a channel ends that connection, and the gateway serves the next', async () => {
  const seen = join(folder, 'seen');
  const cut = await open.client.ssh(
    [`echo begun; until test -e ${seen}; do sleep 0.05; done; kill -9 $PPID; sleep 60`],
    {
      watch: (printed) => void (printed.includes('begun') && writeFileSync(seen, '')),
    },
  );
  assert.notEqual(cut.code, 0);
  assert.equal(cut.stdout, 'begun\n');
  const next = await open.client.ssh(['echo on']);
  assert.deepEqual([next.code, next.stdout], [0, 'on\n']);
});

test('SS-08: keys are exchanged anew on either side in the middle of a stream', async () => {
  const done = await open.client.ssh(['-o', 'RekeyLimit=256K', 'head -c 6000000 /dev/zero | tr "\\0" x']);
  assert.deepEqual([done.code, done.stdout.length], [0, 6_000_000]);
  const input = 'z'.repeat(4_000_000);
  const sent = await open.client.ssh(['-o', 'RekeyLimit=256K', 'wc -c'], { input });
  assert.deepEqual([sent.code, sent.stdout.trim()], [0, '4000000']);
});

test('SH-44: fifty programs on one connection, of which one is denied', async () => {
  const socket = join(folder, 'mux');
  const master = ['-o', `ControlPath=${socket}`, '-o', 'ControlMaster=auto', '-o', 'ControlPersist=yes'];
  assert.equal((await open.client.ssh([...master, 'true'])).code, 0);
  const runs = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      open.client
        .ssh([...master, index === 25 ? 'rm x' : `echo run-${index}`], { timeoutMs: 180_000 })
        .then((done) => [index, done] as const),
    ),
  );
  for (const [index, done] of runs) {
    assert.equal(done.code, index === 25 ? 126 : 0, `${index}: ${done.stderr}`);
    assert.equal(done.stdout, index === 25 ? '' : `run-${index}\n`);
  }
  await open.client.ssh([...master, '-O', 'exit']);
});

test('SH-22, SH-45: a forward is refused where no rule speaks of it, also through -W and -J', async () => {
  const refused = await open.client.ssh(['-W', `127.0.0.1:${echoPort}`], { input: 'x' });
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /administratively prohibited/);
  const allowed = await named.client.ssh(['-W', `127.0.0.1:${echoPort}`], { input: 'through the gateway' });
  assert.deepEqual([allowed.code, allowed.stdout], [0, 'through the gateway']);
  const other = await named.client.ssh(['-W', '127.0.0.1:1'], { input: 'x' });
  assert.match(other.stderr, /administratively prohibited/);
  const key = join(folder, 'login');
  writeFileSync(key, sshd.privateKey, { mode: 0o600 });
  const jump = (port: number) => {
    const proxy = ['ssh', ...named.client.options, '-p', String(port), '-W', '%h:%p', '127.0.0.1'].join(' ');
    const options = ['-F', 'none', '-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
    const args = [...options, '-o', 'LogLevel=ERROR', '-o', `ProxyCommand=${proxy}`, '-l', sshd.user];
    return runProgram('ssh', [...args, '-p', String(sshd.port), '127.0.0.1', 'echo jumped']);
  };
  assert.equal((await jump(named.client.port)).stdout, 'jumped\n');
  assert.notEqual((await jump(open.client.port)).code, 0);
});

test('SH-23: a port on the server is opened only where a rule allows it, and its connections come back', async () => {
  const args = ['-o', 'ExitOnForwardFailure=yes', '-R', `0:127.0.0.1:${echoPort}`, 'sleep 30'];
  const refused = await open.client.ssh(args);
  assert.match(refused.stderr, /remote port forwarding failed/);
  const child = spawn('ssh', [
    ...named.client.options,
    '-p',
    String(named.client.port),
    '-N',
    '-R',
    `0:127.0.0.1:${echoPort}`,
    '127.0.0.1',
  ]);
  let printed = '';
  child.stderr.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
  });
  await eventually('the port is told', () => /Allocated port \d+ /.test(printed));
  const port = /Allocated port (\d+)/.exec(printed)?.[1] ?? '';
  const answered = await runProgram('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}; echo back >&3; head -n1 <&3`]);
  assert.equal(answered.stdout, 'back\n');
  child.kill();
});

test('a request that waits tells so on stderr, runs when it is approved, and SH-43: is never run when its client is gone', async () => {
  const asked = await startSshGateway(scope, sshd, { unmatched: 'risk' });
  const file = join(folder, 'approved');
  const running = asked.client.ssh([`touch ${file}; exit 7`]);
  const shown = await approvePending(asked.gateway);
  assert.match(shown, /touch/);
  const done = await running;
  assert.equal(done.code, 7, done.stderr);
  assert.match(done.stderr, /clawpatrol: waiting for/);
  assert.equal(existsSync(file), true);
  const gone = spawn('ssh', [
    ...asked.client.options,
    '-p',
    String(asked.client.port),
    '127.0.0.1',
    `touch ${file}-gone`,
  ]);
  const id = await pendingId(asked.gateway);
  gone.kill('SIGKILL');
  await eventually('it is taken back', () => /cancelled/.test(asked.gateway.cli('approvals', 'show', id).stdout));
  assert.equal(existsSync(`${file}-gone`), false);
});

test('agents log in with the key or the password that the endpoint asks for, and with nothing less', async () => {
  const mine = join(folder, 'agent');
  makeKey(mine);
  makeKey(join(folder, 'stranger'));
  const asks = await startSshGateway(scope, sshd, {
    unmatched: 'allow',
    endpoint: `agent_keys = ["<<file:${mine}.pub>>"]\n  agent_password = "{{secret:env:AGENT}}"`,
    env: { AGENT: 'the right one' },
  });
  const withKey = (path: string) =>
    runProgram('ssh', [
      ...asks.client.options.map((option) => (option === 'IdentityFile=none' ? `IdentityFile=${path}` : option)),
      '-p',
      String(asks.client.port),
      '127.0.0.1',
      'echo in',
    ]);
  assert.equal((await asks.client.ssh(['echo in'])).code, 255);
  assert.equal((await withKey(join(folder, 'stranger'))).code, 255);
  assert.equal((await withKey(mine)).stdout, 'in\n');
  const withPassword = (password: string) =>
    runProgram('sshpass', [
      '-p',
      password,
      'ssh',
      ...asks.client.options.map((option) => (option === 'BatchMode=yes' ? 'BatchMode=no' : option)),
      '-p',
      String(asks.client.port),
      '127.0.0.1',
      'echo in',
    ]);
  assert.notEqual((await withPassword('the wrong one')).code, 0);
  assert.equal((await withPassword('the right one')).stdout, 'in\n');
});

test('SH-34: a host key that changes upstream is refused, with an alarm, before anything is proved', async () => {
  const other = await startSshd(scope);
  const { gateway, client } = await startSshGateway(scope, other, { unmatched: 'allow' });
  assert.equal((await client.ssh(['echo first'])).stdout, 'first\n');
  const stateDir = gateway.stateDir;
  await gateway.stop();
  rmSync(join(other.folder, 'host'));
  rmSync(join(other.folder, 'host.pub'));
  makeKey(join(other.folder, 'host'));
  process.kill(Number(readFileSync(join(other.folder, 'pid'), 'utf8')), 'SIGHUP');
  const pinned = await startSshGateway(scope, other, { unmatched: 'allow', stateDir });
  await eventually('sshd has its new key', async () => {
    const shown = await runProgram('ssh-keyscan', ['-p', String(other.port), '127.0.0.1']);
    return shown.stdout.includes(readFileSync(join(other.folder, 'host.pub'), 'utf8').split(' ')[1] ?? '-');
  });
  const refused = await pinned.client.ssh(['echo second']);
  assert.equal(refused.code, 255);
  assert.match(refused.stderr, /host key has changed/);
  await eventually('it is recorded', () =>
    pinned.gateway.cli('audit', 'tail', '-n', '50').stdout.includes('host-key-changed'),
  );
});

test('SS-13: the key that agents see stays the same, and is the endpoint’s own', async () => {
  const lines = open.gateway.cli('known-hosts', 'box').stdout.trim();
  assert.match(lines, /^\[127\.0\.0\.1\]:\d+,\[127\.0\.0\.1\]:\d+ ssh-ed25519 [A-Za-z0-9+/=]+$/);
  const wrong = createSshClient(scope, {
    port: open.client.port,
    user: sshd.user,
    knownHosts: named.gateway.cli('known-hosts').stdout.replace(/^\S+/, `[127.0.0.1]:${open.client.port}`),
  });
  const refused = await wrong.ssh(['true']);
  assert.match(refused.stderr, /Host key verification failed/);
});

test('SH-35, SS-10: of two hosts behind one endpoint, the one that was asked for is reached, and under its own key', async () => {
  const second = await startSshd(scope, { folder: sshdFolderOf(sshd.folder) });
  const gateway = await startGateway(scope, {
    config: `schema_version = 1
gateway {
  dashboard_listen = "off"
  proxy {
    listen  = "127.0.0.1:0"
    profile = "default"
  }
}
endpoint "ssh" "two" {
  hosts     = ["127.0.0.1:${sshd.port}", "127.0.0.1:${second.port}"]
  unmatched = "allow"
}
credential "ssh_key" "two" {
  endpoint = ssh.two
  secret "private_key" { env = "SSH_KEY" }
}
profile "default" { credentials = [ssh_key.two] }
`,
    env: { SSH_KEY: sshd.privateKey },
  });
  const connectTo = (port: number): string =>
    `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${gateway.port('proxy')}; printf "CONNECT 127.0.0.1:${port} HTTP/1.1\\r\\n\\r\\n" >&3; ` +
    `while read -r line <&3 && [ "$line" != $'"'"'\\r'"'"' ]; do :; done; exec 4<&0; cat <&4 >&3 & exec cat <&3'`;
  for (const port of [second.port, sshd.port]) {
    const known = gateway.cli('known-hosts').stdout;
    const client = createSshClient(scope, { port, user: sshd.user, knownHosts: known });
    const done = await client.ssh(['-o', `ProxyCommand=${connectTo(port)}`, 'echo $SSH_CONNECTION']);
    assert.equal(done.stdout.trim().split(' ').at(-1), String(port), done.stderr);
  }
  const seen = (): number =>
    gateway.cli('audit', 'search', '--json').stdout.match(/was seen for the first time/g)?.length ?? 0;
  await eventually('both keys are recorded', () => seen() >= 2);
  assert.equal(seen(), 2);
});

/** A folder of its own with the same log-in key, and another host key. */
function sshdFolderOf(first: string): string {
  const other = temporaryFolder(scope, 'sshd-second');
  for (const name of ['login', 'login.pub']) {
    writeFileSync(join(other, name), readFileSync(join(first, name)), { mode: 0o600 });
  }
  return other;
}
