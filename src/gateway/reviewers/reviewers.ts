// Builds the reviewer models of a daemon from its parts: dialler, credentials, and what counts as nearly equal.
import { randomBytes } from 'node:crypto';
import type { LlmApproverConfig, Ref } from '../../config/config.ts';
import { createReviewer, type Reviewer } from '../../approvals/reviewer.ts';
import type { SecretSources } from '../../credentials/sources.ts';
import type { Clock } from '../../lib/clock.ts';
import { GatewayError } from '../../lib/errors.ts';
import { INJECTORS } from '../../protocols/http/injectors.ts';
import type { HttpRequest } from '../../protocols/http/request.ts';
import type { Action } from '../../rules/action.ts';
import type { Dial } from '../dialling/dial.ts';
import type { Live } from '../live.ts';
import { createModels, type ModelParts } from './models.ts';
import { createOutbound } from '../dialling/outbound-fetch.ts';

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
function createAuthorise({
  clock,
  live,
  sources,
}: Pick<ReviewersParts, 'clock' | 'live' | 'sources'>): ModelParts['authorise'] {
  const authorise = createAuthoriser({ clock, live, sources });
  return async ({ ref, credential }: LlmApproverConfig, url: URL) =>
    credential === null ? [] : authorise({ credential, user: ref, url });
}

export interface OwnCall {
  readonly credential: Ref;
  /** Whose call it is, for messages. */
  readonly user: Ref;
  readonly url: URL;
}

/** The header fields that a credential puts into one of the gateway's own calls. Rejects with GatewayError SECRET_MISSING. */
export function createAuthoriser({
  clock,
  live,
  sources,
}: Pick<ReviewersParts, 'clock' | 'live' | 'sources'>): (call: OwnCall) => Promise<readonly [string, string][]> {
  return async (call) => {
    const { url } = call;
    const credential = live().config.credentials.find(({ ref }) => ref === call.credential);
    const injector = credential === undefined ? undefined : INJECTORS[credential.type];
    if (credential === undefined || injector === undefined) {
      throw unusable(call, 'it is not in the configuration, or of no type that goes into a header');
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
      throw unusable(call, put.kind === 'refused' ? put.why : 'it signs requests, which these calls are not made for');
    }
    return put.fields.flatMap(({ name, value }): [string, string][] => (value === null ? [] : [[name, value]]));
  };
}

function unusable({ user, credential }: OwnCall, why: string): GatewayError {
  return new GatewayError(
    'SECRET_MISSING',
    'operator',
    `the credential ${credential} of ${user} cannot be used: ${why}`,
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
