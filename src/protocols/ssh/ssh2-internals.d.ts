// The parts of ssh2 under its Client and Server: key exchange and ciphers without a reading of the connection protocol.
declare module 'ssh2/lib/protocol/Protocol.js' {
  import type { ParsedKey } from 'ssh2';

  export interface Offer {
    kex: string[];
    serverHostKey: string[];
    cs: { cipher: string[]; mac: string[]; compress: string[]; lang: string[] };
    sc: { cipher: string[]; mac: string[]; compress: string[]; lang: string[] };
  }

  export interface Negotiated {
    readonly kex: string;
    readonly serverHostKey: string;
    readonly cs: { readonly cipher: string; readonly mac: string };
    readonly sc: { readonly cipher: string; readonly mac: string };
  }

  export interface ProtocolConfig {
    readonly server: boolean;
    readonly ident: string;
    readonly offer: Offer;
    readonly hostKeys?: Readonly<Record<string, ParsedKey>>;
    readonly hostVerifier?: (key: Buffer) => boolean;
    readonly onWrite: (bytes: Buffer) => void;
    readonly onError: (error: Error) => void;
    readonly onHeader?: (header: { readonly identRaw: string }) => void;
    readonly onHandshakeComplete?: (negotiated: Negotiated) => void;
    readonly messageHandlers: Readonly<Record<string, (...values: never[]) => void>>;
  }

  class Protocol {
    constructor(config: ProtocolConfig);
    start: () => void;
    parse(chunk: Buffer, from: number, to: number): void;
    disconnect(reason: number): void;
    rekey(): void;
    cleanup(): void;
    /** Set while a key exchange is under way. */
    _kexinit: Buffer | undefined;
    _strictMode: boolean | undefined;
    _kex: { readonly sessionID: Buffer } | undefined;
    _queue: Buffer[] | undefined;
    _destruct: unknown;
    /** Called for every message that is no part of a key exchange. Taken over by the ciphers at each handshake. */
    _onPayload: (payload: Buffer) => unknown;
    _decipher: { readonly inSeqno: number } | undefined;
    _cipher: { encrypt(packet: Buffer): void };
    readonly _packetRW: {
      readonly write: {
        readonly allocStart: number;
        alloc(sizeBytes: number): Buffer;
        finalize(packet: Buffer): Buffer;
      };
    };
  }
  export default Protocol;
}

declare module 'ssh2/lib/protocol/utils.js' {
  const utils: {
    /** A signature of node:crypto as SSH writes it; false or undefined when it is malformed. */
    convertSignature(signature: Buffer, keyType: string): Buffer | false | undefined;
    /** The other way; undefined when it is malformed. */
    sigSSHToASN1(signature: Buffer, keyType: string): Buffer | undefined;
  };
  export default utils;
}

declare module 'ssh2/lib/protocol/kex.js' {
  import type { Offer } from 'ssh2/lib/protocol/Protocol.js';

  const kex: {
    /** An offer as it stands: nothing is added to it. */
    KexInit: new (offer: Offer) => Offer;
  };
  export default kex;
}
