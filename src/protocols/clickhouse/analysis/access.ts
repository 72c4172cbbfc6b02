// Users, roles, quotas, profiles, policies and rights: whatever is done with them is destructive.
import { setKind, skipRest, takeCluster, takeIfExists, takeNameOrText, type Reader } from './reader.ts';

const OBJECTS: readonly (readonly [string, string, string])[] = [
  ['USER', 'user', 'User'],
  ['ROLE', 'role', 'Role'],
  ['SETTINGS PROFILE', 'settings_profile', 'SettingsProfile'],
  ['PROFILE', 'settings_profile', 'SettingsProfile'],
  ['ROW POLICY', 'row_policy', 'RowPolicy'],
  ['POLICY', 'row_policy', 'RowPolicy'],
  ['MASKING POLICY', 'policy', 'MaskingPolicy'],
  ['QUOTA', 'quota', 'Quota'],
];

/** CREATE, ALTER, ATTACH or DROP of one of these, whose word was read; false when none of them follows. */
export function readAccessObject(reader: Reader, verb: 'create' | 'alter' | 'drop' | 'attach'): boolean {
  const { cursor, walk } = reader;
  const found = OBJECTS.find(([phrase]) => cursor.take(...phrase.split(' ')));
  if (found === undefined) {
    return false;
  }
  const [, object, root] = found;
  setKind(reader, {
    verb,
    object,
    effects: ['privilege', ...(object === 'user' || object === 'role' ? ['identity'] : [])],
    tier: 'destructive',
    cause: 'privilege',
    reason: `changes a ${object.replace('_', ' ')}`,
    roots: [
      'CREATE ',
      'ALTER ',
      `Create${root}Query`,
      `Alter${root}Query`,
      'DROP',
      `Drop${root}Query`,
      'DropAccessEntityQuery',
    ],
  });
  takeIfExists(reader);
  cursor.take('OR', 'REPLACE');
  takeCluster(reader);
  const policy = object === 'row_policy' || object === 'policy';
  cursor.list(() => {
    const name = readUserName(reader);
    const entry = { database: null, schema: null, name };
    walk.unit.objects.set(JSON.stringify(entry), entry);
    if (object === 'user' || object === 'role') {
      walk.unit.roles.add(name);
    }
    if (policy && cursor.take('ON')) {
      cursor.list(() => readScope(reader));
    }
  });
  takeCluster(reader);
  readRest(reader, policy);
  return true;
}

/** `user`, `'user'`, `user@'host'`. */
function readUserName(reader: Reader): string {
  const name = takeNameOrText(reader);
  if (reader.cursor.takeMark('@')) {
    takeNameOrText(reader);
  }
  return name;
}

/** `db.t`, `db.*`, `*.*`, `*`, `t`: what is granted on. */
function readScope(reader: Reader): void {
  const { cursor, walk } = reader;
  if (cursor.takeMark('*')) {
    if (cursor.takeMark('.')) {
      cursor.expectMark('*');
    }
    walk.unit.relationsKnown = false;
    return;
  }
  const first = cursor.takePart();
  if (cursor.takeMark('*')) {
    walk.unit.relationsKnown = false;
    if (cursor.takeMark('.')) {
      cursor.expectMark('*');
    }
    return;
  }
  if (!cursor.takeMark('.')) {
    walk.relation([first], { write: true }, null);
    return;
  }
  if (cursor.takeMark('*')) {
    walk.unit.relationsKnown = false;
    return;
  }
  const parts = [first, cursor.takePart()];
  if (cursor.takeMark('*')) {
    walk.unit.relationsKnown = false;
    return;
  }
  walk.relation(parts, { write: true }, null);
}

/** Attributes. The condition of a policy is an expression that runs on later reads. */
function readRest(reader: Reader, policy: boolean): void {
  const { cursor, walk } = reader;
  if (!policy) {
    if (cursor.take('IDENTIFIED')) {
      walk.unit.effects.add('identity');
    }
    skipRest(reader);
    return;
  }
  while (!cursor.atEnd() && !cursor.at('PARALLEL', 'WITH')) {
    if (cursor.take('USING')) {
      walk.expression(cursor.grammar.bare(cursor), null);
    } else if (cursor.takeOne('FOR SELECT', 'AS PERMISSIVE', 'AS RESTRICTIVE', 'TO ALL EXCEPT', 'TO') === null) {
      cursor.list(() => readUserName(reader));
    }
  }
}

/** GRANT and REVOKE. */
export function readGrant(reader: Reader): void {
  const { cursor, walk } = reader;
  const verb = cursor.takeOne('GRANT', 'REVOKE') === 'GRANT' ? 'grant' : 'revoke';
  setKind(reader, {
    verb,
    object: 'none',
    effects: ['privilege'],
    tier: 'destructive',
    cause: 'privilege',
    reason: 'changes rights',
    roots: ['GrantQuery'],
  });
  takeCluster(reader);
  cursor.takeOne('GRANT OPTION FOR', 'ADMIN OPTION FOR');
  const current = cursor.take('CURRENT', 'GRANTS');
  if (current && cursor.takeMark('(')) {
    readPrivileges(reader);
    cursor.expectMark(')');
  } else if (current && cursor.take('ON')) {
    readScope(reader);
  } else {
    readPrivileges(reader);
  }
  if (cursor.takeOne('TO', 'FROM') === null) {
    cursor.fail();
  }
  do {
    if (cursor.take('ALL', 'EXCEPT') || cursor.take('ALL')) {
      walk.unit.rolesKnown = false;
    }
    if (!cursor.atEnd()) {
      walk.unit.roles.add(readUserName(reader));
    }
  } while (cursor.takeMark(','));
  cursor.takeAny('WITH GRANT OPTION', 'WITH ADMIN OPTION', 'WITH REPLACE OPTION');
}

/** `SELECT(a, b), INSERT ON db.t, ALL ON *.*`, or names of roles. */
function readPrivileges(reader: Reader): void {
  const { cursor, walk } = reader;
  const names: string[] = [];
  let onSomething = false;
  do {
    const words: string[] = [];
    while (cursor.atName() && !cursor.atOneOf('ON', 'TO', 'FROM')) {
      words.push(cursor.takeName());
    }
    if (cursor.peek().kind === 'string') {
      words.push(cursor.takeKnownString());
    }
    if (words.length === 0) {
      cursor.fail();
    }
    names.push(words.join(' '));
    if (cursor.atMark('(')) {
      cursor.skipParentheses();
    }
    if (cursor.take('ON')) {
      onSomething = true;
      readScope(reader);
    }
  } while (cursor.takeMark(','));
  if (!onSomething) {
    // Roles are granted.
    for (const name of names) {
      walk.unit.roles.add(name);
    }
    walk.unit.object = 'role';
    walk.unit.effects.add('identity');
  }
}

/** SET ROLE, SET DEFAULT ROLE: whom later statements run as. */
export function readSetRole(reader: Reader): void {
  const { cursor, walk, found } = reader;
  setKind(reader, {
    verb: 'set role',
    also: 'set',
    effects: ['identity'],
    tier: 'destructive',
    cause: 'identity',
    reason: 'changes the roles that later statements run with',
    roots: ['SetRoleQuery', 'Set'],
  });
  found.changes.push({ kind: 'role-unknown' });
  if (cursor.take('ROLE', 'DEFAULT')) {
    return;
  }
  const lasting = cursor.take('DEFAULT');
  cursor.expect('ROLE');
  do {
    cursor.takeOne('ALL EXCEPT');
    walk.unit.roles.add(readUserName(reader));
  } while (cursor.takeMark(','));
  if (cursor.take('EXCEPT')) {
    cursor.list(() => readUserName(reader));
  }
  if (lasting && cursor.take('TO')) {
    cursor.list(() => walk.unit.roles.add(readUserName(reader)));
  }
}

/** EXECUTE AS user [statement]. */
export function readExecuteAs(reader: Reader): void {
  const { cursor, walk, found } = reader;
  cursor.expect('EXECUTE', 'AS');
  setKind(reader, {
    verb: 'execute as',
    effects: ['identity'],
    tier: 'destructive',
    cause: 'identity',
    reason: 'runs as another user',
    roots: ['ExecuteAsQuery'],
  });
  walk.unit.roles.add(readUserName(reader));
  if (cursor.atEnd()) {
    found.changes.push({ kind: 'role-unknown' });
    return;
  }
  reader.nested('execute_as', false);
}
