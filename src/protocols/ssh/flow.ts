// One direction of a channel: what its source sends, and how much of it the sink takes (RFC 4254, section 5.2). Windows reach from end to
// end: the source may send what the sink has room for, so that a stalled peer costs no memory here. Where bytes have to be held (a script
// on stdin, SFTP requests), there is a bounded allowance on top.

/** Below this, bytes that wait are copied together: a peer that sends single bytes must not cost an object for each. */
const SMALL_BYTES = 2048;
const BLOCK_BYTES = 16 * 1024;
/** Grants of an allowance are made in steps, or they would cost a message for each that comes. */
const STEP_BYTES = 32 * 1024;
const MAX_WINDOW_BYTES = 0xffff_ffff;

export interface FlowParts {
  /** Sends bytes of a stream (0, or the type of extended data) to the sink. */
  readonly send: (bytes: Buffer, type: number) => void;
  /** Tells the source that it may send that much more. */
  readonly grant: (addBytes: number) => void;
}

type Item =
  | { kind: 'bytes'; bytes: Buffer; readonly type: number; block: Buffer | null }
  | { readonly kind: 'call'; readonly call: () => void };

export class Flow {
  readonly #parts: FlowParts;
  readonly #items: Item[] = [];
  /** What the source may still send. */
  #granted: number;
  /** What the sink still takes. */
  #credit: number;
  #queuedBytes = 0;
  #allowanceBytes = 0;
  #heldBytes = 0;
  #reserveBytes: number;
  #running: boolean;
  #packetBytes: number;
  #dropped = false;
  /** Bytes that were passed on. */
  passedBytes = 0;

  constructor(
    parts: FlowParts,
    start: {
      readonly granted: number;
      readonly credit: number;
      /** Of the credit, what is kept for texts of our own. */
      readonly reserveBytes: number;
      readonly packetBytes: number;
      /** Whether bytes may pass from the start. */
      readonly running: boolean;
    },
  ) {
    this.#parts = parts;
    this.#granted = start.granted;
    this.#credit = start.credit;
    this.#reserveBytes = start.reserveBytes;
    this.#packetBytes = start.packetBytes;
    this.#running = start.running;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** What the sink takes beyond what was promised to the source: room for a text of our own. */
  get spareBytes(): number {
    return Math.max(0, this.#credit - this.#granted - this.#queuedBytes);
  }

  /** What the sink takes at all. */
  get creditBytes(): number {
    return this.#credit;
  }

  /** Sets what the sink takes at first; it was not known when the flow was made. */
  connect(credit: number, packetBytes: number): void {
    this.#credit = credit;
    this.#packetBytes = packetBytes;
  }

  /** What the source is told at first. */
  firstGrant(): number {
    this.#granted = Math.max(0, this.#credit + this.#allowanceBytes - this.#reserveBytes);
    return this.#granted;
  }

  /** Bytes came from the source. False when they are more than it may send. */
  receive(sizeBytes: number): boolean {
    this.#granted -= sizeBytes;
    return this.#granted >= 0;
  }

  /** Passes bytes on, as soon as there is room and the flow runs. */
  push(bytes: Buffer, type: number): void {
    if (bytes.length === 0 || this.#dropped) {
      return;
    }
    if (
      this.#running &&
      this.#items.length === 0 &&
      bytes.length <= this.#credit &&
      bytes.length <= this.#packetBytes
    ) {
      this.#pass(bytes, type);
      return;
    }
    this.#queuedBytes += bytes.length;
    this.#append(bytes, type);
    this.#drain();
  }

  /** Calls when everything before has been passed on; at once when nothing waits. */
  after(call: () => void): void {
    if (this.#items.length === 0 && this.#running) {
      call();
    } else {
      this.#items.push({ kind: 'call', call });
    }
  }

  /** The sink takes more. False when no window can be that large. */
  adjust(addBytes: number): boolean {
    this.#credit += addBytes;
    if (this.#credit > MAX_WINDOW_BYTES) {
      return false;
    }
    this.#drain();
    this.update();
    return true;
  }

  /** From now on bytes pass. */
  run(): void {
    this.#running = true;
    this.#drain();
    this.update();
  }

  /** Forgets what waits and whatever else comes. */
  drop(): void {
    this.#dropped = true;
    this.#items.length = 0;
    this.#queuedBytes = 0;
  }

  /** The source may send that much beyond what the sink takes. */
  allow(allowanceBytes: number): void {
    this.#allowanceBytes = allowanceBytes;
    this.update();
  }

  /** Bytes that somebody else holds before they come here. */
  hold(heldBytes: number): void {
    this.#heldBytes = heldBytes;
    this.update();
  }

  /** Tells the source what it may send by now. */
  update(): void {
    const room =
      this.#credit + this.#allowanceBytes - this.#reserveBytes - this.#queuedBytes - this.#heldBytes - this.#granted;
    if (room > 0 && !this.#dropped && (this.#allowanceBytes === 0 || room >= STEP_BYTES)) {
      this.#granted += room;
      this.#parts.grant(room);
    }
  }

  /** Takes back the bytes that wait, in order; calls among them stay. */
  take(): Buffer {
    const bytes = this.queued();
    const calls = this.#items.filter(({ kind }) => kind === 'call');
    this.#items.splice(0, this.#items.length, ...calls);
    this.#queuedBytes = 0;
    return bytes;
  }

  /** All that waits, in order. */
  queued(): Buffer {
    return Buffer.concat(this.#items.flatMap((item) => (item.kind === 'bytes' ? [item.bytes] : [])));
  }

  #append(bytes: Buffer, type: number): void {
    const last = this.#items.at(-1);
    if (last?.kind === 'bytes' && last.type === type && last.block !== null) {
      const end = last.bytes.length;
      if (end + bytes.length <= last.block.length) {
        last.block.set(bytes, end);
        last.bytes = last.block.subarray(0, end + bytes.length);
        return;
      }
    }
    if (bytes.length < SMALL_BYTES) {
      const block = Buffer.allocUnsafe(BLOCK_BYTES);
      block.set(bytes, 0);
      this.#items.push({ kind: 'bytes', bytes: block.subarray(0, bytes.length), type, block });
    } else {
      this.#items.push({ kind: 'bytes', bytes, type, block: null });
    }
  }

  #drain(): void {
    while (this.#running) {
      const item = this.#items[0];
      if (item === undefined) {
        return;
      }
      if (item.kind === 'call') {
        this.#items.shift();
        item.call();
        continue;
      }
      const size = Math.min(item.bytes.length, this.#credit, this.#packetBytes);
      if (size === 0) {
        return;
      }
      const part = item.bytes.subarray(0, size);
      if (size === item.bytes.length) {
        this.#items.shift();
      } else {
        item.bytes = item.bytes.subarray(size);
        // What is left of a block no longer begins where the block does.
        item.block = null;
      }
      this.#queuedBytes -= size;
      this.#pass(part, item.type);
    }
  }

  #pass(bytes: Buffer, type: number): void {
    this.#credit -= bytes.length;
    this.passedBytes += bytes.length;
    this.#parts.send(bytes, type);
  }
}
