// TypeORM (with the schema builder's readers) and Drizzle (with what drizzle-kit pull reads), both over node-postgres. The first argument
// names the mapper, the others are the mode: see driver-world.ts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, gt, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgEnum, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { DataSource, EntitySchema } from 'typeorm';

const REFUSED = 'DROP TABLE users';
const env = process.env;
const connection = {
  host: env.PGHOST,
  port: Number(env.PGPORT),
  user: env.PGUSER,
  password: env.PGPASSWORD ?? '',
  database: env.PGDATABASE,
};

const User = new EntitySchema({
  name: 'users',
  columns: {
    id: { type: Number, primary: true },
    name: { type: 'text' },
    tags: { type: 'text', array: true },
    data: { type: 'jsonb' },
  },
});
const Order = new EntitySchema({
  name: 'orders',
  columns: { id: { type: Number, primary: true }, total: { type: 'numeric' } },
  relations: { user: { type: 'many-to-one', target: 'users', joinColumn: { name: 'user_id' } } },
});
const Note = new EntitySchema({
  name: 'notes',
  columns: {
    id: { type: Number, primary: true, generated: true },
    body: { type: 'text' },
    version: { type: Number, default: 1 },
  },
});

async function typeormSource() {
  const source = new DataSource({
    type: 'postgres',
    ...connection,
    username: connection.user,
    entities: [User, Order, Note],
    installExtensions: false,
    extra: { max: 1 },
  });
  return source.initialize();
}

async function typeormReads() {
  const source = await typeormSource();
  const runner = source.createQueryRunner();
  console.log(
    'databases',
    await runner.getCurrentDatabase(),
    await runner.getCurrentSchema(),
    await runner.getSchemas?.().catch(() => 'none'),
  );
  for (const path of ['users', 'orders', 'notes', 'shop.items', 'shop.events']) {
    const table = await runner.getTable(path);
    console.log('table', path, JSON.stringify(table));
  }
  console.log(
    'has',
    await runner.hasTable('users'),
    await runner.hasColumn('users', 'name'),
    await runner.hasDatabase('app'),
    await runner.hasSchema('shop'),
  );
  await runner.release();
  const log = await source.driver.createSchemaBuilder().log();
  console.log(
    'would change',
    log.upQueries.map((query) => query.query),
  );
  console.log('row', await source.getRepository('users').findOneBy({ id: 3 }));
  console.log(
    'joined',
    await source.getRepository('orders').find({ relations: { user: true }, order: { id: 'ASC' }, take: 3 }),
  );
  console.log(
    'built',
    await source
      .getRepository('orders')
      .createQueryBuilder('o')
      .leftJoinAndSelect('o.user', 'u')
      .where('u.id = :id', { id: 5 })
      .orderBy('o.id')
      .getMany(),
  );
  console.log('counted', await source.getRepository('users').count());
  await source.destroy();
}

const codeOf = async (run) =>
  run().then(
    () => 'none',
    (error) => error.code ?? error.cause?.code ?? error.message,
  );

async function typeormSession() {
  const source = await typeormSource();
  const users = source.getRepository('users');
  console.log('prepared:', (await users.findOneBy({ id: 7 })).name);
  console.log('prepared again:', (await users.findOneBy({ id: 8 })).name);
  console.log('denied:', await codeOf(() => source.query(REFUSED)));
  console.log('then:', (await source.query('SELECT 1 AS one'))[0].one);
  await source
    .transaction(async (manager) => {
      const saved = await manager.getRepository('notes').insert({ body: 'rolled back' });
      console.log('in a transaction:', saved.identifiers.length);
      console.log('denied there:', await codeOf(() => manager.query(REFUSED)));
      console.log('still failed:', await codeOf(() => manager.query('SELECT 1')));
      throw new Error('leave the block');
    })
    .catch((error) => {
      if (error.message !== 'leave the block') {
        throw error;
      }
    });
  const notes = source.getRepository('notes');
  console.log('after the rollback:', await notes.count());
  await source.transaction(async (manager) => {
    const inner = manager.getRepository('notes');
    const kept = await inner.save({ body: 'kept' });
    await inner.update({ id: kept.id }, { body: 'kept' });
  });
  const [kept] = await notes.find();
  console.log(`written: ${kept.body} ${kept.version}`);
  await notes.delete({ body: 'kept' });
  await source.query('DISCARD ALL');
  console.log('reset:', (await source.query('SELECT 1 AS one'))[0].one);
  await source.destroy();
}

const mood = pgEnum('mood', ['sad', 'ok', 'happy']);
const users = pgTable('users', {
  id: integer('id').primaryKey(),
  name: text('name'),
  feeling: mood('feeling'),
  seen: timestamp('seen', { withTimezone: true }),
});
const orders = pgTable('orders', { id: integer('id').primaryKey(), userId: integer('user_id') });
const notes = pgTable('notes', {
  id: serial('id').primaryKey(),
  body: text('body').notNull(),
  version: integer('version').notNull().default(1),
});

/** drizzle-kit writes the schema that it found as TypeScript. */
function pull() {
  const folder = mkdtempSync(join(tmpdir(), 'drizzle-'));
  const password = connection.password === '' ? '' : `:${connection.password}`;
  const url = `postgres://${connection.user}${password}@${connection.host}:${connection.port}/${connection.database}`;
  const bin = join(import.meta.dirname, 'node_modules', 'drizzle-kit', 'bin.cjs');
  const args = ['pull', '--dialect=postgresql', `--url=${url}`, `--out=${folder}`, '--schemaFilters=public,shop'];
  const run = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: folder });
  const written = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .toSorted();
  console.log('pulled', run.status, written.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n'));
  if (run.status !== 0) {
    console.error(run.stdout, run.stderr);
  }
  rmSync(folder, { recursive: true });
}

async function drizzleReads() {
  const pool = new pg.Pool({ ...connection, max: 1 });
  const db = drizzle(pool);
  console.log('rows', await db.select().from(users).where(gt(users.id, 197)).orderBy(users.id));
  console.log(
    'joined',
    await db
      .select({ id: orders.id, name: users.name })
      .from(orders)
      .innerJoin(users, eq(orders.userId, users.id))
      .where(eq(users.id, 5))
      .orderBy(orders.id),
  );
  const prepared = db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('by_id');
  console.log('prepared', await prepared.execute({ id: 1 }), await prepared.execute({ id: 2 }));
  await db.transaction(
    async (tx) => {
      console.log('level', (await tx.execute(sql`SHOW transaction_isolation`)).rows);
    },
    { isolationLevel: 'serializable', accessMode: 'read only', deferrable: true },
  );
  await pool.end();
  pull();
}

async function drizzleSession() {
  const pool = new pg.Pool({ ...connection, max: 1 });
  const db = drizzle(pool);
  const byId = db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('by_id');
  console.log('prepared:', (await byId.execute({ id: 7 }))[0].name);
  console.log('prepared again:', (await byId.execute({ id: 8 }))[0].name);
  console.log('denied:', await codeOf(() => db.execute(REFUSED)));
  console.log('then:', (await db.execute('SELECT 1 AS one')).rows[0].one);
  await db
    .transaction(async (tx) => {
      console.log('in a transaction:', (await tx.insert(notes).values({ body: 'rolled back' })).rowCount);
      console.log('denied there:', await codeOf(() => tx.execute(REFUSED)));
      console.log('still failed:', await codeOf(() => tx.execute('SELECT 1')));
      tx.rollback();
    })
    .catch((error) => {
      if (error.constructor.name !== 'TransactionRollbackError') {
        throw error;
      }
    });
  console.log('after the rollback:', await db.$count(notes));
  await db.transaction(async (tx) => {
    await tx.insert(notes).values({ body: 'kept' }).returning();
    await tx.transaction(async (inner) => inner.update(notes).set({ body: 'kept' }).where(eq(notes.body, 'kept')));
  });
  const [kept] = await db.select().from(notes);
  console.log(`written: ${kept.body} ${kept.version}`);
  await db.delete(notes).where(eq(notes.body, 'kept'));
  await db.execute('DISCARD ALL');
  console.log('reset:', (await db.execute('SELECT 1 AS one')).rows[0].one);
  await pool.end();
}

/** node-postgres below both: it has TLS or not, and no "prefer". */
async function tls(pairs) {
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const [port, mode] = [Number(pairs[index]), pairs[index + 1]];
    const ssl = {
      disable: false,
      prefer: String(port) === env.TLS_OFF_PORT ? false : { rejectUnauthorized: false },
      require: { rejectUnauthorized: false },
    };
    const client = new pg.Client({ ...connection, port, ssl: ssl[mode] ?? { ca: readFileSync(env.PGSSLROOTCERT) } });
    client.on('error', () => undefined);
    try {
      await client.connect();
      console.log(`${mode}:`, (await client.query('SELECT 1 AS one')).rows[0].one === 1 ? 'ok' : 'wrong');
      await client.end();
    } catch {
      console.log(`${mode}: refused`);
    }
  }
}

const [mapper, mode, ...rest] = process.argv.slice(2);
// The mappers take TLS from their own options, not from this.
delete env.PGSSLMODE;
if (mode === 'tls') {
  await tls(rest);
} else {
  await {
    'typeorm reads': typeormReads,
    'typeorm session': typeormSession,
    'drizzle reads': drizzleReads,
    'drizzle session': drizzleSession,
  }[`${mapper} ${mode}`]();
}
