// `gateway {}` to `GatewayConfig`.
import type { AttributeValue, GatewayConfig, ListenAddress, ProxyConfig } from './config.ts';
import type { Draft } from './declare.ts';
import { DecodedBlock } from './decode.ts';
import { isLoopbackHost, LOOPBACK_SOURCES, parseAddress } from './hosts.ts';
import { gatewaySpec } from './schema-gateway.ts';
import { HOUR_MS } from './schema-types.ts';

/** The gateway's settings. */
export function buildGateway(draft: Draft): GatewayConfig {
  const block = draft.first('gateway')?.block ?? new DecodedBlock(gatewaySpec, draft.start);
  const audit = block.only('audit');
  const checkpoint = audit.only('checkpoint');
  const dashboardListen = addressOf(block, 'dashboard_listen');
  const actionsKeepMs = block.number('actions_keep') ?? 720 * HOUR_MS;
  return {
    dashboardListen,
    dashboardTls: block.written('dashboard_tls')
      ? block.flag('dashboard_tls')
      : // Passwords do not cross a network in the clear, unless somebody says so.
        dashboardListen?.kind === 'tcp' && !isLoopbackHost(dashboardListen.host),
    controlListen: addressOf(block, 'control_listen'),
    enrollListen: addressOf(block, 'enroll_listen'),
    metricsListen: addressOf(block, 'metrics_listen'),
    proxy: buildProxy(block, draft),
    publicUrl: block.text('public_url'),
    stateDir: block.text('state_dir'),
    dashboardSessionTtlMs: block.number('dashboard_session_ttl') ?? 24 * HOUR_MS,
    resolver: block.text('resolver'),
    logPath: block.text('log_path'),
    logLevel: block.word('log_level', ['trace', 'debug', 'info', 'warn', 'error'], 'info'),
    timezone: block.text('timezone') ?? 'UTC',
    sessionKeepMs: block.number('session_keep') ?? 720 * HOUR_MS,
    actionsKeepMs,
    limits: buildLimits(block.only('limits')),
    storePath: block.only('store').only('sqlite').text('path') ?? 'clawpatrol.db',
    audit: {
      durability: audit.word('durability', ['standard', 'strict'], 'standard'),
      retentionMs: audit.number('retention') ?? actionsKeepMs,
      segmentMs: audit.number('segment') ?? 24 * HOUR_MS,
      archiveDir: audit.text('archive_dir'),
      redact: audit.texts('redact'),
      checkpoint: {
        everyMs: checkpoint.number('every') ?? 60_000,
        records: checkpoint.number('records') ?? 1000,
        key: checkpoint.text('key'),
        publish: checkpoint.text('publish'),
      },
    },
    vipSubnets: block.texts('vip_subnets'),
    wireguard: recordOf(block, 'wireguard'),
    tailscale: recordOf(block, 'tailscale'),
  };
}

function buildProxy(block: DecodedBlock, draft: Draft): ProxyConfig | null {
  const proxy = block.nested('proxy')[0];
  const listen = parseAddress(proxy?.text('listen') ?? 'off');
  const profiles = draft.all('profile').map(({ name }) => name);
  const only = profiles.length === 1 ? (profiles[0] ?? null) : null;
  const profile = proxy?.text('profile')?.replace(/^profile\./, '') ?? only;
  if (proxy === undefined || listen === null || listen === 'off' || listen.kind !== 'tcp' || profile === null) {
    return null;
  }
  return {
    listen: { host: listen.host, port: listen.port },
    profile,
    listenAllow: proxy.written('listen_allow') ? proxy.texts('listen_allow') : LOOPBACK_SOURCES,
  };
}

function buildLimits(limits: DecodedBlock): GatewayConfig['limits'] {
  return {
    bodyBufferBytes: limits.number('body_buffer') ?? 1024 ** 2,
    bodyStorageBytes: limits.number('body_storage') ?? 4096,
    headerBytes: limits.number('header_bytes') ?? 65_536,
    parked: limits.number('parked') ?? 1000,
    parkedPerDevice: limits.number('parked_per_device') ?? 50,
    connections: limits.number('connections') ?? 20_000,
    connectionsPerDevice: limits.number('connections_per_device') ?? 2000,
  };
}

function addressOf(block: DecodedBlock, name: string): ListenAddress | null {
  const address = parseAddress(block.text(name) ?? 'off');
  return address === 'off' ? null : address;
}

function recordOf(block: DecodedBlock, name: string): Readonly<Record<string, AttributeValue>> | null {
  return block.nested(name)[0]?.record() ?? null;
}
