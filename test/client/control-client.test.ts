// The client against servers that misbehave: whatever comes back is a ControlError with the right exit code, never a hang.
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { ControlError, createControlClient, type ControlClient } from '../../src/client/control-client.ts';
import { Secret } from '../../src/lib/secret.ts';
import { temporaryFolder, type CleanUp } from '../support/temp.ts';

/** A client of a server that answers like this. */
async function clientOf(
  t: CleanUp,
  listener: RequestListener,
  options: { readonly timeoutMs?: number; readonly token?: Secret } = {},
): Promise<ControlClient> {
  const path = join(temporaryFolder(t), 's.sock');
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return createControlClient({ kind: 'unix', path }, options);
}

test('every answer that is no answer is an error with an exit code', async (t) => {
  const rows: readonly (readonly [string, RequestListener, ControlError['code'], number])[] = [
    ['not JSON', (_, response) => response.end('<html>'), 'internal', 1],
    [
      'an error of ours',
      (_, response) => response.writeHead(409).end('{"error":{"code":"decided","message":"m"}}'),
      'decided',
      1,
    ],
    ['an error of nobody', (_, response) => response.writeHead(502).end('bad gateway'), 'internal', 1],
    [
      'an unknown code',
      (_, response) => response.writeHead(500).end('{"error":{"code":"nope","message":"m"}}'),
      'internal',
      1,
    ],
    [
      'a name from the prototype',
      (_, response) => response.writeHead(500).end('{"error":{"code":"toString","message":"m"}}'),
      'internal',
      1,
    ],
    ['401 without a body', (_, response) => response.writeHead(401).end(), 'unauthorised', 4],
    ['a broken connection', (request) => request.socket.destroy(), 'unreachable', 3],
    [
      'half an answer',
      (_, response) => void response.writeHead(200, { 'content-length': '10' }).write('{', () => response.destroy()),
      'unreachable',
      3,
    ],
  ];
  for (const [name, listener, code, exitCode] of rows) {
    const client = await clientOf(t, listener);
    await assert.rejects(client.status(), (error) => {
      assert.ok(error instanceof ControlError, name);
      assert.equal(error.code, code, name);
      assert.equal(error.exitCode, exitCode, name);
      return true;
    });
  }
});

test('a gateway that does not answer in time is not reachable', async (t) => {
  const client = await clientOf(t, () => undefined, { timeoutMs: 50 });
  await assert.rejects(
    client.status(),
    (error) => error instanceof ControlError && /no answer in time/.test(error.message),
  );
});

test('a stream that breaks off is an error, one that ends is the end, and one that is stopped is quiet', async (t) => {
  const breaking = await clientOf(t, (_, response) => {
    response.writeHead(200).write('{"seq":1}\n', () => response.destroy());
  });
  const stop = new AbortController();
  await assert.rejects(async () => {
    for await (const record of breaking.audit.follow({}, stop.signal)) {
      assert.equal(record.seq, 1);
    }
  }, ControlError);
  const ending = await clientOf(t, (_, response) => response.end('\n{"seq":1}\n\n{"se'.concat('q":2}\n')));
  const seen: number[] = [];
  for await (const record of ending.audit.follow({}, stop.signal)) {
    seen.push(record.seq);
  }
  assert.deepEqual(seen, [1, 2]);
  const endless = await clientOf(t, (_, response) => void response.writeHead(200).write('{"seq":1}\n'));
  for await (const record of endless.audit.follow({}, stop.signal)) {
    assert.equal(record.seq, 1);
    stop.abort();
  }
});

test('what is asked is what was meant: paths are escaped, bodies are JSON, a token is sent', async (t) => {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'} ${body}`);
      response.end('{}');
    });
  };
  const client = await clientOf(t, listener, { token: new Secret('t0ken') });
  await client.approvals.show('a/../b?c');
  await client.approvals.list({ state: 'all', limit: 5 });
  await client.approvals.approve('id', { digest: 'd', note: 'n' });
  await client.secrets.set('pg', '', new Secret('v'));
  await client.audit.verify({ from: 1 });
  assert.deepEqual(asked, [
    'GET /api/approvals/a%2F..%2Fb%3Fc Bearer t0ken ',
    'GET /api/approvals?state=all&limit=5 Bearer t0ken ',
    'POST /api/approvals/id/approve Bearer t0ken {"digest":"d","note":"n"}',
    'PUT /api/secrets Bearer t0ken {"name":"pg","slot":"","value":"v"}',
    'GET /api/audit/verify?from=1 Bearer t0ken ',
  ]);
});
