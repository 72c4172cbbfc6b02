// The state machine of a native connection, played with bytes: what is judged, what goes where, and what is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLIENT, NEWEST_REVISION, SERVER, SINCE, Writer } from '../../../src/protocols/clickhouse/codec.ts';
import { DataPacket } from '../../../src/protocols/clickhouse/client-data.ts';
import { createClickHouseAnalyser } from '../../../src/protocols/clickhouse/facts.ts';
import { beginsLikePacket, readFrameHead, wrapFrame } from '../../../src/protocols/clickhouse/frames.ts';
import { ownQuery, queryBytes, takeQuery, type QueryPacket } from '../../../src/protocols/clickhouse/query.ts';
import { createNativeSession } from '../../../src/protocols/clickhouse/session.ts';
import { exceptionPacket, idleProgress, logPacket } from '../../../src/protocols/clickhouse/denial.ts';
import { ServerStream } from '../../../src/protocols/clickhouse/server-stream.ts';
import type { FinishReason, Session, SessionEvent, Verdict } from '../../../src/protocols/session.ts';
import { Unknown } from '../../../src/rules/action.ts';
import type { Action, Outcome } from '../../../src/rules/action.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { AGENT } from '../../support/gate-parts.ts';
import { NO_MORE_DATA, blockOf, dataPacket } from '../../support/raw-clickhouse.ts';

const DENY: Verdict = { kind: 'deny', cause: 'deny', rule: 'r', reason: 'no', word: '', hint: '' };
const ALLOW: Verdict = { kind: 'allow' };
const END = Buffer.from([SERVER.endOfStream]);

interface Played {
  readonly session: Session;
  readonly actions: Action[];
  readonly toUpstream: () => Buffer;
  readonly toClient: () => Buffer;
  readonly settled: Outcome[];
  readonly refused: string[];
  finished: FinishReason | null;
  withdrawn: number;
  client(...parts: readonly Buffer[]): void;
  server(...parts: readonly Buffer[]): void;
  feed(event: SessionEvent): void;
}

interface PlayOptions {
  readonly revision?: number;
  /** Null: the verdict comes later, by `feed`. */
  readonly decide?: (action: Action) => Verdict | null;
}

const analyser = createClickHouseAnalyser();

function play({ revision = 54412, decide = (): Verdict => ALLOW }: PlayOptions = {}): Played {
  const refused: string[] = [];
  const session = createNativeSession({
    origin: {
      session: 's',
      agent: AGENT,
      endpoint: { name: 'ch', type: 'clickhouse_native', ref: 'clickhouse_native.ch', family: 'sql', host: 'h' },
      credential: null,
      clock: new FakeClock(),
    },
    analyser,
    options: () => ({ readOnly: false, trustedFunctions: new Set(), maxTextBytes: 1024 * 1024 }),
    verify: () => null,
    revision,
    user: 'real',
    database: 'app',
    refused: (cause, detail) => void refused.push(`${cause}: ${detail}`),
  });
  const sent: { readonly client: Buffer[]; readonly upstream: Buffer[] } = { client: [], upstream: [] };
  const played: Played = {
    session,
    actions: [],
    toUpstream: () => Buffer.concat(sent.upstream),
    toClient: () => Buffer.concat(sent.client),
    settled: [],
    refused,
    finished: null,
    withdrawn: 0,
    client: (...parts) => played.feed({ kind: 'data', from: 'client', bytes: Buffer.concat(parts) }),
    server: (...parts) => played.feed({ kind: 'data', from: 'upstream', bytes: Buffer.concat(parts) }),
    feed(event) {
      let next: SessionEvent | null = event;
      while (next !== null) {
        const now: SessionEvent = next;
        next = null;
        const commands = session.handle(now);
        // A question is the last of its list: a relay that answers at once would drop what follows.
        const question = commands.findIndex(({ kind }) => kind === 'judge' || kind === 'await');
        assert.ok(question === -1 || question === commands.length - 1);
        for (const command of commands) {
          switch (command.kind) {
            case 'send':
              sent[command.to].push(command.bytes);
              break;
            case 'judge': {
              played.actions.push(command.action);
              const verdict = decide(command.action);
              next =
                verdict === null
                  ? { kind: 'waiting', action: command.action.id }
                  : { kind: 'judged', action: command.action.id, verdict };
              break;
            }
            case 'settle':
              played.settled.push(command.outcome);
              break;
            case 'finish':
              played.finished ??= command.reason;
              break;
            case 'withdraw':
              played.withdrawn += 1;
              break;
            case 'await':
            case 'cancel-upstream':
            case 'end':
              break;
          }
        }
      }
    },
  };
  return played;
}

const query = (text: string, more: Partial<QueryPacket> = {}, revision: number = 54412): Buffer =>
  queryBytes({ ...ownQuery(text), ...more }, { revision, compressed: more.compressed === true });
const asked = (text: string, more: Partial<QueryPacket> = {}, revision: number = 54412): Buffer =>
  Buffer.concat([query(text, more, revision), NO_MORE_DATA]);
const framed = (raw: Buffer): Buffer =>
  Buffer.concat([new Writer().varuint(CLIENT.data).string('').bytes(), wrapFrame(raw)]);
const setting = (name: string, value: string): QueryPacket['settings'][number] => ({
  name,
  value,
  bytes: new Writer().string(name).varuint(0).string(value).bytes(),
});
const LAST_BLOCK = NO_MORE_DATA.subarray(2);
const factOf = (action: Action | undefined, name: string): unknown => action?.units[0]?.facts.get(name);
const isDenied = (bytes: Buffer): boolean => bytes[0] === SERVER.exception && bytes.readInt32LE(1) === 497;

const REVISIONS = [54406, 54412, 54420, 54429, 54441, 54442, 54448, 54449, 54453, 54454, 54458, 54459, 54464];

test('CK-06 at every revision a query is read and sent on as it was judged', () => {
  for (const revision of REVISIONS) {
    const played = play({ revision });
    const settings = revision >= SINCE.settingsAsStrings ? [setting('max_threads', '2')] : [];
    const parameters = revision >= SINCE.parameters ? [setting('p', "'v'")] : [];
    played.client(asked('SELECT 1', { settings, parameters }, revision));
    const sent = takeQuery(played.toUpstream(), revision);
    assert.equal(sent.kind, 'packet', String(revision));
    if (sent.kind === 'packet') {
      assert.equal(sent.packet.text.toString(), 'SELECT 1');
      assert.deepEqual(
        sent.packet.settings.map(({ name, value }) => [name, value]),
        settings.map(({ name, value }) => [name, value]),
      );
      assert.equal(sent.packet.parameters.length, parameters.length);
      assert.deepEqual(played.toUpstream().subarray(sent.sizeBytes), NO_MORE_DATA);
    }
    assert.equal(factOf(played.actions[0], 'sql.statement'), 'SELECT 1');
    played.server(END);
    assert.deepEqual(
      played.settled.map(({ kind }) => kind),
      ['ok'],
    );
    assert.equal(played.session.idle, true);
  }
});

test('what a query says of its user, of a distributed depth or of replicas is not sent on', () => {
  const original = query('SELECT 1', {}, NEWEST_REVISION);
  // Kind, then an empty user: another one is put in.
  const at = original.indexOf(Buffer.from([1, 0, 0]), 1);
  const changed = Buffer.concat([
    original.subarray(0, at + 1),
    Buffer.from([5]),
    Buffer.from('admin'),
    original.subarray(at + 2),
  ]);
  const played = play({ revision: NEWEST_REVISION });
  played.client(changed, NO_MORE_DATA);
  assert.equal(played.finished, null);
  assert.equal(played.toUpstream().includes('admin'), false);
});

test('any cut of the bytes gives the same commands', () => {
  const exchange = Buffer.concat([
    asked('SELECT 1'),
    Buffer.from([CLIENT.ping]),
    query('INSERT INTO t FORMAT Native', { compressed: true }),
    framed(LAST_BLOCK),
    framed(blockOf('String', 2, new Writer().string('a').string('b').bytes())),
    framed(LAST_BLOCK),
  ]);
  const answers = Buffer.concat(
    [dataPacket('UInt8', 1, Buffer.from([1])).with(0, SERVER.data), END].map((bytes) => Buffer.from(bytes)),
  );
  const run = (cuts: readonly number[]): readonly unknown[] => {
    const played = play();
    let from = 0;
    for (const to of [...cuts, exchange.length]) {
      played.client(exchange.subarray(from, to));
      from = to;
    }
    for (const byte of [...answers, SERVER.pong, SERVER.endOfStream]) {
      played.server(Buffer.from([byte]));
    }
    return [
      played.toUpstream().toString('hex'),
      played.toClient().toString('hex'),
      played.settled.length,
      played.finished,
    ];
  };
  const whole = run([]);
  assert.equal(whole[2], 2);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: exchange.length }), { maxLength: 30 }), (cuts) => {
      assert.deepEqual(run(cuts.toSorted((a, b) => a - b)), whole);
    }),
    { numRuns: 60 },
  );
});

test('CH-34 CK-07 data of a denied INSERT are read to their end, and the next query works', () => {
  for (const compressed of [false, true]) {
    const data = (raw: Buffer): Buffer =>
      compressed ? framed(raw) : Buffer.concat([new Writer().varuint(CLIENT.data).string('').bytes(), raw]);
    const played = play({ decide: (action) => (String(factOf(action, 'sql.verb')) === 'insert' ? DENY : ALLOW) });
    played.client(query('INSERT INTO t FORMAT Native', { compressed }), data(LAST_BLOCK));
    assert.equal(isDenied(played.toClient()), true);
    played.client(data(blockOf('UInt8', 3, Buffer.from([1, 1, 1]))), data(LAST_BLOCK));
    assert.equal(played.toUpstream().length, 0);
    played.client(asked('SELECT 1'));
    assert.equal(played.finished, null);
    assert.equal(takeQuery(played.toUpstream(), 54412).kind, 'packet');
    // Data without a query that could have meant them are refused.
    const other = play();
    other.client(data(blockOf('UInt8', 1, Buffer.from([1]))));
    assert.equal(other.finished?.kind, 'protocol-error');
  }
});

test('CH-30 packets between servers and unknown ones are refused, those of clients are not', () => {
  for (let type = 0; type < 256; type += 1) {
    const played = play();
    played.client(new Writer().varuint(type).bytes(), Buffer.alloc(8));
    const ofClients = [CLIENT.query, CLIENT.cancel, CLIENT.ping].some((one) => one === type);
    if (!ofClients) {
      assert.equal(played.finished?.kind, 'protocol-error', String(type));
      assert.equal(played.refused.length, 1);
      assert.equal(played.toUpstream().length, 0);
    }
  }
  const played = play();
  played.client(Buffer.from([CLIENT.cancel]), Buffer.from([CLIENT.ping]));
  assert.equal(played.finished, null);
  assert.deepEqual(played.toUpstream(), Buffer.from([CLIENT.ping]));
});

test('CH-32 secondary queries, secrets of a cluster and stages that are not the last are refused', () => {
  const plain = query('SELECT 1', {}, 54459);
  const text = new Writer().varuint(2).varuint(0).string('SELECT 1').bytes();
  const at = plain.lastIndexOf(text);
  const variants: readonly (readonly [string, Buffer])[] = [
    ['kind 2', Buffer.from(plain.with(plain.indexOf(1, 2), 2))],
    ['kind 0', Buffer.from(plain.with(plain.indexOf(1, 2), 0))],
    ['stage', Buffer.from(plain.with(at, 0))],
    ['secret', Buffer.concat([plain.subarray(0, at - 1), Buffer.from([3]), Buffer.from('abc'), plain.subarray(at)])],
    ['compression', Buffer.from(plain.with(at + 1, 2))],
  ];
  for (const [name, bytes] of variants) {
    const played = play({ revision: 54459 });
    played.client(bytes, NO_MORE_DATA);
    assert.equal(played.finished?.kind, 'protocol-error', name);
    assert.equal(played.toUpstream().length, 0, name);
  }
  const played = play({ revision: 54459 });
  played.client(plain, NO_MORE_DATA);
  assert.equal(played.finished, null);
});

test('CH-31 a frame that is not what it says ends the connection, and nothing behind it is sent', () => {
  const block = blockOf('UInt8', 2, Buffer.from([1, 2]));
  const good = wrapFrame(block);
  const hidden = asked('DROP TABLE t');
  const frames: readonly (readonly [string, Buffer])[] = [
    ['a wrong checksum', Buffer.from(good.with(0, (good[0] ?? 0) ^ 1))],
    ['length 0', Buffer.from(good.with(17, 0))],
    ['length 2^31', Buffer.from(good.with(20, 0x80))],
    ['a query behind the block', wrapFrame(Buffer.concat([block, hidden]))],
    ['an unknown method', Buffer.from(good.with(16, 0x91))],
  ];
  for (const [name, frame] of frames) {
    const played = play();
    played.client(query('INSERT INTO t FORMAT Native', { compressed: true }), framed(LAST_BLOCK));
    const before = played.toUpstream().length;
    played.client(new Writer().varuint(CLIENT.data).string('').bytes(), frame, hidden);
    assert.equal(played.finished?.kind, 'protocol-error', name);
    assert.ok(played.toUpstream().length <= before + 2, name);
    assert.equal(played.actions.length, 1, name);
  }
  const played = play();
  played.client(query('INSERT INTO t FORMAT Native', { compressed: true }), framed(LAST_BLOCK), framed(block));
  assert.equal(played.finished, null);
  assert.equal(played.toUpstream().includes(good), true);
});

test('data that come without compression go upstream in whole frames, of which none but the first begins like a packet', () => {
  const revision = 54412;
  const text = Buffer.alloc(5_000_000, 'row of text ');
  const packet = new DataPacket(revision, false);
  const value = new Writer().string(text).bytes();
  const whole = Buffer.concat([new Writer().varuint(CLIENT.data).string('').bytes(), blockOf('String', 1, value)]);
  let at = 0;
  const out: Buffer[] = [];
  while (packet.state === 'reading') {
    at += packet.push(whole.subarray(at, at + 60_000));
    out.push(...packet.drain());
  }
  assert.equal(packet.state, 'done');
  const sent = Buffer.concat(out);
  assert.deepEqual(sent.subarray(0, 2), Buffer.from([CLIENT.data, 0]));
  const raw: Buffer[] = [];
  for (let from = 2, index = 0; from < sent.length; index += 1) {
    const head = readFrameHead(sent, from);
    assert.ok(head !== null);
    const frame = sent.subarray(from, from + head.sizeBytes);
    assert.equal(index > 0 && beginsLikePacket(frame), false);
    raw.push(frame.subarray(25));
    from += head.sizeBytes;
  }
  assert.equal(Buffer.concat(raw).equals(whole.subarray(2)), true);
});

test('CK-02 compression is said anew by every query', () => {
  const played = play();
  for (const compressed of [true, false, true, false]) {
    const end = compressed ? framed(LAST_BLOCK) : NO_MORE_DATA;
    played.client(query('SELECT 1', { compressed }), end);
    played.server(END);
  }
  assert.equal(played.finished, null);
  assert.deepEqual(
    played.settled.map(({ kind }) => kind),
    ['ok', 'ok', 'ok', 'ok'],
  );
});

test('CK-01 every byte belongs to a field: names and values of any length, 3 among them', () => {
  for (let length = 1; length <= 20; length += 1) {
    const played = play({ revision: 54429 });
    const settings = [setting('a'.repeat(length), 'b'.repeat(length))];
    played.client(asked('SELECT 1', { id: Buffer.alloc(length, 'i'), settings }, 54429));
    assert.equal(played.actions.length, 1, String(length));
    assert.equal(played.withdrawn, 0);
  }
});

test('CK-04 CH-35 a USE counts once the server has accepted it, and not before', () => {
  const tables = (played: Played): unknown => factOf(played.actions.at(-1), 'sql.tables');
  const refused = play();
  refused.client(asked('USE secretdb'));
  refused.server(exceptionPacket(81, 'no such database'));
  refused.client(asked('SELECT * FROM t'));
  assert.deepEqual(tables(refused), ['t', 'app.t']);
  const accepted = play();
  accepted.client(asked('USE secretdb'));
  accepted.server(END);
  accepted.client(asked('SELECT * FROM t'));
  assert.deepEqual(tables(accepted), ['t', 'secretdb.t']);
});

test('CH-14 a table named by a parameter is the one of its value, also of an earlier SET', () => {
  const revision = NEWEST_REVISION;
  const tables = (played: Played): unknown => factOf(played.actions.at(-1), 'sql.tables');
  const text = 'SELECT * FROM {t:Identifier}';
  const given = play({ revision });
  given.client(asked(text, { parameters: [setting('t', "'tokens'")] }, revision));
  assert.deepEqual(tables(given), ['tokens', 'app.tokens']);
  const earlier = play({ revision });
  earlier.client(asked("SET param_t = 'tokens'", {}, revision));
  earlier.server(END);
  earlier.client(asked(text, {}, revision));
  assert.deepEqual(tables(earlier), ['tokens', 'app.tokens']);
  const missing = play({ revision });
  missing.client(asked(text, {}, revision));
  assert.equal(tables(missing) instanceof Unknown, true);
  // What a server would not take as a parameter is refused.
  const odd = play({ revision });
  odd.client(asked(text, { parameters: [setting('t', 'UInt64_5')] }, revision));
  assert.notEqual(odd.actions[0]?.refused, null);
});

test('temporary tables that come with a query are facts, and the query waits for their end', () => {
  const played = play();
  const table = Buffer.concat([
    new Writer().varuint(CLIENT.data).string('mine').bytes(),
    blockOf('UInt8', 1, Buffer.from([7])),
  ]);
  played.client(query('SELECT * FROM mine'), table);
  assert.equal(played.actions.length, 0);
  played.client(NO_MORE_DATA);
  assert.deepEqual(factOf(played.actions[0], 'sql.external_tables'), ['mine']);
  assert.equal(played.actions[0]?.evidence.parameters.includes('temporary table mine'), true);
});

test('CK-08 a parked query gets signs of life, and words only the first time', () => {
  for (const revision of [54406, 54412, 54420, 54460, 54464]) {
    for (const text of ['SELECT 1', 'INSERT INTO t FORMAT Native']) {
      const played = play({ revision, decide: () => null });
      played.client(asked(text, {}, revision));
      const action = played.actions[0]?.id ?? '';
      const notice = { approval: 'approval-1', expiresInMs: 60_000, waitsFor: 'oncall' };
      played.feed({ kind: 'parked', action, notice });
      const first = played.toClient();
      assert.equal(first.includes('approval-1'), true);
      played.feed({ kind: 'parked', action, notice });
      const second = played.toClient().subarray(first.length);
      const expected = text.startsWith('INSERT') ? logPacket(revision, null, 0) : idleProgress(revision);
      assert.equal(second[0], expected[0]);
      assert.equal(second.length, expected.length);
      // Both are what a client of that revision reads.
      const stream = new ServerStream(revision);
      stream.push(played.toClient());
      assert.deepEqual([stream.trouble, stream.between, stream.lost], ['', true, false], `${revision} ${text}`);
    }
  }
});

test('a cancel takes a waiting query back, and a client that goes away does too', () => {
  const cancelled = play({ decide: () => null });
  cancelled.client(asked('SELECT 1'), Buffer.from([CLIENT.cancel]));
  assert.equal(cancelled.withdrawn, 1);
  const action = cancelled.actions[0]?.id ?? '';
  cancelled.feed({ kind: 'judged', action, verdict: { ...DENY, cause: 'cancelled' } });
  assert.equal(cancelled.toClient().readInt32LE(1), 394);
  assert.equal(cancelled.finished, null);
  const gone = play({ decide: () => null });
  gone.client(asked('SELECT 1'));
  gone.feed({ kind: 'ended', from: 'client', how: 'reset' });
  assert.equal(gone.withdrawn, 1);
  assert.equal(gone.toUpstream().length, 0);
  const running = play();
  running.client(asked('SELECT 1'), Buffer.from([CLIENT.cancel]));
  assert.deepEqual(running.toUpstream().subarray(-1), Buffer.from([CLIENT.cancel]));
  running.server(END);
  assert.deepEqual(
    running.settled.map(({ kind }) => kind),
    ['cancelled'],
  );
});

test('an answer of an unknown type passes, and the next query of the client ends it', () => {
  const played = play();
  played.client(asked('SELECT 1'));
  const strange = Buffer.from(
    dataPacket('AggregateFunction(uniq, String)', 1, Buffer.from([9, 9, 9])).with(0, SERVER.data),
  );
  played.server(strange, END);
  assert.equal(played.toClient().equals(Buffer.concat([strange, END])), true);
  played.client(asked('SELECT 2'));
  assert.deepEqual(
    played.settled.map(({ kind }) => kind),
    ['unknown'],
  );
  assert.equal(played.actions.length, 2);
});

test('a query that comes early waits for the end of the one before it', () => {
  const played = play();
  played.client(asked('SELECT 1'), asked('SELECT 2'));
  assert.equal(played.actions.length, 1);
  played.server(END);
  assert.equal(played.actions.length, 2);
});

test('whatever comes, in whatever phase, the session neither throws nor sends more than it judged', () => {
  const starts: readonly (() => Played)[] = [
    () => play(),
    () => {
      const played = play();
      played.client(query('SELECT 1'));
      return played;
    },
    () => {
      const played = play({ decide: () => null });
      played.client(asked('SELECT 1'));
      return played;
    },
    () => {
      const played = play();
      played.client(query('INSERT INTO t FORMAT Native', { compressed: true }), framed(LAST_BLOCK));
      return played;
    },
    () => {
      const played = play({ decide: () => DENY });
      played.client(query('INSERT INTO t FORMAT Native'), NO_MORE_DATA);
      return played;
    },
    () => {
      const played = play({ revision: NEWEST_REVISION });
      played.client(asked('SELECT 1', {}, NEWEST_REVISION));
      return played;
    },
  ];
  const seeds = [asked('SELECT 1'), framed(blockOf('String', 1, new Writer().string('x').bytes())), NO_MORE_DATA, END];
  fc.assert(
    fc.property(
      fc.nat(starts.length - 1),
      fc.array(fc.tuple(fc.boolean(), fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...seeds))), {
        maxLength: 6,
      }),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }),
      (start, pieces, edits) => {
        const played = (starts[start] ?? starts[0])?.();
        for (const [fromClient, bytes] of pieces) {
          const edited = Buffer.from(bytes);
          for (const [at, value] of edits) {
            if (at < edited.length) {
              edited[at] = value;
            }
          }
          if (fromClient) {
            played?.client(edited);
          } else {
            played?.server(edited);
          }
        }
        const queries = played?.actions.length ?? 0;
        assert.ok((played?.settled.length ?? 0) <= queries);
      },
    ),
    { numRuns: 400 },
  );
});
