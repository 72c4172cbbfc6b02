// clawpatrol version: which build this is.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { EXIT, runCommand } from './command.ts';
import type { Verb } from './command.ts';
import type { Io } from './io.ts';

/** The package's root: two levels above dist/src/cli, and the same above src/cli. */
export async function findRoot(): Promise<{ readonly url: URL; readonly version: string }> {
  // dist/src/cli/version.js in a build, src/cli/version.ts when Node strips the types itself.
  for (const up of ['../../../', '../../']) {
    const url = new URL(up, import.meta.url);
    const text = await readFile(new URL('package.json', url), 'utf8').catch(() => null);
    if (text !== null) {
      const manifest: { readonly version: string } = JSON.parse(text);
      return { url, version: manifest.version };
    }
  }
  throw new Error('package.json of clawpatrol is missing: install the package again');
}

/** The commit: asked of git in a checkout, else what was written down when the package was made, else `unknown`. */
async function findCommit(root: URL): Promise<string> {
  // Only this package's own repository: an installed one may lie inside somebody else's.
  if (!existsSync(new URL('.git', root))) {
    const built = await readFile(new URL('dist/commit', root), 'utf8').catch(() => '');
    return built.trim() === '' ? 'unknown' : built.trim();
  }
  const asked = await promisify(execFile)('git', ['rev-parse', '--short=12', 'HEAD'], {
    cwd: root,
    timeout: 2000,
  }).catch(() => null);
  return asked?.stdout.trim() ?? 'unknown';
}

/** Version and commit of the running program. */
export async function findVersion(): Promise<{ readonly version: string; readonly commit: string }> {
  const { url, version } = await findRoot();
  return { version, commit: await findCommit(url) };
}

export const command: Verb = {
  name: 'version',
  summary: 'print version, commit, Node.js version and platform',
  act: async ({ out }) => {
    const { version, commit } = await findVersion();
    const node = process.versions.node;
    const platform = `${process.platform}-${process.arch}`;
    if (out.json) {
      out.object({ version, commit, node, platform });
    } else {
      out.line(`clawpatrol ${version} (${commit}) node ${node} ${platform}`);
    }
    return EXIT.ok;
  },
};

/** Runs the verb. */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runCommand(command, args, io);
}
