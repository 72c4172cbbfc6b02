// The policy in force: rules in the order in which they are asked, what each has decided, and which have never decided anything.
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PolicyJson, RuleJson, TierJson } from '../../client/control-shapes.ts';
import { bareName } from '../../lib/text.ts';
import { get, messageOf } from './api.ts';
import { Ago, Empty, Spinner, Tier } from './parts.tsx';
import { count, dateTime } from './text.ts';

const REFRESH_MS = 5_000;

export function Policy(): VNode {
  const [policy, setPolicy] = useState<PolicyJson | null>(null);
  const [fault, setFault] = useState('');
  useEffect(() => {
    const load = (): void => {
      get<PolicyJson>('/api/policy').then(
        (loaded) => {
          setPolicy(loaded);
          setFault('');
        },
        (error: unknown) => setFault(messageOf(error)),
      );
    };
    load();
    const timer = setInterval(load, REFRESH_MS);
    return (): void => clearInterval(timer);
  }, []);
  return (
    <div class="view">
      <header class="view-head">
        <h1>Policy</h1>
        {policy === null ? null : (
          <span class="muted">
            revision <code>{policy.revision.slice(0, 12)}</code>, counted since {dateTime(policy.since)}
          </span>
        )}
      </header>
      {fault === '' ? null : <p class="fault">{fault}</p>}
      {policy === null ? <Spinner what="Fetching …" /> : <Loaded policy={policy} />}
    </div>
  );
}

function Loaded({ policy }: { readonly policy: PolicyJson }): VNode {
  return (
    <>
      {policy.rules.length === 0 ? (
        <Empty title="No rules">
          Tiers alone decide. Rules in the configuration narrow or widen what they let through.
        </Empty>
      ) : (
        <ol class="rules">
          {policy.rules.map((rule) => (
            <Rule key={rule.name} rule={rule} />
          ))}
        </ol>
      )}
      <h2 class="sub">Where no rule matches</h2>
      <ul class="tiers">
        {policy.tiers.map((one) => (
          <TierRow key={one.risk} tier={one} />
        ))}
      </ul>
    </>
  );
}

function Rule({ rule }: { readonly rule: RuleJson }): VNode {
  return (
    <li class={`rule ${rule.disabled ? 'off' : ''}`}>
      <div class="rule-top">
        <strong>{rule.name}</strong>
        <Says verdict={rule.verdict} approvers={rule.approvers} />
        {rule.disabled ? <span class="mark">disabled</span> : null}
        {rule.shadowed ? <span class="mark bad">shadowed</span> : null}
        {rule.hits === 0 && !rule.disabled ? <span class="mark">never hit</span> : null}
        <Hits hits={rule.hits} last={rule.last} />
      </div>
      <code class="condition">{rule.condition ?? 'everything'}</code>
      <div class="rule-foot">
        <span>{rule.endpoints.map(bareName).join(', ')}</span>
        <span>priority {rule.priority}</span>
        <span>
          {rule.file}:{rule.line}
        </span>
      </div>
      {rule.reason === '' ? null : <p class="muted">{rule.reason}</p>}
      {rule.findings.map((text) => (
        <p key={text} class="warn">
          {text}
        </p>
      ))}
    </li>
  );
}

function Says({ verdict, approvers }: { verdict: string; approvers: readonly string[] }): VNode {
  const words = { allow: 'allows', deny: 'denies', approve: `asks ${approvers.map(bareName).join(', then ')}` };
  return (
    <span class={`verdict verdict-${verdict}`}>
      {words[verdict === 'allow' || verdict === 'deny' ? verdict : 'approve']}
    </span>
  );
}

function Hits({ hits, last }: { readonly hits: number; readonly last: string | null }): VNode {
  return (
    <span class="hits num">
      {count(hits)} {hits === 1 ? 'hit' : 'hits'}
      {last === null ? null : (
        <span class="muted">
          , last <Ago time={last} />
        </span>
      )}
    </span>
  );
}

function TierRow({ tier }: { readonly tier: TierJson }): VNode {
  return (
    <li class="rule-top">
      <Tier risk={tier.risk} />
      <Says verdict={tier.verdict} approvers={tier.approvers} />
      <Hits hits={tier.hits} last={tier.last} />
    </li>
  );
}
