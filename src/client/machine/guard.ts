// The process that stays behind when a machine's traffic goes through the tunnel: it undoes everything unless it was kept in time, whatever became
// of the command that began it and of the terminal; and what of it goes by itself, or by others, it makes anew.
// node guard.js FOLDER_OF_THE_JOURNAL FOLDER_OF_THE_KEY ITS_NAME
import { findPrivateKey } from '../device-files.ts';
import type { Journal } from './journal.ts';
import { openJournal } from './journal.ts';
import { hasInterface, makeLink, repairWays } from './make.ts';
import { completeNames } from './names.ts';
import type { MachinePlan } from './plan.ts';
import { createMachineSystem } from './system.ts';
import { undoMachine, undoStep, undoSteps } from './undo.ts';

const LOOK_EVERY_MS = 250;
const KEEP_EVERY_MS = 2_000;
/** In rounds of that: looking at rules and routes starts a program. */
const WAYS_EVERY = 3;

const [folder = '', stateDir = '', name = ''] = process.argv.slice(2);
const system = createMachineSystem();
const file = openJournal(folder);

// The terminal that it was begun from may go; so may whoever sits there.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGUSR1'] as const) {
  process.on(signal, () => {});
}

/** What is in force, or null when there is nothing to guard any more. */
function readOwn(): Journal | null {
  const journal = file.read();
  return journal !== null && journal.guard === name ? journal : null;
}

/** True: it was kept. */
async function guard(): Promise<boolean> {
  for (let journal = readOwn(); journal !== null; journal = readOwn()) {
    if (file.decided() === 'kept') {
      return true;
    }
    if (system.uptimeMs() >= journal.deadlineMs) {
      if (file.decide('undone') === 'kept') {
        return true;
      }
      await undoMachine(file, system);
      return false;
    }
    await system.sleep(LOOK_EVERY_MS);
  }
  return false;
}

/**
 * Until it is undone: an interface that has gone is made anew, and so are rules and routes that others took away; names are made as soon as
 * somebody answers any. Meanwhile there is no way out.
 */
async function keep(): Promise<void> {
  for (let round = 0; ; round += 1) {
    const journal = readOwn();
    if (journal === null || file.decided() !== 'kept') {
      return;
    }
    // What cannot be made now can be later.
    await look(journal, round % WAYS_EVERY === 0).catch(() => undefined);
    await system.sleep(KEEP_EVERY_MS);
  }
}

async function look(journal: Journal, alsoWays: boolean): Promise<void> {
  const { plan } = journal;
  if (!hasInterface(plan.interfaceName, system)) {
    await remake(plan);
    // What resolved was told of the interface went with it.
    await completeNamesOf({ ...journal, steps: journal.steps.filter(({ kind }) => kind !== 'resolved') });
    return;
  }
  if (alsoWays && (await repairWays(plan, system)) && file.decided() !== 'kept') {
    await undoSteps(
      journal.steps.filter(({ kind }) => kind === 'rule' || kind === 'route'),
      system,
    );
  }
  await completeNamesOf(journal);
}

async function remake(plan: MachinePlan): Promise<void> {
  const key = findPrivateKey({ stateDir });
  if (key !== null) {
    await makeLink(plan, key.reveal(), system);
  }
  if (file.read() === null || file.decided() !== 'kept') {
    await undoStep({ kind: 'link', name: plan.interfaceName }, system);
  }
}

/** Whoever undoes it meanwhile has not seen what is made here. */
async function completeNamesOf(journal: Journal): Promise<void> {
  if (readOwn() === null || file.decided() !== 'kept') {
    return;
  }
  const made = await completeNames(file, journal, system);
  if (made.length > 0 && file.decided() !== 'kept') {
    await undoSteps(made, system);
    // With no word there is no journal either, but for the one that was just written.
    if (file.decided() === null && readOwn() !== null) {
      file.remove();
    }
  }
}

if (await guard()) {
  await keep();
}
