// The HTTP engine with real clients and real sockets, with a gate that goes by the path.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHttpGateway } from '../support/http-gateway.ts';
import { respond, startRawUpstream } from '../support/raw-upstream.ts';
import { runProgram } from '../support/run.ts';
import { fileScope } from '../support/scope.ts';
import { temporaryFolder } from '../support/temp.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const scope = fileScope();
const folder = temporaryFolder(scope);

async function curl(gateway: { readonly port: number; readonly caPem: string }, ...args: readonly string[]) {
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, gateway.caPem);
  return runProgram(
    'curl',
    ['-sS', '--max-time', '20', '--cacert', ca, '--connect-to', `api.test:443:127.0.0.1:${gateway.port}`, ...args],
    { timeoutMs: 30_000 },
  );
}

test('curl is answered by the upstream, and is refused with a reason what the gate denies', async () => {
  const upstream = await startRawUpstream(scope);
  const gateway = await startHttpGateway(scope, { upstreamPort: upstream.port });
  const allowed = await curl(gateway, 'https://api.test/v1/things?x=1');
  assert.deepEqual([allowed.stderr, allowed.stdout], ['', 'GET /v1/things?x=1']);
  const denied = await curl(gateway, '-w', '%{http_code}', 'https://api.test/denied');
  assert.match(denied.stdout, /"code":"denied","reason":"this is not for agents".*403$/s);
  assert.equal(upstream.requests.length, 1);
  assert.deepEqual(await gateway.gate.outcomes(1), ['GET api.test/v1/things whole ok 200']);
  void respond;
});
