// Statements for the differential test: written by hand, taken from the security cases, and made by nesting and mutating both.
import { ATTACKS } from '../corpus/attacks-postgres.ts';

/** A small deterministic generator (mulberry32), so that a failure can be repeated from its seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const READS = [
  'SELECT 1',
  'SELECT * FROM users',
  'SELECT count(*) FROM logs WHERE date < now()',
  'SELECT u.name, t.s FROM users u JOIN tokens t ON t.id = u.id',
  'TABLE users',
  'VALUES (1), (2)',
  'WITH x AS (SELECT * FROM users) SELECT * FROM x',
  'SELECT * FROM generate_series(1, 3)',
  'SELECT sum(i) OVER (ORDER BY i) FROM a',
  `SELECT relname FROM pg_class WHERE relkind = 'r'`,
  'SHOW search_path',
  'EXPLAIN SELECT * FROM users',
  'EXPLAIN ANALYZE SELECT * FROM users',
];
const WRITES = [
  'DELETE FROM users WHERE id = 1',
  'DELETE FROM logs',
  'UPDATE users SET name = name',
  `INSERT INTO logs VALUES (9, now(), 'x', 'y')`,
  'TRUNCATE logs',
  'DROP TABLE a',
  'CREATE TABLE fresh (i int)',
  'ALTER TABLE users ADD COLUMN extra int',
  `COMMENT ON TABLE users IS 'changed'`,
  'GRANT SELECT ON users TO public',
  `SELECT nextval('s')`,
  `SELECT setval('s', 99)`,
  'SELECT lo_create(0)',
  'SELECT f()',
  'CALL p()',
  'SELECT * FROM users FOR UPDATE',
  'SELECT * INTO copied FROM users',
  'CREATE TABLE copied AS SELECT * FROM users',
  'REFRESH MATERIALIZED VIEW m',
  'VACUUM users',
  `SELECT pg_notify('x', 'y')`,
  `SELECT query_to_xml('DELETE FROM logs', true, true, '')`,
  'MERGE INTO a USING t ON a.i = t.id WHEN MATCHED THEN DELETE',
];
/** Ways to put one statement inside another; %s is the inner one, %q the same as a string literal. */
const WRAPPERS = [
  '%s',
  'WITH q AS (%s RETURNING *) SELECT * FROM q',
  'WITH q AS (%s) SELECT * FROM q',
  'EXPLAIN ANALYZE %s',
  'EXPLAIN (ANALYZE, FORMAT JSON) %s',
  'EXPLAIN %s',
  'COPY (%s) TO STDOUT',
  'COPY (%s RETURNING *) TO STDOUT',
  'PREPARE w AS %s; EXECUTE w',
  'DO $$ BEGIN %s; END $$',
  'DO $x$ BEGIN EXECUTE %q; END $x$',
  'CREATE VIEW w AS %s',
  'CREATE FUNCTION w() RETURNS void LANGUAGE sql AS %q',
  'SELECT 1; %s',
  '%s; SELECT 1',
  'BEGIN; %s; COMMIT',
  'SELECT (SELECT 1) /* %s */',
  'SELECT %q',
  '-- x\n%s',
  'SELECT EXISTS (%s)',
  'SELECT * FROM (%s) q',
  'DECLARE cur CURSOR WITH HOLD FOR %s',
  'SELECT 1 UNION ALL %s',
  "SELECT 'a\\'; %s; --'",
  "SELECT E'a\\'; %s; --'",
  'SELECT $a$ %s $a$',
  'SELECT $a$ $b$; %s; -- $b$ $a$',
];
const TOKENS = [
  ';',
  ',',
  '(',
  ')',
  "'",
  '"',
  '$$',
  '--',
  '/*',
  '*/',
  '\n',
  'SELECT',
  'DELETE FROM logs',
  'RETURNING *',
  'WHERE true',
  'AS',
  'ANALYZE',
  'FROM',
  'INTO',
  '::text',
  '\\',
  'E',
  'U&',
  '\r',
];

/** `count` statements, the same for the same seed. About half are reads in disguise, half writes in disguise. */
export function makeStatements(count: number, seed: number): string[] {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const corpus = ATTACKS.flatMap((row) => row.inputs.filter((input) => typeof input === 'string'));
  const base = (): string => (random() < 0.3 ? pick(READS) : random() < 0.6 ? pick(WRITES) : pick(corpus));
  const wrap = (inner: string): string => {
    const literal = `'${inner.replaceAll("'", "''")}'`;
    return pick(WRAPPERS)
      .replaceAll('%s', () => inner)
      .replaceAll('%q', () => literal);
  };
  const mutate = (text: string): string => {
    const words = text.split(/(\s+|[();,])/);
    const at = Math.floor(random() * words.length);
    if (random() < 0.4) {
      words.splice(at, 1);
    } else {
      words.splice(at, 0, ` ${pick(TOKENS)} `);
    }
    return words.join('');
  };
  return Array.from({ length: count }, () => {
    let text = base();
    for (let depth = Math.floor(random() * 3); depth > 0; depth -= 1) {
      text = wrap(text);
    }
    return random() < 0.35 ? mutate(text) : text;
  });
}
