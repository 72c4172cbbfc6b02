// An interactive stream as asciicast version 2: a header line, then one line for each thing that was shown, typed or resized, with the
// seconds since the beginning. It goes to the audit log in parts as it comes, so that what was shown is kept even when the end is lost.
import type { Clock } from '../../lib/clock.ts';
import type { PtyRequest } from './codec.ts';
import type { Recording } from './host.ts';

/** A part is written when it is that long, or that old. */
const PART_CHARS = 32 * 1024;
const PART_MS = 1_000;
/** What one event shows at most: a program may print a gigabyte in one piece. */
const MAX_EVENT_BYTES = 16 * 1024;

export interface RecordingParts {
  readonly clock: Clock;
  readonly pty: PtyRequest | null;
  readonly title: string;
  /** Keeps a part; false when it cannot be kept. */
  readonly keep: (part: number, text: string) => boolean;
  /** What comes is not kept any more: it must end. */
  readonly lost: () => void;
}

/** Begins a recording; null when not even its first line can be kept. */
export function createRecording(parts: RecordingParts): Recording | null {
  const recording = new Cast(parts);
  return recording.begin() ? recording : null;
}

class Cast implements Recording {
  readonly #parts: RecordingParts;
  readonly #startedMs: number;
  readonly #decoders = { o: new TextDecoder('utf-8'), i: new TextDecoder('utf-8') };
  #text = '';
  #part = 0;
  #timer: { cancel(): void } | null = null;
  #over = false;

  constructor(parts: RecordingParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
  }

  begin(): boolean {
    const { clock, pty, title } = this.#parts;
    const header = {
      version: 2,
      width: pty?.columns ?? 80,
      height: pty?.rows ?? 24,
      timestamp: Math.floor(clock.now() / 1000),
      title,
      env: { TERM: pty?.term ?? '' },
    };
    this.#text = `${JSON.stringify(header)}\n`;
    return this.#flush();
  }

  output(bytes: Buffer): void {
    this.#add('o', bytes);
  }

  input(bytes: Buffer): void {
    this.#add('i', bytes);
  }

  resized({ columns, rows }: Pick<PtyRequest, 'columns' | 'rows'>): void {
    this.#line('r', `${columns}x${rows}`);
  }

  end(): void {
    if (!this.#over) {
      this.#line('o', this.#decoders.o.decode());
      this.#line('i', this.#decoders.i.decode());
      this.#flush();
      this.#over = true;
      this.#timer?.cancel();
    }
  }

  #add(kind: 'o' | 'i', bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += MAX_EVENT_BYTES) {
      // A character may be cut between two pieces: the decoder keeps its first bytes.
      this.#line(kind, this.#decoders[kind].decode(bytes.subarray(at, at + MAX_EVENT_BYTES), { stream: true }));
    }
  }

  #line(kind: 'o' | 'i' | 'r', text: string): void {
    if (text === '' || this.#over) {
      return;
    }
    const seconds = (this.#parts.clock.monotonicMs() - this.#startedMs) / 1000;
    this.#text += `${JSON.stringify([Math.round(seconds * 1e6) / 1e6, kind, text])}\n`;
    if (this.#text.length >= PART_CHARS) {
      this.#flush();
    } else {
      this.#timer ??= this.#parts.clock.after(PART_MS, () => this.#flush());
    }
  }

  #flush(): boolean {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#text === '' || this.#over) {
      return true;
    }
    const text = this.#text;
    this.#text = '';
    if (this.#parts.keep(this.#part, text)) {
      this.#part += 1;
      return true;
    }
    this.#over = true;
    if (this.#part > 0) {
      this.#parts.lost();
    }
    return false;
  }
}
