// clawpatrol env: the variables that make programs trust the gateway's CA, for a shell to read: eval "$(clawpatrol env)".
import { join } from 'node:path';
import { devicePaths, readDevice } from '../client/device-files.ts';
import { caEnvironment, ENV_FORMATS, formatEnvironment } from '../client/environment.ts';
import { CliError, EXIT, runCommand, textOption, wordOption } from './command.ts';
import type { Verb } from './command.ts';
import type { Io } from './io.ts';

export const command: Verb = {
  name: 'env',
  summary: "variables that make programs trust the gateway's CA",
  options: [
    ['--format <format>', `one of ${ENV_FORMATS.join(', ')} (default: sh)`],
    ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
  ],
  act: async (call) => {
    const { caDir, ...rest } = devicePaths(call.io.env, textOption(call, 'caDir'));
    if (readDevice({ caDir, ...rest }) === null) {
      throw new CliError('usage', EXIT.usage, `this machine has not joined (no ${caDir}/device)`);
    }
    const environment = caEnvironment({ bundle: join(caDir, 'ca-bundle.crt'), ca: join(caDir, 'ca.crt') });
    call.io.stdout.write(formatEnvironment(environment, wordOption(call, 'format', ENV_FORMATS) ?? 'sh'));
    return EXIT.ok;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
