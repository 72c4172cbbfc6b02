// SYSTEM: most of it acts on the whole server.
import { setKind, takeCluster, type Reader } from './reader.ts';

/** Load, and no loss. */
const HARMLESS: readonly RegExp[] = [
  /^SYNC (REPLICA|DATABASE REPLICA|TRANSACTION LOG|FILE CACHE|FILESYSTEM CACHE|MERGES)\b/,
  /^WAIT (LOADING PARTS|BLOBS CLEANUP|VIEW)\b/,
  /^FLUSH (LOGS|ASYNC INSERT QUEUE|DISTRIBUTED|OBJECT STORAGE QUEUE)\b/,
  /^RELOAD (DICTIONARY|DICTIONARIES|EMBEDDED DICTIONARIES|ASYNCHRONOUS METRICS)\b/,
  /^PREWARM\b/,
  /^LOAD PRIMARY KEY\b/,
  /^(DROP|CLEAR) ([A-Z]+ )*(CACHE|CACHES)\b/,
  /^REFRESH VIEW\b/,
];

/** Of the forms above: those that name a table behind their words. */
const NAMES_TABLE =
  /^(SYNC REPLICA|SYNC MERGES|WAIT LOADING PARTS|WAIT VIEW|FLUSH DISTRIBUTED|PREWARM (MARK|PRIMARY INDEX) CACHE|LOAD PRIMARY KEY|UNLOAD PRIMARY KEY|REFRESH VIEW|RELOAD DICTIONARY|(STOP|START) (TTL MERGES|MERGES|MOVES|FETCHES|REPLICATED SENDS|REPLICATION QUEUES|DISTRIBUTED SENDS|PULLING REPLICATION LOG|CLEANUP|VIRTUAL PARTS UPDATE|REDUCE BLOCKING PARTS|REPLICATED VIEW|VIEW)|RESTART REPLICA|RESTORE REPLICA|DROP REPLICA|CANCEL VIEW|TEST VIEW)$/;

const PHRASE_WORDS: ReadonlySet<string> = new Set(
  (
    'SYNC|REPLICA|DATABASE|TRANSACTION|LOG|FILE|FILESYSTEM|CACHE|CACHES|WAIT|LOADING|PARTS|BLOBS|CLEANUP|VIEW|VIEWS|FLUSH|LOGS|ASYNC|INSERT|QUEUE|' +
    'DISTRIBUTED|OBJECT|STORAGE|RELOAD|DICTIONARY|DICTIONARIES|EMBEDDED|ASYNCHRONOUS|METRICS|PREWARM|MARK|PRIMARY|INDEX|LOAD|UNLOAD|KEY|DROP|CLEAR|DNS|' +
    'UNCOMPRESSED|MMAP|QUERY|CONDITION|COMPILED|EXPRESSION|SCHEMA|FORMAT|PAGE|ICEBERG|METADATA|PARQUET|VECTOR|SIMILARITY|TEXT|TOKENS|HEADER|POSTINGS|' +
    'S3|CLIENT|CONNECTIONS|DISTRIBUTED|REFRESH|SHUTDOWN|KILL|SUSPEND|STOP|START|RESTART|RESTORE|REPLICAS|MERGES|TTL|MOVES|FETCHES|SENDS|' +
    'REPLICATED|REPLICATION|QUEUES|SENDS|PULLING|LISTEN|CONFIG|USERS|MODEL|MODELS|FUNCTION|FUNCTIONS|UNFREEZE|UNLOCK|SNAPSHOT|ENABLE|DISABLE|FAILPOINT|' +
    'THREAD|FUZZER|JEMALLOC|PURGE|PROFILE|RESET|COVERAGE|READY|UNREADY|CANCEL|TEST|CATALOG|DISK|VIRTUAL|UPDATE|REDUCE|BLOCKING|ALL|NOTIFY|SKIP|MAP'
  ).split('|'),
);

export function readSystem(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('SYSTEM');
  const words: string[] = [];
  while (cursor.peek().kind === 'word' && !cursor.atMark('.', 1) && !cursor.at('ON', 'CLUSTER')) {
    const { text } = cursor.peek();
    // A table may be called as a word of these phrases is: `SYSTEM STOP MERGES users`.
    if (!PHRASE_WORDS.has(text) || NAMES_TABLE.test(words.join(' '))) {
      break;
    }
    words.push(text);
    cursor.next();
  }
  if (words.length === 0) {
    cursor.fail();
  }
  const phrase = words.join(' ');
  const harmless = HARMLESS.some((pattern) => pattern.test(phrase));
  setKind(reader, {
    verb: 'system',
    object: 'system',
    effects: harmless ? ['maintenance'] : ['server'],
    tier: harmless ? 'suspicious' : 'destructive',
    cause: harmless ? 'maintenance' : 'server',
    reason: harmless ? 'puts load on the server' : 'acts on the whole server',
    roots: ['SYSTEM query'],
  });
  takeCluster(reader);
  if (NAMES_TABLE.test(phrase) && cursor.atName() && !cursor.at('ON', 'VOLUME')) {
    walk.relation(cursor.takePath(), { write: !harmless }, null);
  }
  takeCluster(reader);
  while (!cursor.atEnd() && !cursor.at('PARALLEL', 'WITH')) {
    const { kind, text } = cursor.peek();
    if (kind === 'malformed' || text === 'SELECT' || text === '(') {
      cursor.fail();
    }
    if (cursor.take('FROM', 'TABLE')) {
      walk.relation(cursor.takePath(), { write: true }, null);
      continue;
    }
    walk.unit.relationsKnown &&= !cursor.at('FROM', 'DATABASE');
    cursor.next();
  }
}
