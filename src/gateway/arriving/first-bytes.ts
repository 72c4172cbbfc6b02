// What a client says first, as far as it tells where it wants to go: the server name of a TLS client. The bytes stay to be read.
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { canonicalHost } from '../../config/hosts.ts';
import type { Clock } from '../../lib/clock.ts';
import { Appender } from '../../lib/gather.ts';
import { beginsTls, ClientHelloReader } from '../../protocols/http/client-hello.ts';

/** From now to the end of the ClientHello; absolute, not per byte. */
const HELLO_MS = 10_000;

export type FirstBytes =
  /** TLS, with a canonical server name. */
  | { readonly kind: 'name'; readonly name: string }
  /** TLS without a name, or with an address in its place (RFC 6066, section 3, has none). */
  | { readonly kind: 'nameless' }
  | { readonly kind: 'malformed'; readonly why: string }
  /** Not TLS. */
  | { readonly kind: 'other' }
  /** The client ended, or said too little in time. */
  | { readonly kind: 'nothing' };

/** Waits for a whole ClientHello, or for what is none. Never rejects. */
export function receiveFirstBytes(
  socket: Socket,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<FirstBytes> {
  return new Promise((resolve) => {
    let held: Buffer = Buffer.alloc(0);
    const appender = new Appender();
    const reader = new ClientHelloReader();
    const finish = (said: FirstBytes): void => {
      deadline.cancel();
      signal.removeEventListener('abort', onGone);
      socket.off('data', onData);
      socket.off('end', onGone);
      socket.off('close', onGone);
      socket.pause();
      if (held.length > 0) {
        socket.unshift(held);
      }
      resolve(said);
    };
    const onData = (chunk: Buffer): void => {
      held = appender.append(held, chunk);
      const said = read(held, reader);
      if (said !== null) {
        finish(said);
      }
    };
    const onGone = (): void => finish({ kind: 'nothing' });
    const deadline = clock.after(HELLO_MS, onGone);
    signal.addEventListener('abort', onGone, { once: true });
    socket.on('data', onData);
    socket.on('end', onGone);
    socket.on('close', onGone);
    if (signal.aborted || socket.destroyed || socket.readableEnded) {
      onGone();
    } else {
      socket.resume();
    }
  });
}

/** Null: more must come. */
function read(held: Buffer, reader: ClientHelloReader): FirstBytes | null {
  if (!beginsTls(held[0] ?? 0)) {
    return { kind: 'other' };
  }
  const taken = reader.take(held);
  switch (taken.kind) {
    case 'incomplete':
      return null;
    case 'malformed':
      return taken;
    case 'hello': {
      const { serverName } = taken.hello;
      const name = serverName === null ? null : canonicalHost(serverName);
      if (name === null && serverName !== null) {
        return { kind: 'malformed', why: 'a server name that is no host' };
      }
      return name === null || isIP(name) !== 0 ? { kind: 'nameless' } : { kind: 'name', name };
    }
  }
}
