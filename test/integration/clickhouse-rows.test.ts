// Security cases of ClickHouse's wires through the real daemon, in front of Debian's server: both directions of each row.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { CLIENT, SERVER, Writer } from '../../src/protocols/clickhouse/codec.ts';
import { wrapFrame } from '../../src/protocols/clickhouse/frames.ts';
import { serverHello, takeClientHello } from '../../src/protocols/clickhouse/login.ts';
import { ownQuery, queryBytes } from '../../src/protocols/clickhouse/query.ts';
import { hasClickHouse, startClickHouse } from '../support/clickhouse-server.ts';
import { startGateway } from '../support/gateway-process.ts';
import { NO_MORE_DATA, RawClickHouse, blockOf, dataPacket, outcome } from '../support/raw-clickhouse.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = hasClickHouse() ? false : 'no clickhouse-server on this machine';
const server = skip === false ? await startClickHouse(scope) : null;

/** Says hello as a server of any revision, and keeps what it is sent. */
async function startGreeter(): Promise<{ readonly port: number; readonly hellos: Buffer[] }> {
  const hellos: Buffer[] = [];
  const sockets = new Set<Socket>();
  const greeter = createServer((socket) => {
    sockets.add(socket);
    let bytes: Buffer = Buffer.alloc(0);
    let greeted = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const taken = takeClientHello(bytes);
      if (!greeted && taken.kind === 'packet') {
        greeted = true;
        hellos.push(bytes.subarray(0, taken.sizeBytes));
        const hello = {
          serverName: 'ClickHouse',
          major: 99,
          minor: 1,
          revision: 99_999,
          timezone: 'UTC',
          displayName: 'd',
          patch: 1,
        };
        const { revision } = taken.packet;
        const written = serverHello({ ...hello, revision: 99_999 }, revision);
        // The server's own number stands where the gateway would put the one in force.
        const own = new Writer()
          .varuint(SERVER.hello)
          .string('ClickHouse')
          .varuint(99)
          .varuint(1)
          .varuint(revision)
          .bytes();
        const announced = new Writer()
          .varuint(SERVER.hello)
          .string('ClickHouse')
          .varuint(99)
          .varuint(1)
          .varuint(99_999)
          .bytes();
        socket.write(Buffer.concat([announced, written.subarray(own.length)]));
      }
    });
  });
  await new Promise<void>((resolve) => greeter.listen(0, '127.0.0.1', resolve));
  scope.after(() => {
    sockets.forEach((socket) => socket.destroy());
    greeter.close();
  });
  return { port: (greeter.address() as AddressInfo).port, hellos };
}

const greeter = await startGreeter();
const endpoint = (name: string, port: number, more: string = ''): string => `
endpoint "clickhouse_native" "${name}" {
  hosts  = ["127.0.0.1:${port}"]
  listen = "127.0.0.1:0"
  ${more}
}
`;
const gateway =
  server === null
    ? null
    : await startGateway(scope, {
        config: `
gateway {
  dashboard_listen = "off"
}
${endpoint('ch', server.nativePort, 'profile = "default"')}
${endpoint('newest', greeter.port, 'profile = "default"')}
${endpoint('bare', server.nativePort, 'profile = "bare"')}
${endpoint('verified', server.nativePort, 'verify_ast = true\n  profile    = "verified"')}
endpoint "clickhouse_https" "web" {
  hosts   = ["127.0.0.1:${server.httpPort}"]
  tls     = false
  listen  = "127.0.0.1:0"
}
credential "clickhouse_credential" "ch" {
  endpoints = [clickhouse_native.ch, clickhouse_native.newest, clickhouse_https.web]
  user      = "${server.user}"
  secret {
    env = "CH_PASSWORD"
  }
}
credential "clickhouse_credential" "verified" {
  endpoint = clickhouse_native.verified
  user     = "${server.user}"
  secret {
    env = "CH_PASSWORD"
  }
}
credential "passthrough" "none" {
  endpoint = clickhouse_native.bare
}
profile "default" {
  credentials = [clickhouse_credential.ch]
}
profile "verified" {
  credentials = [clickhouse_credential.verified]
}
profile "bare" {
  credentials = [passthrough.none]
}
approver "human_approver" "oncall" {
  timeout = "10m"
}
rule "tokens" {
  endpoints = [clickhouse_native.ch, clickhouse_https.web]
  priority  = 20
  condition = "'tokens' in sql.tables"
  verdict   = "deny"
}
rule "no-inserts-there" {
  endpoint  = clickhouse_native.ch
  priority  = 15
  condition = "sql.verb == 'insert' && 'closed' in sql.tables"
  verdict   = "deny"
}
rule "asked" {
  endpoint  = clickhouse_native.ch
  priority  = 10
  condition = "'asked' in sql.tables"
  approve   = [human_approver.oncall]
}
rule "rest" {
  endpoints = [clickhouse_native.ch, clickhouse_native.newest, clickhouse_native.verified, clickhouse_https.web]
  verdict   = "allow"
}
`,
        env: { CH_PASSWORD: server.password },
      });

if (server !== null) {
  for (const table of ['tokens', 'closed', 'asked', 'open']) {
    await server.query(`CREATE TABLE ${table} (c UInt8) ENGINE = Memory`);
  }
}

const portOf = (name: string = 'clickhouse_native.ch'): number => gateway?.port(name) ?? 0;

test(
  'CH-31 a query hidden in data that the server gives up on is run by the bare server, and not behind the gateway',
  { skip },
  async () => {
    const hidden = (table: string): Buffer =>
      Buffer.concat([
        queryBytes(ownQuery(`CREATE TABLE default.${table} (c UInt8) ENGINE = Memory`), {
          revision: 54412,
          compressed: false,
        }),
        NO_MORE_DATA,
      ]);
    const attack = async (port: number, table: string): Promise<void> => {
      const client = await RawClickHouse.login(port, { user: server?.user ?? '', password: server?.password ?? '' });
      client.query('INSERT INTO open (c) VALUES');
      await client.packet();
      // A type that this old server does not know: it gives up behind the type's name, and reads on there.
      const query = hidden(table);
      const data = Buffer.concat([query, Buffer.alloc((16 - (query.length % 16)) % 16)]);
      client.send(dataPacket('Int128', data.length / 16, data));
      await client.answer();
      await client.answer();
      client.close();
    };
    await attack(server?.nativePort ?? 0, 'smuggled_bare');
    assert.equal(await server?.query('SELECT count() FROM smuggled_bare'), '0\n');
    await attack(portOf(), 'smuggled');
    await assert.rejects(server?.query('SELECT count() FROM smuggled') ?? Promise.resolve(), /smuggled/);
    // Data that the server does take are inserted, with and without frames.
    for (const compressed of [false, true]) {
      const client = await RawClickHouse.login(portOf());
      const name = new Writer().varuint(CLIENT.data).string('').bytes();
      const pack = (raw: Buffer): Buffer => Buffer.concat([name, compressed ? wrapFrame(raw) : raw]);
      client.send(client.queryPacket('INSERT INTO open (c) VALUES', { compressed }), pack(NO_MORE_DATA.subarray(2)));
      assert.equal((await client.packet()).columns, 1);
      client.send(pack(blockOf('UInt8', 3, Buffer.from([1, 2, 3]))), pack(NO_MORE_DATA.subarray(2)));
      assert.equal(outcome(await client.answer()), 'ok');
      client.close();
    }
    assert.equal(await server?.query('SELECT sum(c) FROM open'), '12\n');
  },
);

test(
  'CH-34 data of a denied INSERT are swallowed, and the next query works; an allowed one takes them',
  { skip },
  async () => {
    const client = await RawClickHouse.login(portOf());
    client.query('INSERT INTO closed (c) VALUES');
    client.send(dataPacket('UInt8', 2, Buffer.from([1, 2])), NO_MORE_DATA);
    assert.equal(outcome(await client.answer()), '497');
    assert.equal(await client.run('SELECT 1'), 'ok');
    assert.equal(await server?.query('SELECT count() FROM closed'), '0\n');
    client.close();
  },
);

/** Each on a connection of its own: a kept one may have ended by the time of the next request. */
async function webStatus(target: string, init: RequestInit = {}): Promise<number> {
  const url = `http://127.0.0.1:${portOf('clickhouse_https.web')}/${target}`;
  return (await fetch(url, { ...init, headers: { connection: 'close' } })).status;
}

test('CH-15 several statements in one text are refused over both wires, one is not', { skip }, async () => {
  const client = await RawClickHouse.login(portOf());
  assert.equal(await client.run('SELECT 1; DROP TABLE open'), '497');
  assert.equal(await client.run('SELECT 1'), 'ok');
  client.close();
  assert.equal(await webStatus('', { method: 'POST', body: 'SELECT 1; DROP TABLE open' }), 403);
  assert.equal(await webStatus('', { method: 'POST', body: 'SELECT 1' }), 200);
});

test(
  'CH-18 a dialect is refused in the packet, in the text and in the URL; other settings are not',
  { skip },
  async () => {
    const client = await RawClickHouse.login(portOf());
    assert.equal(await client.run("SET dialect = 'kusto'"), '497');
    assert.equal(await client.run("SELECT 1 SETTINGS dialect = 'prql'"), '497');
    assert.equal(await client.run('SELECT 1'), 'ok');
    client.close();
    assert.equal(await webStatus('?query=SELECT%201&dialect=kusto'), 403);
    assert.equal(await webStatus('?query=SELECT%201&max_threads=1'), 200);
  },
);

test('CH-30 packets between servers end the connection; a ping is answered', { skip }, async () => {
  const client = await RawClickHouse.login(portOf());
  client.send(Buffer.from([CLIENT.ping]));
  assert.equal((await client.packet()).type, SERVER.pong);
  client.send(Buffer.from([5, 0]));
  assert.equal((await client.packet()).type, SERVER.exception);
  await client.ended();
});

test('CH-32 logins of servers, keys and tokens are refused; one by name is not', { skip }, async () => {
  for (const user of [' INTERSERVER SECRET ', ' SSH KEY AUTHENTICATION ', ' JWT AUTHENTICATION ']) {
    await assert.rejects(RawClickHouse.login(portOf(), { user }), /^Error: 516 /);
  }
  (await RawClickHouse.login(portOf(), { user: 'anyone', password: 'anything' })).close();
});

test("CH-33 without a credential nothing is forwarded, least of all the agent's own login", { skip }, async () => {
  const login = { user: server?.user ?? '', password: server?.password ?? '' };
  await assert.rejects(RawClickHouse.login(portOf('clickhouse_native.bare'), login), /^Error: \d+ /);
  (await RawClickHouse.login(portOf(), login)).close();
});

test('CH-35 a USE that the server rejects changes nothing; one that it accepts does', { skip }, async () => {
  const client = await RawClickHouse.login(portOf());
  assert.equal(await client.run('USE nowhere'), '81');
  assert.equal(await client.run('SELECT * FROM open'), 'ok');
  assert.equal(await client.run('USE system'), 'ok');
  assert.equal(await client.run('SELECT * FROM one'), 'ok');
  client.close();
});

test(
  'CK-06 a server of the future and a client of the future meet at the revision that is known here',
  { skip },
  async () => {
    const client = await RawClickHouse.connect(portOf('clickhouse_native.newest'));
    // The greeter answers no query: the database is named, so that none is asked.
    await client.hello({ revision: 88_888, database: 'd' });
    assert.equal(client.revision, 54464);
    const hello = takeClientHello(greeter.hellos[0] ?? Buffer.alloc(0));
    assert.equal(hello.kind === 'packet' && hello.packet.revision, 54464);
    assert.equal(hello.kind === 'packet' && hello.packet.user, 'real');
    assert.equal(greeter.hellos[0]?.includes(server?.password ?? ''), true);
    client.close();
  },
);

test(
  'a query is parked, told of and kept alive until a person decides; then it runs, or does not',
  { skip },
  async () => {
    for (const decision of ['approve', 'deny']) {
      const client = await RawClickHouse.login(portOf());
      client.query('SELECT * FROM asked');
      const told = await client.packet();
      assert.equal(told.type, SERVER.log);
      const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(told.text)?.[0] ?? '';
      const shown = gateway?.cli('approvals', 'show', id, '--json').stdout ?? '{}';
      const { request } = JSON.parse(shown) as { request: { digest: string } };
      const flags = decision === 'approve' ? ['--digest', request.digest] : ['--note', 'not now'];
      assert.equal(gateway?.cli('approvals', decision, id, ...flags).code, 0);
      assert.equal(outcome(await client.answer()), decision === 'approve' ? 'ok' : '497');
      assert.equal(await client.run('SELECT 1'), 'ok');
      client.close();
    }
  },
);

test('a running query is cancelled, and the connection goes on', { skip }, async () => {
  const client = await RawClickHouse.login(portOf());
  client.query('SELECT count() FROM system.numbers');
  await client.packet();
  client.send(Buffer.from([CLIENT.cancel]));
  assert.equal(outcome(await client.answer()), 'ok');
  assert.equal(await client.run('SELECT 1'), 'ok');
  client.close();
});

test(
  'with verify_ast a server that cannot explain a statement has not confirmed it, so it is denied',
  { skip },
  async () => {
    // Debian's server is older than EXPLAIN AST.
    const client = await RawClickHouse.login(portOf('clickhouse_native.verified'));
    assert.equal(await client.run('SELECT 1'), '497');
    assert.equal(await client.run('SELECT 1'), '497');
    client.close();
    const other = await RawClickHouse.login(portOf());
    assert.equal(await other.run('SELECT 1'), 'ok');
    other.close();
  },
);

function python(program: string): Promise<ProgramResult> {
  const prelude = `from clickhouse_driver import Client, errors\nclient = Client('127.0.0.1', port=${portOf()}, user='agent', password='x')\n`;
  return runProgram('/usr/bin/python3', ['-c', prelude + program]);
}

test(
  'the native driver of Python selects, inserts, sends temporary tables and goes on after a denial',
  { skip },
  async () => {
    const { stdout, stderr } = await python(`
print(client.execute('SELECT number, toString(number) FROM system.numbers LIMIT 3'))
client.execute('CREATE TABLE py (n UInt64, s Nullable(String), a Array(String)) ENGINE = Memory')
print(client.execute('INSERT INTO py (n, s, a) VALUES', [(i, None if i % 2 else 'x' * i, ['a'] * (i % 3)) for i in range(5000)]))
print(client.execute('SELECT count(), sum(n), sum(length(s)), sum(length(a)) FROM py'))
try:
    client.execute('SELECT * FROM tokens')
except errors.ServerException as e:
    print(e.code)
print(client.execute('SELECT 1'))
print(client.execute('SELECT sum(k) FROM mine', external_tables=[{'name': 'mine', 'structure': [('k', 'UInt32')], 'data': [{'k': 1}, {'k': 41}]}]))
print(client.execute('SELECT 2', settings={'max_threads': 1}))
`);
    assert.equal(stderr, '');
    assert.equal(
      stdout,
      "[(0, '0'), (1, '1'), (2, '2')]\n5000\n[(5000, 12497500, 6247500, 4999)]\n497\n[(1,)]\n[(42,)]\n[(2,)]\n",
    );
  },
);
