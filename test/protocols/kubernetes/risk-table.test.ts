// The tiers of the Kubernetes API as data: every resource and verb of a real API server has its row.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BUILT_IN_GROUPS, CLUSTER_SCOPED, RISK_ROWS, rowOf } from '../../../src/protocols/kubernetes/risk-table.ts';
import { analysisOf } from '../../support/kubernetes.ts';

type Resource = readonly [group: string, name: string, namespaced: boolean, verbs: readonly string[]];

/** What `kubectl get --raw` says of every group and version of kube-apiserver 1.32. */
const resources = JSON.parse(readFileSync('test/corpus/kubernetes-resources.json', 'utf8')) as readonly Resource[];

const METHODS: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};

function lineOf([group, name, namespaced]: Resource, verb: string): string {
  const [plural = '', subresource] = name.split('/');
  const base = group === '' ? '/api/v1' : `/apis/${group}/v1`;
  const whole =
    ['list', 'watch', 'deletecollection'].includes(verb) || (verb === 'create' && subresource === undefined);
  const path = `${base}${namespaced ? '/namespaces/d' : ''}/${plural}${whole ? '' : '/x'}`;
  return `${METHODS[verb]} ${path}${subresource === undefined ? '' : `/${subresource}`}${verb === 'watch' ? '?watch=1' : ''}`;
}

test('every resource that a real server has is in a row of its own class', () => {
  assert.ok(resources.length > 90);
  const groups = new Set(resources.map(([group]) => group));
  assert.deepEqual(
    [...groups].filter((group) => !BUILT_IN_GROUPS.has(group)),
    [],
  );
  const unlisted = resources.filter(([group, name]) => {
    const [plural = '', subresource = ''] = name.split('/');
    return rowOf(group, plural, subresource).cause === 'unknown_resource';
  });
  assert.deepEqual(
    unlisted.map(([group, name]) => `${group}/${name}`),
    [],
  );
});

test('what has a namespace is told as the server tells it', () => {
  const wrong = resources.filter(([, name, namespaced]) => CLUSTER_SCOPED.has(name.split('/')[0] ?? '') === namespaced);
  assert.deepEqual(wrong, []);
});

test('every verb of every resource has a tier, reads of secrets and every change of rights the highest', () => {
  for (const resource of resources) {
    for (const verb of resource[3]) {
      const line = lineOf(resource, verb);
      const body = METHODS[verb] === 'GET' ? {} : { body: {} };
      const { risk, refused, units } = analysisOf(line, body);
      assert.equal(refused, null, line);
      const [unit] = units;
      const reads = ['get', 'list', 'watch'].includes(verb);
      assert.equal(risk === 'safe', unit?.riskCauses.length === 0, line);
      if (resource[1].startsWith('secrets') || resource[0] === 'rbac.authorization.k8s.io') {
        assert.equal(risk, reads && resource[0] !== '' ? 'safe' : 'destructive', line);
      }
      if (verb === 'deletecollection') {
        assert.equal(risk, 'destructive', line);
      }
      if (risk === 'safe') {
        assert.ok(reads || resource[1].startsWith('selfsubject'), line);
      }
    }
  }
});

test('no resource stands in two rows of one group', () => {
  const seen = new Map<string, string>();
  for (const row of RISK_ROWS.filter(({ resources: names }) => !names.includes('*'))) {
    for (const group of row.groups) {
      for (const name of row.resources) {
        const key = `${group}|${name}`;
        assert.equal(seen.get(key), undefined, key);
        seen.set(key, row.class);
      }
    }
  }
});
