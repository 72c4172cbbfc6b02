// A client that tries one thing on the network and says in one word what came of it; run inside another network.
// node probe.js [briefly] tcp HOST PORT | udp HOST PORT | dns udp|tcp HOST HEX | talk HOST PORT PIECE_BYTES HEX
// `briefly` is for what is to get no answer: `nothing` is said sooner.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6 } from 'node:net';

/** Longer than a handshake of WireGuard takes whose first packet was lost. */
const LIMIT_MS = 30_000;
const BRIEF_MS = 3_000;
const AGAIN_MS = 1_000;

function say(word: string): never {
  process.stdout.write(word);
  process.exit(0);
}

const words = process.argv.slice(2);
const isBrief = words[0] === 'briefly';
const [kind = '', ...args] = isBrief ? words.slice(1) : words;
setTimeout(() => say('nothing'), isBrief ? BRIEF_MS : LIMIT_MS);

function tcp(host: string, port: number): void {
  const socket = connect({ host, port });
  // Bytes that no server expects: who was let through would at least stay connected.
  socket.on('connect', () => void socket.write('\n'));
  socket.on('error', (error) => say('code' in error ? String(error.code) : error.message));
  socket.on('end', () => say('ended'));
}

function udp(host: string, port: number): void {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('error', (error) => say('code' in error ? String(error.code) : error.message));
  socket.on('message', () => say('answered'));
  socket.connect(port, host, () => {
    socket.send('hello');
    // The refusal of the first datagram is told at the second.
    setInterval(() => socket.send('hello'), 200);
  });
}

function dnsUdp(host: string, message: Buffer): void {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('error', (error) => say(error.message));
  socket.on('message', (reply) => say(reply.toString('hex')));
  // A datagram may be lost.
  const ask = (): void => socket.send(message, 53, host);
  setInterval(ask, AGAIN_MS);
  ask();
}

function dnsTcp(host: string, message: Buffer): void {
  const socket = connect({ host, port: 53 });
  let held = Buffer.alloc(0);
  socket.on('error', (error) => say(error.message));
  socket.on('end', () => say('ended'));
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      say(held.subarray(2).toString('hex'));
    }
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
}

/** Sends the bytes in pieces, ends its direction, and says how it ended and what came: `fin`, `ECONNRESET`, …, then the bytes in hex. */
async function talk(host: string, port: number, pieceBytes: number, bytes: Buffer): Promise<void> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  const got: Buffer[] = [];
  const told = (how: string): never => say(`${how} ${Buffer.concat(got).toString('hex')}`);
  socket.on('data', (chunk: Buffer) => void got.push(chunk));
  socket.on('error', (error) => told('code' in error ? String(error.code) : error.message));
  socket.on('end', () => told('fin'));
  await once(socket, 'connect');
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await new Promise((resolve) => socket.write(bytes.subarray(at, at + pieceBytes), resolve));
  }
  if (bytes.length > 0) {
    socket.end();
  }
}

switch (kind) {
  case 'talk':
    await talk(args[0] ?? '', Number(args[1]), Number(args[2]), Buffer.from(args[3] ?? '', 'hex'));
    break;
  case 'tcp':
    tcp(args[0] ?? '', Number(args[1]));
    break;
  case 'udp':
    udp(args[0] ?? '', Number(args[1]));
    break;
  default: {
    const [by = '', host = '', hex = ''] = args;
    (by === 'udp' ? dnsUdp : dnsTcp)(host, Buffer.from(hex, 'hex'));
  }
}
