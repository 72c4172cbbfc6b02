// A client's connection as the gateway holds it: a TCP socket, or a stream that was carried to it inside another connection.
import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** What is asked of a client's connection beside its bytes. A `net.Socket` is one. */
export interface ClientSocket extends Duplex {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Breaks it off so that the client sees that it was not ended. */
  resetAndDestroy(): unknown;
  /** Ends it once what was written has gone. */
  destroySoon(): void;
  setKeepAlive(on: boolean, initialDelayMs: number): unknown;
}

/**
 * The inside of a connection that another protocol has opened (CONNECT over TLS). Not the TLS socket itself: that cannot be reset, and code that
 * takes a `net.Socket` for TCP would try.
 */
export class CarriedStream extends Duplex implements ClientSocket {
  readonly #inner: Duplex;
  readonly #tcp: Socket;
  #broken = false;
  bytesRead = 0;
  bytesWritten = 0;

  /** `inner` carries the bytes; `tcp` is what it runs over, or the same. */
  constructor(inner: Duplex, tcp: Socket) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#tcp = tcp;
    inner.on('data', (chunk: Buffer) => {
      this.bytesRead += chunk.length;
      if (!this.push(chunk)) {
        inner.pause();
      }
    });
    inner.on('end', () => this.push(null));
    inner.on('error', (error) => this.destroy(error));
    inner.on('close', () => this.destroy());
  }

  resetAndDestroy(): void {
    this.#broken = true;
    this.destroy();
  }

  destroySoon(): void {
    if (this.writable) {
      this.end();
    }
    if (this.writableFinished) {
      this.destroy();
    } else {
      this.once('finish', () => this.destroy());
    }
  }

  setKeepAlive(on: boolean, initialDelayMs: number): void {
    this.#tcp.setKeepAlive(on, initialDelayMs);
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.bytesWritten += chunk.length;
    this.#inner.write(chunk, encoding, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(() => done());
  }

  /** What did not come to its end is broken off: whoever reads it must not take it for whole. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if ((this.#broken || !this.writableFinished) && !this.#tcp.destroyed) {
      this.#tcp.resetAndDestroy();
    }
    this.#inner.destroy();
    done(error);
  }
}
