// Two connections that become one.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What comes from one goes to the other, until both have ended or one has failed; then the other is broken off too, and not ended as if it were whole. */
export function couple(a: Socket, b: Socket): void {
  const end = (): void => {
    breakOff(a);
    breakOff(b);
  };
  for (const socket of [a, b]) {
    socket.on('error', end);
    socket.once('close', () => (socket.readableEnded && socket.writableFinished ? undefined : end()));
  }
  a.pipe(b);
  b.pipe(a);
}

/** With a reset, where the connection can have one. */
export function breakOff(socket: Socket): void {
  if (!socket.destroyed && !(socket instanceof TLSSocket) && socket.remoteAddress !== undefined) {
    socket.resetAndDestroy();
  } else {
    socket.destroy();
  }
}
