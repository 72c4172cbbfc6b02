// Which changed attributes a reload cannot bring into force (config reference 7.4). Pure.
import type { Config, GatewayConfig } from '../../config/config.ts';
import type { Diagnostic } from '../../config/diagnostic.ts';

const FIXED: readonly (readonly [string, (gateway: GatewayConfig) => unknown])[] = [
  ['state_dir', (gateway) => gateway.stateDir],
  ['store', (gateway) => gateway.storePath],
  ['wireguard', (gateway) => gateway.wireguard],
  ['tailscale', (gateway) => gateway.tailscale],
  ['dashboard_listen', (gateway) => gateway.dashboardListen],
  ['dashboard_tls', (gateway) => gateway.dashboardTls],
  ['control_listen', (gateway) => gateway.controlListen],
  ['enroll_listen', (gateway) => gateway.enrollListen],
  ['metrics_listen', (gateway) => gateway.metricsListen],
  ['vip_subnets', (gateway) => gateway.vipSubnets],
  ['audit.checkpoint.key', (gateway) => gateway.audit.checkpoint.key],
];

/**
 * The configuration with the networks of the tunnel that stands: what reads them must not be told of others, which are nowhere until a restart.
 * Of `tailscale` only its operators are read anew, and one who was taken out is out at once.
 */
export function keepTunnel(started: Config, next: Config): Config {
  const { wireguard, vipSubnets } = started.gateway;
  return { ...next, gateway: { ...next.gateway, wireguard, vipSubnets } };
}

/** A warning for each attribute that differs from what the daemon was started with. */
export function findRestartNeeded(started: Config, next: Config, file: string): readonly Diagnostic[] {
  return FIXED.filter(([, read]) => JSON.stringify(read(started.gateway)) !== JSON.stringify(read(next.gateway))).map(
    ([name]) => ({
      at: { file, line: 1, column: 1, endLine: 1, endColumn: 1 },
      severity: 'warning',
      code: 'restart-needed',
      message: `gateway.${name} changed, which a reload does not bring into force`,
      fix: 'restart the gateway; everything else of this configuration is in force',
    }),
  );
}
