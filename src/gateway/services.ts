// Builds what the daemon is made of from its parts, in the order in which they need each other. Whatever was opened is undone in the
// opposite order, each step with its own limit.
import { isAbsolute, join } from 'node:path';
import type { Claims } from '../approvals/claims.ts';
import type { Fatigue } from '../approvals/fatigue.ts';
import type { ApprovalFeed } from '../approvals/feed.ts';
import type { GrantBook } from '../approvals/grants.ts';
import type { Approvals } from '../approvals/queue.ts';
import type { Reviewer } from '../approvals/reviewer.ts';
import { loadCheckpointKey } from '../audit/keys.ts';
import { openAuditLog } from '../audit/sqlite.ts';
import type { SqliteAuditLog } from '../audit/sqlite.ts';
import type { Config } from '../config/config.ts';
import { createDeriver, deriveFrom } from '../credentials/derive.ts';
import { createDispatcher } from '../credentials/dispatch.ts';
import { loadKubernetesClient } from '../credentials/kubeconfig.ts';
import { createPostForm } from '../credentials/post-form.ts';
import { createSecretSources } from '../credentials/sources.ts';
import type { SecretSources } from '../credentials/sources.ts';
import { loadStoreKey } from '../credentials/store-key.ts';
import { openSecretStore } from '../credentials/store.ts';
import type { SecretStore } from '../credentials/store.ts';
import type { Devices } from '../devices/devices.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Jobs } from '../lib/jobs.ts';
import type { Secret } from '../lib/secret.ts';
import type { Effect, Protocol } from '../protocols/protocol.ts';
import type { Action, Agent } from '../rules/action.ts';
import { factsToJson } from '../rules/facts.ts';
import { factSchemas } from '../rules/schemas.ts';
import { describeDeciders, openApprovals, type ApprovalServices } from './approval-services.ts';
import type { BoundAddress } from './dialling/addresses.ts';
import { createAgentApi } from './agent-api/api.ts';
import { openCertificates } from './certificates.ts';
import type { Certificates } from './certificates.ts';
import type { Channels } from './channels/channels.ts';
import type { Incidents } from './channels/incidents.ts';
import { createConnections } from './arriving/connections.ts';
import type { Connections } from './arriving/connections.ts';
import { readMaxConnections } from './descriptors.ts';
import { NO_DECIDERS } from './decider-metrics.ts';
import { createDeclaredAddresses } from './dialling/declared-addresses.ts';
import { createDial, resolveHost } from './dialling/dial.ts';
import type { Dial } from './dialling/dial.ts';
import { createGate } from './judging/gate.ts';
import type { GatewayGate } from './judging/gate.ts';
import { makeHostKeys } from './known-hosts.ts';
import type { Live } from './live.ts';
import type { Logger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import { openQuarantine, QUARANTINED } from './judging/quarantine.ts';
import type { Quarantine } from './judging/quarantine.ts';
import { createRecorder } from './judging/recorder.ts';
import { createRuleHits } from './judging/rule-hits.ts';
import type { RuleHits } from './judging/rule-hits.ts';
import type { Recorder } from './judging/recorder.ts';
import { readOwnAddresses } from './dialling/own-addresses.ts';
import { prepareTransports } from './tunnel/prepare.ts';
import type { TailnetPeople } from './tailnet/people.ts';
import type { Transports } from './tunnel/transports.ts';
import type { Way } from './arriving/routing.ts';
import { reservedHosts } from './arriving/undeclared.ts';
import { createSshKeys } from './ssh-keys.ts';
import type { SshKeys } from './ssh-keys.ts';
import { resolveSecretString } from './secret-string.ts';

export interface ServiceParts {
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly stateDir: string;
  readonly logger: Logger;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly live: () => Live;
  readonly route: (key: string) => Way | null;
  /** Everything that the daemon listens on now. */
  readonly bound: () => readonly BoundAddress[];
  /** Registers what undoes a step. */
  readonly onStop: (name: string, undo: () => Promise<void> | void) => void;
  /** Trouble of the log, by kind; null when it is over. */
  readonly onAuditTrouble: (what: string, why: string | null) => void;
}

export interface Services {
  readonly audit: SqliteAuditLog;
  readonly secrets: SecretStore;
  readonly sources: SecretSources;
  readonly certificates: Certificates;
  readonly keys: SshKeys;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly approvals: Approvals;
  readonly reviewer: Reviewer;
  readonly fatigue: Fatigue;
  readonly grants: GrantBook;
  readonly feed: ApprovalFeed;
  readonly channels: Channels;
  /** What agents say of their work. */
  readonly claims: Claims;
  readonly incidents: Incidents;
  readonly quarantine: Quarantine;
  readonly hits: RuleHits;
  readonly gate: GatewayGate;
  readonly connections: Connections;
  /** The transports that agents come through, or null when none is configured; and the devices. */
  readonly tunnel: Transports | null;
  readonly devices: Devices | null;
  /** Who calls the dashboard over the tailnet, or null without one. */
  readonly people: TailnetPeople | null;
}

/** Opens the stores and builds the gate. Rejects with GatewayError. */
export async function openServices(parts: ServiceParts): Promise<Services> {
  const { clock, env, stateDir, logger } = parts;
  const storeKey = loadStoreKey({ stateDir, env });
  if (storeKey.source === 'state-dir') {
    logger.warn(
      { created: storeKey.created },
      'the store key lies in the state directory: whoever copies the directory has it; give it in CLAWPATROL_STORE_KEY or as a systemd credential',
    );
  }
  const secrets = openSecretStore({ stateDir, key: storeKey.key, clock });
  const audit = await openAudit(parts, secrets, storeKey.key);
  parts.onStop('the audit log', () => audit.close());
  const certificates = await openCertificates({ stateDir, storeKey: storeKey.key, clock });
  const keys = createSshKeys({ stateDir, storeKey: storeKey.key });
  makeHostKeys(parts.live().config.endpoints, keys);
  const configured = createSecretSources({
    clock,
    env: () => env,
    store: secrets,
    warn: (message) => logger.warn({}, message),
  });
  for (const credential of parts.live().config.credentials) {
    const why = await configured.findMissing(credential);
    if (why !== null) {
      logger.warn({ credential: credential.ref }, `${why}; until then what needs it is refused`);
    }
  }
  if (parts.live().config.credentials.some(({ type }) => type === 'kubeconfig_credential')) {
    await loadKubernetesClient();
  }
  const sources = deriveFrom(configured, createDeriver({ clock, env: () => env, post: createPostForm(clock) }));
  const secretString = (text: string, what: string): Secret =>
    resolveSecretString(text, what, { env, findStored: (name) => secrets.find(name, '') });
  const opened = { audit, secretString, sources, certificates, keys, storeKey: storeKey.key };
  return { audit, secrets, sources, certificates, keys, ...(await createCore(parts, opened)) };
}

function openAudit(
  { clock, jobs, env, stateDir, live, onAuditTrouble }: ServiceParts,
  secrets: SecretStore,
  storeKey: Buffer,
): Promise<SqliteAuditLog> {
  const { storePath, audit } = live().config.gateway;
  const { everyMs, records, key, publish } = audit.checkpoint;
  const configured =
    key === null
      ? null
      : resolveSecretString(key, 'audit.checkpoint.key', {
          env,
          findStored: (name) => secrets.find(name, ''),
        }).reveal();
  return openAuditLog({
    path: isAbsolute(storePath) ? storePath : join(stateDir, storePath),
    clock,
    jobs,
    key: loadCheckpointKey({ stateDir, storeKey, configured }),
    checkpoint: { everyMs, records, publish },
    retention: () => {
      const { retentionMs, segmentMs, archiveDir } = live().config.gateway.audit;
      return { retentionMs, segmentMs, archiveDir: archiveDir ?? join(stateDir, 'archive') };
    },
    onTrouble: ({ what, why }) => onAuditTrouble(what, why),
  });
}

interface Opened {
  readonly audit: SqliteAuditLog;
  readonly secretString: (text: string, what: string) => Secret;
  readonly sources: SecretSources;
  readonly certificates: Certificates;
  readonly keys: SshKeys;
  readonly storeKey: Buffer;
}

type Core = Omit<Services, 'audit' | 'secrets' | 'sources' | 'certificates' | 'keys'>;

/** What is made after those who need it. */
interface Later {
  gate: GatewayGate | null;
  connections: Connections | null;
  asking: ApprovalServices | null;
  tunnel: Transports | null;
  devices: Devices | null;
}

function openMetrics({ live }: ServiceParts, audit: SqliteAuditLog, later: Later): Metrics {
  return createMetrics({
    audit: () => audit.metrics(),
    parked: () => later.gate?.parked ?? 0,
    revision: () => live().config.revision,
    deciders: () => (later.asking === null ? NO_DECIDERS : describeDeciders(later.asking)),
    tunnels: () => later.tunnel?.states ?? [],
  });
}

/** The gate and what hangs on it. */
async function createCore(parts: ServiceParts, opened: Opened): Promise<Core> {
  const { audit } = opened;
  const { clock, logger, live, protocols } = parts;
  // The gate, the queue and the connections need each other; these two are set before anything can ask for them.
  const later: Later = { gate: null, connections: null, asking: null, tunnel: null, devices: null };
  const metrics = openMetrics(parts, audit, later);
  const recorder = createRecorder({ audit, clock });
  parts.onStop('summaries of denials', () => recorder.flush());
  const dial = createDial({ clock, resolver: () => live().config.gateway.resolver, bound: parts.bound });
  const asking = await openApprovals({
    clock,
    jobs: parts.jobs,
    audit,
    live,
    dial,
    sources: opened.sources,
    secretString: opened.secretString,
    onStop: parts.onStop,
    metrics,
    logger,
    measure: (action, signal) => measure(action, signal, { protocols, live, dial, connections: later.connections }),
  });
  const { approvals, claims, incidents, contextOf } = asking;
  later.asking = asking;
  const quarantine = openQuarantine(parts.stateDir);
  const hits = createRuleHits(clock);
  const gate = createGate({
    clock,
    audit,
    approvals,
    recorder,
    metrics,
    quarantine,
    departed: (agent) => hasDeparted(agent, later),
    hits,
    schemas: factSchemas,
    live,
    factsToJson,
    contextOf,
    claims,
    contextSettled: (agent) => incidents.settled(agent),
    objectionTo: (agent) => incidents.objectionTo(agent),
    onFault: (error, action) =>
      logger.error({ err: error, action: action.id, endpoint: action.endpoint.ref }, 'an action could not be judged'),
  });
  const prepared = await prepareTransports({ ...parts, ...opened, metrics, recorder, quarantine });
  const tunnel = prepared?.transports ?? null;
  const core = { metrics, recorder, gate, quarantine, tunnel };
  const connections = openConnections(parts, opened, { ...core, dial, asking });
  enforceQuarantine(quarantine, gate, connections);
  later.gate = gate;
  later.connections = connections;
  later.tunnel = tunnel;
  prepared?.follow(connections);
  const devices = prepared?.devices ?? null;
  later.devices = devices;
  followDevices(later, asking, gate);
  return { ...core, ...asking, hits, connections, devices, people: prepared?.people ?? null };
}

/** Who is gone has said nothing, and nothing is asked in their name any more, nor granted to whoever comes next with their name. */
function followDevices(
  later: Later,
  { claims, grants }: Pick<ApprovalServices, 'claims' | 'grants'>,
  gate: Pick<GatewayGate, 'policyChanged'>,
): void {
  const { devices } = later;
  if (devices === null) {
    return;
  }
  const isGone = ({ device }: { readonly device: string }): boolean =>
    !device.startsWith('listener/') && devices.registry.find(device)?.name !== device;
  const forget = (): void => {
    claims.forget((agent) => hasDeparted(agent, later));
    grants.endOf(isGone, 'its device was revoked or has another name');
  };
  // Some were gone before this process, and said something the day before.
  forget();
  devices.runs.onChange(({ endedMs }) => {
    if (endedMs !== null) {
      forget();
      gate.policyChanged();
    }
  });
  devices.registry.onChange(() => {
    forget();
    gate.policyChanged();
  });
}

/** Connections end with their device; what an agent left to be fetched later has none. */
function hasDeparted(agent: Agent, { devices, tunnel }: Pick<Later, 'devices' | 'tunnel'>): boolean {
  const { transport, device, profile, run, ip } = agent;
  if (devices === null || transport === 'direct') {
    return false;
  }
  const known = devices.registry.find(device);
  if (transport === 'tailscale') {
    // Who has not come since the start is not known to be gone; an operator's choice of profile is known all the same.
    const now = tunnel?.identify(ip) ?? null;
    const profileNow = now?.device === device ? now.profile : known?.profile === '' ? profile : known?.profile;
    return known?.name !== device || profileNow !== profile;
  }
  return known?.name !== device || known.profile !== profile || (run !== '' && devices.runs.find(run) === null);
}

/** In force from the next action on; what waits is taken back, and what is under way ends. */
function enforceQuarantine(quarantine: Quarantine, gate: GatewayGate, connections: Connections): void {
  quarantine.onChange(() => {
    gate.policyChanged();
    connections.endOf((agent) => quarantine.find(agent) !== null, QUARANTINED);
  });
}

function openConnections(
  parts: ServiceParts,
  { audit, secretString, sources, certificates, keys }: Opened,
  core: Pick<Core, 'metrics' | 'recorder' | 'gate' | 'quarantine' | 'tunnel'> & {
    readonly dial: Dial;
    readonly asking: ApprovalServices;
  },
): Connections {
  const { live, logger } = parts;
  const { approvals, claims, incidents, contextOf } = core.asking;
  const resolve = (host: string): Promise<readonly string[]> => resolveHost(host, live().config.gateway.resolver);
  return createConnections({
    ...parts,
    ...core,
    contextOf,
    agentApi: createAgentApi({
      ...parts,
      audit,
      claims,
      incidents,
      contextOf,
      pending: () => approvals.pending(),
      caPem: () => certificates.ca.pem,
      fingerprint: () => certificates.ca.fingerprint,
      onFault: (error) => logger.error({ err: error }, 'a request to the gateway itself could not be answered'),
    }),
    strangers: {
      resolve,
      own: () => readOwnAddresses(live().config),
      declared: createDeclaredAddresses({
        clock: parts.clock,
        hosts: () => reservedHosts(live().config),
        resolve: (host) => resolve(host).catch(noneIfAbsent),
      }),
    },
    audit,
    certificates,
    keys,
    credentials: createDispatcher({ config: () => live().config, sources }),
    secretString,
    maxConnections: limitConnections(live().config, logger),
  });
}

/** A name that does not exist has no addresses; whatever else went wrong, they are not known. */
function noneIfAbsent(error: unknown): readonly string[] {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOTFOUND' || code === 'ENODATA') {
    return [];
  }
  throw error;
}

/** What a parked action would do, asked of its protocol over a connection of its own. */
async function measure(
  action: Action,
  signal: AbortSignal,
  {
    protocols,
    live,
    dial,
    connections,
  }: {
    readonly protocols: ReadonlyMap<string, Protocol>;
    readonly live: () => Live;
    readonly dial: Dial;
    readonly connections: Connections | null;
  },
): Promise<Effect | null> {
  const config = live().endpoints.get(action.endpoint.ref);
  const upstream = config?.hosts[0];
  const protocol = protocols.get(action.endpoint.type);
  if (config === undefined || upstream === undefined || config.tunnel !== null || protocol?.measure === undefined) {
    return null;
  }
  return protocol.measure(action, {
    config,
    dial: (dialSignal) => dial(upstream, dialSignal),
    credential: connections?.credentialOf(action.session) ?? null,
    signal,
  });
}

/** Warns when the system allows fewer connections than the configuration. */
function limitConnections(config: Config, logger: Logger): number {
  const allowed = readMaxConnections();
  if (allowed < config.gateway.limits.connections) {
    logger.warn(
      { allowed, configured: config.gateway.limits.connections },
      'the limit of open files allows fewer connections than limits.connections; raise it (LimitNOFILE, ulimit -n)',
    );
  }
  return allowed;
}

/** Runs an undoing step within its limit; what goes wrong is told and does not stop the next one. */
export async function runWithin(
  step: { readonly name: string; readonly undo: () => Promise<void> | void },
  limitMs: number,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger | null },
): Promise<boolean> {
  let timer: Timer | null = null;
  const deadline = new Promise<'late'>((resolve) => {
    timer = clock.after(limitMs, () => resolve('late'));
  });
  try {
    const result = await Promise.race([Promise.resolve(step.undo()), deadline]).finally(() => timer?.cancel());
    if (result === 'late') {
      logger?.error({ limitMs }, `stopping ${step.name} took too long`);
      return false;
    }
    return true;
  } catch (error) {
    logger?.error({ err: error }, `stopping ${step.name} failed: ${messageOf(error)}`);
    return false;
  }
}
