// Finds out how a machine that has joined stands: its files, its routing, and what the gateway says of it.
import { readWireguardDump } from '../devices/wireguard.ts';
import { readCa, readDevice, readToken } from './device-files.ts';
import type { DevicePaths, DeviceRecord } from './device-files.ts';
import { fieldOf, textOf } from '../lib/fields.ts';
import type { DeviceView, GatewayAnswer, GatewayView, MachineView } from './device-health.ts';
import { createGatewayLink, parseGatewayUrl } from './gateway-link.ts';
import { LinkError } from './link-answer.ts';
import { findMachine, isUp } from './machine/machine.ts';
import { numbersOf } from './machine/plan.ts';
import type { MachineSystem } from './machine/system.ts';
import { findTrust } from './trust.ts';

/** Null: it has not joined. Rejects with Error when its files make no sense. */
export async function lookAtDevice(
  paths: DevicePaths,
  system: MachineSystem,
  nowMs: number,
): Promise<DeviceView | null> {
  const record = readDevice(paths);
  if (record === null) {
    return null;
  }
  const machine = findMachine(paths);
  return {
    record,
    answer: await askGateway(paths, record, machine?.journal.plan.enrol.ip ?? null),
    machine: machine === null ? null : await lookAtMachine(machine, system),
    trust: findTrust(readCa(paths)),
    nowMs,
  };
}

async function askGateway(
  paths: DevicePaths,
  { gateway }: DeviceRecord,
  address: string | null,
): Promise<GatewayAnswer> {
  try {
    const link = createGatewayLink(parseGatewayUrl(gateway.url), readCa(paths), address);
    return { kind: 'answered', view: readView(await link.get('/api/device/status', readToken(paths))) };
  } catch (error) {
    if (error instanceof LinkError) {
      return { kind: error.status === 0 ? 'unreachable' : 'refused', message: error.message };
    }
    throw error;
  }
}

function readView(answer: unknown): GatewayView {
  const heard = fieldOf(answer, 'last_heard');
  try {
    return {
      profile: textOf(fieldOf(answer, 'device'), 'profile'),
      profileExists: fieldOf(answer, 'profile_exists') === true,
      revision: textOf(answer, 'revision'),
      pending: Number(fieldOf(answer, 'pending')),
      lastHeardMs: typeof heard === 'string' ? Date.parse(heard) : null,
      nowMs: Date.parse(textOf(answer, 'now')),
    };
  } catch (error) {
    throw new LinkError(0, 'the gateway answered something that this version does not understand', { cause: error });
  }
}

async function lookAtMachine(
  { journal, decided }: NonNullable<ReturnType<typeof findMachine>>,
  system: MachineSystem,
): Promise<MachineView> {
  const { interfaceName } = journal.plan;
  const { ruleTable } = numbersOf(interfaceName);
  // Only root may ask these two.
  const tables = await system.run('nft', ['list', 'tables']).catch(() => null);
  const dump = await system.run('wg', ['show', interfaceName, 'dump']).catch(() => '');
  return {
    interfaceName,
    kept: decided === 'kept',
    isUp: isUp(journal, system),
    fenced: tables === null ? null : tables.split('\n').includes(`table inet ${ruleTable}`),
    lastHandshakeMs: readWireguardDump(dump)[0]?.lastHandshakeMs ?? null,
  };
}
