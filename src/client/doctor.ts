// What `doctor` looks at on a machine that has joined, beyond `status`: each function takes what was read or what a program said, and gives one
// line. Pure.
import type { CheckJson } from './control-shapes.ts';

export function check(name: string, state: CheckJson['state'], detail: string, fix: string = ''): CheckJson {
  return { name, state, detail, fix };
}

/** What a program said. `status` null: it could not be started, or took too long. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** TLS and WireGuard both go by the clock: certificates begin and end, and a handshake older than the last one counts for nothing. */
export function checkClock(oursMs: number, gatewaysMs: number): CheckJson {
  const seconds = Math.round((oursMs - gatewaysMs) / 1000);
  const detail = `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'before'} the gateway's`;
  const fix = 'set the clock; the tunnel lets no NTP through, so ask a server beside it or the hypervisor';
  if (Math.abs(seconds) <= 60) {
    return check('clock', 'ok', detail);
  }
  return check('clock', Math.abs(seconds) <= 600 ? 'warn' : 'fail', detail, fix);
}

/** What WireGuard adds to a packet, by the family that carries it. */
const OVERHEAD_BYTES = { 4: 60, 6: 80 } as const;

/** Whether the tunnel's packets fit into those of the interface that carries them. */
export function checkMtu(
  tunnelMtu: number,
  carrier: { readonly name: string; readonly mtu: number; readonly version: 4 | 6 },
): CheckJson {
  const needed = tunnelMtu + OVERHEAD_BYTES[carrier.version];
  const detail = `${tunnelMtu} in the tunnel, ${carrier.mtu} on ${carrier.name}`;
  return needed <= carrier.mtu
    ? check('mtu', 'ok', detail)
    : check(
        'mtu',
        'warn',
        detail,
        `set wireguard { mtu } on the gateway to ${carrier.mtu - OVERHEAD_BYTES[carrier.version]} or less, and join again`,
      );
}

/** Where names of this machine's programs are asked. `addresses`: what its resolver says of the gateway's own name. */
export function checkNames(isRouted: boolean, addresses: readonly string[]): CheckJson {
  if (!isRouted) {
    return check('dns', 'ok', 'only what clawpatrol run starts asks the gateway');
  }
  return addresses.length > 0
    ? check('dns', 'ok', `the gateway answers (${addresses.join(', ')})`)
    : check(
        'dns',
        'fail',
        "this machine's resolver does not ask the gateway",
        'look at /etc/resolv.conf, nsswitch.conf and caches of names; clawpatrol join --resume',
      );
}

/** What decides whether a user may have namespaces of its own. Null: this system has no such setting. */
export interface NamespaceSettings {
  /** kernel.unprivileged_userns_clone, of Debian. */
  readonly clone: string | null;
  /** user.max_user_namespaces. */
  readonly most: string | null;
  /** kernel.apparmor_restrict_unprivileged_userns, of Ubuntu. */
  readonly apparmor: string | null;
}

/** `tried`: what became of making them. */
export function checkNamespaces(tried: Said, { clone, most, apparmor }: NamespaceSettings, isRoot: boolean): CheckJson {
  if (tried.status === 0) {
    return check(
      'namespaces',
      'ok',
      isRoot ? 'root has them; as the user who runs agents, ask again' : 'this user has them',
    );
  }
  const why =
    clone?.trim() === '0'
      ? 'sysctl kernel.unprivileged_userns_clone=1'
      : most?.trim() === '0'
        ? 'sysctl user.max_user_namespaces=10000'
        : apparmor?.trim() === '1'
          ? 'sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows userns'
          : 'a container or a policy of the system forbids them';
  const [said = ''] = tried.stderr.trim().split('\n');
  return check(
    'namespaces',
    'fail',
    said === '' ? 'unshare cannot be run' : said,
    `${why}; or sudo clawpatrol run; or clawpatrol run --mode proxy, which routes and contains nothing`,
  );
}

/** `reason`: why it cannot be opened, or null. */
export function checkTun(reason: string | null): CheckJson {
  return reason === null
    ? check('tun', 'ok', '/dev/net/tun can be opened')
    : check('tun', 'fail', `/dev/net/tun: ${reason}`, 'modprobe tun; in a container --device /dev/net/tun');
}

/** Programs that `run` and `--whole-machine` start. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  nft: 'nftables',
};

export const PROGRAMS: readonly string[] = Object.keys(PACKAGES);

export function checkPrograms(missing: readonly string[]): CheckJson {
  const packages = [...new Set(missing.map((program) => PACKAGES[program] ?? program))];
  return missing.length === 0
    ? check('programs', 'ok', PROGRAMS.join(', '))
    : check('programs', 'fail', `there is no ${missing.join(', ')}`, `install ${packages.join(', ')}`);
}

export type Runtime = 'openssl' | 'node' | 'python' | 'java';

const TRUST_FIXES: Readonly<Record<Runtime, string>> = {
  openssl: 'join as root, or eval "$(clawpatrol env)"',
  node: 'eval "$(clawpatrol env)": Node.js reads NODE_EXTRA_CA_CERTS, not the system\'s store',
  python: 'join as root, or eval "$(clawpatrol env)"',
  java: 'keytool -importcert -cacerts -noprompt -alias clawpatrol -file ~/.clawpatrol/ca.crt, as root',
};

/** Whether a runtime trusts the gateway's CA: `said` is null where the runtime is not on this machine. */
export function checkRuntime(runtime: Runtime, said: Said | null, fingerprint: string): CheckJson {
  const name = `ca-${runtime}`;
  if (said === null) {
    return check(name, 'ok', `there is no ${runtime} on this machine`);
  }
  const trusted =
    runtime === 'openssl'
      ? said.status === 0
      : said.stdout
          .toUpperCase()
          .replaceAll(/[^0-9A-F\n]/g, '')
          .includes(fingerprint.replaceAll(':', ''));
  return trusted
    ? check(name, 'ok', "trusts the gateway's certificate")
    : check(name, 'warn', "does not trust the gateway's certificate", TRUST_FIXES[runtime]);
}

/** What `escape-test --json` said inside a run; null: no run could begin. */
export function checkWaysOut(said: Said): CheckJson {
  const open = readOpen(said.stdout);
  if (open === null) {
    const [reason = ''] = said.stderr.trim().split('\n').slice(-1);
    return check('ways-out', 'fail', `no run could begin: ${reason}`, 'the checks above say what is missing');
  }
  return open.length === 0
    ? check('ways-out', 'ok', 'clawpatrol escape-test finds none in a run')
    : check(
        'ways-out',
        'fail',
        `in a run these are open: ${open.join(', ')}`,
        'clawpatrol run clawpatrol escape-test says what happened at each',
      );
}

function readOpen(text: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(text);
    const attempts: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'attempts') : null;
    return Array.isArray(attempts)
      ? attempts.flatMap((attempt: unknown) => {
          const [name, held] = ['name', 'held'].map((key): unknown => Reflect.get(Object(attempt), key));
          return held === true ? [] : [String(name)];
        })
      : null;
  } catch {
    return null;
  }
}
