// A refusal as an HTTP client reads it: a status, and a JSON body that says what was refused, by which rule, and what to do. Clients of
// gRPC read neither: they are told in the status that ends a call.
import { visible } from '../../lib/text.ts';
import type { LocalAnswer, Refusal } from '../http/flavour.ts';
import { onlyValue } from '../http/fields.ts';
import type { Field, HttpRequest } from '../http/request.ts';

const MAX_TEXT_CHARS = 2000;
const FIELDS: readonly Field[] = [
  { name: 'Content-Type', value: 'application/json; charset=utf-8' },
  { name: 'Cache-Control', value: 'no-store' },
];

/** gRPC over HTTP/2; not grpc-web, which frames its status in another way. */
const GRPC = /^application\/grpc(?:\+[^;]*)?(?:;.*)?$/i;

/** The same for every client of an `https` endpoint, but in gRPC's words for those who ask in them. */
export function refuseHttps(refusal: Refusal, request: HttpRequest | null): LocalAnswer {
  const { status, code, reason, rule, hint, action } = refusal;
  if (request?.version === '2' && GRPC.test(onlyValue(request.fields, 'content-type') ?? '')) {
    return refuseGrpc(refusal);
  }
  const error = {
    code,
    reason: shown(reason),
    ...(rule === '' ? {} : { rule: shown(rule) }),
    ...(hint === '' ? {} : { hint: shown(hint) }),
    ...(action === '' ? {} : { action }),
    // Where libraries of most providers look for what they print (google.rpc.Status, and many others' `error.message`).
    message: `clawpatrol: ${shown(reason)}${rule === '' ? '' : `; rule ${shown(rule)}`}`,
  };
  return { status, fields: FIELDS, body: Buffer.from(`${JSON.stringify({ error })}\n`, 'utf8') };
}

/** A call that ends with its status, in a head and nothing more ("Trailers-Only" of gRPC over HTTP/2). The status of HTTP is always 200. */
function refuseGrpc({ status, reason, rule, hint, action }: Refusal): LocalAnswer {
  const parts = [
    shown(reason),
    ...(rule === '' ? [] : [`rule ${shown(rule)}`]),
    ...(hint === '' ? [] : [shown(hint)]),
    ...(action === '' ? [] : [`action ${action}`]),
  ];
  const fields = [
    { name: 'Content-Type', value: 'application/grpc' },
    { name: 'Grpc-Status', value: String(grpcStatus(status)) },
    { name: 'Grpc-Message', value: percentEncoded(parts.join('; ')) },
  ];
  return { status: 200, fields, body: Buffer.alloc(0) };
}

/** As gRPC's own table has it ("HTTP to gRPC Status Code Mapping"): UNAVAILABLE is what clients may try again. */
function grpcStatus(status: number): number {
  switch (status) {
    case 401:
      return 16;
    case 403:
      return 7;
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 13;
  }
}

/** Visible ASCII but `%` stays; every other byte of its UTF-8 becomes `%XX`. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

/** Rule names and reasons are the operators' text, and may quote what an agent wrote. */
function shown(text: string): string {
  return visible(text, true).slice(0, MAX_TEXT_CHARS);
}
