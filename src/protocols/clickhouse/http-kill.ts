// CK-09: a server goes on with a query of HTTP after its client has gone. What runs is named by an id of the gateway's own, and is killed by it,
// under the login that it runs under, over a connection of its own.
import { messageOf } from '../../lib/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { AbandonedParts } from '../http/flavour.ts';
import type { Injector } from '../http/injector.ts';
import { readQuery } from '../http/query.ts';
import type { HttpRequest } from '../http/request.ts';
import { Unknown } from '../../rules/action.ts';
import { askOverHttp } from './http-own.ts';
import { isForm, isHealth, urlText } from './request.ts';

const PREFIX = 'clawpatrol-';
/** What a mark may be: nothing in it needs quoting, in a URL or in a statement. */
const MARK = /^[\w-]{1,64}$/;
/** A query that has only just been sent may not be running yet: then the server knows none by that id. */
const TRIES = 3;
const BETWEEN_MS = 1_000;
/** All tries together. */
const KILL_MS = 10_000;
/** At once, of the whole gateway; more are told of, and not asked for. */
const MAX_KILLS = 32;

/**
 * The request with an id for its query, of which nobody else can have one running. As it was where the agent names one itself: then what runs
 * by that name may be another's. Also where it could do so in a form, and where there is no query.
 */
export function markRequest(request: HttpRequest, mark: string): HttpRequest {
  const { rawQuery, framing } = request;
  const without = framing === 'none' && urlText(request).length === 0;
  if (without || isHealth(request) || isForm(request) || !MARK.test(mark) || queryIdOf(request) !== null) {
    return request;
  }
  const pair = `query_id=${PREFIX}${mark}`;
  return { ...request, rawQuery: rawQuery === null || rawQuery === '' ? pair : `${rawQuery}&${pair}` };
}

/** The statement that stops what the request started; null where the gateway gave it no id. */
export function killStatement(sent: HttpRequest): string | null {
  const id = queryIdOf(sent) ?? '';
  return id.startsWith(PREFIX) && MARK.test(id) ? `KILL QUERY WHERE query_id = '${id}' ASYNC` : null;
}

/** Null where there is nothing to kill. Never rejects: what cannot be killed is on record, and runs to its end. */
export function killAbandoned(sent: HttpRequest, parts: AbandonedParts, injector: Injector): Promise<void> | null {
  const sql = killStatement(sent);
  if (sql === null) {
    return null;
  }
  const { context } = parts;
  const running = context.shared('clickhouse.kills', () => ({ count: 0 }));
  if (running.count >= MAX_KILLS) {
    context.noticed('kill', `${MAX_KILLS} queries are being killed already: ${sql} was not sent`);
    return null;
  }
  running.count += 1;
  return (async (): Promise<void> => {
    const refused = await kill(sent, sql, { ...parts, injector }).catch(messageOf);
    running.count -= 1;
    if (refused !== null) {
      context.noticed('kill', `${sql}: ${refused}`);
    }
  })();
}

/** The server's words when it refuses; null when it has killed the query, or knows none by that id. */
async function kill(
  sent: HttpRequest,
  sql: string,
  { context, credential, injector }: AbandonedParts & { readonly injector: Injector },
): Promise<string | null> {
  // The connection that the agent had may have been ended by force: this is about what that left behind.
  const late = new AbortController();
  const timer = context.clock.after(KILL_MS, () => late.abort(new Error(`no answer in ${KILL_MS} ms`)));
  const question = { request: sent, context: { ...context, signal: late.signal }, credential, injector };
  try {
    for (let tried = 1; ; tried += 1) {
      // oxlint-disable-next-line no-await-in-loop -- asked again only where there was nothing to kill
      const answer = await askOverHttp(Buffer.from(sql), question);
      if (answer.kind === 'refused') {
        return answer.why;
      }
      if (answer.text !== '' || tried === TRIES) {
        return null;
      }
      // oxlint-disable-next-line no-await-in-loop -- as above
      await pause(context.clock, BETWEEN_MS);
    }
  } finally {
    timer.cancel();
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

function queryIdOf({ rawQuery }: HttpRequest): string | null {
  const pairs = readQuery(rawQuery);
  return pairs instanceof Unknown ? null : (pairs.get('query_id')?.[0] ?? null);
}
