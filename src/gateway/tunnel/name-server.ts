// The sockets of the name server: UDP at the gateway's own tunnel addresses (the kernel's rules lead every question there, whatever resolver
// was asked), and questions over TCP, which arrive as intercepted connections. Every device has its own share of answers.
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError, messageOf } from '../../lib/errors.ts';
import { Appender } from '../../lib/gather.ts';
import { canonicalIp } from '../dialling/addresses.ts';

/** Answers of one device: a burst of this many, and this many a second after it. */
const BURST = 400;
const PER_SECOND = 100;
/** A client over TCP may ask again and again; between two questions it may take this long (RFC 7766, section 6.2.3). */
const IDLE_MS = 10_000;
const MAX_QUESTIONS = 1000;

/** The answer for whoever has that tunnel address; null = none is given. */
export type AnswerFor = (message: Buffer, ip: string) => Buffer | null | Promise<Buffer | null>;

export interface NameServer {
  readonly port: number;
  /** Takes over a connection to port 53. */
  serve(socket: Socket): void;
  close(): void;
}

export interface NameServerParts {
  /** IPv4 and IPv6 address to listen at. */
  readonly addresses: { readonly v4: string; readonly v6: string };
  readonly clock: Clock;
  readonly answer: AnswerFor;
}

/** Rejects with GatewayError LISTEN_FAILED. */
export async function openNameServer(parts: NameServerParts): Promise<NameServer> {
  const { addresses, clock, answer } = parts;
  const budget = createBudget(clock);
  const v4 = createSocket('udp4');
  const v6 = createSocket({ type: 'udp6', ipv6Only: true });
  let closed = false;
  const close = (): void => {
    closed = true;
    [v4, v6].forEach((socket) => socket.close());
  };
  try {
    await listen(v4, addresses.v4, 0);
    await listen(v6, addresses.v6, v4.address().port);
  } catch (error) {
    close();
    const message = `cannot listen for questions about names at ${addresses.v4} and ${addresses.v6}: ${messageOf(error)}`;
    throw new GatewayError('LISTEN_FAILED', 'operator', message, { cause: error });
  }
  for (const socket of [v4, v6]) {
    // A client that is gone before its answer arrives is no trouble of ours.
    socket.on('error', () => {});
    socket.on('message', (message, { address, port }) => {
      // Nobody hears an answer there (RFC 768), and Node throws at sending one: a device that writes such packets must not end us.
      if (port === 0) {
        return;
      }
      const ip = canonicalIp(address);
      const reply = budget(ip) ? answer(message, ip) : null;
      if (reply instanceof Promise) {
        // Owned: it never rejects. Meanwhile the gateway may have stopped.
        void reply.then((bytes) => (closed || bytes === null ? undefined : socket.send(bytes, port, address)));
      } else if (reply !== null) {
        socket.send(reply, port, address);
      }
    });
  }
  return {
    port: v4.address().port,
    serve: (socket) => serveTcp(socket, { clock, answer, budget }),
    close,
  };
}

async function listen(socket: DatagramSocket, address: string, port: number): Promise<void> {
  const listening = once(socket, 'listening');
  socket.bind({ address, port });
  await listening;
}

type Budget = (ip: string) => boolean;

/** A bucket of tokens per address. There are as many addresses as devices. */
function createBudget(clock: Clock): Budget {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return (ip) => {
    const nowMs = clock.monotonicMs();
    const bucket = buckets.get(ip) ?? { tokens: BURST, atMs: nowMs };
    bucket.tokens = Math.min(BURST, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * PER_SECOND);
    bucket.atMs = nowMs;
    buckets.set(ip, bucket);
    if (bucket.tokens < 1) {
      return false;
    }
    bucket.tokens -= 1;
    return true;
  };
}

/** Each message behind its length (RFC 1035, section 4.2.2). What is held is at most one message and what one read brings. */
function serveTcp(
  socket: Socket,
  { clock, answer, budget }: Pick<NameServerParts, 'clock' | 'answer'> & { readonly budget: Budget },
): void {
  const ip = canonicalIp(socket.remoteAddress);
  const appender = new Appender();
  let held: Buffer = Buffer.alloc(0);
  let questions = 0;
  let idle = clock.after(IDLE_MS, () => socket.destroy());
  const send = (reply: Buffer | null): void => {
    questions += 1;
    if (socket.destroyed) {
      return;
    }
    if (reply === null || questions > MAX_QUESTIONS || socket.writableLength > 65_536) {
      socket.destroy();
      return;
    }
    const length = Buffer.alloc(2);
    length.writeUInt16BE(reply.length, 0);
    socket.write(Buffer.concat([length, reply]));
    idle.cancel();
    idle = clock.after(IDLE_MS, () => socket.destroy());
  };
  const answerLater = async (reply: Promise<Buffer | null>): Promise<void> => {
    send(await reply);
    socket.resume();
    work();
  };
  /** One question at a time: while somebody else is asked, nothing is read. */
  const work = (): void => {
    while (!socket.destroyed && held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const end = 2 + held.readUInt16BE(0);
      const reply = budget(ip) ? answer(held.subarray(2, end), ip) : null;
      held = held.subarray(end);
      if (reply instanceof Promise) {
        socket.pause();
        // Owned: it never rejects.
        void answerLater(reply);
        return;
      }
      send(reply);
    }
  };
  socket.on('close', () => idle.cancel());
  socket.on('end', () => socket.end());
  socket.on('data', (chunk: Buffer) => {
    held = appender.append(held, chunk);
    work();
  });
}
