// The operator API of a running daemon: what gateway/gateway.ts opens as its control address.
import type { ListenAddress } from '../config/config.ts';
import type { ControlServer, Operations } from '../gateway/gateway.ts';
import { listenControl } from './control.ts';

/** Serves the operator API for a daemon. Rejects with GatewayError LISTEN_FAILED. */
export function openControl(address: ListenAddress, operations: Operations): Promise<ControlServer> {
  const { clock, approvals, audit, secrets, ca, live, logger } = operations;
  return listenControl({
    address,
    ownUser: process.getuid?.() ?? null,
    clock,
    config: () => live().config,
    approvals,
    audit,
    secrets,
    ca: () => ca,
    status() {
      const checks = operations.status();
      return { ok: checks.every((check) => check.state !== 'fail'), checks };
    },
    reload: () => operations.reload('operator'),
    warn: (message, error) => logger.warn({ err: error }, message),
  });
}
