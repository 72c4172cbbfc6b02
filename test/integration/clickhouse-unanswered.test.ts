// ClickHouse over HTTP where the gateway's own questions (the database of unqualified names, `verify_ast`) get no answer: that is the
// upstream's failure and no denial, and nothing of the statement is sent.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startGateway } from '../support/gateway-process.ts';
import { freePort } from '../support/ports.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const seen: string[] = [];

/** Says where names are looked up, and breaks off, or refuses, what is asked behind it. */
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => void chunks.push(chunk));
  request.on('end', () => {
    const sql = Buffer.concat(chunks).toString();
    seen.push(sql);
    if (sql === 'SELECT currentDatabase()') {
      response.end('app\n');
    } else if (sql.includes('unparsed')) {
      response.writeHead(400).end('Code: 62. DB::Exception: Syntax error');
    } else {
      request.socket.destroy();
    }
  });
});
const locked = createServer((_request, response) => {
  response.writeHead(403).end('Code: 516. DB::Exception: Authentication failed');
});
const ports = await Promise.all(
  [server, locked].map(
    (one) =>
      new Promise<number>((resolve) => one.listen(0, '127.0.0.1', () => resolve((one.address() as AddressInfo).port))),
  ),
);
scope.after(() => {
  for (const one of [server, locked]) {
    one.closeAllConnections();
    one.close();
  }
});

const ENDPOINTS: readonly (readonly [name: string, port: number, more: string])[] = [
  ['dead', await freePort(), ''],
  ['verified', ports[0] ?? 0, 'verify_ast = true'],
  ['locked', ports[1] ?? 0, ''],
];
const gateway = await startGateway(scope, {
  config: `
gateway {
  dashboard_listen = "off"
}
credential "clickhouse_credential" "ch" {
  endpoints = [${ENDPOINTS.map(([name]) => `clickhouse_https.${name}`).join()}]
  user      = "real"
  secret {
    env = "CH_PASSWORD"
  }
}
profile "default" {
  credentials = [clickhouse_credential.ch]
}
${ENDPOINTS.map(
  ([name, port, more]) => `
endpoint "clickhouse_https" "${name}" {
  hosts  = ["127.0.0.1:${port}"]
  tls    = false
  listen = "127.0.0.1:0"
  ${more}
}`,
).join('\n')}
`,
  env: { CH_PASSWORD: 'secret' },
});

const CASES: readonly (readonly [endpoint: string, sql: string, status: number, code: string, said: RegExp])[] = [
  ['dead', 'SELECT a FROM events', 502, '210', /did not say where names are looked up: .*ECONNREFUSED/],
  ['locked', 'SELECT a FROM events', 502, '210', /did not say where names are looked up: status 403: .*516/],
  ['verified', 'SELECT a FROM events', 502, '210', /did not say how it reads the statement \(verify_ast\)/],
  // An answer, though not the one that is needed: nobody has confirmed our reading.
  ['verified', 'SELECT unparsed FROM events', 403, '497', /how it reads the statement \(verify_ast\): status 400/],
];

for (const [endpoint, sql, status, code, said] of CASES) {
  test(`${endpoint}: ${sql} is answered ${status}`, async () => {
    for (const init of [{ method: 'POST', body: sql }, null]) {
      const target = init === null ? `/?query=${encodeURIComponent(sql)}` : '/';
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const response = await fetch(
        `http://127.0.0.1:${gateway.port(`clickhouse_https.${endpoint}`)}${target}`,
        init ?? {},
      );
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const text = await response.text();
      assert.deepEqual([response.status, response.headers.get('x-clickhouse-exception-code')], [status, code], text);
      assert.match(text, said);
    }
    assert.ok(!seen.includes(sql), 'nothing of the statement is sent');
  });
}
