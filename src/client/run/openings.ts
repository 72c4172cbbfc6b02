// Ports that the user opened between a run and its machine: `--expose` (a port in the run, at the machine's loopback) and `--host-loopback` (the
// other way). Both sides meet at a unix socket to which only the inner half connects: what lies at a path that the command can change must never
// be dialled from outside.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { couple } from './couple.ts';
import { readUntil } from './read-until.ts';
import type { Beginning } from './read-until.ts';

/** Connections over one run's openings at the same time. */
const MAX_OPEN = 64;
/** Until the other side of a connection is there. */
const MEET_MS = 10_000;
/** The line with which a connection says what it is for. */
const NAMING: Beginning = { mark: '\n', maxBytes: 200, withinMs: MEET_MS };
const LOOPBACK = '127.0.0.1';

/** What the inner half needs to know; null = nothing is open. */
export interface OpeningsPlan {
  readonly path: string;
  /** Begins what is said there: other runs of the same user see the socket too, and must get nothing by it. */
  readonly key: string;
  /** Ports of the machine's loopback that the run has. */
  readonly hostLoopback: readonly number[];
}

/** The inner half is to connect its port with the socket that waits under that name. */
export interface ExposeRequest {
  readonly kind: 'expose';
  readonly port: number;
  readonly name: string;
}

export interface OuterOpenings {
  readonly plan: OpeningsPlan;
  close(): void;
}

export interface Asked {
  readonly expose: readonly number[];
  readonly hostLoopback: readonly number[];
}

/** The outer side. `ask` tells the inner half. Rejects with Error when a port is taken. */
export async function openOuterOpenings(asked: Asked, ask: (request: ExposeRequest) => void): Promise<OuterOpenings> {
  const openings = new OpenOpenings(asked, ask);
  try {
    await openings.open();
  } catch (error) {
    openings.close();
    throw error;
  }
  return openings;
}

class OpenOpenings implements OuterOpenings {
  readonly plan: OpeningsPlan;
  readonly #asked: Asked;
  readonly #ask: (request: ExposeRequest) => void;
  readonly #folder = mkdtempSync(join(tmpdir(), 'clawpatrol-run-'));
  readonly #servers: Server[] = [];
  readonly #open = new Set<Socket>();
  /** Those who came to an exposed port and whose other end is not there yet, by name. */
  readonly #waiting = new Map<string, Socket>();

  constructor(asked: Asked, ask: (request: ExposeRequest) => void) {
    this.#asked = asked;
    this.#ask = ask;
    const path = join(this.#folder, 'openings.sock');
    this.plan = { path, key: randomBytes(16).toString('hex'), hostLoopback: asked.hostLoopback };
  }

  async open(): Promise<void> {
    const { path } = this.plan;
    this.#servers.push(
      await listen({ path }, (socket) =>
        this.#hold(socket) ? readUntil(socket, NAMING, (line) => this.#meet(socket, line.slice(0, -1))) : undefined,
      ),
    );
    chmodSync(path, 0o600);
    for (const port of this.#asked.expose) {
      this.#servers.push(await listen({ host: LOOPBACK, port }, (socket) => this.#expose(socket, port)));
    }
  }

  close(): void {
    this.#servers.forEach((server) => server.close());
    this.#open.forEach((socket) => socket.destroy());
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** False, and the socket is gone, when there are too many. */
  #hold(socket: Socket): boolean {
    socket.on('error', () => socket.destroy());
    if (this.#open.size >= MAX_OPEN * 2) {
      socket.destroy();
      return false;
    }
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return true;
  }

  #expose(socket: Socket, port: number): void {
    if (!this.#hold(socket)) {
      return;
    }
    const name = randomBytes(16).toString('hex');
    this.#waiting.set(name, socket);
    const limit = setTimeout(() => (this.#waiting.delete(name) ? socket.destroy() : undefined), MEET_MS);
    socket.once('close', () => {
      clearTimeout(limit);
      this.#waiting.delete(name);
    });
    this.#ask({ kind: 'expose', port, name });
  }

  #meet(socket: Socket, line: string): void {
    const [key = '', kind = '', word = ''] = line.split(' ');
    const other = key === this.plan.key ? this.#findOther(kind, word) : null;
    if (other === null) {
      socket.destroy();
    } else {
      couple(socket, other);
    }
  }

  #findOther(kind: string, word: string): Socket | null {
    if (kind === 'expose') {
      const waiting = this.#waiting.get(word) ?? null;
      this.#waiting.delete(word);
      return waiting;
    }
    const port = Number(word);
    if (kind !== 'host-loopback' || !this.#asked.hostLoopback.includes(port)) {
      return null;
    }
    const far = connect({ host: LOOPBACK, port, allowHalfOpen: true });
    return this.#hold(far) ? far : null;
  }
}

/** The inner side: ports of the machine's loopback, at this one's. Rejects with Error. */
export async function openInnerOpenings({ path, key, hostLoopback }: OpeningsPlan): Promise<void> {
  for (const port of hostLoopback) {
    await listen({ host: LOOPBACK, port }, (near) => {
      const far = connect({ path, allowHalfOpen: true });
      far.write(`${key} host-loopback ${port}\n`);
      couple(near, far);
    });
  }
}

/** Connects a port inside with what waits outside. */
export function answerExpose({ path, key }: OpeningsPlan, { port, name }: ExposeRequest): void {
  const near = connect({ host: LOOPBACK, port, allowHalfOpen: true });
  const far = connect({ path, allowHalfOpen: true });
  far.write(`${key} expose ${name}\n`);
  couple(near, far);
}

function listen(
  where: { readonly path: string } | { readonly host: string; readonly port: number },
  accept: (socket: Socket) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
    server.once('error', reject);
    server.listen(where, () => resolve(server));
  });
}
