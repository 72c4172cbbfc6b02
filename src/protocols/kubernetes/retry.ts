// kubectl asks for exec, attach and port-forward over WebSocket first, and a moment later once more over SPDY when it was refused. The
// second attempt of a request that was denied is the same question: its denial is repeated, and nobody is asked twice (KU-03).
import type { Clock } from '../../lib/clock.ts';
import { Lru } from '../../lib/lru.ts';
import { Unknown } from '../../rules/action.ts';
import type { Action } from '../../rules/action.ts';
import type { Gate, Waiting } from '../protocol.ts';
import type { Verdict } from '../session.ts';

type Denial = Verdict & { readonly kind: 'deny' };

interface Denied {
  readonly verdict: Denial;
  readonly action: string;
  readonly untilMs: number;
}

/** Denials of the last moments, for one gateway. */
export type Denials = Lru<string, Denied>;

const JOIN_MS = 5_000;
const MAX_DENIALS = 1_000;

export function createDenials(): Denials {
  return new Lru(MAX_DENIALS);
}

export interface RetryParts {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly denials: Denials;
  /** A denial was repeated for an action that nobody was asked about. */
  readonly repeated: (detail: string) => void;
}

/** The gate, but for second attempts. */
export function createRetryGate({ gate, clock, denials, repeated }: RetryParts): Gate {
  const remember = (action: Action, key: string, verdict: Verdict): Verdict => {
    if (verdict.kind === 'deny' && verdict.cause === 'deny') {
      denials.put(key, { verdict, action: action.id, untilMs: clock.monotonicMs() + JOIN_MS });
    }
    return verdict;
  };
  return {
    decide: (action: Action, waiting: () => Waiting) => {
      const upgrade = action.units[0]?.facts.get('http.upgrade');
      const key = upgrade === 'websocket' || upgrade === 'spdy/3.1' ? streamKey(action) : null;
      if (key === null) {
        return gate.decide(action, waiting);
      }
      const denied = upgrade === 'spdy/3.1' ? denials.find(key) : null;
      if (denied !== null && clock.monotonicMs() < denied.untilMs) {
        repeated(`a second attempt at what was denied as action ${denied.action}`);
        return denied.verdict;
      }
      const verdict = gate.decide(action, waiting);
      if (upgrade === 'spdy/3.1') {
        return verdict;
      }
      return verdict instanceof Promise
        ? verdict.then((given) => remember(action, key, given))
        : remember(action, key, verdict);
    },
    settle: (action, outcome) => gate.settle(action, outcome),
    resume: (action) => gate.resume(action),
  };
}

const SAME: readonly string[] = [
  'k8s.resource',
  'k8s.namespace',
  'k8s.name',
  'k8s.command',
  'k8s.container',
  'k8s.stdin',
  'k8s.tty',
  'k8s.ports',
];

/** What makes two attempts the same; null for what is no stream into a pod, or not wholly known. */
function streamKey({ units, agent, endpoint, credential }: Action): string | null {
  const [unit] = units;
  if (unit === undefined || units.length > 1 || unit.facts.get('k8s.verb') !== 'connect') {
    return null;
  }
  const values = SAME.map((name) => unit.facts.get(name));
  if (values.some((value) => value === undefined || value instanceof Unknown)) {
    return null;
  }
  return JSON.stringify([agent.device, agent.profile, agent.run, agent.ip, endpoint.ref, credential, values], asText);
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
