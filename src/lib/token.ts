// The token of HTTP (RFC 9110, 5.6.2): methods, header names, codings.

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}
