// The forward proxy of a whole daemon: where it leads, what it refuses, and what a reload does to it; with a toy protocol behind it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectLines, eventually, lineConfig, startDaemon, startLineServer } from '../support/daemon.ts';
import type { Daemon, LineClient } from '../support/daemon.ts';

const gateway = (profile: string = 'default') => `gateway {
  dashboard_listen = "off"
  proxy {
    listen  = "127.0.0.1:0"
    profile = "${profile}"
  }
}`;

/** Reads the answer's head up to its empty line. */
async function readHead(client: LineClient): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let line = await client.next(); line !== '\r' && line !== ''; line = await client.next()) {
    lines.push(line.trim());
  }
  return lines;
}

async function refusals(daemon: Daemon): Promise<readonly (readonly [unknown, unknown])[]> {
  await daemon.operations.audit.flush();
  const { items } = await daemon.operations.audit.search(
    { types: ['connection.refused'] },
    { limit: 20, cursor: null, newestFirst: false },
  );
  return items.map(({ data }) => [data?.['cause'], data?.['dialled']]);
}

describe('the forward proxy', { timeout: 300_000 }, () => {
  test('leads to an endpoint of its profile, under the rules of that endpoint, and says who came', async (t) => {
    const upstream = await startLineServer(t);
    const rule = `rule "no-drops" {
      endpoint  = postgres.pg
      condition = "sql.verb == 'drop' && agent.device == 'listener/proxy'"
      verdict   = "deny"
      reason    = "no"
    }`;
    const daemon = await startDaemon(t, lineConfig(upstream.port, `${gateway()}\n${rule}`));
    const client = await connectLines(t, daemon.port('proxy'));
    // What follows the head in the same packet belongs to the destination already.
    client.socket.write(`CONNECT 127.0.0.1:${upstream.port} HTTP/1.1\r\n\r\nsafe select 1\n`);
    assert.deepEqual(await readHead(client), ['HTTP/1.1 200 Connection established']);
    assert.equal(await client.next(), 'done safe select 1');
    client.send('safe drop x');
    assert.match(await client.next(), /^denied deny no-drops/);
    assert.deepEqual(upstream.lines, ['safe select 1']);
  });

  test('AU-06: refuses what no endpoint of the profile claims, and records it', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, gateway()));
    const asked = [
      ['CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n', 'HTTP/1.1 403 Forbidden'],
      ['CONNECT metadata.google.internal:80 HTTP/1.1\r\n\r\n', 'HTTP/1.1 403 Forbidden'],
      ['GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n', 'HTTP/1.1 403 Forbidden'],
      ['GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 400 Refused'],
    ] as const;
    for (const [request, expected] of asked) {
      const client = await connectLines(t, daemon.port('proxy'));
      client.socket.write(request);
      assert.equal((await readHead(client))[0], expected, request);
      assert.match(await client.next(), /"reason":/);
      assert.equal(await client.next(), '', 'the connection ends');
    }
    assert.deepEqual(upstream.lines, []);
    let recorded: readonly (readonly [unknown, unknown])[] = [];
    await eventually('all are recorded', async () => (recorded = await refusals(daemon)).length === asked.length);
    assert.deepEqual(recorded, [
      ['destination', '127.0.0.1:1'],
      ['destination', 'metadata.google.internal:80'],
      ['destination', 'example.com:80'],
      ['malformed', ''],
    ]);
  });

  test('a connection through it ends when a reload takes its destination away', async (t) => {
    const upstream = await startLineServer(t);
    const other = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, gateway()));
    const client = await connectLines(t, daemon.port('proxy'));
    client.socket.write(`CONNECT 127.0.0.1:${upstream.port} HTTP/1.1\r\n\r\n`);
    await readHead(client);
    client.send('safe select 1');
    assert.equal(await client.next(), 'done safe select 1');
    daemon.writeConfig(lineConfig(upstream.port, `${gateway()}\n# only a remark`));
    assert.equal((await daemon.gateway.reload('test')).ok, true);
    client.send('safe select 2');
    assert.equal(await client.next(), 'done safe select 2', 'it lives while the destination is as it was');
    daemon.writeConfig(lineConfig(other.port, gateway()));
    assert.equal((await daemon.gateway.reload('test')).ok, true);
    assert.equal(await client.next(), '', 'it ends with the destination');
  });

  test('a client that has not asked for anything does not hold up the stop', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, gateway()));
    const client = await connectLines(t, daemon.port('proxy'));
    client.socket.write('CONNECT 127.0');
    await eventually('it was accepted', () => client.socket.bytesWritten > 0);
    const startedMs = performance.now();
    await daemon.gateway.stop();
    assert.ok(performance.now() - startedMs < 5_000);
    assert.equal(await client.next(), '');
  });

  test('LC-20: hosts that agents make up give metrics no further label, however many there are', async (t) => {
    const upstream = await startLineServer(t);
    const daemon = await startDaemon(t, lineConfig(upstream.port, gateway()));
    const ask = async (head: string): Promise<void> => {
      const client = await connectLines(t, daemon.port('proxy'));
      client.socket.write(`${head} HTTP/1.1\r\n\r\n`);
      assert.match(await client.next(), /^HTTP\/1\.1 4/);
      client.socket.destroy();
    };
    /** Names of all series of our own, with their labels. */
    const series = async (): Promise<readonly string[]> =>
      (await daemon.operations.health.metrics.scrape())
        .split('\n')
        .filter((line) => line.startsWith('clawpatrol_'))
        .map((line) => line.slice(0, line.lastIndexOf(' ')));
    const kinds = (name: string): readonly string[] => [
      `CONNECT ${name}:443`,
      `CONNECT ${name}:${upstream.port}`,
      `GET http://${name}/${name}`,
      `${name.toUpperCase()} /`,
    ];
    for (const head of kinds('first.test')) {
      await ask(head);
    }
    const before = await series();
    const refused = before.filter((name) => name.startsWith('clawpatrol_refused_total'));
    assert.deepEqual(refused, [
      'clawpatrol_refused_total{cause="destination"}',
      'clawpatrol_refused_total{cause="malformed"}',
    ]);
    for (let index = 0; index < 40; index += 1) {
      for (const head of kinds(`h${index}.test`)) {
        await ask(head);
      }
    }
    assert.deepEqual(await series(), before);
  });
});
