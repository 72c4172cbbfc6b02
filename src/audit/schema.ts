// Tables of the store's audit part, as named migrations. A released migration never changes: its checksum is kept in the store
// and compared at every start. Later shapes of the tables are new entries at the end.
//
// The triggers make the log append-only for every connection that goes through SQL. Whoever can write the file can drop them:
// that is what the chain and the signed checkpoints are for (verify.ts).

export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** `shapes` holds each distinct combination of searchable words once: one small integer per record in place of ten columns. */
const RECORDS = `
CREATE TABLE store (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE shapes (
  id INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  device TEXT NOT NULL,
  profile TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  family TEXT NOT NULL,
  rule TEXT NOT NULL,
  verdict TEXT NOT NULL,
  risk TEXT NOT NULL,
  actor TEXT NOT NULL,
  tables TEXT NOT NULL,
  UNIQUE (type, device, profile, endpoint, family, rule, verdict, risk, actor, tables)
) STRICT;

CREATE TABLE records (
  seq INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  action_id TEXT,
  shape INTEGER NOT NULL,
  body TEXT NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX records_time ON records (time_ms);
CREATE INDEX records_action ON records (action_id) WHERE action_id IS NOT NULL;
CREATE INDEX records_shape ON records (shape);

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  public_key TEXT NOT NULL,
  since_seq INTEGER NOT NULL,
  added TEXT NOT NULL
) STRICT;

CREATE TABLE checkpoints (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  signature TEXT NOT NULL
) STRICT;

CREATE TABLE segments (
  id INTEGER PRIMARY KEY,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  prev TEXT NOT NULL,
  head TEXT NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('sealed', 'stub')),
  stub TEXT,
  signature TEXT,
  CHECK (state = 'sealed' OR (stub IS NOT NULL AND signature IS NOT NULL))
) STRICT;

CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_state ON approvals (state, id);

CREATE TABLE unsettled (
  action_id TEXT PRIMARY KEY,
  seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

const APPEND_ONLY_TABLES = ['shapes', 'keys', 'checkpoints'] as const;

/** Records go in at the end of the chain only, never change, and leave only as part of a segment that has become a signed stub. */
const TRIGGERS = `
CREATE TRIGGER records_append BEFORE INSERT ON records
WHEN NEW.seq IS NOT 1 + coalesce((SELECT max(seq) FROM records), (SELECT max(last_seq) FROM segments), 0)
BEGIN SELECT RAISE(ABORT, 'audit records are appended in order'); END;

CREATE TRIGGER records_no_update BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'audit records are append-only'); END;

CREATE TRIGGER records_no_delete BEFORE DELETE ON records
WHEN NOT EXISTS (SELECT 1 FROM segments WHERE state = 'stub' AND OLD.seq BETWEEN first_seq AND last_seq)
BEGIN SELECT RAISE(ABORT, 'audit records are append-only'); END;

CREATE TRIGGER segments_append BEFORE INSERT ON segments
WHEN NEW.state IS NOT 'sealed' OR NEW.last_seq < NEW.first_seq
  OR NEW.first_seq IS NOT 1 + coalesce((SELECT max(last_seq) FROM segments), 0)
BEGIN SELECT RAISE(ABORT, 'audit segments are sealed in order'); END;

CREATE TRIGGER segments_to_stub BEFORE UPDATE ON segments
WHEN OLD.state IS NOT 'sealed' OR NEW.state IS NOT 'stub' OR NEW.id IS NOT OLD.id
  OR NEW.first_seq IS NOT OLD.first_seq OR NEW.last_seq IS NOT OLD.last_seq
  OR NEW.prev IS NOT OLD.prev OR NEW.head IS NOT OLD.head
BEGIN SELECT RAISE(ABORT, 'a sealed audit segment only becomes a stub'); END;

CREATE TRIGGER segments_no_delete BEFORE DELETE ON segments
BEGIN SELECT RAISE(ABORT, 'audit segments are append-only'); END;
${APPEND_ONLY_TABLES.map(
  (table) => `
CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table}
BEGIN SELECT RAISE(ABORT, 'audit ${table} are append-only'); END;

CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table}
BEGIN SELECT RAISE(ABORT, 'audit ${table} are append-only'); END;
`,
).join('')}`;

/**
 * Records have no index of their own: an index costs more at every record than the record itself. What is known of the records of one
 * transaction is kept once for all of them: their numbers and times in `batches`, their shapes in `batch_shapes`. An action's record is found
 * by the time in the action's id; `actions` lists those that are not (tables.ts). Records of an older store are batches of one each.
 */
const BATCHES = `
CREATE TABLE batches (
  first_seq INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX batches_time ON batches (last_ms, first_ms);

CREATE TABLE batch_shapes (
  shape INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  PRIMARY KEY (shape, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE actions (
  action_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (action_id, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO batches SELECT seq, seq, time_ms, time_ms FROM records;
INSERT INTO batch_shapes SELECT shape, seq FROM records;
INSERT INTO actions SELECT action_id, seq FROM records WHERE action_id IS NOT NULL;

DROP INDEX records_time;
DROP INDEX records_action;
DROP INDEX records_shape;
${['batches', 'batch_shapes', 'actions']
  .map((table) => [table, table === 'actions' ? 'seq' : 'first_seq'] as const)
  .map(
    ([table, seq]) => `
CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table}
BEGIN SELECT RAISE(ABORT, 'audit ${table} are append-only'); END;

CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table}
WHEN NOT EXISTS (SELECT 1 FROM segments WHERE state = 'stub' AND OLD.${seq} BETWEEN first_seq AND last_seq)
BEGIN SELECT RAISE(ABORT, 'audit ${table} are append-only'); END;
`,
  )
  .join('')}
DROP TRIGGER records_append;
CREATE TRIGGER records_append BEFORE INSERT ON records
WHEN NEW.seq IS NOT (SELECT 1 + max(seq) FROM records)
  AND NEW.seq IS NOT 1 + coalesce((SELECT max(seq) FROM records), (SELECT max(last_seq) FROM segments), 0)
BEGIN SELECT RAISE(ABORT, 'audit records are appended in order'); END;
`;

/** Grants as their newest record made them. */
const GRANTS = `
CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  uses INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_state ON grants (state, id);
`;

export const MIGRATIONS: readonly Migration[] = [
  { name: '0001-audit-records', sql: RECORDS },
  { name: '0002-audit-append-only', sql: TRIGGERS },
  { name: '0003-audit-batches', sql: BATCHES },
  { name: '0004-audit-grants', sql: GRANTS },
];
