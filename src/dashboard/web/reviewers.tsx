// How those decide who are asked: people, and whether they still look; reviewer models; and the leases that were given.
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApproverJson, GrantJson, ReviewerJson } from '../../client/approval-shapes.ts';
import type { ListJson } from '../../client/control-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { CallError, get, messageOf, post } from './api.ts';
import { BrokenGlass } from './break-glass.tsx';
import { AgentText, Ago, Section, Spinner } from './parts.tsx';
import { mayDecide, nowMs, tell } from './state.ts';
import { count, duration } from './text.ts';

export function Reviewers(): VNode {
  return (
    <div class="view">
      <header class="view-head">
        <h1>Reviewers</h1>
      </header>
      <div class="sections">
        <Leases />
        <BrokenGlass />
        <People />
        <Models />
      </div>
    </div>
  );
}

const askGrants = (): Promise<ListJson<GrantJson>> => get('/api/grants');
const askApprovers = (): Promise<ListJson<ApproverJson>> => get('/api/approvers');
const askReviewers = (): Promise<ListJson<ReviewerJson>> => get('/api/reviewers');

/** A list that is asked for again and again; null until the gateway has given it: what is not known yet is not said to be empty. */
function useList<T>(ask: () => Promise<ListJson<T>>): readonly [readonly T[] | null, () => void] {
  const [items, setItems] = useState<readonly T[] | null>(null);
  const load = (): void => {
    ask().then(
      (list) => setItems(list.items),
      (error: unknown) => {
        // A gateway that does not answer is told above the view, once.
        if (!(error instanceof CallError && error.status === 0)) {
          tell(messageOf(error), 'bad');
        }
      },
    );
  };
  useEffect(() => {
    load();
    const timer = setInterval(load, 5_000);
    return (): void => clearInterval(timer);
  }, [ask]);
  return [items, load];
}

function Leases(): VNode {
  const [items, load] = useList(askGrants);
  const revoke = (id: string): void => {
    post(`/api/grants/${id}/revoke`)
      .then(() => tell('Revoked. The next request like it asks again.'))
      .catch((error: unknown) => tell(messageOf(error), 'bad'))
      .finally(load);
  };
  return (
    <Section title="Leases in force">
      {items === null ? <Spinner what="Fetching …" /> : null}
      {items?.length === 0 ? <p class="muted">None. Every request that needs a person asks one.</p> : null}
      <ul class="agents">
        {(items ?? []).map((one) => (
          <li key={one.id} class="agent">
            <div class="agent-top">
              <span class="grow">
                <AgentText text={one.sentence} />
              </span>
              {mayDecide.value && one.state === 'active' ? (
                <button type="button" class="deny" onClick={() => revoke(one.id)}>
                  Revoke
                </button>
              ) : null}
            </div>
            <p class="muted small">
              given by {one.by.join(', ')} · used {count(one.uses)} of {count(one.max_uses)} ·{' '}
              {duration(Date.parse(one.expires) - nowMs.value)} left · {one.device}
            </p>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function People(): VNode {
  const [items] = useList(askApprovers);
  return (
    <Section title="People">
      {items === null ? <Spinner what="Fetching …" /> : null}
      {items?.length === 0 ? <p class="muted">Nobody has decided anything yet.</p> : null}
      <ul class="agents">
        {(items ?? []).map((one) => (
          <li key={one.name} class="agent">
            <div class="agent-top">
              <strong>{one.name}</strong>
              {one.tired ? <span class="mark bad">approves nearly everything, fast</span> : null}
              <span class="hits num">
                {count(one.decided)} decided, {share(one.approved, one.decided)} approved
              </span>
            </div>
            <p class="muted small">
              Of the last {count(one.last_decided)}: {share(one.last_approved, one.last_decided)} approved, half of them
              within {seconds(one.median_s)}
              {one.last === null ? null : (
                <>
                  , last <Ago time={one.last} />
                </>
              )}
            </p>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Models(): VNode {
  const [items] = useList(askReviewers);
  return (
    <Section title="Reviewer models">
      {items === null ? <Spinner what="Fetching …" /> : null}
      {items?.length === 0 ? <p class="muted">No reviewer model is configured.</p> : null}
      <ul class="agents">
        {(items ?? []).map((one) => (
          <li key={one.approver} class="agent">
            <div class="agent-top">
              <strong>{bareName(one.approver)}</strong>
              <span class="muted">{one.model}</span>
              <span class="hits num">
                {one.reviews === 0 ? <span class="muted">not asked yet</span> : reviewsOf(one)}
              </span>
            </div>
            {one.reviews === 0 ? null : (
              <p class="muted small">
                {count(one.input_tokens + one.output_tokens)} tokens
                {one.cost === null ? '' : `, $${one.cost.toFixed(2)}`}, {count(one.cached)} from the cache
                {one.last_trouble === '' ? '' : `; last trouble: ${one.last_trouble}`}
              </p>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function reviewsOf({ reviews, allowed, denied, escalated, failed }: ReviewerJson): string {
  const parts = [
    [allowed, 'allowed'],
    [denied, 'denied'],
    [escalated, 'left to people'],
    [failed, 'failed'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}`);
  return `${count(reviews)} ${reviews === 1 ? 'review' : 'reviews'}: ${told.join(', ')}`;
}

function seconds(value: number): string {
  return value < 1 ? 'a second' : value < 60 ? `${Math.round(value)} s` : duration(value * 1000);
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.round((part / whole) * 100)} %`;
}
