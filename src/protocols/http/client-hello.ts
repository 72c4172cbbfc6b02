// Reads the first flight of a TLS client just as far as routing needs it: the server name and the protocols that it offers. The message may
// come in pieces of any size, over many records (TL-01, DP-17). Nothing here is trusted: OpenSSL reads the same bytes again. Pure.

/** What a client said in its ClientHello. */
export interface ClientHello {
  /** As sent; null when there is none. */
  readonly serverName: string | null;
  /** ALPN protocols in order; [] when there are none. */
  readonly protocols: readonly string[];
}

export type TakeHello =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'malformed'; readonly why: string };

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
/** RFC 8446, section 5.1. */
const MAX_RECORD = 16_384;
/** Post-quantum key shares make hellos of some KiB; nothing makes them this long. */
const MAX_HELLO = 64 * 1024;
const SERVER_NAME = 0;
const ALPN = 16;

/** Fatal alert `unrecognized_name` (RFC 6066, section 3), in a plaintext record of TLS 1.2. */
export const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/** Whether a connection that begins with this byte speaks TLS. */
export function beginsTls(firstByte: number): boolean {
  return firstByte === HANDSHAKE_RECORD;
}

function malformed(why: string): TakeHello {
  return { kind: 'malformed', why };
}

/** The ClientHello at the front of what has come so far. */
export function takeClientHello(bytes: Buffer): TakeHello {
  return new ClientHelloReader().take(bytes);
}

/** Reads a ClientHello that comes in pieces: a record that was read is not read again when more is there. */
export class ClientHelloReader {
  /** Where the next record begins. */
  #at = 0;
  readonly #fragments: Buffer[] = [];
  #have = 0;
  #wanted = 4;

  /** `bytes`: all that has come so far, from its first byte. */
  take(bytes: Buffer): TakeHello {
    for (;;) {
      const start = this.#at + RECORD_HEADER;
      if (bytes.length < start) {
        return checkStart(bytes, this.#at);
      }
      const length = bytes.readUInt16BE(this.#at + 3);
      const isRecord = bytes[this.#at] === HANDSHAKE_RECORD && bytes[this.#at + 1] === 3;
      if (!isRecord || length === 0 || length > MAX_RECORD) {
        return malformed('not a TLS handshake record');
      }
      const fragment = bytes.subarray(start, start + length);
      const have = this.#have + fragment.length;
      if (this.#wanted === 4 && have >= 4) {
        const message = Buffer.concat([...this.#fragments, fragment]);
        this.#wanted = 4 + message.readUIntBE(1, 3);
        if (message[0] !== CLIENT_HELLO || this.#wanted > MAX_HELLO) {
          return malformed('not a ClientHello of a sensible length');
        }
      }
      if (have >= this.#wanted) {
        return parseHello(Buffer.concat([...this.#fragments, fragment]).subarray(4, this.#wanted));
      }
      if (fragment.length < length) {
        return { kind: 'incomplete' };
      }
      this.#fragments.push(fragment);
      this.#have = have;
      this.#at = start + length;
    }
  }
}

function checkStart(bytes: Buffer, at: number): TakeHello {
  // Records of one byte each would let 64 KiB of hello take 400 KiB.
  if (bytes.length > 2 * MAX_HELLO) {
    return malformed('a ClientHello in too many records');
  }
  return at < bytes.length && bytes[at] !== HANDSHAKE_RECORD
    ? malformed('not a TLS handshake record')
    : { kind: 'incomplete' };
}

/** A place in the message; reading past the end gives null. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(width: 1 | 2): number | null {
    if (this.left < width) {
      return null;
    }
    const value = this.#bytes.readUIntBE(this.#at, width);
    this.#at += width;
    return value;
  }

  skip(count: number): boolean {
    const enough = this.left >= count;
    this.#at += enough ? count : 0;
    return enough;
  }

  /** A vector with its length in front. */
  vector(width: 1 | 2): Reader | null {
    const length = this.number(width);
    if (length === null || this.left < length) {
      return null;
    }
    const vector = new Reader(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return vector;
  }

  text(): string {
    return this.#bytes.toString('latin1', this.#at);
  }
}

function parseHello(body: Buffer): TakeHello {
  const reader = new Reader(body);
  // Version and random; session id; cipher suites; compression methods.
  if (!reader.skip(34) || reader.vector(1) === null || reader.vector(2) === null || reader.vector(1) === null) {
    return malformed('a ClientHello that ends too early');
  }
  const extensions = reader.left === 0 ? new Reader(Buffer.alloc(0)) : reader.vector(2);
  if (extensions === null || reader.left !== 0) {
    return malformed('a ClientHello with broken extensions');
  }
  return parseExtensions(extensions);
}

function parseExtensions(extensions: Reader): TakeHello {
  let serverName: string | null = null;
  let protocols: readonly string[] = [];
  const seen = new Set<number>();
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    // RFC 8446, section 4.2: no two of one type. Two server names would be two destinations.
    if (type === null || content === null || seen.has(type)) {
      return malformed('a ClientHello with broken extensions');
    }
    seen.add(type);
    if (type === SERVER_NAME) {
      serverName = parseServerName(content);
      if (serverName === null) {
        return malformed('a server name that cannot be read');
      }
    } else if (type === ALPN) {
      const parsed = parseProtocols(content);
      if (parsed === null) {
        return malformed('a list of protocols that cannot be read');
      }
      protocols = parsed;
    }
  }
  return { kind: 'hello', hello: { serverName, protocols } };
}

/** The one host_name of the list. */
function parseServerName(content: Reader): string | null {
  const list = content.vector(2);
  const type = list?.number(1);
  const name = list?.vector(2);
  const whole = list?.left === 0 && content.left === 0 && type === 0;
  return !whole || name === null || name === undefined || name.left === 0 ? null : name.text();
}

function parseProtocols(content: Reader): readonly string[] | null {
  const list = content.vector(2);
  if (list === null || content.left !== 0) {
    return null;
  }
  const protocols: string[] = [];
  while (list.left > 0) {
    const name = list.vector(1);
    if (name === null) {
      return null;
    }
    protocols.push(name.text());
  }
  return protocols;
}
