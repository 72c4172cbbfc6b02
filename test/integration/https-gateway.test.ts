// The real daemon with an `https` endpoint: real policy, approval by the command line, the record, and streams of any length in flat memory.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { pendingId } from '../support/pending.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

interface Seen {
  readonly line: string;
  readonly authorization: string;
  bytes: number;
  sha256: string;
}

/** Answers with what it was sent; `/download/N` gives N bytes. */
async function startUpstream(): Promise<{ readonly port: number; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(await (await testAuthority()).leaf('localhost'), (request, response) => {
    const hash = createHash('sha256');
    const entry = {
      line: `${request.method} ${request.url}`,
      authorization: request.headers.authorization ?? '',
      bytes: 0,
      sha256: '',
    };
    seen.push(entry);
    request.on('data', (bytes: Buffer) => {
      entry.bytes += bytes.length;
      hash.update(bytes);
    });
    request.on('end', () => {
      entry.sha256 = hash.digest('hex');
      const size = Number(/^\/download\/(\d+)/.exec(request.url ?? '')?.[1] ?? Number.NaN);
      if (Number.isNaN(size)) {
        response.end(JSON.stringify(entry));
      } else {
        response.writeHead(200, { 'Content-Length': size });
        createReadStream('/dev/zero', { end: size - 1, highWaterMark: 256 * 1024 }).pipe(response);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

const upstream = await startUpstream();
writeFileSync(join(folder, 'upstream.pem'), (await testAuthority()).caPem);

const CONFIG = `
gateway {
  dashboard_listen = "off"
  audit {
    redact = ["X-Session", "pin"]
  }
}
endpoint "https" "api" {
  hosts   = ["localhost:${upstream.port}"]
  ca_cert = "<<file:${join(folder, 'upstream.pem')}>>"
  listen  = "127.0.0.1:0"
}
credential "bearer_token" "api" {
  endpoint = https.api
  secret { env = "API_TOKEN" }
}
profile "default" {
  credentials = [bearer_token.api]
}
rule "no-refunds" {
  endpoint  = https.api
  condition = "http.path == '/v1/refunds'"
  verdict   = "deny"
  reason    = "refunds need a person"
}
rule "no-forbidden-bodies" {
  endpoint  = https.api
  condition = "http.path == '/json' && has(http.body_json.action) && http.body_json.action == 'refund'"
  verdict   = "deny"
}
rule "uploads" {
  endpoint  = https.api
  condition = "http.path.startsWith('/upload')"
  verdict   = "allow"
}
`;

const gateway: GatewayProcess = await startGateway(scope, { config: CONFIG, env: { API_TOKEN: 'canary-token' } });
const base = `https://localhost:${gateway.port('https.api')}`;
const ca = join(folder, 'gateway.pem');
writeFileSync(ca, gateway.cli('ca', 'export').stdout);

const curl = (...args: readonly string[]) =>
  runProgram('curl', ['-sS', '--max-time', '600', '--cacert', ca, ...args], { timeoutMs: 610_000 });

/** Resident memory of the daemon, in bytes. */
function resident(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) * 1024;
}

test('safe requests pass with the gateway`s token, denied ones never leave, bodies are read where a rule reads them', async () => {
  for (const version of ['--http1.1', '--http2']) {
    const safe = await curl(version, '-H', 'Authorization: Bearer mine', `${base}/v1/things`);
    assert.deepEqual(JSON.parse(safe.stdout), {
      line: 'GET /v1/things',
      authorization: 'Bearer canary-token',
      bytes: 0,
      sha256: createHash('sha256').digest('hex'),
    });
    const denied = await curl(version, '-w', '%{http_code}', `${base}/v1/refunds`);
    assert.match(denied.stdout, /"rule":"no-refunds".*403$/s);
    const body = await curl(version, '-w', '%{http_code}', '-X', 'GET', '-d', '{"action":"refund"}', `${base}/json`);
    assert.match(body.stdout, /"rule":"no-forbidden-bodies".*403$/s);
  }
  assert.deepEqual([...new Set(upstream.seen.map(({ line }) => line))], ['GET /v1/things']);
});

test('Node`s fetch and its keep-alive connections', async () => {
  const code = `
    const results = [];
    for (const path of ['/a', '/v1/refunds', '/b']) {
      const response = await fetch('${base}' + path);
      results.push(response.status + ' ' + (await response.text()).length);
    }
    console.log(results.map((line) => line.split(' ')[0]).join());`;
  const result = await runProgram(process.execPath, ['--input-type=module', '-e', code], {
    env: { NODE_EXTRA_CA_CERTS: ca },
  });
  assert.equal(result.stdout.trim(), '200,403,200', result.stderr);
});

test('a write waits for a person, who sees all of it, and runs once when it is approved', async () => {
  const before = upstream.seen.length;
  const sending = curl('-w', ' %{http_code}', '-d', 'name=x', `${base}/things`);
  const id = await pendingId(gateway);
  const shown = gateway.cli('approvals', 'show', id);
  assert.match(shown.stdout, /POST \/things HTTP\/1\.1/);
  assert.match(shown.stdout, /name=x/);
  assert.doesNotMatch(shown.stdout, /canary-token/);
  assert.equal(upstream.seen.length, before);
  const digest = /\b[0-9a-f]{64}\b/.exec(shown.stdout)?.[0] ?? '';
  const approved = gateway.cli('approvals', 'approve', id, '--digest', digest);
  assert.equal(approved.code, 0, approved.stderr);
  assert.match((await sending).stdout, /"bytes":6.* 200$/s);
  assert.equal(upstream.seen.length, before + 1);
});

test('approvers and the log see which values a request has, but not those that log somebody in; its digest is of what it was', async () => {
  const body = '{"name":"x","pin":"s3cret","password":"s3cret"}';
  const before = upstream.seen.length;
  const fields = ['-H', 'Content-Type: application/json', '-H', 'X-Session: s3cret'];
  const sending = curl('-w', ' %{http_code}', ...fields, '-d', body, `${base}/things?token=s3cret&page=2`);
  const id = await pendingId(gateway);
  const shown = gateway.cli('approvals', 'show', id).stdout;
  assert.match(shown, /POST \/things\?token=\[masked\]&page=2 HTTP/);
  assert.match(shown, /x-session: \[masked\]/i);
  assert.match(shown, /\{"name":"x","pin":"\[masked\]","password":"\[masked\]"\}/);
  const digest = /\b[0-9a-f]{64}\b/.exec(shown)?.[0] ?? '';
  assert.equal(gateway.cli('approvals', 'approve', id, '--digest', digest).code, 0);
  assert.match((await sending).stdout, / 200$/);
  assert.equal(upstream.seen[before]?.sha256, createHash('sha256').update(body).digest('hex'));
  const audit = gateway.cli('audit', 'search', '--json').stdout;
  assert.match(audit, /token=\[masked\]&page=2/);
  assert.doesNotMatch(shown + audit + gateway.cli('approvals', 'show', id, '--json').stdout, /s3cret/);
});

test('gigabytes pass both ways, byte for byte, in flat memory (TR-03, HX-01)', async () => {
  // Once beforehand, so that what is compared is the memory of a daemon that has worked.
  await curl('-o', '/dev/null', `${base}/download/${64 * MIB}`);
  const before = resident();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, resident());
  }, 50);
  try {
    const down = await curl('-o', '/dev/null', '-w', '%{size_download} %{http_code}', `${base}/download/${256 * MIB}`);
    assert.equal(down.stdout, `${256 * MIB} 200`, down.stderr);
    const zeros = await runProgram(
      'sh',
      ['-c', `head -c ${GIB} /dev/zero | curl -sS --max-time 600 --http1.1 --cacert ${ca} -T - ${base}/upload`],
      { timeoutMs: 610_000 },
    );
    assert.equal((JSON.parse(zeros.stdout) as Seen).bytes, GIB, zeros.stderr);
  } finally {
    clearInterval(watch);
  }
  const grown = (most - before) / MIB;
  assert.ok(grown < 96, `the daemon grew by ${Math.round(grown)} MiB`);
});
