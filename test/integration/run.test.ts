// `clawpatrol run` and `clawpatrol env` on a machine that has joined: what the command gets, what it is kept from, and how it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { createNeighbour, enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import { MAIN, startRunWorld, type RunWorld } from '../support/run-world.ts';
import type { ProgramOptions } from '../support/run.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const CONFIG = `
credential "github_oauth" "gh" { endpoint = https.web }
credential "anthropic_manual_key" "claude" {
  endpoint    = https.model
  placeholder = "sk-ant-ours"
}
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "reader"
  database = "shop"
}
endpoint "https" "web" { hosts = ["api.github.test"] }
endpoint "https" "model" { hosts = ["api.model.test"] }
endpoint "postgres" "pg" { host = "db.internal.test" }
profile "oncall" { credentials = [gh, claude, pg] }
`;

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: RunWorld;

function run(words: readonly string[], options: ProgramOptions = {}) {
  return world.clawpatrol(['run', ...words], options);
}

/** Runs a program on the machine, outside of any run, for as long as the test lasts. */
function beside(t: CleanUp, program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [enter, rest] = world.machine.within(program, args);
  const child = spawn(enter, [...rest], {
    env: { PATH: process.env['PATH'], HOME: world.home, NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  return { child, said: () => said };
}

/** A server that says a word to whoever comes: `node -e` on the machine. */
function wordServer(t: CleanUp, where: string, word: string) {
  const code = `require('net').createServer((s)=>{s.on('error',()=>{});s.end(${JSON.stringify(word)})}).listen(${where},()=>console.log('ready'))`;
  return beside(t, process.execPath, ['-e', code]);
}

/** What an escape test found open. Other tests come and go in /tmp meanwhile: their sockets are not counted. */
function findOpen(json: string): readonly string[] {
  const attempts: unknown = Reflect.get(Object(JSON.parse(json)), 'attempts');
  assert.ok(Array.isArray(attempts) && attempts.length > 40, json);
  return attempts
    .filter((attempt: { held: boolean; name: string }) => !attempt.held)
    .map((attempt: { name: string; detail: string }) => `${attempt.name}: ${attempt.detail}`)
    .filter((text) => !text.startsWith('the socket /tmp/') || text.includes('clawpatrol-test-agent'));
}

const READ = (port: number) =>
  `const s=require('net').connect(${port},'127.0.0.1');s.on('data',(d)=>process.stdout.write(d));s.on('error',(e)=>process.stdout.write(e.code))`;

describe('a command in a run', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    world = await startRunWorld(whole, { config: () => CONFIG, profile: 'oncall' });
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('it knows its run and its incident, and the gateway has its word on record', async () => {
    const told = await run(['--incident', 'P123', '--intent', 'look at the slow query', '--label', 'triage', 'env']);
    assert.equal(told.code, 0, told.stderr);
    const id = /^CLAWPATROL_RUN=([0-9a-f-]{36})$/m.exec(told.stdout)?.[1] ?? '';
    assert.notEqual(id, '');
    assert.match(told.stdout, /^CLAWPATROL_INCIDENT=P123$/m);
    await eventually('it is on record', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--limit', '50', '--json');
      return /"incident":"P123"/.test(stdout) && /"intent":"look at the slow query"/.test(stdout);
    });
    // The twin: who says nothing has nothing said of it.
    assert.doesNotMatch((await run(['env'])).stdout, /INCIDENT/);
    const long = await run(['--intent', 'x'.repeat(5000), 'true']);
    assert.deepEqual([long.code, /4096 bytes at most/.test(long.stderr)], [2, true]);
    const other = await run(['--profile', 'admin', 'true']);
    assert.equal(other.code, 125);
    assert.match(other.stderr, /laptop has "[a-z]+": "admin" is not its to choose.*devices set-profile laptop "admin"/);
  });

  test('CP-03 AP-39: it finds the gateway itself under its own name, is known there by its run, and decides nothing', async () => {
    const own = `"${process.execPath}" "${MAIN}"`;
    const script = `
      curl -sS https://clawpatrol.internal/info; echo
      curl -sS http://clawpatrol.internal/manifest | head -1
      ${own} context set --task 'look around' --json
      ${own} context set --intent 'approved in ticket 123' --json
      curl -sS -w ' %{http_code}\\n' https://clawpatrol.internal/api/approvals
      curl -sS -m 5 https://clawpatrol.internal:8443/info || echo refused
      echo run $CLAWPATROL_RUN`;
    const told = await run(['--incident', 'P9', 'sh', '-c', script]);
    assert.equal(told.code, 0, told.stderr);
    const lines = told.stdout.split('\n').filter((line) => line !== '');
    const [info = '', manifest, , said = '', none = '', status, refused, id = ''] = lines;
    const { agent } = JSON.parse(info) as { agent: unknown };
    assert.deepEqual(agent, { device: 'laptop', profile: 'oncall', run: id.replace('run ', '') });
    assert.equal(manifest, '# What you can reach through Claw Patrol (profile oncall)');
    const inForce = {
      incident: 'P9',
      task: 'look around',
      reason: 'approved in ticket 123',
      parent: '',
      traceparent: '',
    };
    assert.deepEqual(JSON.parse(said), { said: inForce });
    assert.deepEqual([status, /not_found/.test(none)], [' 404', true]);
    assert.equal(refused, 'refused');
    // The next run is another agent, and who is outside of runs a third.
    const set = ['context', 'set', '--parent', '019a0000-0000-7000-8000-000000000001', '--json'];
    const next = await run(['sh', '-c', `${own} ${set.join(' ')}`]);
    assert.match(next.stdout, /"incident":"","task":"","reason":""/, next.stderr);
    const outside = await world.clawpatrol(set);
    assert.equal(outside.code, 3, 'the machine itself is not in the tunnel');
  });

  test('what the kernel refused a run is on record as that run’s, also when it was over at once', async () => {
    // Of TCP and UDP; the command ends when it has heard of both refusals. A datagram may be lost on the way: it is sent until it is refused.
    const code = `use IO::Socket::INET; use IO::Select; print "$ENV{CLAWPATROL_RUN}";
      IO::Socket::INET->new(PeerAddr => "198.51.100.7", PeerPort => 25, Timeout => 20);
      my $u = IO::Socket::INET->new(PeerAddr => "198.51.100.7", PeerPort => 123, Proto => "udp");
      for (1 .. 20) { $u->send("x"); last if IO::Select->new($u)->can_read(1) }`;
    const { stdout: id, stderr } = await run(['perl', '-e', code]);
    assert.match(id, /^[0-9a-f-]{36}$/, stderr);
    const records = (): readonly string[] => {
      const { stdout } = world.gateway.cli('audit', 'search', '--types', 'connection.refused', '--json');
      const { items } = JSON.parse(stdout) as {
        items: readonly { run: string | null; device: string | null; reason: string; data: { dialled?: string } }[];
      };
      return items
        .filter(({ data }) => data.dialled?.startsWith('198.51.100.7') === true)
        .map(({ run: by, device, reason, data }) => [by, device, data.dialled, reason].join(' '));
    };
    await eventually('both are on record', () => new Set(records()).size >= 2);
    assert.deepEqual([...new Set(records())].toSorted(), [
      `${id} laptop 198.51.100.7:123 udp is not carried`,
      `${id} laptop 198.51.100.7:25 no endpoint of profile oncall claims 198.51.100.7:25`,
    ]);
  });

  test('placeholders stand in place of credentials; a secret of the shell is replaced and told of', async () => {
    const real = { GITHUB_TOKEN: 'ghp_reallyMine0123456789', PGPASSWORD: 'x', HARMLESS: 'kept' };
    const inside = await run(['env'], { env: real });
    assert.match(inside.stdout, /^GITHUB_TOKEN=ghp_clawpatrol/m);
    assert.match(inside.stdout, /^GH_TOKEN=ghp_clawpatrol/m);
    assert.match(inside.stdout, /^ANTHROPIC_API_KEY=sk-ant-ours$/m);
    assert.match(inside.stdout, /^PGUSER=reader$/m);
    assert.match(inside.stdout, /^PGDATABASE=shop$/m);
    assert.match(inside.stdout, /^HARMLESS=kept$/m);
    assert.match(inside.stdout, /^NODE_EXTRA_CA_CERTS=.*\/ca\.crt$/m);
    assert.ok(!(inside.stdout + inside.stderr).includes('reallyMine'));
    assert.equal(
      inside.stderr.trim(),
      'clawpatrol run: GITHUB_TOKEN held something that looks like a real secret: it is replaced by a placeholder, and the gateway puts the credential in',
    );
    // Declined in both ways.
    for (const bare of [
      await run(['--no-env', 'env'], { env: real }),
      await run(['env'], { env: { ...real, CLAWPATROL_NO_ENV: '1' } }),
    ]) {
      assert.match(bare.stdout, /^GITHUB_TOKEN=ghp_reallyMine/m);
      assert.doesNotMatch(bare.stdout, /ANTHROPIC_API_KEY|NODE_EXTRA_CA_CERTS/);
      assert.equal(bare.stderr, '');
    }
  });

  test('env prints them for each shell, and certificates also without a gateway', async () => {
    const sh = await world.clawpatrol(['env'], { env: { GH_TOKEN: 'ghp_reallyMine0123456789' } });
    assert.equal(sh.code, 0);
    assert.match(sh.stdout, /^export GH_TOKEN='ghp_clawpatrol\w+'$/m);
    assert.match(sh.stderr, /^clawpatrol: GH_TOKEN held something that looks like a real secret/);
    const fish = await world.clawpatrol(['env', '--format', 'fish']);
    assert.match(fish.stdout, /^set -gx PGUSER 'reader'$/m);
    const dotenv = await world.clawpatrol(['env', '--format', 'dotenv']);
    assert.match(dotenv.stdout, /^ANTHROPIC_API_KEY='sk-ant-ours'$/m);
    const json: unknown = JSON.parse((await world.clawpatrol(['env', '--format', 'json'])).stdout);
    assert.equal(Reflect.get(Object(json), 'PGDATABASE'), 'shop');
    const none = await world.clawpatrol(['env'], { env: { CLAWPATROL_NO_ENV: '1' } });
    assert.deepEqual([none.stdout, none.code], ['', 0]);
    const strange = await world.clawpatrol(['env'], { env: { HOME: temporaryFolder(whole) } });
    assert.deepEqual([strange.stdout, strange.code], ['', 2]);
    // A machine whose gateway is gone.
    const lost = await createNeighbour(whole);
    const alone = await lost.run(process.execPath, [MAIN, 'env'], { env: { HOME: world.home, NO_COLOR: '1' } });
    assert.match(alone.stdout, /^export SSL_CERT_FILE=/m);
    assert.doesNotMatch(alone.stdout, /GH_TOKEN/);
    assert.match(alone.stderr, /no placeholders, the gateway was not reached/);
    assert.equal(alone.code, 1);
  });

  test('--expose and --host-loopback open their ports and no other, and escape-test tells of them', async (t) => {
    const host = wordServer(t, "5001,'127.0.0.1'", 'from the host');
    const closed = wordServer(t, "5002,'127.0.0.1'", 'not for you');
    await eventually('they listen', () => host.said() + closed.said() === 'ready\nready\n');
    const inward = await run(['--host-loopback', '5001', process.execPath, '-e', READ(5001)]);
    assert.equal(inward.stdout, 'from the host', inward.stderr);
    const other = await run(['--host-loopback', '5001', process.execPath, '-e', READ(5002)]);
    assert.equal(other.stdout, 'ECONNREFUSED');
    // Outward: what the command listens at is reached from the machine.
    const server = `require('net').createServer((s)=>s.end('from the run')).listen(6001,'127.0.0.1',()=>console.log('ready'))`;
    const inside = beside(t, process.execPath, [MAIN, 'run', '--expose', '6001', '--', process.execPath, '-e', server]);
    await eventually('it listens', () => inside.said() === 'ready\n');
    const reached = await world.machine.run(process.execPath, ['-e', READ(6001)]);
    assert.equal(reached.stdout, 'from the run');
    // The socket by which it passes opens nothing to another run, which sees it too.
    const guess = `const path=require('fs').readdirSync('/tmp').filter((n)=>n.startsWith('clawpatrol-run-')).map((n)=>'/tmp/'+n+'/openings.sock').find((p)=>require('fs').existsSync(p));
      const s=require('net').connect(path);s.on('data',(d)=>process.stdout.write(d));s.on('error',()=>{});s.on('close',()=>process.stdout.write('closed'));s.write('x host-loopback 5002\\n')`;
    const guessed = await run([process.execPath, '-e', guess]);
    assert.equal(guessed.stdout, 'closed', guessed.stderr);
    inside.child.kill('SIGTERM');
    await once(inside.child, 'exit');
    assert.equal((await world.machine.run(process.execPath, ['-e', READ(6001)])).stdout, 'ECONNREFUSED');
    const asked = ['--expose', '6002', '--host-loopback', '5001', '--host-loopback', '8080'];
    const told = await run([...asked, process.execPath, MAIN, 'escape-test']);
    assert.match(told.stdout, /^asked port 6002: it can be reached at 127\.0\.0\.1:6002 of the machine \(--expose\)$/m);
    assert.match(told.stdout, /^asked port 5001: it leads to 127\.0\.0\.1:5001 of the machine \(--host-loopback\)$/m);
    const opened = ['--expose', '6002', '--host-loopback', '8080'];
    const again = await run([...opened, process.execPath, MAIN, 'escape-test', '--json']);
    assert.deepEqual(findOpen(again.stdout), []);
    const bad = await run(['--expose', '70000', 'true']);
    assert.deepEqual([bad.code, /takes a port/.test(bad.stderr)], [2, true]);
    const taken = await run(['--expose', '5001', 'true']);
    assert.deepEqual([taken.code, /EADDRINUSE/.test(taken.stderr)], [125, true]);
  });

  test('its exit status is its own, and signals reach it', async (t) => {
    const cases: readonly (readonly [readonly string[], number])[] = [
      [['sh', '-c', 'exit 42'], 42],
      [['sh', '-c', 'kill -TERM $$'], 143],
      [['sh', '-c', 'kill -INT $$'], 130],
      [['/etc/passwd'], 126],
      [['no-such-command-anywhere'], 127],
    ];
    for (const [words, code] of cases) {
      assert.equal((await run(words)).code, code, words.join(' '));
    }
    for (const [signal, word] of [
      ['SIGTERM', 'term'],
      ['SIGHUP', 'hup'],
    ] as const) {
      const script =
        'trap "echo term; exit 3" TERM; trap "echo hup; exit 3" HUP; echo ready; while :; do sleep 0.1; done';
      const child = beside(t, process.execPath, [MAIN, 'run', 'sh', '-c', script]);
      await eventually('it runs', () => child.said().includes('ready'));
      child.child.kill(signal);
      const [code] = await once(child.child, 'close');
      assert.deepEqual([code, child.said()], [3, `ready\n${word}\n`]);
    }
  });

  test('its terminal is its own: size, Ctrl-C and Ctrl-Z reach it, and the tunnel lives on', async (t) => {
    // script(1) gives a real terminal; what is written to it is typed.
    const typed = (command: string) =>
      beside(t, 'script', ['-qec', `stty rows 33 cols 111; ${command}`, '/dev/null'], { SHELL: '/bin/bash' });
    const clawpatrol = `${process.execPath} ${MAIN} run`;
    const size = typed(`${clawpatrol} stty size`);
    await once(size.child, 'close');
    assert.match(size.said(), /33 111/);
    // The command acts on Ctrl-C and goes on with a tunnel that works.
    const ask = `getent ahosts clawpatrol.internal >/dev/null; getent ahosts api.github.test | head -1`;
    const script = `trap 'echo got-it; ${ask}; exit 9' INT; echo ready; while :; do sleep 0.1; done`;
    const stopped = typed(`${clawpatrol} sh -c "${script.replaceAll('$', '\\$')}"; echo code=$?`);
    await eventually('it runs', () => stopped.said().includes('ready'));
    stopped.child.stdin.write('\u0003');
    await once(stopped.child, 'close');
    assert.match(stopped.said(), /got-it[^]*(?:10\.78\.|fd78::)[^]*code=9/);
    // Job control: stopped with Ctrl-Z, continued, ended.
    const jobs = typed(`bash --norc -i`);
    jobs.child.stdin.write(`${clawpatrol} sh -c 'echo began; read line; echo "heard $line"'\n`);
    await eventually('it runs', () => /^began/m.test(jobs.said()));
    jobs.child.stdin.write('\u001a');
    await eventually('it is stopped', () => jobs.said().includes('Stopped'));
    jobs.child.stdin.write('echo shell-has-it\n');
    await eventually('the shell goes on', () => /^shell-has-it/m.test(jobs.said()));
    const shown = (): number => jobs.said().split('echo began').length;
    const shownBefore = shown();
    jobs.child.stdin.write('fg\n');
    // The shell names the command that it continues: from then on what is typed is that command's.
    await eventually('it is continued', () => shown() > shownBefore);
    jobs.child.stdin.write('word\n');
    await eventually('it goes on', () => jobs.said().includes('heard word'));
    jobs.child.stdin.write('exit\n');
  });

  test('DP-25: two runs at once have nothing of each other; what outlives its run stays inside', async (t) => {
    const first = beside(t, process.execPath, [
      MAIN,
      'run',
      'sh',
      '-c',
      'echo $CLAWPATROL_RUN; readlink /proc/self/ns/net; read x',
    ]);
    const second = beside(t, process.execPath, [
      MAIN,
      'run',
      'sh',
      '-c',
      'echo $CLAWPATROL_RUN; readlink /proc/self/ns/net; read x',
    ]);
    const lines = (text: string) => text.trim().split('\n');
    await eventually('both run', () => lines(first.said()).length === 2 && lines(second.said()).length === 2);
    const all = [...lines(first.said()), ...lines(second.said())];
    assert.equal(new Set(all).size, 4, all.join(' '));
    first.child.stdin.end('\n');
    second.child.stdin.end('\n');
    await Promise.all([once(first.child, 'exit'), once(second.child, 'exit')]);
    // A run inside a run is refused: what it starts goes through the tunnel anyhow.
    const nested = await run([process.execPath, MAIN, 'run', 'true']);
    assert.deepEqual([nested.code, /this is inside a run already/.test(nested.stderr)], [125, true]);
    const left = await run([
      'sh',
      '-c',
      'setsid sleep 900 >/dev/null 2>&1 </dev/null & echo $!; readlink /proc/self/ns/net',
    ]);
    const [pid = '', network = ''] = lines(left.stdout);
    t.after(() => void process.kill(Number(pid), 'SIGKILL'));
    assert.equal(readlinkSync(`/proc/${pid}/ns/net`), network);
    assert.notEqual(network, readlinkSync(`/proc/${world.machine.pid}/ns/net`));
  });

  test('DP-23 DN-03: daemons that act or ask outside are not there, and names come from the gateway alone', async (t) => {
    const folder = temporaryFolder(t, 'agent');
    const agent = join(folder, 'agent.1');
    const keys = createServer((socket) => socket.end('keys'));
    await new Promise<void>((resolve) => void keys.listen(agent, resolve));
    t.after(() => void keys.close());
    const docker = '/var/run/docker.sock';
    const made = !existsSync(docker);
    const daemon = createServer((socket) => socket.end('docker'));
    if (made) {
      await new Promise<void>((resolve) => void daemon.listen(docker, resolve));
      t.after(() => void daemon.close());
    }
    // A name cache that would answer for the host: whoever reaches it gets names that the gateway does not tell. Only this machine has it.
    world.machine.must('mkdir', '-p', '/run/nscd');
    world.machine.must('mount', '-t', 'tmpfs', 'none', '/run/nscd');
    const cache = wordServer(t, "'/run/nscd/socket'", 'leak');
    await eventually('it listens', () => cache.said() === 'ready\n');
    const env = { SSH_AUTH_SOCK: agent, DOCKER_HOST: `unix://${docker}`, TMUX: '/tmp/tmux-0/default,1,0' };
    const seen = await run(['sh', '-c', `env; ls -l ${docker} /run/nscd/socket ${agent}; cat /etc/nsswitch.conf`], {
      env,
    });
    assert.doesNotMatch(seen.stdout, /SSH_AUTH_SOCK|DOCKER_HOST|TMUX/);
    assert.match(seen.stderr, /docker\.sock.*No such file/);
    assert.match(seen.stderr, /nscd\/socket.*No such file/);
    assert.match(seen.stdout, /^crw.*agent\.1$/m);
    assert.match(seen.stdout, /^hosts: +files dns$/m);
    // Multicast and other resolvers: the run's own names are the gateway's, others are nobody's.
    const names = await run([
      'sh',
      '-c',
      'getent ahostsv4 api.github.test; getent ahosts printer.local; getent ahosts example.org; true',
    ]);
    assert.match(names.stdout, /^10\.78\.\d+\.\d+/);
    assert.doesNotMatch(names.stdout, /example|printer|local/);
  });

  test('DP-23: each known way out is found where there is one, and held in a run', async (t) => {
    // In no folder of its own: into those it is not looked where thousands of others' lie beside them.
    const agent = `/tmp/clawpatrol-test-agent.${process.pid}`;
    t.after(() => rmSync(agent, { force: true }));
    const holder = wordServer(t, JSON.stringify(agent), 'keys');
    const loopback = wordServer(t, "8080,'127.0.0.1'", 'host');
    const abstract = wordServer(t, JSON.stringify('\0clawpatrol-test'), 'abstract');
    const far = wordServer(t, "7777,'::'", 'v6');
    await eventually('they listen', () =>
      [holder, loopback, abstract, far].every((server) => server.said() === 'ready\n'),
    );
    const env = { SSH_AUTH_SOCK: agent };
    const escape = [process.execPath, MAIN, 'escape-test', '--outside', '[::1]:7777'];
    // Outside of any run, but told that it is in one; with a connection that it inherits.
    const program = `exec 7<>/dev/tcp/127.0.0.1/8080 40</usr; exec "$@"`;
    const open = await world.machine.run('bash', ['-c', program, 'bash', ...escape], {
      env: { HOME: world.home, NO_COLOR: '1', CLAWPATROL_RUN: 'none', ...env },
    });
    for (const found of [
      /^OPEN the machine’s loopback: somebody answers at 127\.0\.0\.1 8080/m,
      /^OPEN TCP to the address that was given \(::1 7777\)/m,
      /^OPEN abstract sockets: there is .*@clawpatrol-test/m,
      /^OPEN a connection or folder that was inherited: descriptor 7, 40/m,
      /^OPEN the network of another process \(setns\)/m,
      /^OPEN the files of another process/m,
      /^OPEN another route: ip ended with 0/m,
      /^OPEN a raw socket: it can be opened/m,
      /^OPEN a raw socket over IPv6: it can be opened/m,
      /^OPEN a packet socket: it can be opened/m,
      /^OPEN another network interface/m,
      new RegExp(`^OPEN the socket ${agent}: somebody answers`, 'm'),
    ]) {
      assert.match(open.stdout, found, open.stdout);
    }
    assert.equal(open.code, 1);
    const held = await world.machine.run(
      'bash',
      ['-c', program, 'bash', process.execPath, MAIN, 'run', '--', ...escape, '--json'],
      { env: { HOME: world.home, NO_COLOR: '1', ...env } },
    );
    assert.deepEqual(findOpen(held.stdout), [], held.stderr);
    assert.ok(held.stdout.includes(agent));
  });
});
