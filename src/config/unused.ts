// Declared blocks that no profile, rule or tier leads to.
import type { AttributeValue, Config } from './config.ts';
import type { Span } from './diagnostic.ts';

export interface Unused {
  readonly kind: 'credential' | 'endpoint' | 'approver' | 'notifier' | 'context' | 'tunnel';
  readonly ref: string;
  readonly at: Span;
  readonly why: string;
}

/** Everything that nothing reaches. */
export function findUnused(config: Config): readonly Unused[] {
  const held = new Set(config.profiles.flatMap(({ credentials }) => credentials.map(({ credential }) => credential)));
  const reached = new Set(config.credentials.filter(({ ref }) => held.has(ref)).flatMap(({ endpoints }) => endpoints));
  const approvers = reachedApprovers(config);
  const notifiers = new Set(
    config.approvers.flatMap((approver) => (approver.type === 'human_approver' ? approver.notifiers : [])),
  );
  const contexts = new Set(config.profiles.map(({ context }) => context));
  const tunnels = reachedTunnels(config);
  const credentials = new Set([...held, ...mentionedCredentials(config)]);
  const pick = (
    kind: Unused['kind'],
    blocks: readonly { readonly ref: string; readonly at: Span }[],
    { used, why }: { readonly used: ReadonlySet<string | null>; readonly why: string },
  ): readonly Unused[] => blocks.filter(({ ref }) => !used.has(ref)).map(({ ref, at }) => ({ kind, ref, at, why }));
  return [
    ...pick('credential', config.credentials, {
      used: credentials,
      why: 'no profile, approver, notifier or context holds it',
    }),
    ...pick('endpoint', config.endpoints, { used: reached, why: 'no profile holds a credential bound to it' }),
    ...pick('approver', config.approvers, { used: approvers, why: 'no rule or tier asks it' }),
    ...pick('notifier', config.notifiers, { used: notifiers, why: 'no approver names it' }),
    ...pick('context', config.contexts, { used: contexts, why: 'no profile names it' }),
    ...pick('tunnel', config.tunnels, { used: tunnels, why: 'no endpoint goes through it' }),
  ];
}

/** Approvers that a rule or tier asks, and those that these lead to. */
function reachedApprovers(config: Config): ReadonlySet<string> {
  const reached = new Set<string>();
  const queue = [...config.rules, ...Object.values(config.risks)].flatMap(({ outcome }) =>
    outcome.kind === 'approve' ? [...outcome.approvers] : [],
  );
  const known = new Map(config.approvers.map((approver) => [approver.ref, approver]));
  for (let ref = queue.pop(); ref !== undefined; ref = queue.pop()) {
    if (reached.has(ref)) {
      continue;
    }
    reached.add(ref);
    const approver = known.get(ref);
    if (approver !== undefined) {
      const { classifier, different_family_from: others } = approver.attributes;
      queue.push(...[approver.escalateTo, classifier, ...(Array.isArray(others) ? others : [])].filter(isText));
    }
  }
  return reached;
}

function reachedTunnels(config: Config): ReadonlySet<string> {
  const reached = new Set<string>();
  const next = new Map(config.tunnels.map(({ ref, attributes }) => [ref, attributes['via']]));
  for (const { tunnel } of config.endpoints) {
    for (let at: AttributeValue | undefined = tunnel; isText(at) && !reached.has(at); at = next.get(at)) {
      reached.add(at);
    }
  }
  return reached;
}

/** Credentials that an approver, notifier, context or tunnel uses. */
function mentionedCredentials(config: Config): readonly string[] {
  const users = [...config.approvers, ...config.notifiers, ...config.contexts, ...config.tunnels];
  return users.map(({ attributes }) => attributes['credential']).filter(isText);
}

function isText(value: AttributeValue | undefined): value is string {
  return typeof value === 'string';
}
