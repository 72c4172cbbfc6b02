// Routing a whole machine, from the plan to the word of the person who keeps it.
import { randomUUID } from 'node:crypto';
import { findPrivateKey } from '../device-files.ts';
import type { DevicePaths } from '../device-files.ts';
import { openJournal } from './journal.ts';
import type { Journal, JournalFile, Word } from './journal.ts';
import { answersThroughTunnel, hasInterface, makeMachine } from './make.ts';
import { completeNames } from './names.ts';
import type { MachinePlan } from './plan.ts';
import { MachineError, readInbound, readOwnAddresses } from './prepare.ts';
import type { MachineSystem } from './system.ts';
import { undoMachine, undoSteps } from './undo.ts';
import type { UnitParts } from './unit.ts';

// The compiler rewrites the extension in import statements only, so the entry is named after the file that runs: `.js` as built.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const GUARD = new URL(`./guard.${EXTENSION}`, import.meta.url);

/** How long making it may take, before the time to keep it begins. */
const MAKING_MS = 60_000;
const RESUMES = 3;
const RESUME_AFTER_MS = 1_000;

export interface RouteParts {
  readonly paths: DevicePaths;
  readonly system: MachineSystem;
  readonly unit: UnitParts;
}

/** What is in force on this machine, or null. Throws Error when the journal makes no sense. */
export function findMachine(paths: DevicePaths): { readonly journal: Journal; readonly decided: Word | null } | null {
  const file = openJournal(paths.caDir);
  const journal = file.read();
  return journal === null ? null : { journal, decided: file.decided() };
}

/**
 * Routes the machine; from `rollbackAfterMs` after it was made it is undone, unless `keepMachine` was called. Rejects with MachineError or
 * GatewayError, and has undone everything then; what it could not undo is in the message.
 */
export async function routeMachine(
  plan: MachinePlan,
  rollbackAfterMs: number,
  { paths, system, unit }: RouteParts,
): Promise<void> {
  const file = openJournal(paths.caDir);
  const privateKey = readKey(paths);
  file.reopen();
  const journal = startJournal(plan, system.uptimeMs() + MAKING_MS + rollbackAfterMs, system);
  file.write(journal);
  startGuard(paths, journal, system);
  try {
    await makeMachine({ journal, privateKey, file, system, unit });
    if (!(await answersThroughTunnel(plan.resolver))) {
      throw new MachineError('the gateway does not answer through the tunnel; is its UDP port reachable from here?');
    }
    const made = readStanding(file);
    await completeNames(file, made, system);
    file.write({ ...readStanding(file), deadlineMs: system.uptimeMs() + rollbackAfterMs });
  } catch (error) {
    const troubles = await undoMachine(file, system);
    const rest = troubles.length === 0 ? 'everything is as it was' : `left: ${troubles.join('; ')}`;
    throw new MachineError(`${error instanceof Error ? error.message : String(error)}; ${rest}`, { cause: error });
  }
}

function readStanding(file: JournalFile): Journal {
  const made = file.read();
  if (made === null || file.decided() === 'undone') {
    throw new MachineError('it was undone before it was done');
  }
  return made;
}

/** Keeps what was made. Gives what holds: `undone` when it is too late. */
export function keepMachine(paths: DevicePaths): Word {
  return openJournal(paths.caDir).decide('kept');
}

/** Undoes everything, and gives what could not be. Never rejects. */
export function unrouteMachine(paths: DevicePaths, system: MachineSystem): Promise<readonly string[]> {
  return undoMachine(openJournal(paths.caDir), system);
}

/**
 * After a start of the system, or when something was lost: makes anew what was kept, but for the names: those are the guard's, since nobody may
 * answer any yet. What was not kept is undone: false. If it fails, the way out stays closed. Rejects with MachineError or GatewayError.
 */
export async function resumeMachine({ paths, system, unit }: RouteParts): Promise<boolean> {
  const file = openJournal(paths.caDir);
  const journal = file.read();
  if (journal === null) {
    throw new MachineError('this machine is not routed through the tunnel: clawpatrol join --whole-machine');
  }
  if (file.decided() !== 'kept') {
    const troubles = await undoMachine(file, system);
    if (troubles.length > 0) {
      throw new MachineError(`nobody has kept it in time; left: ${troubles.join('; ')}`);
    }
    return false;
  }
  // Before the network is up it has no addresses yet: those of before are most often those of after.
  const { interfaceName } = journal.plan;
  const own = [...new Set([...journal.plan.own, ...(await readOwnAddresses(system, interfaceName))])];
  const plan = { ...journal.plan, own, inbound: readInbound(undefined, system) };
  const next = startJournal(plan, 0, system);
  // From here on it is ours: a guard of before ends, but may be making the interface at this moment.
  file.write({ ...next, steps: journal.steps });
  const privateKey = readKey(paths);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await undoButFence(file.read() ?? journal, system);
      await makeMachine({ journal: next, privateKey, file, system, unit });
      break;
    } catch (error) {
      if (attempt === RESUMES) {
        throw error;
      }
      await system.sleep(RESUME_AFTER_MS);
    }
  }
  startGuard(paths, next, system);
  return true;
}

/** What is made twice would be there twice. The fence is replaced in one piece, and the unit is what runs us. */
async function undoButFence({ steps }: Journal, system: MachineSystem): Promise<void> {
  const others = steps.filter(({ kind }) => kind !== 'firewall' && kind !== 'unit');
  const troubles = await undoSteps(others, system);
  if (troubles.length > 0) {
    throw new MachineError(`what is left of before cannot be undone: ${troubles.join('; ')}`);
  }
}

function startJournal(plan: MachinePlan, deadlineMs: number, system: MachineSystem): Journal {
  return { version: 1, boot: system.bootId(), deadlineMs, guard: randomUUID(), plan, steps: [] };
}

/** Whether the interface is there. */
export function isUp({ plan }: Journal, system: MachineSystem): boolean {
  return hasInterface(plan.interfaceName, system);
}

function startGuard({ caDir, stateDir }: DevicePaths, { guard }: Journal, system: MachineSystem): void {
  system.startDetached(process.execPath, [GUARD.pathname, caDir, stateDir, guard], {});
}

function readKey(paths: DevicePaths): string {
  const key = findPrivateKey(paths);
  if (key === null) {
    throw new MachineError('the key of this machine is gone; leave, and join again');
  }
  return key.reveal();
}
