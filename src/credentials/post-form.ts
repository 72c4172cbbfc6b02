// One HTTP call that the gateway makes for itself: a form to a token endpoint. Bounded in time and size; redirects are not followed.
import type { Clock } from '../lib/clock.ts';

export interface Posted {
  readonly status: number;
  readonly text: string;
}

/** Rejects when there is no answer within the limit, or a longer one than a token endpoint gives. */
export type PostForm = (url: string, form: string) => Promise<Posted>;

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;

export function createPostForm(clock: Clock): PostForm {
  return async (url, form) => {
    const deadline = new AbortController();
    const timer = clock.after(TIMEOUT_MS, () => deadline.abort(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form,
        redirect: 'error',
        signal: deadline.signal,
      });
      const pieces: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const piece of response.body ?? []) {
        sizeBytes += piece.length;
        if (sizeBytes > MAX_BYTES) {
          throw new Error('the answer is longer than 64 KiB');
        }
        pieces.push(piece);
      }
      return { status: response.status, text: Buffer.concat(pieces).toString('utf8') };
    } finally {
      timer.cancel();
      deadline.abort();
    }
  };
}
