// A session that looks at nothing: what one side sends goes to the other, ends are passed on each for itself, a reset as a reset. Pure.
import type { FinishReason, Session, SessionCommand, SessionEvent, Side } from '../../protocols/session.ts';
import { otherSide } from '../../protocols/session.ts';

/** `onBytes` is told of every chunk. */
export function createPlainSession(onBytes: () => void): Session {
  const ended = new Set<Side>();
  const end = (from: Side, how: 'fin' | 'reset'): readonly SessionCommand[] => {
    if (how === 'reset') {
      return [finish({ kind: 'reset', detail: `the ${from} broke the connection off` })];
    }
    const to = otherSide(from);
    if (!ended.has(to)) {
      ended.add(from);
      return [{ kind: 'end', to }];
    }
    return [{ kind: 'end', to }, finish({ kind: `${to}-closed`, detail: `the ${to} ended first, then the ${from}` })];
  };
  return {
    idle: false,
    paused: () => false,
    handle(event: SessionEvent): readonly SessionCommand[] {
      switch (event.kind) {
        case 'data':
          onBytes();
          return [{ kind: 'send', to: otherSide(event.from), bytes: event.bytes }];
        case 'ended':
          return end(event.from, event.how);
        case 'draining':
          return [finish({ kind: 'drained', detail: event.why })];
        case 'judged':
        case 'waiting':
        case 'awaited':
        case 'parked':
        case 'cancel-requested':
          return [];
      }
    },
  };
}

function finish(reason: FinishReason): SessionCommand {
  return { kind: 'finish', reason };
}
