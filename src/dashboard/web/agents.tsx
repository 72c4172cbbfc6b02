// Who acts through this gateway, what is connected, and quarantine: one press denies an agent everything until somebody lifts it.
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import type {
  AgentJson,
  ConnectionJson,
  ListJson,
  QuarantineJson,
  RecordRowJson,
} from '../../client/control-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { showDevice } from './activity.tsx';
import { call, get, messageOf, post } from './api.ts';
import { Earlier, EARLIER_RECORDS, latestOf } from './earlier.tsx';
import { Ago, Empty, Spinner } from './parts.tsx';
import { linkTo, place } from './route.ts';
import { mayDecide, nowMs, pending, seesAll, tell } from './state.ts';
import { bytes, duration } from './text.ts';

const agents = signal<readonly AgentJson[] | null>(null);
const quarantined = signal<readonly QuarantineJson[]>([]);
const fault = signal('');
const REFRESH_MS = 3_000;

async function load(): Promise<void> {
  try {
    const [list, held] = await Promise.all([
      get<ListJson<AgentJson>>('/api/agents'),
      get<ListJson<QuarantineJson>>('/api/quarantine'),
    ]);
    agents.value = list.items;
    quarantined.value = held.items;
    fault.value = '';
  } catch (error) {
    fault.value = messageOf(error);
  }
}

/** Now, whenever the queue changes, and every few seconds while somebody looks. */
function useFresh(refresh: () => Promise<void>, key: string = ''): void {
  const waits = pending.value;
  useEffect(() => {
    void refresh();
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') {
        void refresh();
      }
    }, REFRESH_MS);
    return (): void => clearInterval(timer);
  }, [waits, key]);
}

export function Agents(): VNode {
  useFresh(load);
  const all = quarantined.value.find(({ kind }) => kind === 'all');
  return (
    <div class="view">
      <header class="view-head">
        <h1>Agents</h1>
        <StopAll held={all ?? null} />
      </header>
      {fault.value === '' ? null : <p class="fault">{fault.value}</p>}
      {agents.value === null ? <Spinner what="Fetching …" /> : null}
      {agents.value?.length === 0 ? (
        <Empty title="No way in yet">Give an endpoint a listener, or the gateway a proxy or a tunnel.</Empty>
      ) : null}
      <ul class="agents">
        {(agents.value ?? []).map((agent) => (
          <AgentRow key={agent.device} agent={agent} />
        ))}
      </ul>
    </div>
  );
}

async function hold(kind: 'device' | 'profile' | 'all', name: string): Promise<void> {
  try {
    await post('/api/quarantine', { kind, ...(name === '' ? {} : { name }) });
    tell(kind === 'all' ? 'Every agent is stopped.' : `${name} is quarantined: everything it asks is denied.`, 'bad');
  } catch (error) {
    tell(messageOf(error), 'bad');
  }
  await load();
}

async function lift({ kind, name }: Pick<QuarantineJson, 'kind' | 'name'>): Promise<void> {
  try {
    await call('DELETE', '/api/quarantine', { kind, ...(name === '' ? {} : { name }) });
    tell(kind === 'all' ? 'Agents may act again.' : `${name} may act again.`);
  } catch (error) {
    tell(messageOf(error), 'bad');
  }
  await load();
}

function StopAll({ held }: { readonly held: QuarantineJson | null }): VNode | null {
  const [sure, setSure] = useState(false);
  // Of whoever sees some profiles only it would hold the others too.
  if (!mayDecide.value || !seesAll.value) {
    return null;
  }
  if (held !== null) {
    return (
      <button type="button" class="primary" onClick={() => void lift(held)}>
        Let all agents act again
      </button>
    );
  }
  return sure ? (
    <div class="answers">
      <span class="muted">Every connection ends, and everything is denied until it is lifted.</span>
      <button
        type="button"
        class="deny solid"
        onClick={() => {
          setSure(false);
          void hold('all', '');
        }}
      >
        Stop every agent
      </button>
      <button type="button" class="quiet" onClick={() => setSure(false)}>
        Cancel
      </button>
    </div>
  ) : (
    <button type="button" class="deny" onClick={() => setSure(true)}>
      Stop all …
    </button>
  );
}

const KINDS = { listener: 'Direct listener', proxy: 'Forward proxy', device: 'Device' } as const;

function AgentRow({ agent }: { readonly agent: AgentJson }): VNode {
  const open = place.value.id === agent.device;
  const held = agent.quarantine;
  return (
    <li class={`agent ${held === null ? '' : 'held'}`}>
      <div class="agent-top">
        <a href={linkTo('agents', open ? '' : agent.device)} aria-expanded={open} class="agent-name">
          {agent.device}
        </a>
        <span class="muted">
          {KINDS[agent.kind]} · profile {agent.profile}
          {agent.owner === '' ? '' : ` · ${agent.owner}`}
        </span>
        <span class="agent-counts">
          <span class={agent.connections === 0 ? 'muted' : ''}>{agent.connections} connected</span>
          {agent.waiting === 0 ? null : (
            <a href={linkTo('approvals')} class="waits">
              {agent.waiting} waiting
            </a>
          )}
        </span>
        <QuarantineButton agent={agent} />
      </div>
      {held === null ? null : (
        <p class="held-note">
          Quarantined by {held.by}, <Ago time={held.at} />
          {held.kind === 'device' ? '' : held.kind === 'all' ? ' (all agents)' : ` (profile ${held.name})`}
          {held.reason === '' ? '' : `: ${held.reason}`}
        </p>
      )}
      {open ? <AgentDetail device={agent.device} /> : null}
    </li>
  );
}

function QuarantineButton({ agent }: { readonly agent: AgentJson }): VNode | null {
  const { quarantine: held, device } = agent;
  if (!mayDecide.value || (held !== null && held.kind !== 'device')) {
    return null;
  }
  return held === null ? (
    <button type="button" class="deny" onClick={() => void hold('device', device)}>
      Quarantine
    </button>
  ) : (
    <button type="button" onClick={() => void lift(held)}>
      Lift quarantine
    </button>
  );
}

function AgentDetail({ device }: { readonly device: string }): VNode {
  const [connections, setConnections] = useState<readonly ConnectionJson[] | null>(null);
  const [recent, setRecent] = useState<readonly RecordRowJson[]>([]);
  useFresh(async () => {
    const query = new URLSearchParams({ device });
    const [open, log] = await Promise.all([
      get<ListJson<ConnectionJson>>(`/api/connections?${query}`),
      get<ListJson<RecordRowJson>>(`/api/audit?${query}&types=action.decided&limit=${EARLIER_RECORDS}&shape=row`),
    ]).catch(() => [null, null] as const);
    if (open !== null && log !== null) {
      setConnections(open.items);
      setRecent(latestOf(log.items));
    }
  }, device);
  if (connections === null) {
    return <Spinner what="Fetching …" />;
  }
  return (
    <div class="agent-detail">
      <h3>Connected now</h3>
      {connections.length === 0 ? <p class="muted">Nothing is connected.</p> : null}
      <ul class="connections">
        {connections.map((one) => (
          <li key={one.session}>
            <span>{one.agent_ip}</span>
            <span>{bareName(one.endpoint)}</span>
            <span class="muted">{duration(nowMs.value - Date.parse(one.opened))}</span>
            <span class="muted">
              ↑ {bytes(one.bytes_from_client)} ↓ {bytes(one.bytes_to_client)}
            </span>
          </li>
        ))}
      </ul>
      <h3>Did last</h3>
      {recent.length === 0 ? <p class="muted">Nothing yet.</p> : null}
      <Earlier rows={recent} />
      <button type="button" class="quiet" onClick={() => showDevice(device)}>
        All of its activity →
      </button>
    </div>
  );
}
