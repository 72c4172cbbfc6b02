// `gateway {}` and `defaults {}`: addresses that clash, networks that overlap, a way in (config reference, 1.2, 1.3, 2.5).
import type { CheckParts } from './check-parts.ts';
import { formatPlace } from './check-parts.ts';
import type { ListenAddress } from './config.ts';
import type { DecodedBlock } from './decode.ts';
import type { Span } from './diagnostic.ts';
import {
  cidrContains,
  cidrsOverlap,
  formatAddress,
  isLoopbackHost,
  parseAddress,
  parseCidr,
  parseHost,
  parseIp,
} from './hosts.ts';
import type { Cidr } from './hosts.ts';
import { startOf } from './read-set.ts';

/** Addresses of nodes in every tailnet. */
const TAILNET = ['100.64.0.0/10', 'fd7a:115c:a1e0::/48'].map(parseCidr).filter((cidr) => cidr !== null);
/** Networks that are nobody's on the public internet. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']
  .map(parseCidr)
  .filter((cidr) => cidr !== null);

/** Checks the gateway's own settings. */
export function checkGateway(parts: CheckParts): void {
  const gateway = parts.draft.first('gateway')?.block ?? null;
  checkWayIn(gateway, parts);
  checkListeners(gateway, parts);
  checkDefaults(parts);
  if (gateway === null) {
    return;
  }
  checkSettings(gateway, parts);
  checkNetworks(gateway, parts);
  checkStore(gateway, parts);
  checkProxy(gateway, parts);
  const wireguard = gateway.nested('wireguard')[0];
  if (wireguard !== undefined) {
    checkDialTarget(wireguard, gateway, parts);
  }
}

function checkWayIn(gateway: DecodedBlock | null, { config, draft, report, incomplete }: CheckParts): void {
  const listens = draft.all('endpoint').some(({ block }) => block.written('listen'));
  if (
    incomplete ||
    listens ||
    config.gateway.proxy !== null ||
    config.gateway.wireguard !== null ||
    config.gateway.tailscale !== null
  ) {
    return;
  }
  const at = gateway?.at ?? startOf(draft.start.file);
  const message = 'no agent can reach this gateway: it has no transport and no endpoint listens';
  const fix = 'write listen = "127.0.0.1:PORT" on an endpoint, or a wireguard { } block in gateway';
  report.error(at, { code: 'no-way-in', message, fix });
}

function checkSettings(gateway: DecodedBlock, { config, report }: CheckParts): void {
  const dashboard = config.gateway.dashboardListen;
  if (dashboard?.kind === 'tcp' && !isLoopbackHost(dashboard.host)) {
    const message = 'the dashboard and the operator API are reachable from other hosts';
    const fix = 'listen on loopback or a Unix socket, and put a proxy with TLS before it';
    report.warning(gateway.place('dashboard_listen'), { code: 'open-dashboard', message, fix });
  }
  if (gateway.text('control_listen') === 'off') {
    const fix = 'write unix:/PATH or IP:PORT, or remove the attribute';
    report.error(gateway.place('control_listen'), {
      code: 'bad-address',
      message: 'the control socket cannot be off',
      fix,
    });
  }
  if (gateway.flag('telemetry')) {
    const message = 'nothing is ever sent anywhere, whatever this says';
    report.warning(gateway.place('telemetry'), { code: 'no-telemetry', message, fix: 'remove the attribute' });
  }
  const limits = gateway.only('limits');
  const { bodyBufferBytes, bodyStorageBytes } = config.gateway.limits;
  if (bodyBufferBytes < bodyStorageBytes) {
    const at = limits.written('body_buffer') ? limits.place('body_buffer') : limits.place('body_storage');
    const message = 'body_buffer is smaller than body_storage: samples end where judging ends';
    report.warning(at, { code: 'buffer-below-storage', message, fix: 'raise body_buffer or lower body_storage' });
  }
  const audit = gateway.only('audit');
  if (gateway.written('actions_keep') && audit.written('retention')) {
    const message = '"actions_keep" and "audit { retention }" exclude one another';
    const fix = 'keep audit { retention }';
    report.error(audit.place('retention'), { code: 'exclusive-attributes', message, fix });
  }
}

function checkStore(gateway: DecodedBlock, { report }: CheckParts): void {
  const store = gateway.nested('store')[0];
  const [postgres] = store?.nested('postgres') ?? [];
  const [sqlite] = store?.nested('sqlite') ?? [];
  if (store !== undefined && postgres === undefined && sqlite === undefined) {
    const finding = {
      code: 'exclusive-attributes',
      message: 'this store is of no kind',
      fix: 'write sqlite { } inside',
    };
    report.error(store.at, finding);
  } else if (postgres !== undefined && sqlite !== undefined) {
    const message = '"sqlite" and "postgres" exclude one another';
    report.error(postgres.at, { code: 'exclusive-attributes', message, fix: 'keep one of them' });
  }
}

function checkNetworks(gateway: DecodedBlock, { config, report }: CheckParts): void {
  const wireguard = gateway.nested('wireguard')[0];
  const subnet = parseCidr(wireguard?.text('subnet_cidr') ?? '');
  const virtual = config.gateway.vipSubnets.map(parseCidr).filter((cidr) => cidr !== null);
  const versions = virtual.map((cidr) => cidr.version).toSorted((a, b) => a - b);
  if (!gateway.broken('vip_subnets') && versions.join() !== '4,6') {
    const message = 'vip_subnets holds one IPv4 and one IPv6 network';
    const fix = 'write vip_subnets = ["10.78.0.0/16", "fd78::/64"]';
    report.error(gateway.place('vip_subnets'), { code: 'bad-cidr', message, fix });
  }
  if (config.gateway.tailscale !== null) {
    checkTailnetNetworks(gateway, virtual, { subnet, report });
  }
  if (wireguard === undefined || subnet === null) {
    return;
  }
  const at = wireguard.place('subnet_cidr');
  if (subnet.prefix < 8 || subnet.prefix > 30) {
    report.error(at, {
      code: 'bad-cidr',
      message: `a prefix of /${subnet.prefix} is not /8 to /30`,
      fix: 'write /8 to /30',
    });
  } else if (virtual.some((cidr) => cidrsOverlap(cidr, subnet))) {
    const message = 'subnet_cidr and vip_subnets overlap';
    report.error(at, { code: 'bad-cidr', message, fix: 'give devices another network than virtual addresses' });
  }
  if (!PRIVATE.some((cidr) => contains(cidr, subnet))) {
    const message = 'this network is public space: devices would not reach its real hosts';
    report.warning(at, { code: 'public-subnet', message, fix: 'write a private network, for example 10.77.0.0/16' });
  }
}

/** Who an address is must never depend on which transport is asked. */
function checkTailnetNetworks(
  gateway: DecodedBlock,
  virtual: readonly Cidr[],
  { subnet, report }: { readonly subnet: Cidr | null; readonly report: CheckParts['report'] },
): void {
  const fix = 'tailnets have 100.64.0.0/10 and fd7a:115c:a1e0::/48; choose another network';
  if (virtual.some(overlapsTailnet)) {
    const message = 'vip_subnets overlap the addresses of the tailnet';
    report.error(gateway.place('vip_subnets'), { code: 'bad-cidr', message, fix });
  }
  const wireguard = gateway.nested('wireguard')[0];
  if (wireguard !== undefined && subnet !== null && overlapsTailnet(subnet)) {
    const message = 'subnet_cidr overlaps the addresses of the tailnet';
    report.error(wireguard.place('subnet_cidr'), { code: 'bad-cidr', message, fix });
  }
}

function overlapsTailnet(cidr: Cidr): boolean {
  return TAILNET.some((nodes) => cidrsOverlap(nodes, cidr));
}

function contains(outer: Cidr, inner: Cidr): boolean {
  return outer.prefix <= inner.prefix && cidrContains(outer, { version: inner.version, value: inner.base });
}

/** Clients need something to dial: a host of `wireguard { endpoint }` that is not a wildcard address, or `public_url`. */
function checkProxy(gateway: DecodedBlock, { draft, config, report, incomplete }: CheckParts): void {
  const proxy = gateway.nested('proxy')[0];
  const listen = parseAddress(proxy?.text('listen') ?? 'off');
  if (proxy === undefined || listen === null || listen === 'off' || listen.kind !== 'tcp') {
    return;
  }
  if (!isLoopbackHost(listen.host) && !proxy.written('listen_allow')) {
    const message = `${formatAddress(listen)} can be reached from other hosts`;
    const fix = 'write listen_allow = ["SOURCE/PREFIX"], or listen on loopback';
    report.error(proxy.place('listen'), { code: 'open-listener', message, fix });
  }
  if (config.gateway.proxy === null && !proxy.broken('profile') && !incomplete) {
    const profiles = draft.all('profile').map(({ name }) => name);
    const message = profiles.length === 0 ? 'there is no profile for it' : `several profiles: ${profiles.join(', ')}`;
    const fix = 'write profile = "NAME": the one under which the proxy acts';
    report.error(proxy.place('listen'), { code: 'missing-attribute', message, fix });
  }
}

function checkDialTarget(wireguard: DecodedBlock, gateway: DecodedBlock, { config, report }: CheckParts): void {
  const host = parseHost(wireguard.text('endpoint') ?? '', false)?.host ?? null;
  const wildcard = host !== null && parseIp(host)?.value === 0n;
  const usable = host !== null && !wildcard;
  if (!usable && config.gateway.publicUrl === null && !gateway.broken('public_url') && !wireguard.broken('endpoint')) {
    const message = 'clients have nothing to dial';
    const fix = 'write wireguard { endpoint = "HOST:PORT" } or public_url';
    report.error(wireguard.place('endpoint'), { code: 'no-dial-target', message, fix });
  }
}

function checkDefaults({ draft, report }: CheckParts): void {
  const block = draft.first('defaults')?.block;
  if (block?.value('human_on_timeout') === 'allow') {
    const message = 'a timeout never allows: this is read as "deny"';
    report.warning(block.place('human_on_timeout'), {
      code: 'never-allows',
      message,
      fix: 'write "deny" or "escalate"',
    });
  }
  if (block?.value('llm_fail_mode') === 'open') {
    const message = 'a failing model never allows: "open" escalates to a person';
    const fix = 'write on_error = "escalate" on the reviewer';
    report.warning(block.place('llm_fail_mode'), { code: 'never-allows', message, fix });
  }
}

interface Listener {
  readonly address: ListenAddress;
  readonly at: Span;
  readonly what: string;
}

/** Each address once over the whole configuration. Port 0 clashes with nothing. */
function checkListeners(gateway: DecodedBlock | null, parts: CheckParts): void {
  const listeners = collectListeners(gateway, parts);
  for (const [index, listener] of listeners.entries()) {
    const first = listeners.slice(0, index).find((other) => clash(other.address, listener.address));
    if (first !== undefined) {
      const message = `${formatAddress(listener.address)} is taken by ${first.what} at ${formatPlace(first.at)}`;
      parts.report.error(listener.at, {
        code: 'listener-clash',
        message,
        fix: 'give each listener an address of its own',
      });
    }
  }
}

function collectListeners(gateway: DecodedBlock | null, { draft, config }: CheckParts): readonly Listener[] {
  const found: Listener[] = [];
  const add = (block: DecodedBlock, name: string, what: string): void => {
    const address = parseAddress(block.text(name) ?? 'off');
    if (address !== null && address !== 'off') {
      found.push({ address, at: block.place(name), what });
    }
  };
  if (gateway !== null) {
    for (const name of ['dashboard_listen', 'control_listen', 'enroll_listen', 'metrics_listen']) {
      add(gateway, name, name);
    }
    const proxy = gateway.nested('proxy')[0];
    if (proxy !== undefined) {
      add(proxy, 'listen', 'proxy');
    }
    const wireguard = gateway.nested('wireguard')[0];
    if (wireguard !== undefined) {
      const port = wireguard.number('host_loopback_port') ?? 8443;
      const address: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port };
      found.push({ address, at: wireguard.place('host_loopback_port'), what: 'host_loopback_port' });
    }
  } else if (config.gateway.dashboardListen !== null) {
    found.push({ address: config.gateway.dashboardListen, at: draft.start, what: 'dashboard_listen (its default)' });
  }
  for (const { ref, block } of draft.all('endpoint')) {
    add(block, 'listen', ref);
  }
  for (const { ref, block } of draft.all('tunnel')) {
    add(block, 'listen', ref);
  }
  return found;
}

function clash(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') {
    return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  }
  if (a.port !== b.port || a.port === 0) {
    return false;
  }
  const [first, second] = [a, b].map(({ host }) => parseIp(host === 'localhost' ? '127.0.0.1' : host));
  // `::` takes IPv4 too on most systems; `0.0.0.0` takes every IPv4 address.
  const takesAll = (ip: typeof first, other: typeof first): boolean =>
    ip?.value === 0n && (ip.version === 6 || other?.version === 4);
  const same = first?.version === second?.version && first?.value === second?.value;
  return same || takesAll(first, second) || takesAll(second, first);
}
