// Applies migrations: each once, in order, in a transaction of its own, with its checksum kept beside its name.
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { GatewayError } from '../lib/errors.ts';
import type { Migration } from './schema.ts';

interface Applied {
  readonly name: string;
  readonly checksum: string;
}

export function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex');
}

/**
 * Brings the store to the newest schema. Throws GatewayError STORE_FAILED, and changes nothing, when the store holds a migration
 * that this program does not know (a newer program made it) or knows differently.
 */
export function applyMigrations(db: Database, migrations: readonly Migration[], nowMs: number): void {
  db.exec(
    'CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied TEXT NOT NULL) STRICT',
  );
  const known = listApplied(db);
  for (const [index, { name, checksum }] of known.entries()) {
    const expected = migrations[index];
    if (expected === undefined || expected.name !== name || checksumOf(expected) !== checksum) {
      const why = 'it was made by another version of clawpatrol; run that version, or a newer one';
      throw new GatewayError('STORE_FAILED', 'operator', `the store ${db.name} has the migration ${name}: ${why}`);
    }
  }
  for (const migration of migrations.slice(known.length)) {
    db.transaction(() => {
      db.exec(migration.sql);
      db.prepare('INSERT INTO migrations (name, checksum, applied) VALUES (?, ?, ?)').run(
        migration.name,
        checksumOf(migration),
        new Date(nowMs).toISOString(),
      );
    }).immediate();
  }
}

export function listApplied(db: Database): readonly Applied[] {
  return db.prepare<[], Applied>('SELECT name, checksum FROM migrations ORDER BY name').all();
}
