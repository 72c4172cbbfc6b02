// The daemon: start, reload, stop, status. Start undoes itself when a step fails; a reload is all or nothing; a stop drains.
import { join, resolve } from 'node:path';
import type { SecureContext } from 'node:tls';
import type { ApprovalFeed } from '../approvals/feed.ts';
import { createEvent } from '../audit/event.ts';
import type { Config, ListenAddress } from '../config/config.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import { formatHostPort } from '../config/hosts.ts';
import type { LoadOptions, LoadResult } from '../config/load.ts';
import type { Devices } from '../devices/devices.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { createJobs } from '../lib/jobs.ts';
import type { JobState, Jobs } from '../lib/jobs.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { BoundAddress } from './dialling/addresses.ts';
import type { CertificateAuthority } from './certificates.ts';
import type { Channels } from './channels/channels.ts';
import type { Incidents } from './channels/incidents.ts';
import type { Connections } from './arriving/connections.ts';
import { watchConfig } from './reloading/config-watch.ts';
import type { ConfigWatch } from './reloading/config-watch.ts';
import { openHealthServer } from './health.ts';
import type { HealthParts } from './health.ts';
import { describeKnownHosts } from './known-hosts.ts';
import type { KnownHost } from './known-hosts.ts';
import { createListeners } from './arriving/listeners.ts';
import type { Listeners } from './arriving/listeners.ts';
import { createLive } from './live.ts';
import type { Live } from './live.ts';
import { createLogger } from './logger.ts';
import type { GatewayLogger, LogLevel } from './logger.ts';
import { createServiceManager } from './notify.ts';
import type { ServiceManager } from './notify.ts';
import { mayMove } from './phase.ts';
import type { Phase } from './phase.ts';
import type { Quarantine } from './judging/quarantine.ts';
import { createReloader } from './reloading/reload.ts';
import type { Reloader, ReloadResult } from './reloading/reload.ts';
import type { RuleHits } from './judging/rule-hits.ts';
import { createRoutes } from './arriving/routing.ts';
import { openServices, runWithin } from './services.ts';
import type { Services } from './services.ts';
import { chooseStateDir, openStateDir, readFreeBytes } from './state-dir.ts';
import type { StateDir } from './state-dir.ts';
import type { TailnetPeople } from './tailnet/people.ts';
import { describeDeciders } from './approval-services.ts';
import { describeStatus, findUnready } from './status.ts';
import type { Check, StatusSources } from './status.ts';

/** From SIGTERM on: sessions may finish what is in flight; then they are ended. Together with the steps after it under 30 s. */
const DRAIN_MS = 20_000;
const ABORT_MS = 3_000;
const STEP_MS = 3_000;

/** A configuration that did not load, with everything that was found. */
export class ConfigError extends GatewayError {
  readonly diagnostics: readonly Diagnostic[];

  constructor(message: string, diagnostics: readonly Diagnostic[]) {
    super('CONFIG_INVALID', 'operator', message);
    this.name = 'ConfigError';
    this.diagnostics = diagnostics;
  }
}

/** What the operator API may ask of the daemon. */
export interface Operations extends Pick<
  Services,
  'approvals' | 'reviewer' | 'fatigue' | 'grants' | 'audit' | 'secrets' | 'claims'
> {
  readonly clock: Clock;
  readonly version: string;
  readonly stateDir: string;
  readonly ca: CertificateAuthority;
  /** What agents' SSH clients need to trust; makes host keys that are missing. */
  knownHosts(): readonly KnownHost[];
  readonly quarantine: Quarantine;
  readonly hits: RuleHits;
  readonly connections: Pick<Connections, 'list' | 'acceptRun'>;
  readonly channels: Channels;
  readonly incidents: Incidents;
  readonly live: () => Live;
  readonly logger: GatewayLogger;
  /** What is said to everybody who may ask, on the metrics address and the dashboard's. */
  readonly health: HealthParts;
  /** Devices, or null without a tunnel for them. */
  readonly devices: Devices | null;
  /** Who calls the dashboard over the tailnet, or null without one. */
  readonly people: TailnetPeople | null;
  /** Server side of TLS with a leaf of the gateway's own authority. */
  serverTls(names: readonly string[]): Promise<SecureContext>;
  /** Calls when a request was parked, voted on or decided, until what it returns is called. */
  onApprovals(listener: Parameters<ApprovalFeed['onChange']>[0]): () => void;
  status(): readonly Check[];
  /** The recurring work of this process. */
  jobs(): readonly JobState[];
  reload(trigger: string): Promise<ReloadResult>;
}

/** A server for operators. */
export interface OperatorServer {
  /** As in the `ready` line. */
  readonly address: string;
  /** As bound, so that nobody is led there; null on a Unix socket. */
  readonly bound: BoundAddress | null;
  close(): Promise<void>;
}

export interface GatewayParts {
  readonly configPath: string;
  /** `--state-dir`, or null. */
  readonly stateDir: string | null;
  /** `--log-level`, or null: the configuration's. */
  readonly logLevel: LogLevel | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
  readonly protocols: ReadonlyMap<string, Protocol>;
  /** config/load.ts, or a test's. */
  readonly load: (path: string, options: LoadOptions) => Promise<LoadResult>;
  /** Serves the operator API. Rejects with GatewayError LISTEN_FAILED. */
  readonly openControl: (address: ListenAddress, operations: Operations) => Promise<OperatorServer>;
  /** Serves the dashboard. Rejects with GatewayError LISTEN_FAILED. */
  readonly openDashboard: (address: ListenAddress, operations: Operations) => Promise<OperatorServer>;
  /** Serves machines that want to be let in, over TLS; `name` is the attribute that asks for it. Rejects alike. */
  readonly openJoin: (name: string, address: ListenAddress, operations: Operations) => Promise<OperatorServer>;
  /** Findings of a load that succeeded, for stderr. */
  readonly onWarnings: (diagnostics: readonly Diagnostic[]) => void;
}

export interface Gateway {
  /** Resolves with the `ready` line when everything is bound. Rejects with GatewayError (ConfigError for a bad configuration), all undone. */
  start(): Promise<string>;
  /** Never rejects. `trigger` is for the record: `SIGHUP`, `files`, an operator. */
  reload(trigger: string): Promise<ReloadResult>;
  /** Drains and stops. Never rejects. Safe to call at any time, and again. */
  stop(): Promise<void>;
  status(): readonly Check[];
  reopenLog(): void;
  /** Something that nobody caught: it is logged, and the gateway drains and stops as failed, since its state is not known any more. */
  fault(error: unknown): void;
  /** Resolves when the daemon has stopped: null, or what went wrong in a way that loses records. */
  readonly stopped: Promise<unknown>;
}

/** A gateway that has not been started. */
export function createGateway(parts: GatewayParts): Gateway {
  return new Daemon(parts);
}

interface Undo {
  readonly name: string;
  readonly undo: () => Promise<void> | void;
}

/** What a started daemon holds. */
interface Running {
  readonly stateDir: string;
  readonly services: Services;
  readonly listeners: Listeners;
  readonly reloader: Reloader;
}

class Daemon implements Gateway {
  readonly stopped: Promise<unknown>;
  readonly #parts: GatewayParts;
  readonly #jobs: Jobs;
  readonly #manager: ServiceManager;
  readonly #undo: Undo[] = [];
  readonly #auditTroubles = new Map<string, string>();
  #phase: Phase = 'created';
  #live: Live | null = null;
  #routes: ReturnType<typeof createRoutes> = new Map();
  #running: Running | null = null;
  #logger: GatewayLogger | null = null;
  #watch: ConfigWatch | null = null;
  #watched: readonly string[] = [];
  #ownPorts: readonly BoundAddress[] = [];
  #starting: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  #broken: unknown = null;
  #resolveStopped: (broken: unknown) => void = () => {};

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#jobs = createJobs(parts.clock);
    this.#manager = createServiceManager({ env: parts.env, jobs: this.#jobs });
    this.stopped = new Promise((resolveStopped) => {
      this.#resolveStopped = resolveStopped;
    });
  }

  start(): Promise<string> {
    this.#move('starting');
    const starting = this.#start();
    this.#starting = starting.catch(() => {});
    return starting;
  }

  async #start(): Promise<string> {
    try {
      const line = await this.#open();
      this.#move('running');
      this.#manager.ready(line);
      return line;
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  /** Everything up to the moment when clients may come. */
  async #open(): Promise<string> {
    const { clock, env, protocols } = this.#parts;
    const live = await this.#loadFirst();
    this.#live = live;
    const held = this.#openStateDir(live.config);
    const stateDir = held.path;
    const logger = this.#openLog(live.config);
    held.warnings.forEach((warning) => logger.warn({}, warning));
    const services = await openServices({
      clock,
      jobs: this.#jobs,
      env,
      version: this.#parts.version,
      stateDir,
      logger,
      protocols,
      live: () => this.#getLive(),
      route: (key) => this.#routes.get(key) ?? null,
      bound: () => [...(this.#running?.listeners.bound.values() ?? []), ...this.#ownPorts],
      onStop: (name, undo) => this.#undo.push({ name, undo }),
      onAuditTrouble: (what, why) => this.#noteAuditTrouble(what, why),
    });
    const listeners = createListeners({
      clock,
      onSocket: (socket, key) => {
        if (this.#phase === 'running') {
          services.connections.accept(socket, key);
        } else {
          socket.destroy();
        }
      },
      onExhausted: (name, error) => logger.error({ err: error, listener: name }, 'no connection could be accepted'),
    });
    this.#running = { stateDir, services, listeners, reloader: this.#createReloader(services, listeners) };
    this.#undo.push({ name: 'listeners', undo: () => listeners.close() });
    const ready = await this.#listen(live, this.#running);
    await this.#recordStart(services, live.config, stateDir);
    this.#tellNotServed(live);
    return ['ready', ...ready.map(([name, address]) => `${name}=${address}`)].join(' ');
  }

  async #loadFirst(): Promise<Live> {
    this.#watched = [resolve(this.#parts.configPath)];
    const watch = watchConfig({
      clock: this.#parts.clock,
      jobs: this.#jobs,
      paths: () => this.#watched,
      onChange: async () => {
        await this.reload('files');
      },
    });
    this.#watch = watch;
    this.#undo.push({ name: 'watching the configuration', undo: () => watch.stop() });
    const { config, policy, diagnostics, unreadable } = await watch.around(() => this.#loadNext());
    if (config === null || policy === null) {
      throw new ConfigError(unreadable ?? `${this.#parts.configPath} did not load`, diagnostics);
    }
    this.#parts.onWarnings(diagnostics);
    return createLive(config, policy);
  }

  #openStateDir(config: Config): StateDir {
    const { stateDir, env } = this.#parts;
    const held = openStateDir(chooseStateDir({ option: stateDir, configured: config.gateway.stateDir, env }));
    this.#undo.push({ name: 'the state directory', undo: () => held.release() });
    return held;
  }

  #openLog(config: Config): GatewayLogger {
    const { logLevel } = this.#parts;
    const logger = createLogger({ path: config.gateway.logPath, level: logLevel ?? config.gateway.logLevel });
    this.#logger = logger;
    this.#undo.push({ name: 'the log', undo: () => logger.flush() });
    return logger;
  }

  /** Binds everything; the pairs of the `ready` line in its order. */
  async #listen(live: Live, running: Running): Promise<readonly (readonly [string, string])[]> {
    const { services, listeners, stateDir } = running;
    const { dashboardListen, metricsListen, controlListen } = live.config.gateway;
    const pairs: (readonly [string, string])[] = [];
    const own: BoundAddress[] = [];
    const open = async (name: string, opening: Promise<OperatorServer>): Promise<void> => {
      const server = await opening;
      this.#undo.push({ name: `the ${name} address`, undo: () => server.close() });
      if (server.bound !== null) {
        own.push(server.bound);
      }
      pairs.push([name, server.address]);
    };
    const operations = this.#operations(services, stateDir);
    if (dashboardListen !== null) {
      await open('dashboard', this.#parts.openDashboard(dashboardListen, operations));
    }
    for (const [name, address] of joinAddresses(live.config.gateway)) {
      await open(name, this.#parts.openJoin(name, address, operations));
    }
    if (metricsListen !== null) {
      await open('metrics', openHealthServer(metricsListen, operations.health));
    }
    const control: ListenAddress = controlListen ?? { kind: 'unix', path: join(stateDir, 'control.sock') };
    await open('control', this.#parts.openControl(control, operations));
    this.#routes = createRoutes(live);
    const plan = await listeners.plan([...this.#routes.values()].map(({ spec }) => spec));
    plan.commit();
    this.#ownPorts = own;
    for (const { spec } of this.#routes.values()) {
      const at = plan.bound.get(spec.key);
      pairs.push([spec.name, formatHostPort(spec.host, at?.port ?? spec.port)]);
    }
    if (services.tunnel !== null) {
      const transports = await services.tunnel.open((socket) => {
        if (this.#phase === 'running') {
          services.connections.acceptTunnelled(socket);
        } else {
          socket.destroy();
        }
      });
      pairs.push(...transports);
    }
    return pairs;
  }

  #healthParts(services: Services): HealthParts {
    return {
      failing: () => findUnready(this.#statusSources()),
      metrics: services.metrics,
      info: () => ({ version: this.#parts.version, fingerprint: services.certificates.ca.fingerprint }),
      caPem: () => services.certificates.ca.pem,
    };
  }

  #operations(services: Services, stateDir: string): Operations {
    return {
      ...services,
      clock: this.#parts.clock,
      version: this.#parts.version,
      stateDir,
      ca: services.certificates.ca,
      knownHosts: () =>
        describeKnownHosts(this.#getLive().config.endpoints, {
          keys: services.keys,
          boundPort: (key) => this.#running?.listeners.bound.get(key)?.port ?? null,
        }),
      live: () => this.#getLive(),
      logger: this.#getLogger(),
      health: this.#healthParts(services),
      serverTls: (names) => services.certificates.serverContext(names),
      onApprovals: (listener) => services.feed.onChange(listener),
      status: () => this.status(),
      jobs: () => this.#jobs.list(),
      reload: (trigger) => this.reload(trigger),
    };
  }

  async #recordStart({ audit }: Services, config: Config, stateDir: string): Promise<void> {
    const { clock, version, configPath } = this.#parts;
    const finding = audit.finding;
    if (finding !== null) {
      this.#getLogger().error({ finding }, 'the end of the audit log is not intact; run: clawpatrol audit verify');
    }
    await audit.appendDurable(
      createEvent('gateway.started', clock.now(), {
        summary: `clawpatrol ${version} started`,
        data: { version, node: process.version, pid: process.pid, state_dir: stateDir },
      }),
    );
    await audit.appendDurable(
      createEvent('config.loaded', clock.now(), {
        by: 'start',
        data: { revision: config.revision, path: resolve(configPath), files: config.files },
      }),
    );
  }

  /** What the configuration asks for and this version does not do: said at every load, so that nobody relies on it. */
  #tellNotServed(live: Live): void {
    for (const { ref, type, listen } of live.config.endpoints) {
      if (!this.#parts.protocols.has(type)) {
        this.#getLogger().warn(
          { endpoint: ref, listener: listen !== null },
          `endpoints of type ${type} are not served by this version; connections are refused and recorded`,
        );
      }
    }
  }

  reload(trigger: string): Promise<ReloadResult> {
    const reloader = this.#running?.reloader;
    const message = `the gateway is ${this.#phase}`;
    return reloader?.reload(trigger) ?? Promise.resolve({ ok: false, revision: '', diagnostics: [], message });
  }

  #createReloader(services: Services, listeners: Listeners): Reloader {
    const live = this.#getLive();
    return createReloader({
      clock: this.#parts.clock,
      configPath: this.#parts.configPath,
      load: () => this.#watch?.around(() => this.#loadNext()) ?? this.#loadNext(),
      live: () => this.#getLive(),
      started: live.config,
      services,
      listeners,
      logger: this.#getLogger(),
      refusal: () => (this.#phase === 'running' ? null : `the gateway is ${this.#phase}`),
      swap: (next, routes) => {
        this.#live = next;
        this.#routes = routes;
        services.channels.notifiers();
        this.#getLogger().setLevel(this.#parts.logLevel ?? next.config.gateway.logLevel);
        this.#tellNotServed(next);
      },
    });
  }

  async #loadNext(): Promise<LoadResult> {
    const { configPath, stateDir, load } = this.#parts;
    const result = await load(configPath, { trustedOnly: true, ...(stateDir === null ? {} : { stateDir }) });
    this.#watched = result.watch;
    return result;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#starting;
    const running = this.#running;
    if (this.#phase !== 'running' || running === null) {
      // The start has failed, or was never asked for: nothing is left to stop.
      return;
    }
    this.#move('draining');
    this.#manager.stopping();
    this.#getLogger().info({ connections: running.services.connections.size }, 'stopping');
    const { services, listeners } = running;
    const why = 'the gateway is stopping';
    listeners.close();
    this.#watch?.stop();
    services.gate.stopParking(why);
    services.connections.drain(why, 'all');
    const emptied = (): Promise<void> => services.connections.emptied();
    if (!(await this.#within('connections', emptied, DRAIN_MS))) {
      services.connections.abort(why);
      await this.#within('the last connections', emptied, ABORT_MS);
    }
    await this.#within('the record of the stop', () => this.#recordStop(services), STEP_MS);
    await this.#close();
  }

  async #recordStop({ audit, recorder }: Services): Promise<void> {
    recorder.flush();
    const event = createEvent('gateway.stopped', this.#parts.clock.now(), { summary: 'stopped' });
    await audit.appendDurable(event);
  }

  /** Undoes everything in the opposite order. */
  async #close(): Promise<void> {
    this.#move('stopping');
    this.#manager.stop();
    for (const step of this.#undo.splice(0).toReversed()) {
      const done = await this.#within(step.name, step.undo, STEP_MS);
      if (!done && step.name === 'the audit log') {
        this.#broken = new GatewayError('STORE_FAILED', 'gateway', 'the end of the audit log could not be written');
      }
    }
    this.#move('stopped');
    this.#resolveStopped(this.#broken);
  }

  #within(name: string, undo: () => Promise<void> | void, limitMs: number): Promise<boolean> {
    return runWithin({ name, undo }, limitMs, { clock: this.#parts.clock, logger: this.#logger });
  }

  status(): readonly Check[] {
    return this.#running === null ? [] : describeStatus(this.#statusSources());
  }

  reopenLog(): void {
    this.#logger?.reopen(this.#live?.config.gateway.logPath ?? null);
  }

  fault(error: unknown): void {
    this.#logger?.error({ err: error }, 'a fault that nobody caught; the gateway stops');
    this.#broken ??= error;
    // Never rejects; its end is `stopped`.
    void this.stop();
  }

  #statusSources(): StatusSources {
    const running = this.#running;
    if (running === null) {
      throw new GatewayError('INTERNAL', 'gateway', 'asked for the status of a gateway that was not started');
    }
    const { audit, gate, connections } = running.services;
    return {
      phase: this.#phase,
      live: this.#getLive(),
      audit: audit.metrics(),
      auditFinding: audit.finding === null ? null : JSON.stringify(audit.finding),
      auditTroubles: this.#auditTroubles,
      freeBytes: readFreeBytes(running.stateDir),
      connections: connections.size,
      deciders: describeDeciders(running.services),
      parked: gate.parked,
      tunnels: running.services.tunnel?.states ?? [],
      refusedReload: running.reloader.refused,
      restartNeeded: running.reloader.restartNeeded,
      jobs: this.#jobs.list(),
      served: new Set(this.#parts.protocols.keys()),
      lookedAgoMs: this.#parts.clock.monotonicMs() - (this.#watch?.lastLookMs ?? this.#parts.clock.monotonicMs()),
    };
  }

  #noteAuditTrouble(what: string, why: string | null): void {
    if (why === null) {
      this.#auditTroubles.delete(what);
      this.#logger?.info({ what }, 'the audit log works again');
    } else {
      this.#auditTroubles.set(what, why);
      this.#logger?.error({ what, why }, 'trouble with the audit log');
    }
  }

  #getLive(): Live {
    if (this.#live === null) {
      throw new GatewayError('INTERNAL', 'gateway', 'asked for the policy before it was loaded');
    }
    return this.#live;
  }

  #getLogger(): GatewayLogger {
    if (this.#logger === null) {
      throw new GatewayError('INTERNAL', 'gateway', 'asked for the log before it was opened');
    }
    return this.#logger;
  }

  #move(to: Phase): void {
    if (!mayMove(this.#phase, to)) {
      throw new GatewayError('INTERNAL', 'gateway', `the gateway cannot go from ${this.#phase} to ${to}`);
    }
    this.#phase = to;
  }
}

/** Where machines ask to be let in, beside the dashboard: what is written, and for clients on this host. */
function joinAddresses({ enrollListen, wireguard }: Config['gateway']): readonly (readonly [string, ListenAddress])[] {
  const port = wireguard?.['host_loopback_port'];
  return [
    ...(enrollListen === null ? [] : [['enroll', enrollListen] as const]),
    ...(typeof port === 'number' ? [['loopback', { kind: 'tcp', host: '127.0.0.1', port }] as const] : []),
  ];
}
