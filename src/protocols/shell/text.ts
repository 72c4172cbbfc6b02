// Bytes to text without loss. Pure.

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of well-formed UTF-8, else null. A byte order mark stays what it is: three bytes that a shell sees. */
export function decodeUtf8(bytes: Buffer): string | null {
  try {
    return STRICT.decode(bytes);
  } catch {
    return null;
  }
}
