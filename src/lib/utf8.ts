// Text from bytes, or nothing: a replacement character in place of bytes would be a text that nobody sent.

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of valid UTF-8, byte order mark included; null when the bytes are not valid. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return DECODER.decode(bytes);
  } catch {
    return null;
  }
}

/** The text of a string whose characters are bytes (latin1) that stand for UTF-8; null when they are not valid. */
export function decodeUtf8Bytes(text: string): string | null {
  return isAscii(text) ? text : decodeUtf8(Buffer.from(text, 'latin1'));
}

/** Whether every character is in ASCII, where bytes and text are the same. */
export function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the whole of ASCII is meant
  return /^[\0-\x7f]*$/.test(text);
}
