// Frames of the PostgreSQL protocol 3.0: types, length limits, and the bytes of every message that the gateway itself
// writes. Reading of message bodies is in messages.ts. A frame is a type byte, an int32 length that counts itself, a body
// (PostgreSQL manual, 55.7 Message Formats).
import { MAX_LARGE_MESSAGE_BYTES, MAX_SMALL_MESSAGE_BYTES } from '../../lib/limits.ts';

/** Type byte and length. */
export const HEADER_BYTES = 5;

/** Message types that a client sends. */
export const FRONT = {
  bind: 0x42,
  close: 0x43,
  describe: 0x44,
  execute: 0x45,
  functionCall: 0x46,
  flush: 0x48,
  parse: 0x50,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
  copyDone: 0x63,
  copyData: 0x64,
  copyFail: 0x66,
  password: 0x70,
} as const;

/** Message types that a server sends. */
export const BACK = {
  parseComplete: 0x31,
  bindComplete: 0x32,
  closeComplete: 0x33,
  notification: 0x41,
  commandComplete: 0x43,
  dataRow: 0x44,
  error: 0x45,
  copyIn: 0x47,
  copyOut: 0x48,
  emptyQuery: 0x49,
  backendKey: 0x4b,
  notice: 0x4e,
  authentication: 0x52,
  parameterStatus: 0x53,
  rowDescription: 0x54,
  functionResult: 0x56,
  copyBoth: 0x57,
  ready: 0x5a,
  copyDone: 0x63,
  copyData: 0x64,
  noData: 0x6e,
  portalSuspended: 0x73,
  parameterDescription: 0x74,
  negotiateVersion: 0x76,
} as const;

/** Status byte of ReadyForQuery. */
export const STATUS = { idle: 0x49, open: 0x54, failed: 0x45 } as const;

/** The frame's length field as the sender wrote it (unsigned). The buffer must hold a whole header at `at`. */
export function lengthAt(buffer: Buffer, at: number): number {
  return (
    (buffer[at + 1] ?? 0) * 0x1000000 +
    (((buffer[at + 2] ?? 0) << 16) | ((buffer[at + 3] ?? 0) << 8) | (buffer[at + 4] ?? 0))
  );
}

/** The longest length field that a client's message of this type may have, or 0 for a type that does not exist. */
export function clientLengthLimit(type: number): number {
  switch (type) {
    case FRONT.query:
    case FRONT.parse:
    case FRONT.bind:
    case FRONT.functionCall:
    case FRONT.copyData:
      return MAX_LARGE_MESSAGE_BYTES;
    case FRONT.close:
    case FRONT.describe:
    case FRONT.execute:
    case FRONT.flush:
    case FRONT.sync:
    case FRONT.terminate:
    case FRONT.copyDone:
    case FRONT.copyFail:
      return MAX_SMALL_MESSAGE_BYTES;
    default:
      return 0;
  }
}

/** One whole message at the front of a buffer. */
export type Take =
  | { readonly kind: 'message'; readonly type: number; readonly body: Buffer; readonly sizeBytes: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly why: string };

const INCOMPLETE: Take = { kind: 'incomplete' };

/** Takes one message of at most `maxBytes` from the front. For logins and look-ups, not for relayed traffic. */
export function takeMessage(buffer: Buffer, maxBytes: number): Take {
  if (buffer.length < HEADER_BYTES) {
    return INCOMPLETE;
  }
  const length = lengthAt(buffer, 0);
  if (length < 4 || length > maxBytes) {
    return { kind: 'malformed', why: `message of ${length} bytes, at most ${maxBytes}` };
  }
  if (buffer.length < length + 1) {
    return INCOMPLETE;
  }
  return {
    kind: 'message',
    type: buffer[0] ?? 0,
    body: buffer.subarray(HEADER_BYTES, length + 1),
    sizeBytes: length + 1,
  };
}

/** A message from its body. Refuses (null) what does not fit the int32 length, so that no length can wrap around. */
export function frame(type: number, body: Buffer): Buffer | null {
  if (body.length + 4 > MAX_LARGE_MESSAGE_BYTES) {
    return null;
  }
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  bytes[0] = type;
  bytes.writeUInt32BE(body.length + 4, 1);
  body.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** The same for bodies that the gateway builds itself and knows to be short. */
function shortFrame(type: number, body: Buffer): Buffer {
  const bytes = frame(type, body);
  if (bytes === null) {
    throw new RangeError('a message of the gateway itself is too long');
  }
  return bytes;
}

/** Texts of our own messages end at the first NUL, as every reader would end them. */
function cstring(text: string): Buffer {
  const end = text.indexOf('\0');
  return Buffer.from(`${end < 0 ? text : text.slice(0, end)}\0`, 'utf8');
}

/** Query. */
export function queryMessage(text: string): Buffer {
  return shortFrame(FRONT.query, cstring(text));
}

/** Parse without parameter types. `name` is the exact bytes of the statement's name. */
export function parseMessage(name: Buffer, text: string): Buffer {
  return shortFrame(FRONT.parse, Buffer.concat([name, Buffer.from([0]), cstring(text), Buffer.from([0, 0])]));
}

/** Parse, Bind, Execute and Sync of one statement with text parameters, as one piece. */
export function extendedQuery(sql: string, parameters: readonly (string | null)[]): Buffer {
  const values = parameters.flatMap((value) => {
    const bytes = value === null ? Buffer.alloc(0) : Buffer.from(value, 'utf8');
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(value === null ? -1 : bytes.length, 0);
    return [length, bytes];
  });
  const count = Buffer.allocUnsafe(2);
  count.writeUInt16BE(parameters.length, 0);
  // Names of portal and statement are empty, all formats are text.
  const bind = Buffer.concat([Buffer.from([0, 0, 0, 0]), count, ...values, Buffer.from([0, 0])]);
  return Buffer.concat([
    parseMessage(Buffer.alloc(0), sql),
    shortFrame(FRONT.bind, bind),
    shortFrame(FRONT.execute, Buffer.alloc(5)),
    shortFrame(FRONT.sync, Buffer.alloc(0)),
  ]);
}

export const FLUSH_MESSAGE: Buffer = shortFrame(FRONT.flush, Buffer.alloc(0));
export const AUTHENTICATION_OK: Buffer = shortFrame(BACK.authentication, Buffer.alloc(4));

/** ReadyForQuery in status idle. */
export const READY_IDLE: Buffer = shortFrame(BACK.ready, Buffer.from([STATUS.idle]));

/** AuthenticationSASL with the mechanisms on offer. */
export function saslOfferMessage(mechanisms: readonly string[]): Buffer {
  return authenticationMessage(10, Buffer.concat([...mechanisms.map(cstring), Buffer.from([0])]));
}

/** AuthenticationSASLContinue. */
export function saslContinueMessage(challenge: string): Buffer {
  return authenticationMessage(11, Buffer.from(challenge, 'utf8'));
}

/** AuthenticationSASLFinal. */
export function saslFinalMessage(outcome: string): Buffer {
  return authenticationMessage(12, Buffer.from(outcome, 'utf8'));
}

function authenticationMessage(request: number, data: Buffer): Buffer {
  const kind = Buffer.allocUnsafe(4);
  kind.writeUInt32BE(request, 0);
  return shortFrame(BACK.authentication, Buffer.concat([kind, data]));
}

/** ParameterStatus. */
export function parameterStatusMessage(name: string, value: string): Buffer {
  return shortFrame(BACK.parameterStatus, Buffer.concat([cstring(name), cstring(value)]));
}

/** BackendKeyData of protocol 3.0: two int32. */
export function backendKeyMessage(processId: number, secretKey: number): Buffer {
  const body = Buffer.allocUnsafe(8);
  body.writeUInt32BE(processId, 0);
  body.writeUInt32BE(secretKey, 4);
  return shortFrame(BACK.backendKey, body);
}

/**
 * NegotiateProtocolVersion: the newest version spoken, and the `_pq_.` options that were not understood. The manual says "minor version",
 * but every server sends the whole number, and libpq 18 takes anything else for a downgrade below 3.0.
 */
export function negotiateVersionMessage(version: number, ignored: readonly string[]): Buffer {
  const numbers = Buffer.allocUnsafe(8);
  numbers.writeUInt32BE(version, 0);
  numbers.writeUInt32BE(ignored.length, 4);
  return shortFrame(BACK.negotiateVersion, Buffer.concat([numbers, ...ignored.map(cstring)]));
}

/** Fields of an ErrorResponse or NoticeResponse that the gateway writes. */
export interface Report {
  readonly severity: 'ERROR' | 'FATAL' | 'NOTICE';
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

function report(type: number, fields: Report): Buffer {
  const text = [`S${fields.severity}`, `V${fields.severity}`, `C${fields.code}`, `M${fields.message}`];
  if (fields.detail !== undefined && fields.detail !== '') {
    text.push(`D${fields.detail}`);
  }
  if (fields.hint !== undefined && fields.hint !== '') {
    text.push(`H${fields.hint}`);
  }
  return shortFrame(type, Buffer.concat([...text.map(cstring), Buffer.from([0])]));
}

/** ErrorResponse. */
export function errorMessage(fields: Report): Buffer {
  return report(BACK.error, fields);
}

/** NoticeResponse. */
export function noticeMessage(fields: Report): Buffer {
  return report(BACK.notice, fields);
}

/** A startup packet (no type byte): code, then name and value pairs, then a NUL. */
export function startupPacket(parameters: ReadonlyMap<string, string>): Buffer {
  const pairs = [...parameters].flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return untypedPacket(PROTOCOL_3_0, Buffer.concat([...pairs, Buffer.from([0])]));
}

export const PROTOCOL_3_0 = 196_608;
export const CANCEL_REQUEST = 80_877_102;
export const SSL_REQUEST = 80_877_103;
export const GSSENC_REQUEST = 80_877_104;

/** A packet of the start-up phase: length, code, body. */
export function untypedPacket(code: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(8 + body.length);
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.writeUInt32BE(code, 4);
  body.copy(bytes, 8);
  return bytes;
}

/** CancelRequest with an upstream's own key, exactly as it was given out (protocol 3.0: 4 bytes; later: up to 256). */
export function cancelRequest(processId: number, secretKey: Buffer): Buffer {
  const body = Buffer.allocUnsafe(4 + secretKey.length);
  body.writeUInt32BE(processId, 0);
  secretKey.copy(body, 4);
  return untypedPacket(CANCEL_REQUEST, body);
}

/** PasswordMessage (cleartext or MD5 answer). */
export function passwordMessage(password: string): Buffer {
  return shortFrame(FRONT.password, Buffer.concat([Buffer.from(password, 'utf8'), Buffer.from([0])]));
}

/** SASLInitialResponse. */
export function saslInitialMessage(mechanism: string, response: string): Buffer {
  const data = Buffer.from(response, 'utf8');
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(data.length, 0);
  return shortFrame(FRONT.password, Buffer.concat([cstring(mechanism), length, data]));
}

/** SASLResponse. */
export function saslResponseMessage(response: string): Buffer {
  return shortFrame(FRONT.password, Buffer.from(response, 'utf8'));
}
