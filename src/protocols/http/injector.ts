// What the engine asks of credentials: which one, what it changes in a request, and what of an answer the agent may see.
import type { EndpointConfig } from '../../config/config.ts';
import type { Secret } from '../../lib/secret.ts';
import type { DispatchHints, DispatchedCredential } from '../protocol.ts';
import { clientCertificate, credentialCa } from './client-certificate.ts';
import { injectCredential, injectionNeedsBody, type Injection, type InjectionParts } from './inject.ts';
import type { Mask } from './mask.ts';
import { placeholderHints } from './placeholders.ts';
import type { Field, HttpRequest } from './request.ts';
import { stripResponse } from './strip-response.ts';

/** What a credential adds to the TLS of an upstream connection. */
export interface UpstreamIdentity {
  /** PEM; null without a client certificate. */
  readonly cert: Secret | null;
  readonly key: Secret | null;
  /** PEM of the CA to trust where the endpoint names none; null for the system's. */
  readonly ca: string | null;
}

/** Pure and total. */
export interface Injector {
  /** What a request says that may choose among several credentials. */
  hints(request: HttpRequest): DispatchHints;
  /** Whether the body must be held before the credential can be put in. */
  needsBody(request: HttpRequest, credential: DispatchedCredential | null, endpoint: EndpointConfig): boolean;
  /** The same request with the same credential at the same endpoint goes out in the same form whenever it is sent. */
  repeats(credential: DispatchedCredential): boolean;
  inject(request: HttpRequest, credential: DispatchedCredential | null, parts: InjectionParts): Injection;
  identity(credential: DispatchedCredential | null): UpstreamIdentity | null;
  /** The fields of an answer that the agent may see. */
  strip(fields: readonly Field[], parts: StripParts): readonly Field[];
}

export interface StripParts {
  readonly request: HttpRequest;
  readonly credential: DispatchedCredential | null;
  readonly mask: Mask;
}

/** Credentials as every HTTP-shaped protocol has them. */
export const standardInjector: Injector = {
  hints: placeholderHints,
  needsBody: injectionNeedsBody,
  // A signature names the time at which it was made.
  repeats: ({ type }) => type !== 'aws_credential',
  inject: injectCredential,
  identity(credential) {
    const certificate = clientCertificate(credential);
    const ca = credentialCa(credential);
    return certificate === null && ca === null
      ? null
      : { cert: certificate?.cert ?? null, key: certificate?.key ?? null, ca };
  },
  strip: stripResponse,
};
