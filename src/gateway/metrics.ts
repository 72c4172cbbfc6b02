// Prometheus metrics. What is counted per action is kept in plain numbers and given to the registry when it is scraped: the client
// library hashes labels at every call. Labels come from the configuration only, never from an agent.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ApprovalState } from '../approvals/approval.ts';
import type { AuditMetrics } from '../audit/log.ts';
import { addDeciderMetrics, type Deciders } from './decider-metrics.ts';
import { RISKS, type Risk } from '../rules/action.ts';
import { DECISION_KINDS, type DecisionKind } from '../rules/decision.ts';

/** Counters of one endpoint. */
export interface EndpointCounts {
  add(verdict: DecisionKind, risk: Risk): void;
}

/** What the gate counts. */
export interface GateMetrics {
  endpoint(ref: string): EndpointCounts;
  /** Milliseconds until the gate had its answer, or had begun to wait for one. */
  decided(durationMs: number): void;
  /** A rule let through what the tier would not have: counted apart from what people approved. */
  allowedUnasked(endpoint: string, risk: Risk): void;
}

/** All that the daemon counts. */
export interface Metrics extends GateMetrics {
  /** A question came to its end after that many milliseconds. */
  approvalEnded(state: ApprovalState, waitedMs: number): void;
  /** One person decided alone what takes more. */
  glassBroken(): void;
  /** Something was refused before any action existed. `cause` is one of a fixed set of words. */
  refused(cause: string): void;
  /** Something that people should hear of, and that changes no verdict. */
  noticed(cause: string): void;
  connections(endpoint: string, delta: 1 | -1): void;
  reloaded(result: 'swapped' | 'refused'): void;
  /** Prometheus text. */
  scrape(): Promise<string>;
  readonly contentType: string;
}

/** Values that are read when somebody asks. */
export interface MetricSources {
  readonly audit: () => AuditMetrics | null;
  readonly parked: () => number;
  readonly revision: () => string;
  readonly deciders: () => Deciders;
  /** How the transports stand. */
  readonly tunnels: () => readonly { readonly name: string; readonly trouble: string | null }[];
}

const DECISION_BUCKETS = [0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.01, 0.1, 1];
const WAIT_BUCKETS = [1, 5, 15, 60, 180, 600, 1800, 7200];

function byCause(name: string, help: string, registers: Registry[]): Counter<'cause'> {
  return new Counter({ name, help, labelNames: ['cause'], registers });
}

function countUnasked(registers: Registry[]): Counter<'endpoint' | 'risk'> {
  return new Counter({
    name: 'clawpatrol_allowed_unasked_total',
    help: 'Actions that are not safe and that a rule allowed without asking anybody.',
    labelNames: ['endpoint', 'risk'],
    registers,
  });
}

/** Without labels: it is there, as 0, before the first time, so that an alert sees that one. */
function countBrokenGlass(registers: Registry[]): Counter {
  return new Counter({
    name: 'clawpatrol_break_glass_total',
    help: 'Requests that one person decided alone, by break-glass.',
    registers,
  });
}

/** Metrics with a registry of their own: two gateways can live in one process. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const actions = new ActionCounts();
  registry.registerMetric(actions.metric());
  const decisions = new CheapHistogram('clawpatrol_decision_seconds', 'Time until the gate had its answer.');
  registry.registerMetric(decisions);
  addAuditMetrics(registry, sources.audit);
  addGauges(registry, sources);
  addDeciderMetrics(registry, sources.deciders);
  const registers = [registry];
  const approvals = new Counter({
    name: 'clawpatrol_approvals_total',
    help: 'Questions by how they ended.',
    labelNames: ['state'],
    registers,
  });
  const glass = countBrokenGlass(registers);
  const waits = new Histogram({
    name: 'clawpatrol_approval_wait_seconds',
    help: 'Time that actions waited for a person.',
    buckets: WAIT_BUCKETS,
    registers,
  });
  const refused = byCause('clawpatrol_refused_total', 'Connections and logins refused before any action.', registers);
  const noticed = byCause('clawpatrol_noticed_total', 'What was noticed and changed no verdict.', registers);
  const unasked = countUnasked(registers);
  const connections = new Gauge({
    name: 'clawpatrol_connections',
    help: 'Open client connections.',
    labelNames: ['endpoint'],
    registers,
  });
  const reloads = new Counter({
    name: 'clawpatrol_config_reload_total',
    help: 'Reloads of the configuration.',
    labelNames: ['result'],
    registers,
  });
  // Both results exist from the start, so that an alert on `refused` has a series to look at.
  reloads.inc({ result: 'swapped' }, 0);
  reloads.inc({ result: 'refused' }, 0);
  return {
    endpoint: (ref) => actions.endpoint(ref),
    decided: (durationMs) => decisions.add(durationMs / 1000),
    allowedUnasked: (endpoint, risk) => unasked.inc({ endpoint, risk }),
    approvalEnded(state, waitedMs) {
      approvals.inc({ state });
      waits.observe(waitedMs / 1000);
    },
    glassBroken: () => glass.inc(),
    refused: (cause) => refused.inc({ cause }),
    noticed: (cause) => noticed.inc({ cause }),
    connections: (endpoint, delta) => connections.inc({ endpoint }, delta),
    reloaded: (result) => reloads.inc({ result }),
    scrape: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Actions by endpoint, verdict and risk. */
class ActionCounts {
  readonly #byEndpoint = new Map<string, Float64Array>();

  endpoint(ref: string): EndpointCounts {
    const counts = this.#byEndpoint.get(ref) ?? new Float64Array(DECISION_KINDS.length * RISKS.length);
    this.#byEndpoint.set(ref, counts);
    return {
      add(verdict, risk) {
        const index = DECISION_KINDS.indexOf(verdict) * RISKS.length + RISKS.indexOf(risk);
        counts[index] = (counts[index] ?? 0) + 1;
      },
    };
  }

  metric(): Counter {
    const byEndpoint = this.#byEndpoint;
    return new Counter({
      name: 'clawpatrol_actions_total',
      help: 'Actions by endpoint, verdict and risk.',
      labelNames: ['endpoint', 'verdict', 'risk'],
      registers: [],
      collect(): void {
        this.reset();
        for (const [endpoint, counts] of byEndpoint) {
          for (const [index, value] of counts.entries()) {
            const verdict = DECISION_KINDS[Math.floor(index / RISKS.length)] ?? '';
            this.inc({ endpoint, verdict, risk: RISKS[index % RISKS.length] ?? '' }, value);
          }
        }
      },
    });
  }
}

/** A histogram without labels whose `add` is a loop over ten numbers. */
class CheapHistogram extends Histogram {
  readonly #counts = new Float64Array(DECISION_BUCKETS.length);
  readonly #name: string;
  /** An empty one of the library's, for the words around the values. */
  readonly #described: Histogram;
  #sum = 0;
  #count = 0;

  constructor(name: string, help: string) {
    super({ name, help, registers: [] });
    this.#name = name;
    this.#described = new Histogram({ name, help, registers: [] });
  }

  add(seconds: number): void {
    this.#sum += seconds;
    this.#count += 1;
    for (let index = 0; index < DECISION_BUCKETS.length; index += 1) {
      if (seconds <= (DECISION_BUCKETS[index] ?? 0)) {
        this.#counts[index] = (this.#counts[index] ?? 0) + 1;
        return;
      }
    }
  }

  /** What a registry asks for when it writes text; the type declarations leave it out. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get();
  }

  override async get(): ReturnType<Histogram['get']> {
    const described = await this.#described.get();
    let total = 0;
    const buckets = DECISION_BUCKETS.map((le, index) => {
      total += this.#counts[index] ?? 0;
      return { metricName: `${this.#name}_bucket`, labels: { le }, value: total };
    });
    return {
      ...described,
      values: [
        ...buckets,
        { metricName: `${this.#name}_bucket`, labels: { le: '+Inf' }, value: this.#count },
        { metricName: `${this.#name}_sum`, labels: {}, value: this.#sum },
        { metricName: `${this.#name}_count`, labels: {}, value: this.#count },
      ],
    };
  }
}

function addAuditMetrics(registry: Registry, read: MetricSources['audit']): void {
  const records = new Counter({
    name: 'clawpatrol_audit_records_total',
    help: 'Records written by this process.',
    registers: [],
    collect(): void {
      this.reset();
      this.inc(read()?.records ?? 0);
    },
  });
  registry.registerMetric(records);
  const gauge = (name: string, help: string, value: () => number): void => addGauge(registry, { name, help, value });
  gauge('clawpatrol_audit_write_seconds', 'How long the last batch took to reach the disk.', () => {
    return (read()?.lastWriteMs ?? 0) / 1000;
  });
  gauge('clawpatrol_audit_stalled', '1 while records cannot be written.', () => (read()?.stalled === false ? 0 : 1));
  gauge('clawpatrol_audit_queued', 'Records on their way to the disk.', () => read()?.queued ?? 0);
}

function addGauge(
  registry: Registry,
  { name, help, value }: { readonly name: string; readonly help: string; readonly value: () => number },
): void {
  registry.registerMetric(
    new Gauge({
      name,
      help,
      registers: [],
      collect(): void {
        this.set(value());
      },
    }),
  );
}

function addGauges(registry: Registry, sources: MetricSources): void {
  addGauge(registry, {
    name: 'clawpatrol_approvals_pending',
    help: 'Actions that wait for a person.',
    value: sources.parked,
  });
  registry.registerMetric(
    new Gauge({
      name: 'clawpatrol_tunnel_up',
      help: '1 while the tunnel carries connections.',
      labelNames: ['tunnel'],
      registers: [],
      collect(): void {
        this.reset();
        for (const { name, trouble } of sources.tunnels()) {
          this.set({ tunnel: name }, trouble === null ? 1 : 0);
        }
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'clawpatrol_config_revision_info',
      help: 'Revision of the configuration in force.',
      labelNames: ['revision'],
      registers: [],
      collect(): void {
        this.reset();
        this.set({ revision: sources.revision() }, 1);
      },
    }),
  );
}
