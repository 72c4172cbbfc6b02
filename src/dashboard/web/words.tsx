// Other voices on a request's card, each marked as what it is: the incident, the agent's own words, a model's assessment.
import type { VNode } from 'preact';
import type { ApprovalJson, ReviewJson } from '../../client/approval-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { AgentText, Facts, Section } from './parts.tsx';
import { linkTo } from './route.ts';

/** The alert that the agent is said to work on. */
export function Incident({ approval }: { readonly approval: ApprovalJson }): VNode | null {
  const { context } = approval;
  if (context === null) {
    return null;
  }
  const { id = '', source = '' } = context;
  return (
    <Section title="The incident" aside={<span class="mark bad">others’ words, not checked</span>}>
      <Facts rows={Object.entries(context).map(([name, text]) => [name, <AgentText key={name} text={text} />])} />
      {id === '' || source === '' ? null : (
        <a class="chain-link" href={linkTo('incidents', `${source} ${id}`)}>
          What else was done about it →
        </a>
      )}
    </Section>
  );
}

/** What the agent said of its work when it did this. */
export function AgentWords({ intent, claim }: Pick<ApprovalJson, 'intent' | 'claim'>): VNode | null {
  const claimed = CLAIMED.flatMap(([name, label]): [string, VNode][] => {
    const text = claim?.[name] ?? '';
    return text === '' ? [] : [[label, <AgentText key={name} text={text} />]];
  });
  return (intent === null || intent === '') && claimed.length === 0 ? null : (
    <Section title="What the agent says" aside={<span class="mark bad">the agent’s word, not checked</span>}>
      {intent === null || intent === '' ? null : (
        <blockquote class="words">
          <AgentText text={intent} />
        </blockquote>
      )}
      {claimed.length === 0 ? null : <Facts rows={claimed} />}
    </Section>
  );
}

const CLAIMED = [
  ['incident', 'Incident'],
  ['task', 'Task'],
  ['parent', 'Led to by'],
  ['trace', 'Trace'],
] as const;

export function Reviews({ approval }: { readonly approval: ApprovalJson }): VNode | null {
  return approval.reviews.length === 0 ? null : (
    <Section title="What a model says" aside={<span class="mark bad">a model’s words, not facts</span>}>
      {approval.reviews.map((review) => (
        <Review key={`${review.approver}${review.at}`} review={review} />
      ))}
    </Section>
  );
}

const ANSWERS = { allow: 'would allow it', deny: 'would deny it', escalate: 'leaves it to a person' } as const;

function Review({ review }: { readonly review: ReviewJson }): VNode {
  return (
    <div class="words">
      <p>
        <strong>{bareName(review.approver)}</strong> ({review.model}){' '}
        {review.answer === null ? `gave no answer that counts: ${review.trouble ?? ''}` : ANSWERS[review.answer]}
        {review.risk === null ? '' : `, risk ${review.risk} of 100`}
      </p>
      <ul class="samples">
        {review.reasons.map((reason) => (
          <li key={reason.quote + reason.why}>
            <AgentText text={reason.why} />
            {reason.quote === '' ? null : (
              <span class="muted">
                {' '}
                (<AgentText text={reason.quote} />
                {reason.found ? '' : ': not in the request'})
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
