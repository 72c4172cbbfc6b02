// What every channel is given, and what of its block of the configuration it reads.
import type { Approval } from '../../approvals/approval.ts';
import type { Asked, Notifier } from '../../approvals/notify.ts';
import type { Approvals } from '../../approvals/queue.ts';
import type { Principal } from '../../approvals/stages.ts';
import type { Scope } from '../../audit/scope.ts';
import type { AttributeValue, NamedBlock, Ref } from '../../config/config.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Dial } from '../dialling/dial.ts';
import type { Outbound } from '../dialling/outbound-fetch.ts';

/** A notifier that can be ended. */
export interface Channel extends Notifier {
  /** Resolves when everything was sent or given up, or after `limitMs`. */
  drain(limitMs: number): Promise<void>;
  close(): void;
}

/** Who a channel's people are here. */
export interface People {
  /** The operator account that is linked to that Slack member; null when none or several are. */
  findBySlack(id: string): Person | null;
  findByName(name: string): Person | null;
  /** Every account. */
  all(): readonly Person[];
}

export interface Person {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Whether their role decides at all. */
  readonly decides: boolean;
  readonly admin: boolean;
  /** What they see. */
  readonly scope: Scope;
}

export interface ChannelParts {
  readonly clock: Clock;
  readonly outbound: Outbound;
  readonly dial: Dial;
  readonly approvals: () => Pick<Approvals, 'vote' | 'find'>;
  readonly people: () => People | null;
  /** Slots of a credential. Rejects with GatewayError SECRET_MISSING. */
  readonly secretsOf: (credential: Ref) => Promise<ReadonlyMap<string, Secret>>;
  /** Header fields of a credential for a call of the gateway's own. Rejects with GatewayError SECRET_MISSING. */
  readonly authorise: (credential: Ref, url: URL) => Promise<readonly (readonly [string, string])[]>;
  /** A secret string. Throws GatewayError SECRET_MISSING. */
  readonly secretString: (text: string, what: string) => Secret;
  readonly publicUrl: () => string | null;
  /** A delivery of that notifier failed for good. */
  readonly failed: (notifier: Ref, approval: string, why: string) => void;
  readonly warn: (message: string, error: unknown) => void;
}

/** An attribute as text; null when it is not written. */
export function textOf({ attributes }: NamedBlock, name: string): string | null {
  const value = attributes[name];
  return typeof value === 'string' ? value : null;
}

export function numberOf({ attributes }: NamedBlock, name: string, standard: number): number {
  const value = attributes[name];
  return typeof value === 'number' ? value : standard;
}

export function flagOf({ attributes }: NamedBlock, name: string): boolean {
  return attributes[name] === true;
}

export function textsOf({ attributes }: NamedBlock, name: string): readonly string[] {
  const value: AttributeValue | undefined = attributes[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** Whether the notifier wants to hear of this: `events` names what is announced. */
export function wants(block: NamedBlock, state: Approval['state']): boolean {
  const event = state === 'approved' || state === 'denied' ? 'decided' : state;
  return textsOf(block, 'events').includes(event);
}

/** Where people can look at it: needs a login, and decides nothing by being opened. */
export function linkTo(publicUrl: string | null, id: string): string | null {
  return publicUrl === null ? null : `${publicUrl.replace(/\/$/, '')}/#/approvals/${id}`;
}

/** The person behind a channel's identity, as the queue counts them. */
export function voterOf(
  person: Person | null,
  { via, identity, notifier }: { readonly via: Principal['via']; readonly identity: string; readonly notifier: Ref },
): Principal {
  if (person === null) {
    return { name: identity, via, aliases: [], notifier, standing: 'stranger' };
  }
  const { name, aliases, decides, scope } = person;
  return { name, via, aliases, notifier, scope, ...(decides ? {} : { standing: 'viewer' }) };
}

/** The approver's `message` with its `{{…}}` filled in; what has no value stays as it is written. */
export function fillMessage({ message }: Pick<Asked, 'message'>, approval: Approval): string | null {
  if (message === null) {
    return null;
  }
  const known: Readonly<Record<string, string>> = {
    profile: approval.agent.profile,
    device: approval.agent.device,
    run: approval.agent.run,
    endpoint: approval.endpoint,
    rule: approval.rule,
    reason: approval.reason,
    risk: approval.risk,
    summary: approval.summary,
    approval: approval.id,
  };
  return message.replace(/\{\{\s*([a-z_][a-z0-9_.]*)\s*\}\}/gi, (written, name: string) =>
    Object.hasOwn(known, name) ? (known[name] ?? '') : (factOf(approval.factsJson, name) ?? written),
  );
}

function factOf(factsJson: string, name: string): string | null {
  let found: unknown;
  try {
    found = JSON.parse(factsJson);
  } catch {
    return null;
  }
  for (const part of name.split('.')) {
    const unit: unknown = Array.isArray(found) ? found[0] : found;
    found =
      typeof unit === 'object' && unit !== null && Object.hasOwn(unit, part) ? Reflect.get(unit, part) : undefined;
  }
  if (found === undefined) {
    return null;
  }
  return typeof found === 'string' ? found : JSON.stringify(found);
}

/** What a callback is answered. */
export type CallbackReply =
  | { readonly kind: 'answer'; readonly status: number; readonly body: Readonly<Record<string, unknown>> | null }
  /** Turned away: why, for our own log. What is told is only that it was. */
  | { readonly kind: 'refused'; readonly status: number; readonly why: string };

export function refused(status: number, why: string): CallbackReply {
  return { kind: 'refused', status, why };
}
