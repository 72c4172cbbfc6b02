// Random bytes and random messages from either side never make a session throw, hang or grow; and what is allowed is forwarded byte for byte.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Login } from '../../../src/protocols/postgres/login.ts';
import { createPostgresSession } from '../../../src/protocols/postgres/session.ts';
import { Startup } from '../../../src/protocols/postgres/startup.ts';
import { Tracker } from '../../../src/protocols/postgres/tracker.ts';
import type { Session, SessionEvent } from '../../../src/protocols/session.ts';
import { FakeAnalyser } from '../../support/fake-sql.ts';
import { AGENT } from '../../support/gate-parts.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { frame, query } from '../../support/raw-postgres.ts';

function createSession(): Session {
  const clock = new FakeClock();
  const state = { database: 'app', user: 'app', role: 'app', resetRole: 'app', searchPath: null, schemas: null };
  const more = { gatewaySetRole: false, readable: true, serverMajor: 15, shadowedFunctions: null };
  const endpoint = { name: 'pg', type: 'postgres', ref: 'postgres.pg', family: 'sql', host: 'db' } as const;
  const options = { readOnly: false, trustedFunctions: new Set<string>(), maxTextBytes: 4096 };
  return createPostgresSession({
    origin: { session: 's', agent: AGENT, endpoint, credential: null, clock },
    analyser: new FakeAnalyser(),
    options: () => options,
    tracker: new Tracker({ ...state, ...more }, 'public'),
    clock,
  });
}

/** Feeds an event, allowing everything; gives what went upstream, and whether the session has finished. */
function feed(session: Session, event: SessionEvent): { readonly sent: Buffer; readonly finished: boolean } {
  const sent: Buffer[] = [];
  let finished = false;
  let next: SessionEvent | null = event;
  for (let turns = 0; next !== null; turns += 1) {
    assert.ok(turns < 10_000, 'it goes round and round');
    let answer: SessionEvent | null = null;
    for (const command of session.handle(next)) {
      if (command.kind === 'send' && command.to === 'upstream') {
        sent.push(command.bytes);
      } else if (command.kind === 'judge') {
        answer = { kind: 'judged', action: command.action.id, verdict: { kind: 'allow' } };
      }
      finished ||= command.kind === 'finish';
    }
    next = answer;
  }
  return { sent: Buffer.concat(sent), finished };
}

const letters = 'QPBEDCSHXFdcfpzR1'.split('').concat('ZTIGsn32tNAK'.split(''));
const message = fc
  .tuple(fc.constantFrom(...letters), fc.uint8Array({ maxLength: 20 }))
  .map(([type, body]) => frame(type, Buffer.from(body)));

test('random messages from either side', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), message), { maxLength: 30 }), (parts) => {
      const session = createSession();
      for (const [client, bytes] of parts) {
        feed(session, { kind: 'data', from: client ? 'client' : 'upstream', bytes });
      }
      assert.equal(typeof session.idle, 'boolean');
      feed(session, { kind: 'ended', from: 'client', how: 'reset' });
    }),
    { numRuns: 3000 },
  );
});

test('random bytes from either side', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 64 })), { maxLength: 10 }), (parts) => {
      const session = createSession();
      const startup = new Startup('auto');
      const login = new Login({
        user: 'u',
        password: null,
        methods: new Set(['trust']),
        channel: { kind: 'plain' },
        nonce: 'n',
      });
      for (const [client, raw] of parts) {
        const bytes = Buffer.from(raw);
        feed(session, { kind: 'data', from: client ? 'client' : 'upstream', bytes });
        startup.take(bytes);
        login.take(bytes[0] ?? 0, bytes);
      }
    }),
    { numRuns: 3000 },
  );
});

test('what is allowed is forwarded byte for byte, in the chunks that it came in', () => {
  const session = createSession();
  const chunk = Buffer.concat([query('select 1'), query("select 'é'")]);
  const { sent } = feed(session, { kind: 'data', from: 'client', bytes: chunk });
  assert.ok(sent.equals(chunk));
});

test('a statement that is longer than what is held is refused, drained, and the next one works (PG-17)', () => {
  const session = createSession();
  const long = query(`select '${'x'.repeat(17 * 1024 * 1024)}'`);
  let sent = Buffer.alloc(0);
  let refused = '';
  for (let at = 0; at < long.length; at += 1 << 16) {
    for (const command of session.handle({ kind: 'data', from: 'client', bytes: long.subarray(at, at + (1 << 16)) })) {
      if (command.kind === 'judge') {
        refused = command.action.refused ?? '';
        assert.equal(command.action.evidence.complete, false);
        const reason = { kind: 'deny', cause: 'deny', rule: '', reason: refused, word: 'truncated', hint: '' } as const;
        const judged = session.handle({ kind: 'judged', action: command.action.id, verdict: reason });
        sent = Buffer.concat(judged.map((one) => (one.kind === 'send' ? one.bytes : Buffer.alloc(0))));
      }
    }
  }
  assert.match(refused, /longer than/);
  assert.ok(sent.length < 100 && sent.includes('clawpatrol_denied_'));
  const next = feed(session, { kind: 'data', from: 'client', bytes: query('select 2') });
  assert.ok(next.sent.equals(query('select 2')));
});

test('a Bind that is longer than what is held streams, and its values are not known', () => {
  const session = createSession();
  const { sent } = feed(session, {
    kind: 'data',
    from: 'client',
    bytes: Buffer.concat([frame('P', '', 'select $1', Buffer.from([0, 0])), frame('S')]),
  });
  assert.ok(sent.length > 0);
  feed(session, {
    kind: 'data',
    from: 'upstream',
    bytes: Buffer.concat([frame('1'), frame('Z', Buffer.from('I'))]),
  });
  const value = Buffer.alloc(100_000, 0x78);
  const length = Buffer.alloc(4);
  length.writeInt32BE(value.length, 0);
  const bind = frame('B', '', '', Buffer.from([0, 0, 0, 1]), length, value, Buffer.from([0, 0]));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bind.length; at += 3000) {
    pieces.push(feed(session, { kind: 'data', from: 'client', bytes: bind.subarray(at, at + 3000) }).sent);
  }
  assert.ok(Buffer.concat(pieces).equals(bind));
  const asked = session
    .handle({ kind: 'data', from: 'client', bytes: frame('E', '', Buffer.alloc(4)) })
    .find((command) => command.kind === 'judge');
  assert.ok(asked?.kind === 'judge');
  assert.deepEqual(asked.action.units[0]?.facts.get('sql.params'), ['?']);
  assert.equal(asked.action.evidence.complete, false);
});

test('a client that floods while its statement waits is no longer read', () => {
  const session = createSession();
  session.handle({ kind: 'data', from: 'client', bytes: query('select park') });
  assert.equal(session.paused('client'), false);
  session.handle({ kind: 'data', from: 'client', bytes: Buffer.alloc(300_000, 0x51) });
  assert.equal(session.paused('client'), true);
  assert.equal(session.paused('upstream'), false);
});
