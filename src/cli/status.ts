// clawpatrol status: on a machine that has joined, how it stands; on a gateway's host, whether the gateway is healthy; on both, both.
import { existsSync } from 'node:fs';
import type { CheckJson } from '../client/control-shapes.ts';
import { devicePaths } from '../client/device-files.ts';
import { deviceChecks } from '../client/device-health.ts';
import type { DeviceView } from '../client/device-health.ts';
import { lookAtDevice } from '../client/device-look.ts';
import { createMachineSystem } from '../client/machine/system.ts';
import { visible } from '../lib/text.ts';
import { EXIT, runCommand, textOption } from './command.ts';
import type { Call, Verb } from './command.ts';
import { connect, GATEWAY_OPTIONS, gatewayAddress } from './control.ts';
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

/** How this machine stands as a device; null when it has not joined, or when the call is about a gateway that it names. */
export async function findDevice(call: Call): Promise<DeviceView | null> {
  return namesGateway(call)
    ? null
    : lookAtDevice(devicePaths(call.io.env, textOption(call, 'caDir')), createMachineSystem(), call.io.now());
}

/** Whether the gateway is to be asked too: it was named, or it has its socket here. */
export function hasGateway(call: Call): boolean {
  const address = gatewayAddress(call);
  return namesGateway(call) || (address.kind === 'unix' && existsSync(address.path));
}

function namesGateway(call: Call): boolean {
  return textOption(call, 'gateway') !== null || (call.io.env['CLAWPATROL_GATEWAY'] ?? '') !== '';
}

async function act(call: Call): Promise<number> {
  const device = await findDevice(call);
  if (device === null || hasGateway(call)) {
    const status = await (await connect(call)).status();
    return tell(call, device, status);
  }
  return tell(call, device, null);
}

function tell(
  call: Call,
  device: DeviceView | null,
  gateway: { readonly ok: boolean; readonly checks: readonly CheckJson[] } | null,
): number {
  const checks = [...(device === null ? [] : deviceChecks(device)), ...(gateway?.checks ?? [])];
  const ok = gateway?.ok !== false && checks.every(({ state }) => state !== 'fail');
  if (call.out.json) {
    call.out.object({ ...gateway, ok, checks });
  } else {
    printChecks(call.out, checks);
  }
  if (device?.answer.kind === 'unreachable') {
    return EXIT.unreachable;
  }
  return ok ? EXIT.ok : EXIT.no;
}

export const command: Verb = {
  name: 'status',
  summary: 'how this machine stands in the tunnel; on a gateway: listeners, policy, store, log, waiting approvals',
  options: [['--ca-dir <dir>', 'where certificates are (default: ~/.clawpatrol)'], ...GATEWAY_OPTIONS],
  act,
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
