// Calls to the gateway from the page. The cookie goes along by itself; what acts also carries the session's CSRF token.
import { signal } from '@preact/signals';
import type { ErrorJson, SessionJson } from '../../client/control-shapes.ts';

/** Who is logged in; null until the gateway has said it. */
export const session = signal<SessionJson | null>(null);

/** The session ended without a log-out: the one who reads the log-in form was in the middle of something. */
export const cutOff = signal(false);

/** How far the gateway's clock is ahead of ours. */
export const clockAheadMs = signal(0);

/** A call that was answered with "no", or not at all (status 0). */
export class CallError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'CallError';
    this.status = status;
    this.code = code;
  }
}

const TIMEOUT_MS = 20_000;

export function get<T>(path: string): Promise<T> {
  return call<T>('GET', path, null);
}

export function post<T>(path: string, body: object = {}): Promise<T> {
  return call<T>('POST', path, body);
}

/** Any method with a body. */
export async function call<T>(method: string, path: string, body: object | null): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...(body === null ? {} : { 'content-type': 'application/json' }),
        ...(method === 'GET' ? {} : { 'x-csrf-token': session.value?.csrf ?? '' }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new CallError(0, 'unreachable', 'The gateway does not answer. Nothing was changed.');
  }
  noteClock(response);
  if (response.ok) {
    // The one trusted edge: both ends are built together.
    const value: T = await response.json();
    return value;
  }
  const { code, message } = await readError(response);
  if (response.status === 401 && path !== '/api/login' && !path.startsWith('/api/setup')) {
    loggedOut();
  }
  throw new CallError(response.status, code, message);
}

async function readError(response: Response): Promise<ErrorJson['error']> {
  try {
    const { error }: ErrorJson = await response.json();
    return { code: error.code, message: error.message ?? error.code };
  } catch {
    return { code: 'internal', message: `The gateway answered with status ${response.status}.` };
  }
}

function noteClock(response: Response): void {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (!Number.isNaN(date)) {
    // The header has whole seconds: only what is clearly off counts.
    const aheadMs = date + 500 - Date.now();
    clockAheadMs.value = Math.abs(aheadMs) > 2_000 ? aheadMs : 0;
  }
}

/** The session has ended under us. */
export function loggedOut(): void {
  if (session.value !== null && session.value.operator !== null) {
    cutOff.value = true;
    session.value = { ...session.value, operator: null, csrf: null };
  }
}

/** Asks who is logged in. */
export async function loadSession(): Promise<void> {
  const found = await get<SessionJson>('/api/session');
  cutOff.value = found.operator === null && (cutOff.value || (session.value?.operator ?? null) !== null);
  session.value = found;
}

/** Ends the session here and at the gateway. */
export function logOut(): void {
  post<SessionJson>('/api/logout').then(
    (left) => {
      session.value = left;
    },
    // Whatever the gateway says, this page forgets.
    () => {
      loggedOut();
      cutOff.value = false;
    },
  );
}

/** Words for a person. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
