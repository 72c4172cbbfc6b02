// Heads and chunks of HTTP/1 as bytes. An outgoing head is made from the judged value and from nothing else. Pure.
import type { Field, HttpRequest } from './request.ts';
import { STATUS_CODES } from './status.ts';

const CRLF = Buffer.from('\r\n', 'latin1');
const LAST_CHUNK = Buffer.from('0\r\n\r\n', 'latin1');

/** `host`, with the port where it is not the scheme's own. */
export function hostValue({ host, port, scheme }: Pick<HttpRequest, 'host' | 'port' | 'scheme'>): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (scheme === 'https' ? 443 : 80) ? name : `${name}:${port}`;
}

/** What beside the request itself goes into its head. */
export interface OutgoingParts {
  /** The agent waits for 100 Continue, and nothing of its body has been read. */
  readonly expectContinue: boolean;
  /** Another request may follow on the connection. */
  readonly keepAlive: boolean;
}

/** The head of a request to an upstream. */
export function requestHead(request: HttpRequest, { expectContinue, keepAlive }: OutgoingParts): Buffer {
  const { method, rawPath, rawQuery, upgrade } = request;
  let text = `${method} ${rawPath}${rawQuery === null ? '' : `?${rawQuery}`} HTTP/1.1\r\nHost: ${hostValue(request)}\r\n`;
  text += fieldLines(request.fields);
  if (request.framing === 'stream') {
    text += 'Transfer-Encoding: chunked\r\n';
  }
  if (expectContinue) {
    text += 'Expect: 100-continue\r\n';
  }
  if (upgrade !== 'none') {
    text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  } else if (!keepAlive) {
    text += 'Connection: close\r\n';
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/** The head of a response to a client. */
export function responseHead(
  status: number,
  reason: string,
  fields: readonly Field[],
  added: readonly Field[],
): Buffer {
  const phrase = reason === '' ? (STATUS_CODES.get(status) ?? '') : reason;
  return Buffer.from(`HTTP/1.1 ${status} ${phrase}\r\n${fieldLines(fields)}${fieldLines(added)}\r\n`, 'latin1');
}

function fieldLines(fields: readonly Field[]): string {
  let text = '';
  for (const { name, value } of fields) {
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** Data as one chunk. */
export function chunkOf(data: Buffer): Buffer {
  const size = Buffer.from(`${data.length.toString(16)}\r\n`, 'latin1');
  return Buffer.concat([size, data, CRLF], size.length + data.length + 2);
}

/** The end of a chunked body. */
export function lastChunk(trailers: readonly Field[]): Buffer {
  return trailers.length === 0 ? LAST_CHUNK : Buffer.from(`0\r\n${fieldLines(trailers)}\r\n`, 'latin1');
}
