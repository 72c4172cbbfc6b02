// What devices send that nothing here could take (no TCP, or TCP to what nobody declared) is refused by the kernel; here it is heard of and recorded.
import { Worker } from 'node:worker_threads';
import { createEvent } from '../../audit/event.ts';
import type { Clock } from '../../lib/clock.ts';
import { visible } from '../../lib/text.ts';
import type { Agent } from '../../rules/action.ts';
import { formatAddress } from '../dialling/addresses.ts';
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
  readonly identify: (ip: string) => Agent | null;
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
  thread.on('message', (packets: readonly RefusedPacket[]) => packets.forEach((packet) => recordPacket(packet, parts)));
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
  if (agent === null) {
    parts.metrics.refused('device');
    return;
  }
  const at = parts.destinationOf(destination);
  const host = at.kind === 'name' ? at.name : destination;
  const where = port === null ? host : formatAddress(host, port);
  const what = protocol === 'other' ? `protocol ${protocolNumber}` : protocol;
  // TCP that was refused is TCP that no endpoint of any profile could claim.
  const cause = protocol === 'tcp' ? 'destination' : 'packet';
  const reason =
    protocol === 'tcp'
      ? `no endpoint of profile ${agent.profile} claims ${where}`
      : protocol === 'udp' && port === 443
        ? 'QUIC is not carried; TCP is'
        : `${what} is not carried`;
  parts.metrics.refused(cause);
  parts.recorder.record(
    createEvent('connection.refused', parts.clock.now(), {
      agent,
      verdict: 'deny',
      reason: visible(reason),
      data: { cause, dialled: where, protocol: what },
    }),
  );
}
