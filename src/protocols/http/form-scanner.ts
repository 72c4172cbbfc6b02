// Looks for one field in a form that streams by: what is too long to be held could still ask to be run as another method. Nothing is
// kept but the line or key at hand; what cannot be told for the field is taken for it.
import { decodePercent } from '../../lib/percent.ts';
import { asciiLower } from '../../lib/text.ts';

/**
 * Fields that servers take for the method to run: frameworks (Rails, Laravel, Symfony, Express), Google's front ends (Closure library,
 * goog.net.rpc.HttpCors), Salesforce, and the name of the header, which some take as a parameter too (Firebase).
 */
const OVERRIDE_PARAMETERS: ReadonlySet<string> = new Set([
  '_method',
  '$httpmethod',
  '_httpmethod',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
]);

/** A key that is longer is no spelling of the field; a header of a part that is longer could hide it. */
const MAX_KEY_CHARS = 256;
const MAX_HEADER_CHARS = 8 * 1024;
const DISPOSITION = 'content-disposition';
const DISPOSITION_LINE = /[\r\n]content-disposition/i;
/** The end of a header: a line's end that no continuation follows. */
const HEADER_END = /\r\n(?![ \t]|$)|\r(?![\n \t]|$)|(?<!\r)\n(?![ \t]|$)/;
const NAME = /[;\s]name\*?\d*\*?[ \t\r\n]*=[ \t\r\n]*(?:"([^"]*)"|([^;\s]*))/gi;

/** Whether some server takes that key for the field: percent-decoded, blanks cut, and as PHP does, with `_` for what a name cannot hold. */
export function isOverrideKey(key: string): boolean {
  const decoded = decodePercent(key, true) ?? key;
  return OVERRIDE_PARAMETERS.has(asciiLower(decoded.trim()).replace(/^[.\s[]/, '_'));
}

export class FormScanner {
  readonly #multipart: boolean;
  readonly #urlencoded: boolean;
  /** The end of what was looked through, where a line may begin. */
  #tail = '\n';
  /** The header that is being collected, or null. */
  #header: string | null = null;
  /** The key that is being collected; null inside a value. */
  #key: string | null = '';

  /** `type`: the Content-Type as sent. What says neither is looked through as an urlencoded form. */
  constructor(type: string) {
    this.#multipart = /multipart/i.test(type);
    this.#urlencoded = !this.#multipart || /urlencoded/i.test(type);
  }

  /** True: the field is there, or may be. */
  push(bytes: Buffer): boolean {
    const text = bytes.toString('latin1');
    return (this.#multipart && this.#parts(text)) || (this.#urlencoded && this.#pairs(text));
  }

  /** No more comes: what is at hand is all of it. */
  end(): boolean {
    return (
      (this.#multipart && this.#header !== null && isMethodPart(this.#header)) ||
      (this.#urlencoded && this.#key !== null && isOverrideKey(this.#key))
    );
  }

  #parts(text: string): boolean {
    let rest = text;
    for (;;) {
      if (this.#header === null) {
        const all = this.#tail + rest;
        const at = all.search(DISPOSITION_LINE);
        if (at === -1) {
          this.#tail = all.slice(-DISPOSITION.length);
          return false;
        }
        this.#header = '';
        rest = all.slice(at + 1 + DISPOSITION.length);
      }
      const header = this.#header + rest;
      const end = header.slice(0, MAX_HEADER_CHARS).search(HEADER_END);
      if (end === -1) {
        this.#header = header;
        return header.length > MAX_HEADER_CHARS;
      }
      if (isMethodPart(header.slice(0, end))) {
        return true;
      }
      rest = header.slice(end);
      this.#header = null;
      this.#tail = '';
    }
  }

  #pairs(text: string): boolean {
    // Whatever a reader splits at.
    const pieces = text.split(/[&;]/);
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) {
        if (this.#key !== null && isOverrideKey(this.#key)) {
          return true;
        }
        this.#key = '';
      }
      if (this.#key !== null) {
        const equals = piece.indexOf('=');
        const key = this.#key + (equals === -1 ? piece : piece.slice(0, equals));
        if (equals !== -1 && isOverrideKey(key.slice(0, MAX_KEY_CHARS))) {
          return true;
        }
        this.#key = equals !== -1 || key.length > MAX_KEY_CHARS ? null : key;
      }
    }
    return false;
  }
}

/** Whether the rest of a Content-Disposition names the field, in any of the ways in which readers put a name together. */
function isMethodPart(header: string): boolean {
  const names = [...header.matchAll(NAME)].map((match) => match[1] ?? match[2] ?? '');
  const plain = [...names, names.join('')].map((name) => name.replaceAll('\\', '').replace(/^[\w-]*'[\w-]*'/, ''));
  // An encoded word (RFC 2047) may be anything.
  return plain.some((name) => isOverrideKey(name) || name.startsWith('=?'));
}
