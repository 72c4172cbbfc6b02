// The process that stays behind when a machine's traffic goes through the tunnel: it undoes everything unless it was kept in time, whatever became
// of the command that began it and of the terminal; and where WireGuard is a program, it starts that again when it ends.
// node guard.js FOLDER_OF_THE_JOURNAL FOLDER_OF_THE_KEY ITS_NAME
import { findPrivateKey } from '../device-files.ts';
import type { Journal } from './journal.ts';
import { openJournal } from './journal.ts';
import { hasInterface, isUserspace, makeLink } from './make.ts';
import { createMachineSystem } from './system.ts';
import { undoMachine, undoStep } from './undo.ts';

const LOOK_EVERY_MS = 250;
const KEEP_EVERY_MS = 2_000;

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

/** Until it is undone: an interface that has gone is made anew. Meanwhile there is no way out. */
async function keep(): Promise<void> {
  for (let journal = readOwn(); journal !== null && file.decided() === 'kept'; journal = readOwn()) {
    const { plan } = journal;
    const isUp = hasInterface(plan.interfaceName, system);
    if (isUp && !isUserspace(plan.interfaceName, system)) {
      // The kernel's own does not end by itself.
      return;
    }
    if (!isUp) {
      const key = findPrivateKey({ stateDir });
      if (key !== null) {
        await makeLink(plan, key.reveal(), system).catch(() => undefined);
      }
      if (file.read() === null || file.decided() !== 'kept') {
        await undoStep({ kind: 'link', name: plan.interfaceName }, system);
      }
    }
    await system.sleep(KEEP_EVERY_MS);
  }
}

if (await guard()) {
  await keep();
}
