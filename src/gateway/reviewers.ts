// Builds the reviewer models of a daemon from its parts: dialler, credentials, and what counts as nearly equal.
import { randomBytes } from 'node:crypto';
import type { LlmApproverConfig } from '../config/config.ts';
import { createReviewer, type Reviewer } from '../approvals/reviewer.ts';
import type { SecretSources } from '../credentials/sources.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { INJECTORS } from '../protocols/http/injectors.ts';
import type { HttpRequest } from '../protocols/http/request.ts';
import type { Action } from '../rules/action.ts';
import type { Dial } from './dial.ts';
import type { Live } from './live.ts';
import { createModels, type ModelParts } from './models.ts';
import { createOutbound } from './outbound-fetch.ts';

export interface ReviewersParts {
  readonly clock: Clock;
  readonly live: () => Pick<Live, 'config'>;
  readonly dial: Dial;
  readonly sources: Pick<SecretSources, 'read'>;
  readonly likeness: (action: Action) => string;
}

export function createReviewers({ clock, live, dial, sources, likeness }: ReviewersParts): Reviewer {
  const authorise = createAuthorise({ clock, live, sources });
  return createReviewer({
    clock,
    call: createModels({ outbound: createOutbound({ dial }), authorise }),
    mark: () => randomBytes(16).toString('hex'),
    random: () => randomBytes(4).readUInt32BE() / 2 ** 32,
    likeness,
  });
}

/** The header fields that an approver's credential puts into a call, as it would into an agent's request. */
export function createAuthorise({
  clock,
  live,
  sources,
}: Pick<ReviewersParts, 'clock' | 'live' | 'sources'>): ModelParts['authorise'] {
  return async (approver: LlmApproverConfig, url: URL) => {
    if (approver.credential === null) {
      return [];
    }
    const credential = live().config.credentials.find(({ ref }) => ref === approver.credential);
    const injector = credential === undefined ? undefined : INJECTORS[credential.type];
    if (credential === undefined || injector === undefined) {
      throw unusable(approver, 'it is not in the configuration, or of no type that goes into a header');
    }
    const secrets = await sources.read(credential);
    const put = injector(
      requestFor(url),
      { ...credential, secrets },
      {
        nowMs: clock.now(),
        body: { kind: 'unread' },
        endpoint: { type: 'https', attributes: {} },
      },
    );
    if (put.kind !== 'put') {
      throw unusable(
        approver,
        put.kind === 'refused' ? put.why : 'it signs requests, which a call to a model is not made for',
      );
    }
    return put.fields.flatMap(({ name, value }): [string, string][] => (value === null ? [] : [[name, value]]));
  };
}

function unusable({ ref, credential }: LlmApproverConfig, why: string): GatewayError {
  return new GatewayError(
    'SECRET_MISSING',
    'operator',
    `the credential ${credential ?? ''} of ${ref} cannot be used: ${why}`,
  );
}

function requestFor(url: URL): HttpRequest {
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  return {
    version: '1.1',
    method: 'POST',
    scheme,
    host: url.hostname,
    port: url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port),
    rawPath: url.pathname,
    rawQuery: null,
    fields: [],
    upgrade: 'none',
    framing: 'length',
    contentLength: 0,
  };
}
