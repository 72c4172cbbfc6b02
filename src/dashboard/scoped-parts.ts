// The gateway as an operator with a scope sees it: the same parts, of which everything that belongs to other profiles, or to none, is left out.
// Calls of the operator API are given these and nothing else (api.ts), so none of them has to think of scopes, and one that is new has none to
// forget. What is outside answers as what does not exist.
import type { Approvals } from '../approvals/queue.ts';
import { holdsRecord, sees, type Scope, type Within } from '../audit/scope.ts';
import type { Config } from '../config/config.ts';
import type { Quarantined } from '../gateway/judging/quarantine.ts';
import { ApiError } from './input.ts';
import type { Counted } from './operators.ts';
import type { OperatorAudit, OperatorParts } from './call.ts';
import { narrowConfig, sourcesOf, storedNames } from './scoped-config.ts';
import { approversOf, readApprovals, usageOf } from './scoped-deciders.ts';
import { scopeDevices } from './scoped-devices.ts';

type Narrow = Extract<Scope, { readonly kind: 'profiles' }>;

/** The parts as that operator's scope shows them. */
export function scopeParts(parts: OperatorParts, { scope, name }: Pick<Counted, 'scope' | 'name'>): OperatorParts {
  return scope.kind === 'all' ? parts : narrowParts(parts, scope, name);
}

/** For what is global to the gateway. */
export function needsAll(what: string): ApiError {
  return new ApiError(403, 'not_permitted', `${what} takes an operator who sees every profile`);
}

function narrowParts(parts: OperatorParts, scope: Narrow, operator: string): OperatorParts {
  const { profiles } = scope;
  const config = (): Config => narrowConfig(parts.config(), profiles);
  const within = (): Within => ({ profiles, sources: sourcesOf(config()), operator });
  const decided = (): ReturnType<typeof readApprovals> => readApprovals(parts.audit, profiles);
  return {
    clock: parts.clock,
    warn: parts.warn,
    ca: parts.ca,
    config,
    approvals: narrowApprovals(parts, scope),
    audit: narrowAudit(parts.audit, profiles, within),
    reviewer: { usage: async () => usageOf(await decided(), config(), parts.clock.now()) },
    fatigue: { list: async () => approversOf(await decided(), config()) },
    grants: narrowGrants(parts.grants, scope),
    incidents: {
      list: () => parts.incidents.list().filter(({ source }) => within().sources.includes(source)),
      receive: barred('what sources tell'),
    },
    secrets: {
      list() {
        const names = storedNames(config());
        return parts.secrets.list().filter(({ name }) => names.has(name));
      },
      set: barred('a change of secrets'),
      remove: barred('a change of secrets'),
    },
    operators: {
      list: barred('the list of operators'),
      find: barred('an account'),
      add: barred('a new account'),
      setPassword: barred('an account'),
      setProfiles: barred('an account'),
      remove: barred('an account'),
      issueToken: barred('an account'),
    },
    quarantine: narrowQuarantine(parts, scope),
    hits: {
      sinceMs: parts.hits.sinceMs,
      ofRule: (name) => parts.hits.ofRule(name, profiles),
      ofTier: (risk) => parts.hits.ofTier(risk, profiles),
    },
    connections: { list: () => parts.connections.list().filter(({ agent }) => sees(scope, agent.profile)) },
    knownHosts() {
      const refs = new Set(config().endpoints.map(({ ref }) => ref));
      return parts.knownHosts().filter(({ endpoint }) => refs.has(endpoint));
    },
    devices: parts.devices === null ? null : scopeDevices(parts.devices, scope),
    status: async () => narrowStatus(parts, scope),
    reload: barred('a reload'),
  };
}

function barred(what: string): () => never {
  return () => {
    throw needsAll(what);
  };
}

function narrowApprovals({ approvals, audit }: OperatorParts, scope: Narrow): OperatorParts['approvals'] {
  return {
    pending: () => approvals.pending().filter(({ agent }) => sees(scope, agent.profile)),
    async find(idOrPrefix) {
      // Every approval is stored before anybody is asked; what begins alike elsewhere makes nothing ambiguous here.
      const stored = await audit.getApproval(idOrPrefix, scope.profiles);
      return stored === null ? { kind: 'not-found' } : approvals.find(stored.id);
    },
    effectReady: (id, limitMs) => approvals.effectReady(id, limitMs),
    asked(id): ReturnType<Approvals['asked']> {
      const asked = approvals.asked(id);
      return asked !== null && sees(scope, asked.action.agent.profile) ? asked : null;
    },
    offerBreakGlass(id, voter) {
      const asked = approvals.asked(id);
      return asked === null || sees(scope, asked.action.agent.profile)
        ? approvals.offerBreakGlass(id, { ...voter, scope })
        : { kind: 'refused', why: 'no people are asked about it now' };
    },
    // The voter's scope goes along: what is outside is refused there, whatever way a vote comes, and the log is told why.
    vote: (id, ballot, voter) => approvals.vote(id, ballot, { ...voter, scope }),
  };
}

function narrowAudit(audit: OperatorAudit, profiles: readonly string[], within: () => Within): OperatorAudit {
  return {
    append: (event) => audit.append(event),
    appendDurable: (event) => audit.appendDurable(event),
    search: (filter, page) => audit.search({ ...filter, within: within() }, page),
    show: (id) => audit.show(id, within()),
    async get(seq) {
      const record = await audit.get(seq);
      return record !== null && holdsRecord(within(), record) ? record : null;
    },
    follow: (listener) => audit.follow((record) => holdsRecord(within(), record) && listener(record)),
    listApprovals: (states, page) => audit.listApprovals(states, { ...page, profiles }),
    listGrants: (states, page) => audit.listGrants(states, { ...page, profiles }),
    getApproval: (id) => audit.getApproval(id, profiles),
    getGrant: (id) => audit.getGrant(id, profiles),
    verify: barred('the check of the whole log'),
    export(filter, format) {
      if (format === 'bundle') {
        // It has every record from its first to its last, of whatever profile: a gap would be a fault.
        throw needsAll('a bundle that can be verified');
      }
      return audit.export({ ...filter, within: within() }, format);
    },
  };
}

function narrowGrants(grants: OperatorParts['grants'], scope: Narrow): OperatorParts['grants'] {
  const active: OperatorParts['grants']['active'] = () => grants.active().filter(({ profile }) => sees(scope, profile));
  return {
    active,
    describe: (action, like) => grants.describe(action, like),
    keyOf: (action, like) => grants.keyOf(action, like),
    findObjection: (action, like) => grants.findObjection(action, like),
    revoke: async (id, by, why) =>
      active().some((grant) => grant.id === id) ? grants.revoke(id, by, why) : { kind: 'not-active' },
  };
}

/** Whose agents a name in a quarantine stands for; [] = nobody's that is known. */
function ownersOf(name: string, { config, devices, connections }: OperatorParts): readonly string[] {
  const { endpoints, gateway } = config();
  const named = [
    ...endpoints.flatMap((one) => (name === `listener/${one.name}` && one.listen !== null ? (one.profile ?? '') : [])),
    ...(name === 'listener/proxy' && gateway.proxy !== null ? [gateway.proxy.profile] : []),
    ...(devices?.registry.list() ?? []).flatMap((one) =>
      one.name === name && one.revokedMs === null ? one.profile : [],
    ),
    ...connections.list().flatMap(({ agent }) => (agent.device === name ? agent.profile : [])),
  ];
  // A node of the tailnet that was given no profile has what a profile says of it: its connections tell.
  return [...new Set(named)].filter((profile) => profile !== '');
}

/** That everything is held is plain to see; why may be about others. */
function withoutOthers(entry: Quarantined): Quarantined {
  return entry.kind === 'all' ? { ...entry, reason: '' } : entry;
}

/** Throws ApiError for what holds everybody. */
function refuseAll(kind: Quarantined['kind']): void {
  if (kind === 'all') {
    throw needsAll('a quarantine of all');
  }
}

function narrowQuarantine(parts: OperatorParts, scope: Narrow): OperatorParts['quarantine'] {
  const { quarantine } = parts;
  const shows = ({ kind, name }: Pick<Quarantined, 'kind' | 'name'>): boolean => {
    switch (kind) {
      case 'all':
        return true;
      case 'profile':
        return sees(scope, name);
      case 'device': {
        const owners = ownersOf(name, parts);
        return owners.length > 0 && owners.every((profile) => sees(scope, profile));
      }
    }
  };
  return {
    list: () => quarantine.list().filter(shows).map(withoutOthers),
    find(agent) {
      const entry = sees(scope, agent.profile) ? quarantine.find(agent) : null;
      return entry === null ? null : withoutOthers(entry);
    },
    set(entry) {
      refuseAll(entry.kind);
      if (!shows(entry)) {
        throw new ApiError(404, 'not_found', `there is no ${entry.kind} ${JSON.stringify(entry.name)}`);
      }
      quarantine.set(entry);
    },
    lift(kind, name) {
      refuseAll(kind);
      return shows({ kind, name }) && quarantine.lift(kind, name);
    },
  };
}

/** Checks that count or name nothing of others. */
const PLAIN_CHECKS: readonly string[] = ['gateway', 'disk'];

async function narrowStatus(
  parts: OperatorParts,
  scope: Narrow,
): Promise<Awaited<ReturnType<OperatorParts['status']>>> {
  const { ok, checks } = await parts.status();
  const refs = new Set(narrowConfig(parts.config(), scope.profiles).endpoints.map(({ ref }) => ref));
  const open = parts.connections.list().filter(({ agent }) => sees(scope, agent.profile)).length;
  const parked = parts.approvals.pending().filter(({ agent }) => sees(scope, agent.profile)).length;
  return {
    ok,
    checks: [
      ...checks.filter(({ name }) => PLAIN_CHECKS.includes(name) || refs.has(name)),
      { name: 'connections', state: 'ok', detail: `${open} open, ${parked} waiting for approval`, fix: '' },
    ],
  };
}
