// Operators whom the tailnet names: whoever calls from a node of theirs is logged in without a password, for as long as the node is theirs.
// Their account is the one with their login as e-mail address (or name); without one they may decide, and change nothing of the gateway.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { canonicalIp } from '../gateway/dialling/addresses.ts';
import type { TailnetPeople } from '../gateway/tailnet/people.ts';
import type { Clock } from '../lib/clock.ts';
import type { Found } from './login.ts';
import { findNameFault, type Operator, type Operators } from './operators.ts';

/** For pages that show when a login ends: this one is looked at anew at every request. */
const SHOWN_MS = 86_400_000;

export interface TailnetLogins {
  /** Whether a connection may ask anything: one of an agent's node may not. Never rejects. */
  admits(socket: Socket): Promise<boolean>;
  /** The operator at the other end, once admitted; null: not one by the tailnet. */
  find(socket: Socket): Found | null;
}

export interface TailnetLoginParts {
  readonly clock: Clock;
  readonly people: TailnetPeople | null;
  readonly operators: Pick<Operators, 'list'>;
}

export function createTailnetLogins({ clock, people, operators }: TailnetLoginParts): TailnetLogins {
  // One for everybody and for good: it is told to our own page only, which proves that by its origin too.
  const csrf = randomBytes(32).toString('base64url');
  return {
    async admits(socket) {
      const ip = canonicalIp(socket.remoteAddress);
      await people?.meet(ip, socket.remotePort ?? 0);
      return people?.isShut(ip) !== true;
    },
    find(socket) {
      const login = people?.operatorAt(canonicalIp(socket.remoteAddress)) ?? null;
      const operator = login === null ? null : accountOf(login, operators);
      return operator === null
        ? null
        : {
            id: '',
            session: {
              operator: operator.name,
              epoch: operator.epoch,
              csrf,
              createdMs: clock.now(),
              expiresMs: clock.now() + SHOWN_MS,
            },
            operator,
          };
    },
  };
}

/** Null where it cannot be told whose account it is. */
function accountOf(login: string, operators: Pick<Operators, 'list'>): Operator | null {
  const [account, ...others] = operators
    .list()
    .filter(({ name, email }) => email.toLowerCase() === login || name.toLowerCase() === login);
  if (others.length > 0) {
    return null;
  }
  const alone: Operator = {
    name: login,
    role: 'approver',
    email: login,
    slack: '',
    profiles: null,
    password: null,
    epoch: '',
    createdMs: 0,
    tokens: [],
  };
  return account ?? (findNameFault(login) === null ? alone : null);
}
