// What a machine that has joined keeps (config reference 7.1): the CA and where the gateway is, for everybody of this user to read; the tunnel's
// configuration, the private key and the device token, for this user alone.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { isWireguardKey } from '../devices/wireguard.ts';
import { messageOf } from '../lib/errors.ts';
import { Secret } from '../lib/secret.ts';
import { fieldOf, textOf } from '../lib/fields.ts';
import { readIfThere } from './optional-file.ts';

/** Where the parts are. */
export interface DevicePaths {
  /** `ca.crt`, `ca-bundle.crt`, `gateway`, `device`. */
  readonly caDir: string;
  readonly wireguardConfig: string;
  /** Key, token, and what runs use. */
  readonly stateDir: string;
}

/** The folders of a user. */
export function devicePaths(env: Readonly<Record<string, string | undefined>>, caDir: string | null): DevicePaths {
  const home = env['HOME'] ?? '/root';
  const config = env['XDG_CONFIG_HOME'] ?? join(home, '.config');
  const state = env['XDG_STATE_HOME'] ?? join(home, '.local', 'state');
  return {
    caDir: caDir ?? join(home, '.clawpatrol'),
    wireguardConfig: join(config, 'clawpatrol', 'wg.conf'),
    stateDir: join(state, 'clawpatrol'),
  };
}

/** What a machine knows after it was let in. */
export interface DeviceRecord {
  readonly gateway: { readonly url: string; readonly fingerprint: string };
  readonly device: { readonly id: string; readonly name: string; readonly profile: string };
  readonly addresses: readonly string[];
  /** The gateway's address in the tunnel, which knows names; null in what an older version wrote. */
  readonly resolver: string | null;
  readonly tunnel: { readonly publicKey: string; readonly endpoint: string; readonly mtu: number };
}

/** Where Debian and its relatives, Fedora and its relatives, Alpine and Arch keep the certificates that programs trust. */
const SYSTEM_BUNDLES: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/** The private key of this machine: the one of an earlier join, so that it keeps its identity, or null. */
export function findPrivateKey({ stateDir }: Pick<DevicePaths, 'stateDir'>): Secret | null {
  const text = readIfThere(join(stateDir, 'key'));
  return text === null ? null : new Secret(text.trim());
}

/** Keeps the key before anything is asked with it. Throws what the file system says. */
export function keepPrivateKey({ stateDir }: DevicePaths, key: Secret): void {
  writePrivate(join(stateDir, 'key'), `${key.reveal()}\n`);
}

/** Writes everything that a join brings. Throws what the file system says. */
export function writeDevice(
  paths: DevicePaths,
  record: DeviceRecord,
  { caPem, token, privateKey }: { readonly caPem: string; readonly token: Secret; readonly privateKey: Secret },
): void {
  mkdirSync(paths.caDir, { recursive: true, mode: 0o700 });
  const system = SYSTEM_BUNDLES.map(readIfThere).find((text) => text !== null) ?? '';
  writeFileSync(join(paths.caDir, 'ca.crt'), caPem, { mode: 0o644 });
  // Programs read this in place of their own list: it must hold both (traps TL-04).
  writeFileSync(join(paths.caDir, 'ca-bundle.crt'), `${system.trimEnd()}\n${caPem}`, { mode: 0o644 });
  writePrivate(join(paths.stateDir, 'token'), `${token.reveal()}\n`);
  writePrivate(paths.wireguardConfig, wireguardText(record, privateKey));
  // Last: it says that the others are there.
  writeFileSync(join(paths.caDir, 'device'), `${JSON.stringify(record, null, 1)}\n`, { mode: 0o600 });
}

/** The machine as it joined, or null when it has not. Throws Error when the file makes no sense. */
export function readDevice({ caDir }: DevicePaths): DeviceRecord | null {
  const path = join(caDir, 'device');
  const text = readIfThere(path);
  if (text === null) {
    return null;
  }
  try {
    return checkRecord(JSON.parse(text) as unknown);
  } catch (error) {
    throw new Error(`cannot make sense of ${path} (${messageOf(error)}); leave and join again`, { cause: error });
  }
}

/** The device token. Throws Error when it is not there. */
export function readToken({ stateDir }: DevicePaths): Secret {
  const path = join(stateDir, 'token');
  const text = readIfThere(path);
  if (text === null) {
    throw new Error(`${path} is missing; join again`);
  }
  return new Secret(text.trim());
}

/** The gateway's certificate, PEM. Throws Error when it is not there. */
export function readCa({ caDir }: DevicePaths): string {
  return readFileSync(join(caDir, 'ca.crt'), 'utf8');
}

/** Removes what a join wrote; gives the paths that are gone. */
export function removeDevice(
  { caDir, stateDir, wireguardConfig }: DevicePaths,
  keep: { readonly ca: boolean; readonly config: boolean },
): readonly string[] {
  const all = [
    ...(keep.ca ? [] : [join(caDir, 'ca.crt'), join(caDir, 'ca-bundle.crt')]),
    ...(keep.config ? [] : [wireguardConfig]),
    join(stateDir, 'key'),
    join(stateDir, 'token'),
    // Last: whoever is interrupted before finds it, and can leave again.
    join(caDir, 'device'),
  ];
  return all.filter((path) => {
    const there = existsSync(path);
    rmSync(path, { force: true });
    return there;
  });
}

function wireguardText({ addresses, tunnel }: DeviceRecord, privateKey: Secret): string {
  const own = addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`).join(', ');
  return `[Interface]
PrivateKey = ${privateKey.reveal()}
Address = ${own}
MTU = ${tunnel.mtu}

[Peer]
PublicKey = ${tunnel.publicKey}
Endpoint = ${tunnel.endpoint}
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
`;
}

function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // A file that others could read keeps its mode when it is written again.
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  chmodSync(path, 0o600);
}

/** A record of that shape. What it says goes into the configuration of programs, so each part must look like what it is. Throws Error. */
export function checkRecord(value: unknown): DeviceRecord {
  const [gateway, device, tunnel] = ['gateway', 'device', 'tunnel'].map((name) => fieldOf(value, name));
  const addresses = fieldOf(value, 'addresses');
  const resolver = fieldOf(value, 'resolver') ?? null;
  const mtu = fieldOf(tunnel, 'mtu');
  if (!Array.isArray(addresses) || addresses.length === 0 || !addresses.every(isAddress)) {
    throw new Error('addresses are missing');
  }
  if (resolver !== null && !isAddress(resolver)) {
    throw new Error('resolver is no address');
  }
  if (typeof mtu !== 'number' || !Number.isInteger(mtu) || mtu < 576 || mtu > 65_535) {
    throw new Error('mtu is missing');
  }
  const [publicKey, endpoint] = [textOf(tunnel, 'publicKey'), textOf(tunnel, 'endpoint')];
  if (!isWireguardKey(publicKey) || !/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/.test(endpoint)) {
    throw new Error('the key or address of the tunnel is none');
  }
  return {
    gateway: { url: textOf(gateway, 'url'), fingerprint: textOf(gateway, 'fingerprint') },
    device: { id: textOf(device, 'id'), name: textOf(device, 'name'), profile: textOf(device, 'profile') },
    addresses,
    resolver,
    tunnel: { publicKey, endpoint, mtu },
  };
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && isIP(value) !== 0;
}
