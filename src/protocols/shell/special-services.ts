// Programs whose first words say what they do: service managers, containers, clusters, git, packages. Pure.
import { literals } from './args.ts';
import type { Arg } from './args.ts';
import { optionSpec, readOptions } from './getopt.ts';
import type { OptionSpec } from './getopt.ts';
import { isRead, judgeByTable, judgePager } from './programs.ts';
import { changeDirectory, readFile } from './scope.ts';
import type { Call, Scope } from './scope.ts';
import type { Handler } from './special-text.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Options, then a verb from a table of tiers; what is not in it falls back to the destructive programs. */
interface VerbTable {
  readonly spec: OptionSpec;
  readonly safe: RegExp;
  readonly suspicious: RegExp;
  /** What a program does that is given no verb. */
  readonly bare: 'safe' | 'other';
  readonly cause: string;
}

function byVerb(program: string, { spec, safe, suspicious, bare, cause }: VerbTable): Handler {
  return (args, call, scope) => {
    const read = readOptions(args, spec);
    if (!isRead(read, scope)) {
      return;
    }
    const { operands } = read;
    const texts = literals(operands);
    if (texts === null || read.options.some(({ value }) => value !== null && value.kind !== 'literal')) {
      scope.findings.opaque('dynamic_word');
      return;
    }
    const verb = texts[0] ?? '';
    if (verb === '' ? bare === 'safe' : safe.test(verb)) {
      judgePager(call, args, scope);
    } else if (suspicious.test(verb) && !texts.some((text) => POWER_UNITS.test(text))) {
      scope.findings.raise('suspicious', cause, `${program} ${verb}`);
    } else {
      judgeByTable(program, args, call, scope);
    }
  };
}

/** Units that are another state of the whole machine. */
const POWER_UNITS =
  /\.target$|(?:^|-)(?:poweroff|reboot|soft-reboot|halt|kexec|rescue|emergency|shutdown|suspend|hibernate|hybrid-sleep|exit)(?:[.@-]|$)|[*?[]/;

const SYSTEMCTL = optionSpec(
  'alqr tno no-pager,full,all,type=,state=,failed,user,system,plain,no-legend,legend?,lines=,output=,quiet,reverse,recursive,property=,value,no-ask-password,show-types',
);

const systemctl = byVerb('systemctl', {
  spec: { ...SYSTEMCTL, valued: `${SYSTEMCTL.valued}p` },
  safe: /^(?:status|cat|list-[a-z-]+|is-[a-z-]+|get-default)$/,
  suspicious: /^(?:show|start|restart|reload|try-restart|reload-or-restart|try-reload-or-restart)$/,
  bare: 'safe',
  cause: 'service',
});

const PLAIN = optionSpec('al - no-pager,all,full,no-legend,lines=,output=,value,plain');

const loginctl = byVerb('loginctl', {
  spec: PLAIN,
  safe: /^list-[a-z-]+$/,
  suspicious: /^(?:session-status|show-session|user-status|show-user|seat-status|show-seat)$/,
  bare: 'safe',
  cause: 'service',
});

const statusOnly = (program: string): Handler =>
  byVerb(program, {
    spec: PLAIN,
    safe: /^(?:status|list|show-timesync|timesync-status|list-timezones|statistics)$/,
    suspicious: /^(?:show|query)$/,
    bare: 'safe',
    cause: 'service',
  });

const service: Handler = (args, call, scope) => {
  const texts = literals(args) ?? [];
  const [name = '', verb = ''] = texts;
  const isNamed =
    texts.length === 2 && texts.length === args.length && /^[\w@.-]+$/.test(name) && !name.startsWith('-');
  if (isNamed && verb === 'status') {
    return;
  }
  if (
    (isNamed && /^(?:restart|reload|start)$/.test(verb) && !POWER_UNITS.test(name)) ||
    (texts.length === 1 && name === '--status-all')
  ) {
    scope.findings.raise('suspicious', 'service', `service ${name} ${verb}`);
  } else {
    judgeByTable('service', args, call, scope);
  }
};

const CONTAINER_SAFE = words('ps images logs version info top stats');
/** `docker container ls` is `docker ps`. */
const CONTAINER_GROUPS: Readonly<Record<string, ReadonlySet<string>>> = {
  container: words('ls list ps logs top stats'),
  image: words('ls list history'),
  network: words('ls list'),
  volume: words('ls list'),
  system: words('df'),
  compose: words('ps ls images logs top version'),
};
const EXEC = optionSpec('itd ueWw interactive,tty,detach,user=,env=,workdir=,privileged', { stops: true });

const container: Handler = (args, call, scope) => {
  const { findings } = scope;
  const program = call.words[0]?.shown.replace(/^.*\//, '') ?? '';
  const [first, second] = args;
  const group = CONTAINER_GROUPS[first?.text ?? ''];
  const verb = (group === undefined ? first : second)?.text ?? '';
  const rest = args.slice(group === undefined ? 1 : 2);
  if (verb === 'exec' && (group === undefined || first?.text === 'container')) {
    judgeRemote(rest, EXEC, call, scope);
    return;
  }
  if (group !== undefined ? group.has(verb) : CONTAINER_SAFE.has(verb)) {
    const texts = literals(rest);
    const isStream = verb === 'stats' && texts?.includes('--no-stream') !== true;
    // `top` hands what follows the container to ps.
    const isPs = verb === 'top' && first?.text !== 'compose' && rest.length > 1;
    if (rest.some(({ kind }) => kind === 'dynamic')) {
      findings.opaque('dynamic_word');
    } else if (isStream || isPs) {
      findings.raise('suspicious', 'service', `${program} ${verb} with more than a name`);
    }
  } else if (verb === 'inspect') {
    findings.raise('suspicious', 'environment', `${program} inspect shows the environment of containers`);
  } else if (verb === 'restart' && group === undefined && literals(rest) !== null) {
    findings.raise('suspicious', 'service', `${program} restart`);
  } else {
    judgeByTable(program, args, call, scope);
  }
};

/** A command inside a container: judged like any other, and never less than destructive. */
function judgeRemote(args: readonly Arg[], spec: OptionSpec, call: Call, scope: Scope): void {
  const { findings } = scope;
  findings.raise('destructive', 'exec', 'runs a command in another place');
  const read = readOptions(args, spec);
  if (!isRead(read, scope)) {
    findings.hidden ??= 'dynamic';
    return;
  }
  const inner = read.operands.slice(1).filter(({ text }, index) => index > 0 || text !== '--');
  if (inner.length > 0) {
    scope.runCall({ ...call, words: inner, env: [], where: 'remote', depth: call.depth + 1 });
  }
}

const KUBECTL = optionSpec(
  'Awpf nolcLI namespace=,all-namespaces,output=,selector=,sort-by=,show-labels,watch,no-headers,field-selector=,container=,tail=,' +
    'since=,since-time=,previous,follow,timestamps,all-containers?,context=,label-columns=,ignore-not-found?,chunk-size=,containers,' +
    'show-events?,client,short,limit-bytes=,prefix,max-log-requests=,show-kind,watch-only,api-group=,namespaced?,recursive,api-version=',
);
const KUBECTL_EXEC = optionSpec('itq nc namespace=,container=,stdin,tty,context=,quiet', { stops: false });
const KUBECTL_SAFE = words('get describe logs top version api-resources api-versions explain cluster-info events');

const kubectl: Handler = (args, call, scope) => {
  const { findings } = scope;
  const at = args.findIndex(({ text }) => text === 'exec');
  const dashes = args.findIndex(({ text }) => text === '--');
  if (at !== -1 && dashes > at) {
    judgeKubectlExec(args.slice(0, dashes), args.slice(dashes + 1), call, scope);
    return;
  }
  const read = readOptions(args, KUBECTL);
  if (!isRead(read, scope)) {
    return;
  }
  const texts = literals(read.operands);
  const [verb = '', ...names] = texts ?? [];
  if (texts === null || read.options.some(({ value }) => value !== null && value.kind === 'dynamic')) {
    findings.opaque('dynamic_word');
    return;
  }
  // `-f` is a file or an address to all but `logs`.
  const readsFile = verb !== 'logs' && read.options.some(({ name }) => name === 'f');
  const isFormat = read.options.some(
    ({ name, value }) => (name === 'o' || name === 'output') && /^=?[a-z-]*file(?:=|$)/.test(value?.shown ?? ''),
  );
  const isSecret = names.some((name) => name.split(/[,/]/).some((part) => /^secrets?(?:\.|$)/i.test(part)));
  const isDump = verb === 'cluster-info' && names.length > 0;
  if (!KUBECTL_SAFE.has(verb) || readsFile || isFormat || isDump) {
    judgeByTable('kubectl', args, call, scope);
  } else if (isSecret) {
    findings.raise('destructive', 'secret', 'shows secrets of the cluster');
  }
};

function judgeKubectlExec(before: readonly Arg[], inner: readonly Arg[], call: Call, scope: Scope): void {
  scope.findings.raise('destructive', 'exec', 'runs a command in another place');
  const read = readOptions(before, KUBECTL_EXEC);
  if (isRead(read, scope) && read.operands[0]?.text === 'exec' && inner.length > 0) {
    scope.runCall({ ...call, words: inner, env: [], where: 'remote', depth: call.depth + 1 });
  } else {
    scope.findings.hidden ??= 'dynamic';
  }
}

/** Options of git's reading commands; those that write, or run what a repository's configuration names, are left out. */
const GIT_LOG =
  'oneline,stat?,shortstat,numstat,name-only,name-status,graph,decorate?,no-decorate,all,author=,committer=,since=,until=,after=,before=,' +
  'grep=,max-count=,pretty?,format?,abbrev-commit,date=,no-merges,merges,first-parent,follow,reverse,cached,staged,patch,no-patch,color?,' +
  'no-color,word-diff?,no-ext-diff,no-textconv,summary,raw,branches?,tags?,remotes?,diff-filter=,ignore-all-space,unified?,skip=,full-history,' +
  'topo-order,date-order,left-right,cherry-pick';
const GIT_COMMANDS: Readonly<Record<string, OptionSpec>> = {
  log: optionSpec(`puswbizEFMCcm nSGLU? ${GIT_LOG}`, { numbers: true }),
  show: optionSpec(`puswbizEFMCcm nSGLU? ${GIT_LOG}`, { numbers: true }),
  diff: optionSpec(`puswbizMC SGU? ${GIT_LOG}`, { numbers: true }),
  shortlog: optionSpec('nsec - numbered,summary,email,all,since=,until=,no-merges'),
  status: optionSpec(
    'sbzvu - short,branch,porcelain?,long,untracked-files?,ignored?,verbose,show-stash,ahead-behind,no-renames',
  ),
  'rev-parse': optionSpec(
    'q - short?,abbrev-ref?,verify,show-toplevel,git-dir,is-inside-work-tree,symbolic-full-name,all,quiet',
  ),
  'ls-files': optionSpec(
    'cdmosktuzv - cached,deleted,modified,others,stage,unmerged,exclude-standard,full-name,error-unmatch',
  ),
  'ls-tree': optionSpec('drtlz - name-only,name-status,full-tree,long,abbrev?'),
  blame: optionSpec('bcelnpstwfMC L date=,since=,porcelain,line-porcelain,show-email,show-name,show-number'),
  describe: optionSpec('- - tags,always,all,long,dirty?,abbrev=,contains,match=,exact-match'),
  'rev-list': optionSpec('n - count,all,max-count=,since=,until=,no-merges,first-parent', { numbers: true }),
  'cat-file': optionSpec('tsep - -'),
  remote: optionSpec('v - verbose'),
  tag: optionSpec('l - list,sort=,contains='),
  branch: optionSpec('lavr - list,all,remotes,show-current,merged?,no-merged?,contains=,sort=,format=,verbose'),
  stash: optionSpec('- - -'),
};
const GIT_GLOBAL = optionSpec('- C no-pager,no-optional-locks,literal-pathspecs,version', { stops: true });

const git: Handler = (args, call, scope) => {
  const global = readOptions(args, GIT_GLOBAL);
  const [verb, ...rest] = global.kind === 'read' ? global.operands : [];
  if (verb?.text === 'upload-pack' || verb?.text === 'receive-pack' || verb?.text === 'upload-archive') {
    judgeGitServer(`git-${verb.text}`, rest, call, scope);
    return;
  }
  const spec = GIT_COMMANDS[verb?.text ?? ''];
  const read = spec === undefined ? null : readOptions(rest, spec);
  // A name that a pattern gives may be an option, and `--output=` writes.
  if (read?.kind !== 'read' || args.some(mayBeOption)) {
    judgeByTable('git', args, call, scope);
    return;
  }
  const { operands, options } = read;
  const isList = options.some(({ name }) =>
    /^(?:l|list|a|all|r|remotes|show-current|merged|no-merged|contains)$/.test(name),
  );
  const changes =
    (verb?.text === 'branch' && operands.length > 0 && !isList) ||
    (verb?.text === 'tag' && operands.length > 0 && !options.some(({ name }) => name === 'l' || name === 'list')) ||
    (verb?.text === 'remote' && operands.length > 0 && !/^(?:show|get-url)$/.test(operands[0]?.text ?? '')) ||
    (verb?.text === 'stash' && !/^(?:list|show)$/.test(operands[0]?.text ?? ''));
  const asksHost = verb?.text === 'remote' && operands[0]?.text === 'show';
  if (changes || asksHost) {
    judgeByTable('git', args, call, scope);
    return;
  }
  if (global.kind === 'read') {
    global.options
      .filter(({ name }) => name === 'C')
      .forEach(({ value }) => changeDirectory(scope, value ?? undefined));
  }
  operands.forEach((operand) => readFile(scope, operand));
  if (global.kind === 'read' && !global.options.some(({ name }) => name === 'no-pager')) {
    judgePager(call, args, scope);
  }
};

function mayBeOption({ kind, shown }: Arg): boolean {
  return kind === 'dynamic' || (kind === 'pattern' && /^[*?[]/.test(shown));
}

/** What git's client starts on the server. */
function judgeGitServer(program: string, args: readonly Arg[], call: Call, scope: Scope): void {
  const { findings } = scope;
  const texts = literals(args);
  const [path] = texts ?? [];
  if (texts?.length !== 1 || path === undefined || path.startsWith('-')) {
    judgeByTable('git', args, call, scope);
    return;
  }
  const isPush = program === 'git-receive-pack';
  findings.transfer = { kind: 'git', direction: isPush ? 'write' : 'read', paths: [path] };
  if (isPush) {
    findings.writes();
    findings.raise('suspicious', 'push', 'takes what is pushed');
  }
}

const gitServer =
  (program: string): Handler =>
  (args, call, scope) =>
    judgeGitServer(program, args, call, scope);

/** Allowed only with arguments of these forms, and at least one of the first. */
function onlyForms(program: string, first: RegExp, others: RegExp): Handler {
  return (args, call, scope) => {
    const texts = literals(args);
    const isForm = texts !== null && texts.some((text) => first.test(text)) && texts.every((text) => others.test(text));
    if (isForm) {
      judgePager(call, args, scope);
    } else {
      judgeByTable(program, args, call, scope);
    }
  };
}

const dpkg = onlyForms(
  'dpkg',
  /^(?:-[lLsS]|--list|--listfiles|--status|--search|--get-selections)$/,
  /^(?:-[lLsS]|--list|--listfiles|--status|--search|--get-selections|[^-].*)$/s,
);
const dpkgQuery = onlyForms(
  'dpkg',
  /^(?:-[lLsSWf]|--list|--show)$/,
  /^(?:-[lLsSWf]|--list|--show|--listfiles|--status|--search|-f=?[^-].*|--showformat=.*|[^-].*)$/s,
);
const rpm = onlyForms(
  'rpm',
  /^-q[aiIlcdfRsv]*$|^--query$/,
  /^(?:-q?[aiIlcdfRsv]+|--query|--all|--info|--list|--last|--changelog|--scripts|--requires|--provides|[^-%][^%]*)$/s,
);
const aptCache = onlyForms(
  'apt',
  /^(?:show|search|policy|depends|rdepends|pkgnames|madison|showpkg|stats|showsrc)$/,
  /^(?:--names-only|--no-all-versions|-n|-a|[^-].*)$/s,
);
const apt: Handler = (args, call, scope) => {
  const verb = args[0]?.text ?? '';
  const isReading = /^(?:list|show|search|policy|depends|rdepends)$/.test(verb);
  const forms = /^(?:--installed|--upgradable|--upgradeable|--all-versions|--names-only|-a|[^-].*)$/s;
  if (isReading && args.every(({ text }) => text !== null && forms.test(text))) {
    judgePager(call, args, scope);
  } else {
    judgeByTable('apt', args, call, scope);
  }
};

const IP_OPTIONS =
  /^-(?:[46sdjochpr]+|br|brief|stats|statistics|details|json|oneline|color|human|human-readable|pretty|resolve|iec|t|ts|timestamp|c=never)$/;
const IP_OBJECTS =
  /^(?:a|addr|address|l|link|r|ro|route|n|neigh|neighbor|neighbour|rule|maddr|mroute|tunnel|netns|nexthop|tcp_metrics)$/;

const ip: Handler = (args, call, scope) => {
  const texts = literals(args);
  const at = texts?.findIndex((text) => !IP_OPTIONS.test(text)) ?? -1;
  const [object = '', verb = ''] = at === -1 ? [] : (texts?.slice(at) ?? []);
  const isShow = verb === '' || /^(?:show|list|lst|ls)$/.test(verb) || (verb === 'get' && object.startsWith('r'));
  if (texts === null || !IP_OBJECTS.test(object) || !isShow) {
    judgeByTable('tc', args, call, scope);
  }
};

const nginx: Handler = (args, call, scope) => {
  const texts = literals(args);
  if (texts?.length === 1 && /^-(?:t|tq|v|V)$/.test(texts[0] ?? '')) {
    scope.findings.raise('suspicious', 'service', 'tests a configuration');
  } else {
    judgeByTable('nginx', args, call, scope);
  }
};

export const SERVICE_PROGRAMS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['systemctl', systemctl],
  ['loginctl', loginctl],
  ['timedatectl', statusOnly('timedatectl')],
  ['hostnamectl', statusOnly('hostnamectl')],
  ['localectl', statusOnly('localectl')],
  ['networkctl', statusOnly('nmcli')],
  ['resolvectl', statusOnly('nmcli')],
  ['service', service],
  ['docker', container],
  ['podman', container],
  ['kubectl', kubectl],
  ['git', git],
  ['git-upload-pack', gitServer('git-upload-pack')],
  ['git-upload-archive', gitServer('git-upload-archive')],
  ['git-receive-pack', gitServer('git-receive-pack')],
  ['dpkg', dpkg],
  ['dpkg-query', dpkgQuery],
  ['rpm', rpm],
  ['apt-cache', aptCache],
  ['apt', apt],
  ['ip', ip],
  ['nginx', nginx],
]);
