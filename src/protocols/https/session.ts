// What runs between the two streams after a judged upgrade on an `https` endpoint. While no rule reads messages bytes pass both ways as they
// are, ends and resets are passed on (HT-42), and only where frames begin and end is followed: from the next message after a policy
// that reads them came into force, each is judged (http/websocket.ts). Where a judgement cannot begin any more, the client has to
// connect again.
import type { UpgradeParts } from '../http/flavour.ts';
import type { HttpRequest, HttpResponse } from '../http/request.ts';
import { compressionOf } from '../http/websocket-deflate.ts';
import { FrameFollower } from '../http/websocket-follow.ts';
import { closeFrame } from '../http/websocket-frames.ts';
import { createMessageSession, readsMessages } from '../http/websocket.ts';
import type { FinishReason, Session, SessionCommand, SessionEvent, Side } from '../session.ts';
import { otherSide } from '../session.ts';

/** "Service restart": clients connect again (RFC 6455, 7.4, as registered with IANA). */
const CLOSE_RESTART = 1012;

export function createWebSocketSession(request: HttpRequest, response: HttpResponse, parts: UpgradeParts): Session {
  return new WebSocketSession(request, response, parts);
}

class WebSocketSession implements Session {
  readonly idle = false;
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  readonly #parts: UpgradeParts;
  /** Null while nothing reads messages. */
  #judged: Session | null = null;
  #policy: unknown;
  readonly #followed: Readonly<Record<Side, FrameFollower>> = {
    client: new FrameFollower('client'),
    upstream: new FrameFollower('server'),
  };
  /** A side whose bytes are no frames passes all the same. */
  readonly #lost = new Set<Side>();
  readonly #ended = new Set<Side>();

  constructor(request: HttpRequest, response: HttpResponse, parts: UpgradeParts) {
    this.#request = request;
    this.#response = response;
    this.#parts = parts;
    this.#policy = parts.policy();
    if (readsMessages(parts)) {
      this.#judged = createMessageSession(request, response, parts);
    }
  }

  paused(side: Side): boolean {
    return this.#judged?.paused(side) ?? false;
  }

  handle(event: SessionEvent): readonly SessionCommand[] {
    if (this.#judged === null && event.kind === 'data' && event.from === 'client' && !this.#begin()) {
      return this.#restart();
    }
    return this.#judged === null ? this.#pass(event) : this.#judged.handle(event);
  }

  /** Looks whether messages are read now. False: they are, and what comes next cannot be judged. */
  #begin(): boolean {
    const policy = this.#parts.policy();
    if (policy === this.#policy) {
      return true;
    }
    this.#policy = policy;
    if (!readsMessages(this.#parts)) {
      return true;
    }
    const { client, upstream } = this.#followed;
    const compression = compressionOf(this.#response);
    // What earlier messages left in the window is not known.
    const readable = compression.kind !== 'deflate' || !compression.keepsContext || !client.compressed;
    if (!readable || !client.betweenMessages || this.#lost.size > 0 || this.#ended.size > 0) {
      return false;
    }
    this.#judged = createMessageSession(this.#request, this.#response, { ...this.#parts, server: upstream });
    return true;
  }

  #restart(): readonly SessionCommand[] {
    const detail = 'rules that read messages are in force now; connect again';
    const between = this.#followed.upstream.atBoundary && !this.#lost.has('upstream');
    const close: SessionCommand = { kind: 'send', to: 'client', bytes: closeFrame(CLOSE_RESTART, detail, 'client') };
    return [...(between ? [close] : []), finish('drained', detail)];
  }

  #pass(event: SessionEvent): readonly SessionCommand[] {
    switch (event.kind) {
      case 'data':
        if (!this.#lost.has(event.from) && typeof this.#followed[event.from].follow(event.bytes, false) === 'string') {
          this.#lost.add(event.from);
        }
        return [{ kind: 'send', to: otherSide(event.from), bytes: event.bytes }];
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
    const end: SessionCommand = { kind: 'end', to: otherSide(from) };
    return this.#ended.size === 2
      ? [end, finish(from === 'client' ? 'client-closed' : 'upstream-closed', `the ${from} ended last`)]
      : [end];
  }
}

function finish(kind: FinishReason['kind'], detail: string): SessionCommand {
  return { kind: 'finish', reason: { kind, detail } };
}
