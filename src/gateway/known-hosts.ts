// What agents' SSH clients need to know before they connect: the public half of each endpoint's host key, under the names by which it is
// reached. Also what makes host keys at first start, so that a client can be told of them before its first connection.
import type { EndpointConfig } from '../config/config.ts';
import { formatHostPort } from '../config/hosts.ts';
import { createHostKey, parsePrivateKey, publicKeyText } from '../protocols/ssh/keys.ts';
import type { SshKeys } from './ssh-keys.ts';

/** One endpoint's host key. */
export interface KnownHost {
  /** Typed reference. */
  readonly endpoint: string;
  /** As known_hosts has them: the listener's address, and the endpoint's hosts as they are dialled through a tunnel. */
  readonly names: readonly string[];
  /** `TYPE BASE64`. */
  readonly key: string;
}

export interface KnownHostsParts {
  readonly keys: SshKeys;
  /** Port that a listener has now; null = none. */
  readonly boundPort: (listenerKey: string) => number | null;
}

/** Throws GatewayError STATE_DIR or STORE_KEY. */
export function describeKnownHosts(
  endpoints: readonly EndpointConfig[],
  { keys, boundPort }: KnownHostsParts,
): readonly KnownHost[] {
  return endpoints
    .filter(({ type }) => type === 'ssh')
    .map(({ ref, listen, hosts }) => {
      const key = publicKeyText(parsePrivateKey(keys.hostKey(ref, createHostKey), null).getPublicSSH());
      const names = hosts.map(({ host, port }) => knownName(host, port));
      if (listen !== null) {
        const listenerKey =
          listen.port === 0 ? `${formatHostPort(listen.host, 0)} ${ref}` : formatHostPort(listen.host, listen.port);
        const anywhere = listen.host === '0.0.0.0' || listen.host === '::';
        names.unshift(knownName(anywhere ? '*' : listen.host, boundPort(listenerKey) ?? listen.port));
      }
      return { endpoint: ref, names: [...new Set(names)], key };
    });
}

/** Makes the host keys that are missing. Throws GatewayError STATE_DIR or STORE_KEY. */
export function makeHostKeys(endpoints: readonly EndpointConfig[], keys: SshKeys): void {
  for (const { type, ref } of endpoints) {
    if (type === 'ssh') {
      keys.hostKey(ref, createHostKey);
    }
  }
}

/** The standard port is left out (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
function knownName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}
