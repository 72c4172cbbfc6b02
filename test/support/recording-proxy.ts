// Stands between the gateway and the real server and keeps every byte that the gateway sent, by connection:
// "nothing reaches the upstream" is asserted here, not on the client's error.
import { connect, createServer, type Socket } from 'node:net';
import type { CleanUp } from './temp.ts';

export interface RecordedConnection {
  /** Bytes from the gateway so far. */
  readonly chunks: Buffer[];
}

export interface RecordingProxy {
  readonly port: number;
  readonly connections: RecordedConnection[];
  /** Breaks every connection that is open. */
  cut(): void;
}

export async function startRecordingProxy(cleanUp: CleanUp, targetPort: number): Promise<RecordingProxy> {
  const connections: RecordedConnection[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true, noDelay: true });
    const recorded: RecordedConnection = { chunks: [] };
    connections.push(recorded);
    client.on('data', (bytes) => recorded.chunks.push(bytes));
    client.pipe(upstream);
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.after(async () => {
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const cut = (): void => sockets.forEach((socket) => socket.resetAndDestroy());
  return { port: typeof address === 'object' && address !== null ? address.port : 0, connections, cut };
}
