// What operators reach of a running daemon: the control address and the dashboard's, over the same operations and the same accounts.
import type { ListenAddress } from '../config/config.ts';
import type { Operations, OperatorServer } from '../gateway/gateway.ts';
import { listenControl } from './control.ts';
import { listenDashboard } from './dashboard.ts';
import { openOperators } from './operators.ts';
import type { OperatorParts } from './routes.ts';

export interface OperatorServers {
  /** Serves the operator API on the control address. Rejects with GatewayError LISTEN_FAILED or STORE_FAILED. */
  openControl(address: ListenAddress, operations: Operations): Promise<OperatorServer>;
  /** Serves the dashboard. Rejects alike. */
  openDashboard(address: ListenAddress, operations: Operations): Promise<OperatorServer>;
}

/** The servers of one daemon. `tell` reaches whoever started it. */
export function createOperatorServers(tell: (line: string) => void): OperatorServers {
  let shared: OperatorParts | null = null;
  const partsOf = (operations: Operations): OperatorParts => {
    shared ??= describeParts(operations);
    return shared;
  };
  return {
    openControl: async (address, operations) =>
      listenControl({ ...partsOf(operations), address, ownUser: process.getuid?.() ?? null }),
    openDashboard: async (address, operations) => {
      const { live, version, health } = operations;
      const { dashboardTls } = live().config.gateway;
      const publicUrl = (): string | null => live().config.gateway.publicUrl;
      return listenDashboard({
        ...partsOf(operations),
        address,
        publicUrl,
        version,
        health,
        tls: dashboardTls ? () => operations.serverTls(namesOf(address, publicUrl())) : null,
        sessionTtlMs: () => live().config.gateway.dashboardSessionTtlMs,
        onApprovals: (listener) => operations.onApprovals(listener),
        tell,
      });
    },
  };
}

function describeParts(operations: Operations): OperatorParts {
  const { clock, stateDir, approvals, audit, secrets, ca, live, logger } = operations;
  return {
    clock,
    config: () => live().config,
    approvals,
    audit,
    secrets,
    operators: openOperators({ stateDir, clock }),
    ca: () => ca,
    knownHosts: () => operations.knownHosts(),
    status() {
      const checks = operations.status();
      return { ok: checks.every((check) => check.state !== 'fail'), checks };
    },
    reload: () => operations.reload('operator'),
    warn: (message, error) => logger.warn({ err: error }, message),
  };
}

/** Names of the leaf that browsers are shown. */
function namesOf(address: ListenAddress, publicUrl: string | null): readonly string[] {
  const listen = address.kind === 'tcp' && !/^(?:0\.0\.0\.0|::)$/.test(address.host) ? [address.host] : [];
  const named = publicUrl === null ? [] : [new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')];
  return [...new Set([...named, ...listen, 'localhost', '127.0.0.1', '::1'])];
}
