// Puts a credential into a request that may have gone out before with the same one: then it goes out in the same form, made once.
import type { DispatchedCredential, ServeContext } from '../protocol.ts';
import { NO_BODY } from './action.ts';
import type { Injection } from './inject.ts';
import type { Injector } from './injector.ts';
import type { KnownRequest } from './memory.ts';
import type { BodyReading } from './request.ts';

export interface InjectKnownParts {
  readonly context: Pick<ServeContext, 'clock' | 'config' | 'placeholders'>;
  readonly injector: Pick<Injector, 'inject' | 'repeats'>;
  readonly credential: DispatchedCredential | null;
}

/** The request as it may be sent. Remembered only where neither a body nor the time is part of what the credential makes of it. */
export function injectKnown(
  known: KnownRequest,
  body: BodyReading,
  { context, injector, credential }: InjectKnownParts,
): Injection {
  const endpoint = context.config();
  const repeats = credential !== null && (body === NO_BODY || body.kind === 'unread') && injector.repeats(credential);
  const last = repeats ? known.injected.get(credential) : undefined;
  if (last?.endpoint === endpoint) {
    return last.injection;
  }
  const parts = { nowMs: context.clock.now(), body, endpoint, placeholders: context.placeholders() };
  const injection = injector.inject(known.reading.request, credential, parts);
  if (repeats) {
    known.injected.set(credential, { endpoint, injection });
  }
  return injection;
}
