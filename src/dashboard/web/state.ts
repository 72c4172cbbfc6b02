// What the page knows: the queue as the gateway has it, what it was told live, and what it tells the reader.
import { batch, computed, effect, signal } from '@preact/signals';
import type { ApprovalJson } from '../../client/approval-shapes.ts';
import type { ListJson, RecordRowJson } from '../../client/control-shapes.ts';
import { clockAheadMs, get, loadSession, loggedOut, session } from './api.ts';
import { chime } from './chime.ts';
import { place } from './route.ts';

/** Rows of the queue that are asked for at first, and again with each "more". */
const PAGE = 100;
/** Live records that are kept. */
const MAX_RECORDS = 400;

export const queue = signal<readonly ApprovalJson[]>([]);
/** All that wait, on every page of the queue. */
export const pending = signal(0);
export const queueLoaded = signal(false);
const wanted = signal(PAGE);

/** The gateway's time, once a second. */
export const nowMs = signal(Date.now());
setInterval(() => {
  nowMs.value = Date.now() + clockAheadMs.value;
}, 1000);

/** `live`: told as it happens. `waiting`: the stream broke off and is tried again. */
export const link = signal<'connecting' | 'live' | 'waiting'>('connecting');

/** How often the gateway has said that somebody decided alone; the first time is the stream's own beginning. */
export const alarms = signal(0);

/** A short word to the reader, which also a screen reader says. */
export const notice = signal<{ readonly text: string; readonly kind: 'good' | 'bad' } | null>(null);

/** Newest first. */
export const liveRecords = signal<readonly RecordRowJson[]>([]);
/** What the stream of records is asked for; null while nobody looks at it. */
export const recordFilter = signal<string | null>(null);
/** How often the stream has come back after it broke off: what was told meanwhile was told to nobody. */
export const returns = signal(0);

export const mayDecide = computed(() => {
  const role = session.value?.operator?.role;
  return role === 'approver' || role === 'admin';
});

export const isAdmin = computed(() => session.value?.operator?.role === 'admin');

/** Whether this account is scoped to no profiles. */
export const seesAll = computed(() => (session.value?.operator?.profiles ?? null) === null);

let noticeTimer = 0;

export function tell(text: string, kind: 'good' | 'bad' = 'good'): void {
  notice.value = { text, kind };
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => {
    notice.value = null;
  }, 6_000);
}

let loading = false;
let stale = false;

/** Asks for the queue; while an answer is under way, once more after it. */
export async function loadQueue(): Promise<void> {
  if (loading) {
    stale = true;
    return;
  }
  loading = true;
  try {
    do {
      stale = false;
      const list = await get<ListJson<ApprovalJson>>(`/api/approvals?limit=${Math.min(1000, wanted.value)}`);
      const total = list.total ?? list.items.length;
      if (queueLoaded.value && total > pending.value) {
        chime();
      }
      batch(() => {
        queue.value = list.items;
        pending.value = total;
        queueLoaded.value = true;
      });
    } while (stale);
  } catch {
    // The stream tells when the gateway is back, and asks again.
  } finally {
    loading = false;
  }
}

export function loadMore(): void {
  wanted.value += PAGE;
  void loadQueue();
}

/** The gateway cuts the stream of whoever sees something else from now on: what is shown here, and what is not, is begun anew. */
async function noticeScope(): Promise<void> {
  const before = JSON.stringify(session.value?.operator?.profiles);
  await loadSession().catch(() => undefined);
  if (session.value?.operator && JSON.stringify(session.value.operator.profiles) !== before) {
    location.reload();
  }
}

let stream: EventSource | null = null;
let retry = 0;

function closeStream(): void {
  clearTimeout(retry);
  stream?.close();
  stream = null;
}

function openStream(filter: string | null): void {
  closeStream();
  const source = new EventSource(`/api/live${filter === null ? '' : `?records=1${filter}`}`);
  stream = source;
  source.addEventListener('open', () => {
    const back = link.value === 'waiting';
    link.value = 'live';
    if (back) {
      void noticeScope();
      returns.value += 1;
    }
  });
  source.addEventListener('approvals', () => void loadQueue());
  source.addEventListener('break_glass', () => alarms.value++);
  source.addEventListener('records', (event) => {
    const { items }: { items: RecordRowJson[] } = JSON.parse(String(event.data));
    liveRecords.value = [...items.toReversed(), ...liveRecords.value].slice(0, MAX_RECORDS);
  });
  source.addEventListener('ended', () => {
    closeStream();
    loggedOut();
  });
  source.addEventListener('error', () => {
    link.value = 'waiting';
    // Refused with a status: the browser gives up, and we ask why.
    if (source.readyState === EventSource.CLOSED && stream === source) {
      retry = setTimeout(() => {
        loadSession()
          .catch(() => undefined)
          .finally(() => stream === source && openStream(recordFilter.value));
      }, 3_000);
    }
  });
}

// Before the effects: they run as soon as they are made.
const TITLES: Readonly<Record<typeof place.value.section, string>> = {
  approvals: 'Approvals',
  activity: 'Activity',
  agents: 'Agents',
  incidents: 'Incidents',
  policy: 'Policy',
  reviewers: 'Reviewers',
  account: 'Account',
  setup: 'Set up',
};

const loggedIn = computed(() => session.value?.operator?.name ?? null);

effect(() => {
  const name = loggedIn.value;
  const filter = recordFilter.value;
  if (name === null) {
    closeStream();
    queue.value = [];
    queueLoaded.value = false;
  } else {
    openStream(filter);
  }
});

effect(() => {
  const waits = loggedIn.value === null ? 0 : pending.value;
  const title = TITLES[place.value.section];
  document.title = `${waits > 0 ? `(${waits}) ` : ''}${title} · Claw Patrol`;
});
