// The tunnel inside a run: wireguard-go makes the interface, and is told keys and peer over its own socket. What it sends to the gateway it sends to
// a port of this process, which hands it on.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { SYSTEM_PATH } from '../../devices/system-path.ts';
import { hasCode, messageOf } from '../../lib/errors.ts';
import type { RunPlan } from './plan.ts';

export const INTERFACE = 'clawpatrol';
const INTERFACE_MS = 15_000;
const COMMAND_MS = 10_000;
/** Until the gateway has answered through the tunnel. */
const READY_MS = 15_000;
const ASK_EVERY_MS = 100;
const UAPI = `/run/wireguard/${INTERFACE}.sock`;

/** Starts wireguard-go. `fail` is called when it cannot be started, and when it ends. */
export function startCarrier(fail: (why: string) => void): void {
  // It ends with us, however we end: else each run would leave one behind, with its namespaces. In a session of its own: what a terminal
  // sends to the command (Ctrl-C) would end it.
  const carrier = spawn('setpriv', ['--pdeathsig', 'KILL', 'wireguard-go', '--foreground', INTERFACE], {
    env: { PATH: SYSTEM_PATH, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  });
  carrier.on('error', (error) =>
    fail(`wireguard-go cannot be started (${error.message}); install wireguard-go and util-linux`),
  );
  carrier.on('exit', () => fail('the tunnel has ended; is wireguard-go installed, and /dev/net/tun there?'));
  process.on('exit', () => void carrier.kill('SIGKILL'));
}

/** Keys, peer, addresses and routes. Rejects with Error. */
export async function openTunnel(plan: RunPlan, relayPort: number): Promise<void> {
  const endMs = performance.now() + INTERFACE_MS;
  while (!existsSync(UAPI)) {
    if (performance.now() > endMs) {
      throw new Error('wireguard-go made no interface; is /dev/net/tun there?');
    }
    await pause(2);
  }
  const told = tellSoon(configurationOf(plan, relayPort), endMs);
  const lines = [
    'link set lo up',
    ...plan.addresses.map(
      (address) => `address add ${address}/${address.includes(':') ? '128' : '32'} dev ${INTERFACE}`,
    ),
    `link set dev ${INTERFACE} mtu ${plan.mtu} up`,
    `route add 0.0.0.0/0 dev ${INTERFACE}`,
    `route add ::/0 dev ${INTERFACE}`,
  ];
  // One program for all of it.
  await Promise.all([told, runIp(`${lines.join('\n')}\n`)]);
}

/** WireGuard's own language between processes (wireguard.com/xplatform); keys are in hexadecimal there. */
function configurationOf({ privateKey, gatewayKey }: RunPlan, relayPort: number): string {
  const peer = `public_key=${hexOf(gatewayKey)}\nendpoint=127.0.0.1:${relayPort}\npersistent_keepalive_interval=25`;
  return `set=1\nprivate_key=${hexOf(privateKey)}\nreplace_peers=true\n${peer}\nallowed_ip=0.0.0.0/0\nallowed_ip=::/0\n\n`;
}

function hexOf(key: string): string {
  return Buffer.from(key, 'base64').toString('hex');
}

/** Its socket is there a moment before it listens at it. */
async function tellSoon(text: string, endMs: number): Promise<void> {
  for (;;) {
    try {
      await tell(text);
      return;
    } catch (error) {
      if (!hasCode(error, 'ECONNREFUSED') || performance.now() > endMs) {
        throw new Error(`wireguard-go cannot be told: ${messageOf(error)}`, { cause: error });
      }
    }
    await pause(2);
  }
}

function tell(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: UAPI });
    let said = '';
    const end = (error: Error | null): void => {
      socket.destroy();
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    };
    socket.setTimeout(COMMAND_MS, () => end(new Error('wireguard-go does not answer')));
    socket.on('error', (error) => end(error));
    socket.on('close', () => end(new Error('wireguard-go ended the conversation')));
    socket.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('latin1')).slice(-1000);
      if (said.includes('\n\n')) {
        end(/^errno=0$/m.test(said) ? null : new Error(`wireguard-go refused its configuration: ${said.trim()}`));
      }
    });
    socket.write(text);
  });
}

function runIp(input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn('ip', ['-batch', '-'], {
      env: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: COMMAND_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString()).slice(0, 500);
    });
    child.on('error', (error) => reject(new Error(`ip cannot be started (${error.message}); install iproute2`)));
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`ip: ${said.trim() || `ended with ${code}`}`)),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Asks the gateway for its own name until it answers: then the tunnel works from end to end. Rejects with Error. */
export async function untilReady(resolver: string): Promise<void> {
  // clawpatrol.internal, A: id 1, one question.
  const question = Buffer.from('0001010000010000000000000a636c6177706174726f6c08696e7465726e616c0000010001', 'hex');
  const socket = createSocket('udp4');
  const answered = new Promise<'answered'>((resolve) => socket.once('message', () => resolve('answered')));
  socket.on('error', () => {});
  const endMs = performance.now() + READY_MS;
  while (performance.now() < endMs) {
    socket.send(question, 53, resolver);
    if ((await Promise.race([answered, pause(ASK_EVERY_MS)])) === 'answered') {
      socket.close();
      return;
    }
  }
  throw new Error('the gateway does not answer through the tunnel; is its UDP port reachable from here?');
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });
}
