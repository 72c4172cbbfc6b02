// Percent-decoding that says no. decodeURIComponent throws, and URLSearchParams turns bad bytes into U+FFFD: both read a text that
// another reader reads differently.
import { decodeUtf8 } from './utf8.ts';

/**
 * Decodes `%XX` once. Characters of `text` are bytes (latin1). Null: an escape is not followed by two hexadecimal digits, or what
 * comes out is not valid UTF-8. With `plusIsSpace` as in queries and forms.
 */
export function decodePercent(text: string, plusIsSpace: boolean = false): string | null {
  const spaced = plusIsSpace && text.includes('+') ? text.replaceAll('+', ' ') : text;
  // oxlint-disable-next-line no-control-regex -- the whole of ASCII is meant
  if (/^[\0-$&-\x7f]*$/.test(spaced)) {
    return spaced;
  }
  const bytes = Buffer.alloc(spaced.length);
  let size = 0;
  for (let index = 0; index < spaced.length; index += 1) {
    const code = spaced.charCodeAt(index);
    if (code > 0xff) {
      return null;
    }
    if (code === 0x25) {
      const value = hexValue(spaced, index + 1);
      if (value === null) {
        return null;
      }
      bytes[size] = value;
      index += 2;
    } else {
      bytes[size] = code;
    }
    size += 1;
  }
  return decodeUtf8(bytes.subarray(0, size));
}

/** The byte of two hexadecimal digits at `index`, or null. */
function hexValue(text: string, index: number): number | null {
  const high = digit(text.charCodeAt(index));
  const low = digit(text.charCodeAt(index + 1));
  return high === null || low === null ? null : high * 16 + low;
}

function digit(code: number): number | null {
  if (code >= 0x30 && code <= 0x39) {
    return code - 0x30;
  }
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : null;
}
