import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '../../src/rules/action.ts';
import { factSchemas } from '../../src/rules/schemas.ts';

const PUBLISHED: Readonly<Record<Family, string>> = {
  http: 'http.method http.path http.query http.headers http.body http.body_json',
  k8s: 'k8s.verb k8s.resource k8s.namespace k8s.name k8s.params http.method http.path http.body_json',
  sql: 'sql.verb sql.tables sql.functions sql.statement sql.database',
  ssh: 'ssh.verb ssh.command ssh.subsystem ssh.user ssh.forward_host ssh.forward_port ssh.stdin git.refs',
};

const COMMON =
  'risk risk_causes agent.device agent.profile agent.run agent.user agent.ip agent.transport endpoint.name endpoint.type ' +
  'endpoint.host time.now time.hour time.minute time.weekday time.date context.incident context.alert context.reason';

// Section 5.3 of the configuration reference: a rule with any of these loads.
const SQL_VERBS =
  'alter analyze attach backup begin call check checkpoint close cluster comment commit copy create deallocate declare ' +
  'delete describe detach discard do drop exchange execute exists explain fetch grant insert kill listen load lock merge ' +
  'move notify optimize prepare refresh reindex release rename reset restore revoke rollback savepoint select set show ' +
  'system truncate undrop unlisten update use vacuum watch with';

test('every family has the published facts and the common ones', () => {
  for (const [family, schema] of factSchemas) {
    assert.equal(schema.family, family);
    for (const name of `${PUBLISHED[family]} ${COMMON}`.split(' ')) {
      assert.ok(schema.facts.has(name), `${family} lacks ${name}`);
    }
  }
  assert.deepEqual([...factSchemas.keys()].toSorted(), ['http', 'k8s', 'sql', 'ssh']);
});

test('a family does not have the facts of another', () => {
  assert.equal(factSchemas.get('sql')?.facts.has('http.path'), false);
  assert.equal(factSchemas.get('http')?.facts.has('k8s.verb'), false);
  assert.equal(factSchemas.get('ssh')?.facts.has('http.path'), false);
});

test('the sql vocabulary holds every documented verb', () => {
  const verbs = new Set(factSchemas.get('sql')?.facts.get('sql.verb')?.values);
  const words = ['set role', 'set local role', 'set session authorization', 'set local session authorization', 'other'];
  for (const verb of [...SQL_VERBS.split(' '), ...words]) {
    assert.ok(verbs.has(verb), verb);
  }
});

test('definitions are whole: lower-case vocabularies without repeats, one line of meaning, names under their key', () => {
  for (const schema of factSchemas.values()) {
    for (const [name, definition] of schema.facts) {
      assert.equal(definition.name, name);
      assert.match(name, /^(risk|risk_causes|[a-z0-9]+\.[a-z0-9_]+)$/);
      assert.match(definition.doc, /^\S[^\n]+\S$/);
      const values = definition.values ?? [];
      assert.equal(new Set(values).size, values.length, name);
      assert.deepEqual(
        values,
        values.map((value) => value.toLowerCase()),
      );
      for (const hinted of Object.keys(definition.hints ?? {})) {
        assert.ok(!values.includes(hinted), `${name} has ${hinted}`);
      }
    }
  }
});
