// `clawpatrol run --mode proxy`: what leads through the gateway, under whose name, and what the way in does not lead to.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { CLIENT_LEVEL, CLIENT_LEVEL_HEADER } from '../../src/lib/client-level.ts';
import { makeAuthority } from '../support/certificate.ts';
import { eventually } from '../support/daemon.ts';
import { enterOwnNetwork, whyNoTunnel } from '../support/network.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { MAIN, startRunWorld, type RunWorld } from '../support/run-world.ts';
import type { ProgramOptions } from '../support/run.ts';
import type { CleanUp } from '../support/temp.ts';

const skip = whyNoTunnel();
if (skip === false) {
  enterOwnNetwork();
}

const cleanUps: (() => unknown)[] = [];
const whole: CleanUp = { after: (step) => void cleanUps.unshift(step) };
let world: RunWorld;
let upstream: PostgresServer;
let webPort = 0;

function run(words: readonly string[], options: ProgramOptions = {}) {
  return world.clawpatrol(['run', '--mode', 'proxy', ...words], options);
}

/** What a CONNECT with that token is answered: the status line and the body. */
async function ask(target: string, token: string): Promise<string> {
  const { host = '', port = '' } = /^https:\/\/(?<host>[^:]+):(?<port>\d+)$/.exec(world.url)?.groups ?? {};
  const socket = connectTls({ host, port: Number(port), ca: world.gateway.cli('ca', 'export').stdout });
  const proof = token === '' ? '' : `Proxy-Authorization: Bearer ${token}\r\n`;
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${proof}\r\n`);
  let said = '';
  // Whether it ends or is reset is no matter.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.startsWith('HTTP/1.1 200')) {
        resolve();
      }
    });
  });
  socket.destroy();
  return said;
}

/** Starts a run by hand, as the client does. */
async function startRun(body: object = {}): Promise<Record<string, unknown>> {
  const token = readFileSync(join(world.home, '.local/state/clawpatrol/token'), 'utf8').trim();
  const { status, answer } = await call('POST', '/api/device/runs', token, { mode: 'proxy', ...body });
  assert.equal(status, 200, JSON.stringify(answer));
  return answer;
}

function call(method: string, path: string, token: string, body: object) {
  const bytes = Buffer.from(JSON.stringify(body));
  return new Promise<{ status: number; answer: Record<string, unknown> }>((resolve, reject) => {
    const sent = request(
      `${world.url}${path}`,
      {
        method,
        // One connection for each: a kept one may have ended while this process waited for the command line.
        agent: false,
        ca: world.gateway.cli('ca', 'export').stdout,
        headers: {
          [CLIENT_LEVEL_HEADER]: String(CLIENT_LEVEL),
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': bytes.length,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, answer: JSON.parse(text) }));
      },
    );
    sent.on('error', reject);
    sent.end(bytes);
  });
}

describe('a run in proxy mode', { timeout: 1_200_000, skip }, () => {
  before(async () => {
    upstream = await startPostgres(whole, {
      flavour: 'debian',
      settings: ["listen_addresses = '*'"],
      hba: ['host all all all scram-sha-256', 'local all all trust'],
    });
    const authority = await makeAuthority();
    const web = createServer(await authority.leaf('web.test'), (incoming, response) => {
      response.end(`${incoming.method} ${incoming.url} ${incoming.headers.authorization ?? ''} for web.test`);
    });
    await new Promise<void>((resolve) => void web.listen(0, '0.0.0.0', resolve));
    whole.after(() => void web.close());
    const address = web.address();
    webPort = typeof address === 'object' && address !== null ? address.port : 0;
    const leaf = await authority.leaf('172.31.0.1');
    web.setSecureContext(leaf);
    world = await startRunWorld(whole, {
      profile: 'oncall',
      env: { CLAWPATROL_SECRET_PG: upstream.password, CLAWPATROL_SECRET_GH: 'the-real-token' },
      config: (ours) => `
credential "postgres_credential" "pg" {
  endpoint = postgres.pg
  user     = "${upstream.user}"
}
credential "github_oauth" "gh" { endpoint = https.web }
credential "passthrough" "shell" { endpoint = ssh.box }
endpoint "postgres" "pg" {
  host    = "${ours}:${upstream.port}"
  sslmode = "disable"
}
endpoint "postgres" "other" {
  host    = "${ours}:5999"
  sslmode = "disable"
}
endpoint "https" "web" {
  hosts   = ["${ours}:${webPort}"]
  ca_cert = <<PEM
${authority.caPem}
PEM
}
endpoint "ssh" "box" { hosts = ["${ours}:2222"] }
profile "oncall" { credentials = [pg, gh, shell] }
defaults { unmatched = "deny" }
rule "reads" {
  endpoint  = pg
  condition = "sql.verb == 'select' && agent.transport == 'proxy'"
  verdict   = "allow"
}
rule "gets" {
  endpoint  = web
  condition = "http.method == 'GET'"
  verdict   = "allow"
}
`,
    });
  });

  after(async () => {
    for (const step of cleanUps) {
      await step();
    }
  });

  test('psql and curl go through the gateway by their variables alone, under the run’s name, and are judged', async () => {
    const { ours } = world.machine;
    const env = { PGSSLMODE: 'disable', PGDATABASE: 'postgres' };
    const read = await run(['psql', '-At', '-c', 'select 40 + 2'], { env });
    assert.deepEqual([read.stdout, read.code], ['42\n', 0], read.stderr);
    assert.match(read.stderr, /It contains nothing: the command has this user’s network and files/);
    assert.match(read.stderr, /postgres\.pg \(172\.31\.0\.1:\d+\) is at 127\.0\.0\.1:\d+/);
    const denied = await run(['--incident', 'P7', 'psql', '-At', '-c', 'drop table x'], { env });
    assert.match(denied.stderr, /no rule matched/);
    assert.equal(denied.code, 1);
    const url = `https://${ours}:${webPort}/things`;
    const got = await run(['curl', '-sS', '-H', 'Authorization: Bearer nothing', url]);
    assert.equal(got.stdout, 'GET /things Bearer the-real-token for web.test', got.stderr);
    const posted = await run(['curl', '-sS', '-X', 'POST', url]);
    assert.match(posted.stdout, /"reason"/);
    await eventually('they are on record under the run', () => {
      const { stdout } = world.gateway.cli('audit', 'search', '--device', 'laptop', '--verdict', 'deny', '--json');
      return (
        /"run":"[0-9a-f-]{36}"/.test(stdout) && /"transport":"proxy"/.test(stdout) && /"incident":"P7"/.test(stdout)
      );
    });
    // What nobody declared is refused by the gateway, and the client of the proxy reads why.
    const undeclared = await run(['curl', '-sS', '-v', 'https://example.org/']);
    assert.match(undeclared.stderr, /CONNECT tunnel failed, response 403|Received HTTP code 403 from proxy/);
    const other = await run(['curl', '-sS', '-o', '-', `http://${ours}:5999/`]);
    assert.match(other.stdout, /172\.31\.0\.1:5999 is not declared/);
  });

  test('the gateway itself is found by its variables alone, and knows the run', async () => {
    const own = `"${process.execPath}" "${MAIN}"`;
    const script = `curl -sS https://clawpatrol.internal/info && ${own} context set --task 'by proxy' --json && echo $CLAWPATROL_RUN`;
    const told = await run(['--incident', 'P8', 'sh', '-c', script]);
    assert.equal(told.code, 0, told.stderr);
    const [info = '', said = '', id = ''] = told.stdout.split('\n').filter((line) => line !== '');
    const { agent } = JSON.parse(info) as { agent: unknown };
    assert.deepEqual(agent, { device: 'laptop', profile: 'oncall', run: id });
    assert.match(said, /"incident":"P8","task":"by proxy"/);
  });

  test('what its variables and files hold, and that nothing contains it, is plain to see', async () => {
    const shown = await run(['sh', '-c', 'env; cat "$CLAWPATROL_SSH_CONFIG"'], {
      env: { GH_TOKEN: 'ghp_reallyMine012345' },
    });
    const { stdout } = shown;
    assert.match(stdout, /^HTTPS_PROXY=http:\/\/run:[\w-]{24}@127\.0\.0\.1:\d+$/m);
    assert.match(stdout, /^NO_PROXY=localhost,127\.0\.0\.1,::1$/m);
    assert.match(stdout, /^PGHOST=127\.0\.0\.1$/m);
    assert.match(stdout, /^CLAWPATROL_ENDPOINT_BOX=127\.0\.0\.1:\d+$/m);
    assert.match(stdout, /^CLAWPATROL_RUN_MODE=proxy$/m);
    assert.match(stdout, /^GH_TOKEN=ghp_clawpatrol/m);
    assert.match(stdout, /^Host 172\.31\.0\.1\n {2}ProxyCommand '.*proxy-stdio\.js' '.*\/proxy' %h %p$/m);
    assert.ok(!stdout.includes('cpr_'), 'the run’s own token stays with clawpatrol');
    const escapes = await run([process.execPath, MAIN, 'escape-test']);
    assert.match(escapes.stdout, /^OPEN containment: this run is in proxy mode, which routes and contains nothing$/m);
    assert.equal(escapes.code, 1);
    // SSH answers with the gateway's own host key, which the run's file knows.
    const ssh = await run(['sh', '-c', 'ssh -F "$CLAWPATROL_SSH_CONFIG" -o BatchMode=yes -p 2222 172.31.0.1 true']);
    assert.doesNotMatch(ssh.stderr, /Host key verification failed|authenticity of host/);
    const codes = [
      (await run(['sh', '-c', 'exit 9'])).code,
      (await run(['sh', '-c', 'kill -9 $$'])).code,
      (await run(['/no/such'])).code,
      (await run(['/etc/passwd'])).code,
      (await run(['--expose', '80', 'true'])).code,
    ];
    assert.deepEqual(codes, [9, 137, 127, 126, 2]);
  });

  test('another user of the machine gets nothing at its ports', async (t) => {
    const [enter, args] = world.machine.within(process.execPath, [
      MAIN,
      'run',
      '--mode',
      'proxy',
      'sh',
      '-c',
      'echo "$PGPORT $HTTPS_PROXY"; read x',
    ]);
    const child = spawn(enter, [...args], {
      env: { PATH: process.env['PATH'], HOME: world.home, NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    t.after(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    await eventually('it runs', () => said.includes('\n'));
    const [, database = '', proxy = ''] = /^(\d+) http:\/\/run:[^@]+@127\.0\.0\.1:(\d+)/.exec(said) ?? [];
    const psql = ['psql', '-At', '-h', '127.0.0.1', '-p', database, '-d', 'postgres', '-c', 'select 1'];
    const as = (uid: string) =>
      world.machine.run('setpriv', [`--reuid=${uid}`, '--clear-groups', ...psql], {
        env: { PGSSLMODE: 'disable', PGUSER: 'x', PGPASSWORD: 'x' },
      });
    assert.notEqual((await as('65534')).code, 0);
    assert.equal((await as('0')).stdout, '1\n');
    const nobody = await world.machine.run('curl', [
      '-sS',
      '-x',
      `http://127.0.0.1:${proxy}`,
      `http://172.31.0.1:${webPort}/`,
    ]);
    assert.match(nobody.stdout, /the password is in HTTPS_PROXY/);
    child.stdin.end('\n');
    await once(child, 'exit');
  });

  test('CP-03 CP-28: its token leads to declared destinations and nowhere else, for as long as the run lives', async () => {
    const { gateway, machine } = world;
    const declared = `${machine.ours}:${upstream.port}`;
    const started = await startRun();
    const token = String(started['token']);
    const id = String(Reflect.get(Object(started['run']), 'id'));
    assert.match(await ask(declared, token), /^HTTP\/1\.1 200 /);
    const dashboard = /:(\d+)$/.exec(gateway.addresses.get('dashboard') ?? '')?.[1] ?? '';
    const enroll = /:(\d+)$/.exec(world.url)?.[1] ?? '';
    for (const target of [
      `127.0.0.1:${dashboard}`,
      `localhost:${dashboard}`,
      `${machine.ours}:${enroll}`,
      `[::1]:${dashboard}`,
      `${machine.ours}:5999`,
      '169.254.169.254:80',
      'example.org:443',
    ]) {
      assert.match(await ask(target, token), /^HTTP\/1\.1 403 [^]*is not declared/, target);
    }
    for (const bad of ['nonsense', 'a b:1', '']) {
      assert.match(await ask(bad, token), /^(?:HTTP\/1\.1 40[03] |$)/, bad);
    }
    // Nobody's token, a device's, an operator's place: none of them is a run's.
    const device = readFileSync(join(world.home, '.local/state/clawpatrol/token'), 'utf8').trim();
    for (const wrong of ['', 'cpr_0000000000000000000000000000', device]) {
      assert.match(await ask(declared, wrong), /^HTTP\/1\.1 407 /, wrong);
    }
    // Nor is a run's token a device's or an operator's.
    for (const [method, path] of [
      ['POST', '/api/device/runs'],
      ['POST', '/api/device/leave'],
      ['GET', '/api/env-pushdown'],
      ['GET', '/api/approvals'],
    ] as const) {
      assert.ok([401, 404].includes((await call(method, path, token, {})).status), path);
    }
    assert.equal((await call('POST', `/api/device/runs/${id}/alive`, device, {})).status, 200);
    assert.equal((await call('DELETE', `/api/device/runs/${id}`, device, {})).status, 200);
    assert.match(await ask(declared, token), /^HTTP\/1\.1 407 /);
    await eventually('what it was refused is on record', () =>
      /169\.254\.169\.254:80/.test(
        gateway.cli('audit', 'search', '--device', 'laptop', '--limit', '100', '--json').stdout,
      ),
    );
  });

  test('DP-22: its open session ends with the run, and with the device', async (t) => {
    const [enter, args] = world.machine.within(process.execPath, [
      MAIN,
      'run',
      '--mode',
      'proxy',
      'psql',
      '-At',
      '-d',
      'postgres',
    ]);
    const child = spawn(enter, [...args], {
      env: { PATH: process.env['PATH'], HOME: world.home, NO_COLOR: '1', PGSSLMODE: 'disable' },
    });
    t.after(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    // It may be over before the last is written.
    child.stdin.on('error', () => {});
    child.stdin.write("select 'here ' || 1;\n");
    await eventually('it is let through', () => said.includes('here 1'));
    assert.match(world.gateway.cli('devices', 'show', 'laptop').stdout, /psql/);
    assert.equal(world.gateway.cli('devices', 'revoke', 'laptop').code, 0);
    child.stdin.write("select 'still ' || 2;\n");
    await eventually('its session is over', () => /terminated|closed the connection|lost/.test(said));
    assert.doesNotMatch(said, /still 2/);
    const again = await run(['true']);
    assert.deepEqual([again.code, /join again/.test(again.stderr)], [125, true]);
  });
});
