// Ways out of a run that leave the network and the mounts as they are: what was handed down, the terminal, kinds of sockets and keys that belong
// to no network, and sockets that somebody leaves while the run goes on. Each is shown to be a way outside of runs first.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import { MAIN, startRunWorld, type RunWorld } from '../support/run-world.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const CONFIG = `
credential "github_oauth" "gh" { endpoint = https.web }
endpoint "https" "web" { hosts = ["api.github.test"] }
profile "oncall" { credentials = [gh] }
`;

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: RunWorld;

function listen(t: CleanUp, path: string, word: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(word);
  });
  t.after(() => void server.close());
  return new Promise((resolve) => void server.listen(path, resolve));
}

/** Somebody on the machine. */
async function listenBeside(t: CleanUp, path: string, word: string, folder = '/'): Promise<ChildProcess> {
  const code = `process.chdir('${folder}');require('net').createServer((s)=>{s.on('error',()=>{});s.end('${word}')}).listen('${path}',()=>console.log('ready'))`;
  const [enter, rest] = world.machine.within(process.execPath, ['-e', code]);
  const child = spawn(enter, [...rest], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

/** By a shell on the machine: outside, and with the same words in a run. */
function inShell(script: string, words: readonly string[]) {
  return world.machine.run('bash', ['-c', script, 'bash', ...words], { env: { HOME: world.home, NO_COLOR: '1' } });
}

/** What a program of Perl says in a run. */
async function inRun(code: string): Promise<string> {
  const {
    code: status,
    stdout,
    stderr,
  } = await inShell('"$@"', [process.execPath, MAIN, 'run', '--', 'perl', '-e', code]);
  assert.equal(status, 0, stderr);
  return stdout;
}

const ASK = 'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]); print $s ? scalar <$s> : "nobody"';

describe('ways out of a run that are no way through its network', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    world = await startRunWorld(whole, { config: () => CONFIG, profile: 'oncall' });
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('DP-23: no descriptor is handed down, whatever its number', async (t) => {
    const folder = '/run/clawpatrol-test-inherited';
    mkdirSync(folder, { recursive: true });
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    await listen(t, join(folder, 'daemon'), 'daemon');
    // Through the open folder a path leads below what is covered.
    const script = `exec 40<${folder}; exec "$@"`;
    const ask = ['perl', '-e', ASK, '/proc/self/fd/40/daemon'];
    assert.equal((await inShell(script, ask)).stdout, 'daemon');
    const held = await inShell(script, [process.execPath, MAIN, 'run', '--', ...ask]);
    assert.deepEqual([held.stdout, held.code], ['nobody', 0], held.stderr);
    const open = await inShell(script, [process.execPath, MAIN, 'run', '--', 'sh', '-c', 'ls /proc/$$/fd']);
    assert.deepEqual(
      open.stdout
        .trim()
        .split(/\s+/)
        .filter((fd) => Number(fd) > 2 && Number(fd) !== 10),
      [],
    );
  });

  test('DP-23: a folder is not handed down as input, output or error either', async (t) => {
    const folder = '/run/clawpatrol-test-stream';
    mkdirSync(folder, { recursive: true });
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    await listen(t, join(folder, 'daemon'), 'daemon');
    const ask = (fd: number) => ['perl', '-e', ASK, `/proc/self/fd/${fd}/daemon`];
    assert.equal((await inShell(`exec 0<${folder}; exec "$@"`, ask(0))).stdout, 'daemon');
    for (const [fd, name] of ['input', 'error'].entries()) {
      const number = fd * 2;
      const script = `exec 3>&2 ${number}<${folder}; exec "$@"`;
      const held = await inShell(script, [process.execPath, MAIN, 'run', '--', ...ask(number)]);
      assert.deepEqual([held.stdout, held.code], ['', 125], name);
    }
    const told = await inShell(`exec 0<${folder}; exec "$@"`, [process.execPath, MAIN, 'run', '--', 'true']);
    assert.match(told.stderr, /standard input is a folder/);
    // The test of escapes knows it, where nothing has held it.
    const script = `exec 0<${folder}; exec "$@"`;
    const seen = await inShell(script, ['env', 'CLAWPATROL_RUN=none', process.execPath, MAIN, 'escape-test']);
    assert.match(seen.stdout, /a connection or folder that was inherited.*descriptor 0/);
    // The twins: a file, and nothing at all.
    for (const twin of ['exec 0</etc/passwd', 'exec 0<&-']) {
      const passed = await inShell(`${twin}; exec "$@"`, [process.execPath, MAIN, 'run', '--', 'echo', 'here']);
      assert.deepEqual([passed.stdout, passed.code], ['here\n', 0], passed.stderr);
    }
  });

  test('DP-23: a run does not begin in a folder that is covered, by which one would get below the cover', async (t) => {
    const folder = '/run/clawpatrol-test-folder';
    mkdirSync(folder, { recursive: true });
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    await listen(t, join(folder, 'daemon'), 'daemon');
    const ask = ['perl', '-e', ASK, './daemon'];
    assert.equal((await inShell(`cd ${folder}; exec "$@"`, ask)).stdout, 'daemon');
    const held = await inShell(`cd ${folder}; exec "$@"`, [process.execPath, MAIN, 'run', '--', ...ask]);
    assert.equal(held.stdout, '');
    assert.equal(held.code, 125);
    assert.match(held.stderr, /is not there in a run/);
    // The twin: where one may be.
    const home = temporaryFolder(t, 'clawpatrol-work');
    chmodSync(home, 0o755);
    const there = await inShell(`cd ${home}; exec "$@"`, [process.execPath, MAIN, 'run', '--', 'pwd']);
    assert.equal(there.stdout.trim(), home, there.stderr);
  });

  test('DP-23: a run types nothing into the terminal that it shares with the shell', async (t) => {
    // TIOCSTI: what is pushed is read by the shell when the run has ended, and is done outside.
    const folder = temporaryFolder(t, 'clawpatrol-typing');
    const file = join(folder, 'push.pl');
    writeFileSync(
      file,
      `my $n = 0; for (split //, "echo ty''ped\\n") { $n += 1 if ioctl(STDIN, 0x5412, $_); } print "pushed $n\\n";`,
    );
    const type = async (words: readonly string[]): Promise<string> => {
      const [enter, rest] = world.machine.within('script', ['-qc', 'bash --norc -i', '/dev/null']);
      const child = spawn(enter, [...rest], { env: { PATH: process.env['PATH'], HOME: world.home, NO_COLOR: '1' } });
      t.after(() => void child.kill('SIGKILL'));
      let said = '';
      child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
      child.stdin.write(`${words.join(' ')}; exec true\n`);
      await once(child, 'close');
      return said;
    };
    const command = ['perl', file];
    assert.match(await type([process.execPath, MAIN, 'run', '--', ...command]), /^pushed 0/m);
  });

  test('DP-23: what belongs to no network is not there: links to the host of a virtual machine, keyrings, io_uring', async () => {
    // Numbers of keyctl(2) and request_key(2).
    const [keyctl, requestKey] = process.arch === 'arm64' ? [219, 218] : [250, 249];
    const lacking = 'Function not implemented';
    const shut: Readonly<Record<string, string>> = {
      vsock: 'Address family not supported by protocol',
      bluetooth: 'Address family not supported by protocol',
      io_uring: lacking,
      keyctl: lacking,
      requestKey: lacking,
    };
    const code = `
      my $p = "\\0" x 120;
      my @tries = (
        [vsock => sub { socket(my $s, 40, 1, 0) }],
        [bluetooth => sub { socket(my $s, 31, 3, 1) }],
        [io_uring => sub { syscall(425, 1, $p) >= 0 }],
        [keyctl => sub { syscall(${keyctl}, 0, -3, 1) >= 0 }],
        [requestKey => sub { syscall(${requestKey}, my $type = "dns_resolver", my $name = "example.test", my $info = "", 0) >= 0 }],
        [inet => sub { socket(my $s, 2, 1, 0) }], [inet6 => sub { socket(my $s, 10, 1, 0) }],
        [unix => sub { socket(my $s, 1, 1, 0) }], [netlink => sub { socket(my $s, 16, 3, 0) }]);
      for (@tries) { my ($name, $try) = @$_; print "$name ", ($try->() ? "open" : $!), "\\n" }`;
    const inside = await inRun(code);
    const open = ['inet', 'inet6', 'unix', 'netlink'].map((name) => [name, 'open'] as const);
    const said = [...Object.entries(shut), ...open].map(([name, why]) => `${name} ${why}`);
    assert.deepEqual(inside.trim().split('\n'), said);
  });

  test('DP-23: a socket of datagrams, as that of a log is, hears nothing from a run', async (t) => {
    // Not where sockets are looked for by their folders: it is known by the kernel's table alone.
    const folder = mkdtempSync('/var/lib/clawpatrol-datagrams-');
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o755);
    const path = join(folder, 'log');
    const hear = `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("${path}"); print("ready", flush=True)
while True: print(s.recv(100).decode(), flush=True)`;
    const [enter, rest] = world.machine.within('/usr/bin/python3', ['-c', hear]);
    const child = spawn(enter, [...rest], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => void child.kill('SIGKILL'));
    let heard = '';
    child.stdout.on('data', (bytes: Buffer) => (heard += bytes.toString()));
    await eventually('it is there', () => heard === 'ready\n');
    const say = (word: string): readonly string[] => [
      'perl',
      '-MSocket',
      '-e',
      `socket(my $s, AF_UNIX, SOCK_DGRAM, 0); print send($s, "${word}", 0, pack_sockaddr_un("${path}")) ? "sent" : "not sent"`,
    ];
    assert.equal((await inShell('"$@"', say('one'))).stdout, 'sent');
    const run = [process.execPath, MAIN, 'run', '--', ...say('from a run')];
    assert.equal((await inShell('"$@"', run)).stdout, 'not sent');
    assert.equal((await inShell('"$@"', say('two'))).stdout, 'sent');
    await eventually('both are heard', () => heard.includes('two'));
    assert.equal(heard, 'ready\none\ntwo\n');
  });

  test('DP-23: a socket leads nowhere under a name that it was not made under', async (t) => {
    // As ssh makes that of a connection which others may share (ControlPath), and programs that make theirs from their own folder. Not where
    // sockets are looked for by their folders.
    const folder = mkdtempSync('/var/lib/clawpatrol-moved-');
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o755);
    const [made, place, near] = [join(folder, 'cm.x7Yq'), join(folder, 'cm'), join(folder, 'near')];
    await listenBeside(t, made, 'a shell elsewhere');
    linkSync(made, place);
    unlinkSync(made);
    await listenBeside(t, 'near', 'keys', folder);
    for (const [path, word] of [
      [place, 'a shell elsewhere'],
      [near, 'keys'],
    ] as const) {
      const ask = ['perl', '-e', ASK, path];
      assert.equal((await inShell('"$@"', ask)).stdout, word);
      const held = await inShell('"$@"', [process.execPath, MAIN, 'run', '--', ...ask]);
      assert.deepEqual([held.stdout, held.code], ['nobody', 0], held.stderr);
    }
  });

  test('DP-23: a socket that is left on the machine while the run goes on leads nowhere either', async (t) => {
    const folder = temporaryFolder(t, 'clawpatrol-later');
    chmodSync(folder, 0o755);
    const path = join(folder, 'agent.1');
    // It is found a moment later; from then on, and after it was made anew, there is nobody.
    const asked = `perl -e '${ASK}' ${path}`;
    const gone = `while [ "$(${asked})" != nobody ]; do sleep 0.05; done; echo covered`;
    const script = `echo ready; read line; ${gone}; read line; ${gone}`;
    const [enter, rest] = world.machine.within(process.execPath, [MAIN, 'run', '--', 'sh', '-c', script]);
    const child = spawn(enter, [...rest], { env: { PATH: process.env['PATH'], HOME: world.home, NO_COLOR: '1' } });
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    t.after(() => void child.kill('SIGKILL'));
    await eventually('it runs', () => said.includes('ready'));
    const first = await listenBeside(t, path, 'keys');
    assert.equal((await inShell('"$@"', ['perl', '-e', ASK, path])).stdout, 'keys');
    child.stdin.write('\n');
    await eventually('it is covered', () => said.includes('covered'));
    first.kill('SIGKILL');
    rmSync(path);
    await listenBeside(t, path, 'others');
    assert.equal((await inShell('"$@"', ['perl', '-e', ASK, path])).stdout, 'others');
    child.stdin.end('\n');
    await once(child, 'close');
    assert.equal(said, 'ready\ncovered\ncovered\n');
  });
});
