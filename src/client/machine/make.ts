// Routes the machine through the tunnel. The way out is closed before the tunnel is there, so that no packet takes the old one in between; each
// step is in the journal before it is done.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { listRules } from '../../devices/routing-rules.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Journal, JournalFile, Step } from './journal.ts';
import { ALIAS, closedRoutesOf, numbersOf, openLines, rulesOf, wireguardText } from './plan.ts';
import type { IpVersion, MachinePlan } from './plan.ts';
import { MachineError } from './prepare.ts';
import { writeMachineRules } from './ruleset.ts';
import type { MachineSystem } from './system.ts';
import { SYSTEMD_RUNS, UNIT_STEP, unitText } from './unit.ts';
import type { UnitParts } from './unit.ts';

/** Lets marked answers pass the check of their sender's route (ip-sysctl). */
const MARK_COUNTS = '/proc/sys/net/ipv4/conf/all/src_valid_mark';
const INTERFACE_MS = 15_000;
const POLL_MS = 20;
/** Until the gateway has answered through the tunnel. */
const READY_MS = 15_000;
const ASK_EVERY_MS = 250;

export interface MakeParts {
  /** Without steps: what is made goes into it. */
  readonly journal: Journal;
  readonly privateKey: string;
  readonly file: JournalFile;
  readonly system: MachineSystem;
  readonly unit: UnitParts;
}

/** Makes everything but the names. Rejects with MachineError or GatewayError; the journal then says what there is to undo. */
export async function makeMachine(parts: MakeParts): Promise<void> {
  const { journal, file, system, unit, privateKey } = parts;
  const { plan } = journal;
  const { ruleTable } = numbersOf(plan.interfaceName);
  const steps: Step[] = [];
  const begin = async (step: Step, act: () => unknown): Promise<void> => {
    if (file.decided() === 'undone') {
      throw new MachineError('it was undone before it was done');
    }
    steps.push(step);
    file.write({ ...journal, steps });
    await act();
  };
  if (system.exists(SYSTEMD_RUNS)) {
    await begin(UNIT_STEP, () => enableUnit(unit, system));
  }
  const before = system.readText(MARK_COUNTS);
  if (before !== null && before.trim() !== '1') {
    await begin({ kind: 'setting', path: MARK_COUNTS, before, written: '1\n' }, () =>
      system.writeText(MARK_COUNTS, '1\n', 0o644),
    );
  }
  await begin({ kind: 'firewall', table: ruleTable }, () => system.run('nft', ['-f', '-'], writeMachineRules(plan)));
  for (const line of closedRoutesOf(plan)) {
    await begin({ kind: 'route', line }, () => system.run('ip', [line.version, 'route', 'add', ...line.words]));
  }
  for (const line of rulesOf(plan)) {
    await begin({ kind: 'rule', line }, () => system.run('ip', [line.version, 'rule', 'add', ...line.words]));
  }
  await begin({ kind: 'link', name: plan.interfaceName }, () => makeLink(plan, privateKey, system));
}

async function enableUnit(unit: UnitParts, system: MachineSystem): Promise<void> {
  system.writeText(UNIT_STEP.path, unitText(unit), 0o644);
  await system.run('systemctl', ['daemon-reload']);
  await system.run('systemctl', ['enable', UNIT_STEP.name]);
}

/** The interface, with its addresses and the way through it. Rejects with MachineError or GatewayError. */
export async function makeLink(plan: MachinePlan, privateKey: string, system: MachineSystem): Promise<void> {
  const { interfaceName } = plan;
  await createLink(interfaceName, system);
  await system.run('ip', ['link', 'set', 'dev', interfaceName, 'alias', ALIAS]);
  await system.run('wg', ['setconf', interfaceName, '/dev/stdin'], wireguardText(plan, privateKey));
  await system.run('ip', ['-batch', '-'], openLines(plan));
}

/**
 * Puts back the ways that somebody has taken away, and says whether there was any: systemd-networkd removes all routing rules and routes that it
 * did not make whenever it is told to configure a link anew. The fence has let nothing out meanwhile. Rejects with GatewayError.
 */
export async function repairWays(plan: MachinePlan, system: MachineSystem): Promise<boolean> {
  const lost = await Promise.all(
    (['-4', '-6'] as const).map(async (version) => {
      const wanted = rulesOf(plan).filter((line) => line.version === version).length;
      return wanted > 0 && (await countOurs(version, plan, system)) < wanted;
    }),
  );
  if (!lost.includes(true)) {
    return false;
  }
  for (const line of closedRoutesOf(plan)) {
    await unlessThere(system.run('ip', [line.version, 'route', 'add', ...line.words]));
  }
  for (const line of rulesOf(plan)) {
    await unlessThere(system.run('ip', [line.version, 'rule', 'add', ...line.words]));
  }
  return true;
}

async function countOurs(version: IpVersion, plan: MachinePlan, { run }: MachineSystem): Promise<number> {
  const ours = [plan.priority, plan.priority + 1];
  return (await listRules(version, run)).filter(({ priority }) => ours.includes(priority)).length;
}

async function unlessThere(command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (!/File exists/i.test(messageOf(error))) {
      throw error;
    }
  }
}

async function createLink(interfaceName: string, system: MachineSystem): Promise<void> {
  try {
    await system.run('ip', ['link', 'add', 'dev', interfaceName, 'type', 'wireguard']);
    return;
  } catch (error) {
    if (!/unknown device type|not supported/i.test(messageOf(error))) {
      throw error;
    }
  }
  // This kernel has no WireGuard. The program that stands in for it must outlive us and our terminal.
  system.startDetached('wireguard-go', ['--foreground', interfaceName], {});
  const endMs = system.uptimeMs() + INTERFACE_MS;
  // The interface is there a moment before the program hears what it is told.
  while (!hasInterface(interfaceName, system) || !(await takesOrders(interfaceName, system))) {
    if (system.uptimeMs() > endMs) {
      throw new MachineError('wireguard-go made no interface; is it installed, and is /dev/net/tun there?');
    }
    await system.sleep(POLL_MS);
  }
}

/** Whether `wg` reaches what carries the interface. */
function takesOrders(interfaceName: string, { run }: MachineSystem): Promise<boolean> {
  return run('wg', ['show', interfaceName, 'public-key']).then(
    () => true,
    () => false,
  );
}

/** Whether the interface is there, seen from this process. */
export function hasInterface(interfaceName: string, system: Pick<MachineSystem, 'readText'>): boolean {
  const lines = (system.readText('/proc/net/dev') ?? '').split('\n');
  return lines.some((line) => line.trim().startsWith(`${interfaceName}:`));
}

/** Asks the gateway for its own name, as any program would, until it answers or the time is over. */
export async function answersThroughTunnel(resolver: string, limitMs: number = READY_MS): Promise<boolean> {
  // clawpatrol.internal, A: id 1, one question.
  const question = Buffer.from('0001010000010000000000000a636c6177706174726f6c08696e7465726e616c0000010001', 'hex');
  const socket = createSocket(isIPv6(resolver) ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const end = (answered: boolean): void => {
      clearInterval(again);
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    // A refusal says that the tunnel works as little as silence does: the next question may be heard.
    const ask = (): void => socket.send(question, 53, resolver, () => {});
    const again = setInterval(ask, ASK_EVERY_MS);
    const timer = setTimeout(() => end(false), limitMs);
    socket.on('error', () => {});
    socket.on('message', () => end(true));
    ask();
  });
}
