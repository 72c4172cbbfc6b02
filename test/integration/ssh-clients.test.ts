// What SSH clients do by themselves must pass: OpenSSH, ssh2, Go's client and libssh through the real daemon (paramiko: ssh-python.test.ts).
// Each probes with "none", asks for signs of life, opens several sessions, exchanges keys anew, and goes on after a denial.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import ssh2 from 'ssh2';
import { eventually } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { allow, deny, startSshGateway } from '../support/ssh-gateway.ts';
import { createSshClient, startSshd } from '../support/sshd.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope, 'ssh-clients');
const BUILD_MS = 300_000;
const LIMIT_MS = 120_000;

const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
scope.after(() => void echo.close());
const echoPort = (echo.address() as AddressInfo).port;

// The server asks for signs of life too.
const sshd = await startSshd(scope, { config: ['ClientAliveInterval 1', 'ClientAliveCountMax 60'] });
const { gateway, client } = await startSshGateway(scope, sshd, {
  rules: {
    run: allow("ssh.verb == 'exec' && ssh.programs.all(p, p in ['echo', 'sleep', 'cat', 'wc', 'kill', 'exit'])"),
    'no-rm': deny("ssh.verb == 'exec' && ssh.programs.exists(p, p == 'rm')"),
  },
});
const [, keyType = '', hostKey = ''] = gateway.cli('known-hosts', 'ssh.box').stdout.trim().split(' ');
const known = join(folder, 'known');
writeFileSync(known, `[127.0.0.1]:${client.port} ${keyType} ${hostKey}\n`);

/** What every client prints of the same programs. */
const DENIED = /^clawpatrol: denied by rule "no-rm"/;

test('MP-40: OpenSSH probes with "none", asks for signs of life, answers them, and learns no other host key', async () => {
  const mine = createSshClient(scope, { port: client.port, user: sshd.user, knownHosts: readFileSync(known, 'utf8') });
  const lively = ['ServerAliveInterval=1', 'ServerAliveCountMax=60', 'UpdateHostKeys=yes', 'LogLevel=DEBUG3'];
  // Of two values of an option the first counts.
  const first = lively.flatMap((option) => ['-o', option]);
  const args = [...first, ...mine.options, '-p', String(client.port), '127.0.0.1'];
  const done = await runProgram('ssh', [...args, 'sleep 3; echo awake']);
  assert.deepEqual([done.code, done.stdout], [0, 'awake\n'], done.stderr);
  assert.match(done.stderr, /Authenticated to 127\.0\.0\.1 .*using "none"/);
  assert.match(done.stderr, /SSH2_MSG_EXT_INFO received/);
  // 80 is a global request, 81 and 82 are its answers: some for the signs of life, each answered.
  assert.match(done.stderr, /send packet: type 80[^]*receive packet: type 8[12]/);
  const after = await runProgram('ssh', [...args, 'echo again']);
  assert.equal(after.stdout, 'again\n', after.stderr);
  // The server's own keys, which it tells of by "hostkeys-00@openssh.com", are not the ones that this client may trust.
  const file = mine.options.find((option) => option.startsWith('UserKnownHostsFile='))?.split('=')[1] ?? '';
  assert.equal(readFileSync(file, 'utf8'), readFileSync(known, 'utf8'));
});

test('MP-40: a master connection of OpenSSH carries sessions and denials until it is told to go', async () => {
  const master = ['-o', `ControlPath=${join(folder, 'master')}`, '-o', 'ControlMaster=auto', '-o', 'ControlPersist=60'];
  for (const [command, code] of [
    ['echo one', 0],
    ['rm x', 126],
    ['echo two', 0],
  ] as const) {
    assert.equal((await client.ssh([...master, command])).code, code, command);
  }
  assert.equal((await client.ssh([...master, '-O', 'check'])).code, 0);
  assert.equal((await client.ssh([...master, '-O', 'exit'])).code, 0);
});

/** ssh2 as a client of the gateway, logged in. */
async function connectSsh2(log: string[] = []): Promise<ssh2.Client> {
  const connection = new ssh2.Client();
  scope.after(() => void connection.end());
  connection.connect({
    host: '127.0.0.1',
    port: client.port,
    username: sshd.user,
    hostVerifier: (key: Buffer) => key.toString('base64') === hostKey,
    keepaliveInterval: 100,
    keepaliveCountMax: 600,
    readyTimeout: 60_000,
    debug: (line) => void log.push(line),
    // It asks servers of other names for no extension of OpenSSH's.
    strictVendor: false,
  });
  await once(connection, 'ready');
  return connection;
}

interface Ran {
  readonly code: number | null;
  readonly signal: string;
  readonly out: string;
  readonly err: string;
}

function runWith(connection: ssh2.Client, command: string, input = ''): Promise<Ran> {
  return new Promise((resolve, reject) => {
    connection.exec(command, (error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      const ran = { code: null as number | null, signal: '', out: '', err: '' };
      channel.on('data', (bytes: Buffer) => void (ran.out += bytes.toString()));
      channel.stderr.on('data', (bytes: Buffer) => void (ran.err += bytes.toString()));
      channel.on('exit', (code: number | null, signal?: string) => {
        ran.code = code;
        ran.signal = signal ?? '';
      });
      channel.on('close', () => resolve(ran));
      channel.end(input);
    });
  });
}

test(
  'MP-40: ssh2 probes with "none", asks for signs of life, runs programs side by side, and goes on after a denial',
  { timeout: LIMIT_MS },
  async () => {
    const log: string[] = [];
    const connection = await connectSsh2(log);
    const none = { signal: '', err: '' };
    assert.deepEqual(await runWith(connection, 'echo out; echo err >&2; exit 3'), {
      ...none,
      code: 3,
      out: 'out\n',
      err: 'err\n',
    });
    assert.deepEqual(await runWith(connection, 'wc -c', 'x'.repeat(300_000)), { ...none, code: 0, out: '300000\n' });
    assert.deepEqual(await runWith(connection, 'kill -TERM $$'), { ...none, code: null, signal: 'SIGTERM', out: '' });
    assert.equal((await runWith(connection, 'sleep 1; echo awake')).out, 'awake\n');
    assert.match(log.join('\n'), /Sending ping[^]*Inbound: REQUEST_SUCCESS/);
    const together = await Promise.all(['a', 'b', 'c'].map((word) => runWith(connection, `echo ${word}`)));
    assert.deepEqual(
      together.map((ran) => ran.out),
      ['a\n', 'b\n', 'c\n'],
    );
    const denied = await runWith(connection, 'rm -rf /none');
    assert.equal(denied.code, 126);
    assert.match(denied.err, DENIED);
    assert.equal((await runWith(connection, 'echo after')).out, 'after\n');
  },
);

test(
  'MP-40: who asked for no more sessions has the one that is open, and gets no other',
  { timeout: LIMIT_MS },
  async () => {
    const connection = await connectSsh2();
    const running = runWith(connection, 'cat; echo done', 'input');
    await new Promise<void>((resolve, reject) => {
      connection.openssh_noMoreSessions((error) => (error === undefined ? resolve() : reject(error)));
    });
    assert.deepEqual(await running, { code: 0, signal: '', out: 'inputdone\n', err: '' });
    await assert.rejects(runWith(connection, 'echo second'));
  },
);

const noGo = (process.env['PATH'] ?? '').split(':').some((path) => existsSync(join(path, 'go'))) ? false : 'no go here';
const gone = { Code: 0, Signal: '', Out: '', Err: '' };

test(
  'MP-40: Go’s client probes with "none", exchanges keys anew, runs programs side by side, and goes on after a denial',
  { skip: noGo, timeout: BUILD_MS + 2 * LIMIT_MS },
  async () => {
    const binary = join(folder, 'client');
    const names = ['GOPROXY', 'GOFLAGS', 'GOCACHE', 'GOMODCACHE', 'GOSUMDB'];
    const own = names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    });
    const built = await runProgram('go', ['build', '-buildvcs=false', '-o', binary, './ssh'], {
      cwd: 'test/integration/clients/go',
      env: { HOME: process.env['HOME'] ?? folder, CGO_ENABLED: '0', ...Object.fromEntries(own) },
      timeoutMs: BUILD_MS,
    });
    assert.equal(built.code, 0, built.stderr);
    const done = await runProgram(binary, [`${keyType} ${hostKey}`, String(client.port), sshd.user], {
      timeoutMs: LIMIT_MS,
    });
    assert.equal(done.code, 0, done.stderr);
    const { denied, together, ...seen } = JSON.parse(done.stdout);
    assert.deepEqual(seen, {
      run: { ...gone, Code: 3, Out: 'out\n', Err: 'err\n' },
      killed: { ...gone, Code: 143, Signal: 'TERM' },
      large: true,
      keepalive: true,
      forward: true,
      after: { ...gone, Out: 'after\n' },
    });
    assert.equal(together, '0\n1\n2\n3\n4\n5\n6\n7\n');
    assert.equal(denied.Code, 126);
    assert.match(denied.Err, DENIED);
  },
);

let noLibssh: string | false = false;
before(async () => {
  const found = await runProgram('/usr/bin/python3', ['-c', 'import ctypes; ctypes.CDLL("libssh.so.4")']);
  noLibssh = found.code === 0 ? false : 'no libssh on this machine';
});

test('MP-40: libssh probes with "none", asks for a sign of life, runs programs, and goes on after a denial', async (t) => {
  if (noLibssh !== false) {
    t.skip(noLibssh);
    return;
  }
  const args = ['test/integration/clients/libssh_client.py', folder, String(client.port), sshd.user];
  const done = await runProgram('/usr/bin/python3', args);
  assert.equal(done.code, 0, done.stderr);
  const { denied, ...seen } = JSON.parse(done.stdout);
  assert.deepEqual(seen, {
    known: true,
    run: [3, 'out\n', 'err\n'],
    stdin: '300000',
    keepalive: 0,
    together: ['second\n', 'first\n'],
    forward: false,
    after: [0, 'after\n', ''],
  });
  assert.equal(denied[0], 126);
  assert.match(denied[2], DENIED);
});

/** Asks a SOCKS5 server on that port for a connection to 127.0.0.1; the code is 0 when there is one. OpenSSH just hangs up when there is none. */
async function socks(port: number, target: number): Promise<{ readonly code: number; readonly socket: Socket }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  scope.after(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(Buffer.from([5, 1, 0]));
  await once(socket, 'data');
  socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]));
  const code = await new Promise<number>((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes[1] ?? 255));
    socket.once('close', () => resolve(255));
  });
  return { code, socket };
}

test(
  'MP-43: an editor’s server starts from a script whose stdin stays open, and is reached through the same connection',
  { timeout: LIMIT_MS },
  async () => {
    const editor = await startSshGateway(scope, sshd, {
      // What an editor says on stdin has no end: it is waited for so long, and then the rules must do without.
      endpoint: 'stdin_timeout = "1s"',
      rules: {
        start: allow("ssh.verb in ['exec', 'shell'] && ssh.command == 'bash'"),
        reach: allow(`ssh.verb == 'forward' && ssh.forward_host == '127.0.0.1' && ssh.forward_port == ${echoPort}`),
      },
    });
    const port = await freePort();
    const args = [...editor.client.options, '-p', String(editor.client.port), '-T', '-D', `127.0.0.1:${port}`];
    const child = spawn('ssh', [...args, '127.0.0.1', 'bash']);
    scope.after(() => void child.kill('SIGKILL'));
    let printed = '';
    child.stdout.on('data', (bytes: Buffer) => void (printed += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => void (printed += bytes.toString()));
    child.stdin.write(`uname >/dev/null\necho "listeningOn==${echoPort}=="\n`);
    await eventually('the script runs while its stdin is open', () => printed.includes(`listeningOn==${echoPort}==`));
    const { code, socket } = await socks(port, echoPort);
    assert.equal(code, 0);
    let back = '';
    socket.setEncoding('utf8').on('data', (text: string) => void (back += text));
    socket.write('through the editor’s tunnel');
    await eventually('it comes back', () => back === 'through the editor’s tunnel');
    // The machine's other ports are as shut as before, and so is every other program.
    assert.notEqual((await socks(port, 1)).code, 0);
    assert.equal((await editor.client.ssh(['sh'], { input: 'echo reached\n' })).code, 126);
    socket.destroy();
    child.stdin.end('echo still-$((40+2))\n');
    await once(child.stdout, 'end');
    assert.match(printed, /still-42/);
  },
);
