// DROP, DETACH, UNDROP and TRUNCATE: what takes something away, or brings it back.
import { readAccessObject } from './access.ts';
import {
  addObject,
  setKind,
  takeCluster,
  takeIfExists,
  takeObjects,
  takeTarget,
  type Kind,
  type Reader,
} from './reader.ts';

/** Objects that live in no database. */
const NAMED_OBJECTS: readonly (readonly [string, string])[] = [
  ['DATABASE', 'database'],
  ['FUNCTION', 'function'],
  ['NAMED COLLECTION', 'named_collection'],
  ['WORKLOAD', 'workload'],
  ['RESOURCE', 'workload'],
];

const DROP_OBJECTS: readonly (readonly [string, string])[] = [
  ['TABLE', 'table'],
  ['VIEW', 'view'],
  ['DICTIONARY', 'dictionary'],
];

export function readDrop(reader: Reader): void {
  const { cursor, walk, found } = reader;
  cursor.expect('DROP');
  const kind: Kind = {
    verb: 'drop',
    effects: ['ddl', 'delete'],
    tier: 'destructive',
    cause: 'drop',
    reason: 'drops something',
    roots: [
      'DropQuery',
      'DropFunctionQuery',
      'DropIndexQuery',
      'DropNamedCollectionQuery',
      'DropWorkloadQuery',
      'DropResourceQuery',
    ],
  };
  if (cursor.take('INDEX')) {
    setKind(reader, { ...kind, object: 'index' });
    takeIfExists(reader);
    addObject(reader, cursor.takePath());
    cursor.expect('ON');
    walk.relation(cursor.takePath(), { write: true }, null);
    takeCluster(reader);
    return;
  }
  const named = NAMED_OBJECTS.find(([phrase]) => cursor.take(...phrase.split(' ')));
  if (named !== undefined) {
    setKind(reader, { ...kind, object: named[1] });
    walk.unit.cascade = named[1] === 'database';
    walk.unit.relationsKnown &&= named[1] !== 'database';
    dropNamed(reader);
    return;
  }
  if (readAccessObject(reader, 'drop')) {
    return;
  }
  const temporary = cursor.take('TEMPORARY');
  setKind(reader, { ...kind, object: takeObjectWord(reader) });
  takeIfExists(reader);
  cursor.list(() => {
    const parts = takeTarget(reader, { write: true });
    if (temporary || parts.length === 1) {
      found.changes.push({ kind: 'temporary-table-gone', name: parts.at(-1)?.text ?? '' });
    }
  });
  takeDropTail(reader);
}

function takeObjectWord({ cursor }: Reader): string {
  return DROP_OBJECTS.find(([word]) => cursor.take(word))?.[1] ?? cursor.fail();
}

function dropNamed(reader: Reader): void {
  takeIfExists(reader);
  takeObjects(reader);
  takeDropTail(reader);
}

function takeDropTail(reader: Reader): void {
  const { cursor } = reader;
  takeCluster(reader);
  cursor.takeAny('PERMANENTLY', 'NO DELAY', 'SYNC', 'ASYNC', 'SETTINGS force_drop');
  takeCluster(reader);
}

export function readDetach(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('DETACH');
  const kind: Kind = {
    verb: 'detach',
    effects: ['ddl', 'delete'],
    tier: 'destructive',
    cause: 'detach',
    reason: 'takes something away from the server',
    roots: ['DetachQuery', 'DropQuery'],
  };
  if (cursor.take('DATABASE')) {
    setKind(reader, { ...kind, object: 'database' });
    walk.unit.relationsKnown = false;
    dropNamed(reader);
    return;
  }
  cursor.take('TEMPORARY');
  setKind(reader, { ...kind, object: takeObjectWord(reader) });
  takeIfExists(reader);
  cursor.list(() => takeTarget(reader, { write: true }));
  takeDropTail(reader);
}

export function readUndrop(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('UNDROP', 'TABLE');
  setKind(reader, {
    verb: 'undrop',
    object: 'table',
    effects: ['ddl'],
    tier: 'suspicious',
    reason: 'brings back a dropped table',
    roots: ['UndropQuery'],
  });
  takeTarget(reader, { write: true });
  if (cursor.take('UUID')) {
    cursor.takeString();
  }
  takeCluster(reader);
}

export function readTruncate(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('TRUNCATE');
  setKind(reader, {
    verb: 'truncate',
    object: 'table',
    effects: ['delete'],
    tier: 'destructive',
    reason: 'empties a table',
    roots: ['TruncateQuery', 'DropQuery'],
  });
  cursor.take('TEMPORARY');
  if (cursor.take('DATABASE')) {
    walk.unit.object = 'database';
    walk.unit.relationsKnown = false;
    dropNamed(reader);
    return;
  }
  if (cursor.takeOne('ALL TABLES FROM', 'ALL TABLES IN', 'TABLES FROM', 'TABLES IN') !== null) {
    walk.unit.relationsKnown = false;
    takeIfExists(reader);
    takeObjects(reader);
    if (cursor.takeOne('LIKE', 'NOT LIKE', 'ILIKE', 'NOT ILIKE') !== null) {
      cursor.takeString();
    }
    takeDropTail(reader);
    return;
  }
  cursor.take('TABLE');
  takeIfExists(reader);
  takeTarget(reader, { write: true });
  takeDropTail(reader);
}
