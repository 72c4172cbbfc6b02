// Where the bodies of HTTP/1 messages begin and end (RFC 9112, section 6). Two lengths, or a length and a coding, are never reconciled:
// the next hop might reconcile them the other way (HT-02, HT-03). Pure.
import { countOf, listOf, onlyValue } from './fields.ts';
import type { BodyFraming } from './h1-body.ts';
import type { Malformed } from './h1-head.ts';
import type { Field } from './request.ts';

function malformed(why: string): Malformed {
  return { kind: 'malformed', status: 400, why };
}

/** How the body of a request is framed. What one field may hold was checked where it was read (h1-head.ts). */
export function requestFraming(version: '1.0' | '1.1', fields: readonly Field[]): BodyFraming | Malformed {
  const lengths = countOf(fields, 'content-length');
  const codings = countOf(fields, 'transfer-encoding');
  if (lengths > 1 || codings > 1 || lengths + codings > 1) {
    return malformed('the length of the body is given more than once');
  }
  if (codings === 1) {
    return version === '1.0' ? malformed('Transfer-Encoding in HTTP/1.0') : { kind: 'chunked' };
  }
  if (lengths === 0) {
    return { kind: 'none' };
  }
  const bytes = Number(onlyValue(fields, 'content-length'));
  return { kind: 'length', bytes };
}

/** How the body of a response is framed, by what was asked (HX-07). */
export function responseFraming(
  method: string,
  head: { readonly version: '1.0' | '1.1'; readonly status: number; readonly fields: readonly Field[] },
): BodyFraming | Malformed {
  const { status, fields } = head;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
    return { kind: 'none' };
  }
  const codings = countOf(fields, 'transfer-encoding');
  const lengths = new Set(
    fields.filter(({ name }) => name.toLowerCase() === 'content-length').map(({ value }) => value),
  );
  if (codings > 1 || lengths.size > 1 || (codings === 1 && lengths.size === 1)) {
    return malformed('the length of the body is given more than once');
  }
  if (codings === 1) {
    return head.version === '1.0' ? malformed('Transfer-Encoding in HTTP/1.0') : { kind: 'chunked' };
  }
  const [length] = lengths;
  return length === undefined ? { kind: 'close' } : { kind: 'length', bytes: Number(length) };
}

/** Whether the connection may carry another message after this one. */
export function keepsAlive(head: { readonly version: '1.0' | '1.1'; readonly fields: readonly Field[] }): boolean {
  const options = listOf(head.fields, 'connection');
  return head.version === '1.1'
    ? !options.includes('close')
    : options.includes('keep-alive') && !options.includes('close');
}
