// How a verb finds the gateway that it talks to, and the flags that say so (config reference 6.1).
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseControlAddress } from '../client/control-client.ts';
import type { ControlAddress, ControlClient } from '../client/control-client.ts';
import { messageOf } from '../lib/errors.ts';
import { Secret } from '../lib/secret.ts';
import { CliError, EXIT, textOption } from './command.ts';
import type { Call } from './command.ts';
import type { Io } from './io.ts';

/** Flags of every verb that talks to a gateway. */
export const GATEWAY_OPTIONS: readonly (readonly [string, string])[] = [
  [
    '--gateway <address>',
    'unix:PATH or http://HOST:PORT; also CLAWPATROL_GATEWAY (default: control.sock in $STATE_DIRECTORY, else in ~/.clawpatrol, else in /var/lib/clawpatrol)',
  ],
  ['--token-file <file>', 'operator token for a gateway on TCP; also CLAWPATROL_TOKEN'],
];

/** Of a state directory. */
const SOCKET = 'control.sock';
/** Where the units and images of ours keep it (config/clawpatrol-gateway.service, Dockerfile). */
const SERVICE_STATE_DIR = '/var/lib/clawpatrol';

/**
 * The state directory of the gateway of this machine: `$STATE_DIRECTORY`, else `$HOME/.clawpatrol`, and where no gateway has been, the service's.
 * `service`: its folder.
 */
export function defaultStateDir(io: Pick<Io, 'env'>, service: string = SERVICE_STATE_DIR): string {
  const given = io.env['STATE_DIRECTORY'];
  if (given !== undefined && given !== '') {
    return given;
  }
  const own = join(io.env['HOME'] ?? homedir(), '.clawpatrol');
  // Others than its user and root see the folder only: that they may not open the socket is what they are told then.
  return !existsSync(join(own, SOCKET)) && existsSync(service) ? service : own;
}

/** Address of the gateway that the call is about. */
export function gatewayAddress(call: Call): ControlAddress {
  const given = textOption(call, 'gateway') ?? call.io.env['CLAWPATROL_GATEWAY'] ?? '';
  if (given === '') {
    return { kind: 'unix', path: join(defaultStateDir(call.io), SOCKET) };
  }
  const address = parseControlAddress(given);
  if (address === null) {
    throw new CliError('usage', EXIT.usage, `"${given}" is not a gateway address: write unix:PATH or http://HOST:PORT`);
  }
  return address;
}

/** A client for the gateway that the call is about. */
export async function connect(call: Call): Promise<ControlClient> {
  const token = await findToken(call);
  return call.io.connect(gatewayAddress(call), token === null ? {} : { token });
}

async function findToken(call: Call): Promise<Secret | null> {
  const path = textOption(call, 'tokenFile');
  if (path === null) {
    const value = call.io.env['CLAWPATROL_TOKEN'] ?? '';
    return value === '' ? null : new Secret(value);
  }
  try {
    return new Secret((await readFile(path, 'utf8')).trim());
  } catch (error) {
    throw new CliError('usage', EXIT.usage, `--token-file cannot be read: ${messageOf(error)}`);
  }
}
