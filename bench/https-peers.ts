// The two other processes of the HTTPS benchmark. An upstream: node dist/bench/https-peers.js upstream CERT KEY. The yardstick, a proxy that
// ends TLS on both sides and knows nothing of HTTP: node dist/bench/https-peers.js proxy CERT KEY CA TARGET_PORT. Each prints its port.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import type { Server } from 'node:tls';

const [role = '', certPath = '', keyPath = '', caPath = '', target = ''] = process.argv.slice(2);
const identity = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
const ANSWER = Buffer.from(
  JSON.stringify({ items: Array.from({ length: 8 }, (_, id) => ({ id, name: `item ${id}` })) }),
);
const PIECE = Buffer.alloc(64 * 1024, 'x');

/** `/bytes/N` streams N bytes; everything else is one small document. */
function createUpstream(): Server {
  return createServer(identity, (request, response) => {
    const wanted = /^\/bytes\/(\d+)$/.exec(request.url ?? '')?.[1];
    if (wanted === undefined) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length });
      response.end(ANSWER);
      return;
    }
    let left = Number(wanted);
    response.writeHead(200, { 'content-length': left });
    const fill = (): void => {
      for (; left > 0;) {
        const piece = PIECE.subarray(0, Math.min(PIECE.length, left));
        left -= piece.length;
        if (!response.write(piece)) {
          response.once('drain', fill);
          return;
        }
      }
      response.end();
    };
    fill();
  });
}

function createProxy(): Server {
  const ca = readFileSync(caPath);
  return createTlsServer({ ...identity, ALPNProtocols: ['http/1.1'] }, (client) => {
    const upstream = connect({
      host: '127.0.0.1',
      port: Number(target),
      servername: 'localhost',
      ca,
      ALPNProtocols: ['http/1.1'],
    });
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    client.pipe(upstream);
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
}

const server = role === 'proxy' ? createProxy() : createUpstream();
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
