// The shape of an action that is described by hand: a fixture, a line of `explain --jsonl`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadSample, parseAction, parseFixture } from '../../../src/gateway/judging/sample.ts';

const SQL = { statement: 'SELECT 1' };

test('a fixture in the published format is taken', () => {
  const { action, match } = parseFixture(
    JSON.stringify({
      action: {
        host: 'pg.internal.example:5432',
        credential: 'pg',
        peer_ip: '10.0.0.7',
        sql: {
          statement: 'DROP TABLE t',
          database: 'app',
          verb: 'drop',
          tables: ['t'],
          functions: [],
          truncated: true,
        },
      },
      match: { verdict: 'deny', rule: 'no-ddl', endpoint: 'postgres.pg', reason: 'not compared' },
    }),
  );
  assert.deepEqual(action, {
    family: 'sql',
    host: 'pg.internal.example:5432',
    endpoint: 'postgres.pg',
    profile: null,
    credential: 'pg',
    peerIp: '10.0.0.7',
    run: null,
    fields: { statement: 'DROP TABLE t', database: 'app', verb: 'drop', tables: ['t'], functions: [] },
    truncated: true,
  });
  assert.deepEqual(match, {
    verdict: 'deny',
    rule: 'no-ddl',
    endpoint: 'postgres.pg',
    risk: null,
    approvers: null,
    unknown: null,
  });
});

test('no rule in the match means that no rule matched', () => {
  const { match } = parseFixture(JSON.stringify({ action: { host: 'h', sql: SQL }, match: { verdict: 'allow' } }));
  assert.equal(match.rule, '');
});

test('everything that is not the format is refused, with what to change', () => {
  const good = { action: { host: 'h', sql: SQL }, match: { verdict: 'deny' } };
  const cases: [unknown, RegExp][] = [
    ['{', /not JSON/],
    [[], /the fixture must be an object/],
    [{ ...good, extra: 1 }, /unknown key "extra" in the fixture/],
    [{ match: good.match }, /action is missing/],
    [{ action: good.action }, /match is missing/],
    [{ ...good, action: { ...good.action, hst: 'x' } }, /unknown key "hst" in action; did you mean "host"\?/],
    [{ ...good, action: { sql: { ...SQL, statment: '' }, host: 'h' } }, /did you mean "statement"\?/],
    [{ ...good, match: { verdict: 'deny', verdct: 1 } }, /unknown key "verdct" in match; did you mean "verdict"\?/],
    [{ ...good, match: {} }, /match\.verdict is needed/],
    [{ ...good, match: { verdict: 'maybe' } }, /match\.verdict must be one of allow, deny, approve, passthrough/],
    [{ ...good, match: { verdict: 'deny', risk: 'high' } }, /match\.risk must be one of/],
    [{ ...good, match: { verdict: 'deny', approvers: 'x' } }, /match\.approvers must be a list of strings/],
    [{ ...good, match: { verdict: 'deny', rule: 5 } }, /match\.rule must be a string/],
    [{ ...good, action: { host: 'h' } }, /exactly one of sql, http, k8s, ssh/],
    [{ ...good, action: { host: 'h', sql: SQL, ssh: { verb: 'exec' } } }, /exactly one of .*, not sql and ssh/],
    [{ ...good, action: { sql: SQL } }, /action\.host is needed unless match\.endpoint is set/],
    [{ ...good, action: { host: 'h', sql: {} } }, /action\.sql\.statement is needed/],
    [{ ...good, action: { host: 'h', ssh: {} } }, /action\.ssh\.verb is needed/],
    [{ ...good, action: { host: 'h', sql: { statement: 5 } } }, /action\.sql\.statement must be a string/],
    [{ ...good, action: { host: 'h', sql: { ...SQL, tables: 't' } } }, /must be a list of strings/],
    [{ ...good, action: { host: 'h', sql: { ...SQL, truncated: 1 } } }, /must be true or false/],
    [{ ...good, action: { host: 'h', http: { query: { a: 'b' } } } }, /must be an object of lists of strings/],
    [{ ...good, action: { host: 'h', k8s: { params: { a: ['b'] } } } }, /must be an object of strings/],
    [{ ...good, action: { host: 'h', ssh: { verb: 'forward', forward_port: 70000 } } }, /must be a port number/],
    [{ ...good, action: { host: 'h', http: { body: '', body_b64: '' } } }, /body and body_b64 exclude one another/],
    [{ ...good, action: { host: 5, sql: SQL } }, /action\.host must be a string/],
  ];
  assert.doesNotThrow(() => parseFixture(JSON.stringify(good)));
  for (const [fixture, message] of cases) {
    const text = typeof fixture === 'string' ? fixture : JSON.stringify(fixture);
    assert.throws(
      () => parseFixture(text),
      (error) => error instanceof BadSample && message.test(error.message),
      text,
    );
  }
});

test('a line of a batch may pin its endpoint and carry an id; a fixture may not', () => {
  assert.equal(parseAction({ endpoint: 'pg', id: 'q1', sql: SQL }, true).endpoint, 'pg');
  assert.throws(() => parseAction({ endpoint: 'pg', sql: SQL }, false), /unknown key "endpoint"/);
});
