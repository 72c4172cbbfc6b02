// What the two sides agreed on about compression (RFC 7692), and taking it off messages of the client. zlib's one-shot calls keep
// no state between messages; what the earlier ones left in the window is given to them as a dictionary.
import { constants, inflateRaw, inflateRawSync } from 'node:zlib';
import type { ZlibOptions } from 'node:zlib';
import { asciiLower } from '../../lib/text.ts';
import { isInfo } from './codings.ts';
import { parseParameters } from './headers.ts';
import { fieldValues } from './request.ts';
import type { HttpResponse } from './request.ts';
import { MAX_MESSAGE_BYTES } from './websocket-frames.ts';

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const EMPTY_BLOCK = Buffer.from([0, ...TAIL]);
const WINDOW_BYTES = 32 * 1024;
const PARAMETERS: ReadonlySet<string> = new Set([
  'server_no_context_takeover',
  'client_no_context_takeover',
  'server_max_window_bits',
  'client_max_window_bits',
]);

export type Compression =
  | { readonly kind: 'none' }
  | { readonly kind: 'deflate'; readonly keepsContext: boolean }
  /** An extension that is not known: nobody can tell what frames mean. */
  | { readonly kind: 'unknown' };

/** What the server's 101 says. */
export function compressionOf(response: HttpResponse): Compression {
  const offered = fieldValues(response.fields, 'sec-websocket-extensions').filter((value) => value.trim() !== '');
  if (offered.length === 0) {
    return { kind: 'none' };
  }
  const [text = ''] = offered;
  const match = /^\s*permessage-deflate\s*(?:;|$)/i.exec(text);
  const parameters = match === null ? null : parseFlags(text.slice(match[0].length));
  if (offered.length > 1 || parameters === null || [...parameters].some((name) => !PARAMETERS.has(name))) {
    return { kind: 'unknown' };
  }
  return { kind: 'deflate', keepsContext: !parameters.has('client_no_context_takeover') };
}

/** Names of parameters, with or without a value; null when malformed or repeated. */
function parseFlags(text: string): ReadonlySet<string> | null {
  const names = text
    .split(';')
    .map((part) => asciiLower(part.trim()))
    .filter((part) => part !== '');
  const read = names.map((part) => (part.includes('=') ? [...(parseParameters(part)?.keys() ?? [''])][0] : part));
  const set = new Set(read.map((name) => name ?? ''));
  return set.size === names.length ? set : null;
}

/** What is short enough for the main thread: a fraction of a millisecond. */
const SHORT_INPUT_BYTES = 16 * 1024;
const SHORT_OUTPUT_BYTES = 256 * 1024;
/** Output that is made off the main thread between two turns of the loop. */
const CHUNK_BYTES = 64 * 1024;

/** Takes compression off the client's messages, in their order: one is asked for when the one before is there. */
export class Inflater {
  readonly #keepsContext: boolean;
  #window: Buffer = Buffer.alloc(0);

  constructor(keepsContext: boolean) {
    this.#keepsContext = keepsContext;
  }

  /** The message at once; null: it is not short, or not good, which `inflate` tells. */
  inflateShort(payload: Buffer): Buffer | null {
    if (payload.length > SHORT_INPUT_BYTES) {
      return null;
    }
    try {
      const input = Buffer.concat([payload, TAIL]);
      return this.#take(input, inflateRawSync(input, this.#options(SHORT_OUTPUT_BYTES)));
    } catch {
      return null;
    }
  }

  /** The message; null: corrupt, longer than a message may be, or with data behind its last block, which some readers read on. */
  inflate(payload: Buffer): Promise<Buffer | null> {
    const input = Buffer.concat([payload, TAIL]);
    return new Promise((resolve) => {
      inflateRaw(input, { ...this.#options(MAX_MESSAGE_BYTES), chunkSize: CHUNK_BYTES }, (error, result: unknown) =>
        resolve(error === null ? this.#take(input, result) : null),
      );
    });
  }

  #options(maxOutputLength: number): ZlibOptions {
    return {
      info: true,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength,
      ...(this.#window.length === 0 ? {} : { dictionary: this.#window }),
    };
  }

  #take(input: Buffer, result: unknown): Buffer | null {
    if (!isInfo(result) || !isNothing(input.subarray(result.engine.bytesWritten))) {
      return null;
    }
    const message = result.buffer;
    if (this.#keepsContext) {
      this.#window = Buffer.from(
        Buffer.concat([this.#window, message.subarray(-WINDOW_BYTES)]).subarray(-WINDOW_BYTES),
      );
    }
    return message;
  }
}

/** What a block that says it is the last one may leave of the input: an empty block (RFC 7692, 7.2.3.4), with or without its first byte. */
function isNothing(rest: Buffer): boolean {
  return rest.length === 0 || rest.equals(TAIL) || rest.equals(EMPTY_BLOCK);
}
