// What devices send that nothing here could take (no TCP, or TCP to what nobody declared) is refused by the kernel; here it is heard of and recorded.
import { Worker } from 'node:worker_threads';
import { createEvent } from '../../audit/event.ts';
import { formatHostPort } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { visible } from '../../lib/text.ts';
import type { Agent } from '../../rules/action.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { Recorder } from '../judging/recorder.ts';
import type { Destination } from './arrivals.ts';
import type { RefusedPacket } from './packet-log.ts';

export interface RefusedPacketsParts {
  /** Group of the kernel's log that the rules write to. */
  readonly group: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly logger: Logger;
  /** What carries these packets. */
  readonly transport: Agent['transport'];
  readonly identify: (ip: string) => Agent | null;
  /** As in `Transport`. */
  readonly meet?: (ip: string) => Promise<void> | null;
  readonly destinationOf: (ip: string) => Destination;
}

/** Ends with the gateway; a log that cannot be had is told, and changes nothing about what is refused. */
export interface RefusedPackets {
  close(): Promise<void>;
}

// The compiler rewrites the extension in import statements only, so the entry is named after the file that runs: `.js` as built.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const THREAD = new URL(`./packet-log-thread.${EXTENSION}`, import.meta.url);

export function followRefusedPackets(parts: RefusedPacketsParts): RefusedPackets {
  const thread = new Worker(THREAD, { workerData: parts.group, execArgv: [] });
  const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  thread.on('message', (packets: readonly RefusedPacket[]) => {
    for (const packet of packets) {
      const meeting = parts.meet?.(packet.source) ?? null;
      if (meeting === null) {
        recordPacket(packet, parts);
      } else {
        // Owned: it never rejects.
        void meeting.then(() => recordPacket(packet, parts));
      }
    }
  });
  thread.on('error', (error) =>
    parts.logger.warn({ err: error }, 'refused UDP and ICMP of devices is not recorded; it is refused all the same'),
  );
  return {
    async close() {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- of a thread, not of a window
      thread.postMessage('end');
      await ended;
    },
  };
}

function recordPacket(
  { protocol, protocolNumber, source, destination, port }: RefusedPacket,
  parts: RefusedPacketsParts,
): void {
  const agent = parts.identify(source);
  const at = parts.destinationOf(destination);
  const host = at.kind === 'name' ? at.name : destination;
  const where = port === null ? host : formatHostPort(host, port);
  const what = protocol === 'other' ? `protocol ${protocolNumber}` : protocol;
  const [cause, reason] =
    agent === null ? describeStranger(source) : describeRefusal(agent, { where, protocol, port, what });
  parts.metrics.refused(cause);
  parts.recorder.record(
    createEvent('connection.refused', parts.clock.now(), {
      agent: agent ?? { device: '', profile: '', run: '', user: '', ip: source, transport: parts.transport },
      verdict: 'deny',
      reason: visible(reason),
      data: { cause, dialled: where, protocol: what },
    }),
  );
}

/** Cause and reason. */
type Refusal = readonly [string, string];

function describeStranger(source: string): Refusal {
  return ['device', `${source} is no device's address, or its device has no profile`];
}

function describeRefusal(
  { profile }: Agent,
  {
    where,
    protocol,
    port,
    what,
  }: Pick<RefusedPacket, 'protocol' | 'port'> & { readonly where: string; readonly what: string },
): Refusal {
  // TCP that was refused is TCP that no endpoint of any profile could claim.
  if (protocol === 'tcp') {
    return ['destination', `no endpoint of profile ${profile} claims ${where}`];
  }
  return ['packet', protocol === 'udp' && port === 443 ? 'QUIC is not carried; TCP is' : `${what} is not carried`];
}
