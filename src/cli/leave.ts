// clawpatrol leave: undoes what `join` did, here and at the gateway, and says what it could not undo.
import { devicePaths, readCa, readDevice, readToken, removeDevice } from '../client/device-files.ts';
import type { DevicePaths, DeviceRecord } from '../client/device-files.ts';
import { createGatewayLink, parseGatewayUrl } from '../client/gateway-link.ts';
import { removeTrust } from '../client/trust.ts';
import { runCommand as runSystem } from '../devices/commands.ts';
import { messageOf } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import type { Io } from './io.ts';

async function leave(call: Call): Promise<number> {
  const paths = devicePaths(call.io.env, textOption(call, 'caDir'));
  const record = readDevice(paths);
  if (record === null) {
    throw new CliError('refused', EXIT.no, `this machine has not joined (no ${paths.caDir}/device)`);
  }
  const told = await tellGateway(paths, record);
  const trust = call.options['keepCa'] === true ? { done: true, detail: '' } : await removeTrust(runSystem);
  const removed = removeDevice(paths, {
    ca: call.options['keepCa'] === true,
    config: call.options['keepConf'] === true,
  });
  const troubles = [told, trust.done ? null : trust.detail].filter((text) => text !== null);
  if (call.out.json) {
    call.out.object({ removed, troubles });
  } else {
    removed.forEach((path) => call.out.line(`removed ${path}`));
    troubles.forEach((text) => call.out.line(`left: ${visible(text)}`));
  }
  return troubles.length === 0 ? EXIT.ok : EXIT.no;
}

/** Null: it is revoked there. */
async function tellGateway(paths: DevicePaths, { gateway, device }: DeviceRecord): Promise<string | null> {
  try {
    await createGatewayLink(parseGatewayUrl(gateway.url), readCa(paths)).post(
      '/api/device/leave',
      {},
      readToken(paths),
    );
    return null;
  } catch (error) {
    return `the gateway could not be told (${messageOf(error)}); an operator should: clawpatrol devices revoke ${device.id}`;
  }
}

export const command: Verb = {
  name: 'leave',
  summary: 'undo what join did, here and at the gateway',
  options: [
    ['--keep-ca', 'keep the certificates, and what trusts them'],
    ['--keep-conf', 'keep the tunnel’s configuration'],
    ['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'],
  ],
  act: leave,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
