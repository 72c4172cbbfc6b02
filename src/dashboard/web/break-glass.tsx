// Break-glass: deciding alone, in an emergency, what takes more people. Far from the ordinary buttons, without a key of its own, with a
// reason that everybody is told; and who did so lately, on every page.
import type { VNode } from 'preact';
import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ApprovalJson, BreakGlassJson, VoteJson } from '../../client/approval-shapes.ts';
import type { ListJson } from '../../client/control-shapes.ts';
import { get } from './api.ts';
import { chime } from './chime.ts';
import { AgentText, Ago, Section } from './parts.tsx';
import { linkTo } from './route.ts';
import { alarms, nowMs } from './state.ts';

/** As the gateway wants it. */
const MIN_REASON_CHARS = 10;
/** How long it stays on every page, unless it is put away. */
const SHOWN_MS = 24 * 3_600_000;
const KEPT = 20;
const PUT_AWAY = 'clawpatrol.break-glass.seen';

/** What somebody decided alone, newest first. */
export const broken = signal<readonly ApprovalJson[]>([]);
const putAway = signal<readonly string[]>((localStorage.getItem(PUT_AWAY) ?? '').split(' '));

let known: ReadonlySet<string> | null = null;

/** Asks what was decided so; rings when there is something new. */
async function loadBroken(): Promise<void> {
  const { items } = await get<ListJson<ApprovalJson>>(`/api/break-glass?limit=${KEPT}`);
  if (known !== null && items.some(({ id }) => known?.has(id) !== true)) {
    chime();
  }
  known = new Set(items.map(({ id }) => id));
  broken.value = items;
}

/** The votes by which it was decided so. */
function brokenVotes({ votes }: Pick<ApprovalJson, 'votes'>): readonly VoteJson[] {
  return votes.filter(({ break_glass: missing }) => missing !== null);
}

/** Who did so in the last day, on every page until it is put away. */
export function Alarm(): VNode | null {
  const told = alarms.value;
  useEffect(() => {
    if (told > 0) {
      void loadBroken().catch(() => undefined);
    }
  }, [told]);
  const one = broken.value.find(({ id, votes }) => {
    const at = Date.parse(brokenVotes({ votes }).at(-1)?.at ?? '');
    return nowMs.value - at < SHOWN_MS && !putAway.value.includes(id);
  });
  const vote = one === undefined ? undefined : brokenVotes(one).at(-1);
  if (one === undefined || vote === undefined) {
    return null;
  }
  const hide = (): void => {
    putAway.value = [...putAway.value.slice(1 - KEPT), one.id];
    localStorage.setItem(PUT_AWAY, putAway.value.join(' '));
  };
  return (
    <div class="glass-alarm" role="alert">
      <span>
        <strong>Break-glass</strong> by <strong>{vote.by}</strong>, <Ago time={vote.at} />: {vote.note}
      </span>
      <a href={linkTo('approvals', one.id)}>Look at it</a>
      <button type="button" class="quiet" onClick={hide}>
        Put away
      </button>
    </div>
  );
}

/** Those of late, on the page Reviewers. */
export function BrokenGlass(): VNode {
  return (
    <Section title="Break-glass">
      {broken.value.length === 0 ? <p class="muted">Nobody has decided alone what takes more people.</p> : null}
      <ul class="agents">
        {broken.value.flatMap((one) =>
          brokenVotes(one).map((vote) => (
            <li key={one.id + vote.at} class="agent">
              <div class="agent-top">
                <strong>{vote.by}</strong>
                <span class="mark bad">decided alone</span>
                <span class="grow" />
                <span class={`state state-${one.state}`}>{one.state}</span>
              </div>
              <a href={linkTo('approvals', one.id)}>
                <AgentText text={one.summary} />
              </a>
              <p class="small">{vote.note}</p>
              <p class="muted small">
                <Ago time={vote.at} /> · {vote.break_glass?.join('; ')}
              </p>
            </li>
          )),
        )}
      </ul>
    </Section>
  );
}

/** What deciding alone would overrule; null where it is not for this person. */
export function useOffer(approval: ApprovalJson, open: boolean): BreakGlassJson | null {
  const [offer, setOffer] = useState<BreakGlassJson | null>(null);
  const { id, stage, approver, votes } = approval;
  const count = votes.length;
  useEffect(() => {
    setOffer(null);
    if (open) {
      get<BreakGlassJson>(`/api/approvals/${id}/break-glass`).then(
        (found) => setOffer(found.offered ? found : null),
        () => setOffer(null),
      );
    }
  }, [id, open, stage, approver, count]);
  return offer;
}

/** The reason, and a box to tick before the button can be pressed. No key leads here or through it. */
export function BreakGlass({
  offer,
  seenWhole,
  onBreak,
  onBack,
}: {
  readonly offer: BreakGlassJson;
  readonly seenWhole: boolean;
  readonly onBreak: (reason: string) => void;
  readonly onBack: () => void;
}): VNode {
  const [reason, setReason] = useState('');
  const [sure, setSure] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  // Not after the paint: keys that are typed meanwhile would be shortcuts of the page.
  useLayoutEffect(() => field.current?.focus(), []);
  const ready = sure && seenWhole && reason.trim().length >= MIN_REASON_CHARS;
  return (
    <form
      class="glass-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) {
          onBreak(reason.trim());
        }
      }}
    >
      <p>You decide this request alone. What you overrule:</p>
      <ul>
        {offer.missing.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <label>
        Why now, and why alone? Everybody is told this, word for word.
        <textarea
          ref={field}
          rows={2}
          minLength={MIN_REASON_CHARS}
          maxLength={2000}
          required
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <label class="sure">
        <input type="checkbox" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} />
        All other approvers and admins are called at once, and it stays in the log.
      </label>
      {seenWhole ? null : <p class="fault">Show the rest of the request first.</p>}
      <div class="answers">
        <button type="button" class="quiet" onClick={onBack}>
          Back
        </button>
        <button type="submit" class="deny solid" disabled={!ready}>
          Break the glass and approve
        </button>
      </div>
    </form>
  );
}
