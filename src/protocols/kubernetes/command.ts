// `k8s.commands`: what exec starts, when the kernel starts just that. A shell, an interpreter or a program that starts others is
// Unknown: what it runs is only in its arguments, which need a grammar of their own.
import { Unknown } from '../../rules/action.ts';
import type { FactRecord } from '../../rules/action.ts';

const STARTERS: ReadonlySet<string> = new Set(
  [
    'sh bash dash zsh ksh mksh ash fish csh tcsh busybox toybox pwsh powershell cmd',
    'python perl ruby node nodejs php lua awk gawk mawk nawk tclsh expect Rscript java deno bun osascript',
    'env nice ionice nohup timeout stdbuf time command builtin exec setsid chrt taskset flock watch unbuffer sudo doas su runuser',
    'pkexec run0 setpriv gosu su-exec tini dumb-init xargs find parallel chroot nsenter unshare ssh script screen tmux strace ltrace gdb',
    'docker podman crictl ctr nerdctl kubectl systemd-run at batch crontab make git vi vim nvim ex view ed emacs nano less more man',
    'sed tar rsync scp sftp socat nc ncat psql mysql sqlite3 redis-cli mongo mongosh',
  ]
    .join(' ')
    .split(' '),
);

/** Records as family ssh has them; [] without a command. */
export function commandsOf(argv: readonly string[]): readonly FactRecord[] | Unknown {
  const [path] = argv;
  if (path === undefined) {
    return [];
  }
  const program = path.slice(path.lastIndexOf('/') + 1);
  // Versions and variants (python3.11, bash-static) are the program; a link or copy under another name cannot be seen from here.
  const family = withoutVersion(program).replace(/\.exe$/i, '');
  if (program === '' || STARTERS.has(program) || STARTERS.has(family) || STARTERS.has(family.toLowerCase())) {
    return new Unknown('dynamic');
  }
  return [
    {
      argv,
      program,
      path,
      env: [],
      redirects: [],
      sudo: false,
      user: '',
      pipe: 0n,
      where: 'top',
      literal: true,
    },
  ];
}

const STATIC = '-static';

/** `python3.11` and `bash-5.2-static` without what follows the name. By hand: a pattern for it takes exponential time. */
function withoutVersion(program: string): string {
  let end = program.length;
  for (;;) {
    const before = end;
    while (end > 0 && /[\d.]/.test(program[end - 1] ?? '')) {
      end -= 1;
    }
    if (end < before && program[end - 1] === '-') {
      end -= 1;
    } else if (program.slice(0, end).endsWith(STATIC)) {
      end -= STATIC.length;
    }
    if (end === before) {
      return program.slice(0, end);
    }
  }
}
