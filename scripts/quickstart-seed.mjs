// Small data for the quickstart's database: users, their orders (which go with them), logs over sixty days, API keys.
import pg from 'pg';

const SCHEMA = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, joined date NOT NULL);
  CREATE TABLE orders (
    id int PRIMARY KEY,
    user_id int NOT NULL REFERENCES users ON DELETE CASCADE,
    cents int NOT NULL,
    status text NOT NULL,
    at timestamptz NOT NULL
  );
  CREATE TABLE logs (id bigint PRIMARY KEY, at timestamptz NOT NULL, level text NOT NULL, message text NOT NULL);
  CREATE TABLE api_keys (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, secret text NOT NULL);
  CREATE INDEX ON logs (at);
  INSERT INTO users SELECT n, 'user ' || n, 'user' || n || '@shop.example', date '2025-01-01' + n
    FROM generate_series(1, 50) n;
  INSERT INTO orders SELECT n, 1 + n % 50, 500 + n * 37 % 9000, (array['new', 'paid', 'shipped', 'returned'])[1 + n % 4],
    timestamptz '2026-01-01' - n * interval '3 hours' FROM generate_series(1, 500) n;
  INSERT INTO logs SELECT n, timestamptz '2026-01-20' - n * interval '43 minutes',
    (array['info', 'info', 'warn', 'error'])[1 + n % 4], 'checkout took ' || n * 7 % 900 || ' ms'
    FROM generate_series(1, 2000) n;
  INSERT INTO api_keys SELECT n, n, 'sk-' || md5(n::text) FROM generate_series(1, 5) n;
  ANALYZE;
`;

/** Makes the database `shop` and the role `agent`, which owns it: what the gateway lets through really happens. */
export async function seed({ port, password, agentPassword }) {
  const server = { host: '127.0.0.1', port, user: 'postgres', password };
  await run({ ...server, database: 'postgres' }, [
    `CREATE ROLE agent LOGIN PASSWORD ${pg.escapeLiteral(agentPassword)}`,
    'CREATE DATABASE shop OWNER agent',
  ]);
  await run({ ...server, user: 'agent', password: agentPassword, database: 'shop' }, [SCHEMA]);
}

async function run(options, statements) {
  const client = new pg.Client(options);
  await client.connect();
  try {
    for (const statement of statements) {
      await client.query(statement);
    }
  } finally {
    await client.end();
  }
}
