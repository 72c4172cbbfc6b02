// What a tunnel keeps in the state directory: its private key, sealed, and the numbers of its virtual addresses.
import { appendFileSync, closeSync, constants, fsyncSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../audit/durable-file.ts';
import { findKeyFile } from '../../audit/key-files.ts';
import { GatewayError, hasCode, messageOf } from '../../lib/errors.ts';
import { seal, unseal } from '../../lib/seal.ts';
import type { AssignedName } from './virtual-addresses.ts';
import { createWireguardKeys, wireguardKeysOf } from '../../devices/wireguard.ts';
import type { WireguardKeys } from '../../devices/wireguard.ts';

const KEY_CONTEXT = 'keys/wireguard.key';
const PEERS_FILE = 'tunnel-peers';

/** The tunnel's key pair, made at first start. Throws GatewayError STORE_KEY, STATE_DIR. */
export function loadWireguardKeys(stateDir: string, storeKey: Buffer): WireguardKeys {
  const path = join(stateDir, 'keys', 'wireguard.key');
  const sealed = findKeyFile(path);
  if (sealed === null) {
    const keys = createWireguardKeys();
    try {
      replaceFile(path, seal(storeKey, Buffer.from(keys.privateKey, 'base64'), KEY_CONTEXT));
    } catch (error) {
      throw new GatewayError('STATE_DIR', 'operator', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
    }
    return keys;
  }
  const plain = unseal(storeKey, sealed, KEY_CONTEXT);
  if (plain?.length !== 32) {
    const fix = 'restore the store key; without the tunnel key every device must join again';
    throw new GatewayError('STORE_KEY', 'operator', `${path} was sealed with another store key; ${fix}`);
  }
  return wireguardKeysOf(plain);
}

/** Where each peer was last heard (`host:port` by public key), so that the next gateway can call it. A file that cannot be read is none. */
export function readOuterAddresses(stateDir: string): ReadonlyMap<string, string> {
  try {
    const lines = readFileSync(join(stateDir, PEERS_FILE), 'latin1').split('\n');
    return new Map(
      lines.flatMap((line) => {
        const match = /^(\S{43}=) ([0-9a-f.:[\]%a-z]{3,80})$/.exec(line);
        return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
      }),
    );
  } catch {
    return new Map();
  }
}

/** Stores them. Throws what the file system says. */
export function writeOuterAddresses(stateDir: string, addresses: ReadonlyMap<string, string>): void {
  const lines = [...addresses].map(([publicKey, address]) => `${publicKey} ${address}\n`);
  replaceFile(join(stateDir, PEERS_FILE), Buffer.from(lines.join('')));
}

/** Names with their numbers, oldest first, and how to add one durably. */
export interface AssignedNames {
  readonly saved: readonly AssignedName[];
  /** Throws GatewayError STORE_FAILED. */
  save(assigned: AssignedName): void;
}

/** One line a name, `NUMBER NAME`, only ever added to. Throws GatewayError STORE_FAILED. */
export function openAssignedNames(stateDir: string): AssignedNames {
  const path = join(stateDir, 'virtual-addresses');
  const fail = (error: unknown): never => {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot keep virtual addresses in ${path}: ${messageOf(error)}`);
  };
  return {
    saved: readAssigned(path, fail),
    save({ name, number }) {
      try {
        const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
        const file = openSync(path, flags, 0o600);
        try {
          appendFileSync(file, `${number} ${name}\n`);
          fsyncSync(file);
        } finally {
          closeSync(file);
        }
      } catch (error) {
        fail(error);
      }
    },
  };
}

function readAssigned(path: string, fail: (error: unknown) => never): readonly AssignedName[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    return hasCode(error, 'ENOENT') ? [] : fail(error);
  }
  // A line that a crash cut is no line: its address was never told.
  const lines = text.split('\n').slice(0, -1);
  return lines.flatMap((line) => {
    const match = /^(\d{1,15}) ([a-z0-9._-]{1,253})$/.exec(line);
    return match === null ? [] : [{ number: Number(match[1]), name: match[2] ?? '' }];
  });
}
