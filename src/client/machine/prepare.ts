// Looks at the machine and plans what routes it through the tunnel. Nothing is changed.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { messageOf } from '../../lib/errors.ts';
import type { DeviceRecord } from '../device-files.ts';
import { fieldOf } from '../../lib/fields.ts';
import { parseGatewayUrl } from '../gateway-link.ts';
import { findInbound, findUdpServices, readSshConnection, unique } from './inbound.ts';
import { ALIAS, choosePriority, numbersOf } from './plan.ts';
import type { Inbound, MachinePlan, Place, V6State } from './plan.ts';
import type { MachineSystem } from './system.ts';
import { findAlias } from './undo.ts';

/** A machine that cannot be routed, or not now, with what to do. */
export class MachineError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MachineError';
  }
}

export interface PrepareMachineParts {
  readonly record: DeviceRecord;
  readonly interfaceName: string;
  /** Networks that stay reachable directly. */
  readonly direct: readonly string[];
  /** `SSH_CONNECTION`, where it is set. */
  readonly sshConnection: string | undefined;
  readonly system: MachineSystem;
}

/** Rejects with MachineError. */
export async function prepareMachine({
  record,
  interfaceName,
  direct,
  sshConnection,
  system,
}: PrepareMachineParts): Promise<MachinePlan> {
  const { resolver, tunnel, gateway, addresses } = record;
  if (resolver === null) {
    throw new MachineError('this machine joined with an older version; join again, which keeps its identity');
  }
  const { host, port } = parseGatewayUrl(gateway.url);
  const plan: MachinePlan = {
    interfaceName,
    addresses,
    resolver,
    mtu: tunnel.mtu,
    gatewayKey: tunnel.publicKey,
    outer: await resolvePlace(tunnel.endpoint),
    enrol: await resolvePlace(`${isIP(host) === 6 ? `[${host}]` : host}:${port}`),
    direct,
    inbound: readInbound(sshConnection, system),
    own: await readOwnAddresses(system, interfaceName),
    priority: await findPriority(system),
    v6: readV6(system),
    callerPorts: readCallerPorts(system),
    udpServices: findUdpServices(['/proc/net/udp', '/proc/net/udp6'].map((path) => system.readText(path) ?? '')),
  };
  await checkFree(plan, system);
  return plan;
}

/** The connections to this machine as they are now. */
export function readInbound(sshConnection: string | undefined, system: MachineSystem): readonly Inbound[] {
  const texts = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => system.readText(path) ?? '');
  const ours = readSshConnection(sshConnection);
  return unique([...findInbound(texts), ...(ours === null ? [] : [ours])]);
}

/**
 * The addresses that others can reach; those of this link alone are never routed. `tunnel`: an interface that does not count, since what comes
 * from its addresses goes through it. A guard may be making it anew at this moment.
 */
export async function readOwnAddresses(system: Pick<MachineSystem, 'run'>, tunnel: string): Promise<readonly string[]> {
  const links: unknown = JSON.parse(await system.run('ip', ['-json', 'address', 'show']));
  return (Array.isArray(links) ? links : []).flatMap((link) => {
    const infos: unknown = fieldOf(link, 'ifname') === tunnel ? [] : fieldOf(link, 'addr_info');
    return (Array.isArray(infos) ? infos : []).flatMap((info) => {
      const local = fieldOf(info, 'local');
      return typeof local === 'string' && fieldOf(info, 'scope') === 'global' ? [local] : [];
    });
  });
}

/** Names are asked once: later they would be asked of the gateway. */
async function resolvePlace(text: string): Promise<Place> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  try {
    const { address } = await lookup(host);
    return { ip: address, port: Number(match?.[3]) };
  } catch (error) {
    throw new MachineError(`the gateway's address ${text} cannot be resolved: ${messageOf(error)}`, { cause: error });
  }
}

async function findPriority(system: MachineSystem): Promise<number> {
  const taken: number[] = [];
  for (const version of readV6(system) === 'absent' ? ['-4'] : ['-4', '-6']) {
    const rules: unknown = JSON.parse(await system.run('ip', ['-json', version, 'rule', 'show']));
    for (const rule of Array.isArray(rules) ? rules : []) {
      taken.push(Number(fieldOf(rule, 'priority')));
    }
  }
  const priority = choosePriority(taken);
  if (priority === null) {
    throw new MachineError('the routing rules of this machine leave no place before them (ip rule)');
  }
  return priority;
}

function readV6(system: MachineSystem): V6State {
  const text = system.readText('/proc/sys/net/ipv6/conf/all/disable_ipv6');
  return text === null ? 'absent' : text.trim() === '0' ? 'on' : 'off';
}

function readCallerPorts(system: MachineSystem): MachinePlan['callerPorts'] {
  const [low = 32_768, high = 60_999] = (system.readText('/proc/sys/net/ipv4/ip_local_port_range') ?? '')
    .trim()
    .split(/\s+/)
    .map(Number)
    .filter((port) => port > 0);
  return { low, high };
}

/** Nothing of what we would make may be somebody's already: it could not be told apart when it is undone. */
async function checkFree(plan: MachinePlan, system: MachineSystem): Promise<void> {
  const { interfaceName } = plan;
  const { routeTable, ruleTable } = numbersOf(interfaceName);
  const choose = 'choose another name with --name, or remove it';
  const alias = await findAlias(interfaceName, system);
  if (alias !== null) {
    const whose = alias === ALIAS ? 'another home of this machine has made it' : 'it is not ours';
    throw new MachineError(`the interface ${interfaceName} exists, and ${whose}; ${choose}`);
  }
  for (const version of plan.v6 === 'absent' ? ['-4'] : ['-4', '-6']) {
    const routes = await system.run('ip', [version, 'route', 'show', 'table', routeTable]).catch(() => '');
    if (routes.trim() !== '') {
      throw new MachineError(`the routing table ${routeTable} is in use; ${choose}`);
    }
  }
  const tables = await system.run('nft', ['list', 'tables']);
  if (tables.split('\n').includes(`table inet ${ruleTable}`)) {
    throw new MachineError(`the table ${ruleTable} of nft is in use; ${choose}`);
  }
}
