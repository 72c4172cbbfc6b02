// Whose process has connected to us over the loopback: other users of a machine must not act as a run. Linux tells; elsewhere nobody does.
import { existsSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

const TABLE = '/proc/net/tcp';

/** Whether it is this user's process, or root's; true where the system does not tell. */
export function isOwnPeer(socket: Socket): boolean {
  if (!existsSync(TABLE)) {
    return true;
  }
  const { remotePort = 0, localPort = 0 } = socket;
  const uid = findUid(readFileSync(TABLE, 'latin1'), { from: remotePort, to: localPort });
  return uid !== null && (uid === 0 || uid === process.getuid?.());
}

/** The user of the socket on 127.0.0.1 that is connected from one port to the other, in the text of /proc/net/tcp; null = there is none. Pure. */
export function findUid(table: string, { from, to }: { readonly from: number; readonly to: number }): number | null {
  const [local, remote] = [from, to].map((port) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1] === local && fields[2] === remote) {
      return Number(fields[7]);
    }
  }
  return null;
}
