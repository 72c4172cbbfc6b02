// WebSocket through the gateway where a rule reads messages: real sockets, frames on both sides.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttpAnalyser } from '../../src/protocols/http/analyser.ts';
import { createHttps } from '../../src/protocols/https/index.ts';
import type { Gate } from '../../src/protocols/protocol.ts';
import { ALLOW, denial } from '../support/fake-gate.ts';
import { startHttpGateway, testInjector } from '../support/http-gateway.ts';
import { RawHttp } from '../support/raw-http.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { decide, makePolicy } from '../support/rule-parts.ts';
import { fileScope } from '../support/scope.ts';

const scope = fileScope();
const MASK = [1, 2, 3, 4] as const;

/** A short frame; with a mask as clients send it. */
function frame(text: string, first: number = 0x81, masked: boolean = true): Buffer {
  const payload = Buffer.from(text);
  const body = masked ? payload.map((byte, index) => byte ^ (MASK[index & 3] ?? 0)) : payload;
  return Buffer.concat([Buffer.from([first, (masked ? 0x80 : 0) | payload.length, ...(masked ? MASK : [])]), body]);
}

test('HT-41, HT-42: messages of an allowed upgrade are judged one by one; a denied one closes both sides', async () => {
  const policy = makePolicy({
    rules: [
      {
        condition: "http.kind == 'ws_message' && http.message.contains('secret')",
        family: 'http',
        outcome: 'deny',
        priority: 1,
      },
      { condition: "http.method == 'get'", family: 'http', outcome: 'allow' },
    ],
    unmatched: 'deny',
  });
  const kinds: unknown[] = [];
  let settled = 0;
  const gate: Gate = {
    decide: (action) => {
      kinds.push(action.units[0]?.facts.get('http.kind'));
      return decide(policy, action).kind === 'allow' ? ALLOW : denial('no secrets');
    },
    resume: () => ALLOW,
    settle: () => {
      settled += 1;
    },
  };
  const received: Buffer[] = [];
  let tellEnded = (): void => undefined;
  const upstreamEnded = new Promise<void>((resolve) => {
    tellEnded = resolve;
  });
  const upstream = await startRawUpstream(scope, ({ socket }) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.once('close', tellEnded);
    socket.once('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      received.push(bytes);
      socket.write(frame(`got ${Buffer.concat(received).length}`, 0x81, false));
    });
  });
  const gateway = await startHttpGateway(scope, {
    upstreamPort: upstream.port,
    gate,
    protocol: createHttps({ name: 'https', analyser: createHttpAnalyser({ providers: [] }), injector: testInjector }),
  });
  const client = await RawHttp.plain(gateway.port);
  scope.after(() => client.close());
  client.get('/chat', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13');
  assert.match(await client.until('\r\n\r\n'), /^HTTP\/1.1 101 /);
  const fragments = [frame('hel', 0x01), frame('lo', 0x80)] as const;
  const ping = frame('', 0x89);
  const whole = Buffer.concat([fragments[0], ping, fragments[1]]);
  client.stream.write(whole);
  const total = whole.length;
  await client.until(`got ${total}`);
  assert.deepEqual(Buffer.concat(received), Buffer.concat([ping, ...fragments]));
  client.stream.write(Buffer.concat([frame('the sec', 0x01), frame('ret', 0x80), frame('behind')]));
  await client.until('no secrets');
  await gateway.ended(1);
  await upstreamEnded;
  assert.deepEqual(kinds, ['request', 'ws_message', 'ws_message']);
  assert.equal(gateway.finished[0]?.kind, 'refused');
  const sent = Buffer.concat(received).subarray(total);
  assert.deepEqual([sent[0], sent.readUInt16BE(6), sent.length], [0x88, 1008, 8]);
  assert.equal(settled, 2);
});
