// SQ-10: `explain` and `test` say of a statement what the gateway says of it when it comes over the wire: the same facts, the same risk, the
// same refusal. SQ-09: a text is read as its server reads it; nothing is cut out or guessed by pattern before that, comments and hints included.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../src/lib/clock.ts';
import { createClickHouseNative } from '../../../src/protocols/clickhouse/index.ts';
import { ownQuery, queryBytes } from '../../../src/protocols/clickhouse/query.ts';
import { createNativeSession } from '../../../src/protocols/clickhouse/session.ts';
import { createPostgres } from '../../../src/protocols/postgres/index.ts';
import { createPostgresSession } from '../../../src/protocols/postgres/session.ts';
import { Tracker } from '../../../src/protocols/postgres/tracker.ts';
import type { Protocol } from '../../../src/protocols/protocol.ts';
import type { Session, SessionEvent } from '../../../src/protocols/session.ts';
import type { Action, Unit } from '../../../src/rules/action.ts';
import { factsObject, unknownFacts } from '../../../src/rules/facts.ts';
import { analyser as clickHouse, judge } from '../../support/clickhouse-sql.ts';
import { AGENT, ENDPOINT } from '../../support/gate-parts.ts';
import { NO_MORE_DATA } from '../../support/raw-clickhouse.ts';
import { query } from '../../support/raw-postgres.ts';
import { analyser as postgres, fact, judgeableOf, OPTIONS } from '../../support/sql.ts';
import { makeStatements } from '../../support/statements.ts';

const ORIGIN = {
  session: 's',
  agent: AGENT,
  endpoint: { name: 'db', type: 'postgres', ref: 'postgres.db', family: 'sql', host: 'db' },
  credential: null,
  clock: systemClock,
} as const;

/** As offline, where no connection says who and where. */
const NOWHERE = {
  database: 'app',
  user: '',
  role: null,
  resetRole: null,
  searchPath: ['public'],
  schemas: null,
  gatewaySetRole: false,
  readable: true,
  serverMajor: 0,
  shadowedFunctions: null,
};

/** The action that a session has judged for these bytes. */
async function judgedBy(session: Session, bytes: Buffer): Promise<Action> {
  let next: SessionEvent | null = { kind: 'data', from: 'client', bytes };
  while (next !== null) {
    const commands = session.handle(next);
    const [asked] = commands.flatMap((command) => (command.kind === 'judge' ? [command.action] : []));
    if (asked !== undefined) {
      return asked;
    }
    const [awaited] = commands.flatMap((command) => (command.kind === 'await' ? [command.work] : []));
    await awaited;
    next = awaited === undefined ? null : { kind: 'awaited' };
  }
  return assert.fail('nothing was judged');
}

/** Everything that a rule, a tier or the log can see. The role is what only a connection knows. */
function seen({ units, refused, summary }: Pick<Action, 'units' | 'refused' | 'summary'>): unknown {
  return {
    refused,
    summary,
    units: units.map((unit) => ({
      facts: { ...(factsObject(unit, 'sql') as { readonly sql: object }).sql, role: '' },
      unknown: unknownFacts(unit, 'sql').filter((name) => name !== 'sql.role'),
      risk: [unit.risk, unit.riskCauses, unit.riskReason, unit.unreadable],
    })),
  };
}

interface Wire {
  readonly name: string;
  readonly protocol: Protocol;
  readonly live: (sql: string) => Promise<Action>;
  readonly statements: readonly string[];
}

const CORPUS = JSON.parse(readFileSync(join('test/corpus', 'clickhouse-statements.json'), 'utf8')) as readonly {
  readonly sql: string;
}[];

const WIRES: readonly Wire[] = [
  {
    name: 'Postgres',
    protocol: createPostgres({ analyser: postgres, clock: systemClock }),
    live: (sql) =>
      judgedBy(
        createPostgresSession({
          origin: ORIGIN,
          analyser: postgres,
          options: () => OPTIONS,
          tracker: new Tracker(NOWHERE, 'public'),
          clock: systemClock,
        }),
        query(sql),
      ),
    statements: makeStatements(300, 20_261_123),
  },
  {
    name: 'ClickHouse',
    protocol: createClickHouseNative({ analyser: clickHouse }),
    live: (sql) =>
      judgedBy(
        createNativeSession({
          origin: ORIGIN,
          analyser: clickHouse,
          options: () => OPTIONS,
          verify: () => null,
          revision: 54_412,
          user: '',
          database: 'app',
          refused: (_cause, detail) => assert.fail(detail),
        }),
        Buffer.concat([queryBytes(ownQuery(sql), { revision: 54_412, compressed: false }), NO_MORE_DATA]),
      ),
    statements: CORPUS.map(({ sql }) => sql).filter((_, index) => index % 3 === 0),
  },
];

for (const { name, protocol, live, statements } of WIRES) {
  test(`SQ-10: what explain says of a statement of ${name} is what its session judges`, async () => {
    const risks = new Set<string>();
    for (const sql of statements) {
      const fields = { statement: sql, database: 'app', search_path: ['public'] };
      const sample = { family: 'sql', fields, truncated: false } as const;
      const offline = await protocol.analyse(sample, { ...ENDPOINT, attributes: {} });
      assert.deepEqual(seen(offline), seen(await live(sql)), sql);
      offline.units.forEach(({ risk }) => risks.add(risk));
    }
    assert.deepEqual([...risks].toSorted(), ['destructive', 'safe', 'suspicious']);
  });
}

interface Reading {
  readonly sql: string;
  /** Verbs of its statements, and the tables that they name. */
  readonly verbs: readonly string[];
  readonly tables: readonly string[];
}

const of = (units: readonly Unit[]): Omit<Reading, 'sql'> => ({
  verbs: units.map((unit) => {
    const verb = fact(unit, 'verb');
    return typeof verb === 'string' ? verb : 'not known';
  }),
  tables: [...new Set(units.flatMap(tablesOf))].toSorted(),
});

/** Without what they are looked up in. */
function tablesOf(unit: Unit): readonly string[] {
  const tables = fact(unit, 'tables');
  return Array.isArray(tables) ? tables.map((name) => String(name).replace(/.*\./, '')) : [];
}

/** What looks like a comment and is none, and what is one and looks like none. */
const POSTGRES_READINGS: readonly Reading[] = [
  { sql: "SELECT '/*' FROM a; DROP TABLE b -- */'", verbs: ['select', 'drop'], tables: ['a', 'b'] },
  { sql: "SELECT '/* FROM a; DROP TABLE b -- */'", verbs: ['select'], tables: [] },
  { sql: 'SELECT "--" FROM a, b', verbs: ['select'], tables: ['a', 'b'] },
  { sql: 'SELECT 1 -- " FROM a\nFROM b', verbs: ['select'], tables: ['b'] },
  { sql: 'SELECT 1 --x\rFROM a', verbs: ['select'], tables: ['a'] },
  { sql: 'SELECT /* /* */ 1 FROM a; */ 2 FROM b', verbs: ['select'], tables: ['b'] },
  { sql: 'SELECT /* -- */ 1 FROM a', verbs: ['select'], tables: ['a'] },
  { sql: 'SELECT $$--$$ FROM a', verbs: ['select'], tables: ['a'] },
  { sql: 'SELECT $x$ $$ -- $x$ FROM a', verbs: ['select'], tables: ['a'] },
  { sql: "SELECT E'\\'--' FROM a", verbs: ['select'], tables: ['a'] },
  { sql: "SELECT '\\' FROM a --'", verbs: ['select'], tables: ['a'] },
  { sql: '/*+ SeqScan(a) */ DELETE FROM b', verbs: ['delete'], tables: ['b'] },
  { sql: '/* DELETE FROM b */ SELECT 1 FROM a', verbs: ['select'], tables: ['a'] },
  { sql: '/*!50000 DROP TABLE b */ SELECT 1 FROM a', verbs: ['select'], tables: ['a'] },
  { sql: 'DE/**/LETE FROM a', verbs: ['not known'], tables: [] },
  { sql: 'DROP/**/TABLE/**/a', verbs: ['drop'], tables: ['a'] },
];

const CLICKHOUSE_READINGS: readonly Reading[] = [
  { sql: "SELECT '/*' FROM a, b -- */'", verbs: ['select'], tables: ['a', 'b'] },
  { sql: "SELECT '/* FROM a -- */' FROM b", verbs: ['select'], tables: ['b'] },
  { sql: 'SELECT `--` FROM a', verbs: ['select'], tables: ['a'] },
  { sql: 'SELECT 1 -- settings x\n FROM a', verbs: ['select'], tables: ['a'] },
  { sql: 'SELECT 1 /* settings */ FROM a', verbs: ['select'], tables: ['a'] },
  { sql: "SELECT '\\'--' FROM a", verbs: ['select'], tables: ['a'] },
  { sql: '/* DROP TABLE b */ SELECT 1 FROM a', verbs: ['select'], tables: ['a'] },
  { sql: 'DROP/**/TABLE/**/a', verbs: ['drop'], tables: ['a'] },
];

test('SQ-09: what looks like a comment or a hint is what the server takes it for, in both dialects', async () => {
  for (const { sql, ...expected } of POSTGRES_READINGS) {
    assert.deepEqual(of((await judgeableOf(sql)).units), expected, sql);
  }
  for (const { sql, ...expected } of CLICKHOUSE_READINGS) {
    assert.deepEqual(of((await judge(sql)).units), expected, sql);
  }
});
