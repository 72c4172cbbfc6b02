// A request's body as rules see it: codings off, text, JSON, form. Everything is made when it is first asked for, and what is not
// exactly known is Unknown with its cause.
import { readJson } from '../../lib/json.ts';
import type { Json, JsonFault } from '../../lib/json.ts';
import { asciiLower } from '../../lib/text.ts';
import { decodeUtf8, isAscii } from '../../lib/utf8.ts';
import { Unknown } from '../../rules/action.ts';
import type { FactValue, UnknownCause } from '../../rules/action.ts';
import { decodeBody } from './codings.ts';
import { readCodings, readContentType } from './headers.ts';
import type { MediaType } from './headers.ts';
import { readFormPart, splitMultipart } from './multipart.ts';
import type { FormPart } from './multipart.ts';
import { readQuery } from './query.ts';
import { fieldValues } from './request.ts';
import type { BodyReading, HttpRequest } from './request.ts';

/** `limits.body_buffer` where nobody says otherwise. */
export const DEFAULT_BODY_BYTES = 1024 * 1024;
const MAX_FORM_PAIRS = 10_000;

const EMPTY = Buffer.alloc(0);
const NUMBER_HOLE = new Unknown('ambiguous');
const TEXT_HOLE = new Unknown('undecodable');
const HOLES = { number: NUMBER_HOLE, text: TEXT_HOLE };

const FAULTS: Readonly<Record<JsonFault, UnknownCause>> = {
  syntax: 'unparseable',
  depth: 'unparseable',
  ambiguous: 'ambiguous',
};

/** A file part of a multipart form. */
export interface FormFile {
  readonly field: string;
  readonly filename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
}

/** Fields and files of a form. */
export interface FormReading {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly files: readonly FormFile[];
}

const NO_FORM: FormReading = { fields: new Map(), files: [] };

/** Whether the head says that no body follows, or an empty one. */
export function isBodiless(request: HttpRequest): boolean {
  return request.framing === 'none' || (request.framing === 'length' && request.contentLength === 0);
}

/** By body and not by request: heads that come again are kept and would keep the last body of each. */
const contents = new WeakMap<BodyReading, Content>();

/** The body of a request, read once however many ask. `maxBytes` bounds what its codings give; the first caller's holds. */
export function contentOf(request: HttpRequest, body: BodyReading, maxBytes: number = DEFAULT_BODY_BYTES): Content {
  const known = contents.get(body);
  if (known?.request === request) {
    return known;
  }
  const content = new Content(request, body, maxBytes);
  contents.set(body, content);
  return content;
}

/** JSON text as facts hold it: the value, with Unknown where numbers or texts are read differently, or Unknown as a whole. */
export function readJsonFact(text: string): FactValue {
  const reading = readJson(text, HOLES);
  return reading.kind === 'fault' ? new Unknown(FAULTS[reading.fault]) : asFact(reading.value);
}

function asFact(value: Json<Unknown>): FactValue {
  return value;
}

/** The parts of a body that facts and dialects (GraphQL, JSON-RPC, providers) read. */
export class Content {
  readonly request: HttpRequest;
  readonly body: BodyReading;
  readonly #maxBytes: number;
  #bytes: Buffer | Unknown | null = null;
  #text: string | Unknown | null = null;
  #json: { readonly value: FactValue } | null = null;
  #form: FormReading | Unknown | null = null;
  #media: MediaType | Unknown | null = null;

  constructor(request: HttpRequest, body: BodyReading, maxBytes: number) {
    this.request = request;
    this.body = body;
    this.#maxBytes = maxBytes;
  }

  /** The bytes as sent; Unknown unless all of them are there. */
  get sent(): Buffer | Unknown {
    if (isBodiless(this.request)) {
      return EMPTY;
    }
    switch (this.body.kind) {
      case 'whole':
        return this.body.bytes;
      case 'cut':
        return new Unknown(this.body.cause);
      case 'unread':
        return new Unknown('incomplete');
    }
  }

  /** The bytes with content codings taken off. */
  get bytes(): Buffer | Unknown {
    if (this.#bytes === null) {
      const { sent } = this;
      this.#bytes =
        sent instanceof Unknown
          ? sent
          : decodeBody(sent, readCodings(this.request.fields), Math.max(this.#maxBytes, sent.length));
    }
    return this.#bytes;
  }

  /** UTF-8 text; Unknown also where the Content-Type names another charset, which a server may honour. */
  get text(): string | Unknown {
    if (this.#text === null) {
      const { bytes } = this;
      this.#text = bytes instanceof Unknown ? bytes : this.#decode(bytes);
    }
    return this.#text;
  }

  /** The body as one JSON value whatever its media type, `{}` when it is empty. */
  get json(): FactValue {
    if (this.#json === null) {
      const { text } = this;
      this.#json = { value: typeof text !== 'string' ? text : text === '' ? {} : readJsonFact(text) };
    }
    return this.#json.value;
  }

  /** Fields and files where the media type is a form's; empty for others. */
  get form(): FormReading | Unknown {
    this.#form ??= this.#readForm();
    return this.#form;
  }

  /** Whether some server may read JSON here, whatever the media type says: many never look at it. False for what cannot open one. */
  get mayBeJson(): boolean {
    const { media, text } = this;
    const isForm = !(media instanceof Unknown) && /form/.test(media.type);
    return opensJson(this.#visible()) || (typeof text !== 'string' && (!isForm || this.#visible() === null));
  }

  /** What of the bytes can be seen, its end perhaps missing; null: nothing can. */
  #visible(): Buffer | null {
    const { bytes, body } = this;
    if (!(bytes instanceof Unknown)) {
      return bytes;
    }
    return body.kind === 'unread' || isCoded(this.request) ? null : body.bytes;
  }

  get media(): MediaType | Unknown {
    this.#media ??= readContentType(this.request.fields);
    return this.#media;
  }

  #decode(bytes: Buffer): string | Unknown {
    const text = decodeUtf8(bytes);
    return text !== null && isReadable(text, this.#charset()) ? text : new Unknown('undecodable');
  }

  /** "" when none is named; null when one is, and not clearly. */
  #charset(): string | null {
    const { media } = this;
    if (media instanceof Unknown) {
      const named = fieldValues(this.request.fields, 'content-type').some((value) => /charset/i.test(value));
      return named ? null : '';
    }
    return asciiLower(media.parameters.get('charset') ?? '');
  }

  #readForm(): FormReading | Unknown {
    const { media } = this;
    if (media instanceof Unknown) {
      // Nobody can say whether it is a form.
      return isBodiless(this.request) ? NO_FORM : media;
    }
    const isMultipart = media.type === 'multipart/form-data';
    if (!isMultipart && media.type !== URLENCODED && !isUntypedForm(this.request)) {
      return NO_FORM;
    }
    // Most servers of forms take no coding off, and find other fields in the bytes as they came.
    if (isCoded(this.request) && !isBodiless(this.request)) {
      return new Unknown('ambiguous');
    }
    return isMultipart ? this.#multipart(media.parameters.get('boundary')) : this.#urlencoded();
  }

  #urlencoded(): FormReading | Unknown {
    const { text } = this;
    if (typeof text !== 'string') {
      return text;
    }
    const bytes = Buffer.from(text, 'utf8').toString('latin1');
    const fields = readQuery(bytes, { maxBytes: Number.POSITIVE_INFINITY, maxPairs: MAX_FORM_PAIRS });
    return fields instanceof Unknown ? fields : { fields, files: [] };
  }

  #multipart(boundary: string | undefined): FormReading | Unknown {
    const { bytes } = this;
    if (bytes instanceof Unknown) {
      return bytes;
    }
    if (bytes.length === 0) {
      return NO_FORM;
    }
    const parts = splitMultipart(bytes, boundary)?.map(readFormPart) ?? null;
    return parts === null ? new Unknown('ambiguous') : collect(parts);
  }
}

const URLENCODED = 'application/x-www-form-urlencoded';

/** Some servers (Rack's) take the body of a POST without Content-Type for an urlencoded form. */
export function isUntypedForm({ method, fields }: HttpRequest): boolean {
  return method === 'POST' && fieldValues(fields, 'content-type').every((value) => value === '');
}

/** Whether a content coding hides the body from a server that does not take it off. */
export function isCoded({ fields }: HttpRequest): boolean {
  return readCodings(fields).some((coding) => coding !== 'identity');
}

/** White space of any reader, byte order marks, and the zero bytes of longer characters. */
const BEFORE_JSON: ReadonlySet<number> = new Set([0, 9, 10, 11, 12, 13, 32, 0xa0, 0xbb, 0xbf, 0xef, 0xfe, 0xff]);

function opensJson(bytes: Buffer | null): boolean {
  const first = bytes?.find((byte) => !BEFORE_JSON.has(byte));
  return first === 0x7b || first === 0x5b;
}

function collect(parts: readonly (FormPart | null)[]): FormReading | Unknown {
  const fields = new Map<string, string[]>();
  const files: FormFile[] = [];
  for (const part of parts) {
    if (part === null) {
      return new Unknown('ambiguous');
    }
    const { name, filename, content } = part;
    if (filename !== null) {
      files.push({ field: name, filename, contentType: part.type, sizeBytes: content.length });
    } else {
      const text = decodeUtf8(content);
      // A field of that name changes the charset of the others (HTML, 4.10.22).
      if (text === null || !isReadable(text, part.charset) || (name === '_charset_' && !UTF8.has(asciiLower(text)))) {
        return new Unknown('undecodable');
      }
      fields.set(name, [...(fields.get(name) ?? []), text]);
    }
  }
  return { fields, files };
}

const UTF8 = new Set(['', 'utf-8', 'utf8']);
const ASCII_LIKE = new Set(['us-ascii', 'ascii', 'iso-8859-1', 'latin1', 'windows-1252']);

/** Whether a text that is valid UTF-8 reads the same in that charset. */
function isReadable(text: string, charset: string | null): boolean {
  return charset !== null && (UTF8.has(charset) || (ASCII_LIKE.has(charset) && isAscii(text)));
}
