import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApproverConfig, Config, CredentialConfig, RuleConfig } from '../../../src/config/config.ts';
import { questionFingerprint } from '../../../src/gateway/dialling/chain.ts';
import { human, model } from '../../approvals/parts.ts';
import { ASKED, makeAction, makeConfig, makeLive } from '../../support/gate-parts.ts';

const AT = { file: 'a.hcl', line: 1, column: 1, endLine: 1, endColumn: 1 };

const RULE: RuleConfig = {
  name: 'deletes',
  endpoints: ['postgres.pg'],
  family: 'sql',
  condition: { text: "sql.verb == 'delete'", locate: () => AT },
  outcome: { kind: 'approve', approvers: ['human_approver.oncall'] },
  priority: 0,
  credential: null,
  reason: 'deletes wait',
  disabled: false,
  order: 0,
  at: AT,
};

const decision = { ...ASKED, by: 'rule' as const, rule: 'deletes', approvers: ['human_approver.oncall'] };
const lead = human('lead');
const oncall = human('oncall', { escalateTo: 'human_approver.lead' });

function fingerprint(
  rule: RuleConfig,
  approvers: readonly ApproverConfig[],
  defaults: Partial<Config['defaults']> = {},
): string {
  const config = makeConfig();
  const live = { ...config, rules: [rule], approvers, defaults: { ...config.defaults, ...defaults } };
  return questionFingerprint(
    makeLive(() => decision, { config: live }),
    decision,
    makeAction('delete from t', { credential: null }),
  );
}

const before = fingerprint(RULE, [oncall, lead]);

test('a question stays the same when blocks move or others change', () => {
  const moved = { ...AT, line: 40 };
  assert.equal(fingerprint({ ...RULE, at: moved, order: 7 }, [lead, { ...oncall, at: moved }, human('else')]), before);
});

test('a question is another one when its rule, an approver, or whom that hands over to has changed', () => {
  const changes: Record<string, string> = {
    condition: fingerprint({ ...RULE, condition: { text: "sql.verb != 'select'", locate: () => AT } }, [oncall, lead]),
    priority: fingerprint({ ...RULE, priority: 1 }, [oncall, lead]),
    endpoints: fingerprint({ ...RULE, endpoints: [] }, [oncall, lead]),
    approver: fingerprint(RULE, [{ ...oncall, requireApprovers: 2 }, lead]),
    escalation: fingerprint(RULE, [oncall, { ...lead, approvers: ['alice'] }]),
    gone: fingerprint(RULE, [oncall]),
    kind: fingerprint(RULE, [{ ...model('oncall'), ref: oncall.ref, escalateTo: lead.ref }, lead]),
    'time on the dashboard': fingerprint(RULE, [oncall, lead], { humanTimeoutMs: 1 }),
  };
  for (const [name, after] of Object.entries(changes)) {
    assert.notEqual(after, before, name);
  }
});

test('approvers that hand over in a circle are read once', () => {
  const circle = fingerprint(RULE, [oncall, { ...lead, escalateTo: 'human_approver.oncall' }]);
  assert.notEqual(circle, before);
});

const CREDENTIAL: CredentialConfig = {
  type: 'postgres_credential',
  name: 'pg',
  ref: 'postgres_credential.pg',
  endpoints: ['postgres.pg'],
  description: '',
  placeholder: null,
  secrets: { '': { kind: 'env', variable: 'PG' } },
  slots: [{ name: '', required: true }],
  attributes: { user: 'agent' },
  at: AT,
};

test('TA-07: a question is another one when the credential that it would run with was taken away or is another', () => {
  const action = makeAction('delete from t', { credential: CREDENTIAL.ref });
  const [profile] = makeConfig().profiles;
  assert.ok(profile !== undefined);
  const having = (credential: CredentialConfig | null, entries: readonly string[] = [CREDENTIAL.ref]): string => {
    const profiles = [
      {
        ...profile,
        name: action.agent.profile,
        credentials: entries.map((ref) => ({ credential: ref, constraints: {} })),
      },
    ];
    const config = {
      rules: [RULE],
      approvers: [oncall, lead],
      profiles,
      credentials: credential === null ? [] : [credential],
    };
    return questionFingerprint(
      makeLive(() => decision, { config }),
      decision,
      action,
    );
  };
  const asked = having(CREDENTIAL);
  assert.equal(having({ ...CREDENTIAL, at: { ...AT, line: 9 } }), asked, 'a block that moved');
  assert.equal(having(CREDENTIAL, [CREDENTIAL.ref, 'postgres_credential.other']), asked, 'the profile has one more');
  const changes: Readonly<Record<string, string>> = {
    gone: having(null),
    user: having({ ...CREDENTIAL, attributes: { user: 'admin' } }),
    source: having({ ...CREDENTIAL, secrets: { '': { kind: 'env', variable: 'OTHER' } } }),
    'not of the profile': having(CREDENTIAL, []),
  };
  for (const [name, after] of Object.entries(changes)) {
    assert.notEqual(after, asked, name);
  }
});
