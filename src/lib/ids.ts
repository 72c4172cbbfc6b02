// UUIDv7 (RFC 9562, section 5.7): 48 bits of wall-clock milliseconds, then random bits.
import { randomBytes } from 'node:crypto';

/** Random bytes are drawn in blocks: one system call serves 256 ids. */
const POOL_BYTES = 10 * 256;
let pool = Buffer.alloc(0);
let used = 0;

/** A new UUIDv7 as lower-case text, 36 characters. `nowMs` is wall clock; order within a millisecond is random. */
export function uuidv7(nowMs: number): string {
  if (used + 10 > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  const time = Math.max(0, Math.floor(nowMs)).toString(16).padStart(12, '0').slice(-12);
  pool[used] = ((pool[used] ?? 0) & 0x0f) | 0x70;
  pool[used + 2] = ((pool[used + 2] ?? 0) & 0x3f) | 0x80;
  const rest = pool.toString('hex', used, used + 10);
  used += 10;
  return `${time.slice(0, 8)}-${time.slice(8)}-${rest.slice(0, 4)}-${rest.slice(4, 8)}-${rest.slice(8)}`;
}
