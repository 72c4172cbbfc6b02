// Every kind of statement by its first words, and the short ones themselves.
import type { UnitOutline } from '../../sql/outline.ts';
import { readExecuteAs, readGrant, readSetRole } from './access.ts';
import { readAlter, readDelete, readUpdate } from './alter.ts';
import { readCreate } from './create.ts';
import { readDetach, readDrop, readTruncate, readUndrop } from './drop.ts';
import { readInsert } from './insert.ts';
import {
  addObject,
  endsStatement,
  setKind,
  skipRest,
  takeCluster,
  takeIfExists,
  takeNameOrText,
  takeObjects,
  takeOutput,
  takeTarget,
  type Reader,
} from './reader.ts';
import { readExplainKind, readQuery, readWithItems } from './select.ts';
import { readCall } from './operand.ts';
import { readShow } from './show.ts';
import { readSystem } from './system.ts';
import { walkTableFunction } from './table-functions.ts';
import type { WithItem } from './nodes.ts';

type Read = (reader: Reader) => void;

const QUERY: readonly string[] = ['SelectWithUnionQuery', 'SelectIntersectExceptQuery', 'SelectQuery'];

/** By first word. */
const READERS: Readonly<Record<string, Read>> = {
  SELECT: query,
  WITH: query,
  FROM: query,
  VALUES: query,
  EXPLAIN: explain,
  INSERT: (reader) => readInsert(reader, null),
  CREATE: readCreate,
  ATTACH: readCreate,
  REPLACE: readCreate,
  ALTER: readAlter,
  DELETE: readDelete,
  UPDATE: readUpdate,
  DROP: readDrop,
  DETACH: readDetach,
  UNDROP: readUndrop,
  TRUNCATE: readTruncate,
  RENAME: rename,
  EXCHANGE: exchange,
  OPTIMIZE: optimize,
  SYSTEM: readSystem,
  KILL: kill,
  SET: set,
  USE: use,
  GRANT: readGrant,
  REVOKE: readGrant,
  SHOW: readShow,
  DESCRIBE: describe,
  DESC: describe,
  EXISTS: exists,
  CHECK: check,
  WATCH: watch,
  BACKUP: backup,
  RESTORE: backup,
  BEGIN: transaction,
  START: transaction,
  COMMIT: transaction,
  ROLLBACK: transaction,
  MOVE: move,
  EXECUTE: readExecuteAs,
};

/** One statement, up to what may follow it. */
export function readStatement(reader: Reader): void {
  const { cursor } = reader;
  const token = cursor.peek();
  if (cursor.atMark('(')) {
    query(reader);
    return;
  }
  const read = token.kind === 'word' ? READERS[token.text] : undefined;
  if (read === undefined) {
    return cursor.fail();
  }
  cursor.nested(() => read(reader));
  if (reader.found.insert?.takesData !== true || !cursor.atEnd()) {
    takeOutput(reader);
  }
}

function query(reader: Reader): void {
  const { cursor, walk } = reader;
  const position = cursor.position;
  if (cursor.take('WITH')) {
    // WITH … INSERT INTO t SELECT …: told apart by what follows the definitions.
    const items: WithItem[] = [];
    const recursive = cursor.take('RECURSIVE');
    readWithItems(cursor, { withItems: items });
    if (cursor.at('INSERT')) {
      readInsert(reader, { withItems: items, recursive });
      return;
    }
    cursor.back(position);
  }
  setKind(reader, { verb: 'select', effects: ['read'], roots: QUERY });
  walk.query(readQuery(cursor), null, true);
}

/** Notes of what is only planned that hold all the same: planning connects, and evaluates constants. */
const PLANNED_CAUSES = new Set([
  'network',
  'file',
  'exec',
  'opaque',
  'dynamic_sql',
  'function_unknown',
  'server',
  'setting',
  'write',
  'sleep',
]);

export function copyPlanned(outer: UnitOutline, inner: UnitOutline): void {
  outer.notes.push(...inner.notes.filter(({ cause }) => PLANNED_CAUSES.has(cause)));
  for (const effect of ['network', 'file', 'exec', 'opaque', 'server']) {
    if (inner.effects.has(effect)) {
      outer.effects.add(effect);
    }
  }
  for (const [name, value] of inner.settings) {
    outer.settings.set(name, value);
  }
}

function explain(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('EXPLAIN');
  setKind(reader, { verb: 'explain', effects: ['read'], roots: ['Explain'] });
  if (cursor.take('ANALYZE')) {
    readExplainKind(cursor);
    reader.nested('explain', false);
    return;
  }
  const kind = readExplainKind(cursor);
  if (kind === 'CURRENT TRANSACTION') {
    return;
  }
  if (kind === 'TABLE OVERRIDE') {
    const start = cursor.start;
    walkTableFunction(reader.walk, readCall(cursor, cursor.takePath(), start), null);
    skipRest(reader);
    return;
  }
  reader.nested('explain', true);
}

function rename(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('RENAME');
  const word = cursor.takeOne('TABLE', 'DATABASE', 'DICTIONARY');
  setKind(reader, {
    verb: 'rename',
    also: 'alter',
    object: (word ?? 'table').toLowerCase(),
    effects: ['ddl'],
    tier: 'destructive',
    reason: 'changes what names mean',
    roots: ['Rename'],
  });
  walk.unit.relationsKnown &&= word !== 'DATABASE';
  cursor.list(() => {
    takeIfExists(reader);
    if (word === 'DATABASE') {
      addObject(reader, cursor.takePath());
      cursor.expect('TO');
      addObject(reader, cursor.takePath());
    } else {
      takeTarget(reader, { write: true });
      cursor.expect('TO');
      takeTarget(reader, { write: true });
    }
  });
  takeCluster(reader);
}

function exchange(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('EXCHANGE');
  const word = cursor.takeOne('TABLES', 'DICTIONARIES');
  if (word === null) {
    cursor.fail();
  }
  setKind(reader, {
    verb: 'exchange',
    also: 'alter',
    object: word === 'TABLES' ? 'table' : 'dictionary',
    effects: ['ddl'],
    tier: 'destructive',
    reason: 'changes what names mean',
    roots: ['Rename'],
  });
  cursor.list(() => {
    takeTarget(reader, { write: true });
    cursor.expect('AND');
    takeTarget(reader, { write: true });
  });
  takeCluster(reader);
}

function optimize(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('OPTIMIZE', 'TABLE');
  setKind(reader, {
    verb: 'optimize',
    object: 'table',
    effects: ['maintenance'],
    tier: 'suspicious',
    reason: 'merges parts, which loads the server',
    roots: ['OptimizeQuery'],
  });
  takeTarget(reader, { write: true });
  takeCluster(reader);
  while (!endsStatement(cursor)) {
    if (cursor.take('PARTITION')) {
      if (cursor.at('ID') && cursor.peek(1).kind === 'string') {
        cursor.next();
        cursor.next();
      } else if (!cursor.take('ALL')) {
        walk.expression(cursor.grammar.bare(cursor), null);
      }
    } else if (cursor.take('DEDUPLICATE')) {
      walk.note('destructive', 'deduplicate', 'deletes rows that are equal to others');
      walk.unit.effects.add('delete');
      if (cursor.take('BY')) {
        cursor.list(() => walk.expression(cursor.grammar.bare(cursor), null));
      }
    } else if (cursor.take('CLEANUP')) {
      walk.note('destructive', 'deduplicate', 'removes rows that are marked as deleted');
      walk.unit.effects.add('delete');
    } else if (cursor.takeOne('FINAL', 'FORCE') === null) {
      return;
    }
  }
}

function kill(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('KILL');
  if (cursor.takeOne('QUERY', 'MUTATION', 'PART_MOVE_TO_SHARD', 'TRANSACTION') === null) {
    cursor.fail();
  }
  setKind(reader, {
    verb: 'kill',
    effects: ['server'],
    tier: 'destructive',
    cause: 'kill',
    reason: "ends other people's work",
    roots: ['KillQueryQuery'],
  });
  takeCluster(reader);
  if (cursor.take('WHERE')) {
    const condition = cursor.grammar.bare(cursor);
    walk.expression(condition, null);
  }
  cursor.takeOne('SYNC', 'ASYNC', 'TEST');
  takeCluster(reader);
}

function set(reader: Reader): void {
  const { cursor, walk, found } = reader;
  cursor.expect('SET');
  if (cursor.take('TRANSACTION', 'SNAPSHOT')) {
    setKind(reader, { verb: 'set', effects: ['session'], roots: ['ASTTransactionControl'] });
    cursor.next();
    return;
  }
  if (cursor.at('ROLE') || cursor.at('DEFAULT', 'ROLE')) {
    if (!cursor.atMark('=', 1)) {
      readSetRole(reader);
      return;
    }
  }
  setKind(reader, { verb: 'set', effects: ['session'], roots: ['Set'] });
  const settings = cursor.grammar.settings(cursor);
  for (const { name, value, literal } of settings) {
    if (name.startsWith('param_')) {
      found.changes.push({ kind: 'parameter', name: name.slice('param_'.length), value: value ?? '' });
    } else {
      found.changes.push({ kind: 'setting', name, value: literal ? value : null });
    }
  }
  walk.applySettings(settings.filter(({ name }) => !name.startsWith('param_')));
}

function use(reader: Reader): void {
  const { cursor, found } = reader;
  cursor.expect('USE');
  if (cursor.at('DATABASE') && cursor.atName(1)) {
    cursor.next();
  }
  setKind(reader, { verb: 'use', object: 'database', effects: ['session'], roots: ['UseQuery'] });
  const part = cursor.takePart();
  if (part.parameter) {
    cursor.fail();
  }
  addObject(reader, [part]);
  found.changes.push({ kind: 'database', name: part.text });
}

function describe(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.next();
  setKind(reader, { verb: 'describe', effects: ['read'], roots: ['DescribeQuery', 'DescribeCacheQuery'] });
  if (cursor.take('FILESYSTEM', 'CACHE')) {
    cursor.takeString();
    return;
  }
  if (cursor.at('TABLE') && cursor.peek(1).kind !== 'end') {
    cursor.next();
  }
  const start = cursor.start;
  if (cursor.atMark('(') || cursor.atOneOf('SELECT', 'WITH')) {
    walk.query(readQuery(cursor), null);
  } else {
    const parts = cursor.takePath();
    if (cursor.atMark('(')) {
      walkTableFunction(walk, readCall(cursor, parts, start), null);
    } else {
      walk.relation(parts, {}, null);
    }
  }
  cursor.take('FINAL');
  if (cursor.take('AS')) {
    cursor.takeName();
  }
}

function exists(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('EXISTS');
  setKind(reader, {
    verb: 'exists',
    effects: ['read'],
    roots: ['ExistsTableQuery', 'ExistsDatabaseQuery', 'ExistsDictionaryQuery', 'ExistsViewQuery'],
  });
  cursor.take('TEMPORARY');
  if (cursor.take('DATABASE')) {
    addObject(reader, [cursor.takePart()]);
    return;
  }
  cursor.takeOne('TABLE', 'VIEW', 'DICTIONARY');
  takeTarget(reader, {});
}

function check(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('CHECK');
  if (cursor.take('GRANT')) {
    setKind(reader, { verb: 'check', effects: ['read'], roots: ['CheckGrantQuery'] });
    while (!endsStatement(cursor)) {
      if (cursor.peek().kind === 'malformed') {
        cursor.fail();
      }
      cursor.next();
    }
    return;
  }
  setKind(reader, {
    verb: 'check',
    effects: ['maintenance'],
    tier: 'suspicious',
    reason: 'reads all of a table from disk',
    roots: ['CheckQuery', 'CheckTableQuery', 'CheckAllTablesQuery', 'CheckAllQuery', 'CheckDatabaseQuery'],
  });
  if (cursor.take('ALL', 'TABLES')) {
    walk.unit.relationsKnown = false;
    return;
  }
  if (cursor.take('DATABASE')) {
    takeObjects(reader);
    return;
  }
  cursor.expect('TABLE');
  takeTarget(reader, { read: true });
  if (cursor.take('PARTITION') && !cursor.take('ALL')) {
    walk.expression(cursor.grammar.bare(cursor), null);
  } else if (cursor.take('PART')) {
    cursor.takeString();
  }
}

function watch(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('WATCH');
  setKind(reader, { verb: 'watch', effects: ['read'], roots: ['WatchQuery'] });
  takeTarget(reader, { read: true });
  cursor.take('EVENTS');
  if (cursor.take('LIMIT')) {
    cursor.next();
  }
}

/** Data goes to, or comes from, files and object stores. */
function backup(reader: Reader): void {
  const { cursor, walk } = reader;
  const word = cursor.takeOne('BACKUP', 'RESTORE');
  const saving = word === 'BACKUP';
  setKind(reader, {
    verb: saving ? 'backup' : 'restore',
    effects: ['file', 'network', saving ? 'read' : 'write'],
    tier: 'destructive',
    reason: saving ? 'writes data to a place outside' : 'writes data from a place outside',
    roots: ['BackupQuery', 'RestoreQuery'],
  });
  cursor.list(() => {
    if (cursor.takeOne('TABLE', 'DICTIONARY', 'VIEW', 'TEMPORARY TABLE') !== null) {
      takeTarget(reader, saving ? { read: true } : { write: true });
      if (cursor.take('AS')) {
        takeTarget(reader, saving ? {} : { write: true });
      }
      if (cursor.takeOne('PARTITIONS', 'PARTITION') !== null) {
        cursor.list(() => walk.expression(cursor.grammar.bare(cursor), null));
      }
      return;
    }
    walk.unit.relationsKnown = false;
    if (cursor.take('DATABASE')) {
      addObject(reader, [cursor.takePart()]);
      if (cursor.take('AS')) {
        addObject(reader, [cursor.takePart()]);
      }
    } else if (cursor.takeOne('ALL DATABASES', 'ALL') === null) {
      cursor.fail();
    }
    if (cursor.takeOne('EXCEPT TABLES', 'EXCEPT TABLE', 'EXCEPT DATABASES', 'EXCEPT DATABASE') !== null) {
      cursor.list(() => cursor.takePath());
    }
  });
  takeCluster(reader);
  if (cursor.takeOne('TO', 'FROM') === null) {
    cursor.fail();
  }
  walk.seen.functions.add(takeNameOrText(reader));
  if (cursor.atMark('(')) {
    cursor.skipParentheses();
  }
  if (cursor.take('SETTINGS')) {
    for (const { name, value } of cursor.grammar.settings(cursor)) {
      walk.unit.settings.set(name, value ?? '');
    }
  }
  cursor.takeOne('SYNC', 'ASYNC');
}

function transaction(reader: Reader): void {
  const { cursor } = reader;
  const word = cursor.takeOne('BEGIN', 'START', 'COMMIT', 'ROLLBACK') ?? cursor.fail();
  if (word === 'START') {
    cursor.expect('TRANSACTION');
  } else {
    cursor.take('TRANSACTION');
  }
  const verb = word === 'START' ? 'begin' : word.toLowerCase();
  setKind(reader, { verb, effects: ['session'], roots: ['ASTTransactionControl'] });
}

/** MOVE USER a, ROLE b TO storage. */
function move(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('MOVE');
  setKind(reader, {
    verb: 'move',
    effects: ['privilege'],
    tier: 'destructive',
    cause: 'privilege',
    reason: 'moves users or rights to another storage',
    roots: ['MoveAccessEntityQuery', 'MOVE'],
  });
  skipRest(reader);
}
