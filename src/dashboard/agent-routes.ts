// The calls about agents: who there is, what is connected, and quarantine.
import type { AgentJson, ConnectionJson, QuarantineJson } from '../client/control-shapes.ts';
import type { Quarantined } from '../gateway/judging/quarantine.ts';
import { QUARANTINE_KINDS } from '../gateway/judging/quarantine.ts';
import { MAX_NOTE_CHARS } from '../approvals/stages.ts';
import { ApiError, getText, readBody, readFields, readWord } from './input.ts';
import type { Answer, Call, OperatorParts, Route } from './call.ts';
import { timeText } from './shapes.ts';

function quarantineJson({ kind, name, by, atMs, reason }: Quarantined): QuarantineJson {
  return { kind, name, by, at: timeText(atMs), reason };
}

/** Who may act: direct listeners, the proxy, and devices; and whoever else is connected now. */
function listAll(parts: OperatorParts): readonly AgentJson[] {
  const found = new Map<string, Omit<AgentJson, 'connections' | 'waiting' | 'quarantine'>>();
  const { endpoints, gateway } = parts.config();
  for (const { name, ref, listen, profile } of endpoints) {
    if (listen !== null && profile !== null) {
      found.set(`listener/${name}`, {
        device: `listener/${name}`,
        profile,
        kind: 'listener',
        owner: '',
        endpoint: ref,
      });
    }
  }
  if (gateway.proxy !== null) {
    const { profile } = gateway.proxy;
    found.set('listener/proxy', { device: 'listener/proxy', profile, kind: 'proxy', owner: '', endpoint: '' });
  }
  for (const { name, profile, user, revokedMs } of parts.devices?.registry.list() ?? []) {
    if (revokedMs === null) {
      found.set(name, { device: name, profile, kind: 'device', owner: user, endpoint: '' });
    }
  }
  const open = parts.connections.list();
  for (const { agent } of open) {
    if (!found.has(agent.device)) {
      const { device, profile, user } = agent;
      found.set(device, { device, profile, kind: 'device', owner: user, endpoint: '' });
    }
  }
  const waiting = parts.approvals.pending();
  return [...found.values()].map((one) => {
    const held = parts.quarantine.find(one);
    return {
      ...one,
      connections: open.filter(({ agent }) => agent.device === one.device).length,
      waiting: waiting.filter(({ agent }) => agent.device === one.device).length,
      quarantine: held === null ? null : quarantineJson(held),
    };
  });
}

async function listAgents({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  return { kind: 'json', body: { items: listAll(parts), next: null } };
}

/** Of a busy gateway the newest are enough to see what goes on. */
const MAX_CONNECTIONS = 500;

async function listConnections({ parts, query }: Call): Promise<Answer> {
  const device = readFields(query, ['device']).get('device');
  const nowMs = parts.clock.now();
  const fitting = parts.connections.list().filter(({ agent }) => device === undefined || agent.device === device);
  const items = fitting
    .slice(-MAX_CONNECTIONS)
    .map(({ session, agent, endpoint, openMs, fromClientBytes, toClientBytes }): ConnectionJson => ({
      session,
      device: agent.device,
      profile: agent.profile,
      run: agent.run,
      agent_ip: agent.ip,
      transport: agent.transport,
      endpoint,
      opened: timeText(nowMs - openMs),
      bytes_from_client: fromClientBytes,
      bytes_to_client: toClientBytes,
    }));
  return { kind: 'json', body: { items, next: null, total: fitting.length } };
}

async function listQuarantine({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  return { kind: 'json', body: { items: parts.quarantine.list().map(quarantineJson), next: null } };
}

async function setQuarantine({ parts, operator, body }: Call): Promise<Answer> {
  const fields = readBody(body, ['kind', 'name', 'reason']);
  const { kind, name } = readTarget(fields);
  const reason = (fields.get('reason') ?? '').slice(0, MAX_NOTE_CHARS);
  const entry: Quarantined = { kind, name, reason, by: operator.name, atMs: parts.clock.now() };
  parts.quarantine.set(entry);
  return { kind: 'json', body: quarantineJson(entry) };
}

async function liftQuarantine({ parts, body }: Call): Promise<Answer> {
  const { kind, name } = readTarget(readBody(body, ['kind', 'name']));
  if (!parts.quarantine.lift(kind, name)) {
    throw new ApiError(404, 'not_found', `${kind} ${name} is not quarantined`);
  }
  return { kind: 'json', body: { items: parts.quarantine.list().map(quarantineJson), next: null } };
}

function readTarget(fields: ReadonlyMap<string, string>): Pick<Quarantined, 'kind' | 'name'> {
  const kind = readWord(fields, 'kind', QUARANTINE_KINDS) ?? 'device';
  const name = kind === 'all' ? '' : getText(fields, 'name');
  if (name.length > 256) {
    throw new ApiError(400, 'bad_request', 'a name has 256 characters at most');
  }
  return { kind, name };
}

export const AGENT_ROUTES: readonly Route[] = [
  {
    name: 'agents.list',
    method: 'GET',
    path: '/api/agents',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listAgents,
  },
  {
    name: 'connections.list',
    method: 'GET',
    path: '/api/connections',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listConnections,
  },
  {
    name: 'quarantine.list',
    method: 'GET',
    path: '/api/quarantine',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listQuarantine,
  },
  {
    name: 'quarantine.set',
    method: 'POST',
    path: '/api/quarantine',
    kind: 'acts',
    role: 'approver',
    sight: 'scoped',
    recorded: ['kind', 'name', 'reason'],
    answer: setQuarantine,
  },
  {
    name: 'quarantine.lift',
    method: 'DELETE',
    path: '/api/quarantine',
    kind: 'acts',
    role: 'approver',
    sight: 'scoped',
    recorded: ['kind', 'name'],
    answer: liftQuarantine,
  },
];
