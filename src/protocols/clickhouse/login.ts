// The first packets of a connection, both ways. The agent's own password is read over and forgotten here.
import { CLIENT, Cursor, MAX_NAME_BYTES, SERVER, SINCE, Writer, taken, type Taken } from './codec.ts';

/** What a client says first. */
export interface ClientHello {
  readonly clientName: string;
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
  readonly database: string;
  readonly user: string;
}

/** What a server says to it. */
export interface ServerHello {
  readonly serverName: string;
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
  readonly timezone: string;
  readonly displayName: string;
  readonly patch: number;
}

/** A server that refuses a query or a login. */
export interface ServerException {
  readonly code: number;
  readonly name: string;
  readonly message: string;
}

const MAX_RULES = 1000;
const NONCE_BYTES = 8;
const MAX_NESTED = 16;
/** Messages of exceptions hold query texts and stack traces. */
const MAX_EXCEPTION_TEXT_BYTES = 4 * 1024 * 1024;

/** Takes the client's hello from the front. What it sends as a password is skipped. */
export function takeClientHello(bytes: Buffer): Taken<ClientHello> {
  const cursor = new Cursor(bytes);
  const type = cursor.varuint();
  if (cursor.trouble === 'none' && type !== CLIENT.hello) {
    cursor.malformed(`a packet ${type} in place of a hello`);
  }
  const hello = {
    clientName: cursor.text(),
    major: cursor.varuint(),
    minor: cursor.varuint(),
    revision: cursor.varuint(),
    database: cursor.text(),
    user: cursor.text(),
  };
  cursor.string(MAX_NAME_BYTES);
  return taken(cursor, () => hello);
}

export interface HelloToServer extends ClientHello {
  readonly password: string;
}

export function clientHello(hello: HelloToServer): Buffer {
  return new Writer()
    .varuint(CLIENT.hello)
    .string(hello.clientName)
    .varuint(hello.major)
    .varuint(hello.minor)
    .varuint(hello.revision)
    .string(hello.database)
    .string(hello.user)
    .string(hello.password)
    .bytes();
}

export type ServerGreeting =
  | { readonly kind: 'hello'; readonly hello: ServerHello }
  | { readonly kind: 'exception'; readonly exception: ServerException };

/** Takes the server's answer to a hello that announced `announced`. */
export function takeServerGreeting(bytes: Buffer, announced: number): Taken<ServerGreeting> {
  const cursor = new Cursor(bytes);
  const type = cursor.varuint();
  if (cursor.trouble === 'none' && type === SERVER.exception) {
    const exception = readException(cursor);
    return taken(cursor, () => ({ kind: 'exception', exception }));
  }
  if (cursor.trouble === 'none' && type !== SERVER.hello) {
    cursor.malformed(`a packet ${type} in place of a hello`);
  }
  const serverName = cursor.text();
  const major = cursor.varuint();
  const minor = cursor.varuint();
  const revision = cursor.varuint();
  const hello = { serverName, major, minor, revision, timezone: cursor.text(), displayName: cursor.text() };
  const patch = cursor.varuint();
  const inForce = Math.min(announced, revision);
  if (inForce >= SINCE.passwordComplexityRules) {
    skipRules(cursor);
  }
  if (inForce >= SINCE.interserverNonce) {
    cursor.take(NONCE_BYTES);
  }
  return taken(cursor, () => ({ kind: 'hello', hello: { ...hello, patch } }));
}

function skipRules(cursor: Cursor): void {
  const rules = cursor.varuint();
  if (rules > MAX_RULES) {
    cursor.malformed(`${rules} rules for passwords`);
  }
  for (let rule = 0; rule < rules && cursor.trouble === 'none'; rule += 1) {
    cursor.string();
    cursor.string();
  }
}

/** An exception behind its packet type; what it is nested in is read over. */
export function readException(cursor: Cursor): ServerException {
  const exception = { code: cursor.i32(), name: cursor.text(), message: cursor.text(MAX_EXCEPTION_TEXT_BYTES) };
  cursor.string(MAX_EXCEPTION_TEXT_BYTES);
  for (let nested = 0; cursor.u8() !== 0; nested += 1) {
    if (nested === MAX_NESTED) {
      cursor.malformed('too many nested exceptions');
    }
    cursor.i32();
    cursor.string();
    cursor.string(MAX_EXCEPTION_TEXT_BYTES);
    cursor.string(MAX_EXCEPTION_TEXT_BYTES);
  }
  return exception;
}

/**
 * The hello that the client gets: the server's own, at the revision that both legs have. Rules for passwords are none of its business, and
 * the nonce serves servers only.
 */
export function serverHello(hello: ServerHello, revision: number): Buffer {
  const writer = new Writer()
    .varuint(SERVER.hello)
    .string(hello.serverName)
    .varuint(hello.major)
    .varuint(hello.minor)
    .varuint(revision)
    .string(hello.timezone)
    .string(hello.displayName)
    .varuint(hello.patch);
  if (revision >= SINCE.passwordComplexityRules) {
    writer.varuint(0);
  }
  if (revision >= SINCE.interserverNonce) {
    writer.raw(Buffer.alloc(NONCE_BYTES));
  }
  return writer.bytes();
}

/** From 54458 on a client sends its quota key behind the hellos. */
export function takeAddendum(bytes: Buffer): Taken<Buffer> {
  const cursor = new Cursor(bytes);
  const quotaKey = cursor.string();
  return taken(cursor, () => quotaKey);
}

export function addendum(quotaKey: Buffer): Buffer {
  return new Writer().string(quotaKey).bytes();
}
