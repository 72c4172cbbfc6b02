// The queue of parked requests, oldest first, and the one that is looked at.
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import type { ApprovalJson } from '../../client/approval-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { ApprovalCard } from './approval-card.tsx';
import { fault, isTyping, move, show, shown } from './looking.ts';
import { AgentText, Ago, Empty, Spinner, Tier } from './parts.tsx';
import { linkTo, place } from './route.ts';
import { loadMore, loadQueue, nowMs, pending, queue, queueLoaded } from './state.ts';
import { countdown } from './text.ts';

export function Approvals(): VNode {
  const { id } = place.value;
  useEffect(() => {
    void loadQueue();
  }, []);
  useEffect(() => {
    fault.value = '';
    if (id === '') {
      shown.value = null;
    } else if (shown.value?.id !== id) {
      shown.value = null;
      void show(id);
    }
  }, [id]);
  // Somebody else may have decided about what is looked at.
  const listed = queue.value.find((item) => item.id === id);
  const waits = listed !== undefined;
  const looked = shown.value;
  // Or have said yes where another is needed, or a model or a measurement has come.
  const news = listed === undefined ? '' : newsOf(listed);
  useEffect(() => {
    if (news !== '' && shown.value?.id === id && news !== newsOf(shown.value)) {
      void show(id);
    }
  }, [news, id]);
  useEffect(() => {
    if (queueLoaded.value && !waits && looked !== null && looked.state === 'pending' && looked.id === id) {
      void show(id);
    }
  }, [waits, looked, id]);
  useLayoutEffect(() => {
    addEventListener('keydown', onKey);
    return (): void => removeEventListener('keydown', onKey);
  }, []);
  return (
    <div class={`approvals ${id === '' ? 'nothing-open' : 'something-open'}`}>
      <Queue />
      <div class="detail">
        {id === '' ? (
          <Nothing />
        ) : looked === null ? (
          fault.value === '' ? (
            <Spinner what="Fetching the request …" />
          ) : (
            <Empty title={fault.value}>It may have been removed, or the link is incomplete.</Empty>
          )
        ) : (
          <ApprovalCard key={looked.id} approval={looked} />
        )}
      </div>
    </div>
  );
}

/** What may change on a request while it waits. */
function newsOf({ votes, stage, reviews, effect, expires }: ApprovalJson): string {
  return [votes.length, stage, reviews.length, effect?.lines.length ?? 0, expires].join(' ');
}

function Nothing(): VNode {
  return pending.value === 0 ? (
    <Empty title="Nothing waits for you">
      Requests that need a person appear here the moment an agent makes them. Keep this page open: it rings and counts
      in the title.
    </Empty>
  ) : (
    <Empty title="Choose a request">
      <kbd>j</kbd> and <kbd>k</kbd> move through the queue, <kbd>a</kbd> approves, <kbd>d</kbd> denies.
    </Empty>
  );
}

function Queue(): VNode {
  const items = queue.value;
  const more = pending.value - items.length;
  return (
    <section class="queue" aria-label="Requests that wait">
      <header>
        <h1>Approvals</h1>
        <span class="muted">{pending.value === 0 ? 'none waiting' : `${pending.value} waiting`}</span>
      </header>
      {queueLoaded.value ? null : <Spinner what="Fetching the queue …" />}
      {queueLoaded.value && items.length === 0 ? (
        <div class="queue-empty">
          <Nothing />
        </div>
      ) : null}
      <ol>
        {items.map((item) => (
          <QueueRow key={item.id} item={item} />
        ))}
      </ol>
      {more > 0 ? (
        <button type="button" class="quiet wide" onClick={loadMore}>
          {more} more wait; show the next
        </button>
      ) : null}
    </section>
  );
}

function QueueRow({ item }: { readonly item: ApprovalJson }): VNode {
  const leftMs = Date.parse(item.expires) - nowMs.value;
  const open = place.value.id === item.id;
  return (
    <li>
      <a href={linkTo('approvals', item.id)} aria-current={open ? 'true' : undefined} class={`row row-${item.risk}`}>
        <span class="row-top">
          <Tier risk={item.risk} />
          <span class={`left ${leftMs < 60_000 ? 'soon' : ''}`} title="Time left to answer">
            {countdown(leftMs)}
          </span>
        </span>
        <span class="row-summary">
          <AgentText text={item.summary} />
        </span>
        <span class="row-foot">
          <span>{bareName(item.endpoint)}</span>
          <span>{item.profile}</span>
          <Ago time={item.created} />
        </span>
      </a>
    </li>
  );
}

/** `j` and `k` move; the card has its own keys. Keys that are typed into a field are text. */
function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    return;
  }
  const step = event.key === 'j' ? 1 : event.key === 'k' ? -1 : 0;
  if (step !== 0) {
    event.preventDefault();
    move(step);
  }
}
