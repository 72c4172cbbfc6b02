// From the data plane nothing of the control plane can be reached: not through the proxy, not through an endpoint that leads there, not by
// asking it directly.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOperatorServers } from '../../src/dashboard/operations.ts';
import { connectLines, lineConfig, startDaemon, startLineServer } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';

const LIMIT = { timeout: 300_000 };

async function startWorld(t: Parameters<typeof startDaemon>[0]) {
  const [dashboard, metrics, control] = [await freePort(), await freePort(), await freePort()];
  const upstream = await startLineServer(t);
  const own = [
    ['dash-v4', `127.0.0.1:${dashboard}`],
    ['dash-name', `localhost:${dashboard}`],
    ['dash-any', `0.0.0.0:${dashboard}`],
    ['metrics', `127.0.0.1:${metrics}`],
    ['control', `127.0.0.1:${control}`],
  ] as const;
  const endpoints = own
    .map(
      ([name, host]) => `endpoint "postgres" "${name}" {
  host    = "${host}"
  sslmode = "disable"
  listen  = "127.0.0.1:0"
}
credential "passthrough" "${name}" { endpoint = postgres.${name} }`,
    )
    .join('\n');
  const config = lineConfig(
    upstream.port,
    `gateway {
  dashboard_listen = "127.0.0.1:${dashboard}"
  metrics_listen   = "127.0.0.1:${metrics}"
  control_listen   = "127.0.0.1:${control}"
  proxy { listen = "127.0.0.1:0" }
}
${endpoints}`,
  ).replace(
    'credentials = [passthrough.pg]',
    `credentials = [passthrough.pg, ${own.map(([name]) => `passthrough.${name}`).join(', ')}]`,
  );
  const daemon = await startDaemon(
    t,
    config,
    createOperatorServers(() => {}),
  );
  return { daemon, upstream, dashboard, control, own };
}

test(
  'CP-03: no endpoint and no address that the proxy is asked for leads to the dashboard, the API or the metrics',
  LIMIT,
  async (t) => {
    const { daemon, upstream, dashboard, own } = await startWorld(t);
    for (const [name] of own) {
      const client = await connectLines(t, daemon.port(`postgres.${name}`));
      client.send('safe GET / HTTP/1.1');
      assert.equal(await client.next(), '', `${name}: the connection ends without an answer`);
    }
    const other = await connectLines(t, daemon.port('postgres.pg'));
    other.send('safe GET / HTTP/1.1');
    assert.equal(await other.next(), 'done safe GET / HTTP/1.1', 'another upstream is reached');
    // No endpoint leads there: the port after the dashboard's may be that of the metrics, which one does.
    const undeclared = await freePort();
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '[::ffff:7f00:1]', 'clawpatrol.example']) {
      for (const asked of [`CONNECT ${host}:${undeclared}`, `GET http://${host}:${undeclared}/api/approvals`]) {
        const client = await connectLines(t, daemon.port('proxy'));
        client.socket.write(`${asked} HTTP/1.1\r\nHost: ${host}:${undeclared}\r\n\r\n`);
        assert.match(await client.next(), /^HTTP\/1\.1 40[03] /, asked);
      }
    }
    for (const host of ['127.0.0.1', 'localhost', '0.0.0.0']) {
      const client = await connectLines(t, daemon.port('proxy'));
      client.socket.write(`CONNECT ${host}:${dashboard} HTTP/1.1\r\n\r\n`);
      assert.match(await client.next(), /^HTTP\/1\.1 (?:200|40[03]) /);
      client.socket.write('safe GET / HTTP/1.1\n');
      for (let line = await client.next(); line !== ''; line = await client.next()) {
        assert.doesNotMatch(line, /Claw Patrol|html|approvals"/, 'not a byte of the dashboard');
      }
    }
    await daemon.operations.audit.flush();
    const { items } = await daemon.operations.audit.search(
      { types: ['connection.closed', 'connection.refused'] },
      { limit: 100, cursor: null, newestFirst: false },
    );
    const told = items.filter(({ reason }) => /is a listener of this gateway/.test(reason));
    assert.ok(told.length >= own.length, 'each try is in the log');
    assert.deepEqual(upstream.lines, ['safe GET / HTTP/1.1']);
  },
);

test('CP-04: an agent that knows the id of its own request cannot decide it, wherever it asks', LIMIT, async (t) => {
  const { daemon, dashboard, control } = await startWorld(t);
  const client = await connectLines(t, daemon.port('postgres.pg'));
  client.send('destructive drop everything');
  const id = /^parked (\S+)/.exec(await client.next())?.[1] ?? '';
  const [waiting] = daemon.operations.approvals.pending();
  assert.equal(waiting?.id, id);
  const body = JSON.stringify({ digest: waiting?.request.digest });
  for (const port of [dashboard, control]) {
    for (const headers of [{}, { authorization: 'Bearer local' }, { cookie: `clawpatrol-${port}=${'x'.repeat(43)}` }]) {
      const origin = {
        origin: `http://127.0.0.1:${port}`,
        'content-type': 'application/json',
        connection: 'close',
      };
      const url = `http://127.0.0.1:${port}/api/approvals/${id}/approve`;
      const answer = await fetch(url, { method: 'POST', body, headers: { ...origin, ...headers } });
      assert.ok([401, 403].includes(answer.status), `${port} ${JSON.stringify(headers)}: ${answer.status}`);
    }
  }
  assert.equal(daemon.operations.approvals.pending().length, 1, 'it still waits');
  const voter = { name: 'alice', via: 'dashboard', aliases: [] } as const;
  const ballot = {
    decision: 'approve',
    digest: waiting?.request.digest ?? '',
    note: '',
    grant: null,
    together: 1,
  } as const;
  await daemon.operations.approvals.vote(id, ballot, voter);
  assert.equal(await client.next(), 'done destructive drop everything', 'a person can');
});
