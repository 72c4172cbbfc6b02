// An HTTP/2 client that writes exactly the fields that a test says, whether HTTP allows them or not.
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import type { HttpGateway } from './http-gateway.ts';

const LIMIT_MS = 60_000;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;

export class RawH2 {
  readonly #socket: TLSSocket;
  #input: Buffer = Buffer.alloc(0);
  #told: (ended: string) => void = () => undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#told('closed'));
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(TYPE.settings, 0, 0, Buffer.alloc(0)));
  }

  static async open(gateway: HttpGateway): Promise<RawH2> {
    const options = { host: '127.0.0.1', port: gateway.port, ca: gateway.caPem, ALPNProtocols: ['h2'] };
    const socket = connect({ ...options, servername: gateway.host });
    await once(socket, 'secureConnect');
    return new RawH2(socket);
  }

  /** One request on stream 1. Gives how it ended: `answered`, `reset`, `goaway` or `closed`. */
  async request(
    headers: readonly (readonly [string, string])[],
    body?: string,
    trailers?: readonly (readonly [string, string])[],
  ): Promise<string> {
    const ended = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no end of the stream')), LIMIT_MS);
      this.#told = (how) => {
        clearTimeout(timer);
        resolve(how);
      };
    });
    const last = (is: boolean): number => (is ? END_STREAM : 0);
    this.#socket.write(frame(TYPE.headers, END_HEADERS | last(body === undefined), 1, block(headers)));
    if (body !== undefined) {
      this.#socket.write(frame(TYPE.data, last(trailers === undefined), 1, Buffer.from(body, 'latin1')));
    }
    if (trailers !== undefined) {
      this.#socket.write(frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block(trailers)));
    }
    return ended;
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(bytes: Buffer): void {
    this.#input = Buffer.concat([this.#input, bytes]);
    while (this.#input.length >= 9) {
      const size = 9 + this.#input.readUIntBE(0, 3);
      if (this.#input.length < size) {
        return;
      }
      const [type, flags, stream] = [this.#input[3], this.#input[4] ?? 0, this.#input.readUInt32BE(5)];
      const payload = this.#input.subarray(9, size);
      this.#input = this.#input.subarray(size);
      if (type === TYPE.settings && (flags & ACK) === 0) {
        this.#socket.write(frame(TYPE.settings, ACK, 0, Buffer.alloc(0)));
      } else if (type === TYPE.ping && (flags & ACK) === 0) {
        this.#socket.write(frame(TYPE.ping, ACK, 0, payload));
      } else if (type === TYPE.goaway) {
        this.#told('goaway');
      } else if (stream === 1 && type === TYPE.reset) {
        this.#told('reset');
      } else if (stream === 1 && (type === TYPE.headers || type === TYPE.data) && (flags & END_STREAM) !== 0) {
        this.#told('answered');
      }
    }
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields that nobody remembers, without Huffman (RFC 7541, 6.2.2). */
function block(headers: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length > 126) {
    throw new Error('longer than this writes');
  }
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}
