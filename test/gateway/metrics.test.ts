import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../src/gateway/metrics.ts';

const AUDIT = { records: 7, headSeq: 9, headHash: '', lastWriteMs: 12, queued: 3, stalled: false };

function world() {
  return createMetrics({ audit: () => AUDIT, parked: () => 4, revision: () => 'abc' });
}

test('every metric that is promised is there, with the values of now', async () => {
  const metrics = world();
  metrics.endpoint('postgres.pg').add('deny', 'destructive');
  metrics.endpoint('postgres.pg').add('deny', 'destructive');
  metrics.decided(0.004);
  metrics.decided(20);
  metrics.approvalEnded('approved', 30_000);
  metrics.refused('limit');
  metrics.connections('postgres.pg', 1);
  metrics.reloaded('refused');
  const text = await metrics.scrape();
  const lines = [
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
