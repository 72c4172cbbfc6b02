import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deciders } from '../../src/gateway/decider-metrics.ts';
import { createMetrics } from '../../src/gateway/metrics.ts';

const AUDIT = { records: 7, headSeq: 9, headHash: '', lastWriteMs: 12, queued: 3, stalled: false };

const DECIDERS: Deciders = {
  reviewers: [
    {
      approver: 'llm_approver.r',
      reviews: 9,
      allowed: 4,
      denied: 3,
      escalated: 1,
      failed: 1,
      cached: 2,
      inputTokens: 900,
      outputTokens: 90,
      cost: 0.5,
      hourTokens: 990,
      hourlyTokens: 1_000,
      lastTrouble: 'timeout: no answer in time',
    },
  ],
  approvers: [
    {
      name: 'bob',
      decided: 30,
      approved: 29,
      lastDecided: 20,
      lastApproved: 20,
      medianMs: 1_500,
      limitMs: 5_000,
      lastMs: 1,
      tired: true,
    },
  ],
  activeGrants: 3,
};

function world() {
  return createMetrics({
    audit: () => AUDIT,
    parked: () => 4,
    revision: () => 'abc',
    deciders: () => DECIDERS,
    tunnels: () => [{ name: 'wireguard', trouble: 'down' }],
  });
}

test('every metric that is promised is there, with the values of now', async () => {
  const metrics = world();
  metrics.endpoint('postgres.pg').add('deny', 'destructive');
  metrics.endpoint('postgres.pg').add('deny', 'destructive');
  metrics.allowedUnasked('postgres.pg', 'suspicious');
  metrics.decided(0.004);
  metrics.decided(20);
  metrics.approvalEnded('approved', 30_000);
  metrics.refused('limit');
  metrics.connections('postgres.pg', 1);
  metrics.reloaded('refused');
  const text = await metrics.scrape();
  const lines = [
    'clawpatrol_tunnel_up{tunnel="wireguard"} 0',
    'clawpatrol_actions_total{endpoint="postgres.pg",verdict="deny",risk="destructive"} 2',
    'clawpatrol_actions_total{endpoint="postgres.pg",verdict="allow",risk="safe"} 0',
    'clawpatrol_decision_seconds_bucket{le="0.000005"} 1',
    'clawpatrol_decision_seconds_bucket{le="0.1"} 2',
    'clawpatrol_decision_seconds_bucket{le="+Inf"} 2',
    'clawpatrol_decision_seconds_count 2',
    'clawpatrol_approvals_pending 4',
    'clawpatrol_approvals_total{state="approved"} 1',
    'clawpatrol_approval_wait_seconds_bucket{le="60"} 1',
    'clawpatrol_refused_total{cause="limit"} 1',
    'clawpatrol_connections{endpoint="postgres.pg"} 1',
    'clawpatrol_audit_records_total 7',
    'clawpatrol_audit_write_seconds 0.012',
    'clawpatrol_audit_stalled 0',
    'clawpatrol_config_reload_total{result="refused"} 1',
    'clawpatrol_config_reload_total{result="swapped"} 0',
    'clawpatrol_config_revision_info{revision="abc"} 1',
    'clawpatrol_allowed_unasked_total{endpoint="postgres.pg",risk="suspicious"} 1',
    'clawpatrol_reviews_total{approver="llm_approver.r",outcome="failed"} 1',
    'clawpatrol_reviews_remembered_total{approver="llm_approver.r"} 2',
    'clawpatrol_review_tokens_total{approver="llm_approver.r",direction="input"} 900',
    'clawpatrol_review_cost_dollars_total{approver="llm_approver.r"} 0.5',
    'clawpatrol_review_hour_tokens{approver="llm_approver.r"} 990',
    'clawpatrol_approver_decisions_total{approver="bob",decision="deny"} 1',
    'clawpatrol_approver_median_seconds{approver="bob"} 1.5',
    'clawpatrol_approver_tired{approver="bob"} 1',
    'clawpatrol_grants_active 3',
  ];
  for (const line of lines) {
    assert.ok(text.split('\n').includes(line), line);
  }
  assert.match(text, /^process_cpu_user_seconds_total /m);
  assert.match(text, /^nodejs_heap_size_used_bytes /m);
});

test('two gateways in one process count apart', async () => {
  const one = world();
  const two = world();
  one.refused('limit');
  assert.doesNotMatch(await two.scrape(), /clawpatrol_refused_total\{/);
});
