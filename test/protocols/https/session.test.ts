// What runs after an upgrade: bytes pass while no rule reads messages, and from the first message after a policy that does, each is judged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWebSocketSession } from '../../../src/protocols/https/session.ts';
import type { Session, SessionEvent, Side } from '../../../src/protocols/session.ts';
import { ALLOW, denial } from '../../support/fake-gate.ts';
import { makeRequest, makeState } from '../../support/http.ts';
import { makeRuleAction } from '../../support/rule-parts.ts';
import { webSocketFrame } from '../../support/spdy.ts';

/** A message of the client; `first` replaces the first byte (fin, compression, opcode). */
function sent(text: string, first: number = 0x81): Buffer {
  const bytes = webSocketFrame(Buffer.from(text), { masked: true });
  bytes[0] = first;
  return bytes;
}

function answered(text: string): Buffer {
  return webSocketFrame(Buffer.from(text), { masked: false, opcode: 1 });
}

class World {
  readonly session: Session;
  readonly sent: Record<Side, Buffer[]> = { client: [], upstream: [] };
  readonly messages: string[] = [];
  readonly ends: string[] = [];
  reads = false;
  policy = 'first';

  constructor(extensions: string = '') {
    const { request } = makeRequest({ upgrade: 'websocket', target: '/chat' });
    const fields = extensions === '' ? [] : [{ name: 'Sec-WebSocket-Extensions', value: extensions }];
    this.session = createWebSocketSession(
      request,
      { status: 101, fields },
      {
        state: makeState(),
        reads: (fact) => this.reads && fact === 'http.message',
        policy: () => this.policy,
        createAction: (parts) => ({ ...makeRuleAction({ family: 'http' }), ...parts, id: 'a' }),
      },
    );
  }

  reload(reads: boolean): this {
    this.reads = reads;
    this.policy += '+';
    return this;
  }

  from(from: Side, ...chunks: readonly Buffer[]): this {
    chunks.forEach((bytes) => this.handle({ kind: 'data', from, bytes }));
    return this;
  }

  handle(event: SessionEvent): this {
    for (const command of this.session.handle(event)) {
      switch (command.kind) {
        case 'send':
          this.sent[command.to].push(command.bytes);
          break;
        case 'judge': {
          const message = command.action.units[0]?.facts.get('http.message');
          assert.ok(typeof message === 'string');
          this.messages.push(message);
          const verdict = message.includes('secret') ? denial('no secrets') : ALLOW;
          this.handle({ kind: 'judged', action: command.action.id, verdict });
          break;
        }
        case 'end':
          this.ends.push(`end ${command.to}`);
          break;
        case 'finish':
          this.ends.push(command.reason.kind);
          break;
        case 'settle':
          break;
        case 'await':
        case 'withdraw':
        case 'cancel-upstream':
          assert.fail(command.kind);
      }
    }
    return this;
  }
}

test('a connection that was upgraded before a reload is judged by the new policy from its next message on', () => {
  const world = new World().from('client', sent('a secret'), sent('').subarray(0, 1), sent('').subarray(1));
  assert.deepEqual([world.messages, world.sent.upstream.length], [[], 3]);
  world.reload(true).from('client', sent('harmless'), sent('another secret'));
  assert.deepEqual(world.messages, ['harmless', 'another secret']);
  assert.deepEqual(world.sent.upstream[3], sent('harmless'));
  assert.ok(!Buffer.concat(world.sent.upstream.slice(3)).includes(sent('another secret')));
  assert.deepEqual(world.ends, ['end client', 'end upstream', 'refused']);
  assert.equal(world.sent.client.at(-1)?.readUInt16BE(2), 1008);
});

test('a reload that reads no messages changes nothing, and the answers of the server pass all the while', () => {
  const world = new World().from('client', sent('a')).from('upstream', answered('x').subarray(0, 2));
  world.reload(false).from('client', sent('a secret')).reload(true).from('client', sent('b'));
  world.from('upstream', answered('x').subarray(2), answered('y'));
  assert.deepEqual(world.messages, ['b']);
  assert.deepEqual(Buffer.concat(world.sent.client), Buffer.concat([answered('x'), answered('y')]));
  world.from('upstream', answered('long').subarray(0, 3)).from('client', sent('secret'));
  assert.deepEqual(world.ends, [], 'the Close stands behind the frame that is under way');
  world.from('upstream', answered('long').subarray(3));
  assert.deepEqual(world.ends, ['end client', 'end upstream', 'refused']);
});

test('where a judgement cannot begin any more the client has to connect again, and nothing of it passes', () => {
  const compressed = sent('x', 0xc1);
  const cases: readonly (readonly [string, (world: World) => World, string])[] = [
    ['inside a frame', (world) => world.from('client', sent('hello').subarray(0, 8)), ''],
    ['inside a message', (world) => world.from('client', sent('hello', 0x01)), ''],
    ['the window is not known', (world) => world.from('client', compressed), 'permessage-deflate'],
    ['these are no frames', (world) => world.from('client', Buffer.from('GET / HTTP/1.1')), ''],
    ['the answers are no frames', (world) => world.from('upstream', Buffer.from('HTTP/1.1 200')), ''],
    ['the server has ended', (world) => world.handle({ kind: 'ended', from: 'upstream', how: 'fin' }), ''],
  ];
  for (const [name, before, extensions] of cases) {
    const world = before(new World(extensions));
    const count = world.sent.upstream.length;
    world.reload(true).from('client', sent('a secret'));
    assert.equal(world.ends.at(-1), 'drained', name);
    assert.equal(world.sent.upstream.length, count, name);
    assert.deepEqual(world.messages, [], name);
  }
  const told = new World().from('client', sent('hello', 0x01)).reload(true).from('client', sent('x'));
  assert.equal(told.sent.client[0]?.readUInt16BE(2), 1012);
  const fresh = new World('permessage-deflate; client_no_context_takeover').from('client', compressed);
  assert.deepEqual(fresh.reload(true).from('client', sent('plain')).messages, ['plain']);
});

test('while nothing is read, half-closes, resets and draining are passed on', () => {
  const world = new World();
  assert.equal(world.session.paused('client'), false);
  world.handle({ kind: 'ended', from: 'client', how: 'fin' }).handle({ kind: 'ended', from: 'upstream', how: 'fin' });
  assert.deepEqual(world.ends, ['end upstream', 'end client', 'upstream-closed']);
  assert.deepEqual(new World().handle({ kind: 'ended', from: 'client', how: 'reset' }).ends, ['reset']);
  assert.deepEqual(new World().handle({ kind: 'draining', why: 'stop' }).ends, ['drained']);
});
