// Our reading of statements against a real server's: a user who may use one database only is refused by the server exactly where a
// statement reads from the other, so the server itself says which tables a text names.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Unknown } from '../../src/rules/action.ts';
import { fact, judge } from '../support/clickhouse-sql.ts';
import { hasClickHouse, startClickHouse, type ClickHouseServer } from '../support/clickhouse-server.ts';

const STATEMENTS = 800;
/** "Access denied to database". */
const DENIED = 291;
const SYNTAX_ERROR = 62;

/** A stream of numbers that is the same in every run. */
function createChooser(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * count);
  };
}

type Choose = (count: number) => number;

function pick<T>(choose: Choose, items: readonly T[]): T {
  const item = items[choose(items.length)];
  assert.ok(item !== undefined);
  return item;
}

const TABLES = ['t0', 't1', 'pub.t0', 'pub.t1', '`pub`.`t0`', '"t1"', 'pub . t1', 'pub./* hidden.t0 */t0'];
const HIDDEN = ['hidden.t0', '`hidden`.t1', 'hidden."t1"', 'hidden/**/.t0', 'hidden. -- x\n t1', '"hidden".`t0`'];

/** How often a text was given a hidden table: the server may leave out parts of a query that nobody needs. */
let hiddenUsed = 0;

function table(choose: Choose): string {
  const hidden = choose(6) === 0;
  hiddenUsed += hidden ? 1 : 0;
  return pick(choose, hidden ? HIDDEN : TABLES);
}

function source(choose: Choose, depth: number): string {
  switch (choose(depth > 2 ? 1 : 6)) {
    case 1:
      return `(${query(choose, depth + 1)})`;
    case 2:
      return `(${query(choose, depth + 1)}) ANY LEFT JOIN (${query(choose, depth + 1)}) USING a`;
    case 3:
      return `merge('pub', '^t${choose(2)}$')`;
    case 4:
      return 'numbers(3)';
    default:
      return table(choose);
  }
}

const LITERALS = [
  "'hidden.t0'",
  "'it''s hidden.t1'",
  "'a\\' FROM hidden.t0 --'",
  '1',
  "'\\\\'",
  '[1, 2]',
  "(1, 'x')",
  'NULL',
  '0x1F',
  '1e3',
];

function expression(choose: Choose, depth: number): string {
  switch (choose(depth > 3 ? 3 : 12)) {
    case 0:
      return pick(choose, LITERALS);
    case 1:
      return '1 AS hidden';
    case 2:
      return '1 /* FROM hidden.t0 */';
    case 3:
      return `(SELECT max(1) FROM ${source(choose, depth + 1)})`;
    case 4:
      return `1 IN ${table(choose)}`;
    case 5:
      return `1 GLOBAL NOT IN (${query(choose, depth + 1)})`;
    case 6:
      return `arrayMap(x -> x + ${choose(3)}, [${expression(choose, depth + 1)} = 1])`;
    case 7:
      return `if(1, ${expression(choose, depth + 1)} = 1, 0)`;
    case 8:
      return `CASE WHEN 1 THEN 2 ELSE (${expression(choose, depth + 1)} = 1) END`;
    case 9:
      return `CAST(${choose(9)} AS UInt8) + 1 BETWEEN 0 AND 3`;
    case 10:
      return `toString(${expression(choose, depth + 1)})`;
    default:
      return '-1 + 2 * 3 % 2';
  }
}

function query(choose: Choose, depth: number): string {
  const pieces = [`SELECT toUInt8(${choose(9)}) AS a`];
  if (choose(3) === 0) {
    pieces.push(`, ${expression(choose, depth + 1)} AS e${depth}`);
  }
  pieces.push(` FROM ${source(choose, depth)}`);
  if (choose(4) === 0) {
    pieces.push(` WHERE ${pick(choose, ['', 'NOT '])}(${expression(choose, depth + 1)}) = 1`);
  }
  if (choose(5) === 0) {
    pieces.push(' LIMIT 1');
  }
  const whole = pieces.join('');
  return choose(8) === 0 && depth < 3 ? `${whole} UNION ALL SELECT toUInt8(1) AS a FROM ${table(choose)}` : whole;
}

function statement(choose: Choose): string {
  switch (choose(12)) {
    case 0:
      return `INSERT INTO ${table(choose)} (a) ${query(choose, 0)}`;
    case 1:
      return `DESCRIBE TABLE ${table(choose)}`;
    case 2:
      return `EXISTS TABLE ${pick(choose, TABLES)}`;
    case 3:
      return `WITH (SELECT max(1) FROM ${table(choose)}) AS m ${query(choose, 0)}`;
    case 4:
      return `${query(choose, 0)} FORMAT TabSeparated -- FROM hidden.t0`;
    case 5:
      return `OPTIMIZE TABLE ${table(choose)}`;
    default:
      return query(choose, 0);
  }
}

/** The server's error code, 0 for none. */
async function ask(server: ClickHouseServer, sql: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/?user=probe&database=pub`, {
    method: 'POST',
    body: sql,
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return response.ok ? 0 : Number(/^Code: (\d+)/.exec(text)?.[1] ?? -1);
}

async function prepare(server: ClickHouseServer): Promise<void> {
  for (const database of ['pub', 'hidden']) {
    await server.query(`CREATE DATABASE ${database}`);
    for (const name of ['t0', 't1']) {
      await server.query(`CREATE TABLE ${database}.${name} (a UInt8) ENGINE = Memory`);
    }
  }
}

test(
  'where a real server refuses to read a table, we see that table; where it does not, we invent none',
  { skip: hasClickHouse() ? false : 'no ClickHouse on this machine' },
  async (t) => {
    const server = await startClickHouse(t, { users: { probe: ['pub', 'system'] } });
    await prepare(server);
    const choose = createChooser(20_260_101);
    const seen = { denied: 0, allowed: 0, other: 0 };
    for (let index = 0; index < STATEMENTS; index += 1) {
      const before = hiddenUsed;
      const sql = statement(choose);
      const used = hiddenUsed > before;
      const code = await ask(server, sql);
      const [unit] = (await judge(sql, { context: { database: 'pub' } })).units;
      const tables = fact(unit, 'tables');
      const named = Array.isArray(tables) && tables.some((name) => String(name).startsWith('hidden.'));
      if (code === DENIED) {
        assert.ok(named || tables instanceof Unknown, `the server reads a hidden table: ${sql}`);
        seen.denied += 1;
      } else if (code === 0) {
        assert.ok(Array.isArray(tables), `the server runs what we cannot read: ${sql}`);
        assert.ok(!named || used, `we see a hidden table where none is: ${sql}`);
        seen.allowed += 1;
      } else {
        seen.other += 1;
      }
    }
    assert.ok(seen.denied > STATEMENTS / 10, `${seen.denied} refused`);
    assert.ok(seen.allowed > STATEMENTS / 3, `${seen.allowed} ran`);
  },
);

interface Row {
  readonly sql: string;
  readonly verb: string;
}

test(
  'an old server parses nothing of the corpus that we refuse to read, but for what newer ones read differently',
  { skip: hasClickHouse() ? false : 'no ClickHouse on this machine' },
  async (t) => {
    const server = await startClickHouse(t, { users: { probe: ['pub', 'system'] } });
    await prepare(server);
    const path = join(process.cwd(), 'test/corpus/clickhouse-statements.json');
    const rows: readonly Row[] = JSON.parse(readFileSync(path, 'utf8'));
    const unread = rows.filter(({ verb }) => verb === '-');
    const parsed: string[] = [];
    for (const { sql } of unread) {
      if ((await ask(server, sql)) !== SYNTAX_ERROR) {
        parsed.push(sql);
      }
    }
    // Of what we refuse to read the old server parses only what newer ones read differently, or what has no sense.
    assert.deepEqual(
      parsed.filter((sql) => !/^SELECT 1 \/\* \/\*|\\o|WHERE SELECT$/.test(sql)),
      [],
    );
  },
);
