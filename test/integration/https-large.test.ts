// What is larger than memory should be: uploads over both versions of HTTP and packs of git pass through the daemon in flat memory.
// CLAWPATROL_LARGE_MIB=5120 runs the same with more.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  createReadStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { skipWithout } from '../support/driver-world.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { git, GIT_SECRET, startGit } from '../support/git-server.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const MIB = 1024 ** 2;
const LARGE_MIB = Number(process.env['CLAWPATROL_LARGE_MIB'] ?? 128);
const PACK_MIB = Math.min(500, Math.max(40, LARGE_MIB / 8));
/** Young and old garbage of V8, and what is under way: the same for an eighth of a gigabyte and for five. */
const MAX_GROWTH_MIB = 160;
const TIMEOUT_MS = 1_800_000;
const scope = fileScope();
const folder = temporaryFolder(scope);

function residentMib({ pid }: GatewayProcess): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** What the work gives; fails when the gateway grew meanwhile. */
async function inFlatMemory<T>(t: TestContext, gateway: GatewayProcess, work: () => Promise<T>): Promise<T> {
  const before = residentMib(gateway);
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, residentMib(gateway));
  }, 50);
  const startedMs = performance.now();
  const result = await work();
  clearInterval(watch);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  t.diagnostic(`${seconds} s; resident ${before.toFixed(0)} MiB before, at most ${most.toFixed(0)} MiB`);
  assert.ok(most - before < MAX_GROWTH_MIB, `from ${before.toFixed(0)} to ${most.toFixed(0)} MiB`);
  return result;
}

/** Random bytes, repeated: to make that many new ones takes longer than to send them. */
function makeFile(path: string, mib: number): void {
  const piece = randomBytes(16 * MIB);
  writeFileSync(path, '');
  for (let left = mib * MIB; left > 0; left -= piece.length) {
    appendFileSync(path, piece.subarray(0, Math.min(left, piece.length)));
  }
}

async function digestOf(
  stream: AsyncIterable<unknown>,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const piece of stream) {
    sizeBytes += (piece as Buffer).length;
    hash.update(piece as Buffer);
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** An upstream that says what it was sent. */
async function startSink(): Promise<number> {
  const answer = async (request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> => {
    response.end(JSON.stringify(await digestOf(request)));
  };
  const leaf = await (await testAuthority()).leaf('localhost');
  const server = createSecureServer(
    { ...leaf, allowHTTP1: true },
    (request, response) => void answer(request, response),
  );
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function upstreamCa(): Promise<string> {
  const path = join(folder, 'upstream.pem');
  writeFileSync(path, (await testAuthority()).caPem);
  return path;
}

test(
  `an upload of ${LARGE_MIB} MiB over HTTP/1.1 and HTTP/2 arrives whole, in flat memory`,
  { skip: skipWithout('curl'), timeout: TIMEOUT_MS },
  async (t) => {
    const port = await startSink();
    const gateway = await startGateway(scope, {
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "https" "store" {
  hosts   = ["localhost:${port}"]
  listen  = "127.0.0.1:0"
  ca_cert = "<<file:${await upstreamCa()}>>"
}
credential "passthrough" "store" { endpoint = https.store }
profile "default" { credentials = [passthrough.store] }
rule "uploads" {
  endpoint  = https.store
  condition = "http.method == 'put' && http.path == '/backup'"
  verdict   = "allow"
}
`,
    });
    const ca = join(folder, 'gateway.pem');
    writeFileSync(ca, gateway.cli('ca', 'export').stdout);
    const file = join(folder, 'large');
    makeFile(file, LARGE_MIB);
    const wanted = await digestOf(createReadStream(file));
    for (const version of ['--http1.1', '--http2']) {
      const args = ['-sS', '--max-time', '1700', version, '--cacert', ca, '-T', file];
      const at = [
        '--connect-to',
        `localhost:${port}:127.0.0.1:${gateway.port('https.store')}`,
        `https://localhost:${port}/backup`,
      ];
      const { stdout, stderr } = await inFlatMemory(t, gateway, () =>
        runProgram('curl', [...args, ...at], { timeoutMs: TIMEOUT_MS }),
      );
      assert.equal(stderr, '', version);
      assert.deepEqual(JSON.parse(stdout), wanted, version);
    }
  },
);

test(
  `MP-31: git pushes and clones a pack of ${PACK_MIB} MiB, whose refs a rule reads, in flat memory`,
  { skip: skipWithout('git'), timeout: TIMEOUT_MS },
  async (t) => {
    const root = join(folder, 'served');
    mkdirSync(root);
    const must = async (result: Promise<ProgramResult>): Promise<void> => {
      const { code, stderr } = await result;
      assert.equal(code, 0, stderr);
    };
    await must(git(root, 'init', '-q', '--bare', 'app.git'));
    for (const [name, value] of [
      ['http.receivepack', 'true'],
      ['core.bigFileThreshold', '1m'],
      ['core.compression', '0'],
      ['receive.unpackLimit', '1'],
    ] as const) {
      await must(git(root, '-C', 'app.git', 'config', name, value));
    }
    const server = await startGit(scope, root, 'localhost');
    const gateway = await startGateway(scope, {
      env: { GIT_SECRET },
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
endpoint "https" "git" {
  hosts   = ["localhost:${server.port}"]
  listen  = "127.0.0.1:0"
  ca_cert = "<<file:${await upstreamCa()}>>"
}
credential "github_oauth" "git" {
  endpoint = https.git
  secret { env = "GIT_SECRET" }
}
profile "default" { credentials = [github_oauth.git] }
rule "no-main" {
  endpoint  = https.git
  condition = "git.refs.exists(r, r.ref == 'refs/heads/main')"
  verdict   = "deny"
  reason    = "main is for people"
  priority  = 10
}
rule "git" {
  endpoint  = https.git
  condition = "git.operation in ['fetch', 'push']"
  verdict   = "allow"
}
`,
    });
    const ca = join(folder, 'git-gateway.pem');
    writeFileSync(ca, gateway.cli('ca', 'export').stdout);
    const through = [
      '-c',
      `http.sslCAInfo=${ca}`,
      '-c',
      `http.curloptResolve=localhost:${server.port}:127.0.0.1`,
      '-c',
      `http.proxy=http://127.0.0.1:${gateway.port('https.git')}`,
    ];
    const work = join(folder, 'work');
    const url = `https://localhost:${server.port}/app.git`;
    await must(git(folder, 'init', '-q', work));
    makeFile(join(work, 'large.bin'), PACK_MIB);
    const quick = ['-c', 'core.bigFileThreshold=1m', '-c', 'core.compression=0'];
    await must(git(work, ...quick, 'add', '.'));
    await must(git(work, ...quick, 'commit', '-q', '-m', 'large'));
    const denied = await git(work, ...quick, ...through, 'push', '-q', url, 'HEAD:refs/heads/main');
    assert.notEqual(denied.code, 0);
    await inFlatMemory(t, gateway, () =>
      must(git(work, ...quick, ...through, 'push', '-q', url, 'HEAD:refs/heads/agent')),
    );
    const cloned = join(folder, 'cloned');
    await inFlatMemory(t, gateway, () =>
      must(git(folder, ...quick, ...through, 'clone', '-q', '--branch', 'agent', url, cloned)),
    );
    const [sent, got] = [join(work, 'large.bin'), join(cloned, 'large.bin')].map((path) => createReadStream(path));
    assert.ok(sent !== undefined && got !== undefined);
    assert.deepEqual(await digestOf(got), await digestOf(sent));
    const packs = join(root, 'app.git', 'objects', 'pack');
    const sizes = readdirSync(packs).map((name) => statSync(join(packs, name)).size);
    assert.ok(Math.max(...sizes) >= 16 * MIB, String(sizes));
  },
);
