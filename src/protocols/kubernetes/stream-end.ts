// What exec and attach say at their end, on a channel or stream of its own: a metav1.Status. What we say when we end them. And the
// half-closes of raw streams.
import { Unknown } from '../../rules/action.ts';
import type { SessionCommand, SessionEvent, Side } from '../session.ts';
import { isList, parseJson, textAt, valueAt } from './json.ts';

const MAX_STATUS_BYTES = 64 * 1024;

/** How a stream ended, in the protocol's own words. */
export interface StreamEnding {
  readonly kind: 'ok' | 'error';
  /** `exit 3`, or a reason; "" when it went well. */
  readonly errorCode: string;
}

/** Collects the status that the server sends last. */
export class EndStatus {
  #bytes: Buffer = Buffer.alloc(0);

  add(bytes: Buffer): void {
    if (this.#bytes.length + bytes.length <= MAX_STATUS_BYTES) {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
    }
  }

  /** Null when the server said nothing. */
  get ending(): StreamEnding | null {
    if (this.#bytes.length === 0) {
      return null;
    }
    const status = parseJson(this.#bytes.toString('utf8'));
    if (status instanceof Unknown) {
      // Older servers say a failure in plain words.
      return { kind: 'error', errorCode: 'failed' };
    }
    if (textAt(status, 'status') === 'Success') {
      return { kind: 'ok', errorCode: '' };
    }
    const causes = valueAt(status, 'details', 'causes');
    const exit = isList(causes) ? causes.find((cause) => textAt(cause, 'reason') === 'ExitCode') : undefined;
    const code = textAt(exit, 'message');
    const errorCode = /^\d{1,3}$/.test(code) ? `exit ${code}` : textAt(status, 'reason').slice(0, 64) || 'failed';
    return { kind: 'error', errorCode };
  }
}

/** What the person or agent at the other end of a command is told when it is going to be cut off; `why` is one of our own texts. */
export function farewell(why: string, tty: boolean): Buffer {
  return Buffer.from(`${tty ? '\r' : ''}\nclawpatrol: ${why}; this session will be closed${tty ? '\r' : ''}\n`);
}

/** Passes half-closes on; the streams are over when both sides have ended. */
export class HalfCloses {
  readonly #ended = new Set<Side>();

  handle(event: SessionEvent & { readonly kind: 'ended' }): readonly SessionCommand[] {
    const { from, how } = event;
    const kind = from === 'client' ? 'client-closed' : 'upstream-closed';
    if (how === 'reset') {
      return [{ kind: 'finish', reason: { kind: 'reset', detail: `the ${from} broke the stream off` } }];
    }
    this.#ended.add(from);
    const to = from === 'client' ? 'upstream' : 'client';
    return this.#ended.size === 2 ? [{ kind: 'finish', reason: { kind, detail: '' } }] : [{ kind: 'end', to }];
  }
}
