// What runs between the two streams after a judged upgrade on an `https` endpoint where no rule reads messages: bytes pass both ways as they
// are, ends and resets are passed on (HT-42).
import type { FinishReason, Session, SessionCommand, SessionEvent, Side } from '../session.ts';

/** A session that looks at nothing. */
export function createPassingSession(): Session {
  return new PassingSession();
}

class PassingSession implements Session {
  readonly #ended = new Set<Side>();
  readonly idle = false;

  paused(): boolean {
    return false;
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    switch (event.kind) {
      case 'data':
        return [{ kind: 'send', to: other(event.from), bytes: event.bytes }];
      case 'ended':
        return this.#end(event.from, event.how);
      case 'draining':
        return [finish('drained', event.why)];
      case 'judged':
      case 'waiting':
      case 'awaited':
      case 'parked':
      case 'cancel-requested':
        return [];
    }
  }

  #end(from: Side, how: 'fin' | 'reset'): readonly SessionCommand[] {
    if (how === 'reset') {
      return [finish('reset', `the ${from} reset the connection`)];
    }
    this.#ended.add(from);
    const end: SessionCommand = { kind: 'end', to: other(from) };
    return this.#ended.size === 2
      ? [end, finish(from === 'client' ? 'client-closed' : 'upstream-closed', `the ${from} ended last`)]
      : [end];
  }
}

function other(side: Side): Side {
  return side === 'client' ? 'upstream' : 'client';
}

function finish(kind: FinishReason['kind'], detail: string): SessionCommand {
  return { kind: 'finish', reason: { kind, detail } };
}
