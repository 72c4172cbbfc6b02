// What the kernel of Linux does for a socket of this machine.
import { readFileSync } from 'node:fs';

/** `tr` of /proc/net/tcp while nothing is under way: a keepalive will be sent. */
export const KEEPALIVE = '02';

/** Of the sockets between two ports of 127.0.0.1: the kind of timer that the kernel runs for the first one's end. */
export function kernelTimer(localPort: number, remotePort: number): string | undefined {
  const hex = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const line = lines.find((text) => text.includes(`${hex(localPort)} ${hex(remotePort)}`));
  return line?.trim().split(/\s+/)[5]?.slice(0, 2);
}
