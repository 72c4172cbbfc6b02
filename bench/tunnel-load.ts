// The load of the tunnel's benchmark, run on the device: node tunnel-load.js down|up HOST PORT BYTES → MiB/s; connect HOST PORT SECONDS CLIENTS →
// new connections a second, each of which sends one byte and has one back.
import { connect } from 'node:net';

const [kind = '', host = '', port = '', amount = '', clients = '1'] = process.argv.slice(2);
const LENGTH_DIGITS = 12;
const CHUNK = Buffer.alloc(65_536, 'z');

function finish(figure: number): never {
  process.stdout.write(`${figure.toFixed(1)}\n`);
  process.exit(0);
}

const mib = (bytes: number, startedMs: number): number => bytes / 1024 ** 2 / ((performance.now() - startedMs) / 1000);

/** Takes so many bytes from a server that sends without end. */
function down(bytes: number): void {
  const startedMs = performance.now();
  let got = 0;
  const socket = connect({ host, port: Number(port) });
  socket.on('data', (chunk: Buffer) => {
    got += chunk.length;
    if (got >= bytes) {
      finish(mib(got, startedMs));
    }
  });
}

/** Sends so many bytes, and is told when they have come. */
function up(bytes: number): void {
  const startedMs = performance.now();
  const socket = connect({ host, port: Number(port) });
  let left = bytes;
  const fill = (): void => {
    while (left > 0) {
      const chunk = CHUNK.subarray(0, Math.min(left, CHUNK.length));
      left -= chunk.length;
      if (!socket.write(chunk)) {
        socket.once('drain', fill);
        return;
      }
    }
  };
  socket.on('data', () => finish(mib(bytes, startedMs)));
  socket.write(String(bytes).padStart(LENGTH_DIGITS, '0'), () => fill());
}

function connectOften(seconds: number, side: number): void {
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  let done = 0;
  const one = (): void => {
    const socket = connect({ host, port: Number(port), noDelay: true }, () => void socket.write('x'));
    socket.once('data', () => {
      done += 1;
      socket.destroy();
      next();
    });
    socket.on('error', (error) => {
      throw error;
    });
  };
  const next = (): void => {
    const nowMs = performance.now();
    if (nowMs >= untilMs) {
      finish(done / ((nowMs - startedMs) / 1000));
    }
    one();
  };
  for (let at = 0; at < side; at += 1) {
    one();
  }
}

switch (kind) {
  case 'down':
    down(Number(amount));
    break;
  case 'up':
    up(Number(amount));
    break;
  default:
    connectOften(Number(amount), Number(clients));
}
