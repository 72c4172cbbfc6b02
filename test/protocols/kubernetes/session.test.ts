// What runs inside upgraded streams: ports are judged one by one, stdin that was not asked for goes nowhere, endings are told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUpgradeSession } from '../../../src/protocols/kubernetes/session.ts';
import { portUnit } from '../../../src/protocols/kubernetes/facts.ts';
import { takeWebSocketFrame } from '../../../src/protocols/kubernetes/websocket.ts';
import type { UpgradeSession } from '../../../src/protocols/http/flavour.ts';
import type { Action } from '../../../src/rules/action.ts';
import type { SessionCommand, Side } from '../../../src/protocols/session.ts';
import { denial, ALLOW } from '../../support/fake-gate.ts';
import { analysisOf, requestOf } from '../../support/kubernetes.ts';
import { makeEndpoint, makeRuleAction } from '../../support/rule-parts.ts';
import { dataFrame, ping, readFrames, SpdyWriter, webSocketFrame } from '../../support/spdy.ts';

const POD = '/api/v1/namespaces/d/pods/p';
const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

interface Told {
  readonly client: Buffer;
  readonly upstream: Buffer;
  readonly asked: readonly Action[];
  readonly ends: readonly string[];
}

/** A session with everything that it commanded. Actions are answered by port. */
class World {
  readonly session: UpgradeSession;
  readonly sent: Record<Side, Buffer[]> = { client: [], upstream: [] };
  readonly asked: Action[] = [];
  readonly ends: string[] = [];
  readonly #allowed: ReadonlySet<number>;
  /** Set: answers wait. */
  hold = false;
  policy = 'first';
  #count = 0;

  constructor(
    line: string,
    upgrade: string,
    options: { readonly protocol?: string; readonly allowed?: readonly number[] } = {},
  ) {
    this.#allowed = new Set(options.allowed ?? []);
    const request = requestOf(line, { upgrade });
    const [unit] = analysisOf(line, { upgrade }).units;
    assert.ok(unit);
    const fields = options.protocol === undefined ? [] : [{ name: 'Sec-WebSocket-Protocol', value: options.protocol }];
    this.session = createUpgradeSession(
      request,
      { status: 101, fields },
      {
        state: { config: makeEndpoint('k8s', 'risk'), hasCredential: true },
        reads: () => true,
        policy: () => this.policy,
        createAction: (parts) => ({ ...makeRuleAction({ family: 'k8s' }), ...parts, id: `a${(this.#count += 1)}` }),
        portUnit: (port) => portUnit(unit, port),
      },
    );
  }

  from(side: Side, bytes: Buffer): this {
    this.#run(this.session.handle({ kind: 'data', from: side, bytes }));
    return this;
  }

  end(side: Side, how: 'fin' | 'reset' = 'fin'): this {
    this.#run(this.session.handle({ kind: 'ended', from: side, how }));
    return this;
  }

  answer(allow: boolean): this {
    const action = this.asked.at(-1)?.id ?? '';
    this.#run(this.session.handle({ kind: 'judged', action, verdict: allow ? ALLOW : denial('no') }));
    return this;
  }

  drain(): this {
    this.#run(this.session.handle({ kind: 'draining', why: 'the gateway is stopping' }));
    return this;
  }

  get told(): Told {
    const { asked, ends } = this;
    return { client: Buffer.concat(this.sent.client), upstream: Buffer.concat(this.sent.upstream), asked, ends };
  }

  #run(commands: readonly SessionCommand[]): void {
    for (const [index, command] of commands.entries()) {
      switch (command.kind) {
        case 'send':
          this.sent[command.to].push(command.bytes);
          break;
        case 'judge': {
          assert.equal(index, commands.length - 1, 'judge is the last command');
          this.asked.push(command.action);
          const ports = command.action.units[0]?.facts.get('k8s.ports');
          if (!this.hold) {
            this.answer(Array.isArray(ports) && this.#allowed.has(Number(ports[0])));
          }
          break;
        }
        case 'end':
          this.ends.push(`end ${command.to}`);
          break;
        case 'finish':
          this.ends.push(command.reason.kind);
          break;
        case 'withdraw':
          this.ends.push(`withdraw ${command.action}`);
          break;
        case 'await':
        case 'settle':
        case 'cancel-upstream':
          assert.fail(command.kind);
      }
    }
  }
}

const refused = (stream: number): Buffer => Buffer.from([0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, stream, 0, 0, 0, 3]);

/** Two streams to 8080, two to 9090, and one more to 8080. */
async function forwardBytes(): Promise<Buffer> {
  const writer = new SpdyWriter();
  const stream = (id: number, streamtype: string, port: string): Promise<Buffer> =>
    writer.syn(id, { streamtype, port, requestid: '0' });
  return Buffer.concat([
    await stream(1, 'error', '8080'),
    await stream(3, 'data', '8080'),
    dataFrame(3, 'GET /'),
    await stream(5, 'error', '9090'),
    await stream(7, 'data', '9090'),
    dataFrame(7, 'evil'),
    ping(7),
    await stream(9, 'data', '8080'),
    dataFrame(9, 'again'),
  ]);
}

const FORWARDED = [
  'syn 1 streamtype=error port=8080 requestid=0',
  'syn 3 streamtype=data port=8080 requestid=0',
  'data 3 GET /',
  'control 6 7',
  'syn 9 streamtype=data port=8080 requestid=0',
  'data 9 again',
];

test('K8-30: each port is asked about once, and the streams of a denied one close alone', async () => {
  const world = new World(`POST ${POD}/portforward`, 'spdy/3.1', { allowed: [8080] });
  const { client, upstream, asked, ends } = world.from('client', await forwardBytes()).told;
  assert.deepEqual(
    asked.map(({ summary, units }) => [summary, units[0]?.facts.get('k8s.ports'), units[0]?.risk]),
    [
      ['port-forward to port 8080 of pod p in namespace d', [8080n], 'destructive'],
      ['port-forward to port 9090 of pod p in namespace d', [9090n], 'destructive'],
    ],
  );
  assert.deepEqual(await readFrames(upstream), FORWARDED);
  assert.deepEqual(client, Buffer.concat([refused(5), refused(7)]));
  assert.deepEqual(ends, []);
});

test('any cut of the client stream gives the same', async () => {
  const bytes = await forwardBytes();
  for (let at = 1; at < bytes.length; at += 1) {
    const world = new World(`POST ${POD}/portforward`, 'spdy/3.1', { allowed: [8080] });
    const { upstream, client } = world.from('client', bytes.subarray(0, at)).from('client', bytes.subarray(at)).told;
    assert.deepEqual(await readFrames(upstream), FORWARDED, String(at));
    assert.equal(client.length, 32);
  }
});

test('inside WebSocket messages it is the same, and a refusal waits until the server is between two frames', async () => {
  const bytes = await forwardBytes();
  const world = new World(`GET ${POD}/portforward`, 'websocket', { protocol: TUNNEL, allowed: [8080] });
  const answer = dataFrame(3, 'hello');
  const server = (part: Buffer): Buffer => webSocketFrame(part, { masked: false });
  world.from('upstream', server(answer.subarray(0, 5)));
  for (let at = 0; at < bytes.length; at += 50) {
    world.from('client', webSocketFrame(bytes.subarray(at, at + 50), { masked: true }));
  }
  const pinged = webSocketFrame(Buffer.from('hi'), { masked: true, opcode: 9 });
  world.from('client', pinged);
  assert.deepEqual(world.told.client, server(answer.subarray(0, 5)));
  world.from('upstream', server(answer.subarray(5)));
  const { client, upstream } = world.told;
  assert.deepEqual(
    client.subarray(server(answer.subarray(0, 5)).length + server(answer.subarray(5)).length),
    server(Buffer.concat([refused(5), refused(7)])),
  );
  const contents: Buffer[] = [];
  let rest = upstream;
  while (rest.length > 0) {
    const taken = takeWebSocketFrame(rest, true);
    assert.ok(taken.kind === 'frame');
    rest = rest.subarray(taken.frame.raw.length);
    if (taken.frame.opcode === 'binary') {
      contents.push(taken.frame.payload);
    } else {
      assert.equal(taken.frame.payload.toString(), 'hi');
    }
  }
  assert.deepEqual(await readFrames(Buffer.concat(contents)), FORWARDED);
});

test('while a port waits nothing behind it goes on, and a client that ends takes the question back', async () => {
  const world = new World(`POST ${POD}/portforward`, 'spdy/3.1');
  world.hold = true;
  const bytes = await forwardBytes();
  world.from('client', bytes);
  assert.equal(world.told.upstream.length, 0);
  assert.equal(world.session.paused('client'), false);
  world.end('client');
  assert.deepEqual(world.told.ends, ['withdraw a1']);
  world.answer(false);
  assert.equal(world.asked.length, 2);
  world.answer(false);
  assert.deepEqual(world.told.ends, ['withdraw a1', 'end upstream']);
  assert.deepEqual(await readFrames(world.told.upstream), ['control 6 7']);
  const broken = new World(`POST ${POD}/portforward`, 'spdy/3.1');
  broken.hold = true;
  assert.deepEqual(broken.from('client', bytes).end('client', 'reset').told.ends, ['reset']);
});

test('streams to no port, and bytes that are no frames, are refused', async () => {
  for (const port of ['0', '65536', '80x', '', '-1']) {
    const world = new World(`POST ${POD}/portforward`, 'spdy/3.1', { allowed: [80] });
    const bytes = await new SpdyWriter().syn(1, { streamtype: 'data', port });
    assert.deepEqual(world.from('client', bytes).told.client, refused(1), port);
    assert.equal(world.told.upstream.length, 0);
  }
  const syn = await new SpdyWriter().syn(1, { streamtype: 'data', port: '80' });
  const corrupt = Buffer.from(syn);
  corrupt[25] = (corrupt[25] ?? 0) ^ 0xff;
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1\r\n').fill(0x83),
    corrupt,
    Buffer.concat([syn.subarray(0, 18), Buffer.alloc(syn.length - 18)]),
  ]) {
    const world = new World(`POST ${POD}/portforward`, 'spdy/3.1', { allowed: [80] });
    assert.deepEqual(world.from('client', bytes).told.ends, ['protocol-error']);
    assert.equal(world.told.upstream.length, 0);
  }
  const unmasked = new World(`GET ${POD}/portforward`, 'websocket', { protocol: TUNNEL, allowed: [80] });
  assert.deepEqual(unmasked.from('client', webSocketFrame(syn, { masked: false })).told.ends, ['protocol-error']);
});

const channel = (number: number, text: string): Buffer => Buffer.concat([Buffer.from([number]), Buffer.from(text)]);

test('K8-32: stdin goes nowhere when it was not asked for, over WebSocket and over SPDY', async () => {
  for (const [query, passes] of [
    ['command=cat', false],
    ['command=cat&stdin=false', false],
    ['command=cat&stdin=0', false],
    ['command=cat&stdin=true', true],
    ['command=cat&stdin=', true],
  ] as const) {
    const stdin = webSocketFrame(channel(0, 'rm -rf'), { masked: true });
    const resize = webSocketFrame(channel(4, '{}'), { masked: true });
    const world = new World(`GET ${POD}/exec?${query}`, 'websocket', { protocol: 'v5.channel.k8s.io' });
    const { upstream } = world.from('client', Buffer.concat([stdin, resize])).told;
    assert.deepEqual(upstream, passes ? Buffer.concat([stdin, resize]) : resize, query);
    const digits = new World(`GET ${POD}/exec?${query}`, 'websocket', { protocol: 'base64.channel.k8s.io' });
    const text = webSocketFrame(Buffer.from('0cm0='), { masked: true, opcode: 1 });
    assert.equal(digits.from('client', text).told.upstream.length > 0, passes, query);
    const writer = new SpdyWriter();
    const spdy = new World(`POST ${POD}/exec?${query}`, 'spdy/3.1');
    spdy.from(
      'client',
      Buffer.concat([
        await writer.syn(1, { streamtype: 'stdin' }),
        dataFrame(1, 'rm -rf'),
        await writer.syn(3, { streamtype: 'error' }),
      ]),
    );
    const seen = await readFrames(spdy.told.upstream);
    assert.deepEqual(
      seen,
      passes ? ['syn 1 streamtype=stdin', 'data 1 rm -rf', 'syn 3 streamtype=error'] : ['syn 3 streamtype=error'],
    );
  }
});

test('K8-32: stdin is known in whatever way a server may read its channel', async () => {
  const frame = (payload: Buffer, opcode: number, final = true): Buffer => {
    const bytes = webSocketFrame(payload, { masked: true, opcode });
    bytes[0] = (final ? 0x80 : 0) | opcode;
    return bytes;
  };
  const digit = Buffer.from('0cm0=');
  const disguises: readonly (readonly [string, readonly Buffer[]])[] = [
    ['the number in a text frame', [frame(channel(0, 'rm -rf'), 1)]],
    ['the digit in a binary frame', [frame(digit, 2)]],
    ['behind an empty piece', [frame(Buffer.alloc(0), 2, false), frame(channel(0, 'rm -rf'), 0)]],
    ['behind a piece of another channel', [frame(channel(4, '{'), 2, false), frame(channel(0, 'rm -rf'), 0)]],
  ];
  for (const [name, frames] of disguises) {
    for (const [query, passes] of [
      ['command=cat', false],
      ['command=cat&stdin=true', true],
    ] as const) {
      const world = new World(`GET ${POD}/exec?${query}`, 'websocket', { protocol: 'v4.channel.k8s.io' });
      const { upstream } = world.from('client', Buffer.concat(frames)).told;
      assert.deepEqual(upstream, passes ? Buffer.concat(frames) : Buffer.alloc(0), `${name}, ${query}`);
    }
  }
  for (const type of ['stdin\0error', 'stdin\0', 'Stdin', '']) {
    const writer = new SpdyWriter();
    const spdy = new World(`POST ${POD}/exec?command=cat`, 'spdy/3.1');
    spdy.from('client', Buffer.concat([await writer.syn(1, { streamtype: type }), dataFrame(1, 'rm -rf')]));
    assert.deepEqual(await readFrames(spdy.told.upstream), [], type);
  }
});

test('a message in pieces belongs to the channel that it began with', () => {
  const world = new World(`GET ${POD}/exec?command=cat`, 'websocket', { protocol: 'v4.channel.k8s.io' });
  const first = webSocketFrame(channel(0, 'rm'), { masked: true });
  first[0] = 0x02;
  const rest = webSocketFrame(Buffer.from(' -rf'), { masked: true, opcode: 0 });
  assert.equal(world.from('client', Buffer.concat([first, rest])).told.upstream.length, 0);
});

test('how a command ended is known, over WebSocket and over SPDY', async () => {
  const failure = JSON.stringify({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  });
  for (const [text, want] of [
    [failure, { kind: 'error', errorCode: 'exit 3' }],
    ['{"metadata":{},"status":"Success"}', { kind: 'ok', errorCode: '' }],
    ['{"status":"Failure","reason":"InternalError"}', { kind: 'error', errorCode: 'InternalError' }],
    ['command terminated', { kind: 'error', errorCode: 'failed' }],
    ['', null],
  ] as const) {
    const socket = new World(`GET ${POD}/exec?command=x`, 'websocket', { protocol: 'v5.channel.k8s.io' });
    const frame = webSocketFrame(channel(3, text), { masked: false });
    socket.from('upstream', frame.subarray(0, 3)).from('upstream', frame.subarray(3));
    assert.deepEqual(socket.session.ending, want);
    assert.deepEqual(socket.told.client, frame);
    const spdy = new World(`POST ${POD}/exec?command=x`, 'spdy/3.1');
    spdy.from('client', await new SpdyWriter().syn(1, { streamtype: 'error' }));
    spdy.from('upstream', Buffer.concat([dataFrame(1, text), dataFrame(3, 'out')]));
    assert.deepEqual(spdy.session.ending, want);
  }
});

test('draining: a command goes on, whoever sits there is told between two messages of the server', async () => {
  const text = '\nclawpatrol: the gateway is stopping; this session will be closed\n';
  const typed = text.replaceAll('\n', '\r\n');
  const server = (payload: Buffer, opcode = 2): Buffer => webSocketFrame(payload, { masked: false, opcode });
  for (const [query, protocol, notice] of [
    ['command=top', 'v5.channel.k8s.io', server(channel(2, text))],
    ['command=top&tty=true&stdin=true', 'v4.channel.k8s.io', server(channel(1, typed))],
    ['command=top', 'base64.channel.k8s.io', server(Buffer.from(`2${Buffer.from(text).toString('base64')}`), 1)],
  ] as const) {
    const world = new World(`GET ${POD}/exec?${query}`, 'websocket', { protocol });
    const piece = server(channel(1, 'load'));
    piece[0] = 0x02;
    const last = server(Buffer.from(' 1'), 0);
    world.from('upstream', piece.subarray(0, 4)).drain();
    assert.deepEqual(world.told.client, piece.subarray(0, 4), 'not inside a frame');
    world.from('upstream', piece.subarray(4));
    assert.deepEqual(world.told.client, piece, 'not inside a message');
    world.from('upstream', last);
    assert.deepEqual(world.told.client, Buffer.concat([piece, last, notice]), query);
    assert.deepEqual(world.from('upstream', last).told.ends, []);
  }
  for (const [query, stream, want] of [
    ['command=top', 5, text],
    ['command=top&tty=true', 3, typed],
  ] as const) {
    const writer = new SpdyWriter();
    const world = new World(`POST ${POD}/exec?${query}`, 'spdy/3.1');
    world.from('client', await writer.syn(1, { streamtype: 'error' }));
    world.from('client', await writer.syn(3, { streamtype: 'stdout' }));
    world.from('client', await writer.syn(5, { streamtype: 'stderr' }));
    assert.deepEqual(world.drain().told.client, dataFrame(stream, want));
    assert.deepEqual(world.told.ends, []);
  }
});

test('draining: ports take no more streams, and the end is that of the last one', async () => {
  const fin = (frame: Buffer): Buffer => {
    frame[4] = 1;
    return frame;
  };
  const goAway = (last: number): Buffer => Buffer.from([0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, last, 0, 0, 0, 0]);
  const writer = new SpdyWriter();
  const world = new World(`POST ${POD}/portforward`, 'spdy/3.1', { allowed: [80] });
  world.from('client', fin(await writer.syn(1, { streamtype: 'error', port: '80' })));
  world.from('client', await writer.syn(3, { streamtype: 'data', port: '80' }));
  assert.deepEqual(world.drain().told.client, goAway(3));
  world.from('client', await writer.syn(5, { streamtype: 'data', port: '80' }));
  assert.deepEqual(world.told.client, Buffer.concat([goAway(3), refused(5)]));
  world.from('client', fin(dataFrame(3, 'GET /')));
  world.from('upstream', fin(dataFrame(1, '')));
  assert.deepEqual(world.told.ends, []);
  world.from('upstream', fin(dataFrame(3, 'the answer')));
  assert.deepEqual(world.told.ends, ['drained']);
  assert.deepEqual(world.told.client.subarray(-10).toString(), 'the answer');
  assert.deepEqual(new World(`POST ${POD}/portforward`, 'spdy/3.1').drain().told.ends, ['drained']);
  const tunnel = new World(`GET ${POD}/portforward`, 'websocket', { protocol: TUNNEL }).drain();
  assert.deepEqual(tunnel.told.client, webSocketFrame(goAway(0), { masked: false }));
  assert.deepEqual(tunnel.told.ends, ['drained']);
  assert.deepEqual(new World(`GET /api/v1/pods?watch=1`, 'websocket').drain().told.ends, ['drained']);
});

test('a port is asked about again when the policy is another one', async () => {
  const writer = new SpdyWriter();
  const world = new World(`POST ${POD}/portforward`, 'spdy/3.1', { allowed: [80] });
  const open = async (stream: number): Promise<unknown> =>
    world.from('client', await writer.syn(stream, { streamtype: 'data', port: '80' }));
  await open(1);
  await open(3);
  assert.equal(world.asked.length, 1);
  world.policy = 'second';
  await open(5);
  assert.equal(world.asked.length, 2);
});

test('what comes byte by byte is put together once', (t) => {
  const world = new World(`GET ${POD}/exec?command=cat&stdin=true`, 'websocket', { protocol: 'v4.channel.k8s.io' });
  const frame = webSocketFrame(Buffer.alloc(60_000), { masked: true });
  const concat = t.mock.method(Buffer, 'concat');
  for (let at = 0; at < frame.length; at += 1) {
    world.from('client', frame.subarray(at, at + 1));
  }
  const copied = concat.mock.calls.reduce((sum, { result }) => sum + (result?.length ?? 0), 0);
  concat.mock.restore();
  assert.deepEqual(world.told.upstream, frame);
  assert.ok(copied < 3 * frame.length, String(copied));
});

test('half-closes are passed on, and both make the end', () => {
  const world = new World(`GET ${POD}/log?follow=true`, 'websocket');
  assert.deepEqual(world.from('client', Buffer.from('x')).end('client').told.ends, ['end upstream']);
  assert.deepEqual(world.from('upstream', Buffer.from('y')).end('upstream').told.ends, [
    'end upstream',
    'upstream-closed',
  ]);
  assert.deepEqual([world.told.upstream.toString(), world.told.client.toString()], ['x', 'y']);
  assert.deepEqual(new World(`GET ${POD}/log`, 'spdy/3.1').from('client', Buffer.from('x')).told.ends, [
    'protocol-error',
  ]);
});
