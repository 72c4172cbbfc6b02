// ALTER TABLE by its commands, ALTER of other objects, DELETE and UPDATE.
import { readAccessObject } from './access.ts';
import { isBounded, isTautology } from './conditions.ts';
import {
  readColumn,
  readColumnRest,
  readConstraint,
  readIndex,
  readProjection,
  readTableSettings,
  readTtl,
} from './columns.ts';
import type { Node, Part } from './nodes.ts';
import { setKind, skipRest, takeCluster, takeIfExists, takeObjects, takeTarget, type Reader } from './reader.ts';
import { readQuery } from './select.ts';

export function readAlter(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('ALTER');
  if (cursor.takeOne('TEMPORARY TABLE', 'TABLE', 'LIVE VIEW', 'VIEW') !== null) {
    readAlterTable(reader);
  } else if (cursor.take('DATABASE')) {
    setKind(reader, { ...DESTRUCTIVE, object: 'database', roots: ['AlterQuery'] });
    takeObjects(reader);
    takeCluster(reader);
    skipRest(reader);
  } else if (cursor.takeOne('NAMED COLLECTION') !== null) {
    setKind(reader, { ...DESTRUCTIVE, object: 'named_collection', roots: ['AlterNamedCollectionQuery'] });
    takeIfExists(reader);
    takeObjects(reader);
    takeCluster(reader);
    skipRest(reader);
  } else if (!readAccessObject(reader, 'alter')) {
    cursor.fail();
  }
}

const DESTRUCTIVE = {
  verb: 'alter',
  effects: ['ddl'],
  tier: 'destructive',
  cause: 'alter',
  reason: 'changes what is there already',
} as const;

function readAlterTable(reader: Reader): void {
  const { cursor, walk } = reader;
  setKind(reader, { verb: 'alter', object: 'table', effects: ['ddl'], roots: ['AlterQuery'] });
  takeIfExists(reader);
  const target = takeTarget(reader, { write: true });
  takeCluster(reader);
  do {
    const bracketed = cursor.takeMark('(');
    readCommand(reader, target);
    if (bracketed) {
      cursor.expectMark(')');
    }
  } while (cursor.takeMark(','));
  if (walk.unit.notes.every(({ cause }) => cause !== 'alter')) {
    walk.note('suspicious', 'alter', 'adds to a table, or changes what is said about it');
  }
}

type Command = (reader: Reader, target: readonly Part[]) => void;

/** Additions, which take nothing away. */
const ADDITIONS: readonly (readonly [string, Command])[] = [
  ['ADD COLUMN', (reader): void => added(reader, () => readColumn(reader))],
  ['ADD INDEX', (reader): void => added(reader, () => placed(reader, readIndex))],
  ['ADD PROJECTION', (reader): void => added(reader, () => placed(reader, readProjection))],
  ['ADD CONSTRAINT', (reader): void => added(reader, () => readConstraint(reader))],
  ['ADD STATISTICS', (reader): void => added(reader, () => names(reader))],
  ['COMMENT COLUMN', (reader): void => added(reader, () => commented(reader))],
  ['MODIFY COMMENT', ({ cursor }): void => void cursor.takeString()],
  ['MATERIALIZE INDEX', (reader): void => added(reader, () => partitioned(reader))],
  ['MATERIALIZE PROJECTION', (reader): void => added(reader, () => partitioned(reader))],
];

/** Everything else that is known; what is not is opaque. */
const CHANGES: readonly (readonly [string, Command])[] = [
  ['DELETE', remove],
  ['UPDATE', (reader, target): void => update(reader, target)],
  ['MODIFY QUERY', query],
  ['MODIFY ORDER BY', expression],
  ['MODIFY SAMPLE BY', expression],
  ['MODIFY TTL', (reader): void => readTtl(reader)],
  ['MODIFY SETTING', (reader): void => readTableSettings(reader)],
  ['RESET SETTING', (reader): void => names(reader)],
  ['MODIFY COLUMN', modifyColumn],
  ['ALTER COLUMN', modifyColumn],
  ['MODIFY STATISTICS', (reader): void => skipCommand(reader)],
  ['MODIFY REFRESH', (reader): void => skipCommand(reader)],
  ['MODIFY DEFINER', identity],
  ['MODIFY SQL SECURITY', identity],
  ['MODIFY DATABASE COMMENT', (reader): void => skipCommand(reader)],
  ['RENAME COLUMN', (reader): void => skipCommand(reader)],
  ['APPLY DELETED MASK', (reader): void => skipCommand(reader)],
  ['APPLY PATCHES', (reader): void => skipCommand(reader)],
  ['MATERIALIZE COLUMN', (reader): void => partitioned(reader)],
  ['MATERIALIZE STATISTICS', (reader): void => skipCommand(reader)],
  ['MATERIALIZE TTL', (reader): void => skipCommand(reader)],
  ['REMOVE TTL', (): void => undefined],
  ['REMOVE SAMPLE BY', (): void => undefined],
  ['ATTACH PARTITION', partition],
  ['ATTACH PART', partition],
  ['REPLACE PARTITION', partition],
  ['MOVE PARTITION', partition],
  ['MOVE PART', partition],
  ['FETCH PARTITION', fetch],
  ['FETCH PART', fetch],
  ['DETACH PARTITION', dropPartition],
  ['DETACH PART', dropPartition],
  ['DROP DETACHED PARTITION', dropPartition],
  ['DROP DETACHED PART', dropPartition],
  ['DROP PARTITION', dropPartition],
  ['DROP PART', dropPartition],
  ['FORGET PARTITION', dropPartition],
  ['FREEZE', partition],
  ['UNFREEZE', partition],
  ['REWRITE PARTS', partition],
  ['EXECUTE', (reader): void => skipCommand(reader)],
  ['CLEAR COLUMN', dropThing],
  ['CLEAR INDEX', dropThing],
  ['CLEAR PROJECTION', dropThing],
  ['CLEAR STATISTICS', dropThing],
  ['DROP COLUMN', dropThing],
  ['DROP INDEX', dropThing],
  ['DROP PROJECTION', dropThing],
  ['DROP CONSTRAINT', dropThing],
  ['DROP STATISTICS', dropThing],
];

function readCommand(reader: Reader, target: readonly Part[]): void {
  const { cursor, walk } = reader;
  for (const [phrase, read] of ADDITIONS) {
    if (cursor.take(...phrase.split(' '))) {
      read(reader, target);
      return;
    }
  }
  for (const [phrase, read] of CHANGES) {
    if (cursor.take(...phrase.split(' '))) {
      walk.note('destructive', 'alter', `changes a table by ${phrase}`);
      read(reader, target);
      return;
    }
  }
  cursor.fail();
}

function added(reader: Reader, read: () => void): void {
  takeIfExists(reader);
  read();
}

/** An index or projection, and where it is put. */
function placed(reader: Reader, read: (reader: Reader) => void): void {
  const { cursor } = reader;
  read(reader);
  if (cursor.take('AFTER')) {
    cursor.takePath();
  } else {
    cursor.take('FIRST');
  }
}

function names({ cursor, walk }: Reader): void {
  cursor.list(() =>
    walk.unit.columns.add(
      cursor
        .takePath()
        .map(({ text }) => text)
        .join('.'),
    ),
  );
  if (cursor.take('TYPE')) {
    cursor.list(() => cursor.skipped.add(cursor.takeName()));
  }
}

function commented({ cursor, walk }: Reader): void {
  walk.unit.columns.add(
    cursor
      .takePath()
      .map(({ text }) => text)
      .join('.'),
  );
  cursor.takeString();
}

function partitioned(reader: Reader): void {
  const { cursor } = reader;
  takeIfExists(reader);
  cursor.takePath();
  if (cursor.take('IN', 'PARTITION')) {
    readPartition(reader);
  }
}

/** `ID 'x'`, `ALL`, or an expression. */
function readPartition({ cursor, walk }: Reader): void {
  if (cursor.at('ID') && cursor.peek(1).kind === 'string') {
    cursor.next();
    cursor.takeString();
  } else if (!cursor.take('ALL')) {
    walk.expression(cursor.grammar.bare(cursor), null);
  }
}

/** Words, names and literals up to the next command. */
function skipCommand({ cursor }: Reader): void {
  while (!cursor.atEnd() && !cursor.atMark(',') && !cursor.atMark(')')) {
    if (cursor.atMark('(')) {
      cursor.skipParentheses();
      continue;
    }
    const { kind, text } = cursor.peek();
    if (kind === 'malformed' || text === 'SELECT' || text === 'PARALLEL') {
      cursor.fail();
    }
    cursor.next();
  }
}

function expression({ cursor, walk }: Reader): void {
  walk.expression(cursor.grammar.bare(cursor), null);
}

function query({ cursor, walk }: Reader): void {
  walk.nestQuery('view', readQuery(cursor));
}

function identity(reader: Reader): void {
  reader.walk.unit.effects.add('identity');
  skipCommand(reader);
}

function modifyColumn(reader: Reader): void {
  const { cursor, walk } = reader;
  takeIfExists(reader);
  walk.unit.columns.add(
    cursor
      .takePath()
      .map(({ text }) => text)
      .join('.'),
  );
  if (cursor.take('REMOVE')) {
    cursor.takeName();
    return;
  }
  if (cursor.takeOne('MODIFY SETTING', 'RESET SETTING', 'ADD ENUM VALUES') !== null) {
    skipCommand(reader);
    return;
  }
  cursor.take('TYPE');
  readColumnRest(reader);
}

/** DROP, CLEAR of a column and the like. */
function dropThing(reader: Reader): void {
  const { cursor, walk } = reader;
  walk.unit.effects.add('delete');
  takeIfExists(reader);
  walk.unit.columns.add(
    cursor
      .takePath()
      .map(({ text }) => text)
      .join('.'),
  );
  while (cursor.atMark(',') && cursor.atName(1) && cursor.atMark(',', 2)) {
    cursor.next();
    cursor.next();
  }
  if (cursor.take('IN', 'PARTITION')) {
    readPartition(reader);
  }
}

function dropPartition(reader: Reader): void {
  reader.walk.unit.effects.add('delete');
  partition(reader);
}

/** A partition, and where it goes or comes from. */
function partition(reader: Reader): void {
  const { cursor, walk } = reader;
  if (!cursor.atEnd() && !cursor.atMark(',')) {
    cursor.take('PARTITION');
    if (!cursor.atOneOf('WITH')) {
      readPartition(reader);
    }
  }
  if (cursor.take('FROM')) {
    if (cursor.peek().kind === 'string') {
      cursor.takeString();
    } else {
      walk.relation(cursor.takePath(), { read: true }, null);
    }
  } else if (cursor.take('TO', 'TABLE')) {
    walk.relation(cursor.takePath(), { write: true }, null);
  } else if (cursor.takeOne('TO DISK', 'TO VOLUME', 'TO SHARD', 'WITH NAME') !== null) {
    cursor.takeString();
  }
}

function fetch(reader: Reader): void {
  reader.walk.unit.effects.add('network');
  partition(reader);
}

function remove(reader: Reader, target: readonly Part[]): void {
  const { cursor, walk } = reader;
  walk.unit.verbs.add('delete');
  walk.unit.effects.add('delete');
  if (cursor.take('IN', 'PARTITION')) {
    readPartition(reader);
  }
  cursor.expect('WHERE');
  restrict(reader, { condition: cursor.grammar.expression(cursor), target, cause: 'delete' });
}

function update(reader: Reader, target: readonly Part[]): void {
  const { cursor, walk } = reader;
  walk.unit.verbs.add('update');
  walk.unit.effects.add('write');
  readAssignments(reader);
  if (cursor.take('IN', 'PARTITION')) {
    readPartition(reader);
  }
  cursor.expect('WHERE');
  restrict(reader, { condition: cursor.grammar.expression(cursor), target, cause: 'update' });
}

function readAssignments({ cursor, walk }: Reader): void {
  cursor.list(() => {
    walk.unit.writeColumns.add(
      cursor
        .takePath()
        .map(({ text }) => text)
        .join('.'),
    );
    cursor.expectMark('=');
    walk.expression(cursor.grammar.bare(cursor), null);
  });
}

interface Restriction {
  readonly condition: Node;
  readonly target: readonly Part[];
  readonly cause: 'delete' | 'update';
}

/** What a WHERE says of the rows that are deleted or changed. Several commands in one ALTER are bounded when each is. */
function restrict({ walk }: Reader, { condition, target, cause }: Restriction): void {
  walk.expression(condition, null);
  const { unit } = walk;
  const table = target.at(-1)?.text ?? '';
  const predicates = walk.predicates([condition], { text: walk.text, table, alias: '' });
  const bounded = isBounded(predicates);
  const first = unit.bounded === null;
  unit.bounded = bounded && unit.bounded !== false;
  unit.hasWhere = !isTautology(condition, walk.text, walk.aliases) && unit.hasWhere !== false;
  unit.predicates = first ? [...predicates] : [];
  unit.predicatesComplete &&= first;
  walk.relation(target, { read: true }, null);
  if (!bounded) {
    walk.note(
      'destructive',
      `unbounded_${cause}`,
      `is ${cause.toUpperCase()} without a condition that bounds its rows`,
    );
  }
}

/** DELETE FROM t WHERE …. */
export function readDelete(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('DELETE', 'FROM');
  setKind(reader, {
    verb: 'delete',
    effects: ['delete'],
    tier: 'destructive',
    cause: 'delete',
    reason: 'deletes rows',
    roots: ['DeleteQuery'],
  });
  const target = takeTarget(reader, { write: true });
  takeCluster(reader);
  remove(reader, target);
}

/** UPDATE t SET … WHERE …. */
export function readUpdate(reader: Reader): void {
  const { cursor } = reader;
  cursor.expect('UPDATE');
  setKind(reader, {
    verb: 'update',
    effects: ['write'],
    tier: 'suspicious',
    cause: 'update',
    reason: 'changes rows',
    roots: ['UpdateQuery'],
  });
  const target = takeTarget(reader, { write: true });
  takeCluster(reader);
  cursor.expect('SET');
  update(reader, target);
}
