// What the log says, as it is written: filters, search over all of it page by page, and one action in every detail.
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { batch, signal } from '@preact/signals';
import type { ListJson, RecordRowJson } from '../../client/control-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { get, messageOf } from './api.ts';
import { AgentText, Empty, Spinner, Tier, Verdict } from './parts.tsx';
import { RecordDetail } from './record-detail.tsx';
import { goTo, linkTo, place } from './route.ts';
import { liveRecords, nowMs, recordFilter, returns } from './state.ts';
import { clockTime, dateTime, dayOf } from './text.ts';

interface Filters {
  readonly text: string;
  readonly verdict: string;
  readonly risk: string;
  readonly device: string;
  readonly endpoint: string;
  readonly since: string;
  readonly kind: string;
}

const NO_FILTERS: Filters = { text: '', verdict: '', risk: '', device: '', endpoint: '', since: '', kind: 'actions' };
const KINDS: Readonly<Record<string, string>> = {
  actions: 'action.decided',
  approvals:
    'approval.created,approval.voted,approval.break_glass,approval.break_glass_over,approval.approved,approval.denied,approval.expired,approval.cancelled',
  incidents: 'incident.opened,incident.changed,incident.resolved,context.claimed',
  operators: 'operator.acted,secret.changed,audit.exported,config.loaded,config.refused',
  connections: 'connection.opened,connection.closed,connection.refused,connection.noticed',
  all: '',
};

const filters = signal<Filters>(NO_FILTERS);
const rows = signal<readonly RecordRowJson[]>([]);
const cursor = signal<string | null>(null);
const state = signal<'loading' | 'ready' | 'failed'>('loading');
const fault = signal('');
/** While the reader is in the middle of the list it stands still, and what comes is counted. */
const frozen = signal(false);
const PAGE = 100;
/** Rows that are kept. */
const MAX_ROWS = 1_000;

function queryOf(): URLSearchParams {
  const { kind, ...words } = filters.value;
  const query = new URLSearchParams(Object.entries(words).filter(([, value]) => value !== ''));
  const types = KINDS[kind] ?? '';
  if (types !== '') {
    query.set('types', types);
  }
  return query;
}

let asked = 0;

async function load(from: string | null): Promise<void> {
  asked += 1;
  const mine = asked;
  const query = queryOf();
  query.set('limit', String(PAGE));
  query.set('shape', 'row');
  if (from !== null) {
    query.set('cursor', from);
  } else {
    state.value = 'loading';
  }
  try {
    const page = await get<ListJson<RecordRowJson>>(`/api/audit?${query}`);
    if (mine === asked) {
      batch(() => {
        rows.value = from === null ? page.items : [...rows.value, ...page.items];
        cursor.value = page.next;
        state.value = 'ready';
      });
    }
  } catch (error) {
    if (mine === asked) {
      batch(() => {
        state.value = 'failed';
        fault.value = messageOf(error);
      });
    }
  }
}

/**
 * What was recorded while the stream was away goes where it belongs, and the reader stays where they are. Where the newest page does not reach
 * back to what is shown, the list is begun anew.
 */
async function catchUp(): Promise<void> {
  if (state.value !== 'ready') {
    return load(null);
  }
  const mine = asked;
  const query = queryOf();
  query.set('limit', String(PAGE));
  query.set('shape', 'row');
  try {
    const page = await get<ListJson<RecordRowJson>>(`/api/audit?${query}`);
    if (mine !== asked) {
      return;
    }
    const known = new Set(rows.value.map(({ seq }) => seq));
    const fresh = page.items.filter(({ seq }) => !known.has(seq));
    if (fresh.length === page.items.length && page.next !== null) {
      await load(null);
    } else {
      rows.value = [...fresh, ...rows.value].toSorted((one, other) => other.seq - one.seq).slice(0, MAX_ROWS);
    }
  } catch {
    // It is gone again: its return asks once more.
  }
}

export function Activity(): VNode {
  const key = queryOf().toString();
  useEffect(() => {
    liveRecords.value = [];
    const timer = setTimeout(() => {
      recordFilter.value = key === '' ? '' : `&${key}`;
      void load(null);
    }, 150);
    return (): void => clearTimeout(timer);
  }, [key]);
  const returned = returns.value;
  const seen = useRef(returned);
  useEffect(() => {
    if (returned !== seen.current) {
      seen.current = returned;
      void catchUp();
    }
  }, [returned]);
  useEffect(
    () => (): void => {
      recordFilter.value = null;
    },
    [],
  );
  const { id } = place.value;
  return (
    <div class={`activity ${id === '' ? '' : 'something-open'}`}>
      <section class="log" aria-label="Log">
        <header class="view-head">
          <h1>Activity</h1>
          <FilterBar />
        </header>
        <Rows />
      </section>
      {id === '' ? null : (
        <aside class="drawer" aria-label="Details">
          <RecordDetail key={id} id={id} onClose={() => goTo('activity')} />
        </aside>
      )}
    </div>
  );
}

function FilterBar(): VNode {
  const set = (name: keyof Filters, value: string): void => {
    filters.value = { ...filters.value, [name]: value };
  };
  const pick = (name: keyof Filters, label: string, options: readonly (readonly [string, string])[]): VNode => (
    <label class="pick">
      <span class="sr">{label}</span>
      <select value={filters.value[name]} onChange={(event) => set(name, event.currentTarget.value)}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
  const changed = JSON.stringify(filters.value) !== JSON.stringify(NO_FILTERS);
  return (
    <div class="filters" role="search">
      <label class="find">
        <span class="sr">Search in statements and summaries</span>
        <input
          type="search"
          placeholder="Search the whole log …"
          value={filters.value.text}
          onInput={(event) => set('text', event.currentTarget.value)}
        />
      </label>
      {pick('kind', 'Kind', [
        ['actions', 'Actions'],
        ['approvals', 'Approvals'],
        ['incidents', 'Incidents'],
        ['operators', 'Operators'],
        ['connections', 'Connections'],
        ['all', 'Everything'],
      ])}
      {pick('verdict', 'Verdict', [
        ['', 'Any verdict'],
        ['allow', 'Allowed'],
        ['deny', 'Denied'],
        ['approve', 'Parked'],
      ])}
      {pick('risk', 'Tier', [
        ['', 'Any tier'],
        ['safe', 'Safe'],
        ['suspicious', 'Suspicious'],
        ['destructive', 'Destructive'],
      ])}
      {pick('since', 'Time', [
        ['', 'Any time'],
        ['15m', 'Last 15 minutes'],
        ['1h', 'Last hour'],
        ['24h', 'Last day'],
        ['168h', 'Last week'],
      ])}
      {filters.value.device === '' ? null : (
        <button type="button" class="chip" onClick={() => set('device', '')}>
          {filters.value.device} ✕
        </button>
      )}
      {changed ? (
        <button type="button" class="quiet" onClick={() => (filters.value = NO_FILTERS)}>
          Reset
        </button>
      ) : null}
    </div>
  );
}

/** Shows the log of one device. */
export function showDevice(device: string): void {
  filters.value = { ...NO_FILTERS, device };
  goTo('activity');
}

function Rows(): VNode {
  const list = useRef<HTMLDivElement>(null);
  const [held, setHeld] = useState(0);
  const newest = rows.value[0]?.seq ?? 0;
  const fresh = liveRecords.value.filter(({ seq }) => seq > newest);
  useEffect(() => {
    if (frozen.value || state.value !== 'ready') {
      setHeld(fresh.length);
    } else if (fresh.length > 0) {
      rows.value = [...fresh, ...rows.value].slice(0, MAX_ROWS);
      setHeld(0);
    }
  }, [fresh.length, newest, frozen.value, state.value]);
  const onScroll = (): void => {
    frozen.value = (list.current?.scrollTop ?? 0) > 8;
  };
  const toTop = (): void => {
    list.current?.scrollTo({ top: 0 });
    frozen.value = false;
  };
  return (
    <div class="rows" ref={list} onScroll={onScroll}>
      {held > 0 ? (
        <button type="button" class="more-above" onClick={toTop}>
          {held} new ↑
        </button>
      ) : null}
      {state.value === 'loading' && rows.value.length === 0 ? <Spinner what="Searching …" /> : null}
      {state.value === 'failed' ? <Empty title="The log did not answer">{fault.value}</Empty> : null}
      {state.value === 'ready' && rows.value.length === 0 ? (
        <Empty title="Nothing here yet">What agents do appears here as it is written to the log.</Empty>
      ) : null}
      <ol class={state.value === 'loading' ? 'stale' : ''}>
        {rows.value.map((row, index) => (
          <Row key={row.seq} row={row} day={dayAbove(row, rows.value[index - 1])} />
        ))}
      </ol>
      {cursor.value === null ? null : (
        <button type="button" class="quiet wide" onClick={() => void load(cursor.value)}>
          Older
        </button>
      )}
    </div>
  );
}

/** The day that stands above a row: where it is another than that of the newer row, and not today. */
function dayAbove(row: RecordRowJson, newer: RecordRowJson | undefined): string {
  const day = dayOf(row.time);
  return day === (newer === undefined ? dayOf(new Date(nowMs.peek()).toISOString()) : dayOf(newer.time)) ? '' : day;
}

function Row({ row, day }: { readonly row: RecordRowJson; readonly day: string }): VNode {
  const id = row.action_id ?? String(row.seq);
  const text = row.summary ?? row.reason ?? '';
  return (
    <li>
      {day === '' ? null : <h2 class="log-day">{day}</h2>}
      <a href={linkTo('activity', id)} aria-current={place.value.id === id ? 'true' : undefined} class="log-row">
        <time dateTime={row.time} title={dateTime(row.time)}>
          {clockTime(row.time)}
        </time>
        <span class="log-what">
          {row.type === 'action.decided' ? (
            <Verdict verdict={row.verdict} />
          ) : (
            <span class="kind">{row.type.replace('.', ' ')}</span>
          )}
        </span>
        <span class="log-tier">
          <Tier risk={row.risk} />
        </span>
        <span class="log-text">
          <AgentText text={text} />
        </span>
        <span class="log-where">{row.endpoint === null ? (row.by ?? '') : bareName(row.endpoint)}</span>
      </a>
    </li>
  );
}
