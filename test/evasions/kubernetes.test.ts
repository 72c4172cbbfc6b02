// The security cases of the Kubernetes API, each with what must be refused and its twin that must pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Unknown } from '../../src/rules/action.ts';
import type { Risk } from '../../src/rules/action.ts';
import type { Policy } from '../../src/rules/decision.ts';
import { analysisOf, factOf, outcomeOf } from '../support/kubernetes.ts';
import type { RequestOptions } from '../support/kubernetes.ts';
import { protobufOf } from '../support/kubernetes-proto.ts';
import { makePolicy } from '../support/rule-parts.ts';
import type { RuleParts } from '../support/rule-parts.ts';

const rule = (condition: string, outcome: 'allow' | 'deny'): RuleParts => ({ family: 'k8s', condition, outcome });
const denying = (condition: string): Policy => makePolicy({ rules: [rule(condition, 'deny')], unmatched: 'allow' });
const allowing = (condition: string): Policy => makePolicy({ rules: [rule(condition, 'allow')], unmatched: 'deny' });

const KREAD = allowing(`k8s.verb in ['get', 'list', 'watch', 'meta']`);
const KNOSEC = denying(`k8s.resource == 'secrets'`);
const KNOMUT = denying(`k8s.verb in ['create', 'update', 'patch', 'delete', 'deletecollection']`);
const PRIVILEGED = denying('k8s.privileged');
const FOREIGN_IMAGE = denying(`k8s.images.exists(i, !i.startsWith('reg.corp/'))`);
const DRY_RUN = allowing('k8s.dry_run');

type Row = readonly [line: string, outcome: string, options?: RequestOptions];

function check(policy: Policy, rows: readonly Row[]): void {
  const wanted = rows.map(([line, want, options]) => ({ line, want, options }));
  const refusing = wanted.filter(({ want }) => want !== 'allow');
  assert.ok(
    refusing.length > 0 && refusing.length < wanted.length,
    'every table has a refused row and an allowed twin',
  );
  for (const { line, want, options } of wanted) {
    assert.equal(outcomeOf(policy, line, options), want, `${line} ${JSON.stringify(options ?? {})}`);
  }
}

const POD = '/api/v1/namespaces/d/pods/p';
const PODS = '/api/v1/namespaces/d/pods';
const DEPLOYMENT = '/apis/apps/v1/namespaces/d/deployments/w';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

test('K8-01, K8-02: a connection is no read, whatever the method', () => {
  const ws = { upgrade: 'websocket' };
  check(KREAD, [
    [`GET ${POD}/exec?command=sh`, 'deny', ws],
    [`POST ${POD}/exec?command=sh`, 'deny', { upgrade: 'spdy/3.1' }],
    [`GET ${POD}/attach`, 'deny', ws],
    [`GET ${POD}/portforward`, 'deny', ws],
    [`GET ${POD}/proxy/x`, 'deny'],
    ['GET /api/v1/namespaces/d/services/s:80/proxy/admin', 'deny'],
    ['GET /api/v1/nodes/n/proxy/exec/d/p/c?cmd=id', 'deny'],
    ['GET /api/v1/proxy/nodes/n/logs', 'deny'],
    [`GET ${POD}/log`, 'allow'],
    [`GET ${POD}`, 'allow'],
    ['GET /api/v1/nodes/n', 'allow'],
  ]);
});

test('K8-03, K8-04, K8-05, K8-06: secrets by any path, method and spelling of watch', () => {
  check(KNOSEC, [
    ['GET /api/v1/watch/secrets', 'deny'],
    ['GET /api/v1/watch/namespaces/d/secrets', 'deny'],
    ['GET /api/v1/watch/namespaces/d/secrets/s', 'deny'],
    ['GET /api/v1/secrets?watch=1', 'deny'],
    ['GET /api/v1/secrets?watch=', 'deny'],
    ['GET /api/v1/secrets?watch=t', 'deny'],
    ['GET /api/v1/namespaces/d/%73ecrets', 'deny'],
    ['HEAD /api/v1/namespaces/d/secrets/s', 'deny'],
    ['OPTIONS /api/v1/namespaces/d/secrets/s', 'refuse'],
    ['GET /api/v1//namespaces/d/secrets', 'refuse'],
    ['GET /api//v1/namespaces/d/secrets', 'refuse'],
    ['GET /api/v1/namespaces/dev/../d/secrets', 'refuse'],
    ['GET /api/v1/namespaces/d%2Fsecrets', 'refuse'],
    ['GET /openapi/../api/v1/secrets', 'refuse'],
    ['GET /API/v1/secrets', 'refuse'],
    ['GET /api/v1/secrets/', 'refuse'],
    ['GET /api/v1/namespaces/d/secrets;x', 'refuse'],
    ['GET /api/v1/namespaces/d/configmaps', 'allow'],
    ['GET /api/v1/watch/pods', 'allow'],
  ]);
});

test('K8-07, K8-08, K8-09: every change is a change, and a collection is not one object', () => {
  check(KNOMUT, [
    ['DELETE /api/v1/namespaces/prod', 'deny'],
    ['PUT /api/v1/namespaces/x/finalize', 'deny', { body: {} }],
    [`PATCH ${POD}/ephemeralcontainers`, 'deny', { body: {} }],
    [`POST ${POD}/eviction`, 'deny', { body: {} }],
    [`PUT ${DEPLOYMENT}/scale`, 'deny', { body: {} }],
    ['POST /api/v1/namespaces/d/serviceaccounts/s/token', 'deny', { body: {} }],
    [`POST ${POD}/binding`, 'deny', { body: {} }],
    ['PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/c/approval', 'deny', { body: {} }],
    ['GET /api/v1/namespaces/prod', 'allow'],
    [`GET ${DEPLOYMENT}/scale`, 'allow'],
  ]);
  check(allowing(`k8s.verb == 'delete' && k8s.resource == 'pods' && k8s.name != ''`), [
    [`DELETE ${PODS}`, 'deny'],
    ['DELETE /api/v1/namespaces/prod', 'deny'],
    [`DELETE ${POD}`, 'allow'],
  ]);
});

test('K8-10, K8-11, K8-12: parameters of exec', () => {
  check(denying(`k8s.resource == 'pods/exec' && k8s.params.stdin == 'true'`), [
    [`GET ${POD}/exec?stdin=1`, 'deny'],
    [`GET ${POD}/exec?stdin=`, 'deny'],
    [`GET ${POD}/exec?stdin=yes`, 'deny'],
    [`GET ${POD}/exec?stdin=false&stdin=true`, 'deny'],
    [`GET ${POD}/exec?command=ls`, 'allow'],
    [`GET ${POD}/exec?stdin=false`, 'allow'],
  ]);
  check(allowing(`k8s.resource == 'pods/exec' && k8s.params.command == 'ls'`), [
    [`GET ${POD}/exec?command=ls&command=-c&command=x`, 'deny'],
    [`GET ${POD}/exec?command=sh&command=-c&command=rm`, 'deny'],
    [`GET ${POD}/exec?command=sh`, 'deny'],
    [`GET ${POD}/exec?command=ls`, 'allow'],
  ]);
  check(allowing(`k8s.command == ['ls', '-l']`), [
    [`GET ${POD}/exec?command=ls`, 'deny'],
    [`GET ${POD}/exec?command=-l&command=ls`, 'deny'],
    [`GET ${POD}/exec?command=ls&command=-l`, 'allow'],
  ]);
});

test('what a shell runs is read from its text; what an interpreter would run is not known', () => {
  check(allowing(`k8s.commands.all(c, c.program in ['ls', 'cat'])`), [
    [`GET ${POD}/exec?command=sh&command=-c&command=ls`, 'allow'],
    [`GET ${POD}/exec?command=sh&command=-c&command=ls%3B+rm+x`, 'deny'],
    [`GET ${POD}/exec?command=sh&command=-c&command=$X`, 'deny'],
    [`GET ${POD}/exec?command=sh`, 'deny'],
    [`GET ${POD}/exec?command=/usr/bin/env&command=ls`, 'allow'],
    [`GET ${POD}/exec?command=/usr/bin/env&command=rm`, 'deny'],
    [`GET ${POD}/exec?command=python3.11&command=-c&command=1`, 'deny'],
    [`GET ${POD}/exec?command=/bin/busybox&command=ls`, 'allow'],
    [`GET ${POD}/exec?command=/bin/busybox&command=sh`, 'deny'],
    [`GET ${POD}/exec?command=bash-5.2-static&command=-c&command=ls`, 'deny'],
    [`GET ${POD}/exec?command=ls&stdin=true&tty=true`, 'allow'],
    [`GET ${POD}/exec?command=rm&command=x`, 'deny'],
    [`GET ${POD}/exec?command=`, 'deny'],
    [`GET ${POD}/exec?command=/bin/ls&command=%3Brm`, 'allow'],
  ]);
});

test('K8-13, K8-14, KU-05, MP-28: a dry run is one only when the server will surely not persist', () => {
  const all = { dryRun: ['All'] };
  check(DRY_RUN, [
    [`DELETE ${POD}?dryRun=All`, 'deny', { body: {} }],
    [`DELETE ${POD}?dryRun=All`, 'deny', { body: { gracePeriodSeconds: 0 } }],
    [`DELETE ${POD}`, 'deny', { body: { dryRun: ['All', 'None'] } }],
    [`DELETE ${POD}`, 'deny', { body: { dryRun: [] } }],
    [`DELETE ${POD}`, 'deny', { body: { DryRun: ['All'] } }],
    [`DELETE ${POD}?dryRun=All`, 'deny', { body: '{"dryRun":["All"],"dryRun":[]}' }],
    [`POST ${PODS}?dryRun=all`, 'deny', { body: {} }],
    [`POST ${PODS}?dryRun=All&dryRun=`, 'deny', { body: {} }],
    [`POST ${POD}/eviction?dryRun=All`, 'deny', { body: {} }],
    [`GET ${POD}/exec?command=ls&dryRun=All`, 'deny'],
    ['POST /api/v1/namespaces/d/serviceaccounts/s/token?dryRun=All', 'deny', { body: {} }],
    ['POST /apis/aggregated.example/v1/things?dryRun=All', 'deny', { body: {} }],
    [`DELETE ${POD}`, 'allow', { body: all }],
    [`DELETE ${POD}?dryRun=All`, 'allow'],
    [`POST ${PODS}?dryRun=All`, 'allow', { body: {} }],
    [`PATCH ${DEPLOYMENT}?dryRun=All&fieldManager=x`, 'allow', { body: {} }],
    [`POST ${POD}/eviction`, 'allow', { body: { deleteOptions: all } }],
  ]);
});

test('K8-15, K8-17, K8-33: impersonation, unknown paths, overrides and bodies of reads are refused', () => {
  check(KREAD, [
    [`GET ${POD}`, 'refuse', { headers: { 'Impersonate-User': 'admin' } }],
    [`GET ${POD}`, 'refuse', { headers: { 'IMPERSONATE-group': 'system:masters' } }],
    [`GET ${POD}`, 'refuse', { headers: { 'impersonate-extra-x': 'y' } }],
    ['GET /logs/', 'refuse'],
    ['GET /debug/pprof/heap', 'refuse'],
    ['PUT /debug/flags/v', 'refuse'],
    ['GET /ui', 'refuse'],
    ['POST /apis/x/y', 'refuse'],
    [`GET ${POD}`, 'refuse', { body: {} }],
    [`POST ${PODS}`, 'refuse', { headers: { 'X-HTTP-Method-Override': 'GET' }, body: {} }],
    ['GET /readyz', 'allow'],
    ['GET /apis/x/y', 'allow'],
  ]);
});

interface PodParts {
  readonly container?: object;
  readonly spec?: object;
}

function podSpec({ container = {}, spec = {} }: PodParts = {}): object {
  return { containers: [{ name: 'c', image: 'reg.corp/app:1', ...container }], ...spec };
}

const pod = (parts: PodParts = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x' },
  spec: podSpec(parts),
});
const deployment = (parts: PodParts = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'w' },
  spec: { replicas: 2, template: { metadata: { labels: { app: 'w' } }, spec: podSpec(parts) } },
});

test('K8-19: what a pod may do is found, each part of it', () => {
  const facts = (parts: PodParts, name: string): unknown => factOf(`POST ${PODS}`, name, { body: pod(parts) });
  const volume = (source: object): PodParts => ({ spec: { volumes: [{ name: 'v', ...source }] } });
  const security = (securityContext: object): PodParts => ({ container: { securityContext } });
  assert.deepEqual(facts(volume({ hostPath: { path: '/etc' } }), 'k8s.host_path'), ['/etc']);
  assert.deepEqual(facts({ spec: { hostNetwork: true, hostPID: true } }, 'k8s.host_namespaces'), ['network', 'pid']);
  assert.deepEqual(facts({ container: { ports: [{ hostPort: 80 }] } }, 'k8s.host_namespaces'), ['network']);
  assert.deepEqual(facts(security({ capabilities: { add: ['SYS_ADMIN', 'CAP_CHOWN'] } }), 'k8s.capabilities'), [
    'SYS_ADMIN',
    'CHOWN',
  ]);
  for (const context of [
    { privileged: true },
    { allowPrivilegeEscalation: true },
    { procMount: 'Unmasked' },
    { windowsOptions: { hostProcess: true } },
    { capabilities: { add: ['sys_admin'] } },
    { capabilities: { add: ['ALL'] } },
  ]) {
    assert.equal(facts(security(context), 'k8s.privileged'), true, JSON.stringify(context));
  }
  assert.equal(facts(security({ privileged: false, capabilities: { drop: ['ALL'] } }), 'k8s.privileged'), false);
  assert.deepEqual(facts(volume({ secret: { secretName: 's1' } }), 'k8s.secret_refs'), ['s1']);
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 's2', key: 'k' } } }];
  assert.deepEqual(facts({ container: { env } }, 'k8s.secret_refs'), ['s2']);
  assert.deepEqual(facts({ container: { envFrom: [{ secretRef: { name: 's3' } }] } }, 'k8s.secret_refs'), ['s3']);
  assert.deepEqual(
    facts(
      volume({ projected: { sources: [{ secret: { name: 's4' } }, { configMap: { name: 'm' } }] } }),
      'k8s.secret_refs',
    ),
    ['s4'],
  );
  // Every way in which the API names a Secret, those of other kinds of objects too.
  for (const source of [
    { csi: { driver: 'd', nodePublishSecretRef: { name: 's' } } },
    { azureFile: { shareName: 'x', secretName: 's' } },
    ...['cephfs', 'rbd', 'iscsi', 'flexVolume', 'scaleIO', 'storageos', 'cinder'].map((kind) => ({
      [kind]: { secretRef: { name: 's' } },
    })),
  ]) {
    assert.deepEqual(facts(volume(source), 'k8s.secret_refs'), ['s'], JSON.stringify(source));
  }
  assert.deepEqual(facts({ spec: { imagePullSecrets: [{ name: 's' }] } }, 'k8s.secret_refs'), ['s']);
  const stage = { secret: { name: 'a' }, nodeStageSecretRef: { name: 'b' }, controllerExpandSecretRef: { name: 'c' } };
  for (const [line, body, want] of [
    ['POST /apis/networking.k8s.io/v1/namespaces/d/ingresses', { spec: { tls: [{ secretName: 's' }] } }, ['s']],
    [
      'POST /api/v1/namespaces/d/serviceaccounts',
      { secrets: [{ name: 's' }], imagePullSecrets: [{ name: 't' }] },
      ['s', 't'],
    ],
    ['POST /api/v1/persistentvolumes', { spec: { csi: stage } }, ['a', 'b', 'c']],
    [
      'POST /apis/storage.k8s.io/v1/storageclasses',
      { parameters: { 'csi.storage.k8s.io/node-publish-secret-name': 's', adminSecretName: 't' } },
      ['s', 't'],
    ],
    [
      'POST /apis/gateway.networking.k8s.io/v1/namespaces/d/gateways',
      { spec: { listeners: [{ tls: { certificateRefs: [{ name: 's' }] } }] } },
      ['s'],
    ],
    ['POST /apis/x.io/v1/namespaces/d/things', { spec: { from: { kind: 'Secret', name: 's' } } }, ['s']],
    [
      'PATCH /apis/networking.k8s.io/v1/namespaces/d/ingresses/i',
      [{ op: 'add', path: '/spec/tls/0/secretName', value: 's' }],
      ['s'],
    ],
    ['POST /api/v1/namespaces/d/configmaps', { data: { secret: 'x' }, kind: 'ConfigMap' }, []],
  ] as const) {
    const contentType = line.startsWith('PATCH') ? 'application/json-patch+json' : 'application/json';
    assert.deepEqual(factOf(line, 'k8s.secret_refs', { body, contentType }), want, line);
  }
  assert.deepEqual(facts(volume({ configMap: { name: 'm' } }), 'k8s.config_refs'), ['m']);
  assert.deepEqual(facts({ spec: { serviceAccountName: 'admin' } }, 'k8s.service_account'), ['admin']);
  assert.deepEqual(facts({}, 'k8s.service_account'), ['default']);
  assert.deepEqual(facts({ spec: { automountServiceAccountToken: false } }, 'k8s.service_account'), []);
  assert.deepEqual(facts({}, 'k8s.images'), ['reg.corp/app:1']);
  assert.equal(factOf(`POST ${PODS}`, 'k8s.kind', { body: pod() }), 'Pod');
  assert.equal(factOf(`POST ${PODS}`, 'k8s.object_name', { body: { metadata: { generateName: 'a-' } } }), 'a-*');
});

test('K8-20, K8-22: templates are found wherever they stand', () => {
  const bad = { container: { image: 'evil.io/x' } };
  const job = (parts: PodParts): object => ({
    spec: { jobTemplate: { spec: { template: { spec: podSpec(parts) } } } },
  });
  const custom = (parts: PodParts): object => ({ spec: { worker: { deep: [{ podTemplate: podSpec(parts) }] } } });
  check(FOREIGN_IMAGE, [
    [`POST ${PODS}`, 'deny', { body: pod(bad) }],
    [`POST ${PODS}`, 'deny', { body: pod({ spec: { initContainers: [{ image: 'evil.io/x' }] } }) }],
    [`PATCH ${POD}/ephemeralcontainers`, 'deny', { body: { spec: { ephemeralContainers: [{ image: 'evil.io/x' }] } } }],
    ['POST /apis/apps/v1/namespaces/d/deployments', 'deny', { body: deployment(bad) }],
    ...['0', '-', '-1', '+0', '-0'].map((index) => {
      const path = `/spec/template/spec/containers/${index}/image`;
      const body = [{ op: 'replace', path, value: 'evil.io/x' }];
      return [`PATCH ${DEPLOYMENT}`, 'deny', { body, contentType: JSON_PATCH }] as const;
    }),
    [
      `PATCH ${DEPLOYMENT}`,
      'allow',
      {
        contentType: JSON_PATCH,
        body: [{ op: 'replace', path: '/spec/template/spec/containers/-1/image', value: 'reg.corp/app:2' }],
      },
    ],
    ['POST /apis/batch/v1/namespaces/d/cronjobs', 'deny', { body: job(bad) }],
    ['POST /apis/ray.io/v1/namespaces/d/rayclusters', 'deny', { body: custom(bad) }],
    ['POST /apis/batch/v1/namespaces/d/cronjobs', 'allow', { body: job({}) }],
    ['POST /apis/ray.io/v1/namespaces/d/rayclusters', 'allow', { body: custom({}) }],
    [`POST ${PODS}`, 'allow', { body: pod() }],
  ]);
});

test('K8-21, K8-23: privilege by every kind of patch and every encoding is seen, or not known', () => {
  const privileged = pod({ container: { securityContext: { privileged: true } } });
  const yaml = (text: string): RequestOptions => ({ body: text, contentType: 'application/yaml' });
  check(PRIVILEGED, [
    [
      `PATCH ${POD}`,
      'deny',
      {
        contentType: JSON_PATCH,
        body: [{ op: 'add', path: '/spec/containers/0/securityContext', value: { privileged: true } }],
      },
    ],
    [
      `PATCH ${POD}`,
      'deny',
      {
        contentType: JSON_PATCH,
        body: [{ op: 'replace', path: '/spec/containers/0/securityContext/privileged', value: true }],
      },
    ],
    [
      `PATCH ${POD}`,
      'deny',
      {
        contentType: JSON_PATCH,
        body: [{ op: 'add', path: '/spec/containers/-', value: { securityContext: { privileged: true } } }],
      },
    ],
    // The server counts from the end too, and reads a sign before any number.
    ...['-1', '+0', '-0', '00'].map(
      (index) =>
        [
          `PATCH ${POD}`,
          'deny',
          {
            contentType: JSON_PATCH,
            body: [{ op: 'add', path: `/spec/containers/${index}`, value: { securityContext: { privileged: true } } }],
          },
        ] as const,
    ),
    [
      `PATCH ${POD}`,
      'deny',
      {
        contentType: JSON_PATCH,
        body: [{ op: 'copy', from: '/spec/containers/1/securityContext', path: '/spec/containers/0/securityContext' }],
      },
    ],
    [
      `PATCH ${POD}`,
      'deny',
      { body: { spec: { containers: [{ name: 'c', $patch: 'replace', securityContext: { privileged: true } }] } } },
    ],
    [
      `PATCH ${POD}`,
      'deny',
      { contentType: MERGE, body: { spec: { containers: [{ securityContext: { privileged: true } }] } } },
    ],
    [
      `PATCH ${POD}`,
      'deny',
      { contentType: APPLY, body: 'spec:\n  containers:\n  - name: c\n    securityContext:\n      privileged: true\n' },
    ],
    [
      `PATCH ${POD}`,
      'deny',
      { contentType: APPLY, body: 'spec:\n  containers:\n  - name: c\n    securityContext: {privileged: yes}\n' },
    ],
    [`PATCH ${POD}`, 'deny', { contentType: 'application/apply-patch+cbor', body: '{}' }],
    [`PATCH ${POD}`, 'deny', { contentType: 'text/plain', body: '{}' }],
    [`POST ${PODS}`, 'deny', { body: { kind: 'List', items: [pod(), privileged] } }],
    [
      `POST ${PODS}`,
      'deny',
      { body: protobufOf('v1', 'Pod', privileged), contentType: 'application/vnd.kubernetes.protobuf' },
    ],
    [`POST ${PODS}`, 'deny', { body: Buffer.from('k8s\0garbage'), contentType: 'application/vnd.kubernetes.protobuf' }],
    [`POST ${PODS}`, 'deny', { body: JSON.stringify(privileged), contentType: 'application/vnd.kubernetes.protobuf' }],
    [`POST ${PODS}`, 'deny', { body: JSON.stringify(pod()), contentType: 'application/cbor' }],
    [`POST ${PODS}`, 'deny', yaml('a: &x {privileged: true}\nspec: {containers: [{securityContext: *x}]}\n')],
    [`POST ${PODS}`, 'deny', yaml('kind: Pod\n---\nkind: Pod\n')],
    [`POST ${PODS}`, 'deny', yaml('spec: !!map {}\n')],
    [`POST ${PODS}`, 'deny', yaml('<<: {a: 1}\n')],
    [`POST ${PODS}`, 'deny', yaml('kind: Pod\nkind: Pod\n')],
    [`POST ${PODS}`, 'deny', { body: gzipSync(JSON.stringify(privileged)), headers: { 'Content-Encoding': 'gzip' } }],
    [`POST ${PODS}`, 'deny', { body: JSON.stringify(pod()), headers: { 'Content-Encoding': 'lzma' } }],
    [`POST ${PODS}`, 'deny', { body: gzipSync(Buffer.alloc(8 << 20)), headers: { 'Content-Encoding': 'gzip' } }],
    [`POST ${PODS}`, 'deny', { body: '{"kind":"Pod","kind":"Pod"}' }],
    [`POST ${PODS}`, 'deny', { body: '{"kind":"Pod"} x' }],
    [`POST ${PODS}`, 'deny', { body: '['.repeat(100_000) }],
    [`POST ${PODS}`, 'deny', { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) }],
    [`POST ${PODS}`, 'deny', { body: pod({ container: { securityContext: { privileged: 'true' } } }) }],
    ['POST /apis/apps/v1/namespaces/d/deployments', 'deny', { body: privileged }],
    [`POST ${PODS}`, 'allow', { body: pod() }],
    [
      `POST ${PODS}`,
      'allow',
      { body: protobufOf('v1', 'Pod', pod()), contentType: 'application/vnd.kubernetes.protobuf' },
    ],
    [`POST ${PODS}`, 'allow', { body: gzipSync(JSON.stringify(pod())), headers: { 'Content-Encoding': 'gzip' } }],
    [`POST ${PODS}`, 'allow', yaml('kind: Pod\nspec:\n  containers:\n  - {name: c, image: x}\n')],
    [`PATCH ${POD}`, 'allow', { contentType: APPLY, body: JSON.stringify(pod()) }],
    [
      `PATCH ${POD}`,
      'allow',
      {
        contentType: JSON_PATCH,
        body: [
          { op: 'test', path: '/spec/x', value: 1 },
          { op: 'remove', path: '/metadata/labels/a' },
        ],
      },
    ],
  ]);
});

test('K8-27: a resource of another group is told apart by its group', () => {
  check(allowing(`k8s.resource == 'deployments' && k8s.group == 'apps'`), [
    ['PATCH /apis/evil.io/v1/namespaces/d/deployments/w', 'deny', { body: {} }],
    [`PATCH ${DEPLOYMENT}`, 'allow', { body: {} }],
  ]);
});

test('K8-28: of two rules the first by priority, then declaration, decides', () => {
  const read = rule(`k8s.verb in ['get', 'list']`, 'allow');
  const secrets = rule(`k8s.resource == 'secrets'`, 'deny');
  const listSecrets = 'GET /api/v1/secrets';
  assert.equal(outcomeOf(makePolicy({ rules: [read, secrets], unmatched: 'deny' }), listSecrets), 'allow');
  assert.equal(outcomeOf(makePolicy({ rules: [secrets, read], unmatched: 'deny' }), listSecrets), 'deny');
  const raised = makePolicy({ rules: [read, { ...secrets, priority: 10 }], unmatched: 'deny' });
  assert.equal(outcomeOf(raised, listSecrets), 'deny');
  assert.equal(outcomeOf(raised, 'GET /api/v1/pods'), 'allow');
});

type TierRow = readonly [line: string, risk: Risk, options?: RequestOptions];

function checkTiers(rows: readonly TierRow[]): void {
  assert.ok(new Set(rows.map(([, risk]) => risk)).size > 1, 'every table has a twin of another tier');
  for (const [line, risk, options] of rows) {
    assert.equal(analysisOf(line, options).risk, risk, `${line} ${JSON.stringify(options ?? {})}`);
  }
}

test('K8-18, K8-29, K8-36, K8-37: tiers of reads and reviews', () => {
  checkTiers([
    ['GET /api/v1/namespaces/d/secrets/s', 'destructive'],
    ['GET /api/v1/secrets', 'destructive', { headers: { Accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' } }],
    [
      'GET /api/v1/secrets',
      'destructive',
      { headers: { Accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' } },
    ],
    ['GET /api/v1/secrets?fieldSelector=metadata.name%3Ds', 'destructive'],
    ['GET /api/v1/secrets?watch=1', 'destructive'],
    ['POST /apis/authentication.k8s.io/v1/tokenreviews', 'suspicious', { body: {} }],
    ['POST /apis/authorization.k8s.io/v1/subjectaccessreviews', 'suspicious', { body: {} }],
    ['POST /apis/authorization.k8s.io/v1/namespaces/d/localsubjectaccessreviews', 'suspicious', { body: {} }],
    ['POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'safe', { body: {} }],
    ['POST /apis/authentication.k8s.io/v1/selfsubjectreviews', 'safe', { body: {} }],
    [`GET ${POD}/log?follow=true`, 'safe'],
    [`GET ${PODS}?watch=1`, 'safe', { upgrade: 'websocket' }],
    [`GET ${PODS}`, 'destructive', { upgrade: 'websocket' }],
    ['GET /apis/example.com/v1/widgets', 'suspicious'],
    ['GET /apis/example.com/v1/widgets', 'safe', { attributes: { harmless_groups: ['example.com'] } }],
    ['GET /apis/metrics.k8s.io/v1beta1/nodes', 'safe'],
  ]);
});

const restart = { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } } };

test('K8-24, K8-25, K8-26: small changes are suspicious, and nothing can ride along', () => {
  const template = (spec: object): object => ({ spec: { template: { spec } } });
  checkTiers([
    [`PATCH ${DEPLOYMENT}`, 'suspicious', { body: restart }],
    [`PATCH ${DEPLOYMENT}`, 'suspicious', { body: restart, contentType: MERGE }],
    [`PATCH ${DEPLOYMENT}`, 'destructive', { body: restart, contentType: APPLY }],
    [
      `PATCH ${DEPLOYMENT}`,
      'destructive',
      {
        body: {
          spec: { template: { ...restart.spec.template, spec: { containers: [{ name: 'c', command: ['sh'] }] } } },
        },
      },
    ],
    [`PATCH ${DEPLOYMENT}`, 'destructive', { body: { spec: { ...restart.spec, replicas: 0 } } }],
    [
      `PATCH ${DEPLOYMENT}`,
      'suspicious',
      { body: template({ '$setElementOrder/containers': [{ name: 'c' }], containers: [{ name: 'c', image: 'x' }] }) },
    ],
    [
      `PATCH ${DEPLOYMENT}`,
      'destructive',
      { body: template({ containers: [{ name: 'c', image: 'x' }] }), contentType: MERGE },
    ],
    [
      `PATCH ${DEPLOYMENT}`,
      'destructive',
      { body: template({ containers: [{ name: 'c', image: 'x', $patch: 'delete' }] }) },
    ],
    [
      `PATCH ${DEPLOYMENT}`,
      'suspicious',
      {
        body: [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'x' }],
        contentType: JSON_PATCH,
      },
    ],
    [
      `PATCH ${DEPLOYMENT}`,
      'destructive',
      {
        body: [{ op: 'replace', path: '/spec/template/spec/containers/0', value: { image: 'x' } }],
        contentType: JSON_PATCH,
      },
    ],
    [`PATCH ${DEPLOYMENT}`, 'destructive', { body: {} }],
    [`PUT ${DEPLOYMENT}`, 'destructive', { body: deployment() }],
    [`PATCH ${DEPLOYMENT}/scale`, 'destructive', { body: { spec: { replicas: 0 } } }],
    [`PATCH ${DEPLOYMENT}/scale`, 'destructive', { body: { spec: { replicas: 5 } } }],
    ['PATCH /api/v1/nodes/n', 'suspicious', { body: { spec: { unschedulable: true } } }],
    ['PATCH /api/v1/nodes/n', 'suspicious', { body: { spec: { unschedulable: null } } }],
    ['PATCH /api/v1/nodes/n', 'destructive', { body: { spec: { unschedulable: true, taints: [] } } }],
    ['PATCH /apis/batch/v1/namespaces/d/cronjobs/j', 'suspicious', { body: { spec: { suspend: true } } }],
    [
      'PATCH /apis/batch/v1/namespaces/d/cronjobs/j',
      'destructive',
      { body: { spec: { suspend: true, schedule: '* * * * *' } } },
    ],
    [
      'PATCH /api/v1/namespaces/d/persistentvolumeclaims/c',
      'suspicious',
      { body: { spec: { resources: { requests: { storage: '2Gi' } } } } },
    ],
    ['PATCH /api/v1/namespaces/d/persistentvolumeclaims/c', 'destructive', { body: { spec: { volumeName: 'x' } } }],
    [`PATCH ${POD}`, 'suspicious', { body: { metadata: { labels: { a: 'b' } } } }],
    [`PATCH ${POD}`, 'destructive', { body: { metadata: { labels: { a: 'b' }, finalizers: [] } } }],
    [`PATCH ${POD}`, 'destructive', { body: { spec: { containers: [{ name: 'c', image: 'x' }] } } }],
    [
      `PATCH ${POD}`,
      'suspicious',
      {
        body: { spec: { containers: [{ name: 'c', image: 'reg.corp/x' }] } },
        attributes: { workloads: { images: ['reg.corp/*'] } },
      },
    ],
    [`POST ${POD}/eviction`, 'suspicious', { body: { metadata: { name: 'p' } } }],
    [`POST ${POD}/eviction`, 'destructive', { body: { deleteOptions: { gracePeriodSeconds: 0 } } }],
    [`POST ${POD}/eviction`, 'destructive', { body: '{"a":1,"a":2}' }],
    ['POST /api/v1/namespaces/d/services', 'suspicious', { body: { spec: { ports: [{ port: 80 }] } } }],
    ['POST /api/v1/namespaces/d/services', 'destructive', { body: { spec: { type: 'LoadBalancer' } } }],
    ['POST /api/v1/namespaces/d/services', 'destructive', { body: { spec: { externalIPs: ['1.2.3.4'] } } }],
    ['PATCH /api/v1/namespaces/d/configmaps/c', 'suspicious', { body: { data: { a: 'b' } } }],
    ['PATCH /api/v1/namespaces/kube-system/configmaps/c', 'destructive', { body: { data: { a: 'b' } } }],
    [
      'PATCH /api/v1/namespaces/d/configmaps/c-prod',
      'destructive',
      { body: { data: { a: 'b' } }, attributes: { workloads: { protected_configmaps: ['*-prod'] } } },
    ],
  ]);
});

test('K8-19: a new pod is destructive unless all of it is within what the endpoint admits', () => {
  const attributes = {
    workloads: { images: ['reg.corp/*'], namespaces: ['d', 'dev-*'], service_accounts: ['app'], secrets: ['pull'] },
  };
  const posted = (parts: PodParts): RequestOptions => ({ body: pod(parts), attributes });
  const volume = (source: object): PodParts => ({ spec: { volumes: [{ name: 'v', ...source }] } });
  checkTiers([
    [`POST ${PODS}`, 'destructive', { body: pod() }],
    [`POST ${PODS}`, 'suspicious', posted({})],
    [`POST ${PODS}`, 'suspicious', posted({ spec: { serviceAccountName: 'app' } })],
    [`POST ${PODS}`, 'suspicious', posted(volume({ secret: { secretName: 'pull' } }))],
    ['POST /api/v1/namespaces/prod/pods', 'destructive', posted({})],
    [`POST ${PODS}`, 'destructive', posted({ container: { image: 'reg.corp.evil.io/x' } })],
    [`POST ${PODS}`, 'destructive', posted({ container: { image: undefined } })],
    [`POST ${PODS}`, 'destructive', posted({ spec: { serviceAccountName: 'admin' } })],
    [`POST ${PODS}`, 'destructive', posted({ spec: { hostNetwork: true } })],
    [`POST ${PODS}`, 'destructive', posted(volume({ hostPath: { path: '/' } }))],
    [`POST ${PODS}`, 'destructive', posted(volume({ secret: { secretName: 'db' } }))],
    [`POST ${PODS}`, 'destructive', posted({ container: { securityContext: { privileged: true } } })],
    [`POST ${PODS}`, 'destructive', posted({ container: { securityContext: { capabilities: { add: ['CHOWN'] } } } })],
    ['POST /apis/apps/v1/namespaces/d/deployments', 'destructive', { body: deployment(), attributes }],
    // What `workloads` has no list of is not within it.
    ...[
      { nodeName: 'control-plane' },
      { priorityClassName: 'system-node-critical' },
      { priority: 2_000_000_000 },
      { tolerations: [{ operator: 'Exists' }] },
      { runtimeClassName: 'unsandboxed' },
      { resourceClaims: [{ name: 'gpu' }] },
      { whatComesNext: true },
      { securityContext: { seLinuxOptions: { type: 'spc_t' } } },
      { securityContext: { sysctls: [{ name: 'kernel.core_pattern', value: '|/x' }] } },
      { volumes: ['x'] },
    ].map((spec): TierRow => [`POST ${PODS}`, 'destructive', posted({ spec })]),
    ...[
      { gitRepo: { repository: 'https://evil.io/x', directory: '..' } },
      { flexVolume: { driver: 'evil/x' } },
      { csi: { driver: 'secrets-store.csi.k8s.io' } },
      { nfs: { server: 'x', path: '/' } },
      { image: { reference: 'evil.io/x' } },
    ].map((source): TierRow => [`POST ${PODS}`, 'destructive', posted(volume(source))]),
    [
      `POST ${PODS}`,
      'destructive',
      posted({ container: { securityContext: { seccompProfile: { type: 'Unconfined' } } } }),
    ],
    [
      `POST ${PODS}`,
      'suspicious',
      posted({ container: { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } } }),
    ],
    [
      `POST ${PODS}`,
      'suspicious',
      posted({ spec: { nodeName: '', tolerations: [], imagePullSecrets: [{ name: 'pull' }] } }),
    ],
    [`POST ${PODS}`, 'destructive', posted({ spec: { imagePullSecrets: [{ name: 'db' }] } })],
    ...[{ emptyDir: {} }, { configMap: { name: 'm' } }, { persistentVolumeClaim: { claimName: 'c' } }].map(
      (source): TierRow => [`POST ${PODS}`, 'suspicious', posted(volume(source))],
    ),
  ]);
});

test('a protected config map is protected where it is made too, by whatever name it gets', () => {
  const MAPS = '/api/v1/namespaces/d/configmaps';
  const attributes = { workloads: { protected_configmaps: ['*-prod', 'coredns', 'app-*'] } };
  const named = (metadata: object): RequestOptions => ({ body: { metadata, data: {} }, attributes });
  checkTiers([
    [`POST ${MAPS}`, 'destructive', named({ name: 'shop-prod' })],
    [`POST ${MAPS}`, 'destructive', named({ name: 'coredns' })],
    [`POST ${MAPS}`, 'suspicious', named({ name: 'shop-test' })],
    [`POST ${MAPS}`, 'destructive', named({ generateName: 'app-x-' })],
    [`POST ${MAPS}`, 'destructive', named({ generateName: 'cor' })],
    [`POST ${MAPS}`, 'destructive', { body: '{"metadata":{"name":"a"},"metadata":{"name":"coredns"}}', attributes }],
    [`POST ${MAPS}`, 'suspicious', { body: '{"a":1,"a":2}' }],
    ['POST /api/v1/namespaces/kube-system/configmaps', 'destructive', { body: { metadata: { name: 'x' } } }],
    [
      `POST ${MAPS}`,
      'suspicious',
      { ...named({ generateName: 'x' }), attributes: { workloads: { protected_configmaps: ['y-*'] } } },
    ],
  ]);
});

test('K8-38, K8-39, K8-40: exec, hooks and access rights', () => {
  checkTiers([
    [`POST ${POD}/exec?command=cat&command=/var/run/secrets/kubernetes.io/serviceaccount/token`, 'destructive'],
    ['POST /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', 'destructive', { body: {} }],
    ['POST /apis/rbac.authorization.k8s.io/v1/namespaces/d/rolebindings', 'destructive', { body: {} }],
    ['GET /apis/rbac.authorization.k8s.io/v1/clusterroles', 'safe'],
  ]);
  const hooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  const fact = (line: string, name: string, body: object): unknown => factOf(line, name, { body });
  const hook = {
    webhooks: [
      { clientConfig: { url: 'https://evil.io/x' } },
      { clientConfig: { service: { namespace: 'd', name: 's' } } },
    ],
  };
  assert.deepEqual(fact(`POST ${hooks}`, 'k8s.webhook_urls', hook), ['https://evil.io/x', 'service:d/s']);
  const crd = { spec: { conversion: { webhook: { clientConfig: { url: 'https://evil.io/c' } } } } };
  assert.deepEqual(fact('POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', 'k8s.webhook_urls', crd), [
    'https://evil.io/c',
  ]);
  const service = { kind: 'APIService', spec: { service: { namespace: 'd', name: 'api' } } };
  assert.deepEqual(fact('POST /apis/apiregistration.k8s.io/v1/apiservices', 'k8s.webhook_urls', service), [
    'service:d/api',
  ]);
  const roles = 'POST /apis/rbac.authorization.k8s.io/v1/clusterroles';
  const role = {
    rules: [
      { verbs: ['escalate', 'bind'], resources: ['*'] },
      { verbs: ['get'], resources: ['pods'] },
    ],
  };
  assert.deepEqual(fact(roles, 'k8s.rbac_verbs', role), ['escalate', 'bind', 'get']);
  assert.deepEqual(fact(roles, 'k8s.rbac_resources', role), ['*', 'pods']);
  const bindings = 'POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  const binding = {
    roleRef: { kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [
      { kind: 'User', name: 'eve' },
      { kind: 'ServiceAccount', namespace: 'd', name: 'x' },
    ],
  };
  assert.equal(fact(bindings, 'k8s.role_ref', binding), 'cluster-admin');
  assert.deepEqual(fact(bindings, 'k8s.subjects', binding), ['User:eve', 'ServiceAccount:d/x']);
});

test('K8-13: dry runs lower a tier, but never that of secrets, tokens and connections', () => {
  checkTiers([
    [`DELETE ${POD}`, 'destructive'],
    [`DELETE ${POD}?dryRun=All`, 'suspicious'],
    [`PUT ${DEPLOYMENT}?dryRun=All`, 'suspicious', { body: deployment() }],
    ['PATCH /api/v1/namespaces/d/secrets/s?dryRun=All', 'destructive', { body: {} }],
    ['POST /api/v1/namespaces/d/serviceaccounts/s/token?dryRun=All', 'destructive', { body: {} }],
    [`POST ${POD}/exec?command=rm&dryRun=All`, 'destructive'],
  ]);
});

test('options of a deletion come from the body where there is one', () => {
  const fact = (line: string, name: string, body?: object): unknown =>
    factOf(line, name, body === undefined ? {} : { body });
  assert.equal(fact(`DELETE ${POD}?gracePeriodSeconds=0`, 'k8s.grace_period'), 0n);
  assert.equal(fact(`DELETE ${POD}?gracePeriodSeconds=0`, 'k8s.grace_period', {}), -1n);
  assert.equal(fact(`DELETE ${POD}`, 'k8s.grace_period', { gracePeriodSeconds: 30 }), 30n);
  assert.equal(fact(`DELETE ${POD}`, 'k8s.grace_period'), -1n);
  assert.ok(fact(`DELETE ${POD}?gracePeriodSeconds=0&gracePeriodSeconds=5`, 'k8s.grace_period') instanceof Unknown);
  assert.equal(fact(`DELETE ${POD}`, 'k8s.propagation'), 'default');
  assert.equal(fact(`DELETE ${POD}?propagationPolicy=Orphan`, 'k8s.propagation'), 'orphan');
  assert.equal(fact(`DELETE ${POD}`, 'k8s.propagation', { propagationPolicy: 'Foreground' }), 'foreground');
  assert.equal(fact(`DELETE ${POD}`, 'k8s.propagation', { orphanDependents: true }), 'orphan');
  assert.ok(fact(`DELETE ${POD}?propagationPolicy=nope`, 'k8s.propagation') instanceof Unknown);
});

test('what a patch changes is told as pointers', () => {
  const changed = (body: object, contentType?: string): unknown =>
    factOf(`PATCH ${DEPLOYMENT}`, 'k8s.changed', contentType === undefined ? { body } : { body, contentType });
  assert.deepEqual(changed(restart), ['/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt']);
  assert.deepEqual(changed({ spec: { replicas: null, 'a~b': [1, {}] } }, MERGE), [
    '/spec/replicas',
    '/spec/a~0b/0',
    '/spec/a~0b/1',
  ]);
  const steps = [
    { op: 'test', path: '/x', value: 1 },
    { op: 'move', from: '/a', path: '/b' },
    { op: 'remove', path: '/c' },
  ];
  assert.deepEqual(changed(steps, JSON_PATCH), ['/a', '/b', '/c']);
  assert.deepEqual(factOf(`PUT ${DEPLOYMENT}`, 'k8s.changed', { body: {} }), ['']);
  assert.ok(changed([{ op: 'x', path: '/a' }], JSON_PATCH) instanceof Unknown);
  assert.ok(changed([{ op: 'add', path: 'a', value: 1 }], JSON_PATCH) instanceof Unknown);
  assert.ok(changed({ op: 'add' }, JSON_PATCH) instanceof Unknown);
});
