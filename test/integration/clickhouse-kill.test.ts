// CK-09: a server of ClickHouse goes on with a query of HTTP whose client is gone. The gateway kills it by an id of its own, as the same user.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { hasClickHouse, startClickHouse } from '../support/clickhouse-server.ts';
import { eventually } from '../support/daemon.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { fileScope } from '../support/scope.ts';
import type { CleanUp } from '../support/temp.ts';

const scope = fileScope();
const server = hasClickHouse() ? await startClickHouse(scope) : null;

function gatewayBefore(cleanUp: CleanUp, port: number, password: string): Promise<GatewayProcess> {
  return startGateway(cleanUp, {
    config: `
gateway {
  dashboard_listen = "off"
}
endpoint "clickhouse_https" "ch" {
  hosts  = ["127.0.0.1:${port}"]
  tls    = false
  listen = "127.0.0.1:0"
}
credential "clickhouse_credential" "ch" {
  endpoint = clickhouse_https.ch
  user     = "real"
  secret {
    env = "CH_PASSWORD"
  }
}
profile "default" {
  credentials = [clickhouse_credential.ch]
}
rule "all" {
  endpoint = clickhouse_https.ch
  verdict  = "allow"
}
`,
    env: { CH_PASSWORD: password },
  });
}

/** Sends a request as it stands; `reset` is how an agent goes that does not wait for its answer. */
function send(gateway: GatewayProcess, head: string, body: string): Socket {
  const socket = connect(gateway.port('clickhouse_https.ch'), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`${head}\r\nHost: 127.0.0.1\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  scope.after(() => void socket.destroy());
  return socket;
}

test(
  'CK-09 the query of an agent that has gone is killed on the server, and no other one is',
  { skip: server === null ? 'no clickhouse-server on this machine' : false },
  async () => {
    assert.ok(server !== null);
    const gateway = await gatewayBefore(scope, server.httpPort, server.password);
    // For ever, and without work: a row a second.
    const sql = 'SELECT sum(s) FROM (SELECT sleep(1) AS s FROM system.numbers) SETTINGS max_block_size = 1';
    const running = async (): Promise<readonly string[]> => {
      const answer = await server.query(
        "SELECT query_id FROM system.processes WHERE query LIKE 'SELECT sum(s)%' ORDER BY query_id",
      );
      return answer.split('\n').filter((line) => line !== '');
    };
    const staying = send(gateway, 'POST / HTTP/1.1', sql);
    await eventually('the first runs', async () => (await running()).length === 1);
    const [stays] = await running();
    const named = send(gateway, 'POST /?query_id=mine HTTP/1.1', sql);
    const going = send(gateway, 'POST / HTTP/1.1', sql);
    await eventually('all run', async () => (await running()).length === 3);
    assert.equal((await running()).filter((id) => id.startsWith('clawpatrol-')).length, 2);
    named.resetAndDestroy();
    going.resetAndDestroy();
    await eventually('one is gone', async () => (await running()).length === 2);
    // A name that the agent gave may be another's query by now: what runs under it is left alone.
    assert.deepEqual(await running(), [stays, 'mine']);
    assert.deepEqual(recordsOf(gateway, 'connection.noticed'), []);
    staying.resetAndDestroy();
    await server.query("KILL QUERY WHERE query_id = 'mine' ASYNC");
    await eventually('none runs', async () => (await running()).length === 0);
  },
);

/** Records of those types, each as JSON. */
function recordsOf(gateway: GatewayProcess, types: string): readonly string[] {
  const { stdout } = gateway.cli('audit', 'search', '--json', '--types', types);
  const { items } = JSON.parse(stdout) as { readonly items: readonly unknown[] };
  return items.map((item) => JSON.stringify(item));
}

interface Deaf {
  readonly port: number;
  /** Ids of queries that came and got no answer. */
  readonly asked: string[];
  readonly kills: string[];
}

/** Answers no query but those of the gateway; `answers` to kills come one after the other, the last one again and again. */
async function startDeaf(answers: readonly (readonly [status: number, text: string])[]): Promise<Deaf> {
  const deaf = { port: 0, asked: [] as string[], kills: [] as string[] };
  const bodyOf = async (request: IncomingMessage): Promise<string> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString();
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const sql = await bodyOf(request).catch(() => 'gone');
    if (sql === 'SELECT currentDatabase()') {
      response.end('app\n');
    } else if (sql.startsWith('KILL')) {
      const [status, text] = answers[Math.min(deaf.kills.length, answers.length - 1)] ?? [500, ''];
      // The same login as the query's, and a connection of its own.
      deaf.kills.push(`${String(request.headers['x-clickhouse-user'])}: ${sql}`);
      response.writeHead(status).end(text);
    } else {
      deaf.asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('query_id') ?? '');
    }
  };
  const http = createServer((request, response) => void answer(request, response));
  deaf.port = await new Promise<number>((resolve) =>
    http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port)),
  );
  scope.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return deaf;
}

const GONE = 'waiting\tx\treal\tSELECT 1\n';
const killOf = (id: string): string => `real: KILL QUERY WHERE query_id = '${id}' ASYNC`;

test('CK-09 a query that is not running yet is asked for again, and what cannot be killed is on record', async () => {
  const cases = [
    { what: 'at once', answers: [[200, GONE]], kills: 1, noticed: 0 },
    {
      what: 'not yet',
      answers: [
        [200, ''],
        [200, GONE],
      ],
      kills: 2,
      noticed: 0,
    },
    { what: 'finished', answers: [[200, '']], kills: 3, noticed: 0 },
    { what: 'not allowed', answers: [[403, 'Code: 497. DB::Exception: Not enough privileges']], kills: 1, noticed: 1 },
  ] as const;
  for (const { what, answers, kills, noticed } of cases) {
    const deaf = await startDeaf(answers);
    const gateway = await gatewayBefore(scope, deaf.port, 'secret');
    const agent = send(gateway, 'POST / HTTP/1.1', 'SELECT 1');
    await eventually(`${what}: it is asked`, () => deaf.asked.length === 1);
    agent.resetAndDestroy();
    // The end of the connection waits for what it left behind.
    await eventually(`${what}: the connection has ended`, () => recordsOf(gateway, 'connection.closed').length === 1);
    assert.deepEqual(
      deaf.kills,
      Array.from({ length: kills }, () => killOf(deaf.asked[0] ?? '')),
      what,
    );
    const told = recordsOf(gateway, 'connection.noticed');
    assert.equal(told.filter((record) => record.includes('"kill"')).length, noticed, `${what}: ${told.join()}`);
    assert.match(recordsOf(gateway, 'action.decided,action.settled').join(), /"cancelled"/);
    await gateway.stop();
  }
});

test('CK-09 what the gateway gave no id is not killed', async () => {
  const deaf = await startDeaf([[200, GONE]]);
  const gateway = await gatewayBefore(scope, deaf.port, 'secret');
  const form = '--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT 1\r\n--b--\r\n';
  const heads: readonly (readonly [head: string, body: string, id: string])[] = [
    ['POST /?query_id=mine HTTP/1.1', 'SELECT 1', 'mine'],
    ['POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b', form, ''],
    ['GET /ping HTTP/1.1', '', ''],
  ];
  for (const [index, [head, body]] of heads.entries()) {
    const agent = send(gateway, head, body);
    await eventually(`${head} is asked`, () => deaf.asked.length === index + 1);
    agent.resetAndDestroy();
  }
  assert.deepEqual(
    deaf.asked,
    heads.map(([, , id]) => id),
  );
  // Waits for every connection's end, and so for what would have been asked.
  assert.equal(await gateway.stop(), 0);
  assert.deepEqual(deaf.kills, []);
});
