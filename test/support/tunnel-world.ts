// A gateway with a tunnel, a device behind it, and a network beyond the gateway with servers at public addresses. Needs root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWireguardKeys } from '../../src/devices/wireguard.ts';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { createNeighbour, must, type Neighbour } from './network.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';
import { openClientTunnel } from './wireguard-client.ts';

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
  /** Runs the probe on the device. */
  probe(...args: readonly (string | number)[]): Promise<string>;
  /** Sends bytes and says how it ended and what came, as text. */
  talk(host: string, port: number, bytes: Buffer | string, pieceBytes?: number): Promise<string>;
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
    env = {},
  }: {
    readonly config: string;
    readonly addresses: readonly string[];
    readonly profile: string;
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
  const laptop = {
    id: '0190a3d2-0000-7000-8000-000000000002',
    name: 'laptop',
    publicKey: keys.publicKey,
    number: 2,
    profile,
    user: '',
    enrolledMs: 0,
    tokenHash: '',
    revokedMs: null,
  };
  writeFileSync(join(stateDir, 'devices.json'), JSON.stringify({ version: 1, devices: [laptop] }));
  const gateway = await startGateway(cleanUp, { config, stateDir, env });
  const publicKey = /"public_key":"([^"]+)"/.exec(gateway.log())?.[1] ?? '';
  const { interfaceName } = await openClientTunnel(cleanUp, device, {
    keys,
    gateway: { publicKey, endpoint: `${device.ours}:${UDP_PORT}` },
    addresses: LAPTOP_ADDRESSES,
  });
  const probe: TunnelWorld['probe'] = async (...words) => {
    const result = await device.run(process.execPath, [PROBE, ...words.map(String)], { timeoutMs: 20_000 });
    return result.stdout === '' ? result.stderr : result.stdout;
  };
  return {
    device,
    beyond,
    gateway,
    interfaceName,
    probe,
    async talk(host, port, bytes, pieceBytes = 100_000) {
      const said = await probe('talk', host, port, pieceBytes, Buffer.from(bytes).toString('hex'));
      const [how = '', hex = ''] = said.split(' ');
      return `${how} ${Buffer.from(hex, 'hex').toString('latin1')}`.trim();
    },
  };
}
