// What real shells run when they are given a line: functions stand in for programs and write down their arguments.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names of programs that only read; none of them is a builtin of any shell. */
export const STAND_INS: readonly string[] = ['ls', 'id', 'w', 'who', 'df', 'free', 'uptime', 'groups', 'arch', 'users'];

const SCRIPT = `
log() { printf '%s\\037' "$N" "$@" "$END" >> "$LOG"; }
${STAND_INS.map((name) => `${name}() { log ${name} "$@"; }`).join('\n')}
N=0
END=$(printf '\\036')
for line; do
  ( set --; eval "$line"; wait ) </dev/null >/dev/null 2>&1
  N=$((N+1))
done
log end
exit 0
`;

/**
 * For each line the argv of every stand-in that the shell ran, in order of their ends. The lines run one after another in a directory of
 * their own that is empty at first; they must name no other programs and no absolute paths.
 */
export function runLines(
  shell: readonly string[],
  lines: readonly string[],
): readonly (readonly (readonly string[])[])[] {
  const dir = mkdtempSync(join(tmpdir(), 'shell-'));
  try {
    const log = join(dir, 'log');
    const work = mkdtempSync(join(dir, 'work-'));
    const [program = '', ...args] = shell;
    execFileSync(program, [...args, '-c', SCRIPT, program, ...lines], {
      cwd: work,
      env: { LOG: log, PATH: work, LC_ALL: 'C.UTF-8' },
      // Nothing is read of the fourth; it ends with the last job that a line has left in the background.
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      timeout: 120_000,
    });
    // Each call is one write, so that jobs which run at once do not mix.
    const calls = readFileSync(log, 'utf8').split('\u001e\u001f');
    if (!calls.includes(`${lines.length}\u001fend\u001f`)) {
      throw new Error(`${program} did not come to the end`);
    }
    // A job in the background may write after the next line has begun: each call has the number of its line.
    const runs: string[][][] = lines.map(() => []);
    for (const call of calls.filter((text) => text.includes('\u001f'))) {
      const [number = '', ...argv] = call.split('\u001f');
      runs[Number(number)]?.push(argv.slice(0, -1));
    }
    return runs;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
