// `schema_version`, read leniently before everything else (config reference, 1.1).
import type { ReadFile } from './read-set.ts';
import type { Report } from './report.ts';
import type { Attribute } from './syntax.ts';

export type Version =
  | { readonly kind: 'known'; readonly version: 0 | 1; readonly written: boolean }
  /** Reported; nothing else about the configuration is worth saying. */
  | { readonly kind: 'refused' };

/** The one version of all files. */
export function checkVersion(files: readonly ReadFile[], report: Report): Version {
  let first: Attribute | null = null;
  let version: 0 | 1 = 0;
  let refused = false;
  for (const { schemaVersion } of files) {
    const found = schemaVersion === null ? null : readVersion(schemaVersion);
    if (schemaVersion === null || found === null) {
      continue;
    }
    const { at } = schemaVersion.value;
    if (found === 'invalid') {
      report.error(at, {
        code: 'schema-invalid',
        message: 'schema_version is a whole number',
        fix: 'write schema_version = 1',
      });
      refused = true;
    } else if (found > 1) {
      const message = `schema_version ${found} is newer than this version of Claw Patrol knows`;
      report.error(at, {
        code: 'schema-too-new',
        message,
        fix: 'write schema_version = 1, or use a newer Claw Patrol',
      });
      refused = true;
    } else if (first !== null && found !== version) {
      const place = `${first.at.file}:${first.at.line}:${first.at.column}`;
      const message = `schema_version is ${version} at ${place}`;
      report.error(at, { code: 'schema-invalid', message, fix: 'write the same schema_version in every file' });
      refused = true;
    } else {
      first = schemaVersion;
      version = found === 0 ? 0 : 1;
    }
  }
  return refused ? { kind: 'refused' } : { kind: 'known', version, written: first !== null };
}

/** null: not written. */
function readVersion({ value }: Attribute): number | 'invalid' | null {
  if (value.kind === 'null') {
    return null;
  }
  const text = value.kind === 'string' ? value.text.text : '';
  const version = value.kind === 'number' ? value.value : /^\d{1,15}$/.test(text) ? Number(text) : -1;
  return Number.isInteger(version) && version >= 0 ? version : 'invalid';
}
