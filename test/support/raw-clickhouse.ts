// A native client of ClickHouse that sends exactly the bytes that a test wants, and reads packets as they come.
import { connect, type Socket } from 'node:net';
import { BlockWalker } from '../../src/protocols/clickhouse/block.ts';
import { CLIENT, Cursor, SERVER, SINCE, Writer } from '../../src/protocols/clickhouse/codec.ts';
import { FRAME_HEAD_BYTES, decodeFrame, readFrameHead } from '../../src/protocols/clickhouse/frames.ts';
import { EMPTY_BLOCK } from '../../src/protocols/clickhouse/denial.ts';
import { addendum, clientHello, readException, takeServerGreeting } from '../../src/protocols/clickhouse/login.ts';
import { ownQuery, queryBytes, type QueryPacket } from '../../src/protocols/clickhouse/query.ts';
import { readServerPacket } from '../../src/protocols/clickhouse/server-stream.ts';

export interface RawPacket {
  readonly type: number;
  /** Of an exception. */
  readonly code: number;
  readonly text: string;
  /** Of a block: numbers of columns and rows. */
  readonly columns: number;
  readonly rows: number;
}

const WAIT_MS = 60_000;

/** Text of the Data packet that ends the data of a query, without compression. */
export const NO_MORE_DATA = Buffer.concat([new Writer().varuint(CLIENT.data).string('').bytes(), EMPTY_BLOCK]);

export interface RawLogin {
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly revision?: number;
}

/** A packet with one block of one column; `data`: its values as they stand in a block. */
export function dataPacket(type: string, rows: number, data: Buffer, revision: number = 54406): Buffer {
  return new Writer()
    .varuint(CLIENT.data)
    .string('')
    .raw(blockOf(type, rows, data, revision))
    .bytes();
}

export function blockOf(type: string, rows: number, data: Buffer, revision: number = 54406): Buffer {
  const writer = new Writer()
    .raw(Buffer.from([1, 0, 2, 255, 255, 255, 255, 0]))
    .varuint(1)
    .varuint(rows);
  writer.string('c').string(type);
  if (revision >= SINCE.customSerialization) {
    writer.u8(0);
  }
  return writer.raw(data).bytes();
}

export class RawClickHouse {
  readonly socket: Socket;
  revision = 0;
  bytes: Buffer = Buffer.alloc(0);
  closed = false;
  #compressed = false;
  #wake: (() => void) | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, bytes]);
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
  }

  static async connect(port: number): Promise<RawClickHouse> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClickHouse(socket);
  }

  static async login(port: number, login: RawLogin = {}): Promise<RawClickHouse> {
    const client = await RawClickHouse.connect(port);
    await client.hello(login);
    return client;
  }

  async hello(login: RawLogin): Promise<void> {
    const announced = login.revision ?? 54412;
    this.send(
      clientHello({
        clientName: 'raw',
        major: 1,
        minor: 1,
        revision: announced,
        database: login.database ?? '',
        user: login.user ?? 'agent',
        password: login.password ?? '',
      }),
    );
    const greeting = await this.#take((bytes) => takeServerGreeting(bytes, announced));
    if (greeting.kind === 'exception') {
      throw new Error(`${greeting.exception.code} ${greeting.exception.message}`);
    }
    this.revision = Math.min(announced, greeting.hello.revision);
    if (this.revision >= SINCE.addendum) {
      this.send(addendum(Buffer.alloc(0)));
    }
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** A query, and the end of its temporary tables. */
  query(text: string, more: Partial<QueryPacket> = {}): void {
    this.send(this.queryPacket(text, more), NO_MORE_DATA);
  }

  queryPacket(text: string, more: Partial<QueryPacket> = {}): Buffer {
    this.#compressed = more.compressed === true;
    return queryBytes({ ...ownQuery(text), ...more }, { revision: this.revision, compressed: this.#compressed });
  }

  /** The next packet of the server. Rejects when the connection ends. */
  packet(): Promise<RawPacket> {
    return this.#take((bytes) => this.#read(bytes));
  }

  /** All packets up to the end of an answer, an exception, or the end of the connection. */
  async answer(): Promise<readonly RawPacket[]> {
    const packets: RawPacket[] = [];
    for (;;) {
      let packet: RawPacket;
      try {
        // oxlint-disable-next-line no-await-in-loop
        packet = await this.packet();
      } catch {
        return packets;
      }
      packets.push(packet);
      if (packet.type === SERVER.endOfStream || packet.type === SERVER.exception) {
        return packets;
      }
    }
  }

  /** Runs a query that takes no data; gives "ok" or the code of the exception, or "closed". */
  async run(text: string, more: Partial<QueryPacket> = {}): Promise<string> {
    this.query(text, more);
    return outcome(await this.answer());
  }

  close(): void {
    this.socket.destroy();
  }

  /** Resolves when the other side has closed. */
  async ended(): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while (!this.closed) {
      // oxlint-disable-next-line no-await-in-loop
      await this.#more(deadline);
    }
  }

  async #take<T>(
    take: (
      bytes: Buffer,
    ) =>
      | { readonly kind: 'packet'; readonly packet: T; readonly sizeBytes: number }
      | { readonly kind: 'incomplete' }
      | { readonly kind: 'malformed'; readonly why: string },
  ): Promise<T> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const taken = take(this.bytes);
      if (taken.kind === 'packet') {
        this.bytes = this.bytes.subarray(taken.sizeBytes);
        return taken.packet;
      }
      if (taken.kind === 'malformed') {
        throw new Error(taken.why);
      }
      if (this.closed) {
        throw new Error('the connection is closed');
      }
      // oxlint-disable-next-line no-await-in-loop
      await this.#more(deadline);
    }
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came in time')), Math.max(1, deadline - Date.now()));
      this.#wake = (): void => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  #read(
    bytes: Buffer,
  ):
    | { readonly kind: 'packet'; readonly packet: RawPacket; readonly sizeBytes: number }
    | { readonly kind: 'incomplete' }
    | { readonly kind: 'malformed'; readonly why: string } {
    const cursor = new Cursor(bytes);
    const type = cursor.varuint();
    const plain = { type, code: 0, text: '', columns: 0, rows: 0 };
    if (type === SERVER.exception && cursor.trouble === 'none') {
      const { code, message } = readException(cursor);
      return cursor.trouble === 'none'
        ? { kind: 'packet', packet: { ...plain, code, text: message }, sizeBytes: cursor.at }
        : { kind: 'incomplete' };
    }
    readServerPacket(type, cursor, this.revision);
    if (cursor.trouble === 'malformed') {
      return { kind: 'malformed', why: cursor.why };
    }
    if (cursor.trouble === 'incomplete') {
      return { kind: 'incomplete' };
    }
    const isBlock = [SERVER.data, SERVER.totals, SERVER.extremes, SERVER.log, SERVER.profileEvents].some(
      (one) => one === type,
    );
    if (!isBlock) {
      return { kind: 'packet', packet: plain, sizeBytes: cursor.at };
    }
    const compressed = this.#compressed && type !== SERVER.log && type !== SERVER.profileEvents;
    const block = new BlockWalker(this.revision);
    let at = cursor.at;
    let text = '';
    while (block.state === 'reading') {
      if (!compressed) {
        text = bytes.toString('latin1', at);
        at = block.push(bytes, at);
        text = text.slice(0, at - cursor.at);
        if (block.state === 'reading') {
          return { kind: 'incomplete' };
        }
        break;
      }
      const head = bytes.length - at >= FRAME_HEAD_BYTES ? readFrameHead(bytes, at) : null;
      if (head === null || bytes.length - at < head.sizeBytes) {
        return { kind: 'incomplete' };
      }
      const raw = decodeFrame(bytes.subarray(at, at + head.sizeBytes), head) ?? Buffer.alloc(0);
      text += raw.toString('latin1');
      block.push(raw, 0);
      at += head.sizeBytes;
    }
    return block.state === 'done'
      ? { kind: 'packet', packet: { ...plain, columns: block.columns, rows: block.rows, text }, sizeBytes: at }
      : { kind: 'malformed', why: block.why };
  }
}

/** "ok", the code of the exception, or "closed". */
export function outcome(packets: readonly RawPacket[]): string {
  const last = packets.at(-1);
  if (last?.type === SERVER.endOfStream) {
    return 'ok';
  }
  return last?.type === SERVER.exception ? String(last.code) : 'closed';
}
