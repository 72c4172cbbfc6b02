// One parked request with everything that a person needs to decide about it, and the two answers. What is sent with an answer is the
// digest of what this card shows: the gateway refuses an answer to anything else.
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApprovalJson } from '../../client/approval-shapes.ts';
import type { ListJson, RecordRowJson } from '../../client/control-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { get } from './api.ts';
import { Decision } from './decision.tsx';
import { Earlier, EARLIER_RECORDS, latestOf } from './earlier.tsx';
import { ReadFacts } from './facts.tsx';
import { AgentText, Ago, Facts, Section, Tier } from './parts.tsx';
import { Request, useWholeView } from './request.tsx';
import { linkTo } from './route.ts';
import { nowMs } from './state.ts';
import { AgentWords, Incident, Reviews } from './words.tsx';
import { countdown, dateTime } from './text.ts';

export function ApprovalCard({ approval }: { readonly approval: ApprovalJson }): VNode {
  const view = useWholeView(approval);
  return (
    <article class={`card card-${approval.risk}`} aria-labelledby="card-title">
      <Head approval={approval} />
      <div class="card-body">
        <Outcome approval={approval} />
        <Request request={approval.request} view={view} />
        <EffectPart approval={approval} />
        <Why approval={approval} />
        <Incident approval={approval} />
        <AgentWords intent={approval.intent} claim={approval.claim} />
        <Reviews approval={approval} />
        <ReadFacts facts={approval.facts} />
        <Who approval={approval} />
        <Before approval={approval} />
      </div>
      <Decision approval={approval} seenWhole={view.whole} />
    </article>
  );
}

function Head({ approval }: { readonly approval: ApprovalJson }): VNode {
  const leftMs = Date.parse(approval.expires) - nowMs.value;
  return (
    <header class="card-head">
      <a class="back" href={linkTo('approvals')}>
        ← All requests
      </a>
      <div class="card-line">
        <Tier risk={approval.risk} />
        <span class="muted">
          <strong>{bareName(approval.endpoint)}</strong> · {approval.profile} · {approval.device}
        </span>
        {approval.state === 'pending' ? (
          <span class={`left ${leftMs < 60_000 ? 'soon' : ''}`}>{countdown(leftMs)} left</span>
        ) : (
          <span class={`state state-${approval.state}`}>{approval.state}</span>
        )}
      </div>
      <h2 id="card-title">
        <AgentText text={approval.summary} />
      </h2>
      {approval.alike > 1 ? (
        <p class="warn">{approval.alike} equal requests wait. Your answer is for all of them that this page shows.</p>
      ) : null}
      {approval.in_transaction ? (
        <p class="warn">It is inside an open transaction and holds its locks while it waits.</p>
      ) : null}
    </header>
  );
}

/** What became of it, when it no longer waits. */
function Outcome({ approval }: { readonly approval: ApprovalJson }): VNode | null {
  if (approval.state === 'pending') {
    return null;
  }
  const decider = approval.votes.findLast(
    ({ decision }) => decision === (approval.state === 'denied' ? 'deny' : 'approve'),
  );
  const note = decider?.note ?? '';
  const broken = (decider?.break_glass ?? null) !== null;
  return (
    <div class={`outcome outcome-${approval.state}`} role="status">
      <strong>
        {approval.state === 'approved'
          ? broken
            ? 'Approved alone, by break-glass,'
            : 'Approved'
          : approval.state === 'denied'
            ? 'Denied'
            : approval.state === 'expired'
              ? 'Expired'
              : 'Cancelled'}
        {decider === undefined || approval.state === 'expired' || approval.state === 'cancelled'
          ? ''
          : ` by ${decider.by}`}
      </strong>
      <span>
        {approval.decided === null ? '' : dateTime(approval.decided)}
        {approval.ended === '' ? '' : ` · ${approval.ended}`}
      </span>
      {note === '' ? null : <q>{note}</q>}
    </div>
  );
}

function EffectPart({ approval }: { readonly approval: ApprovalJson }): VNode | null {
  const { effect } = approval;
  if (effect === null) {
    return null;
  }
  return (
    <Section title="What it would do" aside={<span class="muted">measured by the gateway, without running it</span>}>
      <ul class="effect">
        {effect.lines.map((line, index) => (
          <li key={index} class={changeOf(line)}>
            <AgentText text={line} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** A line of a difference, as the gateway writes it: `- ` is what is there, `+ ` what would be. */
function changeOf(line: string): string | undefined {
  return line.startsWith('- ') ? 'gone' : line.startsWith('+ ') ? 'come' : undefined;
}

function Why({ approval }: { readonly approval: ApprovalJson }): VNode {
  const { rule, reason, risk, risk_causes: causes, approvers, stage, required, votes } = approval;
  const yes = votes.filter(({ decision }) => decision === 'approve');
  return (
    <Section title="Why you are asked">
      <Facts
        rows={[
          ['Rule', rule === '' ? `none matched; the tier ${risk} asks` : rule],
          ['Reason', reason],
          ['Tier', causes.length === 0 ? risk : `${risk}: ${causes.join(', ')}`],
          [
            'Asked',
            approvers.map((ref, index) => (
              <span key={ref} class={index === stage && approval.state === 'pending' ? 'asked-now' : 'muted'}>
                {index > 0 ? ' → ' : ''}
                {bareName(ref)}
              </span>
            )),
          ],
          ['Needed', required > 1 ? `${required} people; ${yes.length} so far` : null],
        ]}
      />
      {votes.length === 0 ? null : (
        <ul class="votes">
          {votes.map((vote) => (
            <li key={`${vote.by}${vote.at}`}>
              <strong>{vote.by}</strong>{' '}
              {vote.break_glass === null ? (
                VOTED[vote.decision]
              ) : (
                <span class="mark bad">break-glass: approved alone</span>
              )}{' '}
              <span class="muted">
                {vote.via}, <Ago time={vote.at} />
              </span>
              {vote.note === '' ? null : <q>{vote.note}</q>}
              {vote.break_glass === null ? null : <span class="muted"> Overruled: {vote.break_glass.join('; ')}.</span>}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

const VOTED = { approve: 'approved', deny: 'denied', escalate: 'passed it on' } as const;

function Who({ approval }: { readonly approval: ApprovalJson }): VNode {
  return (
    <Section title="Who asks">
      <Facts
        rows={[
          ['Device', approval.device],
          ['Profile', approval.profile],
          ['From', approval.agent_ip],
          ['Run', approval.run],
          ['Asked at', dateTime(approval.created)],
          ['Action', <code key="id">{approval.action_id}</code>],
        ]}
      />
    </Section>
  );
}

/** What the same agent did just before. */
function Before({ approval }: { readonly approval: ApprovalJson }): VNode | null {
  const [rows, setRows] = useState<readonly RecordRowJson[]>([]);
  const { device, created, action_id: actionId } = approval;
  useEffect(() => {
    const query = new URLSearchParams({
      device,
      until: created,
      types: 'action.decided',
      limit: String(EARLIER_RECORDS),
    });
    get<ListJson<RecordRowJson>>(`/api/audit?${query}`)
      .then(({ items }) => setRows(latestOf(items.filter((row) => row.action_id !== actionId))))
      .catch(() => undefined);
  }, [device, created, actionId]);
  if (rows.length === 0) {
    return null;
  }
  return (
    <Section title="What it did before this">
      <Earlier rows={rows} />
    </Section>
  );
}
