// Which files make up a configuration, in which order their blocks count as declared: a file or a directory, and what they
// include (config reference, 1.1 and 2.1). Reads through a `FileReader`, so that it can be tried without a disk.
import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Diagnostic, Span } from './diagnostic.ts';
import { globMatches, isGlob } from './glob.ts';
import { parseHcl } from './hcl.ts';
import { Report } from './report.ts';
import { SourceFile } from './source.ts';
import type { Attribute, Block, Expression } from './syntax.ts';
import { describeExpression } from './syntax.ts';

export type FileRead =
  | { readonly kind: 'read'; readonly bytes: Buffer; readonly realPath: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly why: string }
  /** It is there and must not be used. */
  | { readonly kind: 'forbidden'; readonly why: string };

/** The disk as the loader sees it. Never throws. */
export interface FileReader {
  read(path: string, maxBytes: number): Promise<FileRead>;
  /** Names in a directory, or null when it is none. */
  list(path: string): Promise<readonly string[] | null>;
}

/** Larger configuration files are refused: a thousand rules are a tenth of this. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_INCLUDE_DEPTH = 8;
/** A glob over a huge directory is a mistake. */
const MAX_FILES = 1000;

/** A top-level attribute or block with the file that holds it. */
export interface TopLevelItem {
  readonly item: Attribute | Block;
  readonly file: ReadFile;
}

export interface ReadFile {
  readonly source: SourceFile;
  readonly path: string;
  readonly bytes: Buffer;
  readonly schemaVersion: Attribute | null;
}

export interface ReadSet {
  /** In declaration order; `include` is spliced and does not appear. */
  readonly items: readonly TopLevelItem[];
  readonly files: readonly ReadFile[];
  /** Absolute paths whose change may change the configuration: files, missing includes, directories. */
  readonly watch: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  /** Some file could not be read or parsed, so that names may be missing. */
  readonly incomplete: boolean;
  /** Why there is nothing to load at all, or null. */
  readonly unreadable: string | null;
}

/** Reads a configuration: `path` as given on the command line, `base` the directory it is relative to. */
export async function readSet(path: string, base: string, reader: FileReader): Promise<ReadSet> {
  return new SetReader(base, reader).read(path);
}

interface Place {
  /** As diagnostics call it. */
  readonly display: string;
  readonly absolute: string;
}

interface Chain {
  /** Real paths from the first file to the one that is being read. */
  readonly real: readonly string[];
}

class SetReader {
  readonly #base: string;
  readonly #reader: FileReader;
  readonly #report = new Report();
  readonly #items: TopLevelItem[] = [];
  readonly #files: ReadFile[] = [];
  readonly #watch = new Set<string>();
  /** Real path to the name under which it was read first. */
  readonly #seen = new Map<string, string>();
  #incomplete = false;
  #root = '';

  constructor(base: string, reader: FileReader) {
    this.#base = base;
    this.#reader = reader;
  }

  async read(path: string): Promise<ReadSet> {
    const absolute = resolve(this.#base, path);
    this.#watch.add(absolute);
    const names = await this.#reader.list(absolute);
    const unreadable =
      names === null ? await this.#readFirst(path, absolute) : await this.#readDirectory(path, absolute, names);
    const order = new Map(this.#files.map((file, index) => [file.source.display, index]));
    return {
      items: this.#items,
      files: this.#files,
      watch: [...this.#watch],
      diagnostics: this.#report.sorted(order),
      incomplete: this.#incomplete,
      unreadable,
    };
  }

  async #readFirst(path: string, absolute: string): Promise<string | null> {
    this.#root = dirname(absolute);
    const read = await this.#reader.read(absolute, MAX_FILE_BYTES);
    if (read.kind !== 'read') {
      return `${path}: ${read.kind === 'missing' ? 'no such file or directory' : read.why}`;
    }
    await this.#take({ display: path, absolute }, read, { real: [] });
    return null;
  }

  async #readDirectory(path: string, absolute: string, names: readonly string[]): Promise<string | null> {
    this.#root = absolute;
    const files = names.filter((name) => name.endsWith('.hcl') && !name.startsWith('.')).toSorted(compareBytes);
    const places: { place: Place; read: FileRead }[] = [];
    for (const name of files) {
      const place = { display: join(path, name), absolute: join(absolute, name) };
      if ((await this.#reader.list(place.absolute)) === null) {
        places.push({ place, read: await this.#reader.read(place.absolute, MAX_FILE_BYTES) });
      }
    }
    if (places.length === 0) {
      return `${path}: the directory holds no *.hcl file`;
    }
    // A file of the directory is read in its own place, also when another one includes it.
    for (const { place, read } of places) {
      if (read.kind === 'read') {
        this.#seen.set(read.realPath, place.display);
      }
    }
    for (const { place, read } of places) {
      this.#watch.add(place.absolute);
      if (read.kind === 'read') {
        await this.#take(place, read, { real: [] });
      } else {
        this.#incomplete = true;
        this.#report.error(startOf(place.display), unreadableFinding(place.display, read));
      }
    }
    return null;
  }

  async #take(place: Place, read: Extract<FileRead, { kind: 'read' }>, chain: Chain): Promise<void> {
    this.#watch.add(place.absolute);
    this.#seen.set(read.realPath, this.#seen.get(read.realPath) ?? place.display);
    const decoded = decodeUtf8(read.bytes);
    const source = new SourceFile(place.display, decoded.text, this.#files.length);
    if (decoded.badAt !== null) {
      const finding = { code: 'syntax', message: 'this is not UTF-8', fix: 'save the file as UTF-8' };
      this.#report.error(source.span(decoded.badAt, decoded.badAt + 1), finding);
      this.#files.push({ source, path: place.absolute, bytes: read.bytes, schemaVersion: null });
      this.#incomplete = true;
      return;
    }
    const parsed = await parseHcl(source);
    const file: ReadFile = { source, path: place.absolute, bytes: read.bytes, schemaVersion: parsed.schemaVersion };
    this.#files.push(file);
    this.#report.addAll(parsed.diagnostics);
    if (parsed.body === null) {
      this.#incomplete = true;
      return;
    }
    for (const item of parsed.body) {
      if (item.kind === 'attribute' && item.name === 'include') {
        await this.#include(item, place, { real: [...chain.real, read.realPath] });
      } else {
        this.#items.push({ item, file });
      }
    }
  }

  async #include(attribute: Attribute, holder: Place, chain: Chain): Promise<void> {
    const { value } = attribute;
    if (value.kind === 'null' || value.kind === 'invalid') {
      return;
    }
    if (value.kind !== 'list') {
      const message = `a list is wanted here, not ${describeExpression(value)}`;
      this.#report.error(value.at, { code: 'wrong-type', message, fix: 'write include = ["FILE.hcl"]' });
      return;
    }
    for (const entry of value.items) {
      if (entry.kind === 'string') {
        await this.#includeEntry(entry, holder, chain);
      } else if (entry.kind !== 'invalid') {
        const message = `a string is wanted here, not ${describeExpression(entry)}`;
        this.#report.error(entry.at, { code: 'wrong-type', message, fix: 'write the file in quotes' });
      }
    }
  }

  async #includeEntry(entry: Extract<Expression, { kind: 'string' }>, holder: Place, chain: Chain): Promise<void> {
    const { at } = entry;
    const written = entry.text.text;
    const absolute = resolve(dirname(holder.absolute), written);
    if (written === '') {
      this.#report.error(at, { code: 'empty-value', message: 'this path is empty', fix: 'name a file' });
      return;
    }
    if (isAbsolute(written) || isOutside(this.#root, absolute)) {
      const message = `"${written}" is outside the directory of the configuration`;
      const fix = 'keep included files below the directory of the first file, and write a relative path';
      this.#report.error(at, { code: 'file-forbidden', message, fix });
      return;
    }
    if (chain.real.length > MAX_INCLUDE_DEPTH) {
      const message = `includes are nested more than ${MAX_INCLUDE_DEPTH} deep`;
      this.#report.error(at, { code: 'include-depth', message, fix: 'include the file from a file further up' });
      return;
    }
    const paths = isGlob(written) ? await this.#expand(written, dirname(holder.absolute)) : [written];
    if (isGlob(written) && paths.length === 0) {
      const message = `no file matches "${written}"`;
      this.#report.warning(at, { code: 'include-empty', message, fix: 'check the pattern, or remove it' });
    }
    for (const path of paths) {
      await this.#includeFile(path, { at, holder, chain });
    }
  }

  async #includeFile(
    path: string,
    { at, holder, chain }: { readonly at: Span; readonly holder: Place; readonly chain: Chain },
  ): Promise<void> {
    const place = {
      display: join(dirname(holder.display), path),
      absolute: resolve(dirname(holder.absolute), path),
    };
    this.#watch.add(place.absolute);
    if (!path.endsWith('.hcl')) {
      const message = `"${path}" is not an .hcl file`;
      this.#report.error(at, { code: 'include-missing', message, fix: 'include files that end in .hcl' });
      return;
    }
    const read = await this.#reader.read(place.absolute, MAX_FILE_BYTES);
    if (read.kind !== 'read') {
      this.#incomplete = true;
      this.#report.error(at, unreadableFinding(path, read));
      return;
    }
    if (chain.real.includes(read.realPath)) {
      const message = `"${path}" is being read: it includes itself`;
      this.#report.error(at, { code: 'include-cycle', message, fix: 'remove this include' });
      return;
    }
    const first = this.#seen.get(read.realPath);
    if (first !== undefined) {
      const message = `"${path}" is part of the configuration already, as ${first}`;
      this.#report.error(at, { code: 'include-twice', message, fix: 'include each file once' });
      return;
    }
    if (this.#files.length >= MAX_FILES) {
      const message = `a configuration is at most ${MAX_FILES} files`;
      this.#report.error(at, { code: 'include-depth', message, fix: 'merge files' });
      return;
    }
    await this.#take(place, read, chain);
  }

  /** Paths below `base` that match, relative to it, sorted bytewise. Segments without a pattern are not looked up. */
  async #expand(pattern: string, base: string): Promise<readonly string[]> {
    let found = [''];
    for (const segment of pattern.split('/').filter((part) => part !== '' && part !== '.')) {
      const next: string[] = [];
      for (const prefix of found) {
        if (!isGlob(segment)) {
          next.push(join(prefix, segment));
          continue;
        }
        const directory = join(base, prefix);
        this.#watch.add(directory);
        const names = (await this.#reader.list(directory)) ?? [];
        const hidden = segment.startsWith('.');
        next.push(
          ...names
            .filter((name) => (hidden || !name.startsWith('.')) && globMatches(segment, name))
            .map((name) => join(prefix, name)),
        );
      }
      found = next;
    }
    const files: string[] = [];
    for (const path of found.toSorted(compareBytes)) {
      if (path.endsWith('.hcl') && (await this.#reader.list(join(base, path))) === null) {
        files.push(path);
      }
    }
    return files;
  }
}

/** The first character of a file. */
export function startOf(display: string): Span {
  return { file: display, line: 1, column: 1, endLine: 1, endColumn: 1 };
}

/** Whether `path` is neither `directory` nor below it, by spelling. */
export function isOutside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way === '..' || way.startsWith('../') || isAbsolute(way);
}

function unreadableFinding(
  path: string,
  read: Exclude<FileRead, { kind: 'read' }>,
): { readonly code: string; readonly message: string; readonly fix: string } {
  switch (read.kind) {
    case 'missing':
      return {
        code: 'include-missing',
        message: `"${path}" does not exist`,
        fix: 'check the path; it is relative to this file',
      };
    case 'unreadable':
      return {
        code: 'file-unreadable',
        message: `"${path}" cannot be read: ${read.why}`,
        fix: 'check the file and its permissions',
      };
    case 'forbidden':
      return {
        code: 'file-forbidden',
        message: `"${path}" must not be used: ${read.why}`,
        fix: 'give it to the user that runs this or to root (chown), and let no others write it (chmod o-w)',
      };
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Text of bytes that are UTF-8; `badAt` is the offset, in the text, of the first byte that is not. A leading BOM is dropped. */
export function decodeUtf8(bytes: Buffer): { readonly text: string; readonly badAt: number | null } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), badAt: null };
  } catch {
    const text = new TextDecoder('utf-8').decode(bytes);
    const broken = Buffer.from(text, 'utf8');
    let same = 0;
    while (same < bytes.length && bytes[same] === broken[same]) {
      same += 1;
    }
    // U+FFFD stands for the bad bytes; it begins at or just before the first difference.
    const before = new TextDecoder('utf-8').decode(bytes.subarray(0, same));
    return { text, badAt: Math.max(0, before.replace(/\ufffd+$/, '').length) };
  }
}

/** SHA-256 over texts in order; lengths keep neighbours apart. */
export function digestOf(contents: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const bytes of contents) {
    hash.update(`${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}
