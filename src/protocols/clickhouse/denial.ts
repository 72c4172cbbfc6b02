// What a client is told in the server's place: a denial is an exception of the server after which the session goes on, and a query that waits
// for a person is kept alive by what clients read over.
import { visible } from '../../lib/text.ts';
import { formatDuration } from '../../lib/units.ts';
import type { ParkedNotice, Verdict } from '../session.ts';
import { SERVER, SINCE, Writer } from './codec.ts';

type Denial = Extract<Verdict, { readonly kind: 'deny' }>;

/** ErrorCodes.cpp of ClickHouse. */
export const CODES = {
  unexpectedPacket: 101,
  networkError: 210,
  queryWasCancelled: 394,
  accessDenied: 497,
  authenticationFailed: 516,
} as const;

const MAX_TEXT_CHARS = 2000;

/** An exception as a server sends it, without a stack trace. */
export function exceptionPacket(code: number, text: string): Buffer {
  return new Writer()
    .varuint(SERVER.exception)
    .i32(code)
    .string('DB::Exception')
    .string(`DB::Exception: ${visible(text, true).slice(0, MAX_TEXT_CHARS)}`)
    .string('')
    .u8(0)
    .bytes();
}

/** The words of a refusal: why, by which rule, what can be done about it, and the id under which it is on record. */
export function denialText({ reason, rule, hint, word }: DenialWords, action: string): string {
  const because = [rule === '' ? '' : `denied by rule "${rule}"`, word].filter((part) => part !== '').join(', ');
  const parts = [because === '' ? reason : `${reason} (${because})`, hint, action === '' ? '' : `(action ${action})`];
  return parts.filter((part) => part !== '').join(' ');
}

export type DenialWords = Pick<Denial, 'reason' | 'rule' | 'hint' | 'word'>;

export function denialPacket(verdict: Denial, action: string): Buffer {
  return verdict.cause === 'cancelled'
    ? exceptionPacket(CODES.queryWasCancelled, 'Query was cancelled while it waited for approval')
    : exceptionPacket(CODES.accessDenied, denialText(verdict, action));
}

/** Progress in which nothing has happened, laid out for the revision: every client that waits for an answer reads over it. */
export function idleProgress(revision: number): Buffer {
  const fields =
    3 +
    (revision >= SINCE.totalBytesInProgress ? 1 : 0) +
    (revision >= SINCE.clientWriteInfo ? 2 : 0) +
    (revision >= SINCE.serverQueryTimeInProgress ? 1 : 0);
  return Buffer.concat([Buffer.from([SERVER.progress]), Buffer.alloc(fields)]);
}

/** When servers began to call the thread of a message `thread_id` (20.10 at the latest). */
const THREAD_ID = SINCE.interserverSecret;
const INFORMATION = 6;

/**
 * A message of the server's log, which clients show to people, or none: then it is only a sign of life. A client that waits for the columns of
 * an INSERT takes nothing else.
 */
export function logPacket(revision: number, text: string | null, seconds: number): Buffer {
  const columns: readonly (readonly [string, string, Buffer])[] = [
    ['event_time', 'DateTime', new Writer().u32(seconds).bytes()],
    ['event_time_microseconds', 'UInt32', new Writer().u32(0).bytes()],
    ['host_name', 'String', new Writer().string('clawpatrol').bytes()],
    ['query_id', 'String', new Writer().string('').bytes()],
    ...(revision >= THREAD_ID ? [] : [['thread_number', 'UInt32', new Writer().u32(0).bytes()] as const]),
    ['thread_id', 'UInt64', Buffer.alloc(8)],
    ['priority', 'Int8', new Writer().u8(INFORMATION).bytes()],
    ['source', 'String', new Writer().string('clawpatrol').bytes()],
    ['text', 'String', new Writer().string(visible(text ?? '', true).slice(0, MAX_TEXT_CHARS)).bytes()],
  ];
  const writer = new Writer().varuint(SERVER.log).string('');
  writer
    .raw(EMPTY_INFO)
    .varuint(columns.length)
    .varuint(text === null ? 0 : 1);
  for (const [name, type, value] of columns) {
    writer.string(name).string(type);
    if (revision >= SINCE.customSerialization) {
      writer.u8(0);
    }
    if (text !== null) {
      writer.raw(value);
    }
  }
  return writer.bytes();
}

/** Neither overflow nor a bucket (ClickHouse, Core/BlockInfo.h). */
const EMPTY_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);

/** The block without columns that ends the data of a query, as it stands in a packet. */
export const EMPTY_BLOCK = Buffer.concat([EMPTY_INFO, Buffer.from([0, 0])]);

/** Tells a client that its query waits, and for what. */
export function parkedText({ approval, waitsFor, expiresInMs }: ParkedNotice): string {
  return `waiting for approval ${approval}: ${waitsFor} (expires in ${formatDuration(Math.max(0, expiresInMs))})`;
}
