// ClientHellos made by hand.

/** The handshake message of one record, in records of at most `size` bytes. */
export function split(whole: Buffer, size: number): Buffer {
  const message = whole.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 0xff]), piece);
  }
  return Buffer.concat(records);
}

const u16 = (value: number): number[] => [value >> 8, value & 0xff];
export const vector16 = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];

/** A hello by hand with these extensions (type and content). */
export function hello(...extensions: readonly (readonly [number, readonly number[]])[]): Buffer {
  const list = extensions.flatMap(([type, content]) => [...u16(type), ...vector16(content)]);
  const body = [3, 3, ...Array.from({ length: 32 }, () => 7), 0, ...vector16([0x13, 1]), 1, 0, ...vector16(list)];
  const message = [1, 0, ...u16(body.length), ...body];
  return Buffer.from([22, 3, 1, ...u16(message.length), ...message]);
}

/** Content of a server_name extension. */
export const name = (text: string): number[] => vector16([0, ...vector16([...Buffer.from(text)])]);
