// SHOW: names and definitions, nothing of what tables hold.
import { setKind, takeNameOrText, type Reader } from './reader.ts';

const WORDS: readonly string[] = (
  'FULL|EXTENDED|CHANGED|TEMPORARY|TABLES|DATABASES|DICTIONARIES|COLUMNS|FIELDS|INDEXES|INDEX|INDICES|KEYS|FUNCTIONS|PROCESSLIST|GRANTS|USERS|' +
  'ROLES|ROLE|CURRENT|ENABLED|ACCESS|PRIVILEGES|ENGINES|SETTINGS|SETTING|CLUSTERS|CLUSTER|MERGES|FILESYSTEM|CACHES|CACHE|POLICIES|POLICY|ROW|QUOTAS|QUOTA|' +
  'PROFILES|PROFILE|USER|WITH|IMPLICIT|FINAL|NOT|INHERIT|ALL|FOR|MATERIALIZED|VIEW|VIEWS|DATABASE|TABLE|DICTIONARY|FUNCTION|NAMED|COLLECTION|MASKING|' +
  'INTO|CREATE|IF|EXISTS|WORKLOAD|WORKLOADS|RESOURCE|RESOURCES|CHARACTER|SET|COLLATION|STATUS|VARIABLES|WARNINGS|COUNT|ERRORS|PROJECTIONS|COLLECTIONS|EVENTS|TRIGGERS|PROCEDURE'
).split('|');

export function readShow(reader: Reader): void {
  const { cursor, walk } = reader;
  cursor.expect('SHOW');
  setKind(reader, { verb: 'show', effects: ['read'], roots: ['Show', 'SHOW'] });
  if (cursor.take('CREATE')) {
    readShowCreate(reader);
    return;
  }
  if (cursor.atOneOf('TABLE', 'DICTIONARY', 'DATABASE') && cursor.atName(1)) {
    readShowCreate(reader);
    return;
  }
  let words = 0;
  while (!cursor.atEnd() && !cursor.at('INTO', 'OUTFILE') && !(cursor.at('FORMAT') && cursor.atName(1))) {
    if (cursor.take('WHERE')) {
      walk.expression(cursor.grammar.bare(cursor), null);
    } else if (cursor.takeOne('LIKE', 'ILIKE') !== null) {
      cursor.takeString();
    } else if (cursor.take('LIMIT')) {
      walk.expression(cursor.grammar.bare(cursor), null);
    } else if (cursor.takeOne('FROM', 'IN', 'ON') !== null) {
      readSource(reader);
    } else if (cursor.takeOne(...WORDS) !== null) {
      words += 1;
    } else if (words > 0 && (cursor.atName() || cursor.peek().kind === 'string')) {
      // Users, a setting, a cluster.
      cursor.list(() => takeNameOrText(reader));
    } else {
      cursor.fail();
    }
  }
  if (words === 0) {
    cursor.fail();
  }
}

/** A database, or the table whose columns or indexes are shown. */
function readSource({ cursor, walk }: Reader): void {
  const parts = cursor.takePath();
  walk.relation(parts, {}, null);
}

function readShowCreate(reader: Reader): void {
  const { cursor, walk } = reader;
  const access = cursor.atOneOf(
    'USER',
    'USERS',
    'ROLE',
    'ROLES',
    'QUOTA',
    'QUOTAS',
    'PROFILE',
    'PROFILES',
    'SETTINGS',
    'ROW',
    'POLICY',
    'POLICIES',
    'MASKING',
  );
  if (access || cursor.at('DATABASE')) {
    cursor.next();
    while (!cursor.atEnd() && !cursor.at('INTO', 'OUTFILE') && !(cursor.at('FORMAT') && cursor.atName(1))) {
      const token = cursor.peek();
      if (token.kind === 'malformed' || token.text === 'SELECT' || token.text === '(') {
        cursor.fail();
      }
      cursor.next();
    }
    return;
  }
  cursor.take('TEMPORARY');
  cursor.takeOne('TABLE', 'VIEW', 'DICTIONARY', 'MATERIALIZED VIEW');
  cursor.take('TEMPORARY');
  walk.relation(cursor.takePath(), {}, null);
}
