// Requests and credentials made by hand, for tests of HTTP.
import type { DispatchedCredential } from '../../../src/protocols/protocol.ts';
import type { Field, HttpRequest } from '../../../src/protocols/http/request.ts';
import { Secret } from '../../../src/lib/secret.ts';

/** `GET https://api.example.com/v1/x?a=1` with these changes. Fields are written as `Name: value` lines. */
export function requestOf(
  target: string,
  { fields = [], ...changes }: Partial<Omit<HttpRequest, 'fields'>> & { readonly fields?: readonly string[] } = {},
): HttpRequest {
  const parts = /^(?:([A-Z]+) )?https:\/\/([^/:]+)(?::(\d+))?(\/[^?]*)(?:\?(.*))?$/s.exec(target);
  if (parts === null) {
    throw new Error(`not a target: ${target}`);
  }
  const [, method = 'GET', host = '', port = '443', rawPath = '/', rawQuery] = parts;
  return {
    version: '1.1',
    method,
    scheme: 'https',
    host,
    port: Number(port),
    rawPath,
    rawQuery: rawQuery ?? null,
    fields: fields.map(fieldOf),
    upgrade: 'none',
    framing: 'none',
    contentLength: null,
    ...changes,
  };
}

export function fieldOf(line: string): Field {
  const colon = line.indexOf(':');
  return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
}

/** Fields as `Name: value` lines. */
export function linesOf(fields: readonly Field[]): readonly string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

export function dispatched(
  type: string,
  secrets: Readonly<Record<string, string>> | string,
  attributes: DispatchedCredential['attributes'] = {},
): DispatchedCredential {
  const bySlot = typeof secrets === 'string' ? { '': secrets } : secrets;
  return {
    ref: `${type}.one`,
    type,
    attributes,
    secrets: new Map(Object.entries(bySlot).map(([slot, value]) => [slot, new Secret(value)])),
  };
}
