// Approving with a lease: what is like this request may pass for a while without asking. Said as a sentence, with what it would have
// covered, before it is given.
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApprovalJson, GrantPreviewJson } from '../../client/approval-shapes.ts';
import { get } from './api.ts';
import { AgentText } from './parts.tsx';
import { count } from './text.ts';

type Scope = GrantPreviewJson['scope'];

const MINUTES: readonly number[] = [5, 15, 30, 60, 240, 1440];

/** What could be leased of a request, widest first; [] where the gateway gives no leases for it. */
export function useLeases(approval: ApprovalJson, open: boolean): readonly GrantPreviewJson[] {
  const [previews, setPreviews] = useState<readonly GrantPreviewJson[]>([]);
  const { id } = approval;
  useEffect(() => {
    if (!open) {
      return;
    }
    Promise.all(
      (['shape', 'exact'] as const).map((scope) => get<GrantPreviewJson>(`/api/approvals/${id}/grant?scope=${scope}`)),
    ).then(
      (found) => setPreviews(found.filter(({ sentence }) => sentence !== null)),
      // No lease is no trouble: one can always approve once.
      () => setPreviews([]),
    );
  }, [id, open]);
  return previews;
}

export function Lease({
  previews,
  onApprove,
  onBack,
}: {
  readonly previews: readonly GrantPreviewJson[];
  readonly onApprove: (grant: string) => void;
  readonly onBack: () => void;
}): VNode {
  const [scope, setScope] = useState<Scope>(previews[0]?.scope ?? 'exact');
  const preview = previews.find((one) => one.scope === scope);
  const longest = (preview?.max_duration_s ?? 0) / 60;
  const choices = MINUTES.filter((minutes) => minutes <= longest);
  const [minutes, setMinutes] = useState(choices.includes(15) ? 15 : (choices.at(-1) ?? Math.floor(longest)));
  const [uses, setUses] = useState(Math.min(20, preview?.max_uses ?? 1));
  if (preview === undefined) {
    return <p class="fault">There is no lease for this request.</p>;
  }
  return (
    <form
      class="lease"
      onSubmit={(event) => {
        event.preventDefault();
        onApprove(`${minutes}m,uses=${uses},scope=${scope}`);
      }}
    >
      <div class="lease-row">
        <label>
          What
          <select
            value={scope}
            onChange={(event) => setScope(event.currentTarget.value === 'shape' ? 'shape' : 'exact')}
          >
            {previews.map((one) => (
              <option key={one.scope} value={one.scope}>
                {one.scope === 'shape' ? 'Requests of this shape' : 'Exactly this request'}
              </option>
            ))}
          </select>
        </label>
        <label>
          For
          <select value={minutes} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
            {(choices.length === 0 ? [minutes] : choices).map((one) => (
              <option key={one} value={one}>
                {one < 60 ? `${one} minutes` : `${one / 60} h`}
              </option>
            ))}
          </select>
        </label>
        <label>
          At most
          <input
            type="number"
            min={1}
            max={preview.max_uses}
            value={uses}
            onInput={(event) => setUses(Number(event.currentTarget.value))}
          />
        </label>
      </div>
      <Covers preview={preview} />
      <div class="answers">
        <button type="button" class="quiet" onClick={onBack}>
          Back
        </button>
        <button type="submit" class="approve">
          Approve, and its like for {minutes < 60 ? `${minutes} min` : `${minutes / 60} h`}
        </button>
      </div>
    </form>
  );
}

/** What it says, and what it would have let through. */
function Covers({ preview }: { readonly preview: GrantPreviewJson }): VNode {
  return (
    <>
      <p>{preview.sentence}</p>
      <p class="muted">
        In the last week it would have covered {count(preview.last_week.covered)} of{' '}
        {count(preview.last_week.looked_at)} actions{preview.last_week.truncated ? ' (the newest)' : ''}.
      </p>
      <ul class="samples">
        {preview.last_week.samples.map((sample) => (
          <li key={sample.action_id}>
            <AgentText text={sample.summary} />
          </li>
        ))}
      </ul>
    </>
  );
}
