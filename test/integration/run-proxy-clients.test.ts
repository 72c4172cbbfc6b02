// Clients as people have them under `clawpatrol run --mode proxy`: ssh, scp, git, kubectl and psql on a machine that reaches nothing but the
// gateway. They find their way by what the run gives them alone, and each is judged and recorded under the run.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CLIENT_SERVER_NAMES,
  clientServerBlocks,
  startClientServers,
  type ClientServers,
} from '../support/client-servers.ts';
import { eventually } from '../support/daemon.ts';
import { git as gitHere } from '../support/git-server.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { startNameServer } from '../support/name-server.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import type { ProgramResult } from '../support/run.ts';
import { startRunWorld, type RunWorld } from '../support/run-world.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: RunWorld;
let servers: ClientServers;

/** Runs a program in a run of its own. */
function run(...words: readonly string[]): Promise<ProgramResult> {
  return world.clawpatrol(['run', '--mode', 'proxy', ...words], {
    timeoutMs: 120_000,
    env: { PGSSLMODE: 'disable', PGCONNECT_TIMEOUT: '60', GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
  });
}

/** OpenSSH asks the system where its user's configuration is, not HOME. */
function giveSshConfig(text: string): void {
  const folder = join(userInfo().homedir, '.ssh');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = join(world.home, '.ssh');
  mkdirSync(own, { mode: 0o700 });
  writeFileSync(join(own, 'config'), text);
  world.machine.must('mount', '--bind', own, folder);
}

const ssh = (...words: readonly string[]): Promise<ProgramResult> =>
  run('ssh', '-o', 'BatchMode=yes', '-o', 'IdentityFile=none', ...words);

interface Recorded {
  readonly verdict: string | null;
  readonly summary: string;
  readonly run: string | null;
  readonly transport: string | null;
}

async function isRecorded(endpoint: string, verdict: string, text: string): Promise<void> {
  const filters = ['--device', 'laptop', '--endpoint', endpoint, '--limit', '200', '--json'];
  await eventually(`${endpoint} has ${text} as ${verdict}`, () => {
    const { items } = JSON.parse(world.gateway.cli('audit', 'search', ...filters).stdout) as { items: Recorded[] };
    return items.some(
      ({ run: id, transport, ...item }) =>
        item.verdict === verdict &&
        item.summary.includes(text) &&
        transport === 'proxy' &&
        /^[0-9a-f-]{36}$/.test(id ?? ''),
    );
  });
}

describe('clients under a run in proxy mode', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    const folder = temporaryFolder(whole, 'clawpatrol-clients');
    servers = await startClientServers(whole, folder);
    const names = await startNameServer(whole, CLIENT_SERVER_NAMES);
    const ca = join(folder, 'upstream.pem');
    writeFileSync(ca, (await testAuthority()).caPem);
    world = await startRunWorld(whole, {
      profile: 'oncall',
      env: servers.env,
      config: () => `${clientServerBlocks(ca, ['box.internal.test', 'box.internal.test:2222'])}
profile "oncall" { credentials = [db, box, git, prod] }
`,
      gatewayBlock: () => `resolver = "${names.address}"`,
    });
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('psql', async () => {
    const read = await run('psql', '-At', '-d', 'postgres', '-c', 'select 6 * 7');
    assert.deepEqual([read.stdout, read.code], ['42\n', 0], read.stderr);
    const denied = await run('psql', '-At', '-d', 'postgres', '-c', 'drop table whatever');
    assert.match(denied.stderr, /denied by rule "no-drops"/);
    await isRecorded('postgres.db', 'allow', 'select 6 * 7');
    await isRecorded('postgres.db', 'deny', 'drop table whatever');
  });

  test('ssh, by name alone and at another port', async () => {
    const at = `${servers.sshd.user}@box.internal.test`;
    for (const words of [[at], ['-p', '2222', at], [`ssh://${at}:2222`]]) {
      const said = await ssh(...words, 'echo', 'here');
      assert.deepEqual([said.stdout, said.code], ['here\n', 0], `${words.join(' ')}: ${said.stderr}`);
    }
    // Much both ways, and the end of what it reads.
    const much = join(world.home, 'much');
    writeFileSync(much, randomBytes(20_000_000));
    const through = 'ssh -o BatchMode=yes -o IdentityFile=none "$2" cat < "$1" | cmp - "$1" && echo same';
    const copied = await run('sh', '-c', through, 'sh', much, at);
    assert.deepEqual([copied.stdout, copied.code], ['same\n', 0], copied.stderr);
    const denied = await ssh(at, 'rm', '-rf', join(world.home, 'nothing'));
    assert.deepEqual([denied.code, /denied/.test(denied.stderr)], [126, true], denied.stderr);
    await isRecorded('ssh.box', 'allow', 'echo here');
    await isRecorded('ssh.box', 'deny', 'rm -rf');
    // What nobody declared is refused by the gateway, which says so.
    const undeclared = await ssh('-p', '2022', at, 'true');
    assert.match(undeclared.stderr, /box\.internal\.test:2022 is not declared/);
    assert.equal(undeclared.code, 255);
  });

  test('scp and rsync, and a host that the user’s own configuration names', async () => {
    giveSshConfig(`Host prod
  HostName box.internal.test
  Port 2222
  User ${servers.sshd.user}
  IdentityFile none
`);
    const alias = await run('ssh', 'prod', 'echo', 'there');
    assert.deepEqual([alias.stdout, alias.code], ['there\n', 0], alias.stderr);
    const file = join(world.home, 'sent');
    writeFileSync(file, 'what is sent');
    const target = join(servers.repositories, '..', 'came');
    const sent = await run('scp', '-q', file, `prod:${target}`);
    assert.equal(sent.code, 0, sent.stderr);
    assert.equal(readFileSync(target, 'utf8'), 'what is sent');
    const back = await run('rsync', `prod:${target}`, `${file}-back`);
    assert.equal(back.code, 0, back.stderr);
    assert.equal(readFileSync(`${file}-back`, 'utf8'), 'what is sent');
  });

  test('git, over HTTPS and SSH', async () => {
    const path = join(servers.repositories, 'app.git');
    for (const [url, endpoint] of [
      ['https://git.internal.test/app.git', 'https.git'],
      [`ssh://${servers.sshd.user}@box.internal.test${path}`, 'ssh.box'],
      [`ssh://${servers.sshd.user}@box.internal.test:2222${path}`, 'ssh.box'],
      [`${servers.sshd.user}@box.internal.test:${path}`, 'ssh.box'],
    ] as const) {
      const work = temporaryFolder(whole, 'clawpatrol-work');
      const cloned = await run('git', 'clone', '-q', url, work);
      assert.equal(cloned.code, 0, `${url}: ${cloned.stderr}`);
      const pushed = await run('git', '-C', work, 'push', '-q', 'origin', 'HEAD:refs/heads/other');
      assert.notEqual(pushed.code, 0);
      await isRecorded(endpoint, 'allow', 'git-upload-pack');
      await isRecorded(endpoint, 'deny', 'git-receive-pack');
    }
    const branches = await gitHere(path, 'branch', '--list');
    assert.equal(branches.stdout.trim(), '* main');
  });

  test('kubectl, by its configuration, and by a configuration of the user’s own through the proxy', async () => {
    const cache = ['--cache-dir', join(world.home, 'kube')];
    const own = join(world.home, 'own-kubeconfig');
    writeFileSync(own, world.gateway.cli('kubeconfig', 'prod').stdout);
    for (const more of [[], ['--kubeconfig', own]]) {
      const pod = await run('kubectl', ...cache, ...more, 'get', 'pod', 'p', '-o', 'jsonpath={.metadata.name}');
      assert.deepEqual([pod.stdout, pod.code], ['p', 0], pod.stderr);
      const denied = await run('kubectl', ...cache, ...more, 'get', 'secret', 's');
      assert.match(denied.stderr, /Forbidden.*secrets are not for agents/);
    }
    assert.deepEqual(servers.api.faults, []);
    assert.ok(!servers.api.requests.some((line) => line.includes('secrets/s')));
    await isRecorded('kubernetes.prod', 'allow', 'pods');
    await isRecorded('kubernetes.prod', 'deny', 'secrets');
  });
});
