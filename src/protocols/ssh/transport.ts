// The transport layer of one side of a connection (RFC 4253): key exchange, ciphers, packets. ssh2 does it; everything above (logging in,
// channels) is read and written in this folder, byte for byte. Bytes in, bytes out: no socket, no clock.
/* oxlint-disable no-underscore-dangle -- members of ssh2, whose public classes do not give what is needed here */
import Protocol from 'ssh2/lib/protocol/Protocol.js';
import type { Negotiated, Offer } from 'ssh2/lib/protocol/Protocol.js';
import type { ParsedKey } from 'ssh2';
import { messageOf } from '../../lib/errors.ts';
import { MESSAGE } from './codec.ts';
import { writeFields } from './wire.ts';

/** The software version of the identification line. */
const IDENT = 'clawpatrol';
/** Keys are exchanged anew after this much in one direction (RFC 4253, section 9); peers with smaller limits ask themselves. */
const REKEY_BYTES = 1024 ** 3;
/** Exchanges that a peer may begin within one gigabyte: each costs us a signature. */
const MAX_EXCHANGES = 4_000;
/** What may come before the end of the identification line; servers may send other lines first (RFC 4253, section 4.2). */
const MAX_IDENT_BYTES = 16 * 1024;
/** Messages that a peer may send before the first key exchange is done; a handshake takes five. */
const MAX_HANDSHAKE_BYTES = 256 * 1024;

/** No CBC, no SHA-1, no Diffie-Hellman group that costs seconds. */
const KEX = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
];
const CIPHERS = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'chacha20-poly1305@openssh.com',
];
/** Those that need no strict key exchange first: an upstream that has neither it nor GCM is spoken to in them, and not refused. */
const MACS = ['hmac-sha2-256', 'hmac-sha2-512', 'hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'];
const UPSTREAM_KEYS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** Reason codes of SSH_MSG_DISCONNECT. */
export const DISCONNECT = {
  protocolError: 2,
  kexFailed: 3,
  serviceNotAvailable: 7,
  hostKey: 9,
  byApplication: 11,
  noMoreAuth: 14,
} as const;

/** `failed`: whoever was told of a message could not go on; a fault of ours. */
export type Ending = 'disconnected' | 'malformed' | 'failed';

/** What a transport tells its owner. */
export interface TransportEvents {
  /** Bytes for the peer. */
  write(bytes: Buffer): void;
  /** The keys of the first exchange are in use; everything is encrypted from here on. */
  secured(): void;
  /** A message that is no part of the transport: numbers 5, 6, 50 and above. */
  payload(payload: Buffer): void;
  /** Signature algorithms that the server says it takes (RFC 8308). */
  signatureAlgorithms?(names: readonly string[]): void;
  /** It ended, once: the peer said goodbye, or something could not be read. Nothing more is sent or told. */
  ended(why: string, how: Ending): void;
}

export interface TransportRole {
  /** Server side: the host key. */
  readonly hostKey?: ParsedKey;
  /** Client side: whether that key (RFC 4253, section 6.6) is the peer's. Called before anything is proved to the peer. */
  readonly verify?: (key: Buffer) => boolean;
  /** Client side: algorithms of host keys, the most wanted first. */
  readonly hostKeyAlgorithms?: readonly string[];
}

/** One side of a connection. */
export class Transport {
  readonly #events: TransportEvents;
  readonly #protocol: Protocol;
  /** What has come of the identification line; null once it was whole. */
  #ident: Buffer | null = Buffer.alloc(0);
  readonly #server: boolean;
  #secured = false;
  #ended = false;
  #sinceExchangeBytes = 0;
  #exchanges = 0;

  constructor(role: TransportRole, events: TransportEvents) {
    this.#events = events;
    const { hostKey, verify } = role;
    this.#server = hostKey !== undefined;
    const algorithms = hostKey === undefined ? (role.hostKeyAlgorithms ?? UPSTREAM_KEYS) : [hostKey.type];
    this.#protocol = new Protocol({
      server: hostKey !== undefined,
      ident: IDENT,
      offer: offerOf(algorithms),
      ...(hostKey === undefined
        ? { hostVerifier: verify ?? ((): boolean => false) }
        : { hostKeys: { [hostKey.type]: hostKey } }),
      onWrite: (bytes): void => {
        this.#events.write(bytes);
      },
      onError: (error): void => this.#end(error.message, 'malformed'),
      onHandshakeComplete: (negotiated): void => this.#exchanged(negotiated),
      messageHandlers: {
        DISCONNECT: (_protocol: unknown, code: number, text: string): void => {
          this.#end(`${text === '' ? 'disconnected' : text} (${code})`, 'disconnected');
        },
        EXT_INFO: (
          _protocol: unknown,
          extensions: readonly { readonly name: string; readonly algs: readonly string[] }[],
        ): void => {
          const found = extensions.find(({ name }) => name === 'server-sig-algs');
          if (found !== undefined) {
            this.#events.signatureAlgorithms?.(found.algs);
          }
        },
      },
    });
    const inner = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload): unknown => this.#receive(payload, inner);
  }

  /** Sends the identification line. */
  start(): void {
    this.#protocol.start();
  }

  /** A key exchange is under way: what is sent waits in memory, so that nothing more should be read for it. */
  get exchanging(): boolean {
    return this.#protocol._kexinit !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What signatures of a login are bound to. */
  get sessionId(): Buffer {
    return this.#protocol._kex?.sessionID ?? Buffer.alloc(0);
  }

  /** Takes bytes of the peer. Never throws. */
  receive(chunk: Buffer): void {
    if (this.#ended) {
      return;
    }
    this.#sinceExchangeBytes += chunk.length;
    if (!this.#secured && this.#sinceExchangeBytes > MAX_HANDSHAKE_BYTES) {
      this.#fail('too much before the end of the key exchange');
      return;
    }
    const bytes = this.#ident === null ? chunk : this.#identify(this.#ident, chunk);
    if (bytes === null) {
      return;
    }
    try {
      this.#protocol.parse(bytes, 0, bytes.length);
    } catch (error) {
      this.#fail(messageOf(error));
      return;
    }
    if (this.#secured && this.#sinceExchangeBytes > REKEY_BYTES) {
      this.rekey();
    }
  }

  /** ssh2 loses bytes of an identification line that comes in more than two pieces: it gets the line whole. Null = more must come. */
  #identify(before: Buffer, chunk: Buffer): Buffer | null {
    const bytes = Buffer.concat([before, chunk]);
    if (/(?:^|\n)SSH-[^\n]*\n/.test(bytes.toString('latin1', 0, MAX_IDENT_BYTES))) {
      this.#ident = null;
      return bytes;
    }
    this.#ident = bytes;
    // Clients begin with it (DP-18).
    if (bytes.length > MAX_IDENT_BYTES || (this.#server && bytes.includes(10))) {
      this.#fail('no identification line');
    }
    return null;
  }

  /** Sends a message, or a message in parts. */
  send(payload: Buffer, body: Buffer | null = null): void {
    if (this.#ended) {
      return;
    }
    const protocol = this.#protocol;
    const { write } = protocol._packetRW;
    const at = write.allocStart;
    const packet = write.alloc(payload.length + (body?.length ?? 0));
    packet.set(payload, at);
    if (body !== null) {
      packet.set(body, at + payload.length);
    }
    this.#sinceExchangeBytes += packet.length;
    const finished = write.finalize(packet);
    if (protocol._kexinit === undefined) {
      protocol._cipher.encrypt(finished);
    } else {
      protocol._queue ??= [];
      protocol._queue.push(finished);
    }
  }

  /** Exchanges keys anew, unless that is under way. */
  rekey(): void {
    if (!this.#ended && this.#secured) {
      this.#protocol.rekey();
    }
  }

  /** Says goodbye; nothing is told any more. */
  disconnect(code: number, text: string): void {
    if (this.#ended) {
      return;
    }
    if (this.#secured && !this.exchanging) {
      this.send(writeFields([{ byte: MESSAGE.disconnect }, { uint32: code }, { string: text }, { string: '' }]));
    } else if (this.#protocol._destruct !== undefined) {
      this.#protocol.disconnect(code);
    }
    this.close();
  }

  /** Frees what it holds; nothing is told any more. */
  close(): void {
    this.#ended = true;
    this.#protocol.cleanup();
  }

  #receive(payload: Buffer, inner: (payload: Buffer) => unknown): unknown {
    const number = payload[0];
    if (this.#ended || number === undefined) {
      return undefined;
    }
    if (number >= 50 || number === MESSAGE.serviceRequest || number === MESSAGE.serviceAccept) {
      if (number > 127) {
        this.#unimplemented();
      } else {
        this.#tell(payload);
      }
      // Ended by what it said: the rest of the chunk is not looked at.
      return this.#ended ? Number.POSITIVE_INFINITY : undefined;
    }
    return inner(payload);
  }

  #tell(payload: Buffer): void {
    try {
      this.#events.payload(payload);
    } catch (error) {
      this.#end(messageOf(error), 'failed');
    }
  }

  #unimplemented(): void {
    const rejected = ((this.#protocol._decipher?.inSeqno ?? 0) - 1) >>> 0;
    this.send(writeFields([{ byte: MESSAGE.unimplemented }, { uint32: rejected }]));
  }

  #exchanged(negotiated: Negotiated): void {
    this.#sinceExchangeBytes = 0;
    this.#exchanges += 1;
    if (this.#exchanges > MAX_EXCHANGES) {
      this.#fail('too many key exchanges');
      return;
    }
    if (this.#secured) {
      return;
    }
    const weak = this.#protocol._strictMode === true ? null : findCuttable(negotiated);
    if (weak !== null) {
      this.#fail(`the peer has no strict key exchange, and without it ${weak} lets messages be cut away unseen`);
      return;
    }
    this.#secured = true;
    this.#events.secured();
  }

  #fail(why: string): void {
    if (!this.#ended && this.#protocol._destruct !== undefined) {
      try {
        this.#protocol.disconnect(DISCONNECT.protocolError);
      } catch {
        // It is in no state to say goodbye.
      }
    }
    this.#end(why, 'malformed');
  }

  #end(why: string, how: Ending): void {
    if (this.#ended) {
      return;
    }
    this.close();
    this.#events.ended(why, how);
  }
}

/** What the prefix of a handshake can be cut from without strict key exchange (CVE-2023-48795), or null. */
function findCuttable({ cs, sc }: Negotiated): string | null {
  const names = [cs.cipher, sc.cipher, cs.mac, sc.mac];
  return names.find((name) => name.startsWith('chacha20-') || name.includes('-etm@')) ?? null;
}

function offerOf(hostKeys: readonly string[]): Offer {
  const direction = { cipher: CIPHERS, mac: MACS, compress: ['none'], lang: [] };
  return { kex: [...KEX], serverHostKey: [...hostKeys], cs: { ...direction }, sc: { ...direction } };
}
