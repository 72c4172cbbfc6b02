// An HTTP/1 client that says exactly what a test writes, and waits for exactly what it expects.
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Duplex } from 'node:stream';

const LIMIT_MS = 60_000;

export class RawHttp {
  readonly stream: Duplex;
  #text = '';
  #ended: 'fin' | 'reset' | null = null;
  #wake: (() => void)[] = [];

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', (bytes: Buffer) => {
      this.#text += bytes.toString('latin1');
      this.#changed();
    });
    stream.on('end', () => this.#end('fin'));
    stream.on('error', () => this.#end('reset'));
    stream.on('close', () => this.#end('reset'));
  }

  static async plain(port: number): Promise<RawHttp> {
    const socket = connectPlain({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    await opened(socket, 'connect');
    return new RawHttp(socket);
  }

  static async tls(port: number, ca: string, servername: string = 'api.test', over?: Socket): Promise<RawHttp> {
    const options = { ca, servername, ALPNProtocols: ['http/1.1'], allowHalfOpen: true };
    const socket =
      over === undefined
        ? connectTls({ ...options, host: '127.0.0.1', port })
        : connectTls({ ...options, socket: over });
    await opened(socket, 'secureConnect');
    return new RawHttp(socket);
  }

  write(...lines: readonly string[]): void {
    this.stream.write(lines.join('\r\n'), 'latin1');
  }

  /** A request without a body. */
  get(path: string, ...headers: readonly string[]): void {
    this.write(`GET ${path} HTTP/1.1`, 'Host: api.test', ...headers, '', '');
  }

  /** What has come and was not taken. */
  get text(): string {
    return this.#text;
  }

  get ended(): 'fin' | 'reset' | null {
    return this.#ended;
  }

  /** Waits for the pattern, and gives what came up to its end. */
  async until(pattern: RegExp | string): Promise<string> {
    await this.#wait(
      () => this.#at(pattern) !== -1,
      `${String(pattern)} in ${JSON.stringify(this.#text.slice(0, 500))}`,
    );
    const end = this.#at(pattern);
    const taken = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return taken;
  }

  /** One answer with Content-Length: its status line, headers and body. */
  async answer(): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
    const head = await this.until('\r\n\r\n');
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    await this.#wait(() => this.#text.length >= length || this.#ended !== null, 'the body');
    const body = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return { status: Number(head.split(' ')[1]), head, body };
  }

  /** Waits until the other side has ended or reset the connection. */
  async end(): Promise<'fin' | 'reset'> {
    await this.#wait(() => this.#ended !== null, 'the end of the connection');
    return this.#ended ?? 'reset';
  }

  close(): void {
    this.stream.destroy();
  }

  #at(pattern: RegExp | string): number {
    if (typeof pattern === 'string') {
      const at = this.#text.indexOf(pattern);
      return at === -1 ? -1 : at + pattern.length;
    }
    const match = pattern.exec(this.#text);
    return match === null ? -1 : match.index + match[0].length;
  }

  #end(how: 'fin' | 'reset'): void {
    this.#ended ??= how;
    this.#changed();
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) {
      wake();
    }
  }

  async #wait(done: () => boolean, what: string): Promise<void> {
    const limit = { passed: false };
    const timer = setTimeout(() => {
      limit.passed = true;
      this.#changed();
    }, LIMIT_MS);
    while (!done() && !limit.passed && this.#ended === null) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    clearTimeout(timer);
    if (!done()) {
      throw new Error(`${limit.passed ? 'waited too long' : `the connection ended (${this.#ended})`} for ${what}`);
    }
  }
}

function opened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once('error', reject);
  });
}
