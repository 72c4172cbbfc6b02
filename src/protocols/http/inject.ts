// Puts a credential into a request, exactly into the slot that its type defines, and never beside what the agent sent there: on an
// endpoint with a credential, whatever else could name an account is taken out. Pure: minted tokens come with the credential.
import type { EndpointConfig } from '../../config/config.ts';
import type { DispatchedCredential } from '../protocol.ts';
import { wantsIdempotencyKey } from './idempotency.ts';
import { INJECTORS } from './injectors.ts';
import type { PutField } from './injectors.ts';
import { createMask } from './mask.ts';
import type { Mask } from './mask.ts';
import { findPlaceholder } from './placeholders.ts';
import type { BodyReading, Field, HttpRequest } from './request.ts';
import { signingNeedsBody } from './sigv4-resign.ts';
import { queryPairs } from './sigv4.ts';

export interface InjectionParts {
  /** Of the wall clock: the time that a signature names. */
  readonly nowMs: number;
  /** What of the body was held; whole where `injectionNeedsBody` said so and the body fits. */
  readonly body: BodyReading;
  readonly endpoint: Pick<EndpointConfig, 'type' | 'attributes'>;
  /** Every placeholder of the configuration. */
  readonly placeholders: readonly string[];
  /** User that the agent named, where its protocol has such a thing and the credential does not say. */
  readonly login?: string;
}

export type Injection =
  /** `mask` takes what was injected out of anything that comes back or is kept. */
  | { readonly kind: 'ready'; readonly request: HttpRequest; readonly mask: Mask }
  /** Nothing may be sent: a sentence for the agent, without a full stop. */
  | { readonly kind: 'refused'; readonly why: string };

/** Whether the body must be held before the credential can be injected. Where it does not fit, `injectCredential` says what then. */
export function injectionNeedsBody(
  request: HttpRequest,
  credential: DispatchedCredential | null,
  endpoint: Pick<EndpointConfig, 'type'>,
): boolean {
  if (credential?.type === 'aws_credential' && endpoint.type !== 'kubernetes') {
    return signingNeedsBody(request, credential.attributes['unsigned_payload'] === true);
  }
  return credential?.type === 'bearer_token' && wantsIdempotencyKey(request, credential) && request.framing !== 'none';
}

/** The request as it may be sent, or why it may not. Total; a credential that lacks a value is a refusal, never an omission. */
export function injectCredential(
  request: HttpRequest,
  credential: DispatchedCredential | null,
  parts: InjectionParts,
): Injection {
  if (credential === null || credential.type === 'passthrough') {
    return looked(request, parts) ?? { kind: 'ready', request, mask: (text) => text };
  }
  const inject = Object.hasOwn(INJECTORS, credential.type) ? INJECTORS[credential.type] : undefined;
  if (inject === undefined) {
    return refused(`a ${credential.type} cannot be put into an HTTP request by this version`);
  }
  // Some servers cut a query at `;` too.
  const pairs = queryPairs(request.rawQuery?.replaceAll(';', '&') ?? null);
  const misplaced = pairs.find(([name]) => QUERY_CREDENTIALS.includes(name.toLowerCase()));
  if (misplaced !== undefined) {
    return refused(
      `the query parameter ${misplaced[0]} names an account beside the gateway's credential; leave it out`,
    );
  }
  const kept = request.fields.map((field) => withoutCredential(field, credential));
  const own = { ...request, fields: kept.filter((field) => field !== null) };
  const put = inject(own, credential, parts);
  if (put.kind === 'refused') {
    return put;
  }
  const mask = maskOf(credential, put.secrets);
  if (put.kind === 'whole') {
    return looked(put.rest, parts) ?? { kind: 'ready', request: put.request, mask };
  }
  const query = put.query ?? {};
  const rest: HttpRequest = {
    ...own,
    rawQuery: replaceQuery(own.rawQuery, query, () => null),
    fields: own.fields.flatMap((field) => {
      const replaced = put.fields.find(({ name }) => sameName(name, field.name));
      return replaced === undefined ? [field] : replaced.own === undefined ? [] : [{ ...field, value: replaced.own }];
    }),
  };
  const ready: HttpRequest = {
    ...own,
    rawQuery: replaceQuery(own.rawQuery, query, (name, value) => `${name}=${encodeURIComponent(value)}`),
    fields: putFields(request.fields, kept, put.fields),
  };
  return looked(rest, parts) ?? { kind: 'ready', request: ready, mask };
}

/** The last mask of a credential: its forms are costly, and the same credential serves request after request. */
const masks = new WeakMap<DispatchedCredential, { readonly secrets: readonly string[]; readonly mask: Mask }>();

function maskOf(credential: DispatchedCredential, secrets: readonly string[]): Mask {
  const last = masks.get(credential);
  if (last?.secrets.length === secrets.length && last.secrets.every((secret, index) => secret === secrets[index])) {
    return last.mask;
  }
  const mask = createMask(secrets);
  masks.set(credential, { secrets, mask });
  return mask;
}

function refused(why: string): { readonly kind: 'refused'; readonly why: string } {
  return { kind: 'refused', why };
}

/** The last look at what the agent wrote and what goes out: a placeholder that is still there was meant for another slot or host. */
function looked(rest: HttpRequest, { placeholders }: InjectionParts): Injection | null {
  const where = findPlaceholder(rest, placeholders);
  return where === null
    ? null
    : refused(`a placeholder for a secret stands in ${where}, where the gateway does not replace it`);
}

function sameName(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase();
}

/** Fields by which servers are told on whose account a request runs. */
const CREDENTIAL_FIELDS: readonly string[] = [
  'authorization',
  'cookie',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'x-auth-token',
  'private-token',
  'job-token',
];

/** Query parameters that servers take in place of such a field (RFC 6750, section 2.3; Google's system parameters; GitLab's). */
const QUERY_CREDENTIALS: readonly string[] = ['access_token', 'oauth_token', 'private_token', 'job_token'];

/** By it a WebSocket of Kubernetes carries a bearer token in its list of protocols. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/**
 * An agent's own account would be a way out for data, and an action in another name, whichever slot the credential's type uses. What
 * stays is read by the injector: a signature of AWS, and cookies beside the one that is a credential.
 */
function withoutCredential(field: Field, { type }: DispatchedCredential): Field | null {
  const name = asCgi(field.name.toLowerCase());
  if (name !== 'sec-websocket-protocol') {
    const stays = type === 'aws_credential' ? 'authorization' : type === 'cookie_token' ? 'cookie' : '';
    return CREDENTIAL_FIELDS.includes(name) && name !== stays ? null : field;
  }
  const protocols = field.value.split(',').map((protocol) => protocol.trim());
  const others = protocols.filter((protocol) => !protocol.startsWith(BEARER_PROTOCOL));
  if (others.length === protocols.length) {
    return field;
  }
  return others.length === 0 ? null : { ...field, value: others.join(', ') };
}

/** A lower-case name as servers behind CGI and its descendants read it. */
function asCgi(name: string): string {
  return name.replaceAll('_', '-');
}

/** Each field where the agent had it, under the agent's spelling of its name, once; behind all others where it had none. */
function putFields(
  sent: readonly Field[],
  kept: readonly (Field | null)[],
  put: readonly PutField[],
): readonly Field[] {
  const values = new Map(put.map((field) => [field.name.toLowerCase(), field.value]));
  const folded = new Set([...values.keys()].map(asCgi));
  const written = new Set<string>();
  const fields: Field[] = [];
  for (const [index, { name }] of sent.entries()) {
    const key = name.toLowerCase();
    const value = values.get(key);
    if (value === undefined && folded.has(asCgi(key))) {
      continue;
    }
    const field =
      value === undefined ? (kept[index] ?? null) : value === null || written.has(key) ? null : { name, value };
    if (value !== undefined) {
      written.add(key);
    }
    if (field !== null) {
      fields.push(field);
    }
  }
  const added = put.flatMap(({ name, value }) =>
    value === null || written.has(name.toLowerCase()) ? [] : [{ name, value }],
  );
  return [...fields, ...added];
}

/** The query with those parameters written anew, or left out where `write` gives null. All others stay byte for byte. */
function replaceQuery(
  rawQuery: string | null,
  values: Readonly<Record<string, string>>,
  write: (name: string, value: string) => string | null,
): string | null {
  if (rawQuery === null || Object.keys(values).length === 0) {
    return rawQuery;
  }
  const seen = new Set<string>();
  return rawQuery
    .split('&')
    .flatMap((pair) => {
      const name = queryPairs(pair)[0]?.[0];
      const value = name !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
      if (name === undefined || value === undefined) {
        return [pair];
      }
      const written = seen.has(name) ? null : write(name, value);
      seen.add(name);
      return written === null ? [] : [written];
    })
    .join('&');
}
