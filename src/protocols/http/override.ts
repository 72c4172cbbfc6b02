// Requests that ask to be run as another method than they say (X-HTTP-Method-Override and its like): what an upstream that honours
// that would run. Whether it is refused or judged is the endpoint's to say.
import { isToken } from '../../lib/token.ts';
import { asciiLower } from '../../lib/text.ts';
import { Unknown } from '../../rules/action.ts';
import { isCoded, isUntypedForm } from './body.ts';
import type { Content } from './body.ts';
import { FormScanner, isOverrideKey } from './form-scanner.ts';
import { possibleValues } from './query.ts';
import { fieldValues } from './request.ts';
import type { HttpRequest } from './request.ts';

/** Header names in which overrides are sent; some servers take `_` for `-`. */
export const OVERRIDE_FIELDS: ReadonlySet<string> = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
]);

export interface MethodOverride {
  /** Lower case: what would run; equal to the method where nothing overrides it. Unknown: two that differ, or none that can be read. */
  readonly effective: string | Unknown;
  /** Something asks for another method, whether or not it can be told which. */
  readonly present: boolean;
}

/** The override of a request, from headers, query and the form where there is one. */
export function readOverride(request: HttpRequest, content: Content): MethodOverride {
  const method = asciiLower(request.method);
  const form = formValues(request, content);
  const asked = [
    ...request.fields
      .filter(({ name }) => OVERRIDE_FIELDS.has(asciiLower(name).replaceAll('_', '-')))
      .map(({ value }) => asciiLower(value.trim())),
    ...possibleValues(request.rawQuery, isOverrideKey),
    ...form.values,
  ];
  const others = new Set(asked.filter((value) => value !== '' && value !== method));
  const [other] = others;
  if (other === undefined) {
    return { effective: form.unknown ?? method, present: false };
  }
  const sure = others.size === 1 && isToken(other) && !asked.includes(method) && form.unknown === null;
  return { effective: sure ? other : new Unknown('ambiguous'), present: true };
}

interface FormValues {
  readonly values: readonly string[];
  /** Set when the form may hold an override that could not be read. */
  readonly unknown: Unknown | null;
}

const NOTHING: FormValues = { values: [], unknown: null };

function formValues(request: HttpRequest, content: Content): FormValues {
  if (!mayBeForm(request)) {
    return NOTHING;
  }
  const { form, bytes, sent } = content;
  // A server that takes no coding off reads a form in the bytes as they came.
  if (isCoded(request) && !(sent instanceof Unknown) && mayOverride(request, sent)) {
    return { values: [HIDDEN], unknown: content.form instanceof Unknown ? content.form : null };
  }
  if (!(form instanceof Unknown)) {
    const values = [...form.fields].flatMap(([key, list]) => (isOverrideKey(key) ? list : []));
    return { values: values.map((value) => asciiLower(value.trim())), unknown: null };
  }
  // What cannot be read as a whole may still be read in part by a server.
  const { text } = content;
  const isMultipart = /multipart/i.test(typeText(request));
  const seen = typeof text === 'string' && !isMultipart ? possibleValues(text, isOverrideKey) : [];
  const hidden =
    bytes instanceof Unknown
      ? isCoded(request) && !isUntypedForm(request) && content.body.kind !== 'unread'
      : mayOverride(request, bytes);
  return { values: seen.length === 0 && hidden ? [HIDDEN] : seen, unknown: form };
}

/** Stands for a method that is asked for in a way that cannot be read. */
const HIDDEN = '?';

function mayOverride(request: HttpRequest, bytes: Buffer): boolean {
  const scanner = scannerOf(request);
  return scanner !== null && (scanner.push(bytes) || scanner.end());
}

/** What looks for an override in a form that is not held, or null where the body is none. */
export function scannerOf(request: HttpRequest): FormScanner | null {
  return mayBeForm(request) ? new FormScanner(typeText(request)) : null;
}

/**
 * Whether a form has to be held to be looked through: one that can be whole, since what is held never reaches the upstream, and one
 * that a coding hides. The others are looked through as they pass (exchange.ts), and so is what has neither type nor length: it may be
 * one half of a conversation.
 */
export function mustHoldForm(request: HttpRequest, maxBytes: number): boolean {
  const { contentLength } = request;
  const fits = contentLength === null ? !isUntypedForm(request) : contentLength <= maxBytes;
  return mayBeForm(request) && (fits || isCoded(request));
}

/** Whether some server takes the body for a form. */
export function mayBeForm(request: HttpRequest): boolean {
  return request.framing !== 'none' && (/form/i.test(typeText(request)) || isUntypedForm(request));
}

function typeText(request: HttpRequest): string {
  return fieldValues(request.fields, 'content-type').join(' ');
}
