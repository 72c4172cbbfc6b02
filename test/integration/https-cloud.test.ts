// Google's client library, and clients that must show a certificate, through the real daemon with nothing of worth in the agent's hands.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { makeAuthority } from '../support/certificate.ts';
import { skipWithout } from '../support/driver-world.ts';
import { startGateway } from '../support/gateway-process.ts';
import { startGoogle, type GoogleServer } from '../support/google-server.ts';
import { testAuthority } from '../support/http-gateway.ts';
import { INSTALL_MS, installClients } from '../support/npm-clients.ts';
import { runProgram, type ProgramResult } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';

const scope = fileScope();
const folder = temporaryFolder(scope);
const ca = join(folder, 'gateway.pem');
const skip = skipWithout('npm', 'curl');

/** An endpoint before an upstream on this machine, with one credential of that name. */
const endpoint = (
  name: string,
  port: number,
  { attributes, credential }: { attributes: string; credential: string },
): string => `
endpoint "https" "${name}" {
  hosts  = ["localhost:${port}"]
  listen = "127.0.0.1:0"
  profile = "${name}"
  ${attributes}
}
${credential}
profile "${name}" { credentials = [${/credential "(\w+)" "(\w+)"/.exec(credential)?.slice(1).join('.') ?? ''}] }
`;

test(
  "Google's library: an access token from the service account's signed assertion, and nothing of the agent's",
  { skip, timeout: INSTALL_MS },
  async () => {
    const google: GoogleServer = await startGoogle(scope);
    const programs = await installClients('test/integration/clients/google');
    writeFileSync(join(folder, 'upstream.pem'), (await testAuthority()).caPem);
    const attributes = `ca_cert = "<<file:${join(folder, 'upstream.pem')}>>"\n  encoded_slash = "data"`;
    const credential = (name: string): string =>
      `credential "google_gke_credential" "${name}" {\n  endpoint = https.${name}\n  secret "sa_key" { env = "KEY_${name.toUpperCase()}" }\n}`;
    const gateway = await startGateway(scope, {
      env: { KEY_RIGHT: google.keyFile, KEY_WRONG: google.otherKeyFile },
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
${endpoint('right', google.port, { attributes, credential: credential('right') })}
${endpoint('wrong', google.port, { attributes, credential: credential('wrong') })}
rule "no-delete" {
  endpoints = [https.right, https.wrong]
  condition = "http.method == 'delete'"
  verdict   = "deny"
  priority  = 10
  reason    = "reports are kept"
}
rule "rest" {
  endpoints = [https.right, https.wrong]
  verdict   = "allow"
}
`,
    });
    writeFileSync(ca, gateway.cli('ca', 'export').stdout);
    const run = (name: string): Promise<ProgramResult> =>
      runProgram(
        process.execPath,
        [join(programs, 'client.mjs'), `https://localhost:${gateway.port(`https.${name}`)}`],
        {
          env: { NODE_EXTRA_CA_CERTS: ca },
        },
      );
    const { code, stdout, stderr } = await run('right');
    assert.equal(code, 0, stderr);
    const { denied, ...rest } = JSON.parse(stdout) as {
      readonly denied: { readonly code: string; readonly message: string };
    };
    assert.equal(denied.code, 'denied');
    assert.match(denied.message, /reports are kept/);
    assert.deepEqual(rest, { names: ['dir/a.txt'], text: 'the report', again: 'written by an agent' });
    assert.equal(google.objects.get('dir/b.txt'), 'written by an agent');
    assert.deepEqual([google.faults, google.issued.length], [[], 1]);
    // A key that the account does not have gets no token, and so nothing is sent for the agent.
    const refused = await run('wrong');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /502|credential/);
    assert.deepEqual([...new Set(google.faults)], ['token: signature']);
    assert.equal(google.issued.length, 1);
  },
);

test(
  'mTLS: curl without a certificate reaches an upstream that wants one; a wrong one is refused on either side',
  { skip },
  async () => {
    const [serverCa, clientCa, strangers] = [await makeAuthority(), await makeAuthority(), await makeAuthority()];
    const seen: string[] = [];
    const server = createServer(
      { ...(await serverCa.leaf('localhost')), ca: clientCa.caPem, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        const who = String((request.socket as TLSSocket).getPeerCertificate().subject.CN);
        seen.push(`${request.method ?? ''} ${request.url ?? ''} by ${who}`);
        response.end(`hello ${who}\n`);
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    scope.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const leaves = { right: await clientCa.leaf('gateway-bot'), foreign: await strangers.leaf('gateway-bot') };
    const agentLeaf = await strangers.leaf('agent');
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const trusted = `ca_cert = "<<file:${file('server-ca.pem', serverCa.caPem)}>>"`;
    const mtls = (name: string): string => `credential "mtls_credential" "${name}" {
  endpoint = https.${name}
  secret "cert" { env = "CERT_${name.toUpperCase()}" }
  secret "key" { env = "KEY_${name.toUpperCase()}" }
}`;
    const plain = `credential "passthrough" "none" { endpoint = https.none }`;
    const distrusted = `ca_cert = "<<file:${file('strangers-ca.pem', strangers.caPem)}>>"`;
    const gateway = await startGateway(scope, {
      env: {
        CERT_RIGHT: leaves.right.cert,
        KEY_RIGHT: leaves.right.key,
        CERT_FOREIGN: leaves.foreign.cert,
        KEY_FOREIGN: leaves.foreign.key,
        CERT_DISTRUSTED: leaves.right.cert,
        KEY_DISTRUSTED: leaves.right.key,
      },
      config: `schema_version = 1
gateway { dashboard_listen = "off" }
${endpoint('right', port, { attributes: trusted, credential: mtls('right') })}
${endpoint('foreign', port, { attributes: trusted, credential: mtls('foreign') })}
${endpoint('distrusted', port, { attributes: distrusted, credential: mtls('distrusted') })}
${endpoint('none', port, { attributes: trusted, credential: plain })}
rule "no-write" {
  endpoint  = https.right
  condition = "http.method == 'post'"
  verdict   = "deny"
  reason    = "read only"
}
`,
    });
    const gatewayCa = file('mtls-gateway.pem', gateway.cli('ca', 'export').stdout);
    const curl = (name: string, ...args: readonly string[]): Promise<ProgramResult> =>
      runProgram('curl', [
        '-sS',
        '--max-time',
        '30',
        '--cacert',
        gatewayCa,
        '-w',
        ' %{http_code}',
        ...args,
        '--connect-to',
        `localhost:${port}:127.0.0.1:${gateway.port(`https.${name}`)}`,
        `https://localhost:${port}/who`,
      ]);
    const own = ['--cert', file('agent.pem', agentLeaf.cert), '--key', file('agent.key', agentLeaf.key)];
    for (const version of ['--http1.1', '--http2']) {
      assert.equal((await curl('right', version)).stdout, 'hello gateway-bot\n 200');
      // A certificate that the agent has is neither asked for nor passed on.
      assert.equal((await curl('right', version, ...own)).stdout, 'hello gateway-bot\n 200');
      assert.match((await curl('right', version, '-d', 'x')).stdout, /read only.* 403$/s);
    }
    assert.deepEqual([...new Set(seen)], ['GET /who by gateway-bot']);
    const count = seen.length;
    for (const name of ['foreign', 'distrusted', 'none']) {
      const { stdout } = await curl(name, ...own);
      assert.match(stdout, / 502$/, `${name}: ${stdout}`);
      assert.doesNotMatch(stdout, /PRIVATE KEY|CERTIFICATE/, name);
    }
    assert.equal(seen.length, count);
  },
);
