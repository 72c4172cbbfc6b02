// Small requests and a large download over HTTPS: directly, through a bare proxy that ends TLS on both sides, and through the gateway with
// ten rules and the audit on. The ways take turns, so that a machine whose speed drifts does not favour one.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { makeAuthority } from '../test/support/certificate.ts';
import { startGateway } from '../test/support/gateway-process.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { firstLine, median, residentBytes, Scope, table } from './parts.ts';

const HOST = 'localhost';

interface Way {
  readonly name: string;
  readonly port: number;
  readonly caPem: string;
  /** What the Host field says: the upstream's own authority. */
  readonly authority: string;
}

interface Figures {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly downloadBytes: number;
}

/** Ten rules as a team would write them; a read walks all of them and is allowed by its tier. */
function httpsConfig(port: number, caPem: string): string {
  const conditions = [
    `http.method == 'delete'`,
    `http.path.startsWith('/v1/refunds')`,
    `http.path == '/admin'`,
    `'admin' in http.query`,
    `http.host == 'other.example'`,
    `http.content_type == 'text/html'`,
    `http.upgrade != 'none'`,
    `http.effective_method in ['put', 'patch']`,
    `http.segments.size() > 20`,
    `http.raw_path.contains('%')`,
  ];
  const rules = conditions.map(
    (condition, index) =>
      `rule "bench-${index}" {\n  endpoint  = https.bench\n  condition = "${condition}"\n  verdict   = "deny"\n}\n`,
  );
  return `schema_version = 1
gateway {
  dashboard_listen = "off"
}
endpoint "https" "bench" {
  hosts   = ["${HOST}:${port}"]
  listen  = "127.0.0.1:0"
  ca_cert = <<-PEM
${caPem.trim()}
PEM
}
credential "bearer_token" "bench" {
  endpoint = https.bench
  secret { env = "BENCH_TOKEN" }
}
profile "bench" {
  credentials = [bearer_token.bench]
}
${rules.join('')}
`;
}

/** Prints the tables; the ratios are medians of the ratios of one round. */
export async function benchHttps({ rounds, seconds, downloadBytes }: Options): Promise<void> {
  const scope = new Scope();
  try {
    const { ways, pid } = await startWays(scope);
    await printRequests(ways, rounds, seconds);
    await printDownload(ways, { rounds: Math.max(1, Math.floor(rounds / 2)), bytes: downloadBytes, pid });
  } finally {
    await scope.end();
  }
}

async function startWays(scope: Scope): Promise<{ readonly ways: readonly Way[]; readonly pid: number }> {
  const folder = temporaryFolder(scope, 'clawpatrol-https');
  const authority = await makeAuthority();
  const leaf = await authority.leaf(HOST);
  const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  writeFileSync(paths.cert, leaf.cert);
  writeFileSync(paths.key, leaf.key);
  writeFileSync(paths.ca, authority.caPem);
  const upstream = await startPeer(scope, ['upstream', paths.cert, paths.key]);
  const proxy = await startPeer(scope, ['proxy', paths.cert, paths.key, paths.ca, String(upstream)]);
  const gateway = await startGateway(scope, {
    config: httpsConfig(upstream, authority.caPem),
    env: { BENCH_TOKEN: 'bench-token' },
  });
  const same = { caPem: authority.caPem, authority: `${HOST}:${upstream}` };
  return {
    ways: [
      { ...same, name: 'direct', port: upstream },
      { ...same, name: 'TLS proxy', port: proxy },
      { ...same, name: 'gateway', port: gateway.port('https.bench'), caPem: gateway.cli('ca', 'export').stdout },
    ],
    pid: gateway.pid,
  };
}

async function startPeer(scope: Scope, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'https-peers.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  scope.after(() => {
    child.kill('SIGKILL');
  });
  return Number((await firstLine(child)).trim());
}

async function printRequests(ways: readonly Way[], rounds: number, seconds: number): Promise<void> {
  const rows: string[][] = [];
  for (const clients of [1, 8]) {
    const figures = new Map<string, Figures[]>(ways.map(({ name }) => [name, []]));
    for (let round = -1; round < rounds; round += 1) {
      for (const way of ways) {
        const measured = await load(way, clients, round < 0 ? 0.5 : seconds);
        // The first round warms everything up.
        if (round >= 0) {
          figures.get(way.name)?.push(measured);
        }
      }
    }
    const proxy = figures.get('TLS proxy') ?? [];
    const ratio = (of: readonly Figures[], read: (figure: Figures) => number): string =>
      median(of.map((figure, index) => read(figure) / read(proxy[index] ?? figure))).toFixed(2);
    for (const [name, measured] of figures) {
      rows.push([
        String(clients),
        name,
        ...[(f: Figures) => f.perSecond, (f: Figures) => f.p50Us, (f: Figures) => f.p99Us].map((read) =>
          median(measured.map(read)).toFixed(0),
        ),
        ratio(measured, ({ p50Us }) => p50Us),
        ratio(measured, ({ p99Us }) => p99Us),
        ratio(measured, ({ perSecond }) => perSecond),
      ]);
    }
  }
  const head = ['clients', 'way', 'requests/s', 'p50 µs', 'p99 µs', 'p50 ÷ proxy', 'p99 ÷ proxy', 'requests/s ÷ proxy'];
  process.stdout.write(`${table(head, rows)}\n\n`);
}

async function printDownload(
  ways: readonly Way[],
  { rounds, bytes, pid }: { readonly rounds: number; readonly bytes: number; readonly pid: number },
): Promise<void> {
  const speeds = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  const before = residentBytes(pid);
  let most = before;
  for (let round = 0; round < rounds; round += 1) {
    for (const way of ways) {
      const watch = setInterval(() => {
        most = Math.max(most, residentBytes(pid));
      }, 50);
      speeds.get(way.name)?.push(await download(way, bytes));
      clearInterval(watch);
    }
  }
  const proxy = speeds.get('TLS proxy') ?? [];
  const rows = [...speeds].map(([name, measured]) => [
    name,
    (median(measured) / 1024 ** 2).toFixed(0),
    median(measured.map((speed, index) => speed / (proxy[index] ?? speed))).toFixed(2),
  ]);
  process.stdout.write(`${table(['way', 'download MiB/s', '÷ proxy'], rows)}\n\n`);
  const mib = (size: number): string => (size / 1024 ** 2).toFixed(0);
  process.stdout.write(
    `memory of the gateway: ${mib(before)} MiB before, at most ${mib(most)} MiB during the downloads\n`,
  );
}

/** Requests one after the other on each of `clients` kept-alive connections. */
async function load(way: Way, clients: number, seconds: number): Promise<Figures> {
  const sockets = await Promise.all(Array.from({ length: clients }, () => open(way)));
  const request = Buffer.from(
    `GET /v1/items?page=1 HTTP/1.1\r\nHost: ${way.authority}\r\nAccept: application/json\r\n\r\n`,
  );
  const latencies: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  await Promise.all(sockets.map((socket) => ask(socket, request, { endMs, latencies })));
  const tookMs = performance.now() - startedMs;
  sockets.forEach((socket) => socket.destroy());
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1000;
  return { perSecond: (sorted.length / tookMs) * 1000, p50Us: at(0.5), p99Us: at(0.99) };
}

function open({ port, caPem }: Way): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: HOST, ca: caPem, ALPNProtocols: ['http/1.1'] });
    socket.setNoDelay(true);
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends the request again as soon as its answer is whole, until the time is over. */
function ask(
  socket: TLSSocket,
  request: Buffer,
  { endMs, latencies }: { readonly endMs: number; readonly latencies: number[] },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentMs = performance.now();
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = /^content-length: (\d+)\r$/im.exec(text)?.[1];
      if (head === -1 || length === undefined || text.length < head + 4 + Number(length)) {
        return;
      }
      if (!text.startsWith('HTTP/1.1 200')) {
        reject(new Error(`the answer was: ${text.slice(0, 400)}`));
        return;
      }
      text = '';
      const nowMs = performance.now();
      latencies.push(nowMs - sentMs);
      if (nowMs >= endMs) {
        resolve();
        return;
      }
      sentMs = nowMs;
      socket.write(request);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection ended')));
    socket.write(request);
  });
}

/** Bytes per second of one download. */
async function download(way: Way, bytes: number): Promise<number> {
  const socket = await open(way);
  const startedMs = performance.now();
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (piece: Buffer) => {
      received += piece.length;
      // The head is small beside the body, and shorter than the last piece.
      if (received >= bytes) {
        resolve();
      }
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`the connection ended after ${received} bytes`)));
    socket.write(`GET /bytes/${bytes} HTTP/1.1\r\nHost: ${way.authority}\r\n\r\n`);
  });
  const speed = received / ((performance.now() - startedMs) / 1000);
  socket.destroy();
  return speed;
}
