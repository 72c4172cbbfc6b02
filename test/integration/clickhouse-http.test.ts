// ClickHouse's HTTP interface through the real daemon, in front of Debian's server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Readable } from 'node:stream';
import { createClient } from '@clickhouse/client';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { wrapFrame } from '../../src/protocols/clickhouse/frames.ts';
import { hasClickHouse, startClickHouse } from '../support/clickhouse-server.ts';
import { startGateway } from '../support/gateway-process.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = hasClickHouse() ? false : 'no clickhouse-server on this machine';
const server = skip === false ? await startClickHouse(scope) : null;
const gateway =
  server === null
    ? null
    : await startGateway(scope, {
        config: `
gateway {
  dashboard_listen = "off"
}
endpoint "clickhouse_https" "ch" {
  hosts  = ["127.0.0.1:${server.httpPort}"]
  tls    = false
  listen = "127.0.0.1:0"
}
credential "clickhouse_credential" "ch" {
  endpoint = clickhouse_https.ch
  user     = "${server.user}"
  secret {
    env = "CH_PASSWORD"
  }
}
profile "default" {
  credentials = [clickhouse_credential.ch]
}
rule "tokens" {
  endpoint  = clickhouse_https.ch
  priority  = 10
  condition = "'tokens' in sql.tables"
  verdict   = "deny"
  reason    = "tokens are not read"
}
rule "rest" {
  endpoint = clickhouse_https.ch
  verdict  = "allow"
}
`,
        env: { CH_PASSWORD: server.password },
      });

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly text: string;
}

async function ask(target: string, init: RequestInit = {}): Promise<Answer> {
  const port = gateway?.port('clickhouse_https.ch') ?? 0;
  // A connection of its own: on a kept one the next request may meet the end of it, after an answer before the whole body or a long pause.
  const headers = new Headers(init.headers);
  headers.set('connection', 'close');
  const response = await fetch(`http://127.0.0.1:${port}${target}`, { ...init, headers });
  return {
    status: response.status,
    code: response.headers.get('x-clickhouse-exception-code') ?? '',
    text: await response.text(),
  };
}

const url = (sql: string, more: string = ''): string => `/?query=${encodeURIComponent(sql)}${more}`;

test(
  'CH-28 a query in the URL runs under the login of the gateway, whatever login the agent sends',
  { skip },
  async () => {
    const sql = 'SELECT user FROM system.processes';
    const logins: readonly RequestInit[] = [
      {},
      { headers: { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': 'x' } },
      { headers: { Authorization: `Basic ${Buffer.from('a:b').toString('base64')}` } },
    ];
    for (const init of logins) {
      assert.deepEqual(await ask(url(sql), init), { status: 200, code: '', text: 'real\n' });
    }
    assert.equal((await ask(url(sql, '&user=default&password=x'))).text, 'real\n');
  },
);

test('a denied query is answered 403 with the code 497 and words like those of the server', { skip }, async () => {
  const { status, code, text } = await ask(url('SELECT * FROM tokens'));
  assert.deepEqual([status, code], [403, '497']);
  assert.match(
    text,
    /^Code: 497\. DB::Exception: tokens are not read \(denied by rule "tokens"\) .*\(action [0-9a-f-]+\)\n$/,
  );
});

const rows = (count: number): string => Array.from({ length: count }, (_, row) => `${row}\tname${row}\n`).join('');

test('CH-26 the statement is what the URL says, a line feed, and the body', { skip }, async () => {
  const allowed: readonly (readonly [string, string, string])[] = [
    ['/', 'SELECT 1', '1\n'],
    [url('SELECT'), ' 2', '2\n'],
    [url('SELECT 3 --'), '\n', '3\n'],
  ];
  for (const [target, body, text] of allowed) {
    assert.deepEqual(await ask(target, { method: 'POST', body }), { status: 200, code: '', text });
  }
  const denied: readonly (readonly [string, string])[] = [
    ['/', 'SELECT 1 FROM tokens'],
    [url('SELECT'), ' 1 FROM tokens'],
    // The line feed ends the comment: without it this would be a comment too.
    [url('SELECT 1 --'), ', s FROM tokens'],
  ];
  for (const [target, body] of denied) {
    assert.equal((await ask(target, { method: 'POST', body })).status, 403, `${target} ${body}`);
  }
});

test('rows are inserted from the body, however long it is, and none where the INSERT is denied', { skip }, async () => {
  await server?.query('CREATE TABLE inserted (n UInt64, s String) ENGINE = Memory');
  await server?.query('CREATE TABLE tokens (n UInt64, s String) ENGINE = Memory');
  const sent = rows(400_000);
  assert.ok(sent.length > 5_000_000);
  const insert = url('INSERT INTO inserted FORMAT TabSeparated');
  assert.deepEqual(await ask(insert, { method: 'POST', body: sent }), { status: 200, code: '', text: '' });
  assert.equal((await ask(url('SELECT * FROM inserted ORDER BY n'))).text === sent, true);
  // Also with the statement at the front of a body that is longer than what is held.
  const inBody = await ask('/', { method: 'POST', body: `INSERT INTO inserted FORMAT TabSeparated\n${sent}` });
  assert.deepEqual(inBody, { status: 200, code: '', text: '' });
  assert.equal((await ask(url('SELECT count() FROM inserted'))).text, '800000\n');
  for (const target of [url('INSERT INTO tokens FORMAT TabSeparated'), '/']) {
    const body = target === '/' ? `INSERT INTO tokens FORMAT TabSeparated\n${sent}` : sent;
    assert.equal((await ask(target, { method: 'POST', body })).status, 403);
  }
  assert.equal(await server?.query('SELECT count() FROM tokens'), '0\n');
});

test('CH-27 bodies in codings, and in frames of the native protocol, are read or refused', { skip }, async () => {
  const sql = Buffer.from('SELECT s FROM tokens');
  const harmless = Buffer.from('SELECT 4');
  const coded = (coding: string, body: Buffer): RequestInit => ({
    method: 'POST',
    headers: { 'Content-Encoding': coding },
    body: new Uint8Array(body),
  });
  assert.equal((await ask('/', coded('gzip', gzipSync(sql)))).status, 403);
  assert.equal((await ask('/', coded('br', brotliCompressSync(sql)))).status, 403);
  for (const coding of ['lz4', 'bz2', 'snappy', 'xz', 'zstd']) {
    // Not what it says it is, or not known: what stands in it cannot be told, so a rule that reads tables denies.
    assert.equal((await ask('/', coded(coding, harmless))).status, 403, coding);
  }
  assert.deepEqual(await ask('/', coded('gzip', gzipSync(harmless))), { status: 200, code: '', text: '4\n' });
  assert.equal((await ask('/?decompress=1', { method: 'POST', body: new Uint8Array(wrapFrame(sql)) })).status, 403);
  const framed = await ask('/?decompress=1', { method: 'POST', body: new Uint8Array(wrapFrame(harmless)) });
  assert.deepEqual(framed, { status: 200, code: '', text: '4\n' });
});

test(
  'temporary tables come as a form; a query in a form is judged, an account in it is refused',
  { skip },
  async () => {
    const form = (parts: readonly (readonly [string, string])[], file: string): RequestInit => {
      const body = new FormData();
      for (const [name, value] of parts) {
        body.append(name, value);
      }
      if (file !== '') {
        body.append('mine', new Blob([file]), 'mine.tsv');
      }
      return { method: 'POST', body };
    };
    const structure = ['mine_structure', 'n UInt64, s String'] as const;
    const select = await ask(url('SELECT sum(n) FROM mine'), form([structure], rows(10)));
    assert.deepEqual(select, { status: 200, code: '', text: '45\n' });
    assert.equal((await ask(url('SELECT * FROM tokens, mine'), form([structure], rows(1)))).status, 403);
    assert.equal((await ask('/', form([['query', 'SELECT * FROM tokens']], ''))).status, 403);
    // Rows of Values are expressions, which the server evaluates.
    for (const [format, file, status] of [
      ['Values', "(1, concat('a', 'b'))", 403],
      ['CSV', '1,ab', 200],
    ] as const) {
      const sent = form([structure, ['mine_format', format]], file);
      assert.equal((await ask(url('SELECT s FROM mine'), sent)).status, status, format);
    }
    assert.equal((await ask(url('SELECT 1'), form([['user', 'default']], ''))).status, 403);
    assert.equal((await ask(url('SELECT 1'), form([['query', 'SELECT 2']], ''))).status, 403);
  },
);

test('MP-22 only the paths of queries and of health are served, and an ambiguous URL is not', { skip }, async () => {
  assert.deepEqual(await ask('/ping'), { status: 200, code: '', text: 'Ok.\n' });
  assert.equal((await ask(url('SELECT 1', '&default_format=JSON'))).text.includes('"rows": 1'), true);
  for (const path of ['/play', '/dashboard', '/query', '/%2f', '//', '/ping/', '/?query=SELECT+1;SELECT+2']) {
    assert.ok((await ask(path)).status >= 400, path);
  }
  for (const more of ['&query=SELECT%202', '&Query=SELECT%202', '&QUERY=x', '&max_threads=1&max_threads=2']) {
    assert.equal((await ask(url('SELECT 1', more))).status, 400, more);
  }
  assert.equal((await ask(url('SELECT 1', '&max_threads=1'))).text, '1\n');
});

test(
  'CH-29 a session belongs to its device, and statements that change what later ones mean are not served in it',
  { skip },
  async () => {
    const at = '&session_id=mine';
    assert.equal((await ask(url('CREATE TEMPORARY TABLE kept (n UInt8)', at), { method: 'POST' })).status, 200);
    assert.deepEqual(await ask(url('SELECT count() FROM kept', at)), { status: 200, code: '', text: '0\n' });
    assert.equal((await ask(url('USE system', at), { method: 'POST' })).status, 403);
    assert.equal((await ask(url("SET compatibility = '20.8'", at), { method: 'POST' })).status, 403);
    assert.equal((await ask(url('SET max_threads = 2', at), { method: 'POST' })).status, 200);
    assert.equal((await ask(url('SELECT count() FROM one', `${at}&database=system`))).text, '1\n');
    // The same name past the gateway is another session.
    await assert.rejects(server?.query('SELECT count() FROM kept') ?? Promise.resolve(), /kept/);
  },
);

test(
  'names without a database are looked up where the user of the gateway begins, or where the request says',
  { skip },
  async () => {
    const { status } = await ask(url('SELECT * FROM tokens', '&database=default'));
    assert.equal(status, 403);
    const header = await ask(url('SELECT 1'), { headers: { 'X-ClickHouse-Database': 'default' } });
    assert.equal(header.status, 200);
    const both = await ask(url('SELECT 1', '&database=system'), { headers: { 'X-ClickHouse-Database': 'default' } });
    assert.equal(both.status, 400);
  },
);

test(
  'the official client of JavaScript selects with parameters, inserts a stream, and goes on after a denial',
  { skip },
  async () => {
    await server?.query('CREATE TABLE js (n UInt64, s String) ENGINE = Memory');
    const client = createClient({
      url: `http://127.0.0.1:${gateway?.port('clickhouse_https.ch') ?? 0}`,
      username: 'agent',
      password: 'whatever',
      compression: { request: true, response: true },
    });
    const numbers = await client.query({ query: 'SELECT number FROM system.numbers LIMIT 3', format: 'JSONEachRow' });
    assert.deepEqual(await numbers.json(), [{ number: '0' }, { number: '1' }, { number: '2' }]);
    const values = Readable.from(
      (function* values() {
        for (let row = 0; row < 20_000; row += 1) {
          yield { n: row, s: `name${row}` };
        }
      })(),
      { objectMode: true },
    );
    await client.insert({ table: 'js', values, format: 'JSONEachRow' });
    assert.equal(await server?.query('SELECT count(), sum(n) FROM js'), '20000\t199990000\n');
    await assert.rejects(client.query({ query: 'SELECT * FROM tokens' }), /tokens are not read/);
    const after = await client.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow' });
    assert.deepEqual(await after.json(), [{ one: 1 }]);
    assert.equal((await client.ping()).success, true);
    await client.close();
  },
);
