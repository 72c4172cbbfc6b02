// Who comes through a listener: nobody proves anything there, so the listener itself is the device.
import type { Socket } from 'node:net';
import type { Agent } from '../../rules/action.ts';
import { canonicalIp } from '../dialling/addresses.ts';

/** The agent behind a socket that a listener has accepted. To be made at accept: a closed socket no longer knows its address (""). */
export function describeDirectAgent(socket: Socket, device: string, profile: string): Agent {
  return { device, profile, run: '', user: '', ip: canonicalIp(socket.remoteAddress), transport: 'direct' };
}
