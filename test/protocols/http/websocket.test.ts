// WebSocket where a rule reads messages: whole messages are judged and sent on in their own frames, however they are cut (HT-41, MP-36).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { createMessageSession } from '../../../src/protocols/http/websocket.ts';
import { MAX_MESSAGE_BYTES } from '../../../src/protocols/http/websocket-frames.ts';
import type { Session, SessionCommand, SessionEvent, Side, Verdict } from '../../../src/protocols/session.ts';
import { Unknown } from '../../../src/rules/action.ts';
import type { Action, Unit } from '../../../src/rules/action.ts';
import { makeRequest, makeState } from '../../support/http.ts';
import { makeRuleAction } from '../../support/rule-parts.ts';

const MASK = [0x11, 0x22, 0x33, 0x44] as const;
const ALLOW: Verdict = { kind: 'allow' };
const DENY: Verdict = { kind: 'deny', cause: 'deny', rule: 'r', reason: 'not this', word: '', hint: '' };

interface FrameParts {
  readonly opcode?: number;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly masked?: boolean;
}

function frame(text: string | Buffer, { opcode = 1, fin = true, rsv = 0, masked = true }: FrameParts = {}): Buffer {
  const payload = Buffer.from(text);
  const first = (fin ? 0x80 : 0) | rsv | opcode;
  const bit = masked ? 0x80 : 0;
  const head =
    payload.length < 126
      ? [first, bit | payload.length]
      : payload.length < 65_536
        ? [first, bit | 126, payload.length >> 8, payload.length & 0xff]
        : [first, bit | 127, 0, 0, 0, 0, ...uint32(payload.length)];
  const body = masked ? payload.map((byte, index) => byte ^ (MASK[index & 3] ?? 0)) : payload;
  return Buffer.concat([Buffer.from(head), ...(masked ? [Buffer.from(MASK)] : []), body]);
}

function uint32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

const server = (text: string | Buffer, parts: FrameParts = {}): Buffer => frame(text, { ...parts, masked: false });

/** A session with both its peers, and a gate that answers at once. */
class World {
  readonly sent: Record<Side, Buffer[]> = { client: [], upstream: [] };
  readonly judged: Action[] = [];
  readonly others: SessionCommand[] = [];
  readonly session: Session;
  /** What the session waits for. */
  work: Promise<void> | null = null;
  reads = true;
  policy = 'first';
  readonly #answer: (unit: Unit) => Verdict | null;

  constructor(answer: (unit: Unit) => Verdict | null = () => ALLOW, extensions: string = '') {
    this.#answer = answer;
    const { request } = makeRequest({ upgrade: 'websocket', target: '/chat?room=1' });
    const fields = extensions === '' ? [] : [{ name: 'Sec-WebSocket-Extensions', value: extensions }];
    this.session = createMessageSession(
      request,
      { status: 101, fields },
      {
        state: makeState(),
        reads: () => this.reads,
        policy: () => this.policy,
        createAction: ({ units, summary, evidence }) => ({
          ...makeRuleAction({ family: 'http' }),
          id: `a${this.judged.length}`,
          units,
          summary,
          evidence,
        }),
      },
    );
  }

  handle(event: SessionEvent): void {
    for (const command of this.session.handle(event)) {
      if (command.kind === 'send') {
        this.sent[command.to].push(command.bytes);
      } else if (command.kind === 'judge') {
        this.judged.push(command.action);
        const verdict = this.#answer(command.action.units[0] as Unit);
        if (verdict !== null) {
          this.handle({ kind: 'judged', action: command.action.id, verdict });
        }
      } else if (command.kind === 'await') {
        assert.equal(this.work, null, 'one at a time');
        this.work = command.work;
      } else {
        this.others.push(command);
      }
    }
  }

  client(...chunks: readonly Buffer[]): this {
    for (const bytes of chunks) {
      this.handle({ kind: 'data', from: 'client', bytes });
    }
    return this;
  }

  upstream(...chunks: readonly Buffer[]): this {
    for (const bytes of chunks) {
      this.handle({ kind: 'data', from: 'upstream', bytes });
    }
    return this;
  }

  /** Lets what is done beside the main thread end, and what follows from it. */
  async settled(): Promise<this> {
    while (this.work !== null) {
      const { work } = this;
      this.work = null;
      await work;
      this.handle({ kind: 'awaited' });
    }
    return this;
  }

  bytes(to: Side): Buffer {
    return Buffer.concat(this.sent[to]);
  }

  messages(): unknown[] {
    return this.judged.map(({ units }) => units[0]?.facts.get('http.message'));
  }

  finish(): string | null {
    const last = this.others.find((command) => command.kind === 'finish');
    return last === undefined ? null : last.reason.kind;
  }
}

/** Denies what mentions a secret, as a rule on http.message would; Unknown denies. */
function noSecret(unit: Unit): Verdict {
  const message = unit.facts.get('http.message');
  return typeof message === 'string' && !message.includes('secret') ? ALLOW : DENY;
}

/** Messages compressed as a client with one context would. */
async function deflated(...messages: readonly string[]): Promise<Buffer[]> {
  const deflate = createDeflateRaw();
  const parts: Buffer[] = [];
  for (const message of messages) {
    const chunks: Buffer[] = [];
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
    };
    deflate.on('data', take);
    deflate.write(message);
    await new Promise<void>((resolve) => {
      deflate.flush(constants.Z_SYNC_FLUSH, resolve);
    });
    deflate.off('data', take);
    parts.push(Buffer.concat(chunks).subarray(0, -4));
  }
  deflate.destroy();
  return parts;
}

test('a message is judged whole and sent on in the frames in which it came', () => {
  const frames = [
    frame('{"a"', { fin: false }),
    frame('ping', { opcode: 9 }),
    frame(':1}', { opcode: 0 }),
    frame('second'),
  ];
  const world = new World().client(...frames);
  assert.deepEqual(world.messages(), ['{"a":1}', 'second']);
  const facts = world.judged[0]?.units[0]?.facts;
  assert.equal(facts?.get('http.kind'), 'ws_message');
  assert.equal(facts?.get('http.path'), '/chat');
  assert.equal(JSON.stringify(facts?.get('http.message_json')), '{"a":1}');
  assert.equal(facts?.get('risk'), 'suspicious');
  const [first, ping, rest, second] = frames;
  assert.deepEqual(world.sent.upstream, [ping, first, rest, second]);
  assert.equal(world.others.filter(({ kind }) => kind === 'settle').length, 2);
  assert.equal(world.judged[0]?.evidence.text, '{"a":1}');
});

test('HT-41: a forbidden text is denied however it is sent, and both sides are closed with 1008', async () => {
  const [compressed] = (await deflated('the secret')) as [Buffer];
  const cases: [string, readonly Buffer[], string][] = [
    ['plain', [frame('the secret')], ''],
    ['fragments', [frame('the sec', { fin: false }), frame('ret', { opcode: 0 })], ''],
    ['bytes', Array.from(frame('the secret'), (byte) => Buffer.from([byte])), ''],
    ['binary frame', [frame('the secret', { opcode: 2 })], ''],
    ['behind control frames', [frame('', { opcode: 9 }), frame('', { opcode: 10 }), frame('secret')], ''],
    ['compressed', [frame(compressed, { rsv: 0x40 })], 'permessage-deflate'],
    ['binary that is not text', [frame(Buffer.from([0xff, 0xfe]), { opcode: 2 })], ''],
    ['too long', [frame(Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0x20))], ''],
  ];
  for (const [what, chunks, extensions] of cases) {
    const world = await new World(noSecret, extensions).client(...chunks).settled();
    assert.equal(world.finish(), 'refused', what);
    const [close] = world.sent.client;
    assert.deepEqual([close?.[0], close?.readUInt16BE(2)], [0x88, 1008], what);
    const last = world.sent.upstream.at(-1);
    assert.deepEqual([last?.[0], last?.[1], last?.readUInt16BE(6)], [0x88, 0x82, 1008], what);
    assert.ok(!world.bytes('upstream').includes('secret'));
  }
  const passing = new World(noSecret).client(frame('harmless', { opcode: 2 }));
  assert.equal(passing.finish(), null);
});

test('what is not exactly a frame closes both sides', () => {
  const cases: [string, Buffer][] = [
    ['not masked', server('x')],
    ['reserved bit', frame('x', { rsv: 0x20 })],
    ['compressed without agreement', frame('x', { rsv: 0x40 })],
    ['reserved opcode', frame('x', { opcode: 3 })],
    ['long control frame', frame('x'.repeat(126), { opcode: 9 })],
    ['cut control frame', frame('x', { opcode: 9, fin: false })],
    ['continuation of nothing', frame('x', { opcode: 0 })],
    ['length in a longer form', Buffer.from([0x81, 0xfe, 0, 5, 0, 0, 0, 0])],
    ['length beyond all', Buffer.from([0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ];
  for (const [what, bytes] of cases) {
    const world = new World().client(bytes);
    assert.equal(world.finish(), 'protocol-error', what);
    assert.equal(world.judged.length, 0, what);
  }
  const inside = new World().client(frame('a', { fin: false }), frame('b'));
  assert.equal(inside.finish(), 'protocol-error');
  const unknown = new World(() => ALLOW, 'x-other').client(frame('a'));
  assert.equal(unknown.finish(), 'protocol-error');
  const upstream = new World().upstream(frame('masked'));
  assert.equal(upstream.finish(), 'protocol-error');
});

test('HT-41: a compressed message ends with its last block, and what hides behind that is refused', async () => {
  const last = deflateRawSync('harmless');
  const cases: readonly (readonly [string, Buffer, readonly string[]])[] = [
    ['a last block alone', last, ['harmless']],
    ['as RFC 7692 shows it', Buffer.concat([last, Buffer.from([0])]), ['harmless']],
    ['another block', Buffer.concat([last, deflateRawSync(' the secret')]), []],
    ['bytes that are no block', Buffer.concat([last, Buffer.from('the secret')]), []],
  ];
  for (const [name, payload, messages] of cases) {
    const bytes = frame(payload, { rsv: 0x40 });
    const world: World = await new World(() => ALLOW, 'permessage-deflate').client(bytes).settled();
    assert.deepEqual(world.messages(), messages, name);
    assert.equal(world.bytes('upstream').includes(bytes), messages.length > 0, name);
  }
});

test('HT-41: a message has a bounded number of pieces, and few messages wait behind one that is judged', () => {
  const pieces = (count: number): readonly Buffer[] =>
    Array.from({ length: count }, (_, index) => frame('x', { opcode: index === 0 ? 1 : 0, fin: index === count - 1 }));
  const many = new World().client(Buffer.concat(pieces(5000)));
  assert.equal(many.judged.length, 0);
  assert.equal(many.finish(), 'refused');
  const some = new World().client(Buffer.concat(pieces(4000)));
  assert.deepEqual(some.messages(), ['x'.repeat(4000)]);
  const waiting = new World(() => null);
  waiting.client(...Array.from({ length: 100 }, () => frame('x')));
  assert.equal(waiting.session.paused('client'), false);
  waiting.client(...Array.from({ length: 200 }, () => frame('x')));
  assert.equal(waiting.session.paused('client'), true);
});

test('MP-36: compressed messages share a window, or not, as was agreed', async () => {
  const texts = ['hello hello hello', 'hello hello again', 'x'.repeat(1000)];
  const payloads = await deflated(...texts);
  const frames = payloads.map((payload) => frame(payload, { rsv: 0x40 }));
  const world = new World(() => ALLOW, 'permessage-deflate; client_max_window_bits=15').client(...frames);
  assert.deepEqual(world.messages(), texts);
  assert.deepEqual(world.bytes('upstream'), Buffer.concat(frames));
  const [alone] = await deflated('alone');
  const other = new World(() => ALLOW, 'permessage-deflate; client_no_context_takeover');
  other.client(frame(alone ?? '', { rsv: 0x40 }), frame(alone ?? '', { rsv: 0x40 }));
  assert.deepEqual(other.messages(), ['alone', 'alone']);
  const bomb = await deflated('\0'.repeat(MAX_MESSAGE_BYTES + 1));
  const denied = new World(() => ALLOW, 'permessage-deflate').client(frame(bomb[0] ?? '', { rsv: 0x40 }));
  assert.equal(denied.finish(), null);
  assert.equal((await denied.settled()).finish(), 'refused');
});

test('HT-41: a short message that becomes a long one is inflated beside the main thread, and its order is kept', async () => {
  const long = 'a'.repeat(MAX_MESSAGE_BYTES);
  const texts = ['first', long, 'third', 'b'.repeat(300_000)];
  const frames = (await deflated(...texts)).map((payload) => frame(payload, { rsv: 0x40 }));
  const world = new World(() => ALLOW, 'permessage-deflate');
  const ping = frame('', { opcode: 9 });
  world.client(Buffer.concat([...frames, frame('last'), ping]));
  assert.deepEqual(world.messages(), ['first'], 'nothing long was inflated in this turn');
  assert.deepEqual(world.sent.upstream, [ping, frames[0]]);
  await world.settled();
  assert.deepEqual(
    world.messages().map((message) => String(message).length),
    [...texts, 'last'].map(({ length }) => length),
  );
  assert.deepEqual(world.bytes('upstream'), Buffer.concat([ping, ...frames, frame('last')]));
  const json = (index: number): unknown => world.judged[index]?.units[0]?.facts.get('http.message_json');
  assert.equal((json(1) as Unknown).cause, 'too_large');
  assert.equal((json(2) as Unknown).cause, 'unparseable');
  // Who leaves meanwhile sends nothing, and what comes behind a Close does not overtake.
  const left = new World(() => ALLOW, 'permessage-deflate').client(
    frames[1] ?? ping,
    frame('', { opcode: 8 }),
    frames[0] ?? ping,
  );
  await left.settled();
  assert.deepEqual(left.messages(), []);
});

test('a policy that reads no messages any more lets them pass in their order, and one that does again judges', async () => {
  const payloads = await deflated('one', 'two', 'three');
  const frames = payloads.map((payload) => frame(payload, { rsv: 0x40 }));
  const world = new World(() => null, 'permessage-deflate').client(frames[0] ?? server(''));
  world.reads = false;
  world.policy = 'second';
  world.client(frames[1] ?? server(''));
  assert.deepEqual(world.sent.upstream, [], 'what waits for its verdict is not overtaken');
  world.handle({ kind: 'judged', action: 'a0', verdict: ALLOW });
  assert.deepEqual(world.sent.upstream, frames.slice(0, 2));
  world.reads = true;
  world.policy = 'third';
  world.client(frames[2] ?? server(''));
  assert.deepEqual(world.messages(), ['one', 'three']);
});

test('MP-36: a megabyte in fragments, pings and closes pass byte for byte', () => {
  const parts = [
    frame(Buffer.alloc(600_000, 0x61), { fin: false }),
    frame('', { opcode: 9 }),
    frame(Buffer.alloc(500_000, 0x62), { opcode: 0 }),
  ];
  const close = frame(Buffer.from([3, 232]), { opcode: 8 });
  const stream = Buffer.concat(parts);
  const chunks = Array.from({ length: Math.ceil(stream.length / 65_536) }, (_, index) =>
    stream.subarray(index * 65_536, (index + 1) * 65_536),
  );
  const world = new World().client(...chunks, close);
  assert.deepEqual(
    world.bytes('upstream'),
    Buffer.concat([parts[1] ?? close, parts[0] ?? close, parts[2] ?? close, close]),
  );
  const answers = Buffer.concat([
    server('a'.repeat(70_000)),
    server('', { opcode: 10 }),
    server(Buffer.from([3, 232]), { opcode: 8 }),
  ]);
  world.upstream(answers.subarray(0, 3), answers.subarray(3, 40_000), answers.subarray(40_000));
  assert.deepEqual(world.bytes('client'), answers);
  world.handle({ kind: 'ended', from: 'upstream', how: 'fin' });
  world.handle({ kind: 'ended', from: 'client', how: 'fin' });
  assert.equal(world.finish(), 'client-closed');
});

test('while a message waits, pings pass, messages queue, and a client that leaves takes it back', () => {
  const world = new World(() => null).client(frame('one'), frame('two'), frame('', { opcode: 9 }));
  assert.deepEqual(world.messages(), ['one']);
  assert.deepEqual(world.sent.upstream, [frame('', { opcode: 9 })]);
  assert.equal(world.session.paused('client'), false);
  world.client(frame(Buffer.alloc(300_000)));
  assert.equal(world.session.paused('client'), true);
  world.handle({ kind: 'judged', action: 'a0', verdict: ALLOW });
  assert.deepEqual(world.messages(), ['one', 'two']);
  world.client(frame(Buffer.from([3, 232]), { opcode: 8 }));
  assert.deepEqual(
    world.others.filter(({ kind }) => kind === 'withdraw').map((command) => command.kind),
    ['withdraw'],
  );
  world.handle({ kind: 'judged', action: 'a1', verdict: { ...DENY, cause: 'cancelled' } });
  assert.ok(!world.bytes('upstream').includes(frame('two').subarray(6)));
  const ended = new World(() => null).client(frame('one'));
  ended.handle({ kind: 'ended', from: 'client', how: 'reset' });
  assert.deepEqual(
    ended.others.map(({ kind }) => kind),
    ['withdraw', 'finish'],
  );
});

test('a close of ours stands between two frames of the server', () => {
  const answer = server('a long answer');
  const world = new World(() => DENY).upstream(answer.subarray(0, 5));
  world.client(frame('x'));
  assert.equal(world.finish(), null);
  world.upstream(Buffer.concat([answer.subarray(5), server('more')]));
  assert.equal(world.finish(), 'refused');
  const bytes = world.bytes('client');
  assert.deepEqual(bytes.subarray(0, answer.length), answer);
  assert.equal(bytes[answer.length], 0x88);
  assert.ok(!bytes.includes('more'));
  const drained = new World();
  drained.handle({ kind: 'draining', why: 'stop' });
  assert.equal(drained.finish(), 'drained');
});

test('any cut of the stream gives the same messages, and random bytes never throw', () => {
  const stream = Buffer.concat([
    frame('{"a"', { fin: false }),
    frame('', { opcode: 10 }),
    frame(':1}', { opcode: 0 }),
    frame('x'.repeat(300)),
    frame('', { opcode: 2 }),
  ]);
  const whole = new World().client(stream);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 10 }), (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const chunks = places.slice(1).map((place, index) => stream.subarray(places[index], place));
      const world = new World().client(...chunks);
      assert.deepEqual(world.messages(), whole.messages());
      assert.deepEqual(world.bytes('upstream'), whole.bytes('upstream'));
    }),
    { numRuns: 50 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (up, down) => {
      new World(noSecret, 'permessage-deflate').upstream(Buffer.from(down)).client(Buffer.from(up));
    }),
  );
  assert.ok(new World().client(frame(Buffer.from([0xff]))).messages()[0] instanceof Unknown);
});
