// Top-level blocks: their keywords, labels and names first, over all files, then each against its schema.
import { nearest } from '../lib/text.ts';
import { RISKS } from '../rules/action.ts';
import { BlockDecoder } from './decode.ts';
import type { DecodedBlock } from './decode.ts';
import type { Span } from './diagnostic.ts';
import { Names } from './names.ts';
import type { TopLevelItem } from './read-set.ts';
import { suggest } from './report.ts';
import type { Report } from './report.ts';
import { formerBlocks, topLevelBlocks } from './schema.ts';
import type { BlockSpec, TopLevelSpec } from './schema-types.ts';
import type { Attribute, Block, Label } from './syntax.ts';
import type { DecodeParts } from './values.ts';

/** A decoded top-level block. */
export interface Declared {
  readonly keyword: string;
  /** Type label; the keyword where the block has none. */
  readonly type: string;
  /** "" for `gateway`, `defaults` and `grant`; the tier for `risk`. */
  readonly name: string;
  readonly ref: string;
  readonly block: DecodedBlock;
}

/** Everything that was declared, in declaration order. */
export class Draft {
  readonly #byKeyword = new Map<string, Declared[]>();
  readonly names: Names;
  /** The first character of the first file: where an absent block would stand. */
  readonly start: Span;

  constructor(blocks: readonly Declared[], names: Names, start: Span) {
    for (const block of blocks) {
      const siblings = this.#byKeyword.get(block.keyword) ?? [];
      siblings.push(block);
      this.#byKeyword.set(block.keyword, siblings);
    }
    this.names = names;
    this.start = start;
  }

  all(keyword: string): readonly Declared[] {
    return this.#byKeyword.get(keyword) ?? [];
  }

  first(keyword: string): Declared | null {
    return this.#byKeyword.get(keyword)?.[0] ?? null;
  }

  /** Places of every written attribute, as `REF#ATTRIBUTE` and `REF.BLOCK#ATTRIBUTE`. */
  places(): ReadonlyMap<string, Span> {
    const places = new Map<string, Span>();
    for (const { ref, block } of [...this.#byKeyword.values()].flat()) {
      block.collectPlaces(ref, places);
    }
    return places;
  }
}

interface Pending {
  readonly item: Block;
  readonly spec: BlockSpec;
  readonly declared: Omit<Declared, 'block'>;
}

const MAX_NAME_CHARS = 128;

/** Declares and decodes all items. `incomplete`: some file was not read, so that a missing name is no error of its own. */
export function declareAll(
  set: { readonly items: readonly TopLevelItem[]; readonly incomplete: boolean; readonly start: Span },
  parts: Omit<DecodeParts, 'names'>,
): Draft {
  const { items, incomplete } = set;
  const names = new Names();
  const plugins = items.some(({ item }) => item.kind === 'block' && item.keyword === 'plugin');
  names.incomplete = incomplete || plugins;
  const declarer = new Declarer(names, parts.report, plugins);
  const pending = items.map(({ item }) => declarer.declare(item)).filter((entry) => entry !== null);
  const decoder = new BlockDecoder({ ...parts, names });
  const blocks = pending.map(({ item, spec, declared }) => {
    const type = declared.type === declared.keyword ? '' : ` "${declared.type}"`;
    return { ...declared, block: decoder.decode(item, spec, `${declared.keyword}${type}`) };
  });
  return new Draft(blocks, names, set.start);
}

class Declarer {
  readonly #names: Names;
  readonly #report: Report;
  readonly #singles = new Map<string, Span>();
  /** A plugin would bring types of its own: an unknown one is not reported on top of the plugin. */
  readonly #plugins: boolean;

  constructor(names: Names, report: Report, plugins: boolean) {
    this.#names = names;
    this.#report = report;
    this.#plugins = plugins;
  }

  declare(item: Attribute | Block): Pending | null {
    if (item.kind === 'attribute') {
      this.#checkFileAttribute(item);
      return null;
    }
    const { keyword } = item;
    const spec = Object.hasOwn(topLevelBlocks, keyword) ? topLevelBlocks[keyword] : undefined;
    if (spec === undefined) {
      const known = Object.keys(topLevelBlocks);
      const fix = formerBlocks[keyword] ?? suggest(nearest(keyword, known), known, 'the blocks are');
      this.#report.error(item.at, { code: 'unknown-block', message: `there is no block "${keyword}"`, fix });
      return null;
    }
    if (!this.#checkLabels(item, spec)) {
      return null;
    }
    switch (spec.labels) {
      case 'none':
        return this.#declareSingle(item, spec.body, keyword);
      case 'tier':
        return this.#declareTier(item, spec.body);
      case 'name':
        return this.#declareNamed(item, spec.body, { type: keyword, label: item.labels[0] });
      case 'type-name':
        return this.#declareTyped(item, spec.types);
    }
  }

  #checkFileAttribute({ name, at }: Attribute): void {
    if (name === 'schema_version') {
      return;
    }
    const blocks = Object.keys(topLevelBlocks);
    const near = nearest(name, ['schema_version', 'include', ...blocks]);
    const fix = blocks.includes(name)
      ? `${name} is a block: write ${name} { … }`
      : suggest(near, ['schema_version', 'include'], 'the attributes of a file are');
    this.#report.error(at, { code: 'unknown-attribute', message: `a file has no attribute "${name}"`, fix });
  }

  #checkLabels(block: Block, spec: TopLevelSpec): boolean {
    const wanted = { none: 0, tier: 1, name: 1, 'type-name': 2 }[spec.labels];
    if (block.labels.length === wanted) {
      return true;
    }
    const forms = {
      none: `${block.keyword} { … }`,
      tier: `${block.keyword} "safe|suspicious|destructive" { … }`,
      name: `${block.keyword} "NAME" { … }`,
      'type-name': `${block.keyword} "TYPE" "NAME" { … }`,
    };
    const count = ['no label', 'one label', 'two labels'][wanted] ?? '';
    const at = block.labels[wanted]?.at ?? block.at;
    const message = `${block.keyword} takes ${count}, not ${block.labels.length}`;
    this.#report.error(at, { code: 'wrong-labels', message, fix: `write ${forms[spec.labels]}` });
    return false;
  }

  #declareSingle(item: Block, spec: BlockSpec, keyword: string): Pending | null {
    if (!this.#once(keyword, item.at, keyword)) {
      return null;
    }
    return { item, spec, declared: { keyword, type: keyword, name: '', ref: keyword } };
  }

  #declareTier(item: Block, spec: BlockSpec): Pending | null {
    const label = item.labels[0];
    const tier = RISKS.find((risk) => risk === label?.text);
    if (tier === undefined || label === undefined) {
      const message = `"${label?.text ?? ''}" is not one of: ${RISKS.join(', ')}`;
      const near = nearest(label?.text ?? '', RISKS);
      const fix = near === null ? `write one of: ${RISKS.join(', ')}` : `did you mean "${near}"?`;
      this.#report.error(label?.at ?? item.at, { code: 'bad-enum', message, fix });
      return null;
    }
    if (!this.#once(`risk.${tier}`, label.at, `risk "${tier}"`)) {
      return null;
    }
    return { item, spec, declared: { keyword: 'risk', type: 'risk', name: tier, ref: `risk.${tier}` } };
  }

  #once(key: string, at: Span, what: string): boolean {
    const first = this.#singles.get(key);
    if (first !== undefined) {
      const message = `a second ${what} block; the first is at ${first.file}:${first.line}:${first.column}`;
      this.#report.error(at, { code: 'duplicate-block', message, fix: 'merge the two' });
      return false;
    }
    this.#singles.set(key, at);
    return true;
  }

  #declareTyped(item: Block, types: Readonly<Record<string, BlockSpec>>): Pending | null {
    const [type, name] = item.labels;
    const spec = type !== undefined && Object.hasOwn(types, type.text) ? types[type.text] : undefined;
    if (type === undefined) {
      return null;
    }
    if (spec === undefined) {
      const known = Object.keys(types);
      if (!this.#plugins) {
        const fix = suggest(nearest(type.text, known), known, `the types are`);
        const message = `there is no ${item.keyword} type "${type.text}"; the types are: ${known.join(', ')}`;
        this.#report.error(type.at, { code: 'unknown-type', message, fix });
      }
      this.#declareNamed(item, { doc: '', attributes: {} }, { type: type.text, label: name });
      return null;
    }
    return this.#declareNamed(item, spec, { type: type.text, label: name });
  }

  #declareNamed(
    item: Block,
    spec: BlockSpec,
    { type, label }: { readonly type: string; readonly label: Label | undefined },
  ): Pending | null {
    if (label === undefined || !this.#checkName(item.keyword, label)) {
      return null;
    }
    const { keyword } = item;
    const ref = `${type}.${label.text}`;
    const first = this.#names.add({ kind: keyword, type, name: label.text, ref, at: label.at });
    if (first !== null) {
      const message = `a second ${keyword} is named "${label.text}"; the first is at ${first.at.file}:${first.at.line}:${first.at.column}`;
      this.#report.error(label.at, { code: 'duplicate-name', message, fix: 'give it another name' });
      return null;
    }
    return { item, spec, declared: { keyword, type, name: label.text, ref } };
  }

  #checkName(keyword: string, label: Label): boolean {
    const { text, at } = label;
    if (keyword === 'approver' && text === 'dashboard') {
      const message = '"dashboard" is the name of the built-in approver';
      this.#report.error(at, { code: 'duplicate-name', message, fix: 'give it another name' });
      return false;
    }
    if (text === '' || text.trim() !== text || Array.from(text).length > MAX_NAME_CHARS || /\p{Cc}/u.test(text)) {
      const message = 'this is not a name';
      const fix = `write 1 to ${MAX_NAME_CHARS} characters without outer spaces and control characters`;
      this.#report.error(at, { code: 'bad-name', message, fix });
      return false;
    }
    return true;
  }
}
