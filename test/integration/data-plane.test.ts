// What the gateway holds against clients and upstreams that misbehave, whatever brought them: many that say nothing, one that is behind a tunnel that
// is not there, a system that has no more descriptors, upstreams that never speak, and two profiles on one endpoint.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import { connectLines, eventually, lineConfig, QUIET, startDaemon, startLineServer } from '../support/daemon.ts';
import { startGateway } from '../support/gateway-process.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { RawHttp } from '../support/raw-http.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

const LIMIT = { timeout: 180_000 };
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');
const scope = fileScope();

test(
  'DP-28: an endpoint behind a tunnel that is not served is refused, and its server never dialled directly',
  LIMIT,
  async (t) => {
    const upstream = await startLineServer(t);
    const tunnel = 'tunnel "local_command" "jump" {\n  command = ["/bin/true"]\n  listen  = "127.0.0.1:1"\n}';
    const named = (text: string): string =>
      text.replace(`"127.0.0.1:${upstream.port}"`, `"localhost:${upstream.port}"`);
    const behind = lineConfig(upstream.port, `${QUIET}\n${tunnel}`, 'tunnel = local_command.jump');
    const closed = await startDaemon(t, named(behind));
    const client = await connectLines(t, closed.port('postgres.pg'));
    client.send('safe select 1');
    assert.equal(await client.next(), '');
    await eventually('why is on record', async () => {
      const { items } = await closed.operations.audit.search({}, { limit: 50, cursor: null, newestFirst: false });
      return items.some(({ reason }) => /tunnels are not served/.test(reason));
    });
    assert.deepEqual(upstream.lines, []);
    const open = await startDaemon(t, named(lineConfig(upstream.port, QUIET)));
    const other = await connectLines(t, open.port('postgres.pg'));
    other.send('safe select 1');
    assert.equal(await other.next(), 'done safe select 1');
  },
);

/** Takes connections and never says a word. */
async function startMute(cleanUp: CleanUp): Promise<{ readonly port: number; readonly taken: () => number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  cleanUp.after(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return { port: (server.address() as AddressInfo).port, taken: () => sockets.size };
}

test(
  'TR-02: an upstream that takes the connection and never speaks is given up, and the error names the phase',
  LIMIT,
  async (t) => {
    const [database, secure, api] = [await startMute(t), await startMute(t), await startMute(t)];
    const gateway = await startGateway(t, {
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "postgres" "mute" {
  host    = "127.0.0.1:${database.port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
endpoint "postgres" "mute-tls" {
  host    = "127.0.0.1:${secure.port}"
  sslmode = "require"
  listen  = "127.0.0.1:0"
}
endpoint "https" "api" {
  hosts      = ["127.0.0.1:${api.port}"]
  listen     = "127.0.0.1:0"
  listen_tls = "off"
}
credential "passthrough" "all" { endpoints = [postgres.mute, postgres.mute-tls, https.api] }
profile "default" { credentials = [all] }
`,
    });
    const psql = async (name: string): Promise<string> => {
      const words = ['-h', '127.0.0.1', '-p', String(gateway.port(name)), '-U', 'x', '-d', 'x', '-c', 'select 1'];
      return (
        await runProgram('psql', words, { env: { PGSSLMODE: 'disable', PGPASSWORD: 'x', PGGSSENCMODE: 'disable' } })
      ).stderr;
    };
    const curl = runProgram('curl', [
      '-sS',
      '-m',
      '60',
      '-H',
      `Host: 127.0.0.1:${api.port}`,
      `http://127.0.0.1:${gateway.port('https.api')}/`,
    ]);
    const [plain, secured, http] = await Promise.all([psql('postgres.mute'), psql('postgres.mute-tls'), curl]);
    // Clients are told that it was the upstream; which phase it was is for operators.
    assert.match(plain + secured, /cannot reach the upstream database.*cannot reach the upstream database/s);
    assert.match(http.stdout, /"code":"upstream/);
    for (const phase of [
      /login at 127\.0\.0\.1: no end in 15000 ms/,
      /TLS with 127\.0\.0\.1: no answer in 10000 ms/,
      /TLS with 127\.0\.0\.1:\d+: no handshake within 10 s/,
    ]) {
      await eventually(`${String(phase)} is on record`, () =>
        phase.test(gateway.cli('audit', 'search', '--limit', '100', '--json').stdout),
      );
    }
    assert.ok([database, secure, api].every(({ taken }) => taken() >= 1));
  },
);

test('TR-09: clients that send half a byte of what they owe keep nobody waiting', LIMIT, async (t) => {
  const upstream = await startRawUpstream(scope);
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port });
  const held = Array.from({ length: 500 }, () => connect(gateway.port, '127.0.0.1'));
  t.after(() => held.forEach((socket) => socket.destroy()));
  await Promise.all(
    held.map(async (socket) => {
      socket.on('error', () => {});
      await once(socket, 'connect');
      // The first byte of a TLS record: more has to come.
      socket.write(Buffer.from([22]));
    }),
  );
  const client = await RawHttp.plain(gateway.port);
  t.after(() => client.close());
  client.get('/here');
  assert.equal((await client.answer()).status, 200);
  assert.equal(upstream.requests.length, 1);
});

test('TL-06: two profiles that take turns on one endpoint each use their own credential', LIMIT, async (t) => {
  const upstream = await startRawUpstream(scope);
  const gateway = await startHttpGateway(scope, {
    upstreamPort: upstream.port,
    profile: (connection) => `profile-${connection % 2}`,
    device: (connection) => `device-${connection % 2}`,
    credential: (connection) =>
      Promise.resolve({
        ref: `c${connection % 2}`,
        secrets: new Map([['', new Secret(`secret-${connection % 2}`)]]),
      } as never),
  });
  const clients = [await RawHttp.plain(gateway.port), await RawHttp.plain(gateway.port)];
  t.after(() => clients.forEach((client) => client.close()));
  for (const turn of [0, 1, 0, 1]) {
    clients[turn]?.get(`/turn-${turn}`);
    assert.equal((await clients[turn]?.answer())?.status, 200);
  }
  const sent = upstream.requests.map(
    ({ text }) => `${/turn-\d/.exec(text)?.[0] ?? ''} ${/Bearer (\S+)/.exec(text)?.[1] ?? ''}`,
  );
  assert.equal(new Set(sent).size, 2);
  assert.equal(sent.length, 4);
});

/** Whether a request for TLS is answered, as every Postgres server answers it (S or N). */
async function isServed(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const answered = new Promise<boolean>((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
    socket.on('error', () => {});
  });
  socket.write(Buffer.from('0000000804d2162f', 'hex'));
  const result = await answered;
  socket.destroy();
  return result;
}

test(
  'TR-18: without descriptors new clients are refused, nothing spins, and it goes on when there are some again',
  LIMIT,
  async (t) => {
    const upstream = await startMute(t);
    const folder = temporaryFolder(t, 'clawpatrol-few');
    const path = join(folder, 'gateway.hcl');
    writeFileSync(
      path,
      `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "postgres" "pg" {
  host    = "127.0.0.1:${upstream.port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "passthrough" "pg" { endpoint = pg }
profile "default" { credentials = [pg] }
`,
    );
    const words = [
      '-c',
      'ulimit -n 256; exec "$@"',
      'sh',
      process.execPath,
      MAIN,
      'gateway',
      path,
      '--state-dir',
      join(folder, 'state'),
    ];
    const gateway = spawn('sh', words, {
      env: { PATH: process.env['PATH'], HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => void gateway.kill('SIGKILL'));
    let said = '';
    gateway.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    gateway.stderr.resume();
    await eventually('it is ready', () => /^ready /m.test(said), 60_000);
    const port = Number(/postgres\.pg=\S+?:(\d+)/.exec(said)?.[1]);
    assert.equal(await isServed(port), true);
    const held = Array.from({ length: 600 }, () => connect(port, '127.0.0.1'));
    t.after(() => held.forEach((socket) => socket.destroy()));
    let ended = 0;
    held.forEach((socket) => {
      socket.on('error', () => {});
      socket.on('close', () => (ended += 1));
      socket.resume();
    });
    await eventually('most are refused', () => ended > 300, 60_000);
    const ticks = (): number => {
      const fields = readFileSync(`/proc/${gateway.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
      return Number(fields[11]) + Number(fields[12]);
    };
    // Those that are still to be refused cost something; who spins does so in every second.
    await eventually('it rests', async () => {
      const before = ticks();
      await once(AbortSignal.timeout(2_000), 'abort');
      return ticks() - before < 100;
    });
    held.forEach((socket) => socket.destroy());
    await eventually('a new one is served', () => isServed(port));
    assert.equal(gateway.exitCode, null);
  },
);
