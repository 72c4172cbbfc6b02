// Server-sent events (HTML, 9.2), taken from a stream as it comes: any chunking and any line end gives the same events. Bounded.

/** An event, and the exact bytes that it came in, its empty line included. */
export interface SseEvent {
  /** "" where none is named, which means `message`. */
  readonly type: string;
  /** Data lines joined by line feeds; null when the block has none (a comment, a bare id). */
  readonly data: string | null;
  readonly id: string | null;
  /** Lines that are no data, as they came, without their ends. */
  readonly others: readonly string[];
  readonly raw: Buffer;
}

/** A longer event ends the stream. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;
const CR = 0x0d;
const LF = 0x0a;

export class SseReader {
  /** Bytes of the event at hand. */
  #parts: Buffer[] = [];
  #size = 0;
  /** The line at hand is empty so far. */
  #lineEmpty = true;
  /** The last byte was a CR: an LF behind it belongs to it. */
  #afterCr = false;
  /** The CR that ended the event was its last byte: an LF at the front of what comes belongs to it. */
  #owedLf = false;

  /** Events that the bytes complete; null: an event is longer than is read. */
  push(bytes: Buffer): readonly SseEvent[] | null {
    const events: SseEvent[] = [];
    let start = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (this.#owedLf) {
        this.#owedLf = false;
        if (byte === LF) {
          continue;
        }
      }
      if (byte !== CR && byte !== LF) {
        this.#lineEmpty = false;
        this.#afterCr = false;
        continue;
      }
      if (byte === LF && this.#afterCr) {
        this.#afterCr = false;
        continue;
      }
      const ends = this.#lineEmpty;
      this.#lineEmpty = true;
      this.#afterCr = byte === CR;
      if (ends) {
        const next = byte === CR && bytes[at + 1] === LF ? at + 2 : at + 1;
        this.#owedLf = byte === CR && at + 1 === bytes.length;
        this.#afterCr = false;
        events.push(this.#take(bytes.subarray(start, next)));
        start = next;
        at = next - 1;
      }
    }
    this.#parts.push(Buffer.from(bytes.subarray(start)));
    this.#size += bytes.length - start;
    return this.#size > MAX_EVENT_BYTES ? null : events;
  }

  /** What came behind the last event: clients drop it. */
  rest(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #take(last: Buffer): SseEvent {
    const raw = Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#size = 0;
    return readEvent(raw);
  }
}

function readEvent(raw: Buffer): SseEvent {
  const data: string[] = [];
  const others: string[] = [];
  let type = '';
  let id: string | null = null;
  const text = raw.toString('utf8').replace(/^\ufeff/, '');
  for (const line of text.split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      data.push(value);
    } else if (line !== '') {
      others.push(line);
      type = field === 'event' ? value : type;
      id = field === 'id' ? value : id;
    }
  }
  return { type, data: data.length === 0 ? null : data.join('\n'), id, others, raw };
}
