// What a client of the forward proxy asks for first: CONNECT (RFC 9110, section 9.3.6) or a request in absolute form (RFC 9112, section
// 3.2.2). Only the destination is read here. A CONNECT head is consumed whole, so it is checked whole; everything else stays in the
// stream and is read again by the protocol, which refuses what does not belong to that destination. Pure.
import { parseHost } from '../../config/hosts.ts';
import type { DialTarget } from '../../protocols/protocol.ts';

export type ProxyRequest =
  | { readonly kind: 'incomplete' }
  /** `sizeBytes`: length of the head, which is not part of what follows. */
  | { readonly kind: 'connect'; readonly target: DialTarget; readonly sizeBytes: number }
  | { readonly kind: 'absolute'; readonly target: DialTarget }
  | { readonly kind: 'refused'; readonly status: 400 | 431; readonly why: string };

const LF = 0x0a;
const TLS_HANDSHAKE = 0x16;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.[01]$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)$/;
const ABSOLUTE = /^(https?):\/\/([^/?#]*)/i;

/** Reads the front of a client's bytes. Total: bytes that are no request are refused with a reason. */
export function takeProxyRequest(bytes: Buffer, maxBytes: number): ProxyRequest {
  if (bytes[0] === TLS_HANDSHAKE) {
    return refused(400, 'this port is a forward proxy in plain HTTP: TLS comes after CONNECT');
  }
  const lineEnd = bytes.indexOf(LF);
  if (lineEnd === -1 || lineEnd >= maxBytes) {
    return bytes.length < maxBytes && lineEnd === -1
      ? { kind: 'incomplete' }
      : refused(431, `the request line is longer than ${maxBytes} bytes`);
  }
  const line = withoutReturn(bytes.toString('latin1', 0, lineEnd));
  const match = line === null ? null : REQUEST_LINE.exec(line);
  const [, method = '', asked = ''] = match ?? [];
  if (match === null) {
    return refused(400, 'the first line is no HTTP/1 request line');
  }
  return method === 'CONNECT' ? takeConnect(bytes, asked, lineEnd, maxBytes) : takeAbsolute(asked);
}

function takeAbsolute(asked: string): ProxyRequest {
  const [, scheme = '', authority = ''] = ABSOLUTE.exec(asked) ?? [];
  if (scheme === '') {
    return refused(400, 'this port is a forward proxy: send CONNECT host:port or an absolute URL');
  }
  const target = readTarget(authority, scheme.toLowerCase() === 'http' ? 80 : 443);
  return target === null ? refused(400, 'the host of the absolute URL cannot be read') : { kind: 'absolute', target };
}

function takeConnect(bytes: Buffer, asked: string, lineEnd: number, maxBytes: number): ProxyRequest {
  const end = bytes.indexOf('\r\n\r\n', lineEnd - 1, 'latin1');
  if (end === -1 || end + 4 > maxBytes) {
    return end === -1 && bytes.length < maxBytes
      ? { kind: 'incomplete' }
      : refused(431, `the head is longer than ${maxBytes} bytes`);
  }
  const target = readTarget(asked, null);
  if (target === null) {
    return refused(400, 'CONNECT needs host:port');
  }
  const lines = end < lineEnd ? [] : bytes.toString('latin1', lineEnd + 1, end).split('\r\n');
  for (const text of lines) {
    const why = checkField(FIELD_LINE.exec(text), target);
    if (why !== null) {
      return refused(400, why);
    }
  }
  return { kind: 'connect', target, sizeBytes: end + 4 };
}

/** Why a field may not stand in a CONNECT head, or null. */
function checkField(field: RegExpExecArray | null, target: DialTarget): string | null {
  const [, name = '', value = ''] = field ?? [];
  switch (name.toLowerCase()) {
    case '':
      return 'a header line cannot be read';
    case 'content-length':
    case 'transfer-encoding':
      return 'CONNECT has no body';
    case 'host': {
      const host = readTarget(value.trim(), target.port);
      return host?.host === target.host && host.port === target.port ? null : 'Host is not the target of CONNECT';
    }
    default:
      return null;
  }
}

/** Canonical host and port; null where it is none. `standardPort` null: the port must be written. */
function readTarget(text: string, standardPort: number | null): DialTarget | null {
  const parsed = parseHost(text, false);
  const port = parsed?.port ?? standardPort;
  return parsed === null || port === null ? null : { host: parsed.host, port };
}

function withoutReturn(line: string): string | null {
  return line.endsWith('\r') ? line.slice(0, -1) : null;
}

function refused(status: 400 | 431, why: string): ProxyRequest {
  return { kind: 'refused', status, why };
}
