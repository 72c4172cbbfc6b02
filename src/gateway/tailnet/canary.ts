// Whether questions of peers that tailscaled answers as their exit node come to us: one is asked in the same way, of a name that nobody can
// know, and must arrive here. Without that, names would carry data out past everything.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError } from '../../lib/errors.ts';
import { TYPE_A, writeName } from '../tunnel/dns-message.ts';
import { RESOLVER_ADDRESS } from './settings.ts';

const DEADLINE_MS = 8_000;
const SUFFIX = '.canary.clawpatrol.invalid';

export interface Canary {
  /** For the name server: whether that is a question of ours. */
  heard(name: string): boolean;
  /** Asks through tailscaled's server for peers. Rejects with GatewayError TUNNEL_FAILED unless the question comes back. */
  fly(peerUrl: string): Promise<void>;
}

export function createCanary(clock: Clock): Canary {
  const heard = new Map<string, boolean>();
  return {
    heard(name) {
      if (!heard.has(name)) {
        return false;
      }
      heard.set(name, true);
      return true;
    },
    async fly(peerUrl) {
      const name = `${randomBytes(10).toString('hex')}${SUFFIX}`;
      heard.set(name, false);
      await askPeerServer(peerUrl, name, clock);
      const came = heard.get(name) === true;
      heard.delete(name);
      if (!came) {
        const fix = `give tailscaled a resolv.conf of its own with "nameserver ${RESOLVER_ADDRESS}" (config/tailscaled.service.d), and restart it`;
        const message = `tailscaled answers its peers' questions about names past the gateway; ${fix}`;
        throw new GatewayError('TUNNEL_FAILED', 'operator', message);
      }
    },
  };
}

/** Resolves when it has answered, or could not. What it says does not matter. */
function askPeerServer(peerUrl: string, name: string, clock: Clock): Promise<void> {
  const type = Buffer.alloc(4);
  type.writeUInt16BE(TYPE_A, 0);
  type.writeUInt16BE(1, 2);
  const question = Buffer.concat([Buffer.from('000701000001000000000000', 'hex'), writeName(name), type]);
  return new Promise((resolve) => {
    const asked = request(`${peerUrl}/dns-query`, {
      method: 'POST',
      headers: { 'content-type': 'application/dns-message', accept: 'application/dns-message' },
      agent: false,
    });
    const timer = clock.after(DEADLINE_MS, () => asked.destroy());
    asked.on('error', () => {});
    asked.on('response', (response) => response.on('error', () => {}).resume());
    asked.on('close', () => {
      timer.cancel();
      resolve();
    });
    asked.end(question);
  });
}
