// What a server sends, followed as far as to know where a packet ends and when a query is over. Compressed blocks pass by their frames' heads
// alone; blocks without compression are walked over. Nothing here guards anything: what is judged is the client's direction.
import { BlockWalker } from './block.ts';
import { Cursor, Input, SERVER, SINCE } from './codec.ts';
import { FRAME_HEAD_BYTES, decodeFrame, readFrameHead } from './frames.ts';
import { readException } from './login.ts';

/** What happened, in order. */
export type ServerEvent =
  /** Rows of the answer. */
  | { readonly kind: 'profile'; readonly rows: number }
  | { readonly kind: 'written'; readonly rows: number }
  | { readonly kind: 'exception'; readonly code: number; readonly name: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'pong' };

/** How blocks of the current query come, and what is made of them. */
export type BlockForm = 'raw' | 'frames' | 'frames-to-raw';

/** A server ends a block with a frame that is not full, unless it ends there by chance. */
const FULL_FRAME_BYTES = 1024 * 1024;

export class ServerStream {
  /** What the server did that is not the protocol, or "". */
  trouble = '';
  /** The current answer holds something whose end cannot be found: everything passes, until the client goes on. */
  lost = false;
  readonly #revision: number;
  readonly #input = new Input();
  #form: BlockForm = 'raw';
  #block: BlockWalker | null = null;
  /** Bytes of the current frame that pass. */
  #passing = 0;
  #inFrames: 'no' | 'first' | 'next' = 'no';
  #events: ServerEvent[] = [];
  /** What goes to the client of this turn. */
  #out: Buffer[] = [];
  #view: Buffer = this.#input.view;
  #at = 0;
  #sent = 0;

  constructor(revision: number) {
    this.#revision = revision;
  }

  /** A new query begins. */
  begin(form: BlockForm): void {
    this.#form = form;
    this.lost = false;
  }

  /** Nothing of a packet has come that is not whole. */
  get between(): boolean {
    return this.#block === null && this.#inFrames === 'no' && this.#passing === 0 && this.#input.length === 0;
  }

  /** Takes what came. Gives what the client is to be sent; what happened is in `events`. */
  push(bytes: Buffer): readonly Buffer[] {
    if (this.lost) {
      return [bytes];
    }
    this.#input.append(bytes);
    this.#view = this.#input.view;
    this.#at = 0;
    this.#sent = 0;
    while (this.trouble === '' && !this.lost && this.#at < this.#view.length && this.#step()) {
      // Each turn takes one packet, or a part of one.
    }
    if (this.lost) {
      this.#at = this.#view.length;
    }
    this.#pass();
    this.#input.used(this.#at);
    const out = this.#out;
    this.#out = [];
    return out;
  }

  takeEvents(): readonly ServerEvent[] {
    const events = this.#events;
    if (events.length > 0) {
      this.#events = [];
    }
    return events;
  }

  /** What was taken and not sent yet goes to the client as it came. */
  #pass(): void {
    if (this.#at > this.#sent) {
      this.#out.push(this.#view.subarray(this.#sent, this.#at));
      this.#sent = this.#at;
    }
  }

  /** False when more bytes are needed. */
  #step(): boolean {
    if (this.#passing > 0) {
      const here = Math.min(this.#passing, this.#view.length - this.#at);
      this.#passing -= here;
      this.#at += here;
      return true;
    }
    if (this.#block !== null) {
      return this.#walk(this.#block);
    }
    return this.#inFrames === 'no' ? this.#packet() : this.#frame();
  }

  #walk(block: BlockWalker): boolean {
    this.#at = block.push(this.#view, this.#at);
    switch (block.state) {
      case 'reading':
        break;
      case 'done':
        this.#block = null;
        break;
      case 'malformed':
        this.trouble = block.why;
        break;
      case 'unknown-type':
        this.lost = true;
        this.#block = null;
    }
    return true;
  }

  #frame(): boolean {
    if (this.#view.length - this.#at < FRAME_HEAD_BYTES) {
      // After a full frame a packet may come: of those that end a query only EndOfStream is this short.
      if (
        this.#inFrames === 'next' &&
        this.#view.length - this.#at === 1 &&
        this.#view[this.#at] === SERVER.endOfStream
      ) {
        this.#inFrames = 'no';
        return true;
      }
      return false;
    }
    const head = readFrameHead(this.#view, this.#at);
    if (head === null) {
      if (this.#inFrames === 'first') {
        this.trouble = 'a compressed frame of an unknown method or an impossible length';
      }
      this.#inFrames = 'no';
      return true;
    }
    if (this.#form === 'frames-to-raw') {
      if (this.#view.length - this.#at < head.sizeBytes) {
        return false;
      }
      this.#unwrap(this.#view.subarray(this.#at, this.#at + head.sizeBytes));
    } else {
      this.#passing = head.sizeBytes;
    }
    this.#inFrames = head.rawBytes >= FULL_FRAME_BYTES ? 'next' : 'no';
    return true;
  }

  #unwrap(frame: Buffer): void {
    const head = readFrameHead(frame, 0);
    const raw = head === null ? null : decodeFrame(frame, head);
    if (raw === null) {
      this.trouble = 'a compressed frame that is corrupt';
      return;
    }
    this.#pass();
    this.#out.push(raw);
    this.#at += frame.length;
    this.#sent = this.#at;
  }

  #packet(): boolean {
    const cursor = new Cursor(this.#view, this.#at);
    const type = cursor.varuint();
    const event = readServerPacket(type, cursor, this.#revision);
    switch (cursor.trouble) {
      case 'none':
        this.#at = cursor.at;
        if (event !== null) {
          this.#events.push(event);
        }
        this.#begun(type);
        return true;
      case 'incomplete':
        return false;
      case 'malformed':
        this.trouble = cursor.why;
        return false;
    }
  }

  #begun(type: number): void {
    switch (type) {
      case SERVER.data:
      case SERVER.totals:
      case SERVER.extremes:
        if (this.#form === 'raw') {
          this.#block = new BlockWalker(this.#revision);
        } else {
          this.#inFrames = 'first';
        }
        break;
      case SERVER.log:
      case SERVER.profileEvents:
        // These are never compressed at the revisions that are spoken here.
        this.#block = new BlockWalker(this.#revision);
    }
  }
}

/** The description of a table's columns. */
const MAX_COLUMNS_BYTES = 8 * 1024 * 1024;

function readProgress(cursor: Cursor, revision: number): ServerEvent | null {
  cursor.bigVaruint();
  cursor.bigVaruint();
  cursor.bigVaruint();
  if (revision >= SINCE.totalBytesInProgress) {
    cursor.bigVaruint();
  }
  let rows = 0;
  if (revision >= SINCE.clientWriteInfo) {
    rows = Number(cursor.bigVaruint());
    cursor.bigVaruint();
  }
  if (revision >= SINCE.serverQueryTimeInProgress) {
    cursor.bigVaruint();
  }
  return rows > 0 ? { kind: 'written', rows } : null;
}

function readProfile(cursor: Cursor): ServerEvent {
  const rows = Number(cursor.bigVaruint());
  cursor.bigVaruint();
  cursor.bigVaruint();
  cursor.u8();
  cursor.bigVaruint();
  cursor.u8();
  return { kind: 'profile', rows };
}

/** What is behind the type of a packet; of a block only the name in front of it. */
export function readServerPacket(type: number, cursor: Cursor, revision: number): ServerEvent | null {
  switch (type) {
    case SERVER.data:
    case SERVER.totals:
    case SERVER.extremes:
    case SERVER.log:
    case SERVER.profileEvents:
      cursor.string();
      return null;
    case SERVER.exception: {
      const { code, name } = readException(cursor);
      return { kind: 'exception', code, name };
    }
    case SERVER.progress:
      return readProgress(cursor, revision);
    case SERVER.profileInfo:
      return readProfile(cursor);
    case SERVER.endOfStream:
      return { kind: 'end' };
    case SERVER.pong:
      return { kind: 'pong' };
    case SERVER.tableColumns:
      cursor.string();
      cursor.string(MAX_COLUMNS_BYTES);
      return null;
    case SERVER.timezoneUpdate:
      cursor.string();
      return null;
    default:
      cursor.malformed(`a packet ${type}, which is for servers only or not known`);
      return null;
  }
}
