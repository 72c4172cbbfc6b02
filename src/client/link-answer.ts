// What every call to the gateway shares: how it fails, and how its answer is read.
import type { IncomingMessage } from 'node:http';

/** A call that did not work, with what to do. `status` is HTTP's; 0 when there was no answer. */
export class LinkError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LinkError';
    this.status = status;
  }
}

/** The whole body as text. Rejects with LinkError when it is longer than `maxBytes`, or with what cut it off. */
export async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) {
      throw new LinkError(0, 'the answer is longer than any of a gateway');
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
