// What is inside of every tunnel, whatever carries it: virtual addresses, answers about names, and the listeners that take connections to any
// destination. Who asks or dials is told by the transport.
import type { Socket } from 'node:net';
import { createEvent } from '../../audit/event.ts';
import { parseCidr } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError } from '../../lib/errors.ts';
import { visible } from '../../lib/text.ts';
import type { Agent } from '../../rules/action.ts';
import { isGlobalV6 } from '../dialling/addresses.ts';
import { readLocalAddresses } from '../dialling/dial.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { readOwnAddresses } from '../dialling/own-addresses.ts';
import type { Recorder } from '../judging/recorder.ts';
import { createShut } from '../arriving/undeclared.ts';
import type { Destination } from './arrivals.ts';
import { createNames } from './names.ts';
import type { AnswerQuestion } from './names.ts';
import { createOtherNames } from './other-names.ts';
import type { OtherNames } from './other-names.ts';
import type { TunnelPorts } from './ruleset.ts';
import { openAssignedNames } from './stored.ts';
import { openTransparentListener } from './transparent.ts';
import type { TransparentListener } from './transparent.ts';
import { VirtualAddresses } from './virtual-addresses.ts';

export interface InsideParts {
  readonly clock: Clock;
  readonly stateDir: string;
  readonly live: () => Live;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly logger: Logger;
  /** Whether an address is one of agents. */
  readonly isInside: (ip: string) => boolean;
}

export interface Inside {
  /** Of the transparent listeners, once open. */
  readonly ports: Pick<TunnelPorts, 'tcp4' | 'tcp6'>;
  /** The answer to a question of that agent. */
  readonly answer: AnswerQuestion;
  destinationOf(ip: string): Destination;
  /** As in `TunnelView`. */
  askedNameOf(agent: Agent, ip: string): string;
  /** A question that was refused. */
  refuseName(agent: Agent, name: string, why: string): void;
  /** Listens; connections go to `onSocket`. Rejects with GatewayError. */
  open(onSocket: (socket: Socket) => void): Promise<void>;
  close(): void;
}

/** Throws GatewayError STORE_FAILED. */
export function createInside(parts: InsideParts): Inside {
  return new OpenInside(parts);
}

class OpenInside implements Inside {
  ports: Inside['ports'] = { tcp4: 0, tcp6: 0 };
  readonly answer: AnswerQuestion;
  readonly #parts: InsideParts;
  readonly #addresses: VirtualAddresses;
  readonly #others: OtherNames;
  #listeners: TransparentListener[] = [];

  constructor(parts: InsideParts) {
    this.#parts = parts;
    const { clock, live, logger } = parts;
    const [v4, v6] = live().config.gateway.vipSubnets.map(parseCidr);
    if (v4 === undefined || v4 === null || v6 === undefined || v6 === null) {
      throw new GatewayError('INTERNAL', 'gateway', 'vip_subnets were not checked');
    }
    this.#others = createOtherNames({
      clock,
      resolver: () => live().config.gateway.resolver,
      findShut: () => createShut(live().config, readOwnAddresses(live().config)),
      reachesV6: () => [...readLocalAddresses()].some((ip) => isGlobalV6(ip) && !parts.isInside(ip)),
    });
    const stored = openAssignedNames(parts.stateDir);
    this.#addresses = new VirtualAddresses({
      v4,
      v6,
      saved: stored.saved,
      save: (assigned): void => stored.save(assigned),
      nowMs: (): number => clock.now(),
    });
    this.answer = createNames({
      others: this.#others,
      asked: (asker, name) => this.#noteName(asker, name),
      live,
      addresses: this.#addresses,
      refused: (asker, name, why) => this.refuseName(asker, name, why),
      failed: (error) => logger.error({ err: error }, 'a virtual address could not be given'),
    });
  }

  destinationOf(ip: string): Destination {
    const found = this.#addresses.find(ip);
    return found.kind === 'name' ? found : { kind: found.kind };
  }

  askedNameOf({ device }: Agent, ip: string): string {
    return this.#others.nameOf(device, ip);
  }

  async open(onSocket: (socket: Socket) => void): Promise<void> {
    const ports: number[] = [];
    for (const host of ['127.0.0.1', '::1'] as const) {
      const listener = await openTransparentListener({
        host,
        onSocket,
        onError: (error) => this.#parts.logger.error({ err: error }, 'no connection of the tunnel could be accepted'),
      });
      this.#listeners.push(listener);
      ports.push(listener.port);
    }
    this.ports = { tcp4: ports[0] ?? 0, tcp6: ports[1] ?? 0 };
  }

  close(): void {
    this.#listeners.forEach((listener) => listener.close());
    this.#listeners = [];
  }

  refuseName(agent: Agent, name: string, why: string): void {
    const { clock, metrics, recorder } = this.#parts;
    metrics.refused('name');
    recorder.record(
      createEvent('connection.refused', clock.now(), {
        agent,
        verdict: 'deny',
        reason: visible(`${name === '' ? 'a question about names' : name}: ${why}`),
        data: { cause: 'name', dialled: name },
      }),
    );
  }

  /** Names carry data too: what leaves the gateway is on record. */
  #noteName(agent: Agent, name: string): void {
    const { clock, metrics, recorder } = this.#parts;
    metrics.noticed('name');
    recorder.record(
      createEvent('connection.noticed', clock.now(), {
        agent,
        reason: visible(`${name}: asked of the gateway's resolver`),
        data: { cause: 'name', dialled: name },
      }),
    );
  }
}
