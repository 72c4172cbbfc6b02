// What `wg` reads and writes. Keys go through standard input, never through arguments, which every user of the machine can read. Pure.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

/** A peer as WireGuard knows it. Its addresses are all that it may send from (cryptokey routing). */
export interface Peer {
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
  readonly addresses: readonly string[];
  /** Where it was last heard, `host:port`; null = not known, it must speak first. */
  readonly outerAddress: string | null;
}

/** A key pair of Curve25519, both halves base64 as `wg` writes them. */
export interface WireguardKeys {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** DER headers of X25519 keys (RFC 8410): 16 bytes before the private half, 12 before the public one. */
export const PRIVATE_HEADER = Buffer.from('302e020100300506032b656e04220420', 'hex');
export const PUBLIC_HEADER = Buffer.from('302a300506032b656e032100', 'hex');

/** A new pair. */
export function createWireguardKeys(): WireguardKeys {
  const { privateKey } = generateKeyPairSync('x25519');
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  return wireguardKeysOf(der.subarray(PRIVATE_HEADER.length));
}

/** The pair of a private half of 32 bytes. */
export function wireguardKeysOf(privateBytes: Buffer): WireguardKeys {
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_HEADER, privateBytes]), format: 'der', type: 'pkcs8' });
  const publicDer = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    privateKey: privateBytes.toString('base64'),
    publicKey: publicDer.subarray(PUBLIC_HEADER.length).toString('base64'),
  };
}

/** Whether a text is a public key as `wg` writes it. */
export function isWireguardKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text);
}

/** Input of `wg syncconf`: the interface with all its peers. Peers that are not in it are removed, the others keep their sessions. */
export function writeWireguardConfig(
  { privateKey, listenPort }: { readonly privateKey: string; readonly listenPort: number },
  peers: readonly Peer[],
): string {
  const sections = peers.map(({ publicKey, addresses, outerAddress }) => {
    // A keepalive makes us begin: a client whose gateway was started again would go on with its old session for a quarter of a minute.
    const wake = outerAddress === null ? '' : `Endpoint = ${outerAddress}\nPersistentKeepalive = 25\n`;
    return `\n[Peer]\nPublicKey = ${publicKey}\nAllowedIPs = ${addresses.join(', ')}\n${wake}`;
  });
  return `[Interface]\nPrivateKey = ${privateKey}\nListenPort = ${listenPort}\n${sections.join('')}`;
}

/** What a peer did. */
export interface PeerState {
  readonly publicKey: string;
  /** `host:port` from which it was last heard, or null. */
  readonly outerAddress: string | null;
  /** Milliseconds since the epoch; null = never. */
  readonly lastHandshakeMs: number | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Reads `wg show INTERFACE dump`: the first line is the interface. Lines that are none of a peer are left out. */
export function readWireguardDump(text: string): readonly PeerState[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter((fields) => fields.length === 8)
    .map(([publicKey = '', , outer = '', , handshake = '', received = '', sent = '']) => ({
      publicKey,
      outerAddress: outer === '(none)' ? null : outer,
      lastHandshakeMs: handshake === '0' ? null : Number(handshake) * 1000,
      receivedBytes: Number(received),
      sentBytes: Number(sent),
    }));
}
