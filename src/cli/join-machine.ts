// clawpatrol join --whole-machine: routes everything of this machine through the tunnel, and undoes it unless somebody says in time that it may
// stay; also `join --confirm`, which says so, and `join --resume`, which makes it anew after a restart of the system.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { DevicePaths, DeviceRecord } from '../client/device-files.ts';
import {
  findMachine,
  isUp,
  keepMachine,
  resumeMachine,
  routeMachine,
  unrouteMachine,
} from '../client/machine/machine.ts';
import type { RouteParts } from '../client/machine/machine.ts';
import { describeForeign, findForeign } from '../client/machine/own-folder.ts';
import { readNetwork } from '../client/machine/plan.ts';
import { MachineError, prepareMachine } from '../client/machine/prepare.ts';
import { createMachineSystem } from '../client/machine/system.ts';
import { SYSTEMD_RUNS } from '../client/machine/unit.ts';
import { GatewayError } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { parseDurationMs } from '../lib/units.ts';
import { CliError, EXIT, flag, textOption } from './command.ts';
import type { Call } from './command.ts';

const DEFAULT_NAME = 'clawpatrol0';
const DEFAULT_ROLLBACK = '60s';
const LOOK_EVERY_MS = 200;

/** What was asked for, checked before anything is done. */
export interface MachineWish {
  readonly interfaceName: string;
  /** 0: it is kept at once. */
  readonly rollbackAfterMs: number;
  readonly direct: readonly string[];
}

/** The wish of a call; null without `--whole-machine`. Throws CliError. */
export function readMachineWish(call: Call): MachineWish | null {
  if (!flag(call, 'wholeMachine')) {
    return null;
  }
  mustBeRoot();
  const interfaceName = textOption(call, 'name') ?? DEFAULT_NAME;
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,14}$/.test(interfaceName)) {
    throw usage('--name is the name of an interface: at most 15 letters, digits, - and _');
  }
  const rollbackAfterMs = parseDurationMs(textOption(call, 'rollbackAfter') ?? DEFAULT_ROLLBACK);
  if (rollbackAfterMs === null || rollbackAfterMs > 24 * 3_600_000) {
    throw usage('--rollback-after is a duration such as 60s; 0s keeps it at once');
  }
  const given = call.options['direct'];
  const direct = (Array.isArray(given) ? given.map(String) : []).map((text) => {
    const network = readNetwork(text);
    if (network === null) {
      throw usage(`--direct takes an address or a network such as 192.168.0.0/16, not "${text}"`);
    }
    return network;
  });
  return { interfaceName, rollbackAfterMs, direct };
}

/** Throws CliError when this machine is routed already, or others could change what root would do for it, and clears away what a start that broke off has left. */
export async function clearMachine(paths: DevicePaths): Promise<void> {
  for (const path of [paths.caDir, paths.stateDir, paths.wireguardConfig]) {
    const foreign = findForeign(path, 0);
    if (foreign !== null) {
      throw refused(describeForeign(path, foreign));
    }
  }
  const found = findMachine(paths);
  if (found === null) {
    return;
  }
  const { boot, deadlineMs } = found.journal;
  const system = createMachineSystem();
  if (found.decided === 'kept') {
    throw refused('the traffic of this machine goes through the tunnel already; clawpatrol leave undoes it');
  }
  if (found.decided === null && boot === system.bootId() && system.uptimeMs() < deadlineMs) {
    throw refused('this was begun already and waits to be kept: clawpatrol join --confirm, or leave');
  }
  const troubles = await unrouteMachine(paths, system);
  if (troubles.length > 0) {
    throw refused(`an earlier start has left what cannot be undone: ${troubles.join('; ')}`);
  }
}

/** Routes the machine, and waits for a word where somebody can give it. */
export async function joinMachine(
  call: Call,
  { paths, record, wish }: { readonly paths: DevicePaths; readonly record: DeviceRecord; readonly wish: MachineWish },
): Promise<number> {
  const parts = routeParts(call, paths);
  const plan = await failAsCli(
    prepareMachine({
      record,
      interfaceName: wish.interfaceName,
      direct: wish.direct,
      sshConnection: call.io.env['SSH_CONNECTION'],
      system: parts.system,
    }),
  );
  // Before anything is made: who interrupts that wants it undone, not us gone.
  const said = new AbortController();
  const releases = (['SIGINT', 'SIGTERM'] as const).map((name) => call.io.onSignal(name, () => said.abort('undo')));
  try {
    await failAsCli(routeMachine(plan, wish.rollbackAfterMs, parts));
    return await finish(call, { paths, parts, wish, said });
  } finally {
    releases.forEach((release) => release());
  }
}

interface Waiting {
  readonly paths: DevicePaths;
  readonly parts: RouteParts;
  readonly wish: MachineWish;
  /** Its reason is the word: `keep` or `undo`. */
  readonly said: AbortController;
}

async function finish(call: Call, waiting: Waiting): Promise<number> {
  const { paths, parts, wish, said } = waiting;
  if (said.signal.aborted) {
    return undo(waiting);
  }
  if (wish.rollbackAfterMs === 0) {
    return tellKept(call, paths, parts);
  }
  const seconds = Math.round(wish.rollbackAfterMs / 1000);
  if (call.io.stdin.isTTY !== true) {
    const text = `everything goes through the tunnel now. It is undone in ${seconds} s unless you keep it: clawpatrol join --confirm`;
    tell(call, { machine: 'waiting', interface: wish.interfaceName, seconds }, text);
    return EXIT.ok;
  }
  call.io.stderr.write(
    `Everything goes through the tunnel now. Press ENTER within ${seconds} s to keep it, Ctrl-C to undo it.\n` +
      `If this terminal is dead, do nothing: it is undone by itself. From another one: clawpatrol join --confirm\n`,
  );
  return waitForWord(call, waiting);
}

async function waitForWord(call: Call, waiting: Waiting): Promise<number> {
  const { paths, parts, said } = waiting;
  const reader = createInterface({ input: call.io.stdin, terminal: false });
  reader.once('line', () => said.abort('keep'));
  // The guard has the clock; here it is only looked what came of it.
  while (!said.signal.aborted && findMachine(paths)?.decided === null) {
    await Promise.race([call.io.sleep(LOOK_EVERY_MS), once(said.signal, 'abort')]);
  }
  reader.close();
  const word: unknown = said.signal.reason;
  if (word === 'undo') {
    return undo(waiting);
  }
  if (word !== 'keep' && findMachine(paths)?.decided !== 'kept') {
    throw refused('nobody has kept it in time; it is undone');
  }
  return tellKept(call, paths, parts);
}

async function undo({ paths, parts }: Waiting): Promise<never> {
  const troubles = await unrouteMachine(paths, parts.system);
  throw refused(troubles.length === 0 ? 'undone; everything is as it was' : `left: ${troubles.join('; ')}`);
}

/** `join --confirm`. */
export function confirmMachine(call: Call, paths: DevicePaths): number {
  const found = findMachine(paths);
  if (found === null) {
    throw refused('there is nothing to keep: it was undone, or never begun');
  }
  return tellKept(call, paths, routeParts(call, paths));
}

/** `join --resume`. */
export async function resume(call: Call, paths: DevicePaths): Promise<number> {
  mustBeRoot();
  if (!(await failAsCli(resumeMachine(routeParts(call, paths))))) {
    throw refused('nobody had kept it; it is undone');
  }
  tell(call, { machine: 'kept' }, 'everything goes through the tunnel again');
  return EXIT.ok;
}

function tellKept(call: Call, paths: DevicePaths, { system }: RouteParts): number {
  const found = findMachine(paths);
  if (found === null || keepMachine(paths) !== 'kept' || !isUp(found.journal, system)) {
    throw refused('too late: it is undone');
  }
  const survives = system.exists(SYSTEMD_RUNS);
  const after = survives
    ? 'systemd makes it anew when the system starts'
    : 'this system is not run by systemd: after a restart nothing holds the machine until root runs clawpatrol join --resume';
  tell(call, { machine: 'kept', survives_restart: survives }, `kept: everything goes through the tunnel; ${after}`);
  return EXIT.ok;
}

function tell(call: Call, object: object, line: string): void {
  if (call.out.json) {
    call.out.object(object);
  } else {
    call.out.line(visible(line));
  }
}

function routeParts({ io }: Call, paths: DevicePaths): RouteParts {
  const home = io.env['HOME'] ?? '/root';
  const main = process.argv[1] ?? '';
  return {
    paths,
    system: createMachineSystem(),
    unit: { node: process.execPath, main, home, caDir: paths.caDir },
  };
}

async function failAsCli<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof MachineError || error instanceof GatewayError ? refused(error.message) : error;
  }
}

function mustBeRoot(): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw usage('routing a whole machine takes Linux and root; clawpatrol run routes one command without it');
  }
}

function usage(message: string): CliError {
  return new CliError('usage', EXIT.usage, message);
}

function refused(message: string): CliError {
  return new CliError('refused', EXIT.no, message);
}
