// What is remembered of MCP sessions: who was given which session, stream position and message path, and what the server has asked. An
// id that somebody else was given opens nothing. Pure; one object a gateway, bounded by forgetting what was used least recently.
import { hash } from 'node:crypto';
import { Lru } from '../../lib/lru.ts';
import { Unknown } from '../../rules/action.ts';
import type { McpView } from './flavour.ts';
import { fieldValues } from './request.ts';
import type { HttpRequest, HttpResponse } from './request.ts';

const MAX_SESSIONS = 20_000;
const MAX_EVENTS = 50_000;
const MAX_ASKED = 20_000;
const MAX_TOOLS = 50_000;

const SESSION_FIELD = 'mcp-session-id';
const FOREIGN = 'the MCP session was issued to somebody else';

export class McpSessions {
  /** Owners by session, by path of the older transport, by event id; keys are digests. */
  readonly #sessions = new Lru<string, string>(MAX_SESSIONS);
  readonly #paths = new Lru<string, string>(MAX_SESSIONS);
  /** Owner and target of the request that a session was issued to: unlike an owner that only used it first, it is certain. */
  readonly #issued = new Lru<string, string>(MAX_SESSIONS);
  readonly #events = new Lru<string, string>(MAX_EVENTS);
  /** Methods by session and id of the server's request. */
  readonly #asked = new Lru<string, string>(MAX_ASKED);

  /** Digests of what servers said of tools, by session and name. */
  readonly #tools = new Lru<string, string>(MAX_TOOLS);

  /** How to take back calls that wait, by session and id. */
  readonly #waiting = new Map<string, () => void>();

  /** Calls with these ids wait for somebody; gives what to call when they do no more. */
  wait(owner: string, endpoint: string, parts: WaitingCalls): () => void {
    const scope = scopeOf(owner, sessionKey(endpoint, parts.request));
    const keys = parts.ids.map((id) => askedKey(scope, id));
    keys.forEach((key) => this.#waiting.set(key, parts.cancel));
    return () => {
      for (const key of keys) {
        if (this.#waiting.get(key) === parts.cancel) {
          this.#waiting.delete(key);
        }
      }
    };
  }

  /** The client wants these calls no more. */
  cancel(owner: string, endpoint: string, parts: Omit<WaitingCalls, 'cancel'>): void {
    const scope = scopeOf(owner, sessionKey(endpoint, parts.request));
    parts.ids.forEach((id) => this.#waiting.get(askedKey(scope, id))?.());
  }

  /** What a request of that owner (endpoint, device and profile) may know. */
  viewOf(owner: string, endpoint: string, request: HttpRequest): McpView {
    const ids = fieldValues(request.fields, SESSION_FIELD);
    const key = sessionKey(endpoint, request);
    const mine = ids.length <= 1 && this.#isMine(owner, key) && this.#mayResume(owner, endpoint, request);
    const scope = scopeOf(owner, key);
    return {
      session: mine ? key.slice(0, 16) : new Unknown('unresolved'),
      isIssued: mine && key !== '' && this.#issued.find(key) === issuedTo(owner, request),
      refused: mine ? null : FOREIGN,
      askedBy: (answered) => this.#asked.find(askedKey(scope, answered)),
    };
  }

  /** The id of a session that nobody is known to have been given (before a restart) becomes that of its first user. */
  #isMine(owner: string, key: string): boolean {
    if (key === '') {
      return true;
    }
    const known = this.#sessions.find(key);
    if (known === null) {
      this.#sessions.put(key, owner);
    }
    return known === null || known === owner;
  }

  #mayResume(owner: string, endpoint: string, request: HttpRequest): boolean {
    const path = this.#paths.find(digest(endpoint, targetOf(request.rawPath, request.rawQuery)));
    const events = fieldValues(request.fields, 'last-event-id');
    return (
      (path === null || path === owner) &&
      events.every((id) => {
        const known = this.#events.find(digest(endpoint, id));
        return known === null || known === owner;
      })
    );
  }

  /** The answer to a request of that owner: what it issues is that owner's. */
  answered(
    owner: string,
    endpoint: string,
    parts: { readonly request: HttpRequest; readonly response: HttpResponse },
  ): McpIssues {
    const [issued = ''] = fieldValues(parts.response.fields, SESSION_FIELD);
    const [used = ''] = fieldValues(parts.request.fields, SESSION_FIELD);
    const id = issued === '' ? used : issued;
    const key = id === '' ? '' : digest(endpoint, id);
    if (issued !== '' && this.#sessions.find(key) === null) {
      this.#sessions.put(key, owner);
      this.#issued.put(key, issuedTo(owner, parts.request));
    }
    const scope = scopeOf(owner, key);
    return {
      event: (eventId) => this.#events.put(digest(endpoint, eventId), owner),
      path: (target) => this.#paths.put(digest(endpoint, target), owner),
      asked: (asked, method) => this.#asked.put(askedKey(scope, asked), method),
      tool: (name, described) => {
        const tool = `${scope}\0${hash('sha256', name, 'hex')}`;
        const known = this.#tools.find(tool);
        this.#tools.put(tool, described);
        return known !== null && known !== described;
      },
    };
  }
}

export interface WaitingCalls {
  readonly request: HttpRequest;
  readonly ids: readonly (string | number)[];
  readonly cancel: () => void;
}

/** What an answer of the server issues, told as it is read. */
export interface McpIssues {
  event(id: string): void;
  /** Path and query to which the older transport wants messages sent. */
  path(target: string): void;
  asked(id: string | number, method: string): void;
  /** A tool of a list, with a digest of what it is said to be; true when it was said to be something else in this session. */
  tool(name: string, described: string): boolean;
}

/** "" without a session. */
function sessionKey(endpoint: string, request: HttpRequest): string {
  const [id = ''] = fieldValues(request.fields, SESSION_FIELD);
  return id === '' ? '' : digest(endpoint, id);
}

function digest(endpoint: string, id: string): string {
  return hash('sha256', `${endpoint}\0${id}`, 'hex');
}

function issuedTo(owner: string, { rawPath, rawQuery }: HttpRequest): string {
  return `${owner}\0${targetOf(rawPath, rawQuery)}`;
}

/** Servers without sessions are asked in the name of whoever asks. */
function scopeOf(owner: string, key: string): string {
  return key === '' ? `owner ${owner}` : `session ${key}`;
}

function askedKey(scope: string, id: string | number): string {
  return `${scope}\0${typeof id}\0${String(id)}`;
}

export function targetOf(path: string, query: string | null): string {
  return query === null ? path : `${path}?${query}`;
}
