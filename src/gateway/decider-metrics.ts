// Prometheus metrics of those who decide in the place of a rule: reviewer models, people, grants. Read when somebody scrapes; labels are
// names from the configuration and accounts of operators.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ApproverRecord } from '../approvals/fatigue.ts';
import type { ReviewerUsage } from '../approvals/reviewer.ts';

export interface Deciders {
  readonly reviewers: readonly ReviewerUsage[];
  readonly approvers: readonly ApproverRecord[];
  readonly activeGrants: number;
}

export const NO_DECIDERS: Deciders = { reviewers: [], approvers: [], activeGrants: 0 };

type Row = readonly [labels: Readonly<Record<string, string>>, value: number];

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly rows: (deciders: Deciders) => readonly Row[];
}

const COUNTERS: readonly Described[] = [
  {
    name: 'clawpatrol_reviews_total',
    help: 'Reviews by a model, by what came of them.',
    labels: ['approver', 'outcome'],
    rows: ({ reviewers }) =>
      reviewers.flatMap(({ approver, allowed, denied, escalated, failed }): Row[] => [
        [{ approver, outcome: 'allow' }, allowed],
        [{ approver, outcome: 'deny' }, denied],
        [{ approver, outcome: 'escalate' }, escalated],
        [{ approver, outcome: 'failed' }, failed],
      ]),
  },
  {
    name: 'clawpatrol_reviews_remembered_total',
    help: 'Reviews for which no call was made, since the same was judged before.',
    labels: ['approver'],
    rows: ({ reviewers }) => reviewers.map(({ approver, cached }): Row => [{ approver }, cached]),
  },
  {
    name: 'clawpatrol_review_tokens_total',
    help: 'Tokens that reviews took.',
    labels: ['approver', 'direction'],
    rows: ({ reviewers }) =>
      reviewers.flatMap(({ approver, inputTokens, outputTokens }): Row[] => [
        [{ approver, direction: 'input' }, inputTokens],
        [{ approver, direction: 'output' }, outputTokens],
      ]),
  },
  {
    name: 'clawpatrol_review_cost_dollars_total',
    help: 'What reviews cost, by the configured price.',
    labels: ['approver'],
    rows: ({ reviewers }) => reviewers.map(({ approver, cost }): Row => [{ approver }, cost]),
  },
  {
    name: 'clawpatrol_approver_decisions_total',
    help: 'Votes of people.',
    labels: ['approver', 'decision'],
    rows: ({ approvers }) =>
      approvers.flatMap(({ name, decided, approved }): Row[] => [
        [{ approver: name, decision: 'approve' }, approved],
        [{ approver: name, decision: 'deny' }, decided - approved],
      ]),
  },
];

const GAUGES: readonly Described[] = [
  {
    name: 'clawpatrol_review_hour_tokens',
    help: 'Tokens of the last hour.',
    labels: ['approver'],
    rows: ({ reviewers }) => reviewers.map(({ approver, hourTokens }): Row => [{ approver }, hourTokens]),
  },
  {
    name: 'clawpatrol_approver_median_seconds',
    help: 'Median time to decide, of the last votes of a person.',
    labels: ['approver'],
    rows: ({ approvers }) => approvers.map(({ name, medianMs }): Row => [{ approver: name }, medianMs / 1000]),
  },
  {
    name: 'clawpatrol_approver_tired',
    help: '1 for a person who approves nearly everything unread.',
    labels: ['approver'],
    rows: ({ approvers }) => approvers.map(({ name, tired }): Row => [{ approver: name }, tired ? 1 : 0]),
  },
  {
    name: 'clawpatrol_grants_active',
    help: 'Grants in force.',
    labels: [],
    rows: ({ activeGrants }): readonly Row[] => [[{}, activeGrants]],
  },
];

/** Adds them to a registry. */
export function addDeciderMetrics(registry: Registry, read: () => Deciders): void {
  for (const { name, help, labels, rows } of COUNTERS) {
    const counter = new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [],
      collect(): void {
        this.reset();
        rows(read()).forEach(([values, value]) => this.inc(values, value));
      },
    });
    registry.registerMetric(counter);
  }
  for (const { name, help, labels, rows } of GAUGES) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [],
      collect(): void {
        this.reset();
        rows(read()).forEach(([values, value]) => this.set(values, value));
      },
    });
    registry.registerMetric(gauge);
  }
}
