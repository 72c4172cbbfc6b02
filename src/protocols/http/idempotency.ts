// An Idempotency-Key for writes that have none: the same request sent twice has the same key, so that a server which knows such keys runs
// it once.
import { createHash } from 'node:crypto';
import type { CandidateCredential } from '../protocol.ts';
import { fieldValues } from './request.ts';
import type { BodyReading, HttpRequest } from './request.ts';

export function wantsIdempotencyKey(request: HttpRequest, { attributes }: CandidateCredential): boolean {
  return (
    attributes['idempotency_key'] === true &&
    ['POST', 'PUT', 'PATCH', 'DELETE'].includes(request.method) &&
    fieldValues(request.fields, 'idempotency-key').length === 0
  );
}

/** The key, or null for a body that was not held whole: a key from a part of it would join two different requests. */
export function idempotencyKey(request: HttpRequest, body: BodyReading): string | null {
  if (request.framing !== 'none' && body.kind !== 'whole') {
    return null;
  }
  const { method, scheme, host, port, rawPath, rawQuery, fields } = request;
  const hash = createHash('sha256');
  hash.update(JSON.stringify([method, scheme, host, port, rawPath, rawQuery, fieldValues(fields, 'content-type')]));
  if (body.kind === 'whole') {
    hash.update(body.bytes);
  }
  return hash.digest('hex').slice(0, 32);
}
