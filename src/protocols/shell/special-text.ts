// Programs over text and files whose arguments are a language of their own: sed, awk, find, test, printf, jq, ps and the like. Pure.
import { DYNAMIC_ARG, literals } from './args.ts';
import type { Arg } from './args.ts';
import { optionSpec, readOptions } from './getopt.ts';
import { isRead, judgeByTable } from './programs.ts';
import { isPlainVariable } from './readers.ts';
import { changeDirectory, readFile, readTree, writeFile } from './scope.ts';
import type { Call, Scope } from './scope.ts';
import { isHarmlessTarget, isInside, isSecretPath } from './paths.ts';

export type Handler = (args: readonly Arg[], call: Call, scope: Scope) => void;

const SED = optionSpec('nErsuz e quiet,silent,regexp-extended,expression=,separate,unbuffered,null-data');

function sed(args: readonly Arg[], _call: Call, scope: Scope): void {
  const read = readOptions(args, SED);
  if (!isRead(read, scope)) {
    return;
  }
  const given = read.options.filter(({ name }) => name === 'e' || name === 'expression').map(({ value }) => value);
  const scripts = given.length > 0 ? given : read.operands.slice(0, 1);
  const files = given.length > 0 ? read.operands : read.operands.slice(1);
  // Scripts of several options are one script: joined, one could end inside another.
  if (scripts.length !== 1 || !scripts.every((script) => script?.text !== null && isPrintOnly(script?.text ?? ''))) {
    scope.findings.raise('destructive', 'interpreter', 'a sed script that may do more than print');
    scope.findings.mayWrite();
    scope.findings.hidden ??= 'dynamic';
  }
  // Names that a pattern gives may look like options, and `-i` writes.
  if (files.some(({ kind, shown }) => kind === 'pattern' && /^[*?[]/.test(shown))) {
    scope.findings.opaque('dynamic_word');
  }
  files.forEach((file) => readFile(scope, file));
}

const SED_ADDRESS = String.raw`(?:\d+|\$|/(?:[^/\\\[\n]|\\[^\n]|\[[^\]/\\\n]*\])*/I?)`;
const SED_PART = (mark: string): string => String.raw`(?:[^${mark}\\\[\n]|\\[^\n]|\[[^\]${mark}\\\n]*\])*`;
const SED_REPLACED = (mark: string): string => String.raw`(?:[^${mark}\\\n]|\\[^\n])*`;
const SED_SUBSTITUTIONS = ['/', '|', '#', ',', ':', '@', '%', '!']
  .map(
    (mark) =>
      `s${mark === '|' ? String.raw`\|` : mark}${SED_PART(mark)}\\${mark}${SED_REPLACED(mark)}\\${mark}[gpiI0-9]*`,
  )
  .join('|');
const SED_COMMAND = new RegExp(
  String.raw`[\s;]*(?:(?:${SED_ADDRESS}(?:,(?:${SED_ADDRESS}|[+~]\d+))?|\d+~\d+)[ \t]*!?[ \t]*)?(?:[pdqQ=ln]|${SED_SUBSTITUTIONS})[ \t]*(?=[;\n]|$)`,
  'y',
);

/** Whether a sed script only prints, deletes from what is printed, substitutes and quits. */
function isPrintOnly(script: string): boolean {
  let at = 0;
  while (at < script.length) {
    SED_COMMAND.lastIndex = at;
    const found = SED_COMMAND.exec(script);
    if (found === null || found[0] === '') {
      return /^[\s;]*$/.test(script.slice(at));
    }
    at += found[0].length;
  }
  return true;
}

const AWK = optionSpec('- Fv field-separator=,assign=', { stops: true });

function awk(args: readonly Arg[], _call: Call, scope: Scope): void {
  const { findings } = scope;
  const read = readOptions(args, AWK);
  const text = read.kind === 'read' ? (read.operands[0]?.text ?? null) : null;
  if (
    read.kind !== 'read' ||
    text === null ||
    /system|getline|[|>@]|ARG[VC]|SYMTAB|FUNCTAB|extension|load/.test(text)
  ) {
    findings.opaque('interpreter', 'dynamic');
    findings.mayWrite();
    return;
  }
  if (read.options.some(({ value }) => value?.kind !== 'literal')) {
    findings.opaque('dynamic_word');
  }
  if (text.includes('ENVIRON') || text.includes('PROCINFO')) {
    findings.raise('suspicious', 'environment', 'prints the environment');
  }
  read.operands.slice(1).forEach((file) => readFile(scope, file));
}

const jq: Handler = (args, call, scope) => {
  const program = call.words[0]?.shown.replace(/^.*\//, '') ?? '';
  for (const { shown } of args) {
    // yq has `strload`, `str_load` and more of their kind; to jq `.payload` is a field like others.
    if (program === 'yq' && shown.includes('load')) {
      scope.findings.opaque('interpreter', 'dynamic');
    }
    if (/\bimport\b|\binclude\b|\bload|\beval|\bsystem|\bsplit_doc/.test(shown)) {
      scope.findings.opaque('interpreter', 'dynamic');
    }
    if (/\$ENV|\benv\b|strenv|envsubst|\$__loc__|getpath|input_filename/.test(shown)) {
      scope.findings.raise('suspicious', 'environment', 'prints the environment');
    }
  }
  judgeByTable(program, args, call, scope);
};

/** Behind a letter that takes the next word as its value, tree reads on in the same word: `-Lo 1 x` writes x. */
const tree: Handler = (args, call, scope) => {
  if (args.some(({ shown }) => /^-[^-]*[LPI]./.test(shown))) {
    scope.findings.raise('destructive', 'option', 'letters behind one that takes a value are options, too');
    scope.findings.writes();
  }
  judgeByTable('tree', args, call, scope);
};

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const FIND_PLAIN = words(`
  -print -print0 -prune -depth -d -mount -xdev -daystart -empty -readable -writable -executable -noleaf -nouser -nogroup -true -false
  -follow -ls -quit -not -a -o -and -or ( ) ! , -ignore_readdir_race -warn -nowarn -H -L -P -O1 -O2 -O3
`);
const FIND_VALUED = words(`
  -name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype -size -mtime -mmin -atime -amin -ctime -cmin
  -newer -anewer -cnewer -newermt -newerct -newerat -user -group -uid -gid -perm -links -inum -maxdepth -mindepth -printf -fstype
  -samefile -lname -ilname -used
`);
const FIND_RUNS = words('-exec -execdir -ok -okdir');
const FIND_WRITES = words('-fprint -fprint0 -fprintf -fls');

function find(args: readonly Arg[], call: Call, scope: Scope): void {
  const { findings } = scope;
  if (args.some(({ kind, shown }) => kind !== 'literal' && (kind !== 'pattern' || /^[*?[-]/.test(shown)))) {
    findings.opaque('dynamic_word', 'dynamic');
    findings.mayWrite();
    return;
  }
  for (let at = 0; at < args.length; at += 1) {
    const text = args[at]?.shown ?? '';
    if (FIND_RUNS.has(text)) {
      const end = args.findIndex(
        (arg, index) => index > at && (arg.text === ';' || (arg.text === '+' && args[index - 1]?.text === '{}')),
      );
      const inner = end === -1 ? [] : args.slice(at + 1, end);
      runWithInput(inner, { call, where: 'find_exec', found: foundBy(args) }, scope);
      at = end === -1 ? args.length : end;
    } else if (FIND_VALUED.has(text)) {
      at += 1;
    } else if (text === '-delete') {
      findings.raise('destructive', 'delete', 'find -delete deletes what it finds');
      findings.writes();
    } else if (FIND_WRITES.has(text)) {
      findings.raise('destructive', 'file', `find ${text} writes a file`);
      findings.writes();
      at += 1;
    } else if (text.startsWith('-') && !FIND_PLAIN.has(text)) {
      findings.raise('destructive', 'option', `${text} is a test of find that is not known to do no harm`);
      findings.hidden ??= 'dynamic';
      findings.mayWrite();
    }
  }
}

/** What find puts in place of `{}`: a file below its one starting point, else anything. */
function foundBy(args: readonly Arg[]): Arg {
  const [root, next] = args;
  const isOne = root?.kind === 'literal' && root.shown.startsWith('/') && /^[-(!]/.test(next?.shown ?? '-');
  return isOne ? { text: null, kind: 'pattern', shown: root.shown, isBelow: true } : DYNAMIC_ARG;
}

interface Started {
  readonly call: Call;
  readonly where: 'find_exec' | 'xargs';
  /** Stands for a word that is `{}`. */
  readonly found: Arg;
}

/** What `find -exec` and xargs start: `{}` is a name that is not known. */
export function runWithInput(inner: readonly Arg[], { call, where, found }: Started, scope: Scope): void {
  if (inner.length === 0) {
    scope.findings.opaque('syntax', 'unparseable');
    return;
  }
  const filled = inner.map((arg) => (arg.shown === '{}' ? found : arg.shown.includes('{}') ? DYNAMIC_ARG : arg));
  scope.runCall({
    ...call,
    words: filled,
    where,
    env: [],
    depth: call.depth + 1,
    stdin: where === 'xargs' ? 'pipe' : call.stdin,
  });
}

const NUMBER = /^[-+]?\d{1,18}$/;

/** Operands of numeric comparisons are arithmetic to some shells, and arithmetic runs substitutions that variables hold. */
const judgeTest: Handler = (args, _call, { findings }) => {
  const isRisky = args.some(({ kind, shown }, index) => {
    const [before, behind] = [args[index - 1]?.shown ?? '', args[index + 1]?.shown ?? ''];
    switch (shown) {
      case '-eq':
      case '-ne':
      case '-lt':
      case '-le':
      case '-gt':
      case '-ge':
        return !NUMBER.test(before) || !NUMBER.test(behind);
      case '-v':
      case '-R':
        return !/^[A-Za-z_]\w*$/.test(behind);
      case '-t':
        return !NUMBER.test(behind) && behind !== ']';
      default:
        return kind === 'dynamic';
    }
  });
  if (isRisky) {
    findings.opaque('dynamic_word', 'dynamic');
  }
};

const printf: Handler = (args, _call, { findings }) => {
  const texts = literals(args);
  const [format = '', ...values] = texts ?? [];
  const plain = format.replaceAll(/%%|%[-+ #0]*\d*(?:\.\d+)?[sbcq]/g, '');
  const isHarmless = !plain.includes('%') || values.every((value) => NUMBER.test(value) || value === '');
  if (texts === null || format.startsWith('-') || !isHarmless) {
    findings.opaque('dynamic_word', 'dynamic');
  }
};

const READ = optionSpec('rs tnpd -');

const readInto: Handler = (args, _call, scope) => {
  const read = readOptions(args, READ);
  const isPlain = read.kind === 'read' && read.operands.every(({ text }) => text !== null && isPlainVariable(text));
  if (!isPlain) {
    scope.findings.opaque('dynamic_word', 'dynamic');
    return;
  }
  read.operands.forEach(({ shown }) => scope.assign(shown));
};

const numeric: Handler = (args, _call, { findings }) => {
  if (!args.every(({ text }) => text !== null && NUMBER.test(text))) {
    findings.opaque('dynamic_word', 'dynamic');
  }
};

const ps: Handler = (args, _call, { findings }) => {
  const texts = literals(args);
  if (texts === null) {
    findings.opaque('dynamic_word');
    return;
  }
  const showsEnvironment = texts.some((text, index) => {
    const before = texts[index - 1] ?? '';
    const isValue = /^-[A-Za-z]*[oCpuUgGtqsO]$|^--(?:format|sort|pid|ppid|user|group|tty|sid)$/.test(before);
    if (isValue || text.startsWith('--')) {
      return /environ/.test(text);
    }
    // BSD's `e` shows the environment; a cluster that is no UNIX one is read as BSD's.
    return text.startsWith('-')
      ? /^-[A-Za-z]*(?:u[A-Za-z]*e|e[A-Za-z]*x|x[A-Za-z]*e|E)|environ/.test(text)
      : /^[A-Za-z]*e/.test(text);
  });
  if (showsEnvironment) {
    findings.raise('suspicious', 'environment', 'ps e shows the environment of processes');
  }
};

const lsof: Handler = (args, _call, { findings }) => {
  const texts = literals(args);
  if (texts === null || texts.some((text) => /^-[A-Za-z0-9]*[DkmA]/.test(text) && !/^-[puigcd]/.test(text))) {
    findings.raise('destructive', 'option', 'an option that is not known to do no harm');
  }
};

const SIGNALS = /^-(?:HUP|SIGHUP|1|0)$/;

const kill: Handler = (args, call, scope) => {
  const texts = literals(args);
  const [first = '', second = ''] = texts ?? [];
  if (texts !== null && /^-[lL]$/.test(first)) {
    return;
  }
  const signal = first === '-s' ? `-${second}` : first;
  const pids = texts?.slice(first === '-s' ? 2 : 1) ?? [];
  if (texts !== null && SIGNALS.test(signal) && pids.length > 0 && pids.every((pid) => /^[1-9]\d*$/.test(pid))) {
    if (signal !== '-0') {
      scope.findings.raise('suspicious', 'signal', 'asks a process to read its configuration again');
    }
    return;
  }
  judgeByTable('kill', args, call, scope);
};

const top: Handler = (args, call, scope) => {
  const texts = literals(args);
  const isBatch = texts?.some((text) => /^-[A-Za-z]*b/.test(text) || text === '--batch') === true;
  if (!isBatch) {
    judgeByTable('top', args, call, scope);
  }
};

const TEE = optionSpec('aip - append,ignore-interrupts');
const MAKE = optionSpec('pvacm mdtr parents,verbose,mode=,no-create,date=,reference=,time=');
const LOGGER = optionSpec('ise tp id?,tag=,priority=,stderr');

/** Where a new file changes what the system does. */
const SYSTEM_DIRS = /^\/(?:etc|boot|proc|sys|dev|run|var\/run|var\/spool|usr|bin|sbin|lib\w*|root|home)(?:\/|$)/;

const tee: Handler = (args, _call, scope) => {
  const read = readOptions(args, TEE);
  if (isRead(read, scope)) {
    for (const file of read.operands) {
      if (file.text === null || !isHarmlessTarget(file.text)) {
        writeFile(scope, file, (path) => isInside(path, scope.options.scratchDirs));
      }
    }
  }
};

/** touch and mkdir: small, unless where they do it makes a difference. */
const makes: Handler = (args, call, scope) => {
  const read = readOptions(args, MAKE);
  if (!isRead(read, scope)) {
    return;
  }
  const { findings, options } = scope;
  findings.writes();
  for (const file of read.operands) {
    const path = file.text ?? '';
    const isScratch = isInside(path, options.scratchDirs);
    if (file.kind !== 'literal') {
      findings.opaque('dynamic_word');
    } else if (
      !isScratch &&
      (SYSTEM_DIRS.test(path) || !path.startsWith('/') || path.includes('..') || isSecretPath(path))
    ) {
      findings.raise('destructive', 'file', `${call.words[0]?.shown ?? ''} in a place that the system reads`);
    } else {
      findings.raise('suspicious', 'file', `makes ${path}`);
    }
  }
};

const logger: Handler = (args, _call, scope) => {
  if (isRead(readOptions(args, LOGGER), scope)) {
    scope.findings.raise('suspicious', 'message', 'writes to the log');
  }
};

/** Forms of programs that are safe only with an option, or only without an operand of some kind. */
const sysctl: Handler = (args, call, scope) => {
  if (args.some(({ shown, kind }) => shown.includes('=') || kind === 'dynamic')) {
    scope.findings.raise('destructive', 'kernel', 'sets a kernel parameter');
    return;
  }
  judgeByTable('sysctl', args, call, scope);
};

const crontab: Handler = (args, call, scope) => {
  if (args.some(({ text }) => text === '-l')) {
    judgeByTable('crontab', args, call, scope);
  } else {
    scope.findings.raise('destructive', 'schedule', 'sets what runs and when');
    scope.findings.writes();
  }
};

const compressed: Handler = (args, call, scope) => {
  // Scripts that put their arguments into other scripts.
  if (args.some(({ shown }) => /[\n\r;|&$`'"\\<>]/.test(shown))) {
    scope.findings.opaque('dynamic_word', 'dynamic');
  }
  judgeByTable(call.words[0]?.shown.replace(/^.*\//, '') ?? '', args, call, scope);
};

const getent: Handler = (args, call, scope) => {
  const isSecret = args.some(({ text }) => text === null || /^g?shadow$/.test(text));
  if (isSecret) {
    scope.findings.raise('destructive', 'secret', 'prints password hashes');
  }
  judgeByTable('getent', args, call, scope);
};

const ping: Handler = (args, call, scope) => {
  const isBounded = args.some(({ text }) => text !== null && /^-(?:c\d*|w\d*)$/.test(text));
  const isFlood = args.some(({ text }) => text === null || /^-[A-Za-z]*[fbp]/.test(text));
  if (isBounded && !isFlood) {
    scope.findings.raise('suspicious', 'network', 'sends a few packets to another host');
  } else {
    scope.findings.raise('destructive', 'network', `${call.words[0]?.shown ?? 'ping'} without an end`);
  }
};

const dig: Handler = (args, call, scope) => {
  // Files of queries and keys are read, and what is wrong in them is shown.
  if (args.some(({ text }) => text !== null && /^-[fkt]./.test(text) && /^-[fk]/.test(text))) {
    scope.findings.raise('destructive', 'option', 'reads queries or keys from a file');
  }
  if (args.some(({ text }) => text === '-f' || text === '-k')) {
    scope.findings.raise('destructive', 'option', 'reads queries or keys from a file');
  }
  judgeByTable('dig', args, call, scope);
};

const cd: Handler = (args, _call, scope) => {
  const operands = args.filter(({ text }) => text !== '--' && text !== '-P' && text !== '-L');
  if (operands.length > 1) {
    scope.findings.opaque('dynamic_word');
  }
  changeDirectory(scope, operands[0]);
};

/** Recursive listings name files; they do not show them. */
const rg: Handler = (args, call, scope) => {
  const isListing = args.some(({ text }) => text === '--files');
  if (isListing) {
    args.filter(({ text }) => text?.startsWith('-') !== true).forEach((arg) => readTree(scope, arg));
  }
  judgeByTable('rg', args, call, scope);
};

export const TEXT_PROGRAMS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['sed', sed],
  ...['awk', 'gawk', 'mawk', 'nawk', 'original-awk'].map((name): [string, Handler] => [name, awk]),
  ['jq', jq],
  ['yq', jq],
  ['find', find],
  ['test', judgeTest],
  ['[', judgeTest],
  ['[[', judgeTest],
  ['printf', printf],
  ['read', readInto],
  ...['exit', 'return', 'break', 'continue', 'wait'].map((name): [string, Handler] => [name, numeric]),
  ['ps', ps],
  ['lsof', lsof],
  ['kill', kill],
  ['top', top],
  ['tee', tee],
  ['touch', makes],
  ['mkdir', makes],
  ['logger', logger],
  ['sysctl', sysctl],
  ['crontab', crontab],
  ['zgrep', compressed],
  ['zcat', compressed],
  ['getent', getent],
  ['ping', ping],
  ['ping6', ping],
  ['dig', dig],
  ['cd', cd],
  ['rg', rg],
  ['tree', tree],
]);
