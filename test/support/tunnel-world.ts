// A gateway with a tunnel, a device behind it, and a network beyond the gateway with servers at public addresses. Needs root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWireguardKeys, type WireguardKeys } from '../../src/devices/wireguard.ts';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { createNeighbour, must, type Neighbour } from './network.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';
import { openClientTunnel, publicKeyOf } from './wireguard-client.ts';

const PROBE = join(import.meta.dirname, 'probe.js');
const FAR_SERVER = join(import.meta.dirname, 'far-server.js');
const UDP_PORT = 51_898;
const LAPTOP_ADDRESSES = ['10.77.0.2/32', 'fdc1:a7b0:7a01::2/128'];

export interface TunnelWorld {
  readonly device: Neighbour;
  readonly beyond: Neighbour;
  readonly gateway: GatewayProcess;
  /** The device's interface. */
  readonly interfaceName: string;
  /** Runs the probe on the device; with `briefly` first where nothing is to come. */
  probe(...args: readonly (string | number)[]): Promise<string>;
  /** Sends bytes and says how it ended and what came, as text. */
  talk(host: string, port: number, bytes: Buffer | string, pieceBytes?: number): Promise<string>;
  /** The same where nothing is to come: after a few seconds that is what it says. */
  talkBriefly(host: string, port: number, bytes: Buffer | string): Promise<string>;
}

/** A device that a test brings up itself. */
export interface OtherDevice {
  readonly name: string;
  readonly profile: string;
  readonly keys: WireguardKeys;
}

/** Brings up the end of a device that was let in; `number` is its place in the tunnel. */
export async function joinDevice(
  cleanUp: CleanUp,
  gateway: GatewayProcess,
  { keys, number }: { readonly keys: WireguardKeys; readonly number: number },
): Promise<Neighbour> {
  const at = await createNeighbour(cleanUp);
  await openClientTunnel(cleanUp, at, {
    keys,
    gateway: { publicKey: await publicKeyOf(gateway), endpoint: `${at.ours}:${UDP_PORT}` },
    addresses: [`10.77.0.${number}/32`, `fdc1:a7b0:7a01::${number.toString(16)}/128`],
  });
  return at;
}

function textOf(said: string): string {
  const [how = '', hex = ''] = said.split(' ');
  return `${how} ${Buffer.from(hex, 'hex').toString('latin1')}`.trim();
}

/** The `gateway` and `wireguard` blocks of a world. */
export function gatewayBlock(more: string): string {
  return `
schema_version = 1
gateway {
  dashboard_listen = "127.0.0.1:0"
  enroll_listen    = "127.0.0.1:0"
  wireguard {
    subnet_cidr = "10.77.0.0/24"
    listen_port = ${UDP_PORT}
    host_loopback_port = 8443
    endpoint    = "172.31.0.1:${UDP_PORT}"
    interface   = "cpw${process.pid % 100_000}"
  }
  ${more}
}
`;
}

/** `addresses`: what the servers beyond have. Call `enterOwnNetwork` first. */
export async function startTunnelWorld(
  cleanUp: CleanUp,
  {
    config,
    addresses,
    profile,
    others = [],
    env = {},
  }: {
    readonly config: string;
    readonly addresses: readonly string[];
    readonly profile: string;
    /** Devices that were let in beside the laptop; the first has the address 10.77.0.3. `joinDevice` brings their ends up. */
    readonly others?: readonly OtherDevice[];
    /** Of the gateway. */
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<TunnelWorld> {
  const keys = createWireguardKeys();
  const device = await createNeighbour(cleanUp);
  const beyond = await createNeighbour(cleanUp);
  for (const address of addresses) {
    const v6 = address.includes(':');
    beyond.must('ip', 'address', 'add', `${address}/${v6 ? 128 : 32}`, 'dev', 'lo', ...(v6 ? ['nodad'] : []));
    if (!v6) {
      must('ip', 'route', 'add', address, 'via', beyond.address);
    }
  }
  const [enter, args] = beyond.within(process.execPath, [FAR_SERVER]);
  const servers = spawn(enter, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUp.after(() => void servers.kill());
  await once(servers.stdout, 'data');
  const stateDir = join(temporaryFolder(cleanUp, 'clawpatrol-world'), 'state');
  mkdirSync(stateDir, { mode: 0o700 });
  const devices = [{ name: 'laptop', profile, keys }, ...others].map((one, index) => ({
    id: `0190a3d2-0000-7000-8000-00000000000${index + 2}`,
    name: one.name,
    publicKey: one.keys.publicKey,
    number: index + 2,
    profile: one.profile,
    user: '',
    enrolledMs: 0,
    tokenHash: '',
    revokedMs: null,
  }));
  writeFileSync(join(stateDir, 'devices.json'), JSON.stringify({ version: 1, devices }));
  const gateway = await startGateway(cleanUp, { config, stateDir, env });
  const publicKey = await publicKeyOf(gateway);
  const { interfaceName } = await openClientTunnel(cleanUp, device, {
    keys,
    gateway: { publicKey, endpoint: `${device.ours}:${UDP_PORT}` },
    addresses: LAPTOP_ADDRESSES,
  });
  const probe: TunnelWorld['probe'] = async (...words) => {
    const result = await device.run(process.execPath, [PROBE, ...words.map(String)]);
    return result.stdout === '' ? result.stderr : result.stdout;
  };
  return {
    device,
    beyond,
    gateway,
    interfaceName,
    probe,
    talk: async (host, port, bytes, pieceBytes = 100_000) =>
      textOf(await probe('talk', host, port, pieceBytes, Buffer.from(bytes).toString('hex'))),
    talkBriefly: async (host, port, bytes) =>
      textOf(await probe('briefly', 'talk', host, port, 100_000, Buffer.from(bytes).toString('hex'))),
  };
}
