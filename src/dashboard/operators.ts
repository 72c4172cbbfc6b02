// The operators: people with an account at this gateway, in one file of the state directory. Passwords and tokens are kept as hashes.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { badStateFile, readStateFile, replaceStateFile } from '../audit/state-file.ts';
import type { Clock } from '../lib/clock.ts';
import type { Principal } from '../approvals/stages.ts';
import type { PasswordHash } from './password.ts';
import { findRole, type Role } from './roles.ts';
import { hashOf } from './sessions.ts';

export interface Operator {
  readonly name: string;
  readonly role: Role;
  /** "" when none was given. */
  readonly email: string;
  /** Slack member id, "" when none was given. */
  readonly slack: string;
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

export type NewOperator = Pick<Operator, 'name' | 'role' | 'email' | 'slack' | 'password'>;

export interface Operators {
  list(): readonly Operator[];
  find(name: string): Operator | null;
  /** Whose token that is, while it lasts. */
  findByToken(token: string): Operator | null;
  /** False when the name is taken. Throws GatewayError STORE_FAILED, as the others do. */
  add(operator: NewOperator): boolean;
  setPassword(name: string, password: PasswordHash): boolean;
  remove(name: string): boolean;
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
export function principalOf({ name, email, slack }: Operator, via: Principal['via']): Principal {
  const aliases = [email, slack === '' ? '' : `slack:${slack}`].filter((alias) => alias !== '');
  return { name, via, aliases };
}

/** Opens the file of the state directory. Throws GatewayError STORE_FAILED when it is not what it should be. */
export function openOperators({ stateDir, clock }: { readonly stateDir: string; readonly clock: Clock }): Operators {
  const path = join(stateDir, 'operators.json');
  const value = readStateFile(path);
  let operators = value === null ? new Map<string, Operator>() : parseOperators(value, path);
  const replace = (next: Map<string, Operator>): void => {
    replaceStateFile(path, { version: 1, operators: [...next.values()] });
    operators = next;
  };
  const change = (name: string, apply: (operator: Operator) => Operator): boolean => {
    const operator = operators.get(name);
    if (operator === undefined) {
      return false;
    }
    replace(new Map(operators).set(name, apply(operator)));
    return true;
  };
  return {
    list: () => [...operators.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    find: (name) => operators.get(name) ?? null,
    findByToken(token) {
      const hash = hashOf(token);
      const nowMs = clock.now();
      return (
        [...operators.values()].find(({ tokens }) =>
          tokens.some((one) => one.hash === hash && nowMs < one.expiresMs),
        ) ?? null
      );
    },
    add(operator) {
      const taken = [...operators.keys()].some((name) => name.toLowerCase() === operator.name.toLowerCase());
      if (taken) {
        return false;
      }
      const made: Operator = { ...operator, epoch: newEpoch(), createdMs: clock.now(), tokens: [] };
      replace(new Map(operators).set(operator.name, made));
      return true;
    },
    // Whoever had the old password may have made tokens with it.
    setPassword: (name, password) => change(name, (one) => ({ ...one, password, epoch: newEpoch(), tokens: [] })),
    remove(name) {
      const next = new Map(operators);
      if (!next.delete(name)) {
        return false;
      }
      replace(next);
      return true;
    },
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

function parseOperators(value: unknown, path: string): Map<string, Operator> {
  const list = field(value, 'operators');
  if (field(value, 'version') !== 1 || !Array.isArray(list)) {
    throw badStateFile(path);
  }
  const operators = new Map<string, Operator>();
  for (const item of list) {
    const operator = parseOperator(item);
    if (operator === null) {
      throw badStateFile(path);
    }
    operators.set(operator.name, operator);
  }
  return operators;
}

function parseOperator(item: unknown): Operator | null {
  const [name, email, slack, epoch] = ['name', 'email', 'slack', 'epoch'].map((key) => textOf(field(item, key)));
  const role = findRole(textOf(field(item, 'role')) ?? '');
  const createdMs = field(item, 'createdMs');
  const tokens = field(item, 'tokens');
  const stored = field(item, 'password');
  const password = stored === null ? null : parsePassword(stored);
  if (
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
  return { name, role, email, slack, password, epoch, createdMs, tokens: tokens.flatMap(parseToken) };
}

function parsePassword(value: unknown): PasswordHash | null {
  const [n, r, p] = ['n', 'r', 'p'].map((key) => field(value, key));
  const salt = field(value, 'salt');
  const key = field(value, 'key');
  return typeof n === 'number' &&
    typeof r === 'number' &&
    typeof p === 'number' &&
    typeof salt === 'string' &&
    typeof key === 'string'
    ? { n, r, p, salt, key }
    : null;
}

function parseToken(value: unknown): readonly OperatorToken[] {
  const hash = field(value, 'hash');
  const expiresMs = field(value, 'expiresMs');
  return typeof hash === 'string' && typeof expiresMs === 'number' ? [{ hash, expiresMs }] : [];
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
