// `verify_ast` over both wires, in front of servers that answer EXPLAIN AST with what a real one said: Debian's is too old to know it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Input, SERVER, Writer } from '../../src/protocols/clickhouse/codec.ts';
import { EMPTY_BLOCK, exceptionPacket } from '../../src/protocols/clickhouse/denial.ts';
import { serverHello, takeClientHello } from '../../src/protocols/clickhouse/login.ts';
import { takeQuery } from '../../src/protocols/clickhouse/query.ts';
import { startGateway } from '../support/gateway-process.ts';
import { NO_MORE_DATA, RawClickHouse } from '../support/raw-clickhouse.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const corpus = JSON.parse(readFileSync(join(process.cwd(), 'test/corpus/clickhouse-statements.json'), 'utf8')) as {
  readonly sql: string;
  readonly tree: string | null;
}[];
const AGREED = 'SELECT a FROM events GROUP BY ALL';
const tree = corpus.find(({ sql }) => sql === AGREED)?.tree ?? '';
const EXPLAIN = 'EXPLAIN AST ';
const REVISION = 54412;

/** How the server reads each text; "" for what it runs. */
const known = new Map<string, string>();

function explained(sql: string): string | null {
  const told = known.get(sql);
  if (told !== undefined) {
    return told;
  }
  return sql === AGREED
    ? tree
    : sql === 'SELECT a FROM events'
      ? tree.replace('TableIdentifier events', 'TableIdentifier tokens')
      : null;
}

const seen: string[] = [];

function startHttp(): Promise<number> {
  const server = createHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://x');
      const sql = (url.searchParams.get('query') ?? '') + Buffer.concat(chunks).toString();
      seen.push(sql);
      const asked = sql.startsWith(EXPLAIN) ? explained(sql.slice(EXPLAIN.length)) : 'ran\n';
      response.writeHead(asked === null ? 400 : 200).end(asked ?? 'Code: 62. DB::Exception: Syntax error');
    });
  });
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

function startNative(): Promise<number> {
  const hello = {
    serverName: 'ClickHouse',
    major: 1,
    minor: 1,
    revision: REVISION,
    timezone: 'UTC',
    displayName: 'd',
    patch: 0,
  };
  const server = createServer((socket) => {
    const input = new Input();
    let greeted = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      input.append(chunk);
      if (!greeted) {
        const taken = takeClientHello(input.view);
        if (taken.kind === 'packet') {
          greeted = true;
          input.used(taken.sizeBytes);
          socket.write(serverHello(hello, REVISION));
        }
        return;
      }
      const taken = takeQuery(input.view, REVISION);
      if (taken.kind === 'packet' && input.length >= taken.sizeBytes + NO_MORE_DATA.length) {
        input.used(taken.sizeBytes + NO_MORE_DATA.length);
        const sql = taken.packet.text.toString();
        seen.push(sql);
        const asked = sql.startsWith(EXPLAIN) ? explained(sql.slice(EXPLAIN.length)) : 'ran';
        socket.write(asked === null ? exceptionPacket(62, 'Syntax error') : answer(asked.trimEnd().split('\n')));
      }
    });
  });
  scope.after(() => void server.close());
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

function answer(lines: readonly string[]): Buffer {
  const writer = new Writer()
    .varuint(SERVER.data)
    .string('')
    .raw(EMPTY_BLOCK.subarray(0, 8))
    .varuint(1)
    .varuint(lines.length);
  writer.string('explain').string('String');
  for (const line of lines) {
    writer.string(line);
  }
  return writer.varuint(SERVER.endOfStream).bytes();
}

const [httpPort, nativePort] = [await startHttp(), await startNative()];
const gateway = await startGateway(scope, {
  config: `
gateway {
  dashboard_listen = "off"
}
endpoint "clickhouse_https" "web" {
  hosts      = ["127.0.0.1:${httpPort}"]
  tls        = false
  listen     = "127.0.0.1:0"
  verify_ast = true
}
endpoint "clickhouse_native" "ch" {
  hosts      = ["127.0.0.1:${nativePort}"]
  listen     = "127.0.0.1:0"
  verify_ast = true
}
credential "clickhouse_credential" "ch" {
  endpoints = [clickhouse_https.web, clickhouse_native.ch]
  user      = "real"
  secret {
    env = "CH_PASSWORD"
  }
}
profile "default" {
  credentials = [clickhouse_credential.ch]
}
rule "all" {
  endpoints = [clickhouse_https.web, clickhouse_native.ch]
  verdict   = "allow"
}
`,
  env: { CH_PASSWORD: 'password' },
});

const CASES: readonly (readonly [string, boolean])[] = [
  [AGREED, true],
  ['SELECT a FROM events', false],
  ['SELECT 1', false],
];

test('over HTTP a statement runs when the server reads it as the gateway does, and is asked for once', async () => {
  const url = `http://127.0.0.1:${gateway.port('clickhouse_https.web')}/`;
  for (const [sql, runs] of [...CASES, ...CASES]) {
    seen.length = 0;
    const response = await fetch(url, { method: 'POST', body: sql });
    assert.equal(response.status, runs ? 200 : 403, sql);
    assert.equal(seen.includes(sql), runs, sql);
  }
  // The second time the answer was known.
  assert.equal(seen.includes(EXPLAIN + AGREED), false);
  const shown = await fetch(url, { method: 'POST', body: 'SELECT a FROM events' });
  assert.match(await shown.text(), /reads this statement differently/);
});

test('what the server could not say once is asked for again, also for the same request', async () => {
  const url = `http://127.0.0.1:${gateway.port('clickhouse_https.web')}/?query=${encodeURIComponent('SELECT 7')}`;
  for (let turn = 0; turn < 2; turn += 1) {
    seen.length = 0;
    const response = await fetch(url);
    assert.equal(response.status, 403);
    assert.equal(seen.includes(`${EXPLAIN}SELECT 7`), true);
  }
  // And once it can, the request runs.
  known.set('SELECT 7', corpus.find(({ sql }) => sql === 'SELECT 1')?.tree ?? '');
  assert.equal((await fetch(url)).status, 200);
});

test('over the native protocol the same', async () => {
  const client = await RawClickHouse.login(gateway.port('clickhouse_native.ch'), { revision: REVISION });
  for (const [sql, runs] of [...CASES, ...CASES]) {
    seen.length = 0;
    assert.equal(await client.run(sql), runs ? 'ok' : '497', sql);
    assert.equal(seen.includes(sql), runs, sql);
  }
  client.close();
});
