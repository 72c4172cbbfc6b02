// What operators reach of a running daemon: the control address and the dashboard's, over the same operations and the same accounts.
import type { ListenAddress } from '../config/config.ts';
import { formatHostPort } from '../config/hosts.ts';
import type { People, Person } from '../gateway/channels/parts.ts';
import type { Operations, OperatorServer } from '../gateway/gateway.ts';
import { GatewayError } from '../lib/errors.ts';
import { listenControl } from './control.ts';
import { listenDashboard } from './dashboard.ts';
import { placeholdersOf } from '../credentials/pushdown.ts';
import type { JoinParts, ReachableEndpoint } from './join-routes.ts';
import { createTurnedAway } from './turned-away.ts';
import { listenJoin } from './join-server.ts';
import { openOperators, principalOf, type Operator, type Operators } from './operators.ts';
import { mayDo } from './roles.ts';
import type { WholeParts } from './api.ts';
import { timeText } from './shapes.ts';

export interface OperatorServers {
  /** Serves the operator API on the control address. Rejects with GatewayError LISTEN_FAILED or STORE_FAILED. */
  openControl(address: ListenAddress, operations: Operations): Promise<OperatorServer>;
  /** Serves the dashboard. Rejects alike. */
  openDashboard(address: ListenAddress, operations: Operations): Promise<OperatorServer>;
  /** Serves machines that want to be let in. Rejects alike. */
  openJoin(name: string, address: ListenAddress, operations: Operations): Promise<OperatorServer>;
}

/** The servers of one daemon. `tell` reaches whoever started it. */
export function createOperatorServers(tell: (line: string) => void): OperatorServers {
  let shared: WholeParts | null = null;
  const partsOf = (operations: Operations): WholeParts => {
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
        channels: operations.channels,
        people: operations.people,
        join: live().config.gateway.enrollListen === null ? joinParts(operations) : null,
        enrolListen: live().config.gateway.enrollListen,
        tell,
      });
    },
    async openJoin(name, address, operations) {
      const { clock, health, live, logger } = operations;
      const parts = joinParts(operations);
      if (parts === null) {
        throw new GatewayError(
          'CONFIG_INVALID',
          'operator',
          'enroll_listen lets devices in, and there is no wireguard { } block for them',
        );
      }
      return listenJoin({
        ...parts,
        name: `${name}_listen`,
        address,
        clock,
        health,
        tls: () => operations.serverTls(namesOf(address, live().config.gateway.publicUrl)),
        warn: (message, error) => logger.warn({ err: error }, message),
      });
    },
  };
}

/** What machines may ask; null where there is no tunnel to let them into. */
function joinParts(operations: Operations): JoinParts | null {
  const { clock, devices, ca, live, audit, claims, connections, logger, approvals } = operations;
  const warn = (message: string, error: unknown): void => logger.warn({ err: error }, message);
  const turnedAway = createTurnedAway({ clock, audit, warn }, 'the address for machines');
  const tunnel = devices?.tunnel ?? null;
  return devices === null || tunnel === null
    ? null
    : {
        clock,
        devices: { ...devices, tunnel },
        claims,
        acceptRun: (asked, take) => connections.acceptRun(asked, take),
        turnedAway,
        endpointsOf: (profile) => endpointsOf(profile, operations),
        caPem: () => ca.pem,
        fingerprint: () => ca.fingerprint,
        publicUrl: () => live().config.gateway.publicUrl,
        placeholdersOf(name) {
          const profile = live().profiles.get(name);
          return profile === undefined ? {} : placeholdersOf(live().config, profile);
        },
        revision: () => live().config.revision,
        hasProfile: (name) => live().profiles.has(name),
        countPending: (device) => approvals.pending().filter(({ agent }) => agent.device === device).length,
        record: async (event) => {
          await audit.appendDurable(event);
        },
      };
}

/** Those that a profile reaches, as machines are told of them. */
function endpointsOf(profile: string, operations: Operations): readonly ReachableEndpoint[] {
  const policy = operations.live();
  const reached = policy.config.endpoints.filter(({ ref }) => policy.reaches(profile, ref));
  const keys = reached.some(({ type }) => type === 'ssh') ? operations.knownHosts() : [];
  return reached.map(({ name, type, ref, hosts }) => ({
    name,
    type,
    hosts: hosts.filter(({ wildcard }) => !wildcard).map(({ host, port }) => formatHostPort(host, port)),
    knownHosts: keys.filter(({ endpoint }) => endpoint === ref).map(({ names, key }) => `${names.join(',')} ${key}`),
  }));
}

function describeParts(operations: Operations): WholeParts {
  const { clock, stateDir, approvals, audit, secrets, ca, quarantine, hits, connections } = operations;
  const { live, logger } = operations;
  const operators = openOperators({ stateDir, clock });
  operations.channels.usePeople(peopleOf(operators));
  return {
    clock,
    config: () => live().config,
    approvals,
    reviewer: operations.reviewer,
    fatigue: operations.fatigue,
    grants: operations.grants,
    incidents: operations.incidents,
    audit,
    secrets,
    operators,
    quarantine,
    hits,
    connections,
    ca: () => ca,
    knownHosts: () => operations.knownHosts(),
    devices: operations.devices,
    status() {
      const checks = operations.status();
      const jobs = operations.jobs().map((job) => ({
        name: job.name,
        every_ms: job.everyMs,
        last_run: job.lastRunMs === null ? null : timeText(job.lastRunMs),
        last_error: job.lastError,
        overdue: job.late,
      }));
      return { ok: checks.every((check) => check.state !== 'fail'), checks, jobs };
    },
    reload: () => operations.reload('operator'),
    warn: (message, error) => logger.warn({ err: error }, message),
  };
}

function personOf(operator: Operator): Person {
  const { name, aliases, scope } = principalOf(operator, 'dashboard');
  const { role } = operator;
  return { name, aliases, scope, decides: mayDo(role, 'approver'), admin: mayDo(role, 'admin') };
}

/** The operators as channels look them up. */
export function peopleOf(operators: Pick<Operators, 'list' | 'find'>): People {
  return {
    findBySlack(id) {
      const [first, ...others] = operators.list().filter(({ slack }) => slack !== '' && slack === id);
      return first === undefined || others.length > 0 ? null : personOf(first);
    },
    findByName(name) {
      const operator = operators.find(name);
      return operator === null ? null : personOf(operator);
    },
    all: () => operators.list().map(personOf),
  };
}

/** Names of the leaf that browsers are shown. */
function namesOf(address: ListenAddress, publicUrl: string | null): readonly string[] {
  const listen = address.kind === 'tcp' && !/^(?:0\.0\.0\.0|::)$/.test(address.host) ? [address.host] : [];
  const named = publicUrl === null ? [] : [new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')];
  return [...new Set([...named, ...listen, 'localhost', '127.0.0.1', '::1'])];
}
