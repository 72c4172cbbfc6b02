// Asks the rules and remembers what may be remembered: by the action's memo object under one (policy, endpoint, profile, credential),
// or by that and the connection. Also makes the recorded form of a request once for equal requests. Does no I/O.
import { NO_ALERT } from '../../rules/common-facts.ts';
import { createEvent } from '../../audit/event.ts';
import type { AuditEvent } from '../../audit/event.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Action, Agent, FactValue, Family, Risk, Unit } from '../../rules/action.ts';
import type { CommonFacts, Decision, RuleSet } from '../../rules/decision.ts';
import type { FactSchema } from '../../rules/fact-schema.ts';
import { redactSummary, redactText } from '../../rules/redact.ts';
import { BUILT_IN_REDACTOR, createRedactor } from '../../rules/redactor.ts';
import type { Redactor } from '../../rules/redactor.ts';
import type { Live } from '../live.ts';
import type { EndpointCounts, GateMetrics } from '../metrics.ts';
import { sampleParameters, sampleText } from './records.ts';
import type { RecordedRequest } from './records.ts';

/** What judges actions of one (policy, endpoint, profile, credential), with what it remembers. */
export interface Scope {
  readonly live: Live;
  readonly rules: RuleSet;
  readonly counts: EndpointCounts;
  /** Every record is on disk before the effect, also of what is safe. */
  readonly strict: boolean;
  /** A request that was cut is denied unasked where a cut hides what would run. */
  readonly showsWhole: boolean;
  /** What is masked in records. */
  readonly redactor: Redactor;
  readonly byShape: Record<Action['phase'], WeakMap<object, Judged>>;
  readonly byConnection: WeakMap<Agent, Record<Action['phase'], WeakMap<object, Judged>>>;
}

/** A decision and, once it was asked for, the recorded form of the request that it was made for last. */
export interface Judged {
  readonly decision: Decision;
  readonly risk: Risk;
  /** Values of the facts that a connection's earlier statements change; null when the decision does not hang on them. */
  readonly tracked: readonly (FactValue | undefined)[] | null;
  recorded: Recorded | null;
}

interface Recorded {
  /** Null for a safe action that has a memo object: its recorded facts are that object's. */
  readonly units: readonly Unit[] | null;
  /** Null when more than the text made the digest. */
  readonly text: string | null;
  readonly request: RecordedRequest;
}

export interface Judge {
  /** Null when the endpoint is gone or the profile does not reach it. */
  findScope(live: Live, action: Action): Scope | null;
  judge(scope: Scope, action: Action): Judged;
  requestOf(scope: Scope, action: Action, judged: Judged): RecordedRequest;
  /** The record of an action that no rules could judge. */
  bareEvent(action: Action, verdict: 'allow' | 'deny', reason: string): AuditEvent;
}

/** rules/facts.ts, or a test's. */
export type FactsToJson = (
  units: readonly Unit[],
  family: Family,
  options?: { readonly shapeOnly?: boolean; readonly redactor?: Redactor },
) => string;

export interface JudgeParts {
  readonly clock: Clock;
  readonly metrics: GateMetrics;
  readonly schemas: ReadonlyMap<Family, FactSchema>;
  readonly factsToJson: FactsToJson;
  /** Left out: nothing is known. */
  readonly contextOf?: ContextOf;
}

/** What is known of the work that an agent is at, for the `context.*` facts. */
export type ContextOf = (agent: Agent) => Pick<CommonFacts, 'incident' | 'alert' | 'reason'>;

export const NO_CONTEXT: ReturnType<ContextOf> = { incident: '', alert: NO_ALERT, reason: '' };

/** Longer texts are not kept for comparison: one is as long as `body_buffer` allows. */
const MAX_REMEMBERED_CHARS = 64 * 1024;
const NO_PARAMETERS: readonly (string | null)[] = [];

/** A judge that remembers per policy: with another `Live` it starts anew. */
export function createJudge(parts: JudgeParts): Judge {
  return new RememberingJudge(parts);
}

class RememberingJudge implements Judge {
  readonly findScope: (live: Live, action: Action) => Scope | null;
  readonly #parts: JudgeParts;
  readonly #tracked: ReadonlyMap<Family, readonly string[]>;
  /** Facts of safe actions by memo object. */
  readonly #shapes = new WeakMap<object, string>();

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.#tracked = new Map([...parts.schemas].map(([family, schema]) => [family, trackedFacts(schema)]));
    this.findScope = createScopes(parts.metrics);
  }

  judge(scope: Scope, action: Action): Judged {
    const { memo, phase } = action;
    // What the protocol refuses hangs on more than the text; it is rare and need not be fast.
    if (memo === null || action.refused !== null) {
      return this.#evaluate(scope, action);
    }
    const found = scope.byShape[phase].get(memo) ?? scope.byConnection.get(action.agent)?.[phase].get(memo);
    if (found !== undefined && this.#stillHolds(found, action)) {
      return found;
    }
    const judged = this.#evaluate(scope, action);
    switch (judged.decision.holds) {
      case 'shape':
        scope.byShape[phase].set(memo, judged);
        break;
      case 'connection':
        connectionMemory(scope, action.agent)[phase].set(memo, judged);
        break;
      case 'once':
        break;
    }
    return judged;
  }

  requestOf(scope: Scope, action: Action, judged: Judged): RecordedRequest {
    const { evidence } = action;
    // Units are made when they are asked for, which a safe action with a memo object never needs.
    const units = action.risk === 'safe' && action.memo !== null ? null : action.units;
    // Read once: a protocol may decode them at every look.
    const { parameters, text } = evidence;
    const last = judged.recorded;
    // Bound parameters are part of the digest, so only requests without any are equal when their texts are.
    const alone = parameters.length === 0 && evidence.complete;
    if (last !== null && alone && last.units === units && last.text === text) {
      return last.request;
    }
    const kept = { text: redactText(action, scope.redactor), complete: evidence.complete };
    const summary = redactSummary(action, scope.redactor);
    const sample = sampleText(kept, scope.live.config.gateway.limits.bodyStorageBytes);
    const request: RecordedRequest = {
      factsJson: this.#factsOf(action, scope.redactor),
      summary,
      text: sample.text,
      textComplete: sample.complete,
      digest: evidence.digest(),
      parameters: parameters.length === 0 ? NO_PARAMETERS : sampleParameters(parameters),
    };
    judged.recorded = { units, text: alone && text.length <= MAX_REMEMBERED_CHARS ? text : null, request };
    return request;
  }

  bareEvent(action: Action, verdict: 'allow' | 'deny', reason: string): AuditEvent {
    return createEvent('action.decided', this.#parts.clock.now(), {
      agent: action.agent,
      session: action.session,
      actionId: action.id,
      endpoint: action.endpoint.ref,
      family: action.family,
      risk: action.risk,
      verdict,
      reason,
      summary: redactSummary(action, BUILT_IN_REDACTOR),
      digest: action.evidence.digest(),
    });
  }

  /**
   * Facts as JSON text. A safe action has those of its shape, made once: what the text, the parameters and the connection tell beside is
   * not repeated, since the text and the parameters are recorded as they are.
   */
  #factsOf(action: Action, redactor: Redactor): string {
    const { family, memo } = action;
    if (memo === null || action.risk !== 'safe') {
      return this.#parts.factsToJson(action.units, family, { redactor });
    }
    let factsJson = this.#shapes.get(memo);
    if (factsJson === undefined) {
      factsJson = this.#parts.factsToJson(action.units, family, { shapeOnly: true, redactor });
      this.#shapes.set(memo, factsJson);
    }
    return factsJson;
  }

  #evaluate(scope: Scope, action: Action): Judged {
    const context = this.#parts.contextOf?.(action.agent) ?? NO_CONTEXT;
    const common: CommonFacts = { ...context, nowMs: this.#parts.clock.now() };
    const decision = scope.rules.decide(action, common);
    const tracked = decision.holds === 'connection' ? readAll(action, this.#namesOf(action)) : null;
    return { decision, risk: action.risk, tracked, recorded: null };
  }

  #stillHolds(judged: Judged, action: Action): boolean {
    return (
      judged.risk === action.risk &&
      (judged.tracked === null || sameValues(judged.tracked, readAll(action, this.#namesOf(action))))
    );
  }

  #namesOf(action: Action): readonly string[] {
    return this.#tracked.get(action.family) ?? [];
  }
}

/** Scopes by endpoint, profile and credential, for the policy that was asked for last. */
function createScopes(metrics: GateMetrics): (live: Live, action: Action) => Scope | null {
  let current: Live | null = null;
  let byEndpoint = new Map<string, Map<string, Map<string | null, Scope | null>>>();
  return (live, action) => {
    if (live !== current) {
      current = live;
      byEndpoint = new Map();
    }
    const byProfile = getOrMake(byEndpoint, action.endpoint.ref, () => new Map());
    const byCredential = getOrMake(byProfile, action.agent.profile, () => new Map<string | null, Scope | null>());
    const found = byCredential.get(action.credential);
    if (found !== undefined) {
      return found;
    }
    const scope = createScope(live, action, metrics);
    byCredential.set(action.credential, scope);
    return scope;
  };
}

function createScope(live: Live, action: Action, metrics: GateMetrics): Scope | null {
  const { profile } = action.agent;
  if (!live.reaches(profile, action.endpoint.ref)) {
    return null;
  }
  return {
    live,
    rules: live.policy.ruleSet(action.endpoint.ref, profile, action.credential),
    counts: metrics.endpoint(action.endpoint.ref),
    strict: live.config.gateway.audit.durability === 'strict',
    // A body of HTTP may be an upload of any length; people are shown where it was cut. An object of Kubernetes is never that long.
    showsWhole: action.family !== 'http',
    redactor: createRedactor(live.config.gateway.audit.redact),
    byShape: { prepare: new WeakMap(), execute: new WeakMap() },
    byConnection: new WeakMap(),
  };
}

function connectionMemory(scope: Scope, agent: Agent): Record<Action['phase'], WeakMap<object, Judged>> {
  const found = scope.byConnection.get(agent);
  if (found !== undefined) {
    return found;
  }
  const made = { prepare: new WeakMap<object, Judged>(), execute: new WeakMap<object, Judged>() };
  scope.byConnection.set(agent, made);
  return made;
}

/** Facts of a family that change while a connection lives: `agent.*` and `endpoint.*` do not. */
function trackedFacts(schema: FactSchema): readonly string[] {
  return [...schema.facts.values()]
    .filter(({ name, class: kind }) => kind === 'connection' && !/^(agent|endpoint)\./.test(name))
    .map(({ name }) => name);
}

function readAll(action: Action, names: readonly string[]): readonly (FactValue | undefined)[] {
  return action.units.flatMap((unit) => names.map((name) => unit.facts.get(name)));
}

/** Plain values compare by value; lists and records by identity, where unequal is only slower. */
function sameValues(before: readonly (FactValue | undefined)[], now: readonly (FactValue | undefined)[]): boolean {
  return now.length === before.length && now.every((value, index) => value === before[index]);
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) {
    return found;
  }
  const made = make();
  map.set(key, made);
  return made;
}
