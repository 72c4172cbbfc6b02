// A Postgres client that says exactly the bytes it is told to, for what no driver would send.
import { connect, type Socket } from 'node:net';

/** One message from the server: type letter and body. */
export interface ServerMessage {
  readonly type: string;
  readonly body: Buffer;
}

/** Fields of an ErrorResponse or NoticeResponse by letter. */
export function fieldsOf(message: ServerMessage): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const part of message.body.toString('utf8').split('\0')) {
    if (part !== '') {
      fields[part.slice(0, 1)] = part.slice(1);
    }
  }
  return fields;
}

/** A typed frame: type letter, length, body. Strings end with a NUL. */
export function frame(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export const query = (sql: string | Buffer): Buffer =>
  frame('Q', ...(typeof sql === 'string' ? [sql] : [sql, Buffer.from([0])]));
export const parse = (name: string, sql: string, oids: readonly number[] = []): Buffer =>
  frame('P', name, sql, int16(oids.length), ...oids.map(int32));
/** Bind with text parameters (null = SQL NULL) unless Buffers are given, which go in binary format. */
export function bind(portal: string, statement: string, values: readonly (string | Buffer | null)[] = []): Buffer {
  const formats = values.map((value) => int16(Buffer.isBuffer(value) ? 1 : 0));
  const data = values.flatMap((value) => {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return bytes === null ? [int32(-1)] : [int32(bytes.length), bytes];
  });
  return frame('B', portal, statement, int16(formats.length), ...formats, int16(values.length), ...data, int16(0));
}
export const describe = (kind: 'S' | 'P', name: string): Buffer => frame('D', Buffer.from(kind), name);
export const execute = (portal: string, rows: number = 0): Buffer => frame('E', portal, int32(rows));
export const close = (kind: 'S' | 'P', name: string): Buffer => frame('C', Buffer.from(kind), name);
export const sync = (): Buffer => frame('S');
export const terminate = (): Buffer => frame('X');

/** Startup packet, protocol 3.0. */
export function startup(parameters: Readonly<Record<string, string>>, version: number = 196_608): Buffer {
  const text = Object.entries(parameters)
    .map(([name, value]) => `${name}\0${value}\0`)
    .join('');
  const body = Buffer.concat([int32(version), Buffer.from(text), Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
}

export class RawPostgres {
  readonly socket: Socket;
  readonly messages: ServerMessage[] = [];
  #buffer = Buffer.alloc(0);
  #waiters: (() => void)[] = [];
  #ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#buffer = Buffer.concat([this.#buffer, bytes]);
      this.#take();
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Connects without saying anything. */
  static async open(port: number): Promise<RawPostgres> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawPostgres(socket);
  }

  /** Connects and logs in; resolves when the first ReadyForQuery came. */
  static async login(port: number, parameters: Readonly<Record<string, string>>): Promise<RawPostgres> {
    const client = await RawPostgres.open(port);
    client.send(startup(parameters));
    await client.until('Z');
    return client;
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  close(): void {
    this.socket.destroy();
  }

  /** Sends and gives every message up to and with the `count`-th ReadyForQuery. */
  async ask(...frames: readonly Buffer[]): Promise<ServerMessage[]> {
    this.send(...frames);
    return this.until('Z');
  }

  /** Removes and gives the messages up to and with the first of that type. Throws when the connection ends before, or after `withinMs`. */
  async until(type: string, withinMs: number = 60_000): Promise<ServerMessage[]> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const at = this.messages.findIndex((message) => message.type === type);
      if (at >= 0) {
        return this.messages.splice(0, at + 1);
      }
      if (this.#ended || Date.now() >= deadline) {
        const got = this.messages
          .map((message) => message.type + (message.type === 'E' ? JSON.stringify(fieldsOf(message)) : ''))
          .join(' ');
        throw new Error(`${this.#ended ? 'the connection ended' : 'time ran out'} before ${type}; got: ${got}`);
      }
      await this.#change(deadline);
    }
  }

  /** Resolves when the server has closed the connection. */
  async untilEnd(withinMs: number = 60_000): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!this.#ended) {
      if (Date.now() >= deadline) {
        throw new Error('the connection stayed open');
      }
      await this.#change(deadline);
    }
  }

  async #change(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
      this.#waiters.push(resolve);
    });
    clearTimeout(timer);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) {
      wake();
    }
  }

  #take(): void {
    while (this.#buffer.length >= 5) {
      const size = 1 + this.#buffer.readUInt32BE(1);
      if (this.#buffer.length < size) {
        return;
      }
      this.messages.push({
        type: this.#buffer.toString('latin1', 0, 1),
        body: Buffer.from(this.#buffer.subarray(5, size)),
      });
      this.#buffer = this.#buffer.subarray(size);
    }
  }
}
