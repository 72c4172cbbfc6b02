// Loads a configuration: read and include, syntax, schema_version, names, each block against its schema, references, secrets'
// shape and file markers, cross checks, conditions and policy. All problems are collected. A load never dials out, runs a
// command, reads a secret or needs the state directory.
import { dirname, join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compilePolicyInTurns } from '../rules/compile.ts';
import type { Policy } from '../rules/decision.ts';
import { factSchemas } from '../rules/schemas.ts';
import { buildConfig } from './build.ts';
import { runChecks } from './checks.ts';
import type { Config } from './config.ts';
import { declareAll } from './declare.ts';
import type { Draft } from './declare.ts';
import type { Diagnostic } from './diagnostic.ts';
import { createDiskReader } from './disk.ts';
import { noMarkerFiles, readMarkerFiles } from './marker-files.ts';
import type { MarkerFiles } from './marker-files.ts';
import { digestOf, readSet, startOf } from './read-set.ts';
import type { FileReader, ReadSet } from './read-set.ts';
import { Report } from './report.ts';
import { checkVersion } from './version.ts';

export interface LoadOptions {
  /** Leave file markers as they are and read none of their files. */
  readonly skipFiles?: boolean;
  /** Refuse files that another user than root and this process's owns, or that everyone may write. */
  readonly trustedOnly?: boolean;
  /** State directory given on the command line; markers never read below it. */
  readonly stateDir?: string;
  /** The disk, unless a test says otherwise. */
  readonly reader?: FileReader;
}

export interface LoadResult {
  /** null when there is any error. */
  readonly config: Config | null;
  readonly policy: Policy | null;
  /** In file order. */
  readonly diagnostics: readonly Diagnostic[];
  /** Why there was nothing to load: the path cannot be read, or the directory holds no `*.hcl`. */
  readonly unreadable: string | null;
  /** What a reload watches, also after a failed load: files, directories, and paths that should exist. */
  readonly watch: readonly string[];
}

/** Loads the file or directory `path`, relative to the working directory. Never throws for what it finds there. */
export async function loadConfig(path: string, options: LoadOptions = {}): Promise<LoadResult> {
  const reader = options.reader ?? createDiskReader(options.trustedOnly === true);
  const set = await readSet(path, process.cwd(), reader);
  if (set.unreadable !== null) {
    return { config: null, policy: null, diagnostics: [], unreadable: set.unreadable, watch: set.watch };
  }
  const report = new Report();
  const version = checkVersion(set.files, report);
  const order = new Map(set.files.map((file, index) => [file.source.display, index]));
  const nothing = { config: null, policy: null, unreadable: null };
  if (version.kind === 'refused') {
    return { ...nothing, diagnostics: report.sorted(order), watch: set.watch };
  }
  report.addAll(set.diagnostics);
  const markers = options.skipFiles === true ? noMarkerFiles : await readMarkers(set, reader, options);
  const watch = [...set.watch, ...markers.watch];
  const start = startOf(set.files[0]?.source.display ?? path);
  const draft = declareAll({ ...set, start }, { report, markers });
  const config = assemble(set, draft, { markers, version: version.version });
  runChecks({ draft, config, report, incomplete: set.incomplete });
  const compiled = await compilePolicyInTurns(config, factSchemas, nextTurn);
  report.addAll(compiled.diagnostics);
  if (report.hasErrors) {
    return { ...nothing, diagnostics: report.sorted(order), watch };
  }
  if (!version.written) {
    const finding = {
      code: 'no-schema-version',
      message: 'the configuration names no schema_version',
      fix: 'write schema_version = 1',
    };
    report.warning(start, finding);
  }
  return { config, policy: compiled.policy, diagnostics: report.sorted(order), unreadable: null, watch };
}

function assemble(
  set: ReadSet,
  draft: Draft,
  { markers, version }: { readonly markers: MarkerFiles; readonly version: 0 | 1 },
): Config {
  const contents = [...set.files.map((file) => file.bytes), ...markers.files.map((file) => file.bytes)];
  return buildConfig(draft, {
    schemaVersion: version,
    revision: digestOf(contents),
    files: [...set.files.map((file) => file.path), ...markers.files.map((file) => file.path)],
  });
}

/** Markers are read below the directory of the first file and by absolute path, and never in a state directory. */
async function readMarkers(set: ReadSet, reader: FileReader, options: LoadOptions): Promise<MarkerFiles> {
  const root = dirname(set.files[0]?.path ?? '/');
  const home = process.env['HOME'];
  const forbidden = [
    options.stateDir,
    process.env['STATE_DIRECTORY'],
    home === undefined ? undefined : join(home, '.clawpatrol'),
    writtenStateDir(set),
  ];
  const directories = forbidden
    .filter((directory) => directory !== undefined && directory !== '')
    .map((directory) => resolve(directory ?? ''));
  return readMarkerFiles(set.items, reader, { root, forbidden: directories });
}

/** `gateway { state_dir }` as it stands in the file; decoding comes after the markers. */
function writtenStateDir(set: ReadSet): string | undefined {
  for (const { item } of set.items) {
    if (item.kind === 'block' && item.keyword === 'gateway') {
      const attribute = item.body.find((entry) => entry.kind === 'attribute' && entry.name === 'state_dir');
      if (attribute?.kind === 'attribute' && attribute.value.kind === 'string') {
        return attribute.value.text.text;
      }
    }
  }
  return undefined;
}
