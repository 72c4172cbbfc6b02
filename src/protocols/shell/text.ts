// Bytes to text without loss, and whether shells of every kind read its characters alike. Pure.
import type { OpaqueCause } from './model.ts';

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of well-formed UTF-8, else null. A byte order mark stays what it is: three bytes that a shell sees. */
export function decodeUtf8(bytes: Buffer): string | null {
  try {
    return STRICT.decode(bytes);
  } catch {
    return null;
  }
}

/** A command line is at most this long (fact reference, 1.6). */
export const MAX_TEXT_BYTES = 128 * 1024;

/**
 * Why a text is not read, before any grammar sees it. Controls other than tab and newline have meanings inside shells, and some space
 * characters end words in some locales. Behind a character that is not ASCII, a shell whose locale is another takes a backslash for the
 * second half of a character.
 */
export function checkText(text: string, locale: string): OpaqueCause | null {
  if (text.length > MAX_TEXT_BYTES) {
    return 'too_large';
  }
  if (/^[\t\n\x20-\x7e]*$/.test(text)) {
    return null;
  }
  if (/[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Cs}]/u.test(text.replaceAll(/[\t\n ]/g, ''))) {
    return 'encoding';
  }
  return !isHarmlessLocale(locale) || /[^\t\n\x20-\x7e][\\`]/.test(text) ? 'locale' : null;
}

/** Locales in which bytes over ASCII are never part of an ASCII character; "" is the server's own, taken to be one. */
export function isHarmlessLocale(locale: string): boolean {
  return /^(?:|C|POSIX|[A-Za-z_@]{0,20}\.(?:UTF-8|utf-8|UTF8|utf8)(?:@\w{1,16})?)$/.test(locale);
}
