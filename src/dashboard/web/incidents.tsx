// Incidents: what alerting systems say, and what agents did about it: who asked, who judged, what became of it. With the records to take along.
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import type { ChainJson, IncidentJson, ListJson } from '../../client/control-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { CallError, get, messageOf } from './api.ts';
import { ChainTree } from './chain.tsx';
import { isTyping } from './looking.ts';
import { AgentText, Ago, Empty, Facts, Pieces, Section, Spinner } from './parts.tsx';
import { goTo, linkTo, place } from './route.ts';
import { isAdmin, liveRecords, recordFilter, returns, seesAll } from './state.ts';
import { dateTime, splitRequest } from './text.ts';

const incidents = signal<readonly IncidentJson[] | null>(null);
const chain = signal<ChainJson | null>(null);
const fault = signal('');

/** What tells of something new here. */
const TYPES = [
  'incident.opened',
  'incident.changed',
  'incident.resolved',
  'context.claimed',
  'action.decided',
  'action.settled',
  'approval.created',
  'approval.reviewed',
  'approval.voted',
  'approval.break_glass',
  'approval.approved',
  'approval.denied',
  'approval.expired',
  'approval.cancelled',
];
/** A busy gateway tells of many records in a second; the tree is read anew at most so often. */
const REFRESH_MS = 1_500;
const RETRY_MS = 5_000;

let asked = 0;

async function load(id: string): Promise<void> {
  asked += 1;
  const mine = asked;
  try {
    const [list, found] = await Promise.all([
      get<ListJson<IncidentJson>>('/api/incidents'),
      id === '' ? null : get<ChainJson>(chainPath(id)),
    ]);
    if (mine === asked) {
      incidents.value = list.items;
      chain.value = found;
      fault.value = '';
    }
  } catch (error) {
    if (mine === asked) {
      fault.value =
        error instanceof CallError && error.code === 'not_found' ? 'There is no such incident.' : messageOf(error);
      chain.value = null;
      incidents.value ??= [];
      loadSoon(RETRY_MS);
    }
  }
}

let timer = 0;

/** Once, however often it is asked for: a stream of news must not put it off for ever. */
function loadSoon(inMs: number): void {
  if (timer === 0) {
    timer = setTimeout(() => {
      timer = 0;
      if (place.value.section === 'incidents') {
        void load(place.value.id);
      }
    }, inMs);
  }
}

/** Ids are a source's own: both stand in the address. */
function keyOf({ id, source }: Pick<IncidentJson, 'id' | 'source'>): string {
  return `${source} ${id}`;
}

function chainPath(key: string, end: string = ''): string {
  const [source = '', id = ''] = key.includes(' ') ? key.split(' ') : ['', key];
  const query = source === '' ? '' : `?source=${encodeURIComponent(source)}`;
  return `/api/audit/chain/${encodeURIComponent(id)}${end}${query}`;
}

export function Incidents(): VNode {
  const { id } = place.value;
  useEffect(() => {
    chain.value = null;
    fault.value = '';
    void load(id);
  }, [id]);
  useLayoutEffect(() => {
    recordFilter.value = `&types=${TYPES.join(',')}`;
    addEventListener('keydown', onKey);
    return (): void => {
      recordFilter.value = null;
      removeEventListener('keydown', onKey);
    };
  }, []);
  const newest = liveRecords.value[0]?.seq ?? 0;
  const returned = returns.value;
  useEffect(() => {
    if (newest > 0 || returned > 0) {
      loadSoon(REFRESH_MS);
    }
  }, [newest, returned]);
  return (
    <div class={`approvals ${id === '' ? 'nothing-open' : 'something-open'}`}>
      <IncidentList />
      <div class="detail">
        {id === '' ? (
          <Nothing />
        ) : fault.value !== '' ? (
          <Empty title={fault.value}>It may be older than what is kept, or the link is incomplete.</Empty>
        ) : chain.value === null ? (
          <Spinner what="Reading the log …" />
        ) : (
          <IncidentCard key={id} chain={chain.value} address={id} />
        )}
      </div>
    </div>
  );
}

function Nothing(): VNode {
  return (incidents.value ?? []).length === 0 ? (
    <Empty title="No incident yet">
      Incidents appear here when PagerDuty or another alerting system sends them, or an agent names one that its
      profile’s context knows.
    </Empty>
  ) : (
    <Empty title="Choose an incident">
      <kbd>j</kbd> and <kbd>k</kbd> move through the list.
    </Empty>
  );
}

function IncidentList(): VNode {
  const items = incidents.value;
  const open = (items ?? []).filter(({ status }) => status !== 'resolved').length;
  return (
    <section class="queue" aria-label="Incidents">
      <header>
        <h1>Incidents</h1>
        <span class="muted">{open === 0 ? 'none open' : `${open} open`}</span>
      </header>
      {items === null ? <Spinner what="Fetching …" /> : null}
      {items?.length === 0 ? (
        <div class="queue-empty">
          <Nothing />
        </div>
      ) : null}
      <ol>
        {(items ?? []).map((item) => (
          <IncidentRow key={keyOf(item)} item={item} />
        ))}
      </ol>
    </section>
  );
}

function IncidentRow({ item }: { readonly item: IncidentJson }): VNode {
  const key = keyOf(item);
  return (
    <li>
      <a
        href={linkTo('incidents', key)}
        aria-current={place.value.id === key ? 'true' : undefined}
        class={`row ${item.status === 'resolved' ? '' : 'row-destructive'}`}
      >
        <span class="row-top">
          <Status status={item.status} />
          <span class="left">{item.fields.urgency ?? ''}</span>
        </span>
        <span class="row-summary">
          <AgentText text={item.fields.title ?? item.id} />
        </span>
        <span class="row-foot">
          <span>{item.id}</span>
          <span>{item.fields.service ?? ''}</span>
          <Ago time={item.opened} />
        </span>
      </a>
    </li>
  );
}

const STATUS_CLASSES = { open: 'state-denied', acknowledged: 'state-expired', resolved: 'state-approved' } as const;

function Status({ status }: Pick<IncidentJson, 'status'>): VNode {
  return <span class={`state ${STATUS_CLASSES[status]}`}>{status}</span>;
}

function IncidentCard({ chain: found, address }: { readonly chain: ChainJson; readonly address: string }): VNode {
  const { incident } = found;
  return (
    <article class="card incident">
      <header class="card-head">
        <a class="back" href={linkTo('incidents')}>
          ← All incidents
        </a>
        <div class="card-line">
          {incident === null ? null : <Status status={incident.status} />}
          <strong>{found.id}</strong>
          <span class="muted">
            {incident === null ? 'no source of this gateway knows it' : bareName(incident.source)}
          </span>
          <span class="left">{incident === null ? '' : <Ago time={incident.opened} />}</span>
        </div>
        <h2>
          <AgentText text={incident?.fields.title ?? 'An incident that agents named'} />
        </h2>
      </header>
      <div class="card-body">
        {incident === null ? null : <Alert incident={incident} />}
        <Section title="What led to what" aside={<Counts chain={found} />}>
          <p class="muted small">
            Out of the audit log. That an agent works on this incident is its own word, unless it says that it was
            guessed.
          </p>
          <ChainTree nodes={found.tree[0]?.kind === 'incident' ? found.tree[0].children : found.tree} />
          {found.agents === 0 ? <p class="muted">No agent has said that it works on this.</p> : null}
          {found.cut ? <p class="warn">There is more than is shown here; the activity log has all of it.</p> : null}
        </Section>
        <Evidence chain={found} address={address} />
      </div>
    </article>
  );
}

function many(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function Counts({ chain: found }: { readonly chain: ChainJson }): VNode {
  return (
    <span class="muted">
      {many(found.agents, 'agent')}, {many(found.actions, 'action')}
    </span>
  );
}

function said(words: string | undefined): VNode | null {
  return words === undefined || words === '' ? null : <AgentText text={words} />;
}

function Alert({ incident }: { readonly incident: IncidentJson }): VNode {
  const { fields, url, opened, resolved, source } = incident;
  return (
    <Section title="The alert" aside={<span class="mark bad">others’ words, not checked</span>}>
      <Facts
        rows={[
          ['Service', said(fields.service)],
          ['Urgency', said(fields.urgency)],
          ['Assigned to', said(fields.assignees)],
          ['Opened', <time dateTime={opened}>{dateTime(opened)}</time>],
          ['Resolved', resolved === null ? null : <time dateTime={resolved}>{dateTime(resolved)}</time>],
          ['Source', source],
          [
            'There',
            url === null ? null : (
              <a href={url} target="_blank" rel="noopener noreferrer">
                {url}
              </a>
            ),
          ],
        ]}
      />
      <Long title="Description" text={fields.body} />
      <Long title="Notes" text={fields.notes} />
      <Long title="Timeline" text={fields.timeline} />
    </Section>
  );
}

function Long({ title, text }: { readonly title: string; readonly text: string | undefined }): VNode | null {
  return text === undefined || text === '' ? null : (
    <div class="outsiders" role="group" aria-label={title}>
      {splitRequest(text).map((line, index) => (
        <div key={index}>{line.kind === 'gap' ? `(${line.count} empty lines)` : <Pieces pieces={line.pieces} />}</div>
      ))}
    </div>
  );
}

function Evidence({ chain: found, address }: { readonly chain: ChainJson; readonly address: string }): VNode | null {
  if (found.from === null || found.to === null) {
    return null;
  }
  return (
    <Section title="Evidence">
      {seesAll.value ? (
        <p class="muted small">
          Every record from {dateTime(found.from)} to {dateTime(found.to)}, with checkpoints, signatures and public key.
          It is checked without a gateway: <code>clawpatrol audit verify --store FILE</code>
        </p>
      ) : (
        <p class="muted small">
          The records that you see from {dateTime(found.from)} to {dateTime(found.to)}, as JSON lines. A bundle that can
          be verified takes an operator who sees every profile.
        </p>
      )}
      {isAdmin.value ? (
        <a class="button evidence" href={chainPath(address, '/bundle')} download>
          Download the evidence{seesAll.value ? ' bundle' : ''}
        </a>
      ) : (
        <p class="muted small">An admin can download it.</p>
      )}
    </Section>
  );
}

/** `j` and `k` move through the list. */
function onKey(event: KeyboardEvent): void {
  const step = event.key === 'j' ? 1 : event.key === 'k' ? -1 : 0;
  if (step === 0 || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    return;
  }
  event.preventDefault();
  const keys = (incidents.value ?? []).map(keyOf);
  const at = keys.indexOf(place.value.id);
  const next = at === -1 ? keys[0] : keys[Math.min(keys.length - 1, Math.max(0, at + step))];
  if (next !== undefined) {
    goTo('incidents', next);
    document.querySelector(`a[href="${linkTo('incidents', next)}"]`)?.scrollIntoView({ block: 'nearest' });
  }
}
