// The gateway's login at real and at lying upstreams, and the client's first bytes on real sockets.
import assert from 'node:assert/strict';
import { createServer, connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls, createSecureContext } from 'node:tls';
import pg from 'pg';
import { makeAuthority } from '../support/certificate.ts';
import { eventually } from '../support/daemon.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { RawPostgres, fieldsOf, frame, int32, startup } from '../support/raw-postgres.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { startWireGateway, type WireOptions } from '../support/wire-gateway.ts';

const scope = fileScope();
const authority = await makeAuthority();
const leaf = await authority.leaf('db.test');
const server = await startPostgres(scope, {
  flavour: 'debian',
  tls: leaf,
  hba: [
    'host all plain 127.0.0.1/32 password',
    'host all hashed 127.0.0.1/32 md5',
    'host all trusted 127.0.0.1/32 trust',
    'host all all 127.0.0.1/32 scram-sha-256',
  ],
});
await server.query(
  "CREATE ROLE plain LOGIN PASSWORD 'p1'; SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'p2'; " +
    "RESET password_encryption; CREATE ROLE trusted LOGIN; CREATE ROLE odd LOGIN PASSWORD E'p\\u00e9 ''\"\\\\'",
);
const upstream = { host: server.host, port: server.port };
const scram = { upstream, user: server.user, password: server.password };

async function gateway(options: Partial<WireOptions>) {
  return startWireGateway(scope, { ...scram, ...options });
}

/** The SQLSTATE that a login ends with, or what a first query gives. */
async function attempt(options: Partial<WireOptions>): Promise<string> {
  const { port } = await gateway(options);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'agent', database: 'postgres' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ who: string }>(
      `SELECT current_user || ' ' || (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS who`,
    );
    return rows[0]?.who ?? '';
  } catch (error) {
    return String((error as { code?: string }).code);
  } finally {
    await client.end().catch(() => undefined);
  }
}

test('each authentication method works when the credential allows it, and only then', async () => {
  const all = { auth_methods: ['scram-sha-256', 'md5', 'cleartext'] };
  const cases: readonly [Partial<WireOptions>, string][] = [
    [{}, 'postgres true'],
    [{ password: 'wrong' }, '28P01'],
    [{ password: null }, '28000'],
    [{ user: 'odd', password: `p\u00e9 '"\\` }, 'odd true'],
    [{ user: 'plain', password: 'p1' }, '28000'],
    [{ user: 'plain', password: 'p1', credentialAttributes: all }, 'plain true'],
    [{ user: 'hashed', password: 'p2' }, '28000'],
    [{ user: 'hashed', password: 'p2', credentialAttributes: all }, 'hashed true'],
    [{ user: 'trusted', password: null }, 'trusted true'],
    [{ user: 'trusted', password: null, credentialAttributes: all }, '28000'],
  ];
  for (const [options, expected] of cases) {
    assert.equal(await attempt(options), expected, JSON.stringify(options));
  }
});

test('sslmode verifies as much as it says, and no credential goes to an upstream that fails (PG-105)', async () => {
  const other = (await makeAuthority()).caPem;
  const mode = (sslmode: string, rest: Partial<WireOptions> = {}) => ({ attributes: { sslmode }, ...rest });
  const ours = { caCert: authority.caPem };
  const cases: readonly [Partial<WireOptions>, string][] = [
    [mode('disable'), 'postgres false'],
    [mode('prefer'), 'postgres true'],
    [mode('require'), 'postgres true'],
    [mode('require', { caCert: other }), '08006'],
    [mode('verify-ca', { ...ours, host: 'elsewhere.test' }), 'postgres true'],
    [mode('verify-ca', { caCert: other }), '08006'],
    [mode('verify-ca'), '08006'],
    [mode('verify-full', { ...ours, host: 'db.test' }), 'postgres true'],
    [mode('verify-full', { ...ours, host: 'elsewhere.test' }), '08006'],
    [mode('verify-full', { ...ours, host: '127.0.0.1' }), '08006'],
  ];
  for (const [options, expected] of cases) {
    assert.equal(await attempt(options), expected, JSON.stringify(options.attributes));
  }
});

test('an expired certificate is refused where certificates are verified', async () => {
  const expired = await authority.leaf('db.test', -1);
  const old = await startPostgres(scope, { flavour: 'debian', tls: expired });
  const options = { upstream: { host: old.host, port: old.port }, password: old.password, host: 'db.test' };
  const verified = { ...options, attributes: { sslmode: 'verify-full' }, caCert: authority.caPem };
  assert.equal(await attempt(verified), '08006');
  assert.equal(await attempt({ ...options, attributes: { sslmode: 'require' } }), 'postgres true');
});

/** An upstream that answers with what it is told; gives everything it was sent. */
async function liar(answer: (socket: Socket, sent: Buffer) => void) {
  const received: Buffer[] = [];
  const fake = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      received.push(bytes);
      answer(socket, bytes);
    });
  });
  await new Promise<void>((resolve) => {
    fake.listen(0, '127.0.0.1', resolve);
  });
  scope.after(() => void fake.close());
  return { port: (fake.address() as AddressInfo).port, received };
}

async function firstError(port: number): Promise<Readonly<Record<string, string>>> {
  const client = await RawPostgres.open(port);
  client.send(startup({ user: 'agent', database: 'app' }));
  const messages = await client.until('E');
  client.close();
  const last = messages.at(-1);
  return last === undefined ? {} : fieldsOf(last);
}

test('PG-T15: a lying upstream gets no proof, and the agent a neutral error (PG-104, PG-106, PG-109)', async () => {
  const auth = (code: number, data: Buffer = Buffer.alloc(0)) => frame('R', int32(code), data);
  const sasl = auth(10, Buffer.from('SCRAM-SHA-256\0\0'));
  const first = (sent: Buffer, iterations: string) => {
    const nonce = /r=(.*)$/.exec(sent.toString('latin1'))?.[1] ?? '';
    return auth(11, Buffer.from(`r=${nonce}more,s=${Buffer.from('salt').toString('base64')},i=${iterations}`));
  };
  const script = (...steps: readonly ((sent: Buffer) => Buffer)[]) => {
    let step = 0;
    return (socket: Socket, sent: Buffer) => {
      const make = steps[step];
      step += 1;
      if (make !== undefined) {
        socket.write(make(sent));
      }
    };
  };
  const cases: readonly [string, (socket: Socket, sent: Buffer) => void, string][] = [
    ['E to SSLRequest', script(() => Buffer.from('Eoh no\0')), '08006'],
    [
      'garbage',
      script(
        () => Buffer.from('N'),
        () => Buffer.alloc(64, 0xff),
      ),
      '08P01',
    ],
    [
      'cleartext',
      script(
        () => Buffer.from('N'),
        () => auth(3),
      ),
      '28000',
    ],
    [
      'md5',
      script(
        () => Buffer.from('N'),
        () => auth(5, Buffer.from('salt')),
      ),
      '28000',
    ],
    [
      'Ok in the middle',
      script(
        () => Buffer.from('N'),
        () => sasl,
        () => auth(0),
      ),
      '08P01',
    ],
    [
      '10^9 iterations',
      script(
        () => Buffer.from('N'),
        () => sasl,
        (sent) => first(sent, '1000000000'),
      ),
      '08P01',
    ],
    [
      'Ok without a signature',
      script(
        () => Buffer.from('N'),
        () => sasl,
        (sent) => first(sent, '4096'),
        () => auth(0),
      ),
      '08P01',
    ],
    [
      'a wrong signature',
      script(
        () => Buffer.from('N'),
        () => sasl,
        (sent) => first(sent, '4096'),
        () => auth(12, Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`)),
      ),
      '08P01',
    ],
    [
      'an error with names',
      script(
        () => Buffer.from('N'),
        () => frame('E', 'SFATAL', 'VFATAL', 'C28P01', 'Mfor user "real" at 10.0.0.7', ''),
      ),
      '28P01',
    ],
    ...['28000', '3D000'].map((code): [string, (socket: Socket, sent: Buffer) => void, string] => [
      `an error with names and ${code}`,
      script(
        () => Buffer.from('N'),
        () => frame('E', 'SFATAL', 'VFATAL', `C${code}`, 'Mno "real" for user "real" at 10.0.0.7', ''),
      ),
      code,
    ]),
    [
      'an error without a code',
      script(
        () => Buffer.from('N'),
        () => frame('E', 'Mreal', ''),
      ),
      '08006',
    ],
    [
      'a message of 2 GiB',
      script(
        () => Buffer.from('N'),
        () => Buffer.from('527fffffff', 'hex'),
      ),
      '08P01',
    ],
  ];
  for (const [name, answer, code] of cases) {
    const fake = await liar(answer);
    const { port } = await gateway({
      upstream: { host: '127.0.0.1', port: fake.port },
      user: 'real',
      password: 'pencil-secret',
    });
    const error = await firstError(port);
    assert.equal(error['C'], code, `${name}: ${JSON.stringify(error)}`);
    assert.doesNotMatch(error['M'] ?? '', /real|10\.0\.0\.7/, name);
    assert.ok(!Buffer.concat(fake.received).includes('pencil'), name);
  }
});

test('an upstream that does not listen is an error at once', async () => {
  const { port } = await gateway({ upstream: { host: '127.0.0.1', port: 1 } });
  assert.equal((await firstError(port))['C'], '08006');
});

test('psql connects with every sslmode, also with verify-full against our certificate', async () => {
  const certificate = await authority.leaf('localhost');
  const { port, refused } = await gateway({ serverTls: createSecureContext(certificate) });
  const ca = `${process.env['TMPDIR'] ?? '/tmp'}/clawpatrol-test-ca-${process.pid}.pem`;
  const { writeFileSync, rmSync } = await import('node:fs');
  writeFileSync(ca, authority.caPem);
  scope.after(() => rmSync(ca));
  for (const [mode, secured] of [
    ['disable', 'f'],
    ['prefer', 't'],
    ['require', 't'],
    ['verify-full', 't'],
  ] as const) {
    const dsn = `host=localhost hostaddr=127.0.0.1 port=${port} user=agent dbname=postgres sslmode=${mode} sslrootcert=${ca}`;
    const result = await runProgram('psql', ['-X', '-A', '-t', dsn, '-c', '\\conninfo', '-c', 'SELECT 1']);
    assert.equal(result.stdout.includes('SSL'), secured === 't', result.stdout + result.stderr);
    assert.match(result.stdout, /^1$/m);
  }
  assert.deepEqual(refused, []);
});

test('direct TLS needs the ALPN protocol postgresql (PG-115)', async () => {
  const certificate = await authority.leaf('localhost');
  const { port, refused } = await gateway({ serverTls: createSecureContext(certificate) });
  const hello = async (protocols: string[] | undefined): Promise<string> =>
    new Promise((resolve) => {
      const options = { host: '127.0.0.1', port, servername: 'localhost', ca: authority.caPem };
      const socket = connectTls(
        { ...options, ...(protocols === undefined ? {} : { ALPNProtocols: protocols }) },
        () => {
          socket.write(startup({ user: 'agent', database: 'postgres' }));
        },
      );
      socket.once('data', (bytes) => {
        resolve(bytes.toString('latin1', 0, 1));
        socket.destroy();
      });
      socket.once('error', () => resolve('refused'));
      socket.once('close', () => resolve('refused'));
    });
  assert.equal(await hello(['postgresql']), 'R');
  assert.equal(await hello(['http/1.1']), 'refused');
  assert.equal(await hello(undefined), 'refused');
  await eventually('it is noted', () => refused.length > 0);
});

test('clear bytes behind SSLRequest drop the connection (PG-101), and silence ends at a deadline of others only', async () => {
  const certificate = await authority.leaf('localhost');
  const { port, ended, finished } = await gateway({ serverTls: createSecureContext(certificate) });
  const socket = connectTcp({ host: '127.0.0.1', port });
  // What is dropped may end by a reset.
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => {
    let got = '';
    socket.on('data', (bytes) => (got += bytes.toString('latin1')));
    socket.on('close', () => resolve(got));
  });
  socket.write(Buffer.concat([Buffer.from('0000000804d2162f', 'hex'), startup({ user: 'agent' })]));
  assert.equal(await closed, '');
  await ended(1);
  assert.equal(finished[0]?.kind, 'refused');
  // Half a startup packet keeps only itself waiting.
  const slow = connectTcp({ host: '127.0.0.1', port });
  slow.on('error', () => undefined);
  slow.write(Buffer.from([0, 0]));
  const quick = await RawPostgres.login(port, { user: 'agent', database: 'postgres' });
  quick.close();
  slow.destroy();
});
