// When a question that waits for a person is still the same question. Pure.
import type { ApproverConfig, Ref } from '../config/config.ts';
import type { Decision } from '../rules/decision.ts';
import type { Live } from './live.ts';

/**
 * Everything in the configuration that made this question and says who may answer it, as text: the rule, the approvers and everyone
 * they may hand over to. A parked action whose text differs under a new policy is cancelled.
 */
export function questionFingerprint(live: Live, decision: Decision): string {
  const rule = decision.by === 'rule' ? live.rules.get(decision.rule) : undefined;
  const asked = new Map<Ref, ApproverConfig | null>();
  const open = [...decision.approvers];
  for (let ref = open.shift(); ref !== undefined; ref = open.shift()) {
    const approver = live.approvers.get(ref) ?? null;
    if (!asked.has(ref)) {
      asked.set(ref, approver);
      if (approver !== null && approver.escalateTo !== null) {
        open.push(approver.escalateTo);
      }
    }
  }
  return JSON.stringify([
    decision.kind,
    decision.by,
    decision.rule,
    decision.reason,
    decision.approvers,
    rule === undefined
      ? null
      : [rule.endpoints, rule.condition?.text ?? null, rule.outcome, rule.priority, rule.credential],
    // The place in the file is not part of the meaning: moving a block must not cancel what waits.
    [...asked].map(([ref, approver]) => [ref, approver === null ? null : { ...approver, at: null }]),
    live.config.defaults.humanTimeoutMs,
  ]);
}
