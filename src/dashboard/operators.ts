// The operators: people with an account at this gateway, in one file of the state directory. Passwords and tokens are kept as hashes.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { badStateFile, readStateFile, replaceStateFile } from '../audit/state-file.ts';
import type { Clock } from '../lib/clock.ts';
import type { Principal } from '../approvals/stages.ts';
import { scopeOf } from '../audit/scope.ts';
import { fieldOf } from '../lib/fields.ts';
import type { PasswordHash } from './password.ts';
import { findRole, type Role } from './roles.ts';
import { hashOf, sameText } from './sessions.ts';

export interface Operator {
  readonly name: string;
  readonly role: Role;
  /** "" when none was given. */
  readonly email: string;
  /** Slack member id, "" when none was given. */
  readonly slack: string;
  /** The profiles that they see, and nothing else; null: everything. Never empty. */
  readonly profiles: readonly string[] | null;
  /** Null: this account has no password, only tokens. */
  readonly password: PasswordHash | null;
  /** Changes with password and role: sessions of another epoch are over. */
  readonly epoch: string;
  readonly createdMs: number;
  readonly tokens: readonly OperatorToken[];
}

export interface OperatorToken {
  /** SHA-256 of the token, base64url. */
  readonly hash: string;
  readonly expiresMs: number;
}

/** `profiles` left out: they see everything. */
export type NewOperator = Pick<Operator, 'name' | 'role' | 'email' | 'slack' | 'password'> &
  Partial<Pick<Operator, 'profiles'>>;

export interface Operators {
  list(): readonly Operator[];
  find(name: string): Operator | null;
  /** Whose token that is, while it lasts. */
  findByToken(token: string): Operator | null;
  /** False when the name is taken. Throws GatewayError STORE_FAILED, as the others do. */
  add(operator: NewOperator): boolean;
  setPassword(name: string, password: PasswordHash): boolean;
  remove(name: string): boolean;
  /** What they see from now on, in what is open too; null: everything. False when there is no such operator. */
  setProfiles(name: string, profiles: readonly string[] | null): boolean;
  /** Called after every change, until what it returns is called. */
  onChange(listener: () => void): () => void;
  /** A new token, told once; null when there is no such operator. */
  issueToken(name: string, expiresMs: number): string | null;
}

/** Tokens that start so are found by scanners of leaked secrets. */
const TOKEN_PREFIX = 'clawpatrol_op_';
const MAX_TOKENS = 20;

/** As `approvers` entries and log records name people: no address pattern, no reserved word, nothing that breaks a line. */
export function findNameFault(name: string): string | null {
  if (!/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(name)) {
    return 'a name has 1 to 64 letters, digits, or . _ @ + - and begins with a letter or digit';
  }
  if (RESERVED.has(name.toLowerCase())) {
    return `${name} is a word of the log and cannot be an operator`;
  }
  return null;
}

/** What the log calls things that act and are no person. */
const RESERVED: ReadonlySet<string> = new Set(['local', 'gateway', 'rule', 'risk', 'start', 'operator', 'model']);

/** Who votes and acts, as an approval counts it: the account, and what is proven to be the same person. */
export function principalOf({ name, email, slack, profiles }: Operator, via: Principal['via']): Counted {
  const aliases = [email, slack === '' ? '' : `slack:${slack}`].filter((alias) => alias !== '');
  return { name, via, aliases, scope: scopeOf(profiles) };
}

/** A person whose scope is said. */
export type Counted = Principal & Required<Pick<Principal, 'scope'>>;

type Accounts = ReadonlyMap<string, Operator>;

interface Kept {
  readonly current: () => Accounts;
  /** Durable when it returns. */
  readonly replace: (next: Accounts) => void;
  readonly onChange: (listener: () => void) => () => void;
}

function openFile(path: string): Kept {
  const value = readStateFile(path);
  let operators: Accounts = value === null ? new Map<string, Operator>() : parseOperators(value, path);
  const listeners = new Set<() => void>();
  return {
    current: () => operators,
    replace(next) {
      replaceStateFile(path, { version: versionOf([...next.values()]), operators: [...next.values()] });
      operators = next;
      listeners.forEach((listener) => listener());
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Opens the file of the state directory. Throws GatewayError STORE_FAILED when it is not what it should be. */
export function openOperators({ stateDir, clock }: { readonly stateDir: string; readonly clock: Clock }): Operators {
  const { current, replace, onChange } = openFile(join(stateDir, 'operators.json'));
  const change = (name: string, apply: (operator: Operator) => Operator): boolean => {
    const operator = current().get(name);
    if (operator === undefined) {
      return false;
    }
    replace(new Map(current()).set(name, apply(operator)));
    return true;
  };
  return {
    list: () => [...current().values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    find: (name) => current().get(name) ?? null,
    findByToken(token) {
      const hash = hashOf(token);
      const nowMs = clock.now();
      return (
        [...current().values()].find(({ tokens }) =>
          tokens.some((one) => sameText(one.hash, hash) && nowMs < one.expiresMs),
        ) ?? null
      );
    },
    add(operator) {
      const taken = [...current().keys()].some((name) => name.toLowerCase() === operator.name.toLowerCase());
      if (taken) {
        return false;
      }
      const made: Operator = { profiles: null, ...operator, epoch: newEpoch(), createdMs: clock.now(), tokens: [] };
      replace(new Map(current()).set(operator.name, made));
      return true;
    },
    // Whoever had the old password may have made tokens with it.
    setPassword: (name, password) => change(name, (one) => ({ ...one, password, epoch: newEpoch(), tokens: [] })),
    remove(name) {
      const next = new Map(current());
      if (!next.delete(name)) {
        return false;
      }
      replace(next);
      return true;
    },
    setProfiles: (name, profiles) => change(name, (one) => ({ ...one, profiles })),
    onChange,
    issueToken(name, expiresMs) {
      const token = `${TOKEN_PREFIX}${randomBytes(32).toString('base64url')}`;
      const nowMs = clock.now();
      const done = change(name, (one) => ({
        ...one,
        tokens: [
          ...one.tokens.filter((other) => nowMs < other.expiresMs).slice(-(MAX_TOKENS - 1)),
          { hash: hashOf(token), expiresMs },
        ],
      }));
      return done ? token : null;
    },
  };
}

function newEpoch(): string {
  return randomBytes(16).toString('base64url');
}

/** A gateway that knows of no scopes would show everything to everybody: it refuses a file of version 2. */
function versionOf(operators: readonly Operator[]): 1 | 2 {
  return operators.some(({ profiles }) => profiles !== null) ? 2 : 1;
}

function parseOperators(value: unknown, path: string): Map<string, Operator> {
  const list = fieldOf(value, 'operators');
  const version = fieldOf(value, 'version');
  if ((version !== 1 && version !== 2) || !Array.isArray(list)) {
    throw badStateFile(path);
  }
  const operators = new Map<string, Operator>();
  for (const item of list) {
    const operator = parseOperator(item);
    if (operator === null || (version === 1 && operator.profiles !== null)) {
      throw badStateFile(path);
    }
    operators.set(operator.name, operator);
  }
  return operators;
}

function parseOperator(item: unknown): Operator | null {
  const [name, email, slack, epoch] = ['name', 'email', 'slack', 'epoch'].map((key) => textOf(fieldOf(item, key)));
  const role = findRole(textOf(fieldOf(item, 'role')) ?? '');
  const createdMs = fieldOf(item, 'createdMs');
  const tokens = fieldOf(item, 'tokens');
  const stored = fieldOf(item, 'password');
  const password = stored === null ? null : parsePassword(stored);
  const profiles = parseProfiles(fieldOf(item, 'profiles'));
  if (
    profiles === undefined ||
    typeof name !== 'string' ||
    typeof email !== 'string' ||
    typeof slack !== 'string' ||
    typeof epoch !== 'string' ||
    typeof createdMs !== 'number' ||
    role === null ||
    !Array.isArray(tokens) ||
    (stored !== null && password === null)
  ) {
    return null;
  }
  return { name, role, email, slack, profiles, password, epoch, createdMs, tokens: tokens.flatMap(parseToken) };
}

/** Null: everything, as in files of before there were scopes. Undefined: no list of names, so nobody knows what was meant. */
function parseProfiles(value: unknown): readonly string[] | null | undefined {
  if (value === undefined || value === null) {
    return null;
  }
  return Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')
    ? value
    : undefined;
}

function parsePassword(value: unknown): PasswordHash | null {
  const [n, r, p] = ['n', 'r', 'p'].map((key) => fieldOf(value, key));
  const salt = fieldOf(value, 'salt');
  const key = fieldOf(value, 'key');
  return typeof n === 'number' &&
    typeof r === 'number' &&
    typeof p === 'number' &&
    typeof salt === 'string' &&
    typeof key === 'string'
    ? { n, r, p, salt, key }
    : null;
}

function parseToken(value: unknown): readonly OperatorToken[] {
  const hash = fieldOf(value, 'hash');
  const expiresMs = fieldOf(value, 'expiresMs');
  return typeof hash === 'string' && typeof expiresMs === 'number' ? [{ hash, expiresMs }] : [];
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
