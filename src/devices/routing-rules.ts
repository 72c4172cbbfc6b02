// The system's routing rules, as `ip` tells them: systemd-networkd removes those that it did not make whenever it configures a link anew, and
// whoever made some looks now and then whether they are there.
import { fieldOf } from '../lib/fields.ts';
import type { RunCommand } from './commands.ts';

/** A rule, by what it is known by. */
export interface RoutingRule {
  readonly priority: number;
  /** Name or number of the table that it leads to; "" = none. */
  readonly table: string;
}

/** Rules of a family of addresses (`-4`, `-6`). Rejects with GatewayError. */
export async function listRules(version: '-4' | '-6', run: RunCommand): Promise<readonly RoutingRule[]> {
  const rules: unknown = JSON.parse(await run('ip', ['-json', version, 'rule', 'show']));
  return (Array.isArray(rules) ? rules : []).map((rule) => {
    const table = fieldOf(rule, 'table');
    return {
      priority: Number(fieldOf(rule, 'priority')),
      table: typeof table === 'string' || typeof table === 'number' ? String(table) : '',
    };
  });
}
