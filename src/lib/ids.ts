// UUIDv7 (RFC 9562, section 5.7): 48 bits of wall-clock milliseconds, then random bits.
import { randomBytes } from 'node:crypto';

/** Random bytes are drawn and written as text in blocks: one system call serves 256 ids. */
const IDS_PER_BLOCK = 256;
const RANDOM_BYTES = 10;
const RANDOM_CHARS = RANDOM_BYTES * 2;
let block = '';
let used = 0;
let lastMs = Number.NaN;
let lastTime = '';

/** A new UUIDv7 as lower-case text, 36 characters. `nowMs` is wall clock; order within a millisecond is random. */
export function uuidv7(nowMs: number): string {
  if (used === block.length) {
    block = randomBlock();
    used = 0;
  }
  if (nowMs !== lastMs) {
    const time = Math.max(0, Math.floor(nowMs)).toString(16).padStart(12, '0').slice(-12);
    lastMs = nowMs;
    lastTime = `${time.slice(0, 8)}-${time.slice(8)}-`;
  }
  const at = used;
  used += RANDOM_CHARS;
  return `${lastTime}${block.slice(at, at + 4)}-${block.slice(at + 4, at + 8)}-${block.slice(at + 8, used)}`;
}

/** Random bits of many ids, version and variant set, as hexadecimal text. */
function randomBlock(): string {
  const bytes = randomBytes(RANDOM_BYTES * IDS_PER_BLOCK);
  for (let at = 0; at < bytes.length; at += RANDOM_BYTES) {
    bytes[at] = ((bytes[at] ?? 0) & 0x0f) | 0x70;
    bytes[at + 2] = ((bytes[at + 2] ?? 0) & 0x3f) | 0x80;
  }
  return bytes.toString('hex');
}
