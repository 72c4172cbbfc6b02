// KU-09: a refusal is a metav1.Status whose message says why, whatever the client accepts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseKubernetes } from '../../../src/protocols/kubernetes/denial.ts';
import { requestOf } from '../../support/kubernetes.ts';

const refusal = {
  status: 403,
  code: 'denied',
  reason: 'secrets are not for agents',
  rule: 'no-secrets',
  hint: 'Ask.',
  action: 'a1',
};

test('a denial names reason, rule, hint and what was asked for', () => {
  const request = requestOf('DELETE /apis/apps/v1/namespaces/d/deployments/w', {
    headers: { Accept: 'application/vnd.kubernetes.protobuf' },
  });
  const answer = refuseKubernetes(refusal, request);
  assert.equal(answer.status, 403);
  assert.deepEqual(answer.fields[0], { name: 'Content-Type', value: 'application/json' });
  assert.deepEqual(JSON.parse(answer.body.toString()), {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'clawpatrol: secrets are not for agents; rule no-secrets; Ask.; action a1',
    reason: 'Forbidden',
    details: {
      name: 'w',
      group: 'apps',
      kind: 'deployments',
      causes: [
        { reason: 'denied', message: 'refused by the gateway' },
        { reason: 'rule', message: 'no-secrets', field: 'rule' },
      ],
    },
    code: 403,
  });
});

test('every status has a word that clients know, and nothing of an agent moves a cursor', () => {
  for (const [status, reason] of [
    [400, 'BadRequest'],
    [502, 'ServiceUnavailable'],
    [503, 'ServiceUnavailable'],
    [421, ''],
  ] as const) {
    const bare = { ...refusal, status, rule: '', hint: '', action: '', reason: 'x\u001b[2J' };
    const status1: unknown = JSON.parse(refuseKubernetes(bare, null).body.toString());
    assert.deepEqual(status1, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'clawpatrol: x\\u{1b}[2J',
      reason,
      details: { causes: [{ reason: 'denied', message: 'refused by the gateway' }] },
      code: status,
    });
  }
});
