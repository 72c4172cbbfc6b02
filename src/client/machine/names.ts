// How the machine's programs come to ask the gateway for names. Whatever resolver they ask, the tunnel leads to it; this makes them ask over the
// tunnel at all, where they would ask a cache or a resolver of the machine. Nothing of the system's own files is written to: a file of ours is
// laid over, so that a restart of the system alone brings the old one back.
//
// When a system starts, whoever answers names may come later than we do, and so may the file that its /etc/resolv.conf leads to: what is missing
// is made when it can be. Until then questions reach the gateway all the same, since the tunnel takes them whatever resolver they are for.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Journal, JournalFile, Step } from './journal.ts';
import type { MachinePlan } from './plan.ts';
import type { MachineSystem } from './system.ts';
import { undoStep } from './undo.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** Of systemd-resolved: the address at which it answers the machine itself. */
const STUB = /^nameserver\s+127\.0\.0\.5[34]\s*$/m;
const SOURCE = 'whole-machine.resolv.conf';

/**
 * Makes what is still missing, with a word in the journal before each. Gives what was made. Rejects with GatewayError; the step that failed is
 * undone then, and nobody's any more.
 */
export async function completeNames(
  file: JournalFile,
  journal: Journal,
  system: MachineSystem,
): Promise<readonly Step[]> {
  const made: Step[] = [];
  const write = (): void => file.write({ ...journal, steps: [...journal.steps, ...made] });
  for (const step of missingNames(journal, file.folder, system)) {
    made.push(step);
    write();
    try {
      await makeNames(step, journal.plan, system);
    } catch (error) {
      await undoStep(step, system);
      made.pop();
      write();
      throw error;
    }
  }
  return made;
}

function missingNames({ plan, steps }: Journal, folder: string, system: MachineSystem): readonly Step[] {
  // What resolved was told it keeps, also over a restart of its own, during which it must not be taken for gone.
  return steps.some(({ kind }) => kind === 'resolved')
    ? []
    : planNames(plan, folder, system).filter((wanted) => !steps.some((step) => isSame(step, wanted)));
}

function isSame(one: Step, other: Step): boolean {
  return one.kind === other.kind && 'path' in one && 'path' in other && one.path === other.path;
}

/** What there is to do, in order. `folder`: where a file of ours may lie. */
function planNames(plan: MachinePlan, folder: string, system: MachineSystem): readonly Step[] {
  const now = system.readText(RESOLV_CONF);
  const steps: Step[] = [];
  const resolved = system.exists('/run/systemd/resolve/io.systemd.Resolve');
  if (now === null) {
    // A link that leads nowhere yet is for whoever will write that file.
    if (!system.isLink(RESOLV_CONF)) {
      steps.push({ kind: 'file', path: RESOLV_CONF, text: textOf(plan) });
    }
  } else if (!resolved || !STUB.test(now)) {
    steps.push({ kind: 'cover', path: realPath(RESOLV_CONF), source: join(folder, SOURCE) });
  }
  // The last one: with it the names are done.
  if (resolved) {
    steps.push({ kind: 'resolved', name: plan.interfaceName });
  }
  return steps;
}

/** Does one of those steps. Rejects with GatewayError. */
async function makeNames(step: Step, plan: MachinePlan, system: MachineSystem): Promise<void> {
  switch (step.kind) {
    case 'resolved':
      for (const args of [
        ['dns', step.name, plan.resolver],
        // Every name is asked here, and nothing of another link's is.
        ['domain', step.name, '~.'],
        ['default-route', step.name, 'yes'],
        // The gateway's answers for declared names are its own: no zone has signed them.
        ['dnssec', step.name, 'no'],
        ['dnsovertls', step.name, 'no'],
        ['llmnr', step.name, 'no'],
        ['mdns', step.name, 'no'],
        ['flush-caches'],
      ]) {
        await system.run('resolvectl', args);
      }
      return;
    case 'cover':
      system.writeText(step.source, textOf(plan), 0o644);
      await system.run('mount', ['--bind', step.source, step.path]);
      return;
    case 'file':
      system.writeText(step.path, step.text, 0o644);
      return;
    case 'setting':
    case 'firewall':
    case 'route':
    case 'rule':
    case 'link':
    case 'unit':
      throw new RangeError(`${step.kind} has nothing to do with names`);
  }
}

function textOf({ resolver }: MachinePlan): string {
  return `# Written by clawpatrol join --whole-machine; clawpatrol leave takes it away.\nnameserver ${resolver}\noptions timeout:2 attempts:2\n`;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
