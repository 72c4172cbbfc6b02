// The kernel's rules around an interface that agents come through, whatever carries it: put up, changed, and taken down again.
import { messageOf } from '../../lib/errors.ts';
import type { RunCommand } from '../../devices/commands.ts';
import { listRules } from '../../devices/routing-rules.ts';
import type { Fenced } from './layout.ts';

interface FenceParts {
  readonly layout: Fenced;
  readonly run: RunCommand;
}

/** Before everything that another program may have added, and after the addresses of this host. */
const PRIORITY = '5000';

/** Replaces the whole table at once. Rejects with GatewayError. */
export async function setRules({ run }: Pick<FenceParts, 'run'>, ruleset: string): Promise<void> {
  await run('nft', ['-f', '-'], ruleset);
}

/** Leads intercepted packets to this host, whatever their destination. Rejects with GatewayError. */
export async function leadHere({ layout, run }: FenceParts): Promise<void> {
  const mark = `0x${layout.mark.toString(16)}`;
  const table = String(layout.routeTable);
  for (const [version, everything] of [
    ['-4', '0.0.0.0/0'],
    ['-6', '::/0'],
  ] as const) {
    await dropRules(version, { layout, run });
    await run('ip', [version, 'rule', 'add', 'priority', PRIORITY, 'fwmark', mark, 'lookup', table]);
    await run('ip', [version, 'route', 'replace', 'local', everything, 'dev', 'lo', 'table', table]);
  }
}

/**
 * Leads them here again where somebody has ended that, and says whether: systemd-networkd removes all routing rules that it did not make whenever
 * it configures a link anew. Meanwhile what devices dialled went nowhere. Rejects with GatewayError.
 */
export async function leadHereAgain(parts: FenceParts): Promise<boolean> {
  const led = await Promise.all((['-4', '-6'] as const).map((version) => isLed(version, parts)));
  if (!led.includes(false)) {
    return false;
  }
  await leadHere(parts);
  return true;
}

async function isLed(version: '-4' | '-6', { layout, run }: FenceParts): Promise<boolean> {
  const rules = await listRules(version, run);
  return rules.some(({ table }) => table === String(layout.routeTable));
}

/** Undoes everything. Never rejects; gives what could not be undone. */
export async function takeDown({ layout, run }: FenceParts): Promise<readonly string[]> {
  const troubles: string[] = [];
  const attempt = async (program: string, args: readonly string[], input?: string): Promise<void> => {
    try {
      await run(program, args, input);
    } catch (error) {
      // What was never made need not go.
      if (!/FIB table does not exist/.test(messageOf(error))) {
        troubles.push(messageOf(error));
      }
    }
  };
  for (const version of ['-4', '-6']) {
    await dropRules(version, { layout, run });
    await attempt('ip', [version, 'route', 'flush', 'table', String(layout.routeTable)]);
  }
  // Declared first, so that deleting it works whether or not it is there.
  await attempt('nft', ['-f', '-'], `table inet ${layout.ruleTable}\ndelete table inet ${layout.ruleTable}\n`);
  return troubles;
}

/** Rules of an earlier run would pile up: one of a kind is enough. */
async function dropRules(version: string, { layout, run }: FenceParts): Promise<void> {
  for (let left = 16; left > 0; left -= 1) {
    try {
      await run('ip', [version, 'rule', 'delete', 'lookup', String(layout.routeTable)]);
    } catch {
      return;
    }
  }
}
