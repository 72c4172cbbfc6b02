// TLS on both hops of the native protocol: the agent sees the gateway's certificate, the gateway checks the server's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { hasClickHouse, startClickHouse } from '../support/clickhouse-server.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startGateway } from '../support/gateway-process.ts';
import { RawClickHouse } from '../support/raw-clickhouse.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const skip = hasClickHouse() ? false : 'no clickhouse-server on this machine';
const authority = await makeAuthority();
const server = skip === false ? await startClickHouse(scope, { tls: await authority.leaf('localhost') }) : null;
const endpoint = (name: string, host: string, more: string): string => `
endpoint "clickhouse_native" "${name}" {
  hosts   = ["${host}:${server?.securePort ?? 0}"]
  tls     = true
  listen  = "127.0.0.1:0"
  profile = "${name}"
  ${more}
}
credential "clickhouse_credential" "${name}" {
  endpoint = clickhouse_native.${name}
  user     = "real"
  secret {
    env = "CH_PASSWORD"
  }
}
profile "${name}" {
  credentials = [clickhouse_credential.${name}]
}
`;
const ca = `ca_cert = <<-PEM\n${authority.caPem.trim()}\nPEM\n`;
const gateway =
  server === null
    ? null
    : await startGateway(scope, {
        config: `
gateway {
  dashboard_listen = "off"
}
${endpoint('trusted', 'localhost', ca)}
${endpoint('required', 'localhost', `${ca}  listen_tls = "required"`)}
${endpoint('misnamed', '127.0.0.1', ca)}
${endpoint('unknown', 'localhost', '')}
${endpoint('unchecked', 'localhost', 'accept_invalid_certificate = true')}
`,
        env: { CH_PASSWORD: server.password },
      });

const portOf = (name: string): number => gateway?.port(`clickhouse_native.${name}`) ?? 0;

function secure(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const pem = gateway?.cli('ca', 'export').stdout ?? '';
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: pem }, () => resolve(socket));
    socket.once('error', reject);
  });
}

test(
  "a query runs over TLS on both hops, under a certificate of the gateway for the endpoint's host",
  { skip },
  async () => {
    for (const name of ['trusted', 'required', 'unchecked']) {
      const client = new RawClickHouse(await secure(portOf(name)));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await client.hello({});
      // oxlint-disable-next-line no-await-in-loop
      assert.equal(await client.run('SELECT 1'), 'ok', name);
      client.close();
    }
  },
);

test(
  'an agent may begin without TLS where the listener allows it, and not where it is required',
  { skip },
  async () => {
    const plain = await RawClickHouse.login(portOf('trusted'));
    assert.equal(await plain.run('SELECT 1'), 'ok');
    plain.close();
    await assert.rejects(RawClickHouse.login(portOf('required')), /closed/);
  },
);

test('a server whose certificate is not trusted, or is for another name, is not logged in to', { skip }, async () => {
  for (const name of ['unknown', 'misnamed']) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await assert.rejects(RawClickHouse.login(portOf(name)), /^Error: 210 .*cannot log in/, name);
  }
});
