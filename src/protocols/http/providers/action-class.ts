// What a named call does, as one value: the class that rules may ask for, the tier, and why (fact reference, 4.3 and 7.9).
import type { FactRecord, Risk } from '../../../rules/action.ts';
import type { ProviderReading } from './provider.ts';

export type ActionClass = 'read' | 'write' | 'delete' | 'admin' | 'secret' | 'exec' | 'unknown';

export interface Judged {
  readonly class: ActionClass;
  readonly risk: Risk;
  readonly causes: readonly string[];
  /** "" for safe. */
  readonly reason: string;
}

export const READS: Judged = { class: 'read', risk: 'safe', causes: [], reason: '' };
export const WRITES = judged('write', 'suspicious', 'write', 'changes something');
export const DELETES = judged('delete', 'destructive', 'delete', 'deletes something');
export const ADMINISTERS = judged('admin', 'destructive', 'identity', 'changes who may do what, or what guards it');
export const REVEALS = judged('secret', 'destructive', 'secret', 'hands out a secret, or power in the name of another');
export const RUNS = judged('exec', 'destructive', 'exec', 'runs code or text that is not judged here');

/** A call of a known provider that is in no table: a read may pass a reviewer, anything else is as bad as it can be. */
export function unknownCall(method: string): Judged {
  return method === 'GET' || method === 'HEAD'
    ? judged('unknown', 'suspicious', 'unknown_call', 'this call is in no table of the provider')
    : judged('unknown', 'destructive', 'unknown_call', 'this call is in no table of the provider');
}

function judged(actionClass: ActionClass, risk: Risk, cause: string, reason: string): Judged {
  return { class: actionClass, risk, causes: [cause], reason };
}

/** A reading with its action and class among the facts. */
export function readingOf(action: FactRecord[string], facts: FactRecord, by: Judged): ProviderReading {
  return {
    facts: { 'http.action': action, 'http.action_class': by.class, ...facts },
    risk: by.risk,
    causes: by.causes,
    reason: by.reason,
    refused: null,
  };
}
