// One direction of a channel: who may send how much, and what waits for what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Flow } from '../../../src/protocols/ssh/flow.ts';

function start(options: { credit?: number; granted?: number; running?: boolean; packetBytes?: number } = {}) {
  const sent: string[] = [];
  const granted: number[] = [];
  const flow = new Flow(
    { send: (bytes, type) => void sent.push(`${type}:${bytes.toString()}`), grant: (more) => void granted.push(more) },
    { credit: 10, granted: 10, reserveBytes: 0, packetBytes: 100, running: true, ...options },
  );
  return { flow, sent, granted };
}

test('what the sink has room for passes at once; the rest waits for room, cut to its packets', () => {
  const { flow, sent } = start({ packetBytes: 4 });
  flow.push(Buffer.from('0123456789abcdef'), 0);
  assert.deepEqual(sent, ['0:0123', '0:4567', '0:89']);
  flow.adjust(3);
  assert.deepEqual(sent.slice(3), ['0:abc']);
  assert.equal(flow.queuedBytes, 3);
});

test('calls have their place behind what waits', () => {
  const { flow, sent } = start({ credit: 2 });
  flow.push(Buffer.from('abc'), 0);
  flow.after(() => void sent.push('end'));
  assert.deepEqual(sent, ['0:ab']);
  flow.adjust(5);
  assert.deepEqual(sent, ['0:ab', '0:c', 'end']);
});

test('bytes that come one by one are kept together, and streams apart', () => {
  const { flow } = start({ running: false });
  for (let index = 0; index < 10_000; index += 1) {
    flow.push(Buffer.of(120), 0);
  }
  flow.push(Buffer.from('e'), 1);
  assert.equal(flow.queuedBytes, 10_001);
  assert.equal(flow.queued().length, 10_001);
});

test('nobody is ever allowed more than the sink takes and the allowance holds, whatever happens', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), size: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ kind: fc.constant('adjust' as const), size: fc.integer({ min: 1, max: 80_000 }) }),
    fc.record({ kind: fc.constant('allow' as const), size: fc.integer({ min: 0, max: 100_000 }) }),
    fc.record({ kind: fc.constant('run' as const), size: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let out = 0;
      let credit = 20_000;
      let may = 20_000;
      let allowance = 0;
      let most = 0;
      const flow = new Flow(
        {
          send: (bytes) => {
            out += bytes.length;
            credit -= bytes.length;
            assert.equal(credit >= 0, true);
          },
          grant: (more) => {
            may += more;
          },
        },
        { credit: 20_000, granted: 20_000, reserveBytes: 0, packetBytes: 32_768, running: false },
      );
      let sent = 0;
      for (const { kind, size } of steps) {
        if (kind === 'send') {
          const bytes = Math.min(size, may);
          may -= bytes;
          sent += bytes;
          assert.equal(flow.receive(bytes), true);
          flow.push(Buffer.alloc(bytes), 0);
        } else if (kind === 'adjust') {
          credit += size;
          flow.adjust(size);
        } else if (kind === 'allow') {
          allowance = size;
          most = Math.max(most, size);
          flow.allow(size);
        } else {
          flow.run();
        }
        assert.equal(out + flow.queuedBytes, sent);
        assert.equal(flow.queuedBytes + may <= credit + Math.max(most, allowance), true);
      }
    }),
  );
});
