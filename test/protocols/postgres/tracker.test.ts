// The tracked state by itself: search paths as the server splits them, roles, readability.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tracker, splitSearchPath } from '../../../src/protocols/postgres/tracker.ts';
import { pathKnown, type SqlState, type SqlStateChange } from '../../../src/protocols/sql/analysis.ts';

const AT_LOGIN: SqlState = {
  database: 'app',
  user: 'app',
  role: 'app',
  resetRole: 'app',
  searchPath: null,
  schemas: new Set(['public']),
  gatewaySetRole: false,
  readable: true,
  serverMajor: 15,
  shadowedFunctions: null,
};

function tracker(path: string | null = '"$user", public'): Tracker {
  return new Tracker(AT_LOGIN, path);
}

test('search paths are split as the server splits them', () => {
  const cases: readonly [string, readonly string[] | null][] = [
    ['"$user", public', ['$user', 'public']],
    ['', []],
    ['  ', []],
    ['App', ['app']],
    ['"App"', ['App']],
    ['"a, b",c', ['a, b', 'c']],
    ['"a""b"', ['a"b']],
    ['""', ['']],
    ['a b', null],
    ['a,', null],
    ['"open', null],
    [',a', null],
  ];
  for (const [text, names] of cases) {
    assert.deepEqual(splitSearchPath(text), names, text);
  }
});

test('$user is the effective role, and the path unknown with it', () => {
  const one = tracker();
  assert.deepEqual([one.state.role, pathKnown(one.state)], ['app', true]);
  one.apply({ kind: 'set-role', role: null, local: false }, 'SET');
  assert.deepEqual([one.state.role, pathKnown(one.state)], [null, false]);
  one.apply({ kind: 'set', name: 'search_path', value: 'public', local: true }, 'SET');
  assert.equal(pathKnown(one.state), true);
  one.apply({ kind: 'commit' }, 'COMMIT');
  assert.equal(pathKnown(one.state), false);
  one.apply({ kind: 'reset', name: 'role' }, 'RESET');
  assert.deepEqual([one.state.role, pathKnown(one.state)], ['app', true]);
});

test('RESET ROLE goes back to the session user, which SET SESSION AUTHORIZATION changes', () => {
  const session = (value: string | null, local = false): SqlStateChange => ({
    kind: 'set',
    name: 'session_authorization',
    value,
    local,
  });
  const role = (name: string): SqlStateChange => ({ kind: 'set-role', role: name, local: false });
  const reset = (name: string): SqlStateChange => ({ kind: 'reset', name });
  const steps: readonly (readonly [SqlStateChange, string | null])[] = [
    [role('a'), 'a'],
    [reset('role'), 'app'],
    [session('x'), 'x'],
    [role('y'), 'y'],
    [reset('role'), 'x'],
    [reset('session_authorization'), 'app'],
    [session(null), null],
    [role('y'), 'y'],
    [reset('role'), null],
    [{ kind: 'discard', what: 'all' }, 'app'],
    [{ kind: 'unknown' }, null],
    [reset('role'), null],
    [reset('session_authorization'), 'app'],
    [{ kind: 'begin' }, 'app'],
    [session('x', true), 'x'],
    [role('y'), 'y'],
    [reset('role'), null],
    [session('z', true), 'z'],
    [{ kind: 'rollback' }, 'app'],
    [reset('role'), 'app'],
  ];
  const one = tracker('public');
  for (const [index, [change, want]] of steps.entries()) {
    one.apply(change, 'SET');
    assert.equal(one.state.role, want, `step ${index}`);
    if (change.kind === 'rollback' || change.kind === 'discard') {
      one.idle('committed');
    }
  }
});

test('a role that a setting of the login gave is not taken for the one that RESET ROLE goes back to', () => {
  const one = new Tracker({ ...AT_LOGIN, role: 'given', resetRole: null }, 'public');
  assert.equal(one.state.role, 'given');
  one.apply({ kind: 'reset', name: 'role' }, 'RESET');
  assert.equal(one.state.role, null);
});

test('a role that is set as a setting is a role', () => {
  const one = tracker('public');
  one.apply({ kind: 'set', name: 'role', value: 'r1', local: true }, 'SET');
  assert.equal(one.state.role, 'r1');
  one.apply({ kind: 'set', name: 'session_authorization', value: 'r2', local: false }, 'SET');
  assert.equal(one.state.role, 'r2');
  one.apply({ kind: 'set', name: 'role', value: 'none', local: false }, 'SET');
  assert.equal(one.state.role, 'r2');
  one.apply({ kind: 'set-role', role: 'r3', local: true }, 'SET');
  one.apply({ kind: 'commit' }, 'COMMIT');
  assert.equal(one.state.role, 'r2');
});

test('reset goes back to the path of the login, and reset-all leaves the role', () => {
  const one = tracker('login');
  one.apply({ kind: 'set', name: 'search_path', value: 'x', local: false }, 'SET');
  one.apply({ kind: 'set-role', role: 'r', local: false }, 'SET');
  one.apply({ kind: 'reset-all' }, 'RESET');
  assert.deepEqual([one.state.searchPath, one.state.role], [['login'], 'r']);
  one.apply({ kind: 'set', name: 'search_path', value: null, local: false }, 'SET');
  assert.equal(one.state.searchPath, null);
  one.apply({ kind: 'set', name: 'search_path', value: 'DEFAULT', local: false }, 'SET');
  assert.deepEqual(one.state.searchPath, ['login']);
});

test('the identity of the state changes exactly when a value does', () => {
  const one = tracker('public');
  const before = one.state;
  one.apply({ kind: 'set', name: 'statement_timeout', value: '1', local: false }, 'SET');
  one.apply({ kind: 'set', name: 'search_path', value: 'public', local: false }, 'SET');
  one.apply({ kind: 'begin' }, 'BEGIN');
  one.apply({ kind: 'commit' }, 'COMMIT');
  one.reported('client_encoding', 'UTF8');
  assert.equal(one.state, before);
  one.apply({ kind: 'schemas-changed' }, 'CREATE SCHEMA');
  assert.notEqual(one.state, before);
  assert.equal(one.state.schemas, null);
});

test('savepoints nest, and releasing one keeps what was set in it', () => {
  const one = tracker('p0');
  const set = (value: string) => one.apply({ kind: 'set', name: 'search_path', value, local: false }, 'SET');
  one.apply({ kind: 'begin' }, 'BEGIN');
  one.apply({ kind: 'savepoint', name: 'a' }, 'SAVEPOINT');
  set('p1');
  one.apply({ kind: 'savepoint', name: 'b' }, 'SAVEPOINT');
  set('p2');
  one.apply({ kind: 'release', name: 'b' }, 'RELEASE');
  assert.deepEqual(one.state.searchPath, ['p2']);
  one.apply({ kind: 'rollback-to', name: 'b' }, 'ROLLBACK');
  assert.deepEqual(one.state.searchPath, ['p2']);
  one.apply({ kind: 'rollback-to', name: 'a' }, 'ROLLBACK');
  assert.deepEqual(one.state.searchPath, ['p0']);
  set('p3');
  one.apply({ kind: 'rollback' }, 'ROLLBACK');
  assert.deepEqual(one.state.searchPath, ['p0']);
});

test('only changes that can alter the state make others wait', () => {
  const one = tracker('p0');
  const local = false;
  assert.equal(one.matters([{ kind: 'begin' }, { kind: 'commit' }, { kind: 'savepoint', name: 'a' }]), false);
  assert.equal(one.matters([{ kind: 'set', name: 'work_mem', value: '1', local }]), false);
  assert.equal(one.matters([{ kind: 'set', name: 'search_path', value: '1', local }]), true);
  assert.equal(one.matters([{ kind: 'unknown' }]), true);
  one.apply({ kind: 'begin' }, 'BEGIN');
  assert.equal(one.matters([{ kind: 'rollback' }]), false);
  one.apply({ kind: 'set', name: 'search_path', value: 'x', local }, 'SET');
  assert.equal(one.matters([{ kind: 'commit' }]), true);
});

test('a server that reads text in another way makes the connection unreadable for good', () => {
  for (const [name, value] of [
    ['standard_conforming_strings', 'off'],
    ['client_encoding', 'SJIS'],
  ] as const) {
    const one = tracker();
    one.reported(name, value);
    assert.equal(one.state.readable, false);
    one.reported(name, name === 'client_encoding' ? 'UTF8' : 'on');
    assert.equal(one.state.readable, false);
  }
});

test('a path that is not known at login stays unknown until it is set', () => {
  const one = tracker(null);
  assert.equal(one.state.searchPath, null);
  one.apply({ kind: 'discard', what: 'temp' }, 'DISCARD TEMP');
  one.apply({ kind: 'discard', what: 'all' }, 'DISCARD ALL');
  assert.equal(one.state.searchPath, null);
  one.reported('search_path', 'a');
  assert.deepEqual(one.state.searchPath, ['a']);
});
