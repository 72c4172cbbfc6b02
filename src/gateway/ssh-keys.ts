// Host keys of SSH: one for each endpoint that agents are shown, made at first start, and those that upstreams showed when they were first
// seen. Both are sealed with the store key: who can write the state directory can put no other key in their place.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { replaceFile } from '../audit/durable-file.ts';
import { findKeyFile, makeKeyFolder } from '../audit/key-files.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { seal, unseal } from '../lib/seal.ts';
import type { EndpointKeys } from '../protocols/protocol.ts';

export interface SshKeys {
  /** Private key of an endpoint, as text. Throws GatewayError STATE_DIR or STORE_KEY. */
  hostKey(endpoint: string, create: () => string): string;
  findUpstreamKey(endpoint: string, upstream: string): string | null;
  keepUpstreamKey(endpoint: string, upstream: string, key: string): void;
}

export interface SshKeysParts {
  readonly stateDir: string;
  readonly storeKey: Buffer;
}

/** Reads keys when they are first asked for. */
export function createSshKeys({ stateDir, storeKey }: SshKeysParts): SshKeys {
  const folder = join(stateDir, 'keys');
  const known = new Map<string, string>();
  const read = (name: string): string | null => {
    const found = known.get(name);
    if (found !== undefined) {
      return found;
    }
    const path = join(folder, name);
    const sealed = findKeyFile(path);
    if (sealed === null) {
      return null;
    }
    const plain = unseal(storeKey, sealed, `keys/${name}`);
    if (plain === null) {
      const fix = 'give the store key it was sealed with, or move the file away to start with a new key';
      throw new GatewayError('STORE_KEY', 'operator', `${path} does not open with this store key; ${fix}`);
    }
    const text = plain.toString('utf8');
    known.set(name, text);
    return text;
  };
  const write = (name: string, text: string): void => {
    try {
      makeKeyFolder(folder);
      replaceFile(join(folder, name), seal(storeKey, Buffer.from(text, 'utf8'), `keys/${name}`));
    } catch (error) {
      throw new GatewayError('STATE_DIR', 'operator', `cannot keep a key in ${folder}: ${messageOf(error)}`);
    }
    known.set(name, text);
  };
  return {
    hostKey(endpoint, create) {
      const name = fileName('ssh-host', endpoint);
      const found = read(name);
      if (found !== null) {
        return found;
      }
      const made = create();
      write(name, made);
      return made;
    },
    findUpstreamKey: (endpoint, upstream) => read(fileName('ssh-upstream', `${endpoint}\n${upstream}`)),
    keepUpstreamKey: (endpoint, upstream, key) => write(fileName('ssh-upstream', `${endpoint}\n${upstream}`), key),
  };
}

/** The keys of one endpoint, as its protocol sees them. */
export function endpointKeys(keys: SshKeys, endpoint: string): EndpointKeys {
  return {
    hostKey: (create) => keys.hostKey(endpoint, create),
    findUpstreamKey: (upstream) => keys.findUpstreamKey(endpoint, upstream),
    keepUpstreamKey: (upstream, key) => keys.keepUpstreamKey(endpoint, upstream, key),
  };
}

/** Names are made of a digest: what operators call an endpoint need not fit a file system. The seal ties the content to the name. */
function fileName(kind: string, of: string): string {
  return `${kind}-${createHash('sha256').update(of).digest('hex').slice(0, 32)}.key`;
}
