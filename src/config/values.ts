// One attribute's expression to its checked value (config reference, 0.1). Each problem is reported where it stands; the
// value is then left out, so that nothing built on it is reported on top.
import { nearest } from '../lib/text.ts';
import { parseDurationMs, parseSizeBytes } from '../lib/units.ts';
import type { AttributeValue, Ref } from './config.ts';
import type { Span } from './diagnostic.ts';
import { formatHostPort, parseHost } from './hosts.ts';
import { findMarkers } from './markers.ts';
import type { MarkerTexts } from './markers.ts';
import type { Names } from './names.ts';
import type { Report } from './report.ts';
import { MODEL_FAMILIES } from './schema-types.ts';
import type { RefKind, ValueType } from './schema-types.ts';
import type { LocatedText } from './source.ts';
import { describeExpression } from './syntax.ts';
import type { Expression } from './syntax.ts';
import { checkForm, checkSecretReferences } from './value-forms.ts';

/** What decoding needs beside the expression. */
export interface DecodeParts {
  readonly report: Report;
  readonly names: Names;
  readonly markers: MarkerTexts;
}

type Kind<K extends ValueType['kind']> = Extract<ValueType, { readonly kind: K }>;

/** Decodes values; null stands for "reported". `null` in the file is the caller's business: it means "not written". */
export class ValueDecoder {
  readonly #parts: DecodeParts;
  readonly #itemPlaces = new WeakMap<object, readonly Span[]>();

  constructor(parts: DecodeParts) {
    this.#parts = parts;
  }

  /** Places of the items of a list that `decode` returned, in its order. */
  placesOfItems(list: AttributeValue): readonly Span[] {
    return typeof list === 'object' && list !== null ? (this.#itemPlaces.get(list) ?? []) : [];
  }

  decode(expression: Expression, type: ValueType): AttributeValue {
    if (expression.kind === 'invalid') {
      return null;
    }
    switch (type.kind) {
      case 'string':
        return this.#string(expression, type);
      case 'condition':
        return this.#string(expression, { kind: 'string' });
      case 'bool':
        return this.#bool(expression);
      case 'int':
        return this.#int(expression, type);
      case 'duration':
      case 'seconds':
      case 'retention':
        return this.#time(expression, type);
      case 'size':
        return this.#size(expression);
      case 'host':
        return this.#host(expression, type);
      case 'enum':
        return this.#enum(expression, type);
      case 'ref':
        return this.#ref(expression, type.to, type.types);
      case 'list':
        return this.#list(expression, type);
      case 'map':
      case 'object':
        return this.#object(expression, type.kind);
      case 'profile-credential':
        return this.#profileCredential(expression);
      case 'other-family':
        return this.#otherFamily(expression);
    }
  }

  #error(at: Span, code: string, message: string, fix: string): null {
    this.#parts.report.error(at, { code, message, fix });
    return null;
  }

  #wrongType(expression: Expression, wanted: string, fix: string): null {
    return this.#error(
      expression.at,
      'wrong-type',
      `${wanted} is wanted here, not ${describeExpression(expression)}`,
      fix,
    );
  }

  /** HCL's own conversion of scalars to text; null after an error. */
  #text(expression: Expression, wanted: string, fix: string): { text: string; located: LocatedText | null } | null {
    switch (expression.kind) {
      case 'string':
        return { text: expression.text.text, located: expression.text };
      case 'number':
      case 'bool':
        return { text: String(expression.value), located: null };
      case 'reference': {
        const message = `${wanted} is wanted here, not a reference`;
        return this.#error(expression.at, 'wrong-type', message, `write "${expression.segments.join('.')}" in quotes`);
      }
      case 'null':
      case 'list':
      case 'object':
      case 'invalid':
        return this.#wrongType(expression, wanted, fix);
    }
  }

  #string(expression: Expression, type: Kind<'string'>): string | null {
    const written = this.#text(expression, 'a string', 'write it in quotes');
    if (written === null) {
      return null;
    }
    const secret = checkSecretReferences(written.text, type.secret === true);
    if (secret !== null) {
      const at = written.located?.locate(secret.offset) ?? expression.at;
      return this.#error(at, secret.finding.code, secret.finding.message, secret.finding.fix ?? '');
    }
    const text = this.#replaceMarkers(expression, written, type.markers === true);
    if (text === null || type.form === undefined) {
      return text;
    }
    const checked = text.includes('<<file:') ? { kind: 'ok' as const, value: text } : checkForm(text, type.form);
    if (checked.kind === 'bad') {
      return this.#error(expression.at, checked.finding.code, checked.finding.message, checked.finding.fix ?? '');
    }
    return checked.value;
  }

  #replaceMarkers(
    expression: Expression,
    written: { readonly text: string; readonly located: LocatedText | null },
    allowed: boolean,
  ): string | null {
    if (!written.text.includes('<<file:')) {
      return written.text;
    }
    const place = (offset: number): Span => written.located?.locate(offset) ?? expression.at;
    const { markers, unclosed } = findMarkers(written.text);
    if (!allowed) {
      const fix = 'file markers are read in ca_cert, policy, template, message and host_key';
      return this.#error(place(written.text.indexOf('<<file:')), 'file-marker', 'no file marker is read here', fix);
    }
    if (unclosed !== null) {
      return this.#error(place(unclosed), 'file-marker', 'this file marker is not closed', 'write <<file:PATH>>');
    }
    const pieces: string[] = [];
    let from = 0;
    for (const marker of markers) {
      const found = this.#parts.markers.find(expression.at, marker.path);
      if (found?.kind === 'problem') {
        const { code, message, fix } = found.finding;
        return this.#error(place(marker.start), code, message, fix ?? '');
      }
      pieces.push(written.text.slice(from, marker.start));
      pieces.push(found === null ? written.text.slice(marker.start, marker.end) : found.text);
      from = marker.end;
    }
    return pieces.join('') + written.text.slice(from);
  }

  #bool(expression: Expression): boolean | null {
    if (expression.kind === 'bool') {
      return expression.value;
    }
    const text = expression.kind === 'string' ? expression.text.text : '';
    if (['true', '1', 'false', '0'].includes(text)) {
      return text === 'true' || text === '1';
    }
    return this.#wrongType(expression, 'a bool', 'write true or false');
  }

  #int(expression: Expression, type: Kind<'int'>): number | null {
    const value = toNumber(expression);
    if (value === null || !Number.isInteger(value)) {
      return this.#wrongType(expression, 'a whole number', 'write digits');
    }
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = type;
    if (value < min || value > max) {
      return this.#error(
        expression.at,
        'out-of-range',
        `${value} is outside ${min} to ${max}`,
        `write ${min} to ${max}`,
      );
    }
    return value;
  }

  #time(expression: Expression, type: Kind<'duration'> | Kind<'seconds'> | Kind<'retention'>): number | null {
    const written = this.#text(expression, 'a duration', 'write a duration like "90s"');
    if (written === null) {
      return null;
    }
    const { text } = written;
    const parsed = parseTime(text, type);
    if (parsed === null) {
      const digits = /^\d+$/.test(text);
      const fix = digits
        ? `write "${text}s" for seconds`
        : 'write digits with ns, us, ms, s, m or h, for example "1h30m"';
      return this.#error(
        expression.at,
        'bad-duration',
        `"${text}" is not a duration${text === '0' ? ' over 0' : ''}`,
        fix,
      );
    }
    const minMs = type.kind === 'retention' ? 0 : (type.minMs ?? 0);
    const maxMs = type.kind === 'retention' ? Number.POSITIVE_INFINITY : (type.maxMs ?? Number.POSITIVE_INFINITY);
    if (parsed < minMs || parsed > maxMs) {
      const bound = parsed < minMs ? `at least ${minMs / 1000}s` : `at most ${maxMs / 1000}s`;
      return this.#error(expression.at, 'out-of-range', `"${text}" is out of range`, `write ${bound}`);
    }
    return parsed;
  }

  #size(expression: Expression): number | null {
    const written = this.#text(expression, 'a size', 'write a size like "1MiB"');
    const bytes = written === null ? null : parseSizeBytes(written.text);
    if (written !== null && bytes === null) {
      const fix = 'write a whole number over 0 with B, KiB, MiB or GiB';
      return this.#error(expression.at, 'bad-size', `"${written.text}" is not a size`, fix);
    }
    return bytes;
  }

  #host(expression: Expression, type: Kind<'host'>): string | null {
    const written = this.#text(expression, 'a host', 'write it in quotes');
    if (written === null) {
      return null;
    }
    const parsed = parseHost(written.text, type.wildcards);
    if (parsed === null) {
      const fix = `write NAME, IPv4 or [IPv6], each with an optional :PORT${type.wildcards ? ', or *.SUFFIX of two labels or more' : ''}`;
      return this.#error(expression.at, 'bad-host', `"${written.text}" is not a host`, fix);
    }
    return parsed.port === null ? parsed.host : formatHostPort(parsed.host, parsed.port);
  }

  #enum(expression: Expression, type: Kind<'enum'>): string | null {
    const words = type.words.join(', ');
    const written = this.#text(expression, `one of ${words}`, `write one of: ${words}`);
    if (written === null || type.words.includes(written.text)) {
      return written?.text ?? null;
    }
    const near = nearest(written.text, type.words);
    const fix = near === null ? `write one of: ${words}` : `did you mean "${near}"? The words are: ${words}`;
    return this.#error(expression.at, 'bad-enum', `"${written.text}" is not one of: ${words}`, fix);
  }

  /** A reference, bare, typed or quoted. A quoted one splits at its first dot, unless the whole is a name. */
  #ref(expression: Expression, kind: RefKind, types: readonly string[] | undefined): Ref | null {
    const segments = this.#segments(expression, kind);
    if (segments === null) {
      return null;
    }
    const { names, report } = this.#parts;
    const whole = segments.join('.');
    const quotedName =
      expression.kind === 'string' && segments.length === 2 && names.find(kind, segments[1] ?? '') === null;
    const resolved = names.resolve(quotedName && names.find(kind, whole) !== null ? [whole] : segments, kind, types);
    switch (resolved.kind) {
      case 'found':
        return resolved.ref;
      case 'untold':
        return null;
      case 'problem':
        report.error(expression.at, resolved.finding);
        return null;
    }
  }

  #segments(expression: Expression, kind: RefKind): readonly string[] | null {
    if (expression.kind === 'reference') {
      return expression.segments;
    }
    if (expression.kind === 'string') {
      const { text } = expression.text;
      if (text === '') {
        return this.#error(expression.at, 'empty-value', 'this reference is empty', `name a ${kind}`);
      }
      const dot = text.indexOf('.');
      return dot === -1 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
    }
    return this.#wrongType(expression, `a reference to a ${kind}`, 'write TYPE.NAME');
  }

  #list(expression: Expression, type: Kind<'list'>): AttributeValue {
    if (expression.kind !== 'list') {
      return this.#wrongType(expression, 'a list', 'write [ … ]');
    }
    if (type.nonEmpty === true && expression.items.length === 0) {
      return this.#error(expression.at, 'empty-value', 'this list is empty', 'write at least one value');
    }
    const values: AttributeValue[] = [];
    const places: Span[] = [];
    for (const item of expression.items) {
      const value = item.kind === 'null' ? this.#wrongType(item, 'a value', 'remove it') : this.decode(item, type.of);
      if (value !== null) {
        values.push(value);
        places.push(item.at);
      }
    }
    this.#itemPlaces.set(values, places);
    return values;
  }

  #object(expression: Expression, kind: 'map' | 'object'): AttributeValue {
    if (expression.kind !== 'object') {
      return this.#wrongType(expression, 'an object', 'write { KEY = VALUE }');
    }
    const entries = new Map<string, AttributeValue>();
    for (const { key, keyAt, value } of expression.entries) {
      if (entries.has(key)) {
        this.#error(keyAt, 'duplicate-attribute', `"${key}" was already set`, 'keep one of the two');
      }
      entries.set(key, kind === 'map' ? this.#string(value, { kind: 'string' }) : this.#plain(value));
    }
    return Object.fromEntries(entries);
  }

  #plain(expression: Expression): AttributeValue {
    switch (expression.kind) {
      case 'string':
        return this.#string(expression, { kind: 'string' });
      case 'number':
      case 'bool':
        return expression.value;
      case 'null':
      case 'invalid':
        return null;
      case 'list':
        return expression.items.map((item) => this.#plain(item));
      case 'object':
        return this.#object(expression, 'object');
      case 'reference':
        return this.#wrongType(expression, 'a value', `write "${expression.segments.join('.')}" in quotes`);
    }
  }

  #profileCredential(expression: Expression): AttributeValue {
    if (expression.kind !== 'object') {
      const ref = this.#ref(expression, 'credential', undefined);
      return ref === null ? null : { credential: ref };
    }
    const entry: Record<string, AttributeValue> = {};
    for (const { key, keyAt, value } of expression.entries) {
      if (Object.hasOwn(entry, key)) {
        this.#error(keyAt, 'duplicate-attribute', `"${key}" was already set`, 'keep one of the two');
      } else if (key === 'credential') {
        entry['credential'] = this.#ref(value, 'credential', undefined);
      } else if (['placeholder', 'user', 'database'].includes(key)) {
        entry[key] = this.#string(value, { kind: 'string' });
      } else {
        const near = nearest(key, ['credential', 'placeholder', 'user', 'database']);
        const fix = near === null ? 'write credential, placeholder, user or database' : `did you mean "${near}"?`;
        this.#error(keyAt, 'unknown-attribute', `a profile's entry has no "${key}"`, fix);
      }
    }
    if (!Object.hasOwn(entry, 'credential')) {
      return this.#error(
        expression.at,
        'missing-attribute',
        'this entry names no credential',
        'write { credential = TYPE.NAME, … }',
      );
    }
    return entry['credential'] === null ? null : entry;
  }

  #otherFamily(expression: Expression): AttributeValue {
    if (expression.kind === 'string') {
      const { text } = expression.text;
      if (text === 'agent' || MODEL_FAMILIES.includes(text)) {
        return text;
      }
      if (!text.includes('.')) {
        const near = nearest(text, ['agent', ...MODEL_FAMILIES]);
        const fix =
          near === null
            ? `write "agent", llm_approver.NAME or one of: ${MODEL_FAMILIES.join(', ')}`
            : `did you mean "${near}"?`;
        return this.#error(expression.at, 'bad-enum', `"${text}" is not a model family`, fix);
      }
    }
    if (expression.kind === 'reference' && expression.segments.length === 1) {
      const word = expression.segments[0] ?? '';
      const known = word === 'agent' || MODEL_FAMILIES.includes(word);
      const fix = known ? `write "${word}" in quotes` : `write llm_approver.${word}`;
      const message = `"${word}" may be a family or a reviewer here`;
      return this.#error(expression.at, 'ambiguous-reference', message, fix);
    }
    return this.#ref(expression, 'approver', ['llm_approver']);
  }
}

function toNumber(expression: Expression): number | null {
  if (expression.kind === 'number') {
    return expression.value;
  }
  const text = expression.kind === 'string' ? expression.text.text : '';
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : null;
}

/** Milliseconds, or null when the text is none of the type's forms. */
function parseTime(text: string, type: Kind<'duration'> | Kind<'seconds'> | Kind<'retention'>): number | null {
  switch (type.kind) {
    case 'retention':
      return text === 'off' ? 0 : parseDurationMs(text);
    case 'seconds':
      return /^\d{1,12}$/.test(text) ? Number(text) * 1000 : parseDurationMs(text);
    case 'duration': {
      const word = type.words?.[text];
      const parsed = word ?? parseDurationMs(text);
      return parsed === 0 && type.minMs !== 0 ? null : parsed;
    }
  }
}
