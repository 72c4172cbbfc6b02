// One action from its first record to its last: what it was, how it was read, what was decided, by whom, and what came of it.
import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ListJson, RecordJson } from '../../client/control-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { get, messageOf } from './api.ts';
import { flatten, ReadFacts } from './facts.tsx';
import { AgentText, Copy, Empty, Facts, Section, Spinner, Tier, Verdict } from './parts.tsx';
import { RequestText } from './request.tsx';
import { fixtureOf, readDecided, ruleOf } from './reuse.ts';
import { AgentWords } from './words.tsx';
import { dateTime, splitRequest } from './text.ts';

export function RecordDetail({ id, onClose }: { readonly id: string; readonly onClose: () => void }): VNode {
  const [records, setRecords] = useState<readonly RecordJson[] | null>(null);
  const [fault, setFault] = useState('');
  useEffect(() => {
    get<ListJson<RecordJson>>(`/api/audit/show/${encodeURIComponent(id)}`)
      .then(({ items }) => setRecords(items))
      .catch((error: unknown) => setFault(messageOf(error)));
  }, [id]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') {
        onClose();
      }
    };
    addEventListener('keydown', onKey);
    return (): void => removeEventListener('keydown', onKey);
  }, [onClose]);
  return (
    <div class="record">
      <header class="record-head">
        <h2>{records?.[0]?.action_id === null ? 'Record' : 'Action'}</h2>
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
      </header>
      {fault === '' ? (
        records === null ? (
          <Spinner what="Fetching …" />
        ) : (
          <Whole records={records} />
        )
      ) : (
        <Empty title={fault} />
      )}
    </div>
  );
}

function Whole({ records }: { readonly records: readonly RecordJson[] }): VNode | null {
  const told = records.find(({ text }) => text !== null) ?? records[0];
  const lines = useMemo(() => splitRequest(told?.text ?? ''), [told]);
  if (told === undefined) {
    return null;
  }
  const last = records.findLast(({ verdict, type }) => verdict !== null && type === 'action.decided');
  return (
    <>
      <p class="card-line">
        <Verdict verdict={last?.verdict ?? told.verdict} />
        <Tier risk={told.risk} />
      </p>
      {told.text === null ? (
        <p>
          <AgentText text={told.summary ?? told.reason ?? told.type} />
        </p>
      ) : (
        <Section title="The request" aside={<Copy text={told.text} />}>
          <RequestText view={{ lines }} />
          {told.text_complete ? null : <p class="warn">Only the beginning is stored; the digest covers all of it.</p>}
        </Section>
      )}
      <Section title="Decision">
        <Facts
          rows={[
            ['Rule', (last ?? told).rule],
            ['By', (last ?? told).by],
            [
              'Reason',
              (last ?? told).reason === null ? null : <AgentText key="reason" text={(last ?? told).reason ?? ''} />,
            ],
            [
              'Endpoint',
              told.endpoint === null ? null : `${bareName(told.endpoint)} (${told.endpoint.split('.')[0] ?? ''})`,
            ],
            ['Device', told.device],
            ['Profile', told.profile],
            ['From', told.agent_ip],
            ['Run', told.run],
            ['Action', told.action_id === null ? null : <code key="id">{told.action_id}</code>],
          ]}
        />
      </Section>
      <AgentWords {...claimOf(last ?? told)} />
      <Reuse records={records} />
      <Timeline records={records} />
      <ReadFacts facts={told.facts} />
    </>
  );
}

/** What the agent said of its work: in a record of a decision, and in that of the saying itself. */
function claimOf({ data }: RecordJson): Parameters<typeof AgentWords>[0] {
  const found: unknown = typeof data === 'object' && data !== null && 'claim' in data ? data.claim : {};
  const said = new Map(flatten(found));
  const text = (name: string): string => said.get(name) ?? '';
  const claim = { incident: text('incident'), task: text('task'), parent: text('parent'), trace: text('trace') };
  return { intent: text('intent'), claim };
}

function Timeline({ records }: { readonly records: readonly RecordJson[] }): VNode {
  return (
    <Section title="What happened">
      <ol class="timeline">
        {records.map((record) => (
          <li key={record.seq}>
            <time dateTime={record.time}>{dateTime(record.time)}</time>
            <span>
              <strong>{WORDS[record.type] ?? record.type}</strong>
              {record.by === null ? '' : ` · ${record.by}`}
              {record.reason === null || record.reason === '' ? null : (
                <span class="muted">
                  {' '}
                  · <AgentText text={record.reason} />
                </span>
              )}
              {record.outcome === null || record.outcome === undefined ? null : <Outcome outcome={record.outcome} />}
            </span>
            <span class="muted num" title={record.hash}>
              #{record.seq}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

const WORDS: Readonly<Record<string, string>> = {
  'action.decided': 'Decided',
  'action.settled': 'Outcome',
  'approval.created': 'Held for approval',
  'approval.reviewed': 'Reviewed by the model',
  'approval.voted': 'Vote',
  'approval.break_glass': 'Break-glass',
  'approval.break_glass_over': 'What came of break-glass',
  'approval.approved': 'Approved',
  'approval.denied': 'Denied',
  'approval.expired': 'Expired',
  'approval.cancelled': 'Cancelled',
};

function Outcome({ outcome }: { readonly outcome: unknown }): VNode {
  return (
    <span class="muted">
      {flatten(outcome)
        .filter(([, value]) => value !== '' && value !== 'null')
        .map(([name, value]) => ` · ${name} ${value}`)}
    </span>
  );
}

/** What a team takes from here into its repository. The page writes nothing. */
function Reuse({ records }: { readonly records: readonly RecordJson[] }): VNode | null {
  const decided = useMemo(() => readDecided(records), [records]);
  if (decided === null) {
    return null;
  }
  const fixture = fixtureOf(decided);
  const rule = ruleOf(decided);
  return (
    <div class="reuse">
      {'json' in fixture ? (
        <details>
          <summary>Copy as fixture</summary>
          <p class="muted">A test for clawpatrol test: this request must go on being judged like this.</p>
          <pre class="command">{fixture.json}</pre>
          <Copy text={fixture.json} label="Copy fixture" />
        </details>
      ) : (
        <p class="muted">{fixture.why}</p>
      )}
      {rule === null ? null : (
        <details>
          <summary>Block like this</summary>
          <p class="muted">A rule to put into your configuration; it is in force when the file is saved.</p>
          <pre class="command">{rule}</pre>
          <Copy text={rule} label="Copy rule" />
        </details>
      )}
    </div>
  );
}
