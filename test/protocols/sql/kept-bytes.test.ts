// ND-01: what a session keeps of a statement (names, cursors, remembered texts) is a copy: a slice of what was read keeps the whole chunk of
// the socket, up to 64 KiB for a statement of twenty bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../../src/lib/clock.ts';
import { SERVER } from '../../../src/protocols/clickhouse/codec.ts';
import { createClickHouseAnalyser } from '../../../src/protocols/clickhouse/facts.ts';
import { ownQuery, queryBytes } from '../../../src/protocols/clickhouse/query.ts';
import { createNativeSession } from '../../../src/protocols/clickhouse/session.ts';
import { createPostgresSession } from '../../../src/protocols/postgres/session.ts';
import { Tracker } from '../../../src/protocols/postgres/tracker.ts';
import type { Session, SessionEvent } from '../../../src/protocols/session.ts';
import { AGENT } from '../../support/gate-parts.ts';
import { NO_MORE_DATA } from '../../support/raw-clickhouse.ts';
import { bind, execute, frame, parse, query, sync } from '../../support/raw-postgres.ts';
import { analyser, OPTIONS, STATE } from '../../support/sql.ts';

const CHUNK_BYTES = 64 * 1024;
const CHUNKS = 200;
const ENDPOINT = { name: 'db', type: 'postgres', ref: 'postgres.db', family: 'sql', host: 'db' } as const;
const ORIGIN = { session: 's', agent: AGENT, endpoint: ENDPOINT, credential: null, clock: systemClock };

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  return () => void collect();
}

/** Feeds an event, allowing everything. Long analyses would answer later: there are none here. */
function feed(session: Session, event: SessionEvent): number {
  let judged = 0;
  for (let next: SessionEvent | null = event; next !== null;) {
    let answer: SessionEvent | null = null;
    for (const command of session.handle(next)) {
      assert.ok(command.kind !== 'finish' && command.kind !== 'await', JSON.stringify(command));
      if (command.kind === 'judge') {
        judged += 1;
        // As the record of it does.
        command.action.evidence.digest();
        answer = { kind: 'judged', action: command.action.id, verdict: { kind: 'allow' } };
      }
    }
    next = answer;
  }
  return judged;
}

/** As a socket reads: bytes in the front of memory of which they are a small part. */
function chunkOf(bytes: Buffer): Buffer {
  const chunk = Buffer.from(new ArrayBuffer(CHUNK_BYTES), 0, bytes.length);
  bytes.copy(chunk);
  return chunk;
}

const idle = frame('Z', Buffer.from('I'));
const done = (tag: string): Buffer => frame('C', tag);

interface Talk {
  readonly what: string;
  readonly make: () => Session;
  /** What the client sends as its chunk of that number, and what the server answers. */
  readonly client: (index: number) => Buffer;
  readonly server: (index: number) => Buffer;
}

const postgres = (): Session =>
  createPostgresSession({
    origin: ORIGIN,
    analyser,
    options: () => OPTIONS,
    tracker: new Tracker(STATE, 'public'),
    clock: systemClock,
  });

const TALKS: readonly Talk[] = [
  {
    what: 'texts of Postgres',
    make: postgres,
    client: (index) => query(`SELECT a${index} FROM t WHERE s = 'x${index}'`),
    server: () => Buffer.concat([done('SELECT 0'), idle]),
  },
  {
    what: 'prepared statements, of which all stay',
    make: postgres,
    client: (index) => Buffer.concat([parse(`s${index}`, `SELECT b${index} FROM t WHERE s = $1`), sync()]),
    server: () => Buffer.concat([frame('1'), idle]),
  },
  {
    what: 'portals with parameters',
    make: postgres,
    client: (index) =>
      Buffer.concat([
        parse('', `SELECT c${index} FROM t WHERE s = $1`),
        bind('', '', [`v${index}`]),
        execute(''),
        sync(),
      ]),
    server: () => Buffer.concat([frame('1'), frame('2'), done('SELECT 0'), idle]),
  },
  {
    what: 'cursors and prepared statements of SQL',
    make: postgres,
    client: (index) => query(`PREPARE q${index} AS SELECT d${index} FROM t`),
    server: () => Buffer.concat([done('PREPARE'), idle]),
  },
  {
    what: 'queries of ClickHouse',
    make: () =>
      createNativeSession({
        origin: ORIGIN,
        analyser: createClickHouseAnalyser(),
        options: () => OPTIONS,
        verify: () => null,
        revision: 54_412,
        user: 'real',
        database: 'app',
        refused: (_cause, detail) => assert.fail(detail),
      }),
    client: (index) =>
      Buffer.concat([
        queryBytes(ownQuery(`SELECT e${index} FROM t`), { revision: 54_412, compressed: false }),
        NO_MORE_DATA,
      ]),
    server: () => Buffer.from([SERVER.endOfStream]),
  },
];

for (const { what, make, client, server } of TALKS) {
  test(`ND-01: no chunk of the socket is kept for ${what}`, async () => {
    const collect = collector();
    const session = make();
    const chunks: WeakRef<ArrayBufferLike>[] = [];
    let judged = 0;
    const talk = (index: number): void => {
      for (const [from, bytes] of [
        ['client', client(index)],
        ['upstream', server(index)],
      ] as const) {
        const chunk = chunkOf(bytes);
        chunks.push(new WeakRef(chunk.buffer));
        judged += feed(session, { kind: 'data', from, bytes: chunk });
      }
    };
    for (let index = 0; index < CHUNKS; index += 1) {
      talk(index);
    }
    // A WeakRef holds what it was made of until its turn is over.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    const kept = chunks.filter((chunk) => chunk.deref() !== undefined).length;
    // What was said last may still be in hand.
    assert.ok(kept <= 4, `${kept} of ${chunks.length}`);
    assert.ok(session.idle && judged >= CHUNKS, `${judged} judged`);
  });
}
