// What a person at the dashboard waits for: from the click that approves a statement to the first byte of its answer at the agent, and how
// gateway and page hold when ten thousand requests wait at once.
import { Agent, request } from 'node:http';
import { loadavg } from 'node:os';
import { connect } from 'node:http2';
import pg from 'pg';
import { addOperator, hasBrowser, logIn, openPage, startBrowser } from '../test/support/browser.ts';
import { startGateway, type GatewayProcess } from '../test/support/gateway-process.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { residentBytes, Scope, table } from './parts.ts';

export interface DashboardBench {
  readonly clicks: number;
  readonly parked: number;
}

const MIB = 1024 ** 2;
/** A gateway that has just started compiles its own code at the first clicks; the very first is told apart. */
const WARM_UP_CLICKS = 20;

function configOf(port: number, user: string): string {
  return `schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  limits {
    parked            = 20000
    parked_per_device = 20000
  }
}
endpoint "postgres" "shop" {
  host    = "127.0.0.1:${port}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
endpoint "https" "api" {
  hosts  = ["api.test"]
  listen = "127.0.0.1:0"
}
credential "postgres_credential" "shop" {
  endpoint = postgres.shop
  user     = "${user}"
}
credential "passthrough" "api" { endpoint = https.api }
profile "responder" { credentials = [postgres_credential.shop, passthrough.api] }
`;
}

/** Prints the figures. */
export async function benchDashboard({ clicks, parked }: DashboardBench): Promise<void> {
  const scope = new Scope();
  try {
    const server = await startPostgres(scope, { flavour: 'debian' });
    await server.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100000)');
    const gateway = await startGateway(scope, {
      config: configOf(server.port, server.user),
      env: { CLAWPATROL_SECRET_SHOP: server.password },
    });
    addOperator(gateway, 'alice', 'approver');
    const token = gateway.cli('operators', 'token', 'alice', '--expires', '1h').stdout.trim();
    const api = createApi(gateway, token);
    const first = await measureClicks(gateway, api, { clicks: 1, from: 1 });
    await measureClicks(gateway, api, { clicks: WARM_UP_CLICKS, from: 2 });
    const quiet = await measureClicks(gateway, api, { clicks, from: 2 + WARM_UP_CLICKS });
    const before = residentBytes(gateway.pid);
    const tookMs = await parkMany(scope, gateway, api, parked);
    const after = residentBytes(gateway.pid);
    const asked = performance.now();
    await api('GET', '/api/approvals?limit=100');
    const listMs = performance.now() - asked;
    const busy = await measureClicks(gateway, api, { clicks, from: 2 + WARM_UP_CLICKS + clicks });
    const rows = [
      ['load of the machine', loadavg()[0]?.toFixed(1) ?? ''],
      ['the first click after a start', `${first.p50.toFixed(1)} ms`],
      ['click to first byte, nothing else waits', `p50 ${quiet.p50.toFixed(1)} ms, p99 ${quiet.p99.toFixed(1)} ms`],
      [`the same while ${parked} wait`, `p50 ${busy.p50.toFixed(1)} ms, p99 ${busy.p99.toFixed(1)} ms`],
      [`parking ${parked} HTTP requests`, `${(tookMs / 1000).toFixed(1)} s`],
      [
        'memory of the gateway for them',
        `${((after - before) / MIB).toFixed(0)} MiB, ${((after - before) / parked / 1024).toFixed(1)} KiB each`,
      ],
      ['first hundred over the API', `${listMs.toFixed(0)} ms`],
      ...(await measurePage(scope, gateway)),
    ];
    process.stdout.write(`${table(['', ''], rows)}\n`);
  } finally {
    await scope.end();
  }
}

type Api = (method: string, path: string, body?: object) => Promise<string>;

function createApi(gateway: GatewayProcess, token: string): Api {
  const agent = new Agent({ keepAlive: true });
  return (method, path, body) => {
    const bytes = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: gateway.port('dashboard'),
          method,
          path,
          agent,
          headers: {
            authorization: `Bearer ${token}`,
            ...(bytes === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
          },
        },
        (response) => {
          let text = '';
          response.on('data', (piece: Buffer) => (text += piece.toString()));
          response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  };
}

/** Each click is one parked DELETE: from the sending of the approval to the server's first answer at the client. */
async function measureClicks(
  gateway: GatewayProcess,
  api: Api,
  { clicks, from: firstId }: { readonly clicks: number; readonly from: number },
): Promise<{ readonly p50: number; readonly p99: number }> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: gateway.port('postgres.shop'),
    user: 'agent',
    database: 'postgres',
  });
  await client.connect();
  const took: number[] = [];
  for (let index = 0; index < clicks; index += 1) {
    const told = new Promise<string>((resolve) => {
      client.once('notice', ({ message }) => resolve(/[0-9a-f]{8}-[0-9a-f-]{27}/.exec(message ?? '')?.[0] ?? ''));
    });
    const over = client.query(`DELETE FROM t WHERE id = ${firstId + index}`);
    const id = await told;
    const shown = JSON.parse(await api('GET', `/api/approvals/${id}`)) as { request: { digest: string } };
    const from = performance.now();
    const answer = over.then(() => performance.now() - from);
    await api('POST', `/api/approvals/${id}/approve`, { digest: shown.request.digest });
    took.push(await answer);
  }
  await client.end();
  const sorted = took.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Streams of one connection, as most servers allow. */
const STREAMS = 100;

/** Opens so many requests that wait for their answer, over HTTP/2, and waits until the queue has them all. */
async function parkMany(scope: Scope, gateway: GatewayProcess, api: Api, wanted: number): Promise<number> {
  const from = performance.now();
  for (let first = 0; first < wanted; first += STREAMS) {
    const session = connect(`https://127.0.0.1:${gateway.port('https.api')}`, {
      servername: 'api.test',
      rejectUnauthorized: false,
    });
    scope.after(() => session.destroy());
    session.on('error', () => undefined);
    for (let index = first; index < Math.min(wanted, first + STREAMS); index += 1) {
      const stream = session.request({ ':method': 'DELETE', ':path': `/v1/things/${index}`, ':authority': 'api.test' });
      stream.on('error', () => undefined);
      stream.end();
    }
  }
  for (let total = 0; total < wanted;) {
    ({ total } = JSON.parse(await api('GET', '/api/approvals?limit=1')) as { total: number });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return performance.now() - from;
}

async function measurePage(scope: Scope, gateway: GatewayProcess): Promise<readonly (readonly string[])[]> {
  if (!hasBrowser) {
    return [['the page', 'not measured: no Chromium here']];
  }
  const browser = await startBrowser(scope);
  const { page } = await openPage(browser);
  await logIn(page, gateway, 'alice');
  const from = performance.now();
  await page.reload();
  await page
    .getByRole('link', { name: /DELETE/ })
    .first()
    .waitFor();
  const loadMs = performance.now() - from;
  const nodes = await page.locator('*').count();
  const heap = await page.evaluate(() => {
    const { memory } = performance as { memory?: { usedJSHeapSize: number } };
    return memory?.usedJSHeapSize ?? 0;
  });
  return [
    ['page: from reload to the queue', `${loadMs.toFixed(0)} ms`],
    ['page: elements and heap', `${nodes}, ${(heap / MIB).toFixed(1)} MiB`],
  ];
}
