// clawpatrol known-hosts: the host keys that the gateway shows to agents' SSH clients, as lines of known_hosts.
import { EXIT, runCommand } from './command.ts';
import type { Verb } from './command.ts';
import { connect, GATEWAY_OPTIONS } from './control.ts';
import type { Io } from './io.ts';

export const command: Verb = {
  name: 'known-hosts',
  summary: "host keys of the gateway's SSH endpoints, as lines of known_hosts",
  operands: [['[endpoint]', 'name of an ssh endpoint, bare or typed; all when left out']],
  options: GATEWAY_OPTIONS,
  act: async (call) => {
    const { items } = await (await connect(call)).knownHosts(call.operands[0] ?? '');
    if (call.out.json) {
      call.out.object({ items });
    } else {
      items.forEach(({ names, key }) => call.out.line(`${names.join(',')} ${key}`));
    }
    return EXIT.ok;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
