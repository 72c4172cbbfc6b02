// clawpatrol status: whether the gateway is healthy.
import type { CheckJson } from '../client/control-shapes.ts';
import { visible } from '../lib/text.ts';
import { EXIT, runCommand } from './command.ts';
import type { Verb } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';
import type { Colour, Printer } from './printer.ts';

const COLOURS: Readonly<Record<CheckJson['state'], Colour>> = { ok: 'green', warn: 'yellow', fail: 'red' };

/** One line a check: `ok NAME: detail; fix`. */
export function printChecks(out: Printer, checks: readonly CheckJson[]): void {
  for (const { name, state, detail, fix } of checks) {
    const text = [detail, fix].filter((part) => part !== '').join('; ');
    out.line(`${out.paint(COLOURS[state], state)} ${visible(name)}: ${visible(text)}`);
  }
}

export const command: Verb = {
  name: 'status',
  summary: 'listeners, policy, store, log and waiting approvals of the running gateway',
  options: GATEWAY_OPTIONS,
  act: async (call) => {
    const status = await (await connect(call)).status();
    if (call.out.json) {
      call.out.object(status);
    } else {
      printChecks(call.out, status.checks);
    }
    return status.ok ? EXIT.ok : EXIT.no;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
