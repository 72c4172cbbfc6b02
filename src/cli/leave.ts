// clawpatrol leave: undoes what `join` did, here and at the gateway, and says what it could not undo.
import { devicePaths, readCa, readDevice, readToken, removeDevice } from '../client/device-files.ts';
import type { DevicePaths, DeviceRecord } from '../client/device-files.ts';
import { findMachine, unrouteMachine } from '../client/machine/machine.ts';
import { createMachineSystem } from '../client/machine/system.ts';
import { createGatewayLink, parseGatewayUrl } from '../client/gateway-link.ts';
import { LinkError } from '../client/link-answer.ts';
import { removeTrust } from '../client/trust.ts';
import { runCommand as runSystem } from '../devices/commands.ts';
import { messageOf } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { CliError, EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import type { Io } from './io.ts';
import { askLine, canAsk } from './prompt.ts';

async function leave(call: Call): Promise<number> {
  const paths = devicePaths(call.io.env, textOption(call, 'caDir'));
  const record = readDevice(paths);
  const isRouted = findMachine(paths) !== null;
  if (record === null && !isRouted) {
    throw new CliError('refused', EXIT.no, `this machine has not joined (no ${paths.caDir}/device)`);
  }
  await askToLeave(call);
  // First: the gateway's name is known again, and it can be told.
  const routes = isRouted ? await unrouteMachine(paths, createMachineSystem()) : [];
  const told = record === null ? null : await tellGateway(paths, record);
  const trust = call.options['keepCa'] === true ? { done: true, detail: '' } : await removeTrust(runSystem);
  const removed = removeDevice(paths, {
    ca: call.options['keepCa'] === true,
    config: call.options['keepConf'] === true,
  });
  const troubles = [...routes, told, trust.done ? null : trust.detail].filter((text) => text !== null);
  if (call.out.json) {
    call.out.object({ removed, troubles });
  } else {
    if (isRouted && routes.length === 0) {
      call.out.line("this machine's traffic goes its old way again");
    }
    removed.forEach((path) => call.out.line(`removed ${path}`));
    troubles.forEach((text) => call.out.line(`left: ${visible(text)}`));
  }
  return troubles.length === 0 ? EXIT.ok : EXIT.no;
}

async function askToLeave({ io, options }: Call): Promise<void> {
  if (options['yes'] !== true && canAsk(io)) {
    const answer = await askLine(io, 'Undo everything that join did, here and at the gateway? (yes/no) ');
    if (answer?.trim().toLowerCase() !== 'yes') {
      throw new CliError('refused', EXIT.no, 'not confirmed; nothing was changed');
    }
  }
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
    // The gateway itself, by the certificate that we keep: it has shut this machine out already.
    if (error instanceof LinkError && error.status === 401) {
      return null;
    }
    return `the gateway could not be told (${messageOf(error)}); an operator should: clawpatrol devices revoke ${device.id}`;
  }
}

export const command: Verb = {
  name: 'leave',
  summary: 'undo what join did, here and at the gateway',
  options: [
    ['-y, --yes', 'do not ask'],
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
