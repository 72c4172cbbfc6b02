// The client's half of SPDY/3.1 and WebSocket, as kubectl writes them. For tests of upgraded streams.
import { once } from 'node:events';
import { createDeflate, createInflate, constants } from 'node:zlib';
import { SPDY_DICTIONARY } from '../../src/protocols/kubernetes/spdy-dictionary.ts';

function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(Object.keys(headers).length);
  return Buffer.concat([count, ...Object.entries(headers).flatMap(([name, value]) => [text(name), text(value)])]);
}

function control(type: number, payload: Buffer): Buffer {
  const head = Buffer.from([0x80, 3, 0, type, 0, 0, 0, 0]);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

/** Writes frames; header blocks share one compression context. */
export class SpdyWriter {
  readonly #deflate = createDeflate({ dictionary: SPDY_DICTIONARY });

  async syn(stream: number, headers: Readonly<Record<string, string>>): Promise<Buffer> {
    const pieces: Buffer[] = [];
    const collect = (piece: Buffer): unknown => pieces.push(piece);
    this.#deflate.on('data', collect);
    this.#deflate.write(headerBlock(headers));
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    this.#deflate.off('data', collect);
    const head = Buffer.alloc(10);
    head.writeUInt32BE(stream);
    return control(1, Buffer.concat([head, ...pieces]));
  }
}

export function dataFrame(stream: number, text: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(stream);
  head.writeUIntBE(Buffer.byteLength(text), 5, 3);
  return Buffer.concat([head, Buffer.from(text)]);
}

export function ping(id: number): Buffer {
  return control(6, Buffer.from([0, 0, 0, id]));
}

/** What a server reads of those bytes: `syn 1 port=80 …`, `data 1 text`, `control 6`. */
export async function readFrames(bytes: Buffer): Promise<readonly string[]> {
  const inflate = createInflate({ dictionary: SPDY_DICTIONARY });
  const told: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 8 + bytes.readUIntBE(at + 5, 3);
    const frame = bytes.subarray(at, at + size);
    at += size;
    const stream = frame.length >= 12 ? frame.readUInt32BE(8) : 0;
    if (frame.readUInt32BE(0) < 0x8000_0000) {
      told.push(`data ${frame.readUInt32BE(0)} ${frame.subarray(8).toString()}`);
    } else if (frame[3] === 1) {
      inflate.write(frame.subarray(18));
      const [block] = (await once(inflate, 'data')) as [Buffer];
      told.push(`syn ${stream} ${headersOf(block)}`);
    } else {
      told.push(`control ${frame[3]} ${stream}`);
    }
  }
  inflate.destroy();
  return told;
}

function headersOf(block: Buffer): string {
  const pairs: string[] = [];
  let at = 4;
  const text = (): string => {
    const end = at + 4 + block.readUInt32BE(at);
    const value = block.toString('latin1', at + 4, end);
    at = end;
    return value;
  };
  while (at < block.length) {
    const name = text();
    pairs.push(`${name}=${text()}`);
  }
  return pairs.join(' ');
}

const MASK = Buffer.from([1, 2, 3, 4]);

/** A frame as a client sends it (masked) or a server. */
export function webSocketFrame(
  payload: Buffer,
  { masked, opcode = 2 }: { readonly masked: boolean; readonly opcode?: number },
): Buffer {
  const flag = masked ? 0x80 : 0;
  const size = payload.length;
  const head =
    size < 126
      ? Buffer.from([0x80 | opcode, flag | size])
      : Buffer.from([0x80 | opcode, flag | 126, size >> 8, size & 0xff]);
  const content = Buffer.from(payload.map((byte, index) => (masked ? byte ^ (MASK[index % 4] ?? 0) : byte)));
  return Buffer.concat([head, ...(masked ? [MASK] : []), content]);
}
