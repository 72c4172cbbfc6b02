// Reads the files that markers name (config reference, 4.3), before decoding, so that decoding does not wait.
import { dirname, resolve } from 'node:path';
import type { Span } from './diagnostic.ts';
import { findMarkers, MARKER_ATTRIBUTES } from './markers.ts';
import type { MarkerText, MarkerTexts } from './markers.ts';
import { decodeUtf8, isOutside } from './read-set.ts';
import type { FileReader, TopLevelItem } from './read-set.ts';
import type { Finding } from './report.ts';
import type { Attribute, Block, Expression } from './syntax.ts';

const MAX_MARKER_BYTES = 1024 * 1024;

export interface MarkerFiles extends MarkerTexts {
  /** Absolute paths in order of first use, and what they held. */
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
  /** Every path that a marker names, read or not. */
  readonly watch: readonly string[];
}

/** Nothing is read; markers stay in the text as they are. */
export const noMarkerFiles: MarkerFiles = { files: [], watch: [], find: () => null };

/** Reads every marker of the items. `forbidden`: directories from which nothing is read. */
export async function readMarkerFiles(
  items: readonly TopLevelItem[],
  reader: FileReader,
  { root, forbidden }: { readonly root: string; readonly forbidden: readonly string[] },
): Promise<MarkerFiles> {
  const texts = new Map<string, MarkerText>();
  const files: { path: string; bytes: Buffer }[] = [];
  const watch = new Set<string>();
  const directories = new Map<string, string>();
  for (const { item, file } of items) {
    directories.set(file.source.display, dirname(file.path));
    for (const path of markerPaths(item)) {
      const absolute = resolve(dirname(file.path), path);
      watch.add(absolute);
      if (texts.has(absolute)) {
        continue;
      }
      const escapes = !path.startsWith('/') && isOutside(root, absolute);
      const read = escapes ? null : await reader.read(absolute, MAX_MARKER_BYTES);
      texts.set(absolute, judge(path, read, forbidden));
      if (read?.kind === 'read') {
        files.push({ path: absolute, bytes: read.bytes });
      }
    }
  }
  return {
    files,
    watch: [...watch],
    find: (holder: Span, path: string): MarkerText | null =>
      texts.get(resolve(directories.get(holder.file) ?? root, path)) ?? null,
  };
}

function judge(
  path: string,
  read: Awaited<ReturnType<FileReader['read']>> | null,
  forbidden: readonly string[],
): MarkerText {
  if (read === null) {
    const fix = 'keep the file below the directory of the configuration, or write its absolute path';
    return problem({ code: 'file-forbidden', message: `"${path}" leaves the directory of the configuration`, fix });
  }
  if (read.kind === 'missing' || read.kind === 'unreadable') {
    const why = read.kind === 'missing' ? 'it does not exist' : read.why;
    const fix = 'check the path; it is relative to the file that holds the marker';
    return problem({ code: 'file-unreadable', message: `"${path}" cannot be read: ${why}`, fix });
  }
  if (read.kind === 'forbidden') {
    return problem({
      code: 'file-forbidden',
      message: `"${path}" must not be used: ${read.why}`,
      fix: 'give it to the user that runs this or to root (chown), and let no others write it (chmod o-w)',
    });
  }
  if (forbidden.some((directory) => !isOutside(directory, read.realPath))) {
    const fix = 'keep the file outside of the state directory';
    return problem({ code: 'file-forbidden', message: `"${path}" lies in the state directory`, fix });
  }
  const { text, badAt } = decodeUtf8(read.bytes);
  if (badAt !== null) {
    return problem({ code: 'file-unreadable', message: `"${path}" is not UTF-8`, fix: 'save the file as UTF-8' });
  }
  return { kind: 'text', text };
}

function problem(finding: Finding): MarkerText {
  return { kind: 'problem', finding };
}

/** Paths of the markers below a top-level item, in order. */
function markerPaths(item: Attribute | Block): readonly string[] {
  if (item.kind === 'block') {
    return item.body.flatMap(markerPaths);
  }
  return MARKER_ATTRIBUTES.has(item.name) ? pathsIn(item.value) : [];
}

function pathsIn(expression: Expression): readonly string[] {
  if (expression.kind === 'list') {
    return expression.items.flatMap(pathsIn);
  }
  return expression.kind === 'string' ? findMarkers(expression.text.text).markers.map((marker) => marker.path) : [];
}
