// The two answers. A destructive request takes a second press to approve; a denial takes words, which the agent is told.
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ApprovalJson, BreakGlassJson } from '../../client/approval-shapes.ts';
import { CallError, messageOf, post, session } from './api.ts';
import { BreakGlass, useOffer } from './break-glass.tsx';
import { draftOf, forgetDraft, keepDraft, resumesDraft, useInterruption } from './drafts.ts';
import { Lease, useLeases } from './lease.tsx';
import { isTyping, move, show, shown } from './looking.ts';
import { mayDecide, queue, tell } from './state.ts';

type Step = 'choosing' | 'confirming' | 'denying' | 'leasing' | 'breaking' | 'sending';

const REASONS: readonly string[] = [
  'Too broad: narrow it down and ask again.',
  'Not now: ask again outside of business hours.',
  'Explain in the incident first why this is needed.',
];

export function Decision({
  approval,
  seenWhole,
}: {
  readonly approval: ApprovalJson;
  readonly seenWhole: boolean;
}): VNode | null {
  const [step, setStep] = useState<Step>(() => (resumesDraft(approval.id) ? 'denying' : 'choosing'));
  const [fault, setFault] = useState('');
  const footer = useRef<HTMLElement>(null);
  useReturn(footer, step);
  useInterruption(approval.id, step === 'denying' || step === 'sending');
  const voted = approval.votes.some(
    ({ by, decision }) => by === session.value?.operator?.name && decision === 'approve',
  );
  const open = approval.state === 'pending' && mayDecide.value && !voted;
  const leases = useLeases(approval, open);
  const offer = useOffer(approval, approval.state === 'pending' && mayDecide.value);
  const send = async (verb: 'approve' | 'deny', words: Words): Promise<void> => {
    setStep('sending');
    setFault('');
    try {
      const digest = approval.request.digest;
      const after = await post<ApprovalJson>(`/api/approvals/${approval.id}/${verb}`, {
        digest,
        together: words.break_glass === undefined ? String(Math.max(1, approval.alike)) : '1',
        ...words,
      });
      shown.value = after;
      forgetDraft(approval.id);
      tell(wordsFor(after));
    } catch (error) {
      setFault(faultText(error));
      if (error instanceof CallError && ['decided', 'wrong_digest', 'not_found'].includes(error.code)) {
        void show(approval.id);
      }
    }
    setStep('choosing');
  };
  const approve = (): void => {
    if (!seenWhole) {
      setFault('Show the rest of the request first.');
    } else if (approval.risk === 'destructive' && step !== 'confirming') {
      setStep('confirming');
    } else {
      void send('approve', {});
    }
  };
  const glass = <Glass offer={offer} seenWhole={seenWhole} step={step} setStep={setStep} send={send} />;
  useKeys({ open, step, approve, deny: () => setStep('denying'), back: () => setStep('choosing') });
  if (!open) {
    return (
      <Closed approval={approval} voted={voted} fault={fault}>
        {glass}
      </Closed>
    );
  }
  return (
    <footer class="decision" ref={footer}>
      <p class="fault" role="alert">
        {fault}
      </p>
      {step === 'leasing' ? (
        <Lease
          previews={leases}
          onApprove={(grant) => void send('approve', { grant })}
          onBack={() => setStep('choosing')}
        />
      ) : step === 'denying' ? (
        <Deny id={approval.id} onSend={(note) => void send('deny', { note })} onBack={() => setStep('choosing')} />
      ) : step === 'breaking' ? null : (
        <Answers step={step} approve={approve} setStep={setStep} leasable={leases.length > 0 && seenWhole} />
      )}
      {glass}
    </footer>
  );
}

/** The way to decide alone, for whom the gateway offers it. */
function Glass({
  offer,
  seenWhole,
  step,
  setStep,
  send,
}: {
  offer: BreakGlassJson | null;
  seenWhole: boolean;
  step: Step;
  setStep: (step: Step) => void;
  send: (verb: 'approve', words: Words) => Promise<void>;
}): VNode | null {
  return offer === null || (step !== 'choosing' && step !== 'breaking') ? null : step === 'breaking' ? (
    <BreakGlass
      offer={offer}
      seenWhole={seenWhole}
      onBreak={(reason) => void send('approve', { break_glass: reason })}
      onBack={() => setStep('choosing')}
    />
  ) : (
    <button type="button" class="quiet glass-open" onClick={() => setStep('breaking')}>
      Break glass …
    </button>
  );
}

/** What goes with an answer. */
interface Words {
  readonly note?: string;
  readonly grant?: string;
  readonly break_glass?: string;
}

function Answers({
  step,
  approve,
  setStep,
  leasable,
}: {
  step: Step;
  approve: () => void;
  setStep: (step: Step) => void;
  leasable: boolean;
}): VNode {
  const busy = step === 'sending';
  const words = {
    choosing: 'Approve',
    denying: 'Approve',
    leasing: 'Approve',
    breaking: 'Approve',
    sending: 'One moment …',
    confirming: 'Yes, approve this destructive request',
  };
  return (
    <div class="answers">
      <button type="button" class="deny" disabled={busy} onClick={() => setStep('denying')}>
        Deny <kbd>d</kbd>
      </button>
      <button
        type="button"
        class={`approve ${step}`}
        disabled={busy}
        onClick={approve}
        onKeyDown={(event) => {
          // An Enter that is held down is one press too: it must not go on to what the second press confirms.
          if (event.repeat) {
            event.preventDefault();
          }
        }}
      >
        {words[step]} <kbd>a</kbd>
      </button>
      {step === 'confirming' ? (
        <button type="button" class="quiet" onClick={() => setStep('choosing')}>
          Cancel
        </button>
      ) : leasable ? (
        <button type="button" class="quiet" disabled={busy} onClick={() => setStep('leasing')}>
          Approve with a lease …
        </button>
      ) : null}
    </div>
  );
}

function Closed({
  approval,
  voted,
  fault,
  children,
}: {
  approval: ApprovalJson;
  voted: boolean;
  fault: string;
  children: ComponentChildren;
}): VNode {
  const text =
    approval.state !== 'pending'
      ? ''
      : voted
        ? 'You approved it. It waits for another person.'
        : 'You can look at requests. Deciding takes the role approver.';
  const next = queue.value.some(({ id }) => id !== approval.id);
  if (text === '' && !next && fault === '') {
    // An empty bar would only cover what is read.
    return <>{children}</>;
  }
  return (
    <footer class="decision closed">
      <p class="fault" role="alert">
        {fault}
      </p>
      <div class="answers">
        {text === '' ? null : <span class="muted">{text}</span>}
        {next ? (
          <button type="button" onClick={() => move(1)}>
            Next request <kbd>j</kbd>
          </button>
        ) : null}
      </div>
      {children}
    </footer>
  );
}

interface DenyProps {
  readonly id: string;
  readonly onSend: (note: string) => void;
  readonly onBack: () => void;
}

function Deny({ id, onSend, onBack }: DenyProps): VNode {
  const [note, setText] = useState(() => draftOf(id));
  const setNote = (text: string): void => {
    setText(text);
    keepDraft(id, text);
  };
  const field = useRef<HTMLTextAreaElement>(null);
  // Not after the paint: keys that are typed meanwhile would be shortcuts of the page.
  useLayoutEffect(() => field.current?.focus(), []);
  const submit = (): void => {
    if (note.trim() === '') {
      field.current?.focus();
    } else {
      onSend(note.trim());
    }
  };
  return (
    <form
      class="deny-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          submit();
        } else if (event.key === 'Escape') {
          onBack();
        }
      }}
    >
      <label>
        Why not? The agent is told this, word for word.
        <textarea
          ref={field}
          rows={2}
          maxLength={2000}
          required
          value={note}
          aria-describedby="deny-keys"
          onInput={(event) => setNote(event.currentTarget.value)}
        />
      </label>
      <p class="muted small" id="deny-keys">
        <kbd>Ctrl</kbd>+<kbd>Enter</kbd> sends it, <kbd>Enter</kbd> starts a new line, <kbd>Esc</kbd> goes back.
      </p>
      <div class="reasons">
        {REASONS.map((reason) => (
          <button key={reason} type="button" class="chip" onClick={() => setNote(reason)}>
            {reason}
          </button>
        ))}
      </div>
      <div class="answers">
        <button type="button" class="quiet" onClick={onBack}>
          Back
        </button>
        <button type="submit" class="deny solid" disabled={note.trim() === ''}>
          Deny with this reason
        </button>
      </div>
    </form>
  );
}

/** The button that leads to a step. */
const OPENED_BY: Partial<Readonly<Record<Step, string>>> = {
  denying: 'button.deny',
  confirming: 'button.approve',
  leasing: 'button.quiet',
  breaking: '.glass-open',
};

/** After a form was left, the keyboard is where the form was opened from, not at the top of the page. */
function useReturn(footer: { readonly current: HTMLElement | null }, step: Step): void {
  const last = useRef(step);
  useEffect(() => {
    const from = last.current;
    last.current = step;
    const nowhere = document.activeElement === null || document.activeElement === document.body;
    if (step !== 'choosing' || !nowhere) {
      return;
    }
    const button = OPENED_BY[from];
    if (button !== undefined) {
      footer.current?.querySelector<HTMLElement>(button)?.focus();
    }
  }, [step]);
}

function useKeys(on: { open: boolean; step: Step; approve: () => void; deny: () => void; back: () => void }): void {
  const latest = useRef(on);
  latest.current = on;
  // With the card itself: a key that is pressed as soon as it is seen counts.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { open, step, approve, deny, back } = latest.current;
      // A key that is held down is one press.
      if (!open || event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
        return;
      }
      if (event.key === 'a' && (step === 'choosing' || step === 'confirming')) {
        event.preventDefault();
        approve();
      } else if (event.key === 'd' && step !== 'sending' && step !== 'breaking') {
        event.preventDefault();
        deny();
      } else if (event.key === 'Escape') {
        back();
      }
    };
    addEventListener('keydown', onKey);
    return (): void => removeEventListener('keydown', onKey);
  }, []);
}

function wordsFor({ state, required, votes }: ApprovalJson): string {
  const yes = votes.filter(({ decision }) => decision === 'approve').length;
  switch (state) {
    case 'approved':
      return 'Approved. The agent’s request goes on.';
    case 'denied':
      return 'Denied. The agent is told why.';
    case 'pending':
      return `Your approval counts: ${Math.min(yes, required)} of ${required}.`;
    case 'expired':
    case 'cancelled':
      return `It is ${state} already.`;
  }
}

function faultText(error: unknown): string {
  if (!(error instanceof CallError)) {
    return messageOf(error);
  }
  switch (error.code) {
    case 'decided':
      return 'You were not the first: it is decided already, as you see above. Your answer changed nothing.';
    case 'wrong_digest':
      return 'What waits is not what this page showed. Nothing was approved; look at it again.';
    default:
      return error.message;
  }
}
