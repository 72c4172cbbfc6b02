// What an agent asks over HTTP, as it is judged and as it is sent: one value for both. Types only; who makes it has checked it
// (h1-request.ts for HTTP/1, h2-head.ts for HTTP/2), so nothing behind it looks at raw bytes again.

/** A header or trailer field as received. Characters of `value` are bytes (latin1), so that what is sent on is what was judged. */
export interface Field {
  /** Case as received. */
  readonly name: string;
  readonly value: string;
}

/** The head of a request, with what must never be forwarded already taken out (fact reference, 4.4). */
export interface HttpRequest {
  /** On the agent's side. */
  readonly version: '1.0' | '1.1' | '2';
  /** A token, case as received. */
  readonly method: string;
  /** Towards the upstream. */
  readonly scheme: 'http' | 'https';
  /** Canonical, from the endpoint match, after CONNECT target, SNI and Host or :authority were found equal. */
  readonly host: string;
  /** Dialled upstream. */
  readonly port: number;
  /** The path exactly as forwarded; begins with `/` (`*` for OPTIONS). */
  readonly rawPath: string;
  /** What follows the first `?`, exactly as forwarded; null when there is no `?`. */
  readonly rawQuery: string | null;
  /** End-to-end fields in order, Host left out, before a credential is injected. */
  readonly fields: readonly Field[];
  /** The protocol that an upgrade asks for, lower case; `none` without one. */
  readonly upgrade: string;
  /** `none`: no body follows; `length`: Content-Length says how long; `stream`: its end shows when it is there. */
  readonly framing: 'none' | 'length' | 'stream';
  /** Bytes of the body where `framing` is `length`, else null. */
  readonly contentLength: number | null;
}

/** What of a request's body was there when the request was judged, content codings still on. */
export type BodyReading =
  /** Nothing on this endpoint reads bodies: it is not held, and facts of the body are not asked for. */
  | { readonly kind: 'unread' }
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  /** `bytes` is a prefix, for people only. `too_large`: over the cap; `incomplete`: the client was gone, or too slow. */
  | { readonly kind: 'cut'; readonly cause: 'too_large' | 'incomplete'; readonly bytes: Buffer };

/** The head of an answer, from the upstream or from the gateway itself. */
export interface HttpResponse {
  readonly status: number;
  readonly fields: readonly Field[];
}

/** Values of all fields of that name, in order. `name` in lower case. */
export function fieldValues(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value);
}
