// The session's own time per statement, without sockets: the same exchanges are played again and again, and CPU time is divided by their
// number. Run: node dist/bench/session.js [exchanges]
import { systemClock } from '../src/lib/clock.ts';
import { createPostgresAnalyser } from '../src/protocols/postgres/facts.ts';
import { createPostgresSession } from '../src/protocols/postgres/session.ts';
import { Tracker } from '../src/protocols/postgres/tracker.ts';
import type { Session, SessionEvent } from '../src/protocols/session.ts';
import { bind, describe, execute, frame, int16, int32, parse, query, sync } from '../test/support/raw-postgres.ts';
import { FakeAnalyser } from '../test/support/fake-sql.ts';
import { AGENT } from '../test/support/gate-parts.ts';
import { table } from './parts.ts';

const SELECT = 'SELECT abalance FROM pgbench_accounts WHERE aid = 4711';
const PREPARED = 'SELECT abalance FROM pgbench_accounts WHERE aid = $1';
const ROW = frame('D', int16(1), int32(1), Buffer.from('0'));
const DONE = [ROW, frame('C', 'SELECT 1'), frame('Z', Buffer.from('I'))];
const COLUMNS = frame('T', int16(1), 'abalance', Buffer.alloc(18));

const EXCHANGES: Readonly<
  Record<string, { readonly first?: Buffer[][]; readonly ask: Buffer[]; readonly answer: Buffer[] }>
> = {
  simple: { ask: [query(SELECT)], answer: [COLUMNS, ...DONE] },
  extended: {
    ask: [parse('', PREPARED), bind('', '', ['4711']), describe('P', ''), execute(''), sync()],
    answer: [frame('1'), frame('2'), COLUMNS, ...DONE],
  },
  prepared: {
    first: [
      [parse('P0_1', PREPARED), sync()],
      [frame('1'), frame('Z', Buffer.from('I'))],
    ],
    ask: [bind('', 'P0_1', ['4711']), describe('P', ''), execute(''), sync()],
    answer: [frame('2'), COLUMNS, ...DONE],
  },
};

/** The relay's part: answers each judge command at once. */
function feed(session: Session, event: SessionEvent): void {
  let next: SessionEvent | null = event;
  while (next !== null) {
    let answer: SessionEvent | null = null;
    for (const command of session.handle(next)) {
      if (command.kind === 'judge') {
        answer = { kind: 'judged', action: command.action.id, verdict: { kind: 'allow' } };
      } else if (command.kind === 'finish') {
        throw new Error(command.reason.detail);
      }
    }
    next = answer;
  }
}

const count = Number(process.argv[2] ?? '200000');
const rows: string[][] = [];
for (const kind of ['fake', 'real']) {
  const analyser = kind === 'fake' ? new FakeAnalyser() : await createPostgresAnalyser({ clock: systemClock });
  const options = { readOnly: false, trustedFunctions: new Set<string>(), maxTextBytes: 1 << 20 };
  for (const [name, exchange] of Object.entries(EXCHANGES)) {
    const state = {
      database: 'bench',
      user: 'app',
      role: 'app',
      resetRole: 'app',
      searchPath: null,
      schemas: new Set(['public']),
    };
    const more = { gatewaySetRole: false, readable: true, serverMajor: 15, shadowedFunctions: null };
    const session = createPostgresSession({
      origin: {
        session: 's',
        agent: AGENT,
        endpoint: { name: 'pg', type: 'postgres', ref: 'postgres.pg', family: 'sql', host: 'db' },
        credential: null,
        clock: systemClock,
      },
      analyser,
      options: () => options,
      tracker: new Tracker({ ...state, ...more }, 'public'),
      clock: systemClock,
    });
    const play = (ask: Buffer, answer: Buffer): void => {
      feed(session, { kind: 'data', from: 'client', bytes: ask });
      feed(session, { kind: 'data', from: 'upstream', bytes: answer });
    };
    const [first, reply] = exchange.first ?? [];
    if (first !== undefined && reply !== undefined) {
      play(Buffer.concat(first), Buffer.concat(reply));
    }
    const ask = Buffer.concat(exchange.ask);
    const answer = Buffer.concat(exchange.answer);
    for (let index = 0; index < count / 10; index += 1) {
      play(ask, answer);
    }
    const before = process.cpuUsage();
    for (let index = 0; index < count; index += 1) {
      play(ask, answer);
    }
    const { user, system } = process.cpuUsage(before);
    rows.push([`${name}, ${kind} analysis`, ((user + system) / count).toFixed(2)]);
  }
}
console.log(table(['exchange', 'µs CPU'], rows));
process.exit(0);
