// Undoes what a journal says, last step first. Each step may have been made, half made or not at all, and others may have changed it since: what
// is not ours any more stays, and is told.
import { basename } from 'node:path';
import { messageOf } from '../../lib/errors.ts';
import { ALIAS } from './plan.ts';
import type { JournalFile, Step } from './journal.ts';
import type { MachineSystem } from './system.ts';

/** What `ip` says of what is not there. */
const ABSENT =
  /No such file|No such process|No such device|Cannot find device|does not exist|FIB table does not exist/i;

/** Undoes everything and gives what could not be. The journal goes when nothing is left. Never rejects. */
export async function undoMachine(file: JournalFile, system: MachineSystem): Promise<readonly string[]> {
  const troubles: string[] = [];
  try {
    // Whoever keeps the tunnel up must not make it anew meanwhile.
    file.reopen();
    file.decide('undone');
    troubles.push(...(await undoSteps(file.read()?.steps ?? [], system)));
    if (troubles.length === 0) {
      file.remove();
    }
  } catch (error) {
    troubles.push(messageOf(error));
  }
  return troubles;
}

/** Undoes them, last first, and gives what could not be. Never rejects. */
export async function undoSteps(steps: readonly Step[], system: MachineSystem): Promise<readonly string[]> {
  const troubles: string[] = [];
  for (const step of steps.toReversed()) {
    try {
      troubles.push(...(await undoStep(step, system)));
    } catch (error) {
      troubles.push(`${describeStep(step)} is still there: ${messageOf(error)}`);
    }
  }
  return troubles;
}

/** What is left of a step, for people. Rejects when it cannot be undone. */
export async function undoStep(step: Step, system: MachineSystem): Promise<readonly string[]> {
  switch (step.kind) {
    case 'setting':
      return undoSetting(step, system);
    case 'firewall':
      // Declared first, so that deleting it works whether or not it is there.
      await system.run('nft', ['-f', '-'], `table inet ${step.table}\ndelete table inet ${step.table}\n`);
      return [];
    case 'route':
      await unlessAbsent(system.run('ip', [step.line.version, 'route', 'delete', ...step.line.words]));
      return [];
    case 'rule':
      await unlessAbsent(system.run('ip', [step.line.version, 'rule', 'delete', ...step.line.words]));
      return [];
    case 'link':
      return undoLink(step.name, system);
    case 'resolved':
      // What was said of the interface goes with it; this is for the answers that were kept.
      await system.run('resolvectl', ['flush-caches']).catch(() => '');
      return [];
    case 'cover':
      return uncover(step, system);
    case 'file':
      return undoFile(step, system);
    case 'unit':
      if (system.exists(step.path)) {
        await system.run('systemctl', ['disable', step.name]);
        system.remove(step.path);
        await system.run('systemctl', ['daemon-reload']);
      }
      return [];
  }
}

function undoSetting(
  { path, before, written }: Extract<Step, { kind: 'setting' }>,
  system: MachineSystem,
): readonly string[] {
  const now = system.readText(path);
  if (now === before || now === null) {
    return [];
  }
  if (now.trim() !== written.trim()) {
    return [`${path} was ${before.trim()}, and somebody else has made it ${now.trim()} since`];
  }
  system.writeText(path, before, 0o644);
  return [];
}

async function undoLink(name: string, system: MachineSystem): Promise<readonly string[]> {
  const alias = await findAlias(name, system);
  if (alias === null) {
    return [];
  }
  // It did not exist before we made it; one without an alias is one that we had no time to name.
  if (alias !== ALIAS && alias !== '') {
    return [`the interface ${name} is not ours any more (alias "${alias}")`];
  }
  await unlessAbsent(system.run('ip', ['link', 'delete', 'dev', name]));
  return [];
}

/** Null: there is no such interface. */
export async function findAlias(name: string, { run }: Pick<MachineSystem, 'run'>): Promise<string | null> {
  const all: unknown = JSON.parse(await run('ip', ['-json', 'link', 'show']));
  for (const link of Array.isArray(all) ? all : []) {
    if (typeof link === 'object' && link !== null && Reflect.get(link, 'ifname') === name) {
      const alias: unknown = Reflect.get(link, 'ifalias');
      return typeof alias === 'string' ? alias : '';
    }
  }
  return null;
}

/** Whether the file that is seen there is our own, laid over the system's. */
function isCovered(
  { path, source }: { readonly path: string; readonly source: string },
  system: MachineSystem,
): boolean {
  const lines = (system.readText('/proc/self/mountinfo') ?? '').split('\n').map((line) => line.split(' '));
  const last = lines.filter((fields) => fields[4] === path).at(-1);
  return last !== undefined && basename(last[3] ?? '') === basename(source);
}

async function uncover(step: Extract<Step, { kind: 'cover' }>, system: MachineSystem): Promise<readonly string[]> {
  if (isCovered(step, system)) {
    await system.run('umount', ['--lazy', step.path]);
  }
  system.remove(step.source);
  return [];
}

function undoFile({ path, text }: Extract<Step, { kind: 'file' }>, system: MachineSystem): readonly string[] {
  // We made it where nothing was: a link is somebody else's, and may lead nowhere at the moment.
  if (system.isLink(path)) {
    return [];
  }
  const now = system.readText(path);
  if (now !== null && now !== text) {
    return [`${path} was made by us, and somebody else has changed it since`];
  }
  system.remove(path);
  return [];
}

async function unlessAbsent(command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (!ABSENT.test(messageOf(error))) {
      throw error;
    }
  }
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case 'setting':
    case 'cover':
    case 'file':
    case 'unit':
      return step.path;
    case 'firewall':
      return `the table ${step.table} of nft`;
    case 'route':
      return `the route ${step.line.words.join(' ')}`;
    case 'rule':
      return `the routing rule ${step.line.words.join(' ')}`;
    case 'link':
    case 'resolved':
      return `the interface ${step.name}`;
  }
}
