// Messages of the SSH connection protocol (RFC 4254) out of bytes and into bytes. ssh2's own reading of them is not used: it turns commands
// into text and drops what follows the last field, and then what is judged is not what is sent (SH-26).
import { WireReader, writeFields } from './wire.ts';

/** Message numbers of RFC 4250, section 4.1.2. */
export const MESSAGE = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  serviceRequest: 5,
  serviceAccept: 6,
  authRequest: 50,
  authFailure: 51,
  authSuccess: 52,
  authBanner: 53,
  authPkOk: 60,
  authInfoResponse: 61,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelConfirmation: 91,
  channelOpenFailure: 92,
  windowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

/** Reason codes of a refused channel (RFC 4254, section 5.1). */
export const OPEN_FAILURE = { prohibited: 1, connectFailed: 2, unknownType: 3, shortage: 4 } as const;

/** The only type of extended data there is. */
export const STDERR = 1;

export type ConnectionMessage =
  | { readonly kind: 'global'; readonly name: string; readonly wantReply: boolean; readonly data: Buffer }
  | { readonly kind: 'global-success'; readonly data: Buffer }
  | { readonly kind: 'global-failure' }
  | ChannelOpen
  | {
      readonly kind: 'confirmation';
      readonly channel: number;
      readonly sender: number;
      readonly windowBytes: number;
      readonly packetBytes: number;
    }
  | { readonly kind: 'open-failure'; readonly channel: number; readonly code: number; readonly text: string }
  | { readonly kind: 'adjust'; readonly channel: number; readonly addBytes: number }
  | { readonly kind: 'data'; readonly channel: number; readonly bytes: Buffer }
  | { readonly kind: 'extended'; readonly channel: number; readonly type: number; readonly bytes: Buffer }
  | { readonly kind: 'eof' | 'close' | 'success' | 'failure'; readonly channel: number }
  | ChannelRequest;

export interface ChannelOpen {
  readonly kind: 'open';
  readonly type: string;
  /** The opener's number of the channel. */
  readonly sender: number;
  readonly windowBytes: number;
  readonly packetBytes: number;
  readonly data: Buffer;
}

export interface ChannelRequest {
  readonly kind: 'request';
  readonly channel: number;
  readonly name: string;
  readonly wantReply: boolean;
  readonly data: Buffer;
}

/** A message of numbers 80 to 127, or null when it cannot be read to its last byte. Buffers are views of `payload`. */
export function parseMessage(payload: Buffer): ConnectionMessage | null {
  const reader = new WireReader(payload, 1);
  const message = readMessage(payload[0] ?? 0, reader);
  return message !== null && reader.done ? message : null;
}

function readMessage(number: number, reader: WireReader): ConnectionMessage | null {
  switch (number) {
    case MESSAGE.channelData:
      return { kind: 'data', channel: reader.uint32(), bytes: reader.string() };
    case MESSAGE.windowAdjust:
      return { kind: 'adjust', channel: reader.uint32(), addBytes: reader.uint32() };
    case MESSAGE.channelExtendedData:
      return { kind: 'extended', channel: reader.uint32(), type: reader.uint32(), bytes: reader.string() };
    case MESSAGE.channelEof:
      return { kind: 'eof', channel: reader.uint32() };
    case MESSAGE.channelClose:
      return { kind: 'close', channel: reader.uint32() };
    case MESSAGE.channelSuccess:
      return { kind: 'success', channel: reader.uint32() };
    case MESSAGE.channelFailure:
      return { kind: 'failure', channel: reader.uint32() };
    case MESSAGE.channelRequest: {
      const channel = reader.uint32();
      return { kind: 'request', channel, name: reader.name(), wantReply: reader.bool(), data: reader.rest() };
    }
    default:
      return readRare(number, reader);
  }
}

function readRare(number: number, reader: WireReader): ConnectionMessage | null {
  switch (number) {
    case MESSAGE.globalRequest:
      return { kind: 'global', name: reader.name(), wantReply: reader.bool(), data: reader.rest() };
    case MESSAGE.requestSuccess:
      return { kind: 'global-success', data: reader.rest() };
    case MESSAGE.requestFailure:
      return { kind: 'global-failure' };
    case MESSAGE.channelOpen: {
      const type = reader.name();
      const sender = reader.uint32();
      return {
        kind: 'open',
        type,
        sender,
        windowBytes: reader.uint32(),
        packetBytes: reader.uint32(),
        data: reader.rest(),
      };
    }
    case MESSAGE.channelConfirmation: {
      const channel = reader.uint32();
      const sender = reader.uint32();
      const windowBytes = reader.uint32();
      const packetBytes = reader.uint32();
      // What follows belongs to types that nobody opens here.
      reader.rest();
      return { kind: 'confirmation', channel, sender, windowBytes, packetBytes };
    }
    case MESSAGE.channelOpenFailure: {
      const channel = reader.uint32();
      const code = reader.uint32();
      const text = reader.string().toString('utf8');
      reader.string();
      return { kind: 'open-failure', channel, code, text };
    }
    default:
      return null;
  }
}

/** What is written; data has a function of its own, since it is what there is most of. */
export function writeMessage(message: Exclude<ConnectionMessage, { readonly kind: 'data' | 'extended' }>): Buffer {
  switch (message.kind) {
    case 'global':
      return writeFields([
        { byte: MESSAGE.globalRequest },
        { string: message.name },
        { bool: message.wantReply },
        { raw: message.data },
      ]);
    case 'global-success':
      return writeFields([{ byte: MESSAGE.requestSuccess }, { raw: message.data }]);
    case 'global-failure':
      return Buffer.of(MESSAGE.requestFailure);
    case 'open':
      return writeFields([
        { byte: MESSAGE.channelOpen },
        { string: message.type },
        { uint32: message.sender },
        { uint32: message.windowBytes },
        { uint32: message.packetBytes },
        { raw: message.data },
      ]);
    case 'confirmation':
      return writeFields([
        { byte: MESSAGE.channelConfirmation },
        { uint32: message.channel },
        { uint32: message.sender },
        { uint32: message.windowBytes },
        { uint32: message.packetBytes },
      ]);
    case 'open-failure':
      return writeFields([
        { byte: MESSAGE.channelOpenFailure },
        { uint32: message.channel },
        { uint32: message.code },
        { string: message.text },
        { string: '' },
      ]);
    case 'adjust':
      return writeFields([{ byte: MESSAGE.windowAdjust }, { uint32: message.channel }, { uint32: message.addBytes }]);
    case 'request':
      return writeFields([
        { byte: MESSAGE.channelRequest },
        { uint32: message.channel },
        { string: message.name },
        { bool: message.wantReply },
        { raw: message.data },
      ]);
    case 'eof':
    case 'close':
    case 'success':
    case 'failure':
      return writeFields([{ byte: BARE[message.kind] }, { uint32: message.channel }]);
  }
}

const BARE = {
  eof: MESSAGE.channelEof,
  close: MESSAGE.channelClose,
  success: MESSAGE.channelSuccess,
  failure: MESSAGE.channelFailure,
} as const;

/** Bytes of a stream, before its content: what a data message has more than its data. */
export function dataHeader(channel: number, type: number, lengthBytes: number): Buffer {
  const header = Buffer.allocUnsafe(type === 0 ? 9 : 13);
  header[0] = type === 0 ? MESSAGE.channelData : MESSAGE.channelExtendedData;
  header.writeUInt32BE(channel, 1);
  if (type !== 0) {
    header.writeUInt32BE(type, 5);
  }
  header.writeUInt32BE(lengthBytes, header.length - 4);
  return header;
}

/** `pty-req` (RFC 4254, section 6.2), or null when malformed. */
export interface PtyRequest {
  readonly term: string;
  readonly columns: number;
  readonly rows: number;
}

export function parsePty(data: Buffer): PtyRequest | null {
  const reader = new WireReader(data);
  const term = reader.string().toString('utf8');
  const columns = reader.uint32();
  const rows = reader.uint32();
  reader.uint32();
  reader.uint32();
  reader.string();
  return reader.done ? { term, columns, rows } : null;
}

/** `window-change`, or null when malformed. */
export function parseWindowChange(data: Buffer): { readonly columns: number; readonly rows: number } | null {
  const reader = new WireReader(data);
  const columns = reader.uint32();
  const rows = reader.uint32();
  reader.uint32();
  reader.uint32();
  return reader.done ? { columns, rows } : null;
}

/** `env`, or null when malformed. */
export function parseEnv(data: Buffer): { readonly name: Buffer; readonly value: Buffer } | null {
  const reader = new WireReader(data);
  const name = reader.string();
  const value = reader.string();
  return reader.done ? { name, value } : null;
}

/** A request whose only field is a string: `exec`, `subsystem`, `signal`. Null when malformed. */
export function parseText(data: Buffer): Buffer | null {
  const reader = new WireReader(data);
  const text = reader.string();
  return reader.done ? text : null;
}

/** `x11-req`, or null when malformed. */
export function parseX11(data: Buffer): { readonly single: boolean } | null {
  const reader = new WireReader(data);
  const single = reader.bool();
  reader.string();
  reader.string();
  reader.uint32();
  return reader.done ? { single } : null;
}

/** A host and port as `direct-tcpip` and `forwarded-tcpip` have them, with who connected; or null when malformed. */
export interface Tcpip {
  readonly host: Buffer;
  readonly port: number;
}

export function parseTcpip(data: Buffer): Tcpip | null {
  const reader = new WireReader(data);
  const host = reader.string();
  const port = reader.uint32();
  reader.string();
  reader.uint32();
  return reader.done && port <= 65_535 ? { host, port } : null;
}

/** Address and port of `tcpip-forward` and `cancel-tcpip-forward`, or null when malformed. */
export function parseBind(data: Buffer): Tcpip | null {
  const reader = new WireReader(data);
  const host = reader.string();
  const port = reader.uint32();
  return reader.done && port <= 65_535 ? { host, port } : null;
}

/** Socket path of `direct-streamlocal@openssh.com` and `forwarded-streamlocal@openssh.com`, or null when malformed. */
export function parseStreamLocal(data: Buffer, direct: boolean): Buffer | null {
  const reader = new WireReader(data);
  const path = reader.string();
  reader.string();
  if (direct) {
    reader.uint32();
  }
  return reader.done ? path : null;
}

/** `exit-status`, or null when malformed. */
export function parseExitStatus(data: Buffer): number | null {
  const reader = new WireReader(data);
  const status = reader.uint32();
  return reader.done ? status : null;
}

/** Name of an `exit-signal`, or null when malformed. */
export function parseExitSignal(data: Buffer): string | null {
  const reader = new WireReader(data);
  const signal = reader.name();
  reader.bool();
  reader.string();
  reader.string();
  return reader.done ? signal : null;
}
