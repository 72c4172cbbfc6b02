// The yardstick: a bare TCP relay in the same runtime. It knows nothing of any protocol, and no gateway in Node can be faster.
// node dist/bench/relay.js TARGET_PORT → prints the port it listens on.
import { connect, createServer } from 'node:net';

const target = Number(process.argv[2]);

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const upstream = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true });
  client.pipe(upstream);
  upstream.pipe(client);
  for (const socket of [client, upstream]) {
    socket.on('error', () => {
      client.destroy();
      upstream.destroy();
    });
  }
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
