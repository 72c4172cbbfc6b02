// What the gate costs on the path of an allowed action, without the log's own work: decide and settle of a remembered shape, of one with
// new parameters every time, and of one that is judged anew. Run: node dist/bench/gate.js
import type { AuditEvent } from '../src/audit/event.ts';
import type { AuditLog, AuditTicket } from '../src/audit/log.ts';
import { createRecorder } from '../src/gateway/judging/recorder.ts';
import { createGate } from '../src/gateway/judging/gate.ts';
import { NO_DECIDERS } from '../src/gateway/decider-metrics.ts';
import { createMetrics } from '../src/gateway/metrics.ts';
import { systemClock } from '../src/lib/clock.ts';
import type { Action, Outcome } from '../src/rules/action.ts';
import { factsToJson, recordFacts } from '../src/rules/facts.ts';
import { factSchemas } from '../src/rules/schemas.ts';
import { ALLOWED, FakeApprovals, FakeAudit, makeAction, makeLive } from '../test/support/gate-parts.ts';

const TURNS = 300_000;
const ticket: AuditTicket = { settle: () => {} };
const OUTCOME: Outcome = {
  kind: 'ok',
  rows: 1,
  status: 'SELECT 1',
  errorCode: '',
  bytesToClient: 64,
  durationMs: 0.1,
};

/** A log that takes everything and does nothing. */
class NoLog extends FakeAudit {
  override appendLater(_chars: number, make: () => AuditEvent): AuditTicket {
    make();
    return ticket;
  }
}

function measure(name: string, make: (turn: number) => Action): void {
  const audit: AuditLog = new NoLog();
  const live = makeLive(() => ALLOWED);
  const gate = createGate({
    quarantine: { find: () => null },
    hits: { note: () => {} },
    clock: systemClock,
    audit,
    approvals: new FakeApprovals(new FakeAudit()),
    recorder: createRecorder({ audit, clock: systemClock }),
    metrics: createMetrics({
      audit: () => null,
      parked: () => 0,
      revision: () => '',
      deciders: () => NO_DECIDERS,
      tunnels: () => [],
    }),
    schemas: factSchemas,
    live: () => live,
    factsToJson,
    claims: { of: () => null },
    onFault: (error) => {
      throw error;
    },
  });
  const waiting = (): never => {
    throw new Error('nothing has to be waited for');
  };
  let gateNs = 0n;
  for (let round = 0; round < 4; round += 1) {
    const actions = Array.from({ length: TURNS / 4 }, (_, turn) => make(turn));
    const started = process.hrtime.bigint();
    for (const action of actions) {
      void gate.decide(action, waiting);
      gate.settle(action, OUTCOME);
    }
    // The first round warms up.
    gateNs += round === 0 ? 0n : process.hrtime.bigint() - started;
  }
  console.log(`${name.padEnd(44)} ${(Number(gateNs) / ((TURNS / 4) * 3) / 1000).toFixed(2)} us`);
}

const facts = recordFacts({ 'sql.verb': 'select', 'sql.verbs': ['select'], 'sql.tables': ['accounts'], risk: 'safe' });
const units = [{ facts, risk: 'safe' as const, riskCauses: [], riskReason: '', unreadable: false }];
const memo = {};
const text = 'SELECT abalance FROM pgbench_accounts WHERE aid = 4711';
const base = makeAction(text, { memo, units });

measure('remembered, same text', (turn) => ({ ...base, id: `action-${turn}` }));
measure('remembered, other text each time', (turn) => {
  const made = `${text}${turn}`;
  return { ...base, id: `action-${turn}`, evidence: { ...base.evidence, text: made } };
});
measure('remembered, other parameters each time', (turn) => ({
  ...base,
  id: `action-${turn}`,
  evidence: { ...base.evidence, parameters: [String(turn)] },
}));
measure('not remembered', (turn) => ({ ...base, memo: null, id: `action-${turn}` }));
