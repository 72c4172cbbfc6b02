// Programs that start other programs which the text names: sudo, timeout, xargs, sh -c and the like. What is inside is judged; a form
// that is not known hides it. Pure.
import { DYNAMIC_ARG, literals } from './args.ts';
import type { Arg } from './args.ts';
import { optionSpec, readOptions } from './getopt.ts';
import type { OptionSpec, Options } from './getopt.ts';
import { isHarmlessValue, isHarmlessVariable } from './readers.ts';
import { changeDirectory, readFile } from './scope.ts';
import type { Call, Scope } from './scope.ts';
import { runWithInput } from './special-text.ts';
import type { Handler } from './special-text.ts';

const stops = { stops: true };

/** The form is not known: something runs, and it is not seen. */
function hides({ findings }: Scope, cause: 'dynamic_word' | 'interpreter' = 'dynamic_word'): void {
  findings.opaque(cause, 'dynamic');
  findings.mayWrite();
}

/** What stands behind a wrapper's own words. */
function runInner(inner: readonly Arg[], call: Call, scope: Scope, more: Partial<Call> = {}): void {
  scope.runCall({ ...call, env: [], ...more, words: inner, depth: call.depth + 1 });
}

interface Wrapping {
  readonly spec: OptionSpec;
  /** Operands of its own in front of the command. */
  readonly skip: number;
}

/** Without a tier of their own. */
const TRANSPARENT: Readonly<Record<string, Wrapping>> = {
  nice: { spec: optionSpec('- n adjustment=', { ...stops, numbers: true }), skip: 0 },
  ionice: { spec: optionSpec('t cn class=,classdata=,ignore', stops), skip: 0 },
  nohup: { spec: optionSpec('- - -', stops), skip: 0 },
  timeout: { spec: optionSpec('v ks kill-after=,signal=,preserve-status,foreground,verbose', stops), skip: 1 },
  stdbuf: { spec: optionSpec('- ioe input=,output=,error=', stops), skip: 0 },
  time: { spec: optionSpec('pv f format=,portability,verbose', stops), skip: 0 },
  builtin: { spec: optionSpec('- - -', stops), skip: 0 },
  setsid: { spec: optionSpec('cfw - ctty,fork,wait', stops), skip: 0 },
  unbuffer: { spec: optionSpec('p - -', stops), skip: 0 },
  chrt: { spec: optionSpec('bfior - batch,fifo,idle,other,rr', stops), skip: 1 },
  busybox: { spec: optionSpec('- - -', stops), skip: 0 },
  toybox: { spec: optionSpec('- - -', stops), skip: 0 },
};

function transparent(wrapping: Wrapping): Handler {
  return (args, call, scope) => {
    const read = readOptions(args, wrapping.spec);
    const inner = innerOf(read, wrapping.skip);
    if (inner === null) {
      hides(scope);
    } else {
      runInner(inner, call, scope);
    }
  };
}

/** The command behind `skip` constant operands; null when there is none, or the options are not known. */
function innerOf(read: Options, skip: number): readonly Arg[] | null {
  if (read.kind !== 'read' || read.options.some(({ value }) => value !== null && value.kind !== 'literal')) {
    return null;
  }
  const own = read.operands.slice(0, skip);
  const inner = read.operands.slice(skip);
  return inner.length > 0 && own.every(({ kind }) => kind === 'literal') ? inner : null;
}

const TASKSET = optionSpec('ac - cpu-list', stops);
const taskset: Handler = (args, call, scope) => {
  const inner = innerOf(readOptions(args, TASKSET), 1);
  if (inner === null) {
    hides(scope);
  } else {
    runInner(inner, call, scope);
  }
};

const command: Handler = (args, call, scope) => {
  const first = args[0]?.text ?? null;
  if (first === '-v' || first === '-V') {
    return;
  }
  transparent({ spec: optionSpec('p - -', stops), skip: 0 })(args, call, scope);
};

const exec: Handler = (args, call, scope) => {
  // Without a command it only redirects.
  if (args.length > 0) {
    transparent({ spec: optionSpec('c - -', stops), skip: 0 })(args, call, scope);
  }
};

const ENV = optionSpec('i0v uC ignore-environment,unset=,chdir=,null,debug', stops);

const env: Handler = (args, call, scope) => {
  const { findings } = scope;
  const read = readOptions(args, ENV);
  if (read.kind !== 'read') {
    hides(scope);
    return;
  }
  for (const { name, value } of read.options) {
    if (name === 'C' || name === 'chdir') {
      changeDirectory(scope, value ?? undefined);
    } else if (value !== null && value.kind !== 'literal') {
      hides(scope);
    }
  }
  const at = read.operands.findIndex(({ shown }) => !/^[A-Za-z_]\w*=/.test(shown));
  const assigned = at === -1 ? read.operands : read.operands.slice(0, at);
  for (const { shown, kind } of assigned) {
    const [name, value] = [shown.slice(0, shown.indexOf('=')), shown.slice(shown.indexOf('=') + 1)];
    if (kind !== 'literal' || !isHarmlessVariable(name) || !isHarmlessValue(value)) {
      findings.opaque('dynamic_word', 'dynamic');
    }
  }
  if (at === -1) {
    findings.raise('suspicious', 'environment', 'prints the environment');
  } else {
    runInner(read.operands.slice(at), call, scope, { env: assigned.map(({ text }) => text) });
  }
};

const XARGS = optionSpec(
  '0rtx adEILnPs null,no-run-if-empty,max-args=,max-procs=,max-lines?,max-chars=,replace?,delimiter=,verbose,arg-file=,exit',
  stops,
);

const xargs: Handler = (args, call, scope) => {
  const read = readOptions(args, XARGS);
  if (read.kind !== 'read') {
    hides(scope);
    return;
  }
  for (const { name, value } of read.options) {
    if (value !== null && value.kind !== 'literal') {
      hides(scope);
    }
    if ((name === 'a' || name === 'arg-file') && value !== null) {
      readFile(scope, value);
    }
  }
  const replacing = read.options.filter(({ name }) => name === 'I' || name === 'replace');
  const replaced = replacing[0]?.value?.text ?? null;
  // Each of them takes back what an earlier one said, and not every version in the same way.
  const isRivalled = read.options.some(({ name }) => /^(?:[nL]|max-args|max-lines)$/.test(name));
  if (replacing.length > 1 || replaced === '' || (replacing.length > 0 && isRivalled)) {
    hides(scope);
    return;
  }
  const inner = read.operands;
  if (inner.length === 0) {
    runInner([{ text: 'echo', kind: 'literal', shown: 'echo' }, DYNAMIC_ARG], call, scope, { where: 'xargs' });
  } else if (replaced === null) {
    runWithInput([...inner, DYNAMIC_ARG], { call, where: 'xargs', found: DYNAMIC_ARG }, scope);
  } else {
    const filled = inner.map((arg) => (replaced !== '' && arg.shown.includes(replaced) ? DYNAMIC_ARG : arg));
    runWithInput(filled, { call, where: 'xargs', found: DYNAMIC_ARG }, scope);
  }
};

const WATCH = optionSpec('btdecw n interval=,differences?,no-title,beep,color,errexit,precise', stops);

/** watch joins its words and gives them to a shell. */
const watch: Handler = (args, call, scope) => {
  const read = readOptions(args, WATCH);
  const texts = read.kind === 'read' ? literals(read.operands) : null;
  if (texts === null || texts.length === 0) {
    hides(scope);
    return;
  }
  scope.runText(texts.join(' '), call, 'nested_shell');
};

const evaluate: Handler = (args, call, scope) => {
  const texts = literals(args);
  if (texts === null || texts[0]?.startsWith('-') === true) {
    hides(scope);
    return;
  }
  scope.runText(texts.join(' '), call, 'nested_shell');
};

const FLOCK = optionSpec('snexuFov wE shared,nonblock,exclusive,wait=,timeout=,close,unlock,verbose,no-fork', stops);

const flock: Handler = (args, call, scope) => {
  const read = readOptions(args, FLOCK);
  const [file, ...inner] = read.kind === 'read' ? read.operands : [];
  if (file === undefined || inner.length === 0) {
    hides(scope);
    return;
  }
  scope.findings.raise('destructive', 'file', 'makes a lock file');
  scope.findings.writes();
  const script = inner[0]?.text === '-c' || inner[0]?.text === '--command' ? (inner[1]?.text ?? null) : undefined;
  if (script === undefined) {
    runInner(inner, call, scope);
  } else if (script === null || inner.length !== 2) {
    hides(scope);
  } else {
    scope.runText(script, call, 'nested_shell');
  }
};

/** Become somebody else: destructive, whatever follows. */
function asUser(program: string, scope: Scope): void {
  scope.findings.sudo = true;
  scope.findings.raise('destructive', 'privilege', `${program} changes the user`);
}

const SUDO = optionSpec(
  'EHnkKlvSbPBN ugpCDhrtTR preserve-env?,set-home,non-interactive,reset-timestamp,stdin,background,user=,group=,prompt=,chdir=,host=,role=,type=',
  stops,
);
const SUDO_SHELL = /^-(?:[EHnkSb]*[is]|-login|-shell)$/;

const sudo: Handler = (args, call, scope) => {
  asUser('sudo', scope);
  const shell = args.findIndex(({ text }) => text !== null && SUDO_SHELL.test(text));
  const read = readOptions(
    args.filter((_, index) => index !== shell),
    SUDO,
  );
  if (read.kind !== 'read') {
    hides(scope);
    return;
  }
  const user = read.options.find(({ name }) => name === 'u' || name === 'user')?.value;
  const at = read.operands.findIndex(({ shown }) => !/^[A-Za-z_]\w*=/.test(shown));
  if (at > 0 || read.options.some(({ name }) => name === 'preserve-env' || name === 'E')) {
    scope.findings.opaque('dynamic_word', 'dynamic');
  }
  // Lists what is allowed, or forgets a password.
  const isQuestion = read.options.some(({ name }) => 'lvKk'.includes(name));
  if (at === -1 && isQuestion) {
    return;
  }
  if (at !== -1) {
    runInner(read.operands.slice(at), call, scope, {
      sudo: true,
      user: user === undefined ? 'root' : (user?.text ?? null),
    });
  } else if (shell === -1) {
    hides(scope);
  } else {
    startShell(call, scope);
  }
};

const DOAS = optionSpec('nL uC -', stops);
const doas: Handler = (args, call, scope) => {
  asUser('doas', scope);
  const read = readOptions(args, DOAS);
  const inner = innerOf(read, 0);
  if (inner === null || read.kind !== 'read') {
    if (args.some(({ text }) => text === '-s')) {
      startShell(call, scope);
    }
    hides(scope);
    return;
  }
  const user = read.options.find(({ name }) => name === 'u')?.value;
  runInner(inner, call, scope, { sudo: true, user: user === undefined ? 'root' : (user?.text ?? null) });
};

const SU = optionSpec('lmpP csgGw login,command=,preserve-environment,shell=,group=,pty,whitelist-environment=');

const su: Handler = (args, call, scope) => {
  const program = call.words[0]?.shown.replace(/^.*\//, '') ?? 'su';
  asUser(program, scope);
  const read = readOptions(args, SU);
  const script =
    read.kind === 'read' ? read.options.find(({ name }) => name === 'c' || name === 'command')?.value : null;
  if (read.kind !== 'read') {
    hides(scope);
  } else if (script === undefined) {
    startShell(call, scope);
  } else {
    const user = read.operands.find(({ text }) => text !== '-')?.text ?? 'root';
    const isShell = read.options.some(({ name }) => name === 's' || name === 'shell');
    if (script?.text === null || script === null || isShell || read.operands.length > 2) {
      hides(scope);
    } else {
      scope.runText(script.text, { ...call, sudo: true, user }, 'nested_shell');
    }
  }
};

const RUNUSER = optionSpec('- ug user=,group=', stops);
const runuser: Handler = (args, call, scope) => {
  const isDirect = args.some(({ text }) => text === '-u' || text?.startsWith('--user') === true);
  if (!isDirect) {
    su(args, call, scope);
    return;
  }
  asUser('runuser', scope);
  const read = readOptions(args, RUNUSER);
  const inner = innerOf(read, 0);
  if (inner === null || read.kind !== 'read') {
    hides(scope);
    return;
  }
  const user = read.options.find(({ name }) => name === 'u' || name === 'user')?.value?.text ?? null;
  runInner(inner, call, scope, { sudo: true, user });
};

/** Options that take their values in many ways: only the plain form is followed. */
function privileged(spec: OptionSpec, skip: number): Handler {
  return (args, call, scope) => {
    const program = call.words[0]?.shown.replace(/^.*\//, '') ?? '';
    asUser(program, scope);
    const inner = innerOf(readOptions(args, spec), skip);
    if (inner === null) {
      hides(scope);
    } else {
      runInner(inner, call, scope, { sudo: true, user: 'root' });
    }
  };
}

const PKEXEC = optionSpec('- u user=,disable-internal-agent', stops);
const RUN0 = optionSpec('- - user=,no-ask-password,pipe,wait,quiet,collect', stops);
const SETPRIV = optionSpec(
  'd - reuid=,regid=,clear-groups,keep-groups,init-groups,no-new-privs,inh-caps=,bounding-set=,ambient-caps=',
  stops,
);
const NSENTER = optionSpec('amuinpUCTrwFZ t target=,mount?,uts?,ipc?,net?,pid?,user?,cgroup?,all', stops);
const UNSHARE = optionSpec(
  'muinpUCTfrc - mount?,uts?,ipc?,net?,pid?,user?,cgroup?,fork,map-root-user,mount-proc?',
  stops,
);
const CHROOT = optionSpec('- - userspec=,groups=,skip-chdir', stops);

const SSH_OPTIONS = optionSpec('46AaCfGgKkMNnqsTtVvXxYy BbcDEeFIiJLlmOopQRSWw -', stops);

/** The rest of an ssh command line is joined and given to the shell of another host. */
const ssh: Handler = (args, call, scope) => {
  const { findings } = scope;
  findings.raise('destructive', 'network', 'reaches another host');
  const read = readOptions(args, SSH_OPTIONS);
  const runsLocally = read.kind === 'read' && read.options.some(({ name }) => 'oFES'.includes(name));
  const texts = read.kind === 'read' ? literals(read.operands) : null;
  if (texts === null || runsLocally || texts.length === 0) {
    hides(scope);
  } else if (texts.length === 1) {
    findings.opaque('interactive', 'dynamic');
  } else {
    scope.runText(texts.slice(1).join(' '), call, 'remote');
  }
};

/** A shell that takes its commands from whoever is connected. */
export function startShell(call: Call, { findings, options }: Scope): void {
  findings.startsShell = true;
  findings.opaque(options.tty || call.stdin !== 'channel' ? 'interactive' : 'stdin_program', 'dynamic');
}

const SCRIPT = optionSpec('aefq ctO append,command=,return,flush,quiet', {});
const script: Handler = (args, call, scope) => {
  const { findings } = scope;
  findings.raise('destructive', 'file', 'records a session in a file');
  findings.writes();
  const read = readOptions(args, SCRIPT);
  const text = read.kind === 'read' ? read.options.find(({ name }) => name === 'c' || name === 'command')?.value : null;
  if (text === undefined) {
    startShell(call, scope);
  } else if (text === null || text.text === null) {
    hides(scope);
  } else {
    scope.runText(text.text, call, 'nested_shell');
  }
};

export const WRAPPERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ...Object.entries(TRANSPARENT).map(([name, wrapping]): [string, Handler] => [name, transparent(wrapping)]),
  ['taskset', taskset],
  ['command', command],
  ['exec', exec],
  ['env', env],
  ['xargs', xargs],
  ['watch', watch],
  ['eval', evaluate],
  ['flock', flock],
  ['sudo', sudo],
  ['doas', doas],
  ['su', su],
  ['runuser', runuser],
  ['pkexec', privileged(PKEXEC, 0)],
  ['run0', privileged(RUN0, 0)],
  ['systemd-run', privileged(RUN0, 0)],
  ['setpriv', privileged(SETPRIV, 0)],
  ['nsenter', privileged(NSENTER, 0)],
  ['unshare', privileged(UNSHARE, 0)],
  ['chroot', privileged(CHROOT, 1)],
  ['ssh', ssh],
  ['script', script],
]);
