// A gateway, and a machine in another network that has joined it, on which `clawpatrol run` can be tried. Needs root.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { createNeighbour, type Neighbour } from './network.ts';
import type { ProgramOptions, ProgramResult } from './run.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

export const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.js');
const UDP_PORT = 51_897;

export interface RunWorld {
  readonly gateway: GatewayProcess;
  readonly machine: Neighbour;
  /** Home of the user that joined. */
  readonly home: string;
  /** Where machines ask the gateway: `https://HOST:PORT`. */
  readonly url: string;
  /** Runs clawpatrol on the machine. */
  clawpatrol(args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
}

export interface RunWorldOptions {
  /** The blocks behind `gateway`; gets the gateway's address as the machine sees it. */
  readonly config: (ours: string) => string;
  /** More inside the `gateway` block. */
  readonly gatewayBlock?: (ours: string) => string;
  readonly profile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Call `enterOwnNetwork` first. */
export async function startRunWorld(
  cleanUp: CleanUp,
  { config, gatewayBlock, profile, env = {} }: RunWorldOptions,
): Promise<RunWorld> {
  const machine = await createNeighbour(cleanUp);
  const stateDir = join(temporaryFolder(cleanUp, 'clawpatrol-runs'), 'state');
  mkdirSync(stateDir, { mode: 0o700 });
  const gateway = await startGateway(cleanUp, {
    stateDir,
    env,
    config: `
schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  enroll_listen    = "${machine.ours}:0"
  ${gatewayBlock?.(machine.ours) ?? ''}
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = ${UDP_PORT}
    endpoint    = "${machine.ours}:${UDP_PORT}"
    interface   = "cpr${process.pid % 100_000}"
  }
}
${config(machine.ours)}`,
  });
  const home = temporaryFolder(cleanUp, 'clawpatrol-home');
  const clawpatrol: RunWorld['clawpatrol'] = (args, options = {}) =>
    machine.run(process.execPath, [MAIN, ...args], {
      timeoutMs: 60_000,
      ...options,
      env: { HOME: home, NO_COLOR: '1', ...options.env },
    });
  const fingerprint = /[0-9A-F:]{95}/.exec(gateway.cli('ca', 'show').stdout)?.[0] ?? '';
  const port = /:(\d+)$/.exec(gateway.addresses.get('enroll') ?? '')?.[1] ?? '';
  const url = `https://${machine.ours}:${port}`;
  const tokenFile = join(home, 'join-token');
  writeFileSync(tokenFile, gateway.cli('devices', 'token', '--profile', profile, '--expires', '10m').stdout.trim(), {
    mode: 0o600,
  });
  const joined = await clawpatrol([
    'join',
    `${url}#sha256=${fingerprint}`,
    '--no-trust',
    '--hostname',
    'laptop',
    '--token-file',
    tokenFile,
  ]);
  if (joined.code !== 0) {
    throw new Error(`the machine could not join: ${joined.stdout}${joined.stderr}`);
  }
  return { gateway, machine, home, url, clawpatrol };
}
