// A Data packet of a client: followed to its end, and written anew so that a server never loses its place in it. On the upstream's leg blocks
// that hold data are always compressed frames. A server that gives up in the middle of a block that is not in frames goes on reading its
// bytes as packets, so an agent could hide a query in a string; one that gives up within a frame has read that frame to its end.
import { BlockWalker } from './block.ts';
import { CLIENT, Cursor, Writer } from './codec.ts';
import { FRAME_HEAD_BYTES, beginsLikePacket, checksumHolds, decodeFrame, readFrameHead, wrapFrame } from './frames.ts';

/** As much as clients themselves put into one frame. */
const FRAME_RAW_BYTES = 1024 * 1024;
/** How often the end of a frame is moved before one is given up that would begin like a packet; each has one chance in eight. */
const MAX_MOVES = 40;

export class DataPacket {
  state: 'reading' | 'done' | 'malformed' = 'reading';
  why = '';
  /** Name of the temporary table, "" for the data of an INSERT. */
  name = '';
  readonly #block: BlockWalker;
  readonly #compressed: boolean;
  #begun = false;
  /** Packets and frames for the upstream. */
  #out: Buffer[] = [];
  #outBytes = 0;
  /** A frame of this packet has been made. */
  #framed = false;
  /** Data that are not in a frame yet. */
  #raw: Buffer[] = [];
  #rawBytes = 0;

  constructor(revision: number, compressed: boolean) {
    this.#block = new BlockWalker(revision);
    this.#compressed = compressed;
  }

  get rows(): number {
    return this.#block.rows;
  }

  /** A block without columns ends the data. */
  get ends(): boolean {
    return this.#block.columns === 0;
  }

  get heldBytes(): number {
    return this.#outBytes + this.#rawBytes;
  }

  /** What can go upstream by now. */
  drain(): readonly Buffer[] {
    const out = this.#out;
    this.#out = [];
    this.#outBytes = 0;
    return out;
  }

  /** Takes from the front what is the packet's, its type byte included. Gives how much that was; 0 when more is needed. */
  push(view: Buffer): number {
    let at = 0;
    while (this.state === 'reading' && at < view.length) {
      const taken = this.#take(view.subarray(at));
      if (taken === 0) {
        break;
      }
      at += taken;
    }
    return at;
  }

  #take(view: Buffer): number {
    if (!this.#begun) {
      return this.#begin(view);
    }
    return this.#compressed ? this.#takeFrame(view) : this.#takeRaw(view);
  }

  #fail(why: string): number {
    this.state = 'malformed';
    this.why = why;
    return 0;
  }

  #begin(view: Buffer): number {
    const cursor = new Cursor(view);
    cursor.varuint();
    const name = cursor.string();
    switch (cursor.trouble) {
      case 'none':
        this.#begun = true;
        this.name = name.toString('utf8');
        this.#send(new Writer().varuint(CLIENT.data).string(name).bytes());
        return cursor.at;
      case 'incomplete':
        return 0;
      case 'malformed':
        return this.#fail(cursor.why);
    }
  }

  #takeFrame(view: Buffer): number {
    if (view.length < FRAME_HEAD_BYTES) {
      return 0;
    }
    const head = readFrameHead(view, 0);
    if (head === null) {
      return this.#fail('a compressed frame of an unknown method or an impossible length');
    }
    if (view.length < head.sizeBytes) {
      return 0;
    }
    const frame = view.subarray(0, head.sizeBytes);
    const raw = checksumHolds(frame) ? decodeFrame(frame, head) : null;
    if (raw === null) {
      return this.#fail('a compressed frame that is corrupt');
    }
    const end = this.#block.push(raw, 0);
    this.#walked();
    if (this.state === 'done' && end < raw.length) {
      return this.#fail('data behind the end of a block');
    }
    if (this.#framed && beginsLikePacket(frame)) {
      this.#frame(raw);
    } else {
      this.#framed = true;
      this.#send(frame);
    }
    return head.sizeBytes;
  }

  #takeRaw(view: Buffer): number {
    const size = this.#block.push(view, 0);
    this.#raw.push(view.subarray(0, size));
    this.#rawBytes += size;
    this.#walked();
    while (this.#rawBytes >= FRAME_RAW_BYTES || (this.state === 'done' && this.#rawBytes > 0)) {
      const raw = Buffer.concat(this.#raw);
      const first = raw.subarray(0, FRAME_RAW_BYTES);
      this.#raw = [raw.subarray(first.length)];
      this.#rawBytes = raw.length - first.length;
      this.#frame(first);
    }
    return size;
  }

  /** Makes frames of data; where the first would begin like a packet, its end is moved. */
  #frame(raw: Buffer): void {
    for (let size = raw.length; size > 0 && size > raw.length - MAX_MOVES; size -= 1) {
      const frame = wrapFrame(raw.subarray(0, size));
      if (!this.#framed || !beginsLikePacket(frame)) {
        this.#framed = true;
        this.#send(frame);
        if (size < raw.length) {
          this.#frame(raw.subarray(size));
        }
        return;
      }
    }
    this.#fail('data that cannot be put into frames');
  }

  #walked(): void {
    switch (this.#block.state) {
      case 'reading':
        return;
      case 'done':
        this.state = 'done';
        return;
      case 'malformed':
        this.#fail(this.#block.why);
        return;
      case 'unknown-type':
        this.#fail(`the type ${this.#block.why}, which is not known here; HTTP takes any format`);
    }
  }

  #send(bytes: Buffer): void {
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
  }
}
