// Paths as text: which ones hold secrets, what a glob may reach, what is harmless to write to. Pure: no file system is asked, so a link
// with a harmless name is not seen through.
import { asciiLower } from '../../lib/text.ts';

/** Without `.`, empty parts and, where a named part is in front of it, `..`; a path that starts at the root cannot climb over it. */
export function cleanPath(path: string): string {
  const isAbsolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') {
      continue;
    }
    if (part !== '..') {
      parts.push(part);
    } else if (parts.length > 0 && parts.at(-1) !== '..') {
      const left = parts.pop() ?? '';
      // Above a home directory is no name that is known.
      if (parts.length === 0 && !isAbsolute && left.startsWith('~')) {
        parts.push('..');
      }
    } else if (!isAbsolute) {
      parts.push(part);
    }
  }
  const joined = parts.join('/');
  return isAbsolute ? `/${joined}` : joined === '' ? '.' : joined;
}

/** `path` as seen from `dir`, where it is relative. A home directory counts as a place of its own. */
export function joinPath(dir: string, path: string): string {
  return path.startsWith('/') || path.startsWith('~') ? path : `${dir}/${path}`;
}

/** Names of files that hold secrets wherever they are, lower case. `*` crosses no slash. */
const SECRET_NAMES: readonly RegExp[] = [
  /^(?:g?shadow-?|master\.passwd|opasswd|\.env|\.pgpass|\.my\.cnf|\.mylogin\.cnf|\.netrc|_netrc|\.npmrc|\.pypirc)$/,
  /^(?:\.git-credentials|\.vault-token|\.htpasswd|\.s3cfg|\.boto|\.dockercfg|krb5\.keytab|wp-config\.php|debian\.cnf|\.?msmtprc|\.?fetchmailrc)$/,
  /^\.env\.|\.env$|id_(?:rsa|dsa|ecdsa|ed25519|xmss)/,
  /\.(?:pem|key|p12|pfx|p8|jks|keystore|kdbx|keytab|ovpn|tfvars|ppk|asc|gpg|age)$/,
  /\.tfstate|credential|secret|kubeconfig|apikey|api_key|private_key|privatekey|token/,
  /_history$|^\.(?:bash|zsh|psql|mysql|python|rediscli|sqlite|node_repl)_?history/,
  /^ssh_host_.*_key$/,
  /passw(?:or)?d/,
  /\.(?:bak|old|orig|save|swp)$/,
];

/** Directories whose files are secrets, lower case; a path that is one of them or goes through one. */
const SECRET_DIRS: readonly RegExp[] = [
  /(?:^|\/)\.(?:ssh|aws|azure|gnupg|kube|docker|config\/gcloud|config\/gh|config\/rclone|password-store|oci|chef|m2|gradle|subversion|composer|terraform\.d|pki|mozilla|claude|codex|local\/share\/keyrings)(?:\/|$)/,
  /(?:^|\/)[^/]*(?:secret|credential|private[-_]?key)[^/]*\//,
  /^\/etc\/(?:ssl\/private|kubernetes|wireguard|sudoers\.d|openvpn|letsencrypt|networkmanager\/system-connections)(?:\/|$)/,
  /^\/etc\/(?:ipsec\.d|ppp|vault|vault\.d|pki\/tls\/private|rancher|gitlab|security\/opasswd)(?:\/|$)/,
  /^(?:\/var)?\/run\/secrets(?:\/|$)/,
  /^\/var\/lib\/(?:kubelet|etcd|docker|containerd|containers|vault|cloud|mysql|postgresql|redis|mongodb|rancher|systemd\/coredump)(?:\/|$)/,
  /^\/var\/(?:backups|spool\/cron|mail|spool\/mail|crash)(?:\/|$)/,
  /^\/(?:boot\/efi|lost\+found)(?:\/|$)/,
];

/** What a process shows of itself without opening what it has open. */
const HARMLESS_PROC =
  /^(?:status|stat|statm|limits|io|sched|schedstat|mounts|mountinfo|mountstats|cgroup|comm|cmdline|wchan|stack|maps|smaps|smaps_rollup|numa_maps|oom_score|oom_score_adj|oom_adj|loginuid|sessionid|cpuset|net\/[\w/]+|task\/\d+\/(?:status|stat|comm|wchan|stack))$/;

const HARMLESS_DEVICES = /^\/dev\/(?:null|zero|full|u?random|stdin|stdout|stderr|tty|fd(?:\/[0-2])?)$/;

/** Whether a path names, or may name, something that a log-in can be made of. The path as given or as joined; `~` is a home. */
export function isSecretPath(path: string): boolean {
  const cleaned = asciiLower(cleanPath(path));
  // Enough steps up lead to the root.
  const clean = cleaned.startsWith('../') ? `/${cleaned.replaceAll('../', '')}` : cleaned;
  const inProcess = /^\/proc\/(?:\d+|self|thread-self|[^/]*[*?[][^/]*)\/(.+)$/.exec(clean);
  if (inProcess !== null) {
    return !HARMLESS_PROC.test(inProcess[1] ?? '');
  }
  if (clean.startsWith('/dev/')) {
    return !HARMLESS_DEVICES.test(clean) && !clean.startsWith('/dev/tcp/') && !clean.startsWith('/dev/udp/');
  }
  if (clean === '/proc/kcore' || clean === '/proc/keys' || clean === '/etc/passwd') {
    return clean !== '/etc/passwd';
  }
  const name = clean.slice(clean.lastIndexOf('/') + 1);
  return SECRET_NAMES.some((pattern) => pattern.test(name)) || SECRET_DIRS.some((pattern) => pattern.test(clean));
}

/** Files that stand for the many: a glob that reaches one of them reaches secrets. */
const SAMPLES: readonly string[] = [
  '/etc/shadow',
  '/etc/gshadow',
  '/etc/ssl/private/server.key',
  '/etc/ssh/ssh_host_rsa_key',
  '/etc/kubernetes/admin.conf',
  '/etc/sudoers.d/admins',
  '/proc/1/environ',
  '/proc/self/environ',
  '/root/.ssh/id_rsa',
  '/root/.ssh/id_ed25519',
  '/root/.aws/credentials',
  '/root/.kube/config',
  '/root/.docker/config.json',
  '/root/.pgpass',
  '/root/.netrc',
  '/root/.bash_history',
  '/root/.env',
  '/home/user/.ssh/id_rsa',
  '/home/user/.ssh/id_ed25519',
  '/home/user/.aws/credentials',
  '/home/user/.kube/config',
  '/home/user/.pgpass',
  '/home/user/.netrc',
  '/home/user/.bash_history',
  '/home/user/.env',
  '~/.ssh/id_rsa',
  '~/.ssh/id_ed25519',
  '~/.aws/credentials',
  '~/.kube/config',
  '~/.pgpass',
  '~/.netrc',
  '~/.bash_history',
  '~/.env',
  '/run/secrets/kubernetes.io/token',
  '/var/run/secrets/kubernetes.io/token',
  '/var/lib/kubelet/config.yaml',
  '/var/lib/etcd/member/snap/db',
  '/var/lib/docker/containers/x/config.v2.json',
  '/var/backups/shadow.bak',
  '/dev/sda',
];

/** Whether a directory has secrets below it, for programs that read whole trees. Of home directories every one is taken to. */
export function holdsSecrets(dir: string): boolean {
  const clean = homeAlias(cleanPath(dir));
  if (isSecretPath(clean) || !/^[/~]/.test(clean) || clean.startsWith('/proc')) {
    return true;
  }
  const prefix = clean === '/' ? '/' : `${clean}/`;
  return SAMPLES.some((sample) => sample.startsWith(prefix));
}

/** Any home directory as the one of the samples. */
function homeAlias(path: string): string {
  return path.replace(/^\/home\/[^/]+/, '/home/user').replace(/^~[^/]*/, '~');
}

/** Whether a pattern of the shell (`*`, `?`, `[…]`; none of them crosses a slash) may give the path of a secret. */
export function globReachesSecret(glob: string): boolean {
  const clean = homeAlias(cleanPath(glob));
  const name = clean.slice(clean.lastIndexOf('/') + 1);
  const isNarrow = /[^*?]/.test(name) && SECRET_SAMPLES.some((sample) => matches(name, sample));
  return isSecretPath(clean) || isNarrow || SAMPLES.some((sample) => reaches(clean, sample));
}

/** Names of files that a pattern with some text in it may be meant for, wherever it looks. */
const SECRET_SAMPLES: readonly string[] = (
  '.env .env.production .pgpass .netrc .npmrc .my.cnf .git-credentials .bash_history id_rsa id_ed25519 credentials ' +
  'shadow secrets secret token kubeconfig terraform.tfstate passwords'
).split(' ');

function reaches(glob: string, sample: string): boolean {
  const patterns = glob.split('/');
  const parts = sample.split('/');
  return patterns.length === parts.length && patterns.every((pattern, index) => matches(pattern, parts[index] ?? ''));
}

/** Whether one part of a glob may match a name; a bracket expression stands for any one character. Linear but for one step back. */
function matches(pattern: string, name: string): boolean {
  const units = globUnits(pattern);
  // A name with a leading dot is matched only by a pattern that writes the dot.
  if (name.startsWith('.') && units[0] !== '.') {
    return false;
  }
  let at = 0;
  let unit = 0;
  let star = -1;
  let mark = 0;
  while (at < name.length) {
    const wanted = units[unit];
    if (wanted === '*') {
      star = unit;
      mark = at;
      unit += 1;
    } else if (wanted === '?' || wanted === name[at]) {
      unit += 1;
      at += 1;
    } else if (star >= 0) {
      unit = star + 1;
      mark += 1;
      at = mark;
    } else {
      return false;
    }
  }
  return units.slice(unit).every((rest) => rest === '*');
}

/** `[…]` becomes `?`; a bracket that is not closed stands for itself. */
function globUnits(pattern: string): readonly string[] {
  const units: string[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const close = pattern[at] === '[' ? pattern.indexOf(']', at + 2) : -1;
    units.push(close === -1 ? (pattern[at] ?? '') : '?');
    at = close === -1 ? at : close;
  }
  return units;
}

/** Where a redirect may go without writing a file. */
export function isHarmlessTarget(target: string): boolean {
  return /^\/dev\/(?:null|stdout|stderr)$/.test(target);
}

/** bash opens a connection for these. */
export function isNetworkTarget(target: string): boolean {
  return /^\/dev\/(?:tcp|udp)(?:\/|$)/.test(target);
}

/** Whether a path is surely inside one of the directories. */
export function isInside(path: string, dirs: readonly string[]): boolean {
  if (!path.startsWith('/') || path.split('/').includes('..')) {
    return false;
  }
  const clean = cleanPath(path);
  return dirs.some((dir) => clean.startsWith(`${dir}/`) && !isSecretPath(clean));
}
