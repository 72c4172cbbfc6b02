// The yardstick: a bare TCP relay in the same runtime. It knows nothing of any protocol, and no gateway in Node can be faster.
// node dist/bench/relay.js TARGET_PORT [TARGET_HOST [LISTEN_HOST]] → prints the port it listens on. Loopback where no host is given.
import { connect, createServer } from 'node:net';

const target = Number(process.argv[2]);
const [targetHost = '127.0.0.1', listenHost = '127.0.0.1'] = process.argv.slice(3);

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const upstream = connect({ host: targetHost, port: target, allowHalfOpen: true, noDelay: true });
  client.pipe(upstream);
  upstream.pipe(client);
  for (const socket of [client, upstream]) {
    socket.on('error', () => {
      client.destroy();
      upstream.destroy();
    });
  }
});
server.listen(0, listenHost, () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
