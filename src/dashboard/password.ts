// Passwords of operators: scrypt (RFC 7914) with a salt of their own, worked out off the event loop, a few at a time.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A password as it is kept. */
export interface PasswordHash {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  /** base64 */
  readonly salt: string;
  /** base64 */
  readonly key: string;
}

/** Work that is refused since too much of it waits already. */
export class BusyError extends Error {
  constructor() {
    super('too many logins are being checked; try again in a moment');
    this.name = 'BusyError';
  }
}

const MIN_PASSWORD_CHARS = 12;
export const MAX_PASSWORD_CHARS = 256;

/** 32 MiB and about a tenth of a second each. */
const COST = { n: 32_768, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
/** Each holds its memory while it runs. */
const MAX_RUNNING = 2;
const MAX_WAITING = 32;

export interface Passwords {
  hash(password: string): Promise<PasswordHash>;
  /** Takes the same time when `stored` is null: an unknown name is not told apart from a wrong password. Rejects with BusyError. */
  verify(password: string, stored: PasswordHash | null): Promise<boolean>;
}

/** Why a password will not do, or null. */
export function findPasswordFault(password: string): string | null {
  const chars = password.length;
  if (chars < MIN_PASSWORD_CHARS || chars > MAX_PASSWORD_CHARS) {
    return `a password has ${MIN_PASSWORD_CHARS} to ${MAX_PASSWORD_CHARS} characters, this one has ${chars}`;
  }
  return null;
}

/** Checks passwords, a few at a time. */
export function createPasswords(cost: Pick<PasswordHash, 'n' | 'r' | 'p'> = COST): Passwords {
  const limited = createLimit();
  const decoy: PasswordHash = { ...cost, salt: randomBytes(16).toString('base64'), key: '' };
  return {
    async hash(password) {
      const salt = randomBytes(16);
      const key = await limited(() => derive(password, { ...cost, salt: salt.toString('base64') }));
      return { ...cost, salt: salt.toString('base64'), key: key.toString('base64') };
    },
    async verify(password, stored) {
      const against = stored ?? decoy;
      const key = await limited(() => derive(password, against));
      const expected = Buffer.from(against.key, 'base64');
      return stored !== null && expected.length === key.length && timingSafeEqual(expected, key);
    },
  };
}

function derive(password: string, { n, r, p, salt }: Omit<PasswordHash, 'key'>): Promise<Buffer> {
  // What a keyboard composes and what another one sends as two characters is one password.
  const text = password.normalize('NFKC');
  return new Promise((resolve, reject) => {
    scrypt(text, Buffer.from(salt, 'base64'), KEY_BYTES, { N: n, r, p, maxmem: MAX_MEMORY_BYTES }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function createLimit(): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= MAX_RUNNING) {
      if (waiting.length >= MAX_WAITING) {
        throw new BusyError();
      }
      // Whoever ends hands its place on, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) {
        running -= 1;
      } else {
        next();
      }
    }
  };
}
