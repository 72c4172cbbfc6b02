// A device's side of the tunnel, made with the tools that people use: wireguard-go, wg and ip in a network of its own.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createWireguardKeys, type WireguardKeys } from '../../src/devices/wireguard.ts';
import { eventually } from './daemon.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { Neighbour } from './network.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

export interface ClientTunnel {
  readonly keys: WireguardKeys;
  readonly interfaceName: string;
}

export interface ClientTunnelOptions {
  readonly keys?: WireguardKeys;
  readonly gateway: { readonly publicKey: string; readonly endpoint: string };
  /** The device's addresses in the tunnel. */
  readonly addresses: readonly string[];
  readonly mtu?: number;
}

let clients = 0;

/** What the gateway's tunnel is known by. Its log is written later than its `ready` line may come. */
export async function publicKeyOf(gateway: Pick<GatewayProcess, 'log'>): Promise<string> {
  const find = (): string => /"public_key":"([^"]+)"/.exec(gateway.log())?.[1] ?? '';
  await eventually('the public key is in the log', () => find() !== '');
  return find();
}

/** Brings the tunnel up; everything that has no closer route goes through it, and names are asked of 9.9.9.9. */
export async function openClientTunnel(
  cleanUp: CleanUp,
  at: Neighbour,
  { keys = createWireguardKeys(), gateway, addresses, mtu = 1420 }: ClientTunnelOptions,
): Promise<ClientTunnel> {
  const interfaceName = `wgt${process.pid % 100_000}x${clients}`;
  clients += 1;
  const [enter, args] = at.within('wireguard-go', ['--foreground', interfaceName]);
  const child = spawn(enter, [...args], { stdio: 'ignore' });
  cleanUp.after(() => void child.kill());
  await eventually('the client has its interface', () => at.must('ip', '-brief', 'link').includes(interfaceName));
  const folder = temporaryFolder(cleanUp, 'clawpatrol-wg');
  const path = join(folder, 'wg.conf');
  const peer = `[Peer]\nPublicKey = ${gateway.publicKey}\nEndpoint = ${gateway.endpoint}\nAllowedIPs = 0.0.0.0/0, ::/0\n`;
  writeFileSync(path, `[Interface]\nPrivateKey = ${keys.privateKey}\n\n${peer}`);
  // The interface is there a moment before the program hears what it is told.
  await eventually('the client takes orders', async () => {
    const told = await at.run('wg', ['setconf', interfaceName, path]);
    return told.code === 0;
  });
  for (const address of addresses) {
    at.must('ip', 'address', 'add', address, 'dev', interfaceName, ...(address.includes(':') ? ['nodad'] : []));
  }
  at.must('ip', 'link', 'set', interfaceName, 'mtu', String(mtu), 'up');
  at.must('ip', '-4', 'route', 'add', 'default', 'dev', interfaceName);
  at.must('ip', '-6', 'route', 'add', 'default', 'dev', interfaceName);
  const resolver = join(folder, 'resolv.conf');
  writeFileSync(resolver, 'nameserver 9.9.9.9\n');
  at.must('mount', '--bind', resolver, '/etc/resolv.conf');
  return { keys, interfaceName };
}
