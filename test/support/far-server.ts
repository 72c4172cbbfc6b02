// Servers of a far network, each on a port of its own: node far-server.js. Says `ready` when all listen.
// 7000 sends back what it gets and, after the client's end, `bye`; 22 speaks first; 7001 breaks off; 7002 sends without end; 443 and 80 say
// how many bytes came; 7003 takes everything and sends back its length; 7004 takes twelve digits and as many bytes, and tells their SHA-256.
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

const SERVERS: readonly (readonly [number, (socket: Socket) => void])[] = [
  [7000, sendBack],
  [22, speakFirst],
  [7001, (socket) => void socket.once('data', () => socket.resetAndDestroy())],
  [7002, flood],
  [7003, countAll],
  [7004, digest],
  [443, countAll],
  [80, countAll],
];

function sendBack(socket: Socket): void {
  socket.on('data', (chunk: Buffer) => void socket.write(chunk));
  socket.on('end', () => void socket.end('bye'));
}

function speakFirst(socket: Socket): void {
  socket.write('SSH-2.0-far\r\n');
  sendBack(socket);
}

function flood(socket: Socket): void {
  const chunk = Buffer.alloc(65_536, 'x');
  const fill = (): void => {
    while (!socket.destroyed && socket.write(chunk)) {
      // Until it is full.
    }
  };
  socket.on('drain', fill);
  socket.resume();
  fill();
}

function countAll(socket: Socket): void {
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  socket.on('end', () => void socket.end(`got ${bytes}`));
}

const LENGTH_DIGITS = 12;

function digest(socket: Socket): void {
  const hash = createHash('sha256');
  let digits = '';
  let left = 0;
  socket.on('data', (chunk: Buffer) => {
    const lacking = LENGTH_DIGITS - digits.length;
    digits += chunk.toString('latin1', 0, lacking);
    if (digits.length < LENGTH_DIGITS) {
      return;
    }
    left += lacking > 0 ? Number(digits) : 0;
    const body = chunk.subarray(lacking);
    left -= body.length;
    hash.update(body);
    if (left === 0) {
      socket.end(`${hash.digest('hex')}\n`);
    }
  });
}

for (const [port, serve] of SERVERS) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => void server.listen(port, '::', resolve));
}
process.stdout.write('ready\n');
