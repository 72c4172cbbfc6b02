// The upstream's side of an exchange whose credential was made for a time (an access token): where the upstream refuses it before its time,
// it is made anew once and the request sent again. A second refusal is a failure of the gateway's, not of the agent's (KU-08).
import type { Duplex } from 'node:stream';
import { messageOf } from '../../lib/errors.ts';
import type { Field, HttpResponse } from './request.ts';
import type { Leg, LegEvents, LegFailure, Outgoing, ResponseStart, Upstreams } from './sides.ts';

export interface RenewingParts {
  readonly upstreams: Upstreams;
  readonly events: LegEvents;
  /** The same request with a credential made anew. Rejects where it cannot be had. */
  readonly renew: () => Promise<Outgoing>;
}

/** Starts the request. Whole requests only: what would still have to be streamed cannot be sent twice. */
export function startRenewingLeg(outgoing: Outgoing, parts: RenewingParts): Leg {
  const leg = new RenewingLeg(parts);
  leg.begin(outgoing);
  return leg;
}

const FIRST = 1;

class RenewingLeg implements Leg {
  readonly #parts: RenewingParts;
  #leg: Leg | null = null;
  /** Which attempt may still speak: the first, the second, or none. */
  #attempt = 0;
  #cancelled = false;
  #flowing = true;

  constructor(parts: RenewingParts) {
    this.#parts = parts;
  }

  begin(outgoing: Outgoing): void {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const leg = this.#parts.upstreams.start(outgoing, new Attempt(this.#parts.events, this, attempt));
    // It may have been refused before it was there.
    if (this.#attempt !== attempt || this.#cancelled) {
      leg.cancel();
      return;
    }
    this.#leg = leg;
    if (!this.#flowing) {
      leg.setFlow(false);
    }
  }

  speaks(attempt: number): boolean {
    return !this.#cancelled && this.#attempt === attempt;
  }

  /** The upstream does not accept the credential. */
  refused(attempt: number): void {
    const old = this.#leg;
    this.#leg = null;
    // From here on the answer is nobody's.
    this.#attempt += 1;
    old?.cancel();
    if (attempt > FIRST) {
      this.#fail('the upstream refused the credential of the gateway twice');
      return;
    }
    // Owned: it never rejects, and `cancel` makes its end nobody's.
    void this.#renew();
  }

  async #renew(): Promise<void> {
    try {
      const outgoing = await this.#parts.renew();
      if (!this.#cancelled) {
        this.begin(outgoing);
      }
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  #fail(why: string): void {
    if (!this.#cancelled) {
      this.#cancelled = true;
      this.#parts.events.failed({ kind: 'credential', why, reused: false });
      this.#parts.events.turnEnded();
    }
  }

  write(bytes: Buffer): boolean {
    return this.#leg?.write(bytes) ?? true;
  }

  end(): void {
    this.#leg?.end();
  }

  setFlow(flowing: boolean): void {
    this.#flowing = flowing;
    this.#leg?.setFlow(flowing);
  }

  cancel(): void {
    this.#cancelled = true;
    this.#leg?.cancel();
  }
}

/** What one attempt tells: nothing any more once it was given up. */
class Attempt implements LegEvents {
  readonly #events: LegEvents;
  readonly #leg: RenewingLeg;
  readonly #attempt: number;

  constructor(events: LegEvents, leg: RenewingLeg, attempt: number) {
    this.#events = events;
    this.#leg = leg;
    this.#attempt = attempt;
  }

  get #speaks(): boolean {
    return this.#leg.speaks(this.#attempt);
  }

  interim(head: HttpResponse): void {
    if (this.#speaks) {
      this.#events.interim(head);
    }
  }

  head(head: ResponseStart): void {
    if (!this.#speaks) {
      return;
    }
    if (head.status === 401) {
      this.#leg.refused(this.#attempt);
    } else {
      this.#events.head(head);
    }
  }

  data(bytes: Buffer): void {
    if (this.#speaks) {
      this.#events.data(bytes);
    }
  }

  end(trailers: readonly Field[]): void {
    if (this.#speaks) {
      this.#events.end(trailers);
    }
  }

  turnEnded(): void {
    if (this.#speaks) {
      this.#events.turnEnded();
    }
  }

  failed(failure: LegFailure): void {
    if (this.#speaks) {
      this.#events.failed(failure);
    }
  }

  writable(): void {
    if (this.#speaks) {
      this.#events.writable();
    }
  }

  upgraded(head: ResponseStart, stream: Duplex): void {
    if (this.#speaks) {
      this.#events.upgraded(head, stream);
    } else {
      stream.destroy();
    }
  }
}
