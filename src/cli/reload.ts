// clawpatrol reload: asks the gateway to load its configuration again, and waits for the answer.
import { EXIT, runCommand } from './command.ts';
import type { Verb } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import { diagnosticText } from './diagnostics.ts';
import { visible } from '../lib/text.ts';
import type { Io } from './io.ts';

export const command: Verb = {
  name: 'reload',
  summary: 'load the configuration again; a bad one changes nothing and says why',
  options: GATEWAY_OPTIONS,
  act: async (call) => {
    const { out } = call;
    const result = await (await connect(call)).reload();
    if (out.json) {
      out.object(result);
    } else {
      result.diagnostics.forEach((diagnostic) => out.line(diagnosticText(diagnostic)));
      const why = result.message === '' ? '' : `${visible(result.message)}; `;
      out.line(result.ok ? `swapped revision ${result.revision}` : `refused: ${why}revision ${result.revision} stays`);
    }
    return result.ok ? EXIT.ok : EXIT.no;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
