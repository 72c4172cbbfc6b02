// One block against its schema: unknown and missing names, types of values, exclusions, elements that come later.
import { nearest } from '../lib/text.ts';
import type { AttributeValue } from './config.ts';
import type { Span } from './diagnostic.ts';
import { suggest } from './report.ts';
import type { Report } from './report.ts';
import type { AttributeSpec, BlockSpec, Later, NestedSpec } from './schema-types.ts';
import type { LocatedText } from './source.ts';
import type { Attribute, Block, Body } from './syntax.ts';
import { ValueDecoder } from './values.ts';
import type { DecodeParts } from './values.ts';

interface DecodedAttribute {
  /** null: refused as a whole; items of a list that were refused are left out. */
  readonly value: AttributeValue;
  /** Some of it was refused, and reported. */
  readonly broken: boolean;
  readonly at: Span;
  /** Places of a list's items. */
  readonly items: readonly Span[];
  readonly text: LocatedText | null;
}

/** A block whose attributes were checked; defaults stand in for what was not written. */
export class DecodedBlock {
  /** Place of the keyword. */
  readonly at: Span;
  /** The slot of a `secret` block. */
  readonly label: string;
  readonly labelAt: Span;
  readonly #spec: BlockSpec;
  readonly #attributes = new Map<string, DecodedAttribute>();
  readonly #nested = new Map<string, DecodedBlock[]>();

  constructor(spec: BlockSpec, at: Span, label: { readonly text: string; readonly at: Span } = { text: '', at }) {
    this.#spec = spec;
    this.at = at;
    this.label = label.text;
    this.labelAt = label.at;
  }

  set(name: string, attribute: DecodedAttribute): void {
    this.#attributes.set(name, attribute);
  }

  addNested(name: string, block: DecodedBlock): void {
    this.#nested.set(name, [...(this.#nested.get(name) ?? []), block]);
  }

  /** Whether the attribute stands in the file with a value other than null, right or wrong. */
  written(name: string): boolean {
    return this.#attributes.has(name);
  }

  /** Whether the attribute was written and some of its value was refused. */
  broken(name: string): boolean {
    return this.#attributes.get(name)?.broken === true;
  }

  /** Place of the attribute's value, or of the block when it is not written. */
  place(name: string): Span {
    return this.#attributes.get(name)?.at ?? this.at;
  }

  /** Place of one item of a list, or of the whole. */
  itemPlace(name: string, index: number): Span {
    return this.#attributes.get(name)?.items[index] ?? this.place(name);
  }

  /** The written value, else the default, else null. */
  value(name: string): AttributeValue {
    return this.#attributes.get(name)?.value ?? this.#spec.attributes[name]?.default ?? null;
  }

  text(name: string): string | null {
    const value = this.value(name);
    return typeof value === 'string' ? value : null;
  }

  number(name: string): number | null {
    const value = this.value(name);
    return typeof value === 'number' ? value : null;
  }

  flag(name: string): boolean {
    return this.value(name) === true;
  }

  texts(name: string): readonly string[] {
    const value = this.value(name);
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
  }

  /** One of an enum's words; the fallback stands in for a value that was refused. */
  word<W extends string>(name: string, words: readonly W[], fallback: W): W {
    const value = this.value(name);
    return words.find((word) => word === value) ?? fallback;
  }

  located(name: string): LocatedText | null {
    return this.#attributes.get(name)?.text ?? null;
  }

  nested(name: string): readonly DecodedBlock[] {
    return this.#nested.get(name) ?? [];
  }

  /** The one nested block of a name; an empty one with its defaults when it is not written. */
  only(name: string): DecodedBlock {
    const spec = this.#spec.blocks?.[name];
    return this.nested(name)[0] ?? new DecodedBlock(spec ?? { doc: '', attributes: {} }, this.at);
  }

  /** All attributes of the schema by name except those left out, defaults filled in. */
  record(leaveOut: readonly string[] = []): Readonly<Record<string, AttributeValue>> {
    const names = Object.keys(this.#spec.attributes).filter((name) => !leaveOut.includes(name));
    return Object.fromEntries(names.map((name) => [name, this.value(name)]));
  }

  /** Places of what was written, by path below `prefix`. */
  collectPlaces(prefix: string, places: Map<string, Span>): void {
    for (const [name, { at }] of this.#attributes) {
      places.set(`${prefix}#${name}`, at);
    }
    for (const [name, blocks] of this.#nested) {
      for (const block of blocks) {
        block.collectPlaces(`${prefix}.${name}${block.label === '' ? '' : `.${block.label}`}`, places);
      }
    }
  }
}

/** Whether a decoded value is an object. */
export function isRecord(value: AttributeValue): value is { readonly [key: string]: AttributeValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Decodes blocks; problems go to the report. */
export class BlockDecoder {
  readonly #report: Report;
  readonly #values: ValueDecoder;

  constructor(parts: DecodeParts) {
    this.#report = parts.report;
    this.#values = new ValueDecoder(parts);
  }

  /** `what` names the block in messages: `endpoint "postgres"`. */
  decode(block: Block, spec: BlockSpec, what: string): DecodedBlock {
    const decoded = new DecodedBlock(spec, block.at, block.labels[0]);
    this.#checkLater(block.at, spec.later, what);
    this.#decodeBody(block.body, spec, { decoded, what });
    this.#checkRequired(spec, { decoded, what });
    return decoded;
  }

  #decodeBody(body: Body, spec: BlockSpec, into: { readonly decoded: DecodedBlock; readonly what: string }): void {
    for (const item of body) {
      if (item.kind === 'attribute') {
        this.#decodeAttribute(item, spec, into);
      } else {
        this.#decodeNested(item, spec, into);
      }
    }
  }

  #decodeAttribute(
    attribute: Attribute,
    spec: BlockSpec,
    { decoded, what }: { readonly decoded: DecodedBlock; readonly what: string },
  ): void {
    const { name, value, at } = attribute;
    const attributeSpec = Object.hasOwn(spec.attributes, name) ? spec.attributes[name] : undefined;
    if (attributeSpec === undefined) {
      const isBlock = spec.blocks !== undefined && Object.hasOwn(spec.blocks, name);
      const fix = isBlock ? `${name} is a block: write ${name} { … }` : this.#attributeHint(name, spec);
      this.#report.error(at, { code: 'unknown-attribute', message: `${what} has no attribute "${name}"`, fix });
      return;
    }
    if (value.kind === 'null') {
      return;
    }
    const before = this.#report.errorCount;
    const result = this.#values.decode(value, attributeSpec.type);
    const broken = result === null || this.#report.errorCount > before;
    const text = attributeSpec.type.kind === 'condition' && value.kind === 'string' ? value.text : null;
    if (result === '' && attributeSpec.required === true) {
      const finding = { code: 'empty-value', message: `"${name}" is empty`, fix: 'write its value' };
      this.#report.error(value.at, finding);
      decoded.set(name, { value: null, broken: true, at: value.at, items: [], text });
      return;
    }
    decoded.set(name, { value: result, broken, at: value.at, items: this.#values.placesOfItems(result), text });
    if (attributeSpec.later !== undefined && result !== null && result !== (attributeSpec.default ?? null)) {
      this.#checkLater(at, attributeSpec.later, `"${name}"`);
    }
  }

  #attributeHint(name: string, spec: BlockSpec): string {
    const hint = spec.hints?.[name];
    if (hint !== undefined) {
      return hint;
    }
    const known = [...Object.keys(spec.attributes), ...Object.keys(spec.blocks ?? {})];
    return suggest(nearest(name, known), known, 'its attributes are');
  }

  #decodeNested(
    block: Block,
    spec: BlockSpec,
    { decoded, what }: { readonly decoded: DecodedBlock; readonly what: string },
  ): void {
    const { keyword } = block;
    const nestedSpec =
      spec.blocks !== undefined && Object.hasOwn(spec.blocks, keyword) ? spec.blocks[keyword] : undefined;
    if (nestedSpec === undefined) {
      const isAttribute = Object.hasOwn(spec.attributes, keyword);
      const known = Object.keys(spec.blocks ?? {});
      const near = nearest(keyword, [...known, ...Object.keys(spec.attributes)]);
      const fix = isAttribute
        ? `${keyword} is an attribute: write ${keyword} = …`
        : suggest(near, known, 'its blocks are');
      this.#report.error(block.at, { code: 'unknown-block', message: `${what} has no block "${keyword}"`, fix });
      return;
    }
    const first = decoded.nested(keyword)[0];
    if (first !== undefined && nestedSpec.many !== true) {
      const message = `a second "${keyword}" block; the first is at ${first.at.file}:${first.at.line}:${first.at.column}`;
      this.#report.error(block.at, { code: 'duplicate-block', message, fix: 'merge the two' });
      return;
    }
    this.#checkNestedLabels(block, nestedSpec);
    decoded.addNested(keyword, this.decode(block, nestedSpec, `"${keyword}"`));
  }

  #checkNestedLabels(block: Block, spec: NestedSpec): void {
    const most = spec.labels === 'optional-slot' ? 1 : 0;
    const extra = block.labels[most];
    if (extra !== undefined) {
      const message = `"${block.keyword}" takes ${most === 0 ? 'no label' : 'one label at most'}`;
      this.#report.error(extra.at, { code: 'wrong-labels', message, fix: 'remove the label' });
    }
  }

  #checkLater(at: Span, later: Later | undefined, what: string): void {
    if (later?.mode === 'warn') {
      const message = `${what} is not available in this version: ${later.until}`;
      this.#report.warning(at, { code: 'not-available', message, fix: 'remove it, or wait for a later version' });
    } else if (later?.mode === 'refuse') {
      const message = `${what} is not available in this version`;
      this.#report.error(at, { code: 'not-available', message, fix: later.until });
    }
  }

  #checkRequired(spec: BlockSpec, { decoded, what }: { readonly decoded: DecodedBlock; readonly what: string }): void {
    for (const [name, attribute] of Object.entries<AttributeSpec>(spec.attributes)) {
      if (attribute.required === true && !decoded.written(name)) {
        const finding = { code: 'missing-attribute', message: `${what} needs "${name}"`, fix: `write ${name} = …` };
        this.#report.error(decoded.at, finding);
      }
    }
    for (const [first, second] of spec.exclusive ?? []) {
      if (decoded.written(first) && decoded.written(second)) {
        const finding = {
          code: 'exclusive-attributes',
          message: `"${first}" and "${second}" exclude one another`,
          fix: 'keep one of them',
        };
        this.#report.error(decoded.place(second), finding);
      }
    }
    for (const names of spec.exactlyOne ?? []) {
      const written = names.filter((name) => decoded.written(name));
      if (written.length !== 1) {
        const list = names.join(', ');
        const message =
          written.length === 0 ? `${what} needs one of ${list}` : `${written.join(' and ')} exclude one another`;
        const at = decoded.place(written[1] ?? '');
        this.#report.error(at, { code: 'exclusive-attributes', message, fix: `write exactly one of: ${list}` });
      }
    }
  }
}
