// clawpatrol env: the variables that make programs trust the gateway's CA, and placeholders for the credentials of this machine's profile, for a
// shell to read: eval "$(clawpatrol env)".
import { join } from 'node:path';
import { devicePaths, readCa, readDevice, readToken } from '../client/device-files.ts';
import type { DevicePaths, DeviceRecord } from '../client/device-files.ts';
import {
  caEnvironment,
  describeReplaced,
  ENV_FORMATS,
  formatEnvironment,
  pushedEnvironment,
} from '../client/environment.ts';
import type { Environment } from '../client/environment.ts';
import { fieldOf } from '../lib/fields.ts';
import { createGatewayLink, parseGatewayUrl } from '../client/gateway-link.ts';
import { findPlaces } from '../client/machine/journal.ts';
import { messageOf } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { CliError, EXIT, runCommand, textOption, wordOption } from './command.ts';
import type { Verb } from './command.ts';
import type { Io } from './io.ts';

export const command: Verb = {
  name: 'env',
  summary: "variables that make programs trust the gateway's CA, and placeholders in place of credentials",
  options: [
    ['--format <format>', `one of ${ENV_FORMATS.join(', ')} (default: sh)`],
    ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
  ],
  act: async (call) => {
    const { io } = call;
    const paths = devicePaths(io.env, textOption(call, 'caDir'));
    const format = wordOption(call, 'format', ENV_FORMATS) ?? 'sh';
    const record = readDevice(paths);
    if (record === null) {
      throw new CliError(
        'usage',
        EXIT.usage,
        `this machine has not joined (no ${paths.caDir}/device): clawpatrol join https://GATEWAY first`,
      );
    }
    if (io.env['CLAWPATROL_NO_ENV'] === '1') {
      io.stdout.write(formatEnvironment({}, format));
      return EXIT.ok;
    }
    const { caDir } = paths;
    const certificates = caEnvironment({ bundle: join(caDir, 'ca-bundle.crt'), ca: join(caDir, 'ca.crt') });
    const pushed = await askPlaceholders(paths, record, io);
    // Also without the gateway: programs that trust its CA are half of what is wanted.
    io.stdout.write(formatEnvironment({ ...certificates, ...pushed }, format));
    return pushed === null ? EXIT.no : EXIT.ok;
  },
};

/** Null, and said why, when the gateway cannot be asked. */
async function askPlaceholders(paths: DevicePaths, record: DeviceRecord, io: Io): Promise<Environment | null> {
  try {
    const link = createGatewayLink(
      parseGatewayUrl(record.gateway.url),
      readCa(paths),
      findPlaces(paths.caDir)?.enrol.ip ?? null,
    );
    const answer = await link.get('/api/env-pushdown', readToken(paths));
    const { environment, replaced } = pushedEnvironment(fieldOf(answer, 'environment'), io.env);
    replaced.forEach((name) => io.stderr.write(`clawpatrol: ${describeReplaced(name)}\n`));
    return environment;
  } catch (error) {
    io.stderr.write(`clawpatrol: no placeholders, the gateway was not reached: ${visible(messageOf(error))}\n`);
    return null;
  }
}

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
