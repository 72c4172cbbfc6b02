// What an approver is told of a parked request: the server's own dry run, and what goes with a deletion. Answers as a real server gives them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, measureEffect } from '../../../src/protocols/kubernetes/effect.ts';
import type { ApiAnswer, ApiRequest } from '../../../src/protocols/kubernetes/effect.ts';
import type { JsonValue } from '../../../src/protocols/kubernetes/json.ts';
import type { Effect } from '../../../src/protocols/protocol.ts';
import { analysisOf } from '../../support/kubernetes.ts';
import type { RequestOptions } from '../../support/kubernetes.ts';
import { makeRuleAction } from '../../support/rule-parts.ts';

type Answers = Readonly<Record<string, JsonValue | number>>;

async function measured(
  line: string,
  options: RequestOptions,
  answers: Answers,
): Promise<{ readonly effect: Effect | null; readonly asked: readonly ApiRequest[] }> {
  const { units, risk } = analysisOf(line, options);
  const asked: ApiRequest[] = [];
  const ask = (request: ApiRequest): Promise<ApiAnswer> => {
    asked.push(request);
    const found = answers[`${request.method} ${request.target}`];
    return Promise.resolve(
      typeof found === 'number'
        ? { status: found, value: { message: 'no' } }
        : { status: found === undefined ? 404 : 200, value: found ?? null },
    );
  };
  const effect = await measureEffect({ ...makeRuleAction({ family: 'k8s' }), units, risk }, ask);
  return { effect, asked };
}

const DEPLOYMENT = '/apis/apps/v1/namespaces/d/deployments/w';
const live = {
  kind: 'Deployment',
  metadata: { name: 'w', uid: 'u1', resourceVersion: '1' },
  spec: { replicas: 3, paused: false },
  status: { x: 1 },
};

test('a change is shown as the server would make it, by its own dry run of the same bytes', async () => {
  const body = { spec: { replicas: 7 } };
  const { effect, asked } = await measured(
    `PATCH ${DEPLOYMENT}?fieldManager=k`,
    { body },
    {
      [`GET ${DEPLOYMENT}`]: live,
      [`PATCH ${DEPLOYMENT}?fieldManager=k&dryRun=All`]: {
        ...live,
        metadata: { ...live.metadata, resourceVersion: '2' },
        spec: { replicas: 7 },
        status: { x: 2 },
      },
    },
  );
  assert.deepEqual(effect, {
    lines: [
      'would change 2 value(s) (server-side dry run)',
      '- spec.paused: false',
      '- spec.replicas: 3',
      '+ spec.replicas: 7',
    ],
    data: { dry_run: 'ok', changes: 2, cut: false },
  });
  assert.deepEqual(
    asked.map(({ method, contentType, body: sent }) => [method, contentType, sent]),
    [
      ['GET', '', ''],
      ['PATCH', 'application/strategic-merge-patch+json', JSON.stringify(body)],
    ],
  );
});

test('what the server would refuse is said so', async () => {
  const { effect } = await measured(`PUT ${DEPLOYMENT}`, { body: {} }, { [`PUT ${DEPLOYMENT}?dryRun=All`]: 422 });
  assert.deepEqual(effect?.lines, ['the server would refuse it: 422 no']);
});

test('nothing is tried that could act all the same, or whose answer holds what nobody may read', async () => {
  for (const [line, options] of [
    ['POST /api/v1/namespaces/d/serviceaccounts/s/token', { body: {} }],
    ['POST /api/v1/namespaces/d/pods/p/eviction', { body: {} }],
    ['POST /api/v1/namespaces/d/pods/p/binding', { body: {} }],
    ['PATCH /api/v1/namespaces/d/secrets/s', { body: {} }],
    ['PATCH /apis/example.com/v1/namespaces/d/widgets/w', { body: {} }],
    ['DELETE /apis/example.com/v1/namespaces/d/widgets/w', {}],
    ['POST /api/v1/namespaces/d/pods/p/exec?command=ls', {}],
    [`PATCH ${DEPLOYMENT}?dryRun=All`, { body: {} }],
    [`PATCH ${DEPLOYMENT}?dryRun=None`, { body: {} }],
    [`PATCH ${DEPLOYMENT}`, { body: Buffer.from([0xff]) }],
    ['GET /api/v1/pods', {}],
  ] as const) {
    const { effect, asked } = await measured(line, options, {});
    assert.deepEqual([effect, asked], [null, []], line);
  }
});

const owned = (name: string, uid: string, owner: string): JsonValue => ({
  metadata: { name, uid, ownerReferences: [{ uid: owner }] },
});

test('what goes with a deletion is found through its owners', async () => {
  const list = '?limit=500';
  const { effect, asked } = await measured(
    `DELETE ${DEPLOYMENT}`,
    {},
    {
      [`GET ${DEPLOYMENT}`]: live,
      [`GET /apis/apps/v1/namespaces/d/replicasets${list}`]: {
        items: [owned('w-1', 'r1', 'u1'), owned('x-1', 'r2', 'other')],
      },
      [`GET /api/v1/namespaces/d/pods${list}`]: {
        items: [owned('w-1-a', 'p1', 'r1'), owned('w-1-b', 'p2', 'r1'), owned('x-1-a', 'p3', 'r2')],
      },
    },
  );
  assert.deepEqual(effect?.lines, ['1 replicasets: w-1', '2 pods: w-1-a, w-1-b']);
  assert.ok(asked.every(({ accept }) => accept.includes('as=PartialObjectMetadata')));
});

test('a pod says whether something replaces it, and a namespace what is in it', async () => {
  const pod = '/api/v1/namespaces/d/pods/p';
  const controlled = {
    metadata: { ownerReferences: [{ kind: 'ReplicaSet', name: 'w-1', uid: 'r', controller: true }] },
  };
  assert.deepEqual((await measured(`DELETE ${pod}`, {}, { [`GET ${pod}`]: controlled })).effect?.lines, [
    'is replaced by its controller, ReplicaSet w-1',
  ]);
  assert.deepEqual((await measured(`DELETE ${pod}`, {}, { [`GET ${pod}`]: { metadata: {} } })).effect?.lines, [
    'nothing replaces it: it has no controller',
  ]);
  assert.deepEqual((await measured(`DELETE ${pod}`, {}, {})).effect?.lines, ['there is no such object']);
  const namespace = await measured(
    'DELETE /api/v1/namespaces/d',
    {},
    {
      'GET /api/v1/namespaces/d': { metadata: {} },
      'GET /api/v1/namespaces/d/pods?limit=500': {
        metadata: { remainingItemCount: 40 },
        items: Array.from({ length: 25 }, (_, index) => ({ metadata: { name: `p${index}` } })),
      },
      'GET /api/v1/namespaces/d/services?limit=500': { items: null },
    },
  );
  assert.match(namespace.effect?.lines.join('\n') ?? '', /^65 pods: p0, .*p19 and 45 more$/m);
  assert.equal(namespace.effect?.data['services'], 0);
});

test('a collection is counted with the selectors of the request', async () => {
  const { effect } = await measured(
    'DELETE /api/v1/namespaces/d/pods?labelSelector=a%3Db',
    {},
    {
      'GET /api/v1/namespaces/d/pods?limit=500&labelSelector=a%3Db': { items: [{ metadata: { name: 'p' } }] },
    },
  );
  assert.deepEqual(effect, { lines: ['1 pods: p'], data: { pods: 1 } });
});

test('differences are by path, bounded in length, and nothing of them moves a cursor', () => {
  assert.deepEqual(differences({ a: [1, { b: 'x' }] }, { a: [1, { b: 'y\u001b[2J' }], c: {} }), [
    '- a.1.b: "x"',
    '+ a.1.b: "y\\u001b[2J"',
    '+ c: {}',
  ]);
  assert.ok((differences(null, { a: 'x'.repeat(5000) })[0] ?? '').length < 300);
});

test('a value behind the name of a secret is told to change, and not shown', () => {
  assert.deepEqual(differences({ data: { password: 'old', user: 'a' } }, { data: { password: 'new', user: 'b' } }), [
    '- data.password: [masked]',
    '+ data.password: [masked]',
    '- data.user: "a"',
    '+ data.user: "b"',
  ]);
});
