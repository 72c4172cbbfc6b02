import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { findUid } from '../../src/client/run/local-peer.ts';
import { describeProxy, hostsToLead, readEndpoints } from '../../src/client/run/proxy-environment.ts';
import { openHttpProxy, openPort } from '../../src/client/run/proxy-front.ts';
import type { Carrier } from '../../src/client/run/carried.ts';
import type { CleanUp } from '../support/temp.ts';

const ENDPOINTS = readEndpoints([
  { name: 'pg', type: 'postgres', hosts: ['db.test:5432'], knownHosts: [] },
  {
    name: 'box',
    type: 'ssh',
    hosts: ['a.test:22', 'b.test:2222'],
    knownHosts: ['a.test,[b.test]:2222 ssh-ed25519 AAAA'],
  },
  { name: 'k8s-prod', type: 'kubernetes', hosts: ['k8s.test:6443'], knownHosts: [] },
  { name: 'web', type: 'https', hosts: ['web.test:443'], knownHosts: [] },
  { name: 7, type: 'postgres' },
  null,
]);

function describe(endpoints = ENDPOINTS) {
  const led = hostsToLead(endpoints).map((one, index) => ({ ...one, port: 4000 + index }));
  return describeProxy({
    proxyUrl: 'http://run:pw@127.0.0.1:9',
    led,
    endpoints,
    folder: '/f',
    caPem: 'PEM',
    connector: ['/opt/no de/100%', "/it's/stdio.js"],
    sshPrograms: { ssh: '/usr/bin/ssh' },
    path: '/usr/bin:/bin',
  });
}

test('endpoints that no HTTP proxy serves get a port, a variable and the files of their programs', () => {
  assert.deepEqual(
    hostsToLead(ENDPOINTS).map(({ host }) => host),
    ['db.test:5432', 'a.test:22', 'b.test:2222'],
  );
  const { environment, files, programs } = describe();
  assert.equal(environment['PGHOST'], '127.0.0.1');
  assert.equal(environment['PGPORT'], '4000');
  assert.equal(environment['CLAWPATROL_ENDPOINT_PG'], '127.0.0.1:4000');
  assert.equal(environment['CLAWPATROL_ENDPOINT_BOX'], '127.0.0.1:4001');
  assert.equal(environment['CLAWPATROL_ENDPOINT_BOX_B_TEST_2222'], '127.0.0.1:4002');
  assert.equal(environment['https_proxy'], 'http://run:pw@127.0.0.1:9');
  const block = [
    "  ProxyCommand '/opt/no de/100%%' '/it'\\''s/stdio.js' '/f/proxy' %h %p",
    '  UserKnownHostsFile "/f/known_hosts"',
    '  CheckHostIP no',
  ];
  const own = ['Match all', '  Include ~/.ssh/config', '  Include /etc/ssh/ssh_config'];
  const config = ['Host a.test b.test', ...block, ...own, 'Match host a.test,b.test', ...block, ''];
  assert.equal(files['/f/ssh_config'], config.join('\n'));
  assert.equal(files['/f/proxy'], 'http://run:pw@127.0.0.1:9\n');
  assert.deepEqual(programs, { '/f/bin/ssh': `#!/bin/sh\nexec '/usr/bin/ssh' -F '/f/ssh_config' "$@"\n` });
  assert.equal(environment['PATH'], '/f/bin:/usr/bin:/bin');
  assert.equal(files['/f/known_hosts'], 'a.test,[b.test]:2222 ssh-ed25519 AAAA\n');
  const kubeconfig: unknown = JSON.parse(files['/f/kubeconfig'] ?? '');
  assert.deepEqual(Reflect.get(Object(kubeconfig), 'clusters'), [
    {
      name: 'k8s-prod',
      cluster: {
        server: 'https://k8s.test:6443',
        'proxy-url': 'http://run:pw@127.0.0.1:9',
        'certificate-authority-data': 'UEVN',
      },
    },
  ]);
});

test('what is not there is not set, and of two databases neither is everybody’s', () => {
  const bare = describe([]);
  assert.deepEqual(bare.files, {});
  assert.deepEqual(
    ['PGHOST', 'KUBECONFIG', 'PATH'].filter((name) => name in bare.environment),
    [],
  );
  const [pg] = ENDPOINTS;
  assert.ok(pg !== undefined);
  const two = describe([pg, { ...pg, name: 'other', hosts: ['other.test:5432'] }]);
  assert.ok(!('PGHOST' in two.environment));
  assert.equal(two.environment['CLAWPATROL_ENDPOINT_OTHER'], '127.0.0.1:4001');
});

test('the owner of a connection over the loopback is read from the system’s table', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1',
    '   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2 1',
    '   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000    33        0 3 1',
  ].join('\n');
  assert.equal(findUid(table, { from: 50_000, to: 8080 }), 1000);
  assert.equal(findUid(table, { from: 8080, to: 50_000 }), 33);
  assert.equal(findUid(table, { from: 1, to: 8080 }), null);
});

/** A gateway that gives each wish an echo, or refuses those for `no.test`. */
async function fakeCarrier(t: CleanUp): Promise<{ readonly carrier: Carrier; readonly asked: string[] }> {
  const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket)).listen(0, '127.0.0.1');
  t.after(() => void echo.close());
  await once(echo, 'listening');
  const address = echo.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const asked: string[] = [];
  const carrier: Carrier = {
    async open(target) {
      asked.push(target);
      if (target.startsWith('no.test')) {
        return { kind: 'refused', answer: Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n') };
      }
      if (target.startsWith('gone.test')) {
        throw new Error('gone');
      }
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      await once(socket, 'connect');
      return { kind: 'open', socket };
    },
  };
  return { carrier, asked };
}

/** What comes back for those bytes until the connection ends, or how it broke off. */
function talk(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    socket.on('end', () => resolve(said));
    socket.end(bytes);
  });
}

test('the local proxy takes its password from whoever asks, and says what the gateway said', async (t) => {
  const { carrier, asked } = await fakeCarrier(t);
  const proxy = await openHttpProxy(carrier, 'secret');
  t.after(() => proxy.close());
  const proof = `Proxy-Authorization: Basic ${Buffer.from('run:secret').toString('base64')}`;
  const wrong = `Proxy-Authorization: Basic ${Buffer.from('run:other!').toString('base64')}`;
  const cases: readonly (readonly [string, RegExp])[] = [
    [`CONNECT a.test:1 HTTP/1.1\r\n${proof}\r\n\r\nhello`, /^HTTP\/1\.1 200 [^\r]*\r\n\r\nhello$/],
    ['CONNECT a.test:1 HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 407 [^]*Proxy-Authenticate: Basic/],
    [`CONNECT a.test:1 HTTP/1.1\r\n${wrong}\r\n\r\n`, /^HTTP\/1\.1 407 /],
    [`CONNECT no.test:1 HTTP/1.1\r\n${proof}\r\n\r\n`, /^HTTP\/1\.1 403 /],
    [`CONNECT gone.test:1 HTTP/1.1\r\n${proof}\r\n\r\n`, /^HTTP\/1\.1 502 /],
    [`GET /local HTTP/1.1\r\n${proof}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['\u0016\u0003\u0001\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      `GET http://a.test:8/x?y HTTP/1.1\r\nHost: a.test:8\r\n${proof}\r\nConnection: keep-alive\r\n\r\n`,
      /^GET http:\/\/a\.test:8\/x\?y HTTP\/1\.1\r\nHost: a\.test:8\r\nConnection: close\r\n\r\n$/,
    ],
  ];
  for (const [bytes, expected] of cases) {
    assert.match(await talk(proxy.port, bytes), expected, bytes);
  }
  assert.deepEqual(asked, ['a.test:1', 'no.test:1', 'gone.test:1', 'a.test:8']);
});

test('TR-12: a port leads to its destination both ways, and breaks off where the gateway refuses', async (t) => {
  const { carrier } = await fakeCarrier(t);
  for (const [target, expected] of [
    ['db.test:5432', 'hello'],
    ['no.test:5432', 'ECONNRESET'],
    ['gone.test:5432', 'ECONNRESET'],
  ] as const) {
    const port = await openPort(carrier, target);
    t.after(() => port.close());
    assert.equal(await talk(port.port, 'hello'), expected, target);
  }
});
