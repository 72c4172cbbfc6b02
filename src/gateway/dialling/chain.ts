// When a question that waits for a person is still the same question. Pure.
import { createHash } from 'node:crypto';
import type { ApproverConfig, Ref } from '../../config/config.ts';
import type { Action } from '../../rules/action.ts';
import type { Decision } from '../../rules/decision.ts';
import type { Live } from '../live.ts';

/**
 * Everything in the configuration that made this question and says who may answer it, as text: the rule, the approvers and everyone
 * they may hand over to, and the credential that the action would run with. A parked action whose text differs under a new policy is cancelled.
 */
export function questionFingerprint(live: Live, decision: Decision, action: Action): string {
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
    credentialPart(live, action),
  ]);
}

/** With what it would run: a credential that was taken away or changed while it waited is not what was approved. */
function credentialPart({ config }: Live, { credential, agent }: Action): unknown {
  if (credential === null) {
    return null;
  }
  const configured = config.credentials.find(({ ref }) => ref === credential);
  const profile = config.profiles.find(({ name }) => name === agent.profile);
  const entries = profile?.credentials.filter((entry) => entry.credential === credential) ?? [];
  return configured === undefined ? null : [{ ...configured, at: null }, entries];
}

/**
 * Everything in the configuration that says what happens at an endpoint, as SHA-256 (hex): its rules, the tiers, its own settings, everybody
 * who may be asked, and what may be granted. A grant lives only while this is the same.
 */
export function endpointFingerprint(live: Live, ref: Ref): string {
  const { config } = live;
  const endpoint = live.endpoints.get(ref);
  const rules = config.rules
    .filter(({ endpoints }) => endpoints.includes(ref))
    .map(({ name, condition, outcome, priority, credential, reason, disabled, order }) => {
      return [name, condition?.text ?? null, outcome, priority, credential, reason, disabled, order];
    });
  const text = JSON.stringify([
    endpoint === undefined ? null : { ...endpoint, at: null },
    rules,
    Object.values(config.risks).map(({ risk, outcome }) => [risk, outcome]),
    config.approvers.map((approver) => ({ ...approver, at: null })),
    config.grant,
    config.defaults,
  ]);
  return createHash('sha256').update(text).digest('hex');
}
