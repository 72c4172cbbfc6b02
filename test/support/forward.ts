// Gives a server of loopback another address and port, as a test's names need them.
import { connect, createServer } from 'node:net';
import type { CleanUp } from './temp.ts';

/** Connections to `host` and `port` go on to that port of 127.0.0.1, half-closed as they are. */
export async function startForward(cleanUp: CleanUp, host: string, port: number, to: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true });
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroySoon());
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  cleanUp.after(() => void server.close());
}
