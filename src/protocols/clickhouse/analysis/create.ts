// CREATE and ATTACH of everything that holds data or looks like it; what concerns users and rights is in access.ts.
import { mergeNested, type UnitContext } from '../../sql/outline.ts';
import { readAccessObject } from './access.ts';
import { readDeclarations, readStorage } from './columns.ts';
import { readCall, skipType } from './operand.ts';
import {
  setKind,
  skipRest,
  takeCluster,
  takeIfExists,
  takeObjects,
  takeTarget,
  type Kind,
  type Reader,
} from './reader.ts';
import { readQuery } from './select.ts';
import { walkTableFunction } from './table-functions.ts';

const LOCAL_ENGINES =
  /^((Replicated|Shared)?(Replacing|Summing|Aggregating|Collapsing|VersionedCollapsing|Coalescing|Graphite)?MergeTree|Memory|Log|TinyLog|StripeLog|Null|Set|Join|Buffer|Merge|Distributed|View|MaterializedView|Dictionary|GenerateRandom|Alias|Loop|FuzzJSON)$/;
const LOCAL_DATABASES = /^(Atomic|Ordinary|Memory|Lazy)$/;

export function readCreate(reader: Reader): void {
  const { cursor } = reader;
  const word = cursor.takeOne('CREATE', 'ATTACH', 'REPLACE');
  const replaced = cursor.take('OR', 'REPLACE') || word === 'REPLACE';
  const attached = word === 'ATTACH';
  const temporary = cursor.takeOne('TEMPORARY', 'TEMP') !== null;
  const what: CreateParts = { replaced, attached, temporary };
  if (cursor.take('TABLE')) {
    readTable(reader, what);
  } else if (cursor.take('VIEW')) {
    readView(reader, what, 'view');
  } else if (cursor.takeOne('MATERIALIZED VIEW', 'LIVE VIEW', 'WINDOW VIEW') !== null) {
    readView(reader, what, 'materialized_view');
  } else if (cursor.take('DATABASE')) {
    readDatabase(reader, what);
  } else if (cursor.take('DICTIONARY')) {
    readDictionary(reader);
  } else if (cursor.take('FUNCTION')) {
    readFunction(reader);
  } else if (cursor.take('INDEX')) {
    readCreateIndex(reader);
  } else if (cursor.takeOne('NAMED COLLECTION') !== null) {
    readNamed(reader, 'named_collection', 'CreateNamedCollectionQuery');
  } else if (cursor.takeOne('WORKLOAD', 'RESOURCE') !== null) {
    readNamed(reader, 'workload', 'CreateWorkloadQuery');
  } else if (!readAccessObject(reader, attached ? 'attach' : 'create')) {
    cursor.fail();
  }
}

interface CreateParts {
  readonly replaced: boolean;
  readonly attached: boolean;
  readonly temporary: boolean;
}

function kindOf({ replaced, attached }: CreateParts, object: string, reason: string): Kind {
  const roots = ['CreateQuery', 'AttachQuery'];
  if (attached) {
    return { verb: 'attach', object, effects: ['ddl'], tier: 'destructive', reason: `attaches a ${object}`, roots };
  }
  return replaced
    ? {
        verb: 'create',
        object,
        effects: ['ddl', 'delete'],
        tier: 'destructive',
        cause: 'replace',
        reason: `replaces a ${object}`,
        roots,
      }
    : { verb: 'create', object, effects: ['ddl'], tier: 'suspicious', reason, roots };
}

function readTable(reader: Reader, parts: CreateParts): void {
  const { cursor, walk, found } = reader;
  setKind(reader, kindOf(parts, 'table', 'creates a table'));
  takeIfExists(reader);
  const target = takeTarget(reader, { write: true });
  if (parts.temporary && target.length === 1) {
    found.changes.push({ kind: 'temporary-table', name: target[0]?.text ?? '' });
  }
  readIdentity(reader);
  if (cursor.take('FROM')) {
    cursor.takeString();
    walk.note('destructive', 'file', 'attaches files of the server');
    walk.unit.effects.add('file');
  }
  takeCluster(reader);
  if (cursor.atMark('(') && !queryFollows(reader)) {
    readDeclarations(reader);
  }
  const engine = readStorage(reader);
  judgeEngine(reader, engine, LOCAL_ENGINES);
  readAs(reader);
  judgeEngine(reader, readStorage(reader), LOCAL_ENGINES);
  readAs(reader);
  if (cursor.take('COMMENT')) {
    cursor.takeString();
  }
}

/** UUID 'x', and REPLICATED forms of ATTACH. */
function readIdentity({ cursor }: Reader): void {
  if (cursor.take('UUID')) {
    cursor.takeString();
  }
  cursor.takeOne('AS REPLICATED', 'AS NOT REPLICATED');
}

function queryFollows({ cursor }: Reader): boolean {
  return cursor.atMark('(') && /^(SELECT|WITH|EXPLAIN)$/.test(cursor.peek(1).text);
}

function judgeEngine({ walk }: Reader, engine: string | null, local: RegExp): void {
  if (engine !== null && !local.test(engine)) {
    walk.note('destructive', 'engine', `uses the engine ${engine}, which reaches out of the server or is not known`);
    walk.unit.effects.add('network');
  }
}

/** [EMPTY] AS query, [CLONE] AS table, AS function(…). */
function readAs(reader: Reader): void {
  const { cursor, walk } = reader;
  const cloned = cursor.takeOne('EMPTY', 'CLONE') === 'CLONE';
  if (!cursor.take('AS')) {
    if (queryFollows(reader) || cursor.at('SELECT')) {
      readStored(reader, 'ctas');
    }
    return;
  }
  if (cursor.atOneOf('SELECT', 'WITH', 'FROM', 'EXPLAIN') || cursor.atMark('(')) {
    readStored(reader, 'ctas');
    return;
  }
  const start = cursor.start;
  const parts = cursor.takePath();
  if (cursor.atMark('(')) {
    walkTableFunction(walk, readCall(cursor, parts, start), null);
  } else {
    walk.relation(parts, { read: cloned }, null);
  }
}

function readStored({ cursor, walk }: Reader, context: UnitContext): void {
  const query = readQuery(cursor);
  walk.nestQuery(context, query);
}

function readView(reader: Reader, parts: CreateParts, object: string): void {
  const { cursor } = reader;
  setKind(
    reader,
    kindOf(parts, object, `creates a ${object === 'view' ? 'view' : 'view that writes on every insert'}`),
  );
  takeIfExists(reader);
  takeTarget(reader, { write: true });
  readIdentity(reader);
  takeCluster(reader);
  readRefresh(reader);
  const begin = readViewTail(reader);
  if (!begin) {
    cursor.fail();
  }
  readStored(reader, 'view');
  if (cursor.take('COMMENT')) {
    cursor.takeString();
  }
}

/** Everything between a view's name and its query, in any order; true once AS was read. */
function readViewTail(reader: Reader): boolean {
  const { cursor, walk } = reader;
  for (let clauses = 0; clauses < 16; clauses += 1) {
    if (cursor.take('AS')) {
      return true;
    }
    if (cursor.take('TO', 'INNER', 'UUID') || cursor.take('UUID')) {
      cursor.takeString();
    } else if (
      cursor.takeOne('INNER ENGINE') !== null ||
      cursor.at('ENGINE') ||
      cursor.atOneOf('ORDER', 'PARTITION', 'PRIMARY', 'SETTINGS', 'TTL', 'COMMENT', 'SAMPLE')
    ) {
      judgeEngine(reader, readStorage(reader), LOCAL_ENGINES);
    } else if (cursor.take('TO')) {
      walk.relation(cursor.takePath(), { write: true }, null);
    } else if (cursor.atMark('(')) {
      readDeclarations(reader);
    } else if (cursor.takeOne('POPULATE', 'EMPTY') === null && !readDefiner(reader) && !readWatermark(reader)) {
      return false;
    }
  }
  return false;
}

/** DEFINER = user SQL SECURITY x: the view's query runs with somebody's rights. */
function readDefiner({ cursor, walk }: Reader): boolean {
  if (cursor.take('DEFINER')) {
    cursor.takeMark('=');
    walk.unit.roles.add(cursor.peek().kind === 'string' ? cursor.takeKnownString() : cursor.takeName());
  } else if (cursor.take('SQL', 'SECURITY')) {
    cursor.takeName();
  } else {
    return false;
  }
  walk.note('destructive', 'identity', 'makes a view that runs with the rights of another user');
  walk.unit.effects.add('identity');
  return true;
}

function readWatermark({ cursor, walk }: Reader): boolean {
  if (cursor.take('WATERMARK')) {
    cursor.takeMark('=');
  } else if (cursor.take('ALLOWED_LATENESS')) {
    cursor.expectMark('=');
  } else {
    return false;
  }
  if (cursor.takeOne('STRICTLY_ASCENDING', 'ASCENDING', 'BOUNDED') === null) {
    walk.expression(cursor.grammar.bare(cursor), null);
  }
  return true;
}

/** REFRESH EVERY 1 DAY OFFSET 2 HOUR DEPENDS ON a, b SETTINGS … APPEND. */
function readRefresh(reader: Reader): void {
  const { cursor, walk } = reader;
  if (!cursor.take('REFRESH')) {
    return;
  }
  while (cursor.takeOne('EVERY', 'AFTER', 'OFFSET', 'RANDOMIZE FOR') !== null) {
    while (cursor.peek().kind === 'number') {
      cursor.next();
      cursor.takeName();
    }
  }
  if (cursor.take('DEPENDS', 'ON')) {
    cursor.list(() => walk.relation(cursor.takePath(), {}, null));
  }
  if (cursor.take('SETTINGS')) {
    walk.applySettings(cursor.grammar.settings(cursor));
  }
  cursor.take('APPEND');
}

function readDatabase(reader: Reader, parts: CreateParts): void {
  const { cursor } = reader;
  setKind(reader, kindOf(parts, 'database', 'creates a database'));
  takeIfExists(reader);
  takeObjects(reader);
  readIdentity(reader);
  takeCluster(reader);
  judgeEngine(reader, readStorage(reader), LOCAL_DATABASES);
  if (cursor.take('TABLE', 'OVERRIDE')) {
    cursor.fail();
  }
}

/** A source of another table or host, with its password. */
function readDictionary(reader: Reader): void {
  const { cursor } = reader;
  setKind(reader, {
    verb: 'create',
    object: 'dictionary',
    effects: ['ddl', 'network'],
    tier: 'destructive',
    cause: 'dictionary',
    reason: 'creates a dictionary, which reads from a source of its own',
    roots: ['CreateQuery'],
  });
  takeIfExists(reader);
  takeTarget(reader, { write: true });
  readIdentity(reader);
  takeCluster(reader);
  if (cursor.atMark('(')) {
    cursor.skipParentheses();
  }
  while (!cursor.atEnd()) {
    if (cursor.take('PRIMARY', 'KEY')) {
      cursor.list(() => cursor.takePath());
    } else if (cursor.takeOne('SOURCE', 'LAYOUT', 'LIFETIME', 'RANGE', 'SETTINGS') !== null) {
      readDictionarySource(reader);
    } else if (cursor.take('COMMENT')) {
      cursor.takeString();
    } else {
      return;
    }
  }
}

/** Parentheses; a source of type CLICKHOUSE names a table or a query, of this server or another. */
function readDictionarySource({ cursor, walk }: Reader): void {
  const start = cursor.start;
  cursor.skipParentheses();
  const text = walk.text.slice(start, cursor.end);
  if (!/\bclickhouse\b/i.test(text)) {
    return;
  }
  const table = /\btable\s+(?:'([^'\\]*)'|([A-Za-z_][A-Za-z0-9_]*))/i.exec(text);
  const database = /\bdb\s+(?:'([^'\\]*)'|([A-Za-z_][A-Za-z0-9_]*))/i.exec(text);
  const name = table?.[1] ?? table?.[2];
  if (name === undefined || /\bquery\b/i.test(text)) {
    walk.unit.relationsKnown = false;
  } else {
    walk.named(database?.[1] ?? database?.[2] ?? null, name, { read: true });
  }
}

/** A function of SQL: its body is judged where it stands. */
function readFunction(reader: Reader): void {
  const { cursor, walk } = reader;
  setKind(reader, {
    verb: 'create',
    object: 'function',
    effects: ['ddl'],
    tier: 'destructive',
    cause: 'function',
    reason: 'creates a function, which later statements run',
    roots: ['CreateFunctionQuery', 'CreateSQLFunctionQuery'],
  });
  takeIfExists(reader);
  takeObjects(reader);
  takeCluster(reader);
  cursor.expect('AS');
  const body = cursor.grammar.bare(cursor);
  const inner = walk.nest('function', [body.start, body.end], () => {
    walk.unit.verb = 'select';
    walk.unit.verbs.add('select');
    walk.expression(body, null);
  });
  mergeNested(walk.unit, inner);
}

function readCreateIndex(reader: Reader): void {
  const { cursor, walk } = reader;
  setKind(reader, {
    verb: 'create',
    object: 'index',
    effects: ['ddl'],
    tier: 'suspicious',
    reason: 'creates an index',
    roots: ['CreateIndexQuery'],
  });
  takeIfExists(reader);
  cursor.takeName();
  cursor.expect('ON');
  takeTarget(reader, { write: true });
  takeCluster(reader);
  walk.expression(cursor.grammar.bare(cursor), null);
  if (cursor.take('TYPE')) {
    skipType(cursor);
  }
  if (cursor.take('GRANULARITY')) {
    cursor.next();
  }
}

function readNamed(reader: Reader, object: string, root: string): void {
  setKind(reader, {
    verb: 'create',
    object,
    effects: ['ddl', 'server'],
    tier: 'destructive',
    cause: object,
    reason: `creates a ${object.replace('_', ' ')}`,
    roots: [root, 'CreateResourceQuery'],
  });
  takeIfExists(reader);
  takeObjects(reader);
  takeCluster(reader);
  skipRest(reader);
}
