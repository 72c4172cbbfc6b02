// The relay by itself: a session that is told what to say, between two streams in memory.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { test } from 'node:test';
import { relay } from '../../src/gateway/relay.ts';
import type { Gate, Waiting } from '../../src/protocols/protocol.ts';
import type {
  FinishReason,
  Session,
  SessionCommand,
  SessionEvent,
  Side,
  Verdict,
} from '../../src/protocols/session.ts';
import type { Action, Outcome } from '../../src/rules/action.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { makeAction } from '../support/gate-parts.ts';

type Answer = (event: SessionEvent) => readonly SessionCommand[];

interface Setup {
  readonly client: Duplex;
  readonly upstream: Duplex;
  /** The relay's own ends of the two. */
  readonly ends: Readonly<Record<Side, Duplex>>;
  readonly clock: FakeClock;
  readonly events: SessionEvent[];
  readonly asked: Action[];
  readonly settled: Outcome[];
  readonly cancelled: () => number;
  readonly finished: Promise<FinishReason>;
  readonly ending: AbortController;
  readonly draining: AbortController;
  cancel: () => void;
  pause(side: Side, paused: boolean): void;
}

function setUp(answer: Answer, decide: Gate['decide'] = () => ({ kind: 'allow' })): Setup {
  const [client, clientEnd] = duplexPair();
  const [upstream, upstreamEnd] = duplexPair();
  const events: SessionEvent[] = [];
  const asked: Action[] = [];
  const settled: Outcome[] = [];
  const paused = new Set<Side>();
  let cancels = 0;
  const session: Session = {
    idle: true,
    paused: (side) => paused.has(side),
    handle: (event) => {
      events.push(event);
      return answer(event);
    },
  };
  const gate: Gate = {
    decide: (action, waiting) => {
      asked.push(action);
      return decide(action, waiting);
    },
    settle: (_action, outcome) => void settled.push(outcome),
    resume: () => assert.fail('SQL clients always wait'),
  };
  const ending = new AbortController();
  const draining = new AbortController();
  const clock = new FakeClock();
  const setup: Setup = {
    client,
    upstream,
    ends: { client: clientEnd, upstream: upstreamEnd },
    clock,
    events,
    asked,
    settled,
    cancelled: () => cancels,
    ending,
    draining,
    cancel: () => undefined,
    pause: (side, value) => void (value ? paused.add(side) : paused.delete(side)),
    finished: Promise.resolve({ kind: 'failed', detail: '' }),
  };
  const parts = {
    session,
    client: clientEnd,
    upstream: upstreamEnd,
    cancelUpstream: () => void (cancels += 1),
    onCancelHandle: (handle: () => void) => {
      setup.cancel = handle;
    },
  };
  const context = { gate, clock, signal: ending.signal, draining: draining.signal };
  return Object.assign(setup, { finished: relay(parts, context) });
}

/** Both peers close. */
function hangUp({ client, upstream }: Pick<Setup, 'client' | 'upstream'>): void {
  for (const peer of [client, upstream]) {
    peer.resume();
    peer.end();
  }
}

/** Passes bytes on, finishes when a side ends. */
const passOn: Answer = (event) => {
  if (event.kind === 'data') {
    return [{ kind: 'send', to: event.from === 'client' ? 'upstream' : 'client', bytes: event.bytes }];
  }
  return event.kind === 'ended' ? [{ kind: 'finish', reason: { kind: 'client-closed', detail: event.how } }] : [];
};

async function read(stream: Duplex): Promise<string> {
  const [bytes] = await new Promise<[Buffer]>((resolve) => {
    stream.once('data', (chunk: Buffer) => resolve([chunk]));
  });
  return bytes.toString();
}

test('bytes pass in both directions, and an end finishes', async () => {
  const { client, upstream, finished } = setUp(passOn);
  client.write('question');
  assert.equal(await read(upstream), 'question');
  upstream.write('answer');
  assert.equal(await read(client), 'answer');
  hangUp({ client, upstream });
  assert.deepEqual(await finished, { kind: 'client-closed', detail: 'fin' });
});

const action = makeAction('select 1');

/** Judges what the client sends, and sends upstream what the verdict was. */
const judging: Answer = (event) => {
  if (event.kind === 'data') {
    return [{ kind: 'judge', action }];
  }
  if (event.kind === 'judged') {
    return [{ kind: 'send', to: 'upstream', bytes: Buffer.from(event.verdict.kind) }];
  }
  if (event.kind === 'cancel-requested') {
    return [{ kind: 'withdraw', action: action.id }];
  }
  return event.kind === 'ended' ? [{ kind: 'finish', reason: { kind: 'client-closed', detail: '' } }] : [];
};

function kinds(events: readonly SessionEvent[]): string {
  return events.map(({ kind }) => kind).join(' ');
}

test('a verdict that is there at once is answered in the same turn', async () => {
  const { client, upstream, events } = setUp(judging);
  client.write('x');
  assert.equal(await read(upstream), 'allow');
  assert.equal(kinds(events), 'data judged');
});

test('a verdict that comes later is announced, and parked notices reach the session in order', async () => {
  let answer: (verdict: Verdict) => void = () => undefined;
  let waits: Waiting | null = null;
  const notice = { approval: 'a', expiresInMs: 1, waitsFor: 'x' };
  const { client, upstream, events } = setUp(judging, (_action, waiting) => {
    waits = waiting();
    waits.parked(notice);
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  client.write('x');
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  assert.equal(kinds(events), 'data waiting parked');
  answer({ kind: 'allow' });
  assert.equal(await read(upstream), 'allow');
  (waits as Waiting | null)?.parked(notice);
  assert.equal(kinds(events), 'data waiting parked judged');
});

test('a withdrawn action aborts its wait, and so does the end of the connection', async () => {
  for (const how of ['cancel', 'end'] as const) {
    let signal: AbortSignal | null = null;
    const setup = setUp(judging, (_action, waiting) => {
      signal = waiting().signal;
      return new Promise(() => undefined);
    });
    setup.client.write('x');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    assert.equal((signal as AbortSignal | null)?.aborted, false);
    if (how === 'cancel') {
      setup.cancel();
    } else {
      hangUp(setup);
      await setup.finished;
    }
    assert.equal((signal as AbortSignal | null)?.aborted, true, how);
  }
});

test('LC-10: a gate that rejects, and a session that throws, end the connection as failed', async () => {
  const rejecting = setUp(judging, () => Promise.reject(new Error('no gate')));
  const throwing = setUp(() => {
    throw new Error('no session');
  });
  for (const [setup, detail] of [
    [rejecting, 'no gate'],
    [throwing, 'no session'],
  ] as const) {
    setup.client.write('x');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    hangUp(setup);
    assert.deepEqual(await setup.finished, { kind: 'failed', detail });
  }
});

test('settlements, cancels and awaited work reach those whom they concern', async () => {
  const outcome: Outcome = { kind: 'ok', rows: 1, status: '', errorCode: '', bytesToClient: 0, durationMs: 0 };
  const { client, events, settled, cancelled } = setUp((event) =>
    event.kind === 'data'
      ? [
          { kind: 'settle', action, outcome },
          { kind: 'cancel-upstream' },
          { kind: 'end', to: 'upstream' },
          { kind: 'await', work: Promise.resolve() },
        ]
      : [],
  );
  client.write('x');
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  assert.deepEqual([settled, cancelled(), kinds(events)], [[outcome], 1, 'data awaited']);
});

test('draining is told to the session with its reason; the end of the daemon is not negotiated', async () => {
  const { draining, ending, events, finished, client, upstream } = setUp(() => []);
  draining.abort('maintenance');
  assert.deepEqual(events, [{ kind: 'draining', why: 'maintenance' }]);
  hangUp({ client, upstream });
  ending.abort('stop now');
  assert.deepEqual(await finished, { kind: 'drained', detail: 'stop now' });
});

test('a client that does not read holds the upstream back', async () => {
  const { client, upstream, finished } = setUp(passOn);
  client.pause();
  const piece = Buffer.alloc(64 * 1024);
  let written = 0;
  while (upstream.write(piece)) {
    written += 1;
    assert.ok(written < 100, 'nothing holds it back');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  assert.ok(written < 100);
  hangUp({ client, upstream });
  assert.equal((await finished).kind, 'client-closed');
});

test('a side that the session pauses is not read until it says so', async () => {
  const setup = setUp((event) => {
    if (event.kind === 'data' && event.from === 'client') {
      setup.pause('client', true);
    } else if (event.kind === 'data') {
      setup.pause('client', false);
    }
    return [];
  });
  const turn = () =>
    new Promise((resolve) => {
      setImmediate(resolve);
    });
  setup.client.write('one');
  await turn();
  setup.client.write('two');
  await turn();
  assert.equal(kinds(setup.events), 'data');
  setup.upstream.write('go on');
  await turn();
  await turn();
  assert.equal(kinds(setup.events), 'data data data');
});

test('PG-T14: a connection that must end takes both its streams with it, though neither peer does anything, and leaves nothing behind', async () => {
  for (const parked of [false, true]) {
    const pending = new Promise<Verdict>(() => undefined);
    const { client, ends, clock, ending, draining, finished, asked } = setUp(judging, () =>
      parked ? pending : { kind: 'allow' },
    );
    client.write('x');
    await until(() => asked.length === 1);
    ending.abort('the device was revoked');
    // What was said last may still be on its way: for a moment, and no longer.
    assert.deepEqual([ends.client.destroyed, ends.upstream.destroyed], [false, false]);
    await clock.advance(2_000);
    assert.deepEqual(await finished, { kind: 'drained', detail: 'the device was revoked' });
    assert.deepEqual([ends.client.destroyed, ends.upstream.destroyed], [true, true], `parked: ${parked}`);
    const listeners = [ending, draining].flatMap(({ signal }) => getEventListeners(signal, 'abort'));
    assert.deepEqual([listeners.length, clock.timers], [0, 0], `parked: ${parked}`);
  }
});

/** As `passOn`, and what broke is passed on as broken. */
const passBreaks: Answer = (event) =>
  event.kind === 'ended'
    ? [{ kind: 'finish', reason: { kind: event.how === 'reset' ? 'reset' : 'client-closed', detail: event.from } }]
    : passOn(event);

test('ND-05: the error of either stream reaches the session and closes the other one, and no one else hears of it', async () => {
  for (const side of ['client', 'upstream'] as const) {
    const { ends, events, finished } = setUp(passBreaks);
    ends[side].destroy(new Error('read ECONNRESET'));
    assert.deepEqual(await finished, { kind: 'reset', detail: side });
    assert.deepEqual(events, [{ kind: 'ended', from: side, how: 'reset' }]);
    assert.ok(ends.client.destroyed && ends.upstream.destroyed, side);
  }
});

test('ND-07: a chunk of thousands of statements that are judged at once leaves others their turn, and is not read past', async () => {
  const all = 2_000;
  let judged = 0;
  const seen: number[] = [];
  const others = (): void => {
    seen.push(judged);
    if (judged < all && seen.length < all) {
      setImmediate(others);
    }
  };
  const { client, upstream, ends, finished } = setUp((event) => {
    if (event.kind === 'data') {
      setImmediate(others);
      return [{ kind: 'judge', action }];
    }
    if (event.kind === 'judged') {
      judged += 1;
      assert.equal(ends.client.isPaused(), judged >= 256, `after ${judged}`);
      return judged < all ? [{ kind: 'judge', action }] : [];
    }
    return passOn(event);
  });
  client.write('x');
  await until(() => seen.at(-1) === all);
  const steps = seen.map((count, index) => count - (seen[index - 1] ?? 0));
  assert.ok(
    steps.every((step) => step <= 256),
    steps.join(),
  );
  assert.equal(ends.client.isPaused(), false, 'and then it is read again');
  hangUp({ client, upstream });
  await finished;
});

/** Streams pass bytes on in turns of their own. */
async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns += 1) {
    assert.ok(turns < 100_000, 'it did not come to pass');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
