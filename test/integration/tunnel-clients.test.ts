// Clients as people have them, on a device that knows nothing of the gateway: psql, ssh, git, curl and kubectl through a real tunnel, by the
// names of their servers. Each is judged, and recorded under the device.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CLIENT_SERVER_NAMES,
  clientServerBlocks,
  startClientServers,
  type ClientServers,
} from '../support/client-servers.ts';
import { eventually } from '../support/daemon.ts';
import { startForward } from '../support/forward.ts';
import { git as gitHere } from '../support/git-server.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { startNameServer } from '../support/name-server.ts';
import { enterOwnNetwork, must, whyNoTunnel } from '../support/network.ts';
import type { ProgramResult } from '../support/run.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';
import { gatewayBlock, startTunnelWorld, type TunnelWorld } from '../support/tunnel-world.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const API = '93.184.216.43';
const [DB = '', BOX = ''] = ['db', 'box'].flatMap((name) => CLIENT_SERVER_NAMES[`${name}.internal.test`] ?? []);
const MIB = 1024 * 1024;
/** Larger ones: tunnel-passthrough.test.ts, https-large.test.ts. */
const TRANSFER_MIB = 100;
/** What is under way, and young garbage; the two transfers are twice as much. */
const MAX_GROWTH_MIB = 100;

/** What the gateway's resolver tells. */
const table: Record<string, readonly string[]> = {
  ...CLIENT_SERVER_NAMES,
  'unreached.internal.test': [DB],
  'api.internal.test': [API],
};

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: TunnelWorld;
let servers: ClientServers;
/** Requests that the API was sent. */
const asked: string[] = [];
/** On the device: what its user has at home. */
let home: string;

function configFor(resolver: string, ca: string): string {
  return `${gatewayBlock(`resolver = "${resolver}"`)}
${clientServerBlocks(ca)}
endpoint "postgres" "unreached" {
  host    = "unreached.internal.test:5432"
  sslmode = "disable"
}
endpoint "https" "api" {
  hosts   = ["api.internal.test"]
  ca_cert = "<<file:${ca}>>"
}
endpoint "https" "idn" { hosts = ["xn--bcher-kva.internal.test"] }
credential "passthrough" "api" { endpoints = [https.api, https.idn] }
profile "oncall" { credentials = [db, box, api, git, prod] }
profile "reader" { credentials = [api] }
rule "no-deletes" {
  endpoint  = https.api
  condition = "http.method == 'delete'"
  verdict   = "deny"
}
`;
}

/** The API: `/big` sends what `yes` would, whatever is PUT is answered with its digest, everything else with the version of HTTP. */
function answerApi(request: Http2ServerRequest, response: Http2ServerResponse): void {
  asked.push(`${request.method} ${request.url}`);
  if (request.url === '/big') {
    sendMuch(response);
    return;
  }
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => void hash.update(chunk));
  request.on('end', () => response.end(request.method === 'PUT' ? hash.digest('hex') : request.httpVersion));
}

const CHUNK = Buffer.from('y\n'.repeat(MIB / 2));

function sendMuch(response: Http2ServerResponse): void {
  let left = TRANSFER_MIB;
  const fill = (): void => {
    for (; left > 0; left -= 1) {
      if (!response.write(CHUNK)) {
        left -= 1;
        response.once('drain', fill);
        return;
      }
    }
    response.end();
  };
  fill();
}

async function startApi(): Promise<void> {
  must('ip', 'address', 'add', `${API}/32`, 'dev', 'lo');
  const leaf = await (await testAuthority()).leaf('api.internal.test');
  const server = createSecureServer({ ...leaf, allowHTTP1: true }, answerApi);
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whole.after(() => void server.close());
  await startForward(whole, API, 443, (server.address() as AddressInfo).port);
}

/** Runs a program on the device, as its user would. */
function on(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  return world.device.run(program, args, {
    timeoutMs: 300_000,
    env: {
      HOME: home,
      CURL_CA_BUNDLE: join(home, 'ca.pem'),
      GIT_SSL_CAINFO: join(home, 'ca.pem'),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_SSH_COMMAND: ['ssh', ...sshOptions()].join(' '),
      PGSSLMODE: 'disable',
      PGPASSWORD: 'none',
      PGCONNECT_TIMEOUT: '60',
      KUBECONFIG: join(home, 'kubeconfig'),
      ...env,
    },
  });
}

function sshOptions(): readonly string[] {
  const known = `UserKnownHostsFile=${join(home, 'known_hosts')}`;
  const options = [
    known,
    'GlobalKnownHostsFile=none',
    'StrictHostKeyChecking=yes',
    'IdentityFile=none',
    'BatchMode=yes',
  ];
  return ['-F', 'none', ...options.flatMap((option) => ['-o', option])];
}

const psql = (sql: string, host: string = 'db.internal.test'): Promise<ProgramResult> =>
  on('psql', ['-At', '-h', host, '-U', 'whoever', '-d', 'postgres', '-c', sql]);
const ssh = (...words: readonly string[]): Promise<ProgramResult> =>
  on('ssh', [...sshOptions(), `${servers.sshd.user}@box.internal.test`, ...words]);
const curl = (...words: readonly string[]): Promise<ProgramResult> => on('curl', ['-sS', ...words]);
const git = (...words: readonly string[]): Promise<ProgramResult> => on('git', words);
const kubectl = (...words: readonly string[]): Promise<ProgramResult> =>
  on('kubectl', ['--cache-dir', join(home, 'kube'), ...words]);

function residentMib(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
}

interface Recorded {
  readonly type: string;
  readonly verdict: string | null;
  readonly summary: string;
  readonly endpoint: string;
}

/** Records of the device at an endpoint. */
function recorded(endpoint: string): string {
  return world.gateway.cli('audit', 'search', '--device', 'laptop', '--endpoint', endpoint, '--limit', '200', '--json')
    .stdout;
}

async function isRecorded(endpoint: string, verdict: Recorded['verdict'], text: string): Promise<void> {
  await eventually(`${endpoint} has ${text} as ${verdict}`, () => {
    const { items } = JSON.parse(recorded(endpoint)) as { items: Recorded[] };
    return items.some((item) => item.verdict === verdict && item.summary.includes(text));
  });
}

describe('clients on a device that know nothing of the gateway', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    const folder = temporaryFolder(whole, 'clawpatrol-clients');
    home = join(folder, 'home');
    mkdirSync(home);
    servers = await startClientServers(whole, folder);
    await startApi();
    const names = await startNameServer(whole, table);
    const ca = join(folder, 'upstream.pem');
    writeFileSync(ca, (await testAuthority()).caPem);
    world = await startTunnelWorld(whole, {
      config: configFor(names.address, ca),
      addresses: [],
      profile: 'oncall',
      env: servers.env,
    });
    writeFileSync(join(home, 'ca.pem'), world.gateway.cli('ca', 'export').stdout);
    writeFileSync(join(home, 'known_hosts'), world.gateway.cli('known-hosts').stdout);
    writeFileSync(join(home, 'kubeconfig'), world.gateway.cli('kubeconfig', 'prod').stdout);
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('psql', async () => {
    assert.deepEqual(await psql('select 6 * 7'), { code: 0, stdout: '42\n', stderr: '' });
    const denied = await psql('drop table whatever');
    assert.match(denied.stderr, /denied by rule "no-drops"/);
    await isRecorded('postgres.db', 'allow', 'select 6 * 7');
    await isRecorded('postgres.db', 'deny', 'drop table whatever');
  });

  test('ssh', async () => {
    assert.deepEqual(await ssh('echo', 'here'), { code: 0, stdout: 'here\n', stderr: '' });
    const denied = await ssh('rm', '-rf', join(home, 'nothing'));
    assert.deepEqual([denied.code, /denied/.test(denied.stderr)], [126, true], denied.stderr);
    await isRecorded('ssh.box', 'allow', 'echo here');
    await isRecorded('ssh.box', 'deny', 'rm -rf');
  });

  test('curl, over HTTP/1.1 and HTTP/2', async () => {
    for (const [option, version] of [
      ['--http1.1', '1.1'],
      ['--http2', '2'],
    ] as const) {
      const read = await curl(option, '-w', ' %{http_version}', 'https://api.internal.test/hello');
      assert.match(read.stdout, new RegExp(` ${version}$`), read.stderr);
      const denied = await curl(option, '-X', 'DELETE', '-w', ' %{http_code}', 'https://api.internal.test/thing');
      assert.match(denied.stdout, /no-deletes.* 403$/s);
    }
    assert.ok(!asked.some((line) => line.startsWith('DELETE')));
    await isRecorded('https.api', 'allow', 'GET');
    await isRecorded('https.api', 'deny', 'DELETE');
  });

  test('git, over HTTPS and SSH', async () => {
    for (const [url, endpoint] of [
      ['https://git.internal.test/app.git', 'https.git'],
      [`ssh://${servers.sshd.user}@box.internal.test${join(servers.repositories, 'app.git')}`, 'ssh.box'],
    ] as const) {
      const work = join(home, endpoint);
      const cloned = await git('clone', '-q', url, work);
      assert.equal(cloned.code, 0, cloned.stderr);
      const pushed = await git('-C', work, 'push', '-q', 'origin', 'HEAD:refs/heads/other');
      assert.notEqual(pushed.code, 0);
      await isRecorded(endpoint, 'allow', 'git-upload-pack');
      await isRecorded(endpoint, 'deny', 'git-receive-pack');
    }
    const branches = await gitHere(join(servers.repositories, 'app.git'), 'branch', '--list');
    assert.equal(branches.stdout.trim(), '* main');
  });

  test('kubectl', async () => {
    const pod = await kubectl('get', 'pod', 'p', '-o', 'jsonpath={.metadata.name}');
    assert.deepEqual([pod.stdout, pod.code], ['p', 0], pod.stderr);
    const denied = await kubectl('get', 'secret', 's');
    assert.match(denied.stderr, /Forbidden.*secrets are not for agents/);
    assert.deepEqual(servers.api.faults, []);
    assert.ok(!servers.api.requests.some((line) => line.includes('secrets/s')));
    await isRecorded('kubernetes.prod', 'allow', 'pods');
    await isRecorded('kubernetes.prod', 'deny', 'secrets');
  });

  test('TR-03: a file of 100 MB up and another down, whole, in bounded memory', async (t) => {
    const up = join(home, 'up');
    const made = await on('sh', ['-c', `head -c ${TRANSFER_MIB}M /dev/urandom | tee ${up} | sha256sum`]);
    const digest = made.stdout.slice(0, 64);
    const beforeMib = residentMib();
    let mostMib = beforeMib;
    const watch = setInterval(() => {
      mostMib = Math.max(mostMib, residentMib());
    }, 50);
    t.after(() => clearInterval(watch));
    const sent = await curl('--fail', '-T', up, 'https://api.internal.test/sink');
    assert.equal(sent.stdout, digest, sent.stderr);
    const got = await on('sh', ['-c', 'curl -sS --fail https://api.internal.test/big | sha256sum']);
    clearInterval(watch);
    const expected = createHash('sha256');
    for (let mib = 0; mib < TRANSFER_MIB; mib += 1) {
      expected.update(CHUNK);
    }
    assert.equal(got.stdout.slice(0, 64), expected.digest('hex'));
    assert.ok(mostMib - beforeMib < MAX_GROWTH_MIB, `from ${beforeMib.toFixed(0)} to ${mostMib.toFixed(0)} MiB`);
  });

  test('DP-27 DP-33: a server that is not the profile’s, by name or by address, is not reached through another’s endpoint', async () => {
    for (const host of ['unreached.internal.test', DB, '10.78.200.1']) {
      const refused = await psql("select 'reached'", host);
      assert.notEqual(refused.code, 0, host);
      assert.doesNotMatch(refused.stdout, /reached/);
    }
    assert.doesNotMatch(recorded('postgres.db'), /reached/);
    assert.equal((await psql("select 'reached'")).stdout, 'reached\n');
  });

  test('DP-11 DN-03: resolvers over TLS and HTTPS are unknown hosts, and what they would tell is not needed', async () => {
    const tls = await on('openssl', ['s_client', '-connect', '1.1.1.1:853', '-servername', 'one.one.one.one']);
    assert.match(tls.stderr, /Connection refused/);
    for (const words of [
      ['--doh-url', 'https://dns.google/dns-query', 'https://api.internal.test/hello'],
      ['https://dns.google/resolve?name=example.org'],
      ['--resolve', 'dns.google:443:8.8.8.8', 'https://dns.google/resolve?name=example.org'],
      ['https://1.1.1.1/dns-query'],
    ]) {
      const refused = await curl('-m', '30', ...words);
      assert.notEqual(refused.code, 0, words.join(' '));
    }
    await eventually('each is recorded', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '300', '--json');
      return ['dns.google', 'dns.google:443', '1.1.1.1:853', '1.1.1.1:443'].every((dialled) =>
        stdout.includes(JSON.stringify(dialled)),
      );
    });
    assert.match((await curl('https://api.internal.test/hello')).stdout, /^\d/);
  });

  test('DP-12 DN-11 TL-05: a name is the same name in any case, with its last dot, and in the letters of any language', async () => {
    const addressOf = async (name: string): Promise<string> =>
      /^\S+/.exec((await on('getent', ['ahostsv4', name])).stdout)?.[0] ?? '';
    const [plain, idn] = [await addressOf('api.internal.test'), await addressOf('xn--bcher-kva.internal.test')];
    assert.match(`${plain} ${idn}`, /^10\.78\.\S+ 10\.78\.\S+$/);
    for (const [name, expected] of [
      ['API.Internal.TEST', plain],
      ['api.internal.test.', plain],
      ['XN--Bcher-KVA.internal.test.', idn],
      // What a search domain makes of it is another name, and nobody declared that.
      ['api.internal.test.corp.example', ''],
      ['internal.test', ''],
    ] as const) {
      assert.equal(await addressOf(name), expected, name);
    }
    const dotted = await curl('-X', 'DELETE', '-w', ' %{http_code}', 'https://API.internal.test./thing');
    assert.match(dotted.stdout, /no-deletes.* 403$/s);
    assert.match((await curl('https://API.internal.test./hello')).stdout, /^\d/);
  });

  test('DN-08: where a name leads is looked up for each connection', async (t) => {
    const had = table['db.internal.test'] ?? [];
    t.after(() => (table['db.internal.test'] = had));
    table['db.internal.test'] = [BOX];
    assert.notEqual((await psql("select 'moved'")).code, 0);
    table['db.internal.test'] = had;
    assert.equal((await psql("select 'back'")).stdout, 'back\n');
  });

  test('TL-08: a session of one name is not taken up again under another', async () => {
    const kept = join(home, 'session');
    // A session may be told after the greeting, and with the end of its input the client is gone: it has none before there is what it shall write.
    const script =
      'written=$1; shift; { for turn in $(seq 600); do [ -s "$written" ] && break; sleep 0.1; done; } | openssl s_client "$@"';
    const client = (name: string, ...words: readonly string[]): Promise<ProgramResult> =>
      on('sh', [
        '-c',
        script,
        'sh',
        kept,
        '-CAfile',
        join(home, 'ca.pem'),
        '-connect',
        `${name}:443`,
        '-servername',
        name,
        ...words,
      ]);
    for (const version of ['-tls1_2', '-tls1_3']) {
      rmSync(kept, { force: true });
      assert.match((await client('api.internal.test', version, '-sess_out', kept)).stdout, /^New, TLS/m);
      // The twin: under its own name it may be, and is never more than that.
      assert.match((await client('api.internal.test', version, '-sess_in', kept)).stdout, /^(?:Reused|New), TLS/m);
      const other = await client('git.internal.test', version, '-sess_in', kept);
      assert.match(other.stdout, /^New, TLS/m);
    }
  });

  test('DN-07: a change of the profile ends what the new one does not have, in the middle of a session, and nothing else', async (t) => {
    const [program, args] = world.device.within('psql', ['-At', '-h', 'db.internal.test', '-U', 'x', '-d', 'postgres']);
    const client = spawn(program, [...args], {
      env: { PATH: process.env['PATH'], PGSSLMODE: 'disable', PGPASSWORD: 'x' },
    });
    t.after(() => void client.kill());
    let said = '';
    client.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    client.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    client.stdin.write("select 'here ' || 1;\n");
    await eventually('it is let through', () => said.includes('here 1'));
    assert.equal(world.gateway.cli('devices', 'set-profile', 'laptop', 'reader').code, 0);
    client.stdin.write("select 'still ' || 2;\n");
    await eventually('its session is over', () => /terminated|closed the connection|lost/.test(said));
    assert.doesNotMatch(said, /still 2/);
    assert.notEqual((await psql('select 3')).code, 0);
    // DN-07 DP-13: nor are names told that are another profile's.
    assert.notEqual((await on('getent', ['hosts', 'db.internal.test'])).code, 0);
    assert.equal((await on('getent', ['hosts', 'api.internal.test'])).code, 0);
    assert.match((await curl('https://api.internal.test/hello')).stdout, /^\d/);
    assert.equal(world.gateway.cli('devices', 'set-profile', 'laptop', 'oncall').code, 0);
    assert.equal((await on('getent', ['hosts', 'db.internal.test'])).code, 0);
    assert.equal((await psql('select 4')).stdout, '4\n');
  });
});
