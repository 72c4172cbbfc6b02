// A name server of the real wire format for tests: fixed answers, and what it was asked.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode, type Answer } from 'dns-packet';
import type { CleanUp } from './temp.ts';

export interface TestNameServer {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly asked: ReadonlySet<string>;
}

/** Answers A and AAAA from the table (name → addresses); other names do not exist. */
export async function startNameServer(
  cleanUp: CleanUp,
  table: Readonly<Record<string, readonly string[]>>,
): Promise<TestNameServer> {
  const asked = new Set<string>();
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const query = decode(message);
    const question = query.questions?.[0];
    const name = question?.name ?? '';
    asked.add(name);
    const addresses = table[name];
    const answers = (addresses ?? [])
      .filter((address) => question?.type === (address.includes(':') ? 'AAAA' : 'A'))
      .map((data): Answer => ({ name, type: data.includes(':') ? 'AAAA' : 'A', ttl: 1, data }));
    const flags = addresses === undefined ? 3 : 0;
    const reply = encode({ type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [], answers });
    socket.send(reply, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanUp.after(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}
