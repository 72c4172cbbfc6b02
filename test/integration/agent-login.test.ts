// Clients that insist on how they log in, with PostgreSQL 18's libpq: authentication, TLS, channel binding and protocol versions.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { findNewPsql } from '../support/libpq.ts';
import { findPostgres, startPostgres } from '../support/postgres-server.ts';
import * as wire from '../support/raw-postgres.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const { RawPostgres } = wire;
const scope = fileScope();
const psql = findNewPsql(scope);
const skip = findPostgres('debian') === null || psql === null ? 'no PostgreSQL on this machine' : false;
const PLACEHOLDER = 'placeholder of the agent';
let gateway: GatewayProcess;
let authority = '';

const endpoint = (name: string, upstreamPort: number, attributes: string): string => `
endpoint "postgres" "${name}" {
  host    = "127.0.0.1:${upstreamPort}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
  profile = "${name}"
  ${attributes}
}
credential "postgres_credential" "${name}" {
  endpoint = postgres.${name}
  user     = "postgres"
  database = "postgres"
  secret { env = "PG_PASSWORD" }
}
profile "${name}" { credentials = [postgres_credential.${name}] }
`;

before(async () => {
  if (skip === false) {
    const server = await startPostgres(scope, { flavour: 'debian' });
    gateway = await startGateway(scope, {
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
${endpoint('open', server.port, '')}
${endpoint('asked', server.port, 'agent_password = "{{secret:AGENT_PASSWORD}}"')}
${endpoint('missing', server.port, 'agent_password = "{{secret:NOT_SET}}"')}
`,
      env: { PG_PASSWORD: server.password, AGENT_PASSWORD: PLACEHOLDER },
    });
    authority = join(temporaryFolder(scope), 'ca.crt');
    writeFileSync(authority, gateway.cli('ca', 'export').stdout);
  }
});

/** What psql ends with: the answer, or a piece of its error. */
interface Row {
  readonly to: 'open' | 'asked' | 'missing';
  readonly options: string;
  readonly password?: string;
  readonly expect: 'works' | RegExp;
}

const insists = (method: string): RegExp => new RegExp(`authentication method requirement "${method}" failed`);

const MATRIX: readonly Row[] = [
  { to: 'open', options: '', expect: 'works' },
  { to: 'open', options: 'require_auth=none', expect: 'works' },
  { to: 'open', options: 'require_auth=none sslmode=require', expect: 'works' },
  { to: 'open', options: 'require_auth=!password', expect: 'works' },
  { to: 'open', options: 'require_auth=password', password: 'x', expect: insists('password') },
  { to: 'open', options: 'require_auth=scram-sha-256', password: 'x', expect: insists('scram-sha-256') },
  {
    to: 'open',
    options: 'channel_binding=require sslmode=require',
    expect: /channel binding required, but server authenticated client without channel binding/,
  },
  { to: 'asked', options: 'require_auth=scram-sha-256', password: PLACEHOLDER, expect: 'works' },
  { to: 'asked', options: 'require_auth=scram-sha-256 sslmode=require', password: PLACEHOLDER, expect: 'works' },
  { to: 'asked', options: 'require_auth=scram-sha-256 user=stranger', password: PLACEHOLDER, expect: 'works' },
  { to: 'asked', options: 'channel_binding=prefer sslmode=require', password: PLACEHOLDER, expect: 'works' },
  { to: 'asked', options: 'channel_binding=disable sslmode=require', password: PLACEHOLDER, expect: 'works' },
  { to: 'asked', options: 'max_protocol_version=latest', password: PLACEHOLDER, expect: 'works' },
  { to: 'asked', options: 'require_auth=none', password: PLACEHOLDER, expect: insists('none') },
  { to: 'asked', options: 'require_auth=password', password: PLACEHOLDER, expect: insists('password') },
  { to: 'asked', options: '', password: 'wrong', expect: /FATAL: {2}password authentication failed for user "agent"/ },
  {
    to: 'asked',
    options: 'user=stranger',
    password: 'wrong',
    expect: /FATAL: {2}password authentication failed for user "stranger"/,
  },
  { to: 'asked', options: '', expect: /no password supplied/ },
  {
    to: 'asked',
    options: 'channel_binding=require sslmode=require',
    password: PLACEHOLDER,
    expect:
      /channel binding is required, but server did not offer an authentication method that supports channel binding/,
  },
  { to: 'missing', options: '', password: PLACEHOLDER, expect: /cannot check the password of this endpoint/ },
  { to: 'open', options: 'max_protocol_version=latest', expect: 'works' },
  {
    to: 'open',
    options: 'min_protocol_version=3.2',
    expect: /server only supports protocol version 3\.0|protocol version/,
  },
];

for (const { to, options, password, expect } of MATRIX) {
  const what = expect === 'works' ? 'works' : 'is told why not';
  test(`PG-T20: ${to}: [${options}] with ${password ?? 'no password'} ${what}`, { skip }, async () => {
    const port = gateway.port(`postgres.${to}`);
    const base = `host=127.0.0.1 port=${port} user=agent dbname=postgres sslmode=prefer`;
    const result = await psql?.(
      `${base} ${options}`,
      'SELECT 6 * 7',
      password === undefined ? {} : { PGPASSWORD: password },
    );
    if (expect === 'works') {
      assert.deepEqual([result?.stdout, result?.stderr], ['42\n', '']);
    } else {
      assert.match(result?.stderr ?? '', expect);
      assert.equal(result?.stdout, '');
    }
  });
}

test('PG-T20: sslmode=verify-full works with the CA of the gateway, and not without it', { skip }, async () => {
  const base = `host=localhost hostaddr=127.0.0.1 port=${gateway.port('postgres.open')} user=agent dbname=postgres sslmode=verify-full`;
  assert.equal((await psql?.(`${base} sslrootcert=${authority}`, 'SELECT 1'))?.stdout, '1\n');
  assert.match((await psql?.(`${base} sslrootcert=system`, 'SELECT 1'))?.stderr ?? '', /certificate verify failed/);
});

test('AU-06: a refused password is recorded, and the connection is over', { skip }, async () => {
  const client = await RawPostgres.open(gateway.port('postgres.asked'));
  client.send(wire.startup({ user: 'agent', database: 'postgres' }));
  const [offer] = await client.until('R');
  assert.equal(offer?.body.toString('latin1', 4), 'SCRAM-SHA-256\0\0');
  client.send(wire.query('SELECT 1'));
  assert.equal(wire.fieldsOf((await client.until('E')).at(-1) ?? { type: '', body: Buffer.alloc(0) })['C'], '08P01');
  await client.untilEnd();
  const listed = gateway.cli('audit', 'search', '--json');
  assert.match(listed.stdout, /agent-login/);
});

const VERSIONS: readonly (readonly [number, Readonly<Record<string, string>>, string])[] = [
  [196_608, {}, 'R'],
  [196_610, {}, 'v 196608 '],
  [196_608 + 9999, { '_pq_.test_grease': '' }, 'v 196608 _pq_.test_grease'],
  [196_608, { '_pq_.wish': 'x' }, 'v 196608 _pq_.wish'],
];

for (const [version, extra, expected] of VERSIONS) {
  const shown = `${version >>> 16}.${version & 0xffff} ${Object.keys(extra).join(' ')}`;
  test(`a client of protocol ${shown} is told what is spoken, once, and is served`, { skip }, async () => {
    const client = await RawPostgres.open(gateway.port('postgres.open'));
    client.send(wire.startup({ user: 'agent', database: 'postgres', ...extra }, version));
    const hello = await client.until('Z');
    const [first] = hello;
    const said =
      first?.type === 'v'
        ? `v ${first.body.readUInt32BE(0)} ${first.body.toString('latin1', 8).replaceAll('\0', '')}`
        : (first?.type ?? '');
    assert.equal(said, expected);
    assert.equal(hello.filter(({ type }) => type === 'v').length, expected.startsWith('v') ? 1 : 0);
    // The key is as protocol 3.0 has it.
    assert.equal(hello.find(({ type }) => type === 'K')?.body.length, 8);
    assert.equal((await client.ask(wire.query('SELECT 1'))).map(({ type }) => type).join(''), 'TDCZ');
    client.close();
  });
}
