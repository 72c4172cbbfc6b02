// The one error class that crosses module borders. Bytes from a peer never throw: they give values.

/** Whose fault it is; picks the log level and the audience (client: debug; upstream: warn; operator: stderr with the fix; ours: error). */
export type Culprit = 'client' | 'upstream' | 'operator' | 'gateway';

/** Every code a GatewayError may carry, with what it means. `docs/reference.md` lists the same table. */
export const ERROR_CODES = {
  CONFIG_INVALID: 'the configuration did not load',
  STATE_DIR: 'the state directory cannot be made, read or written',
  STATE_LOCKED: 'another gateway holds this state directory',
  LISTEN_FAILED: 'an address could not be bound',
  TUNNEL_FAILED: 'the tunnel could not be set up or changed',
  STORE_FAILED: 'the SQLite store cannot be opened or written',
  STORE_KEY: 'the key that seals stored secrets is missing or wrong',
  SECRET_MISSING: 'a credential has no value, or its source failed',
  UPSTREAM_UNREACHABLE: 'the upstream did not accept a connection in time',
  UPSTREAM_TLS: 'TLS with the upstream failed or did not verify',
  UPSTREAM_AUTH: 'the upstream refused or broke the login',
  UPSTREAM_PROTOCOL: 'the upstream sent something that its protocol does not allow',
  CLIENT_PROTOCOL: 'the client sent something that its protocol does not allow',
  CLIENT_TIMEOUT: 'the client did not finish a phase within its deadline',
  LIMIT_REACHED: 'a configured limit was reached',
  NOT_SERVED: 'this endpoint type is not served by this version',
  DRAINING: 'the gateway is stopping',
  INTERNAL: 'a fault of the gateway itself',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected failure: what happened, whose fault, and (in the message) what to do about it. Never holds a secret. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly culprit: Culprit;

  constructor(code: ErrorCode, culprit: Culprit, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GatewayError';
    this.code = code;
    this.culprit = culprit;
  }
}

/** The text of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether what was thrown is the system's error of that name, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** What is wrong with a file that was named to a verb, in plain words; the path is not repeated. */
export function fileTrouble(error: unknown): string {
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    ENOTDIR: 'a part of the path is no directory',
    EISDIR: 'it is a directory',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left',
  };
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return (typeof code === 'string' ? known[code] : undefined) ?? messageOf(error);
}

/** Why a signal was aborted, where whoever did it said so in words. */
export function abortReason(signal: AbortSignal, fallback: string): string {
  return typeof signal.reason === 'string' ? signal.reason : fallback;
}
