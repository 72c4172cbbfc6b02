// What `status`, `/readyz` and the log say about the daemon's health. Pure.
import type { AuditMetrics } from '../audit/log.ts';
import type { Deciders } from './decider-metrics.ts';
import type { Live } from './live.ts';
import type { Phase } from './phase.ts';
import type { JobState } from '../lib/jobs.ts';
import type { TransportState } from './tunnel/transports.ts';

/** One line of `status`. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do; "" when it is ok. */
  readonly fix: string;
}

export interface StatusSources {
  readonly phase: Phase;
  readonly live: Live;
  readonly audit: AuditMetrics;
  /** What is wrong with the end of the log, or null. */
  readonly auditFinding: string | null;
  /** Trouble that the log's own work has told, by kind. */
  readonly auditTroubles: ReadonlyMap<string, string>;
  readonly freeBytes: number | null;
  readonly connections: number;
  readonly parked: number;
  /** The last reload that was refused, when nothing has been loaded since. */
  readonly refusedReload: string | null;
  readonly restartNeeded: readonly string[];
  /** Endpoint types that this version serves. */
  readonly served: ReadonlySet<string>;
  /** Milliseconds since the configuration's files were last looked at. */
  readonly lookedAgoMs: number;
  readonly deciders: Deciders;
  /** The recurring work of this process. */
  readonly jobs: readonly JobState[];
  /** How the transports stand that agents come through. */
  readonly tunnels: readonly TransportState[];
}

/** Below this the disk counts as full: the store needs room for its journal. */
const DISK_FLOOR_BYTES = 64 * 1024 * 1024;
/** Looks happen every few seconds; one that is this late has stopped. */
const LOOK_LATE_MS = 30_000;

/** Names of what is not ready, in fixed words; none = ready. */
export function findUnready(sources: StatusSources): readonly string[] {
  const failing: string[] = [];
  if (sources.phase !== 'running') {
    failing.push(sources.phase);
  }
  if (sources.audit.stalled) {
    failing.push('store');
  }
  if (sources.auditFinding !== null) {
    failing.push('audit');
  }
  if (sources.auditTroubles.has('retention')) {
    failing.push('archive');
  }
  if (sources.freeBytes !== null && sources.freeBytes < DISK_FLOOR_BYTES) {
    failing.push('disk');
  }
  if (sources.tunnels.some(({ trouble }) => trouble !== null)) {
    failing.push('tunnel');
  }
  return failing;
}

/** Every check, the failed ones too. */
export function describeStatus(sources: StatusSources): readonly Check[] {
  return [
    checkPhase(sources),
    checkConfiguration(sources),
    checkAudit(sources),
    checkDisk(sources),
    ...sources.tunnels.map(checkTunnel),
    ...checkEndpoints(sources),
    ok('connections', `${sources.connections} open, ${sources.parked} waiting for approval`),
    ...checkDeciders(sources.deciders),
    ...sources.jobs.map(checkJob),
  ];
}

function checkPhase({ phase }: StatusSources): Check {
  return phase === 'running' ? ok('gateway', phase) : { name: 'gateway', state: 'warn', detail: phase, fix: '' };
}

function checkConfiguration({ live, refusedReload, restartNeeded, lookedAgoMs }: StatusSources): Check {
  const revision = `revision ${live.config.revision.slice(0, 12)}`;
  if (refusedReload !== null) {
    const fix = 'correct the file; it is tried again when it changes';
    return {
      name: 'configuration',
      state: 'warn',
      detail: `${revision}; the last reload was refused: ${refusedReload}`,
      fix,
    };
  }
  if (restartNeeded.length > 0) {
    const detail = `${revision}; not in force until a restart: ${restartNeeded.join(', ')}`;
    return { name: 'configuration', state: 'warn', detail, fix: 'restart the gateway' };
  }
  if (lookedAgoMs > LOOK_LATE_MS) {
    const detail = `${revision}; its files were not looked at for ${Math.round(lookedAgoMs / 1000)} s`;
    return { name: 'configuration', state: 'warn', detail, fix: 'reload with SIGHUP, and report this' };
  }
  return ok('configuration', revision);
}

function checkAudit({ audit, auditFinding, auditTroubles }: StatusSources): Check {
  const head = `${audit.headSeq} records`;
  if (audit.stalled) {
    const fix = 'free space or repair the disk of the state directory; traffic waits until records can be written';
    return { name: 'audit', state: 'fail', detail: `${head}; records cannot be written`, fix };
  }
  if (auditFinding !== null) {
    return { name: 'audit', state: 'fail', detail: auditFinding, fix: 'run: clawpatrol audit verify' };
  }
  const [trouble] = auditTroubles;
  return trouble === undefined
    ? ok('audit', head)
    : { name: 'audit', state: 'warn', detail: `${head}; ${trouble[0]}: ${trouble[1]}`, fix: 'see the log' };
}

function checkDisk({ freeBytes }: StatusSources): Check {
  if (freeBytes === null) {
    return { name: 'disk', state: 'warn', detail: 'free space is not known', fix: '' };
  }
  const detail = `${Math.round(freeBytes / 1024 / 1024)} MiB free at the state directory`;
  return freeBytes < DISK_FLOOR_BYTES
    ? { name: 'disk', state: 'fail', detail, fix: 'free some space' }
    : ok('disk', detail);
}

function checkTunnel({ name: transport, kind, trouble, peers, lastHandshakeMs }: TransportState): Check {
  const name = transport === 'wireguard' ? 'tunnel' : transport;
  if (trouble !== null) {
    const fix = 'restart the gateway if it does not come back by itself; see the log';
    return { name, state: 'fail', detail: `nothing comes through it: ${trouble}`, fix };
  }
  if (transport === 'tailscale') {
    return ok(name, `${kind}, ${peers} nodes were heard`);
  }
  const how = kind === 'kernel' ? "the kernel's WireGuard" : 'wireguard-go';
  const heard =
    lastHandshakeMs === null ? 'none was heard' : `the last was heard ${new Date(lastHandshakeMs).toISOString()}`;
  return ok(name, `${how}, ${peers} peers, ${heard}`);
}

function checkEndpoints({ live, served }: StatusSources): readonly Check[] {
  return live.config.endpoints.map((endpoint) =>
    served.has(endpoint.type)
      ? ok(endpoint.ref, endpoint.listen === null ? 'no listener' : 'served')
      : {
          name: endpoint.ref,
          state: 'warn',
          detail: `type ${endpoint.type} is not served by this version: connections are refused`,
          fix: '',
        },
  );
}

/** Reviewer models that were asked, and people who have stopped reading. */
function checkDeciders({ reviewers, approvers }: Deciders): readonly Check[] {
  const models = reviewers.map((one): Check => {
    const spent = one.hourTokens >= one.hourlyTokens * NEARLY_SPENT;
    const tokens = `${one.hourTokens} of ${one.hourlyTokens} tokens this hour`;
    const detail = `${one.reviews} reviews, ${one.failed} without an answer, ${tokens}`;
    const fix = spent ? 'raise hourly_tokens, or let rules decide more of it' : 'see the last trouble, and the log';
    // One failure among many is no trouble; when most fail, nobody reviews.
    return spent || one.failed * 2 > one.reviews
      ? { name: one.approver, state: 'warn', detail: `${detail}; last trouble: ${one.lastTrouble}`, fix }
      : ok(one.approver, detail);
  });
  const tired = approvers
    .filter((one) => one.tired)
    .map((one): Check => ({
      name: `approver ${one.name}`,
      state: 'warn',
      detail: `approved ${one.lastApproved} of the last ${one.lastDecided}, in ${(one.medianMs / 1000).toFixed(1)} s each (median)`,
      fix: 'ask for less: a rule for what is always approved, or on_fatigue = "second_approver"',
    }));
  return [...models, ...tired];
}

/** Work that has stopped, or fails each time, is told; readiness is the business of what the work is for. */
function checkJob({ name, everyMs, lastRunMs, lastError, late }: JobState): Check {
  const last = lastRunMs === null ? 'never' : new Date(lastRunMs).toISOString();
  const detail = `last run ${last}, every ${Math.round(everyMs / 100) / 10} s`;
  if (late) {
    const fix = 'it has stopped: restart the gateway, and report this';
    return { name: `job: ${name}`, state: 'warn', detail: `${detail}; it is overdue`, fix };
  }
  return lastError === null
    ? ok(`job: ${name}`, detail)
    : { name: `job: ${name}`, state: 'warn', detail: `${detail}; failed: ${lastError}`, fix: 'see the log' };
}

/** Share of the hour's tokens from which on it is told. */
const NEARLY_SPENT = 0.95;

function ok(name: string, detail: string): Check {
  return { name, state: 'ok', detail, fix: '' };
}
