// The canonical form: fixed bytes, one line, and the same record back.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  ZERO_HASH,
  bodyOf,
  hashOf,
  lineOf,
  originText,
  parseLine,
  recordOf,
  timeText,
  wordText,
} from '../../src/audit/canonical.ts';
import { tablesOf, readTables, shapeWords } from '../../src/audit/tables.ts';
import { AGENT } from './parts.ts';

const BODY = bodyOf(
  1,
  {
    timeMs: 0,
    type: 'action.decided',
    actionId: '"id"',
    summary: 'null',
    digest: '"aa"',
    text: '"SELECT 1"',
    textComplete: true,
    facts: '{"sql":{"n":9007199254740993}}',
    outcome: 'null',
    data: '{"facts":1}',
  },
  {
    origin: originText({ session: 's', agent: AGENT, endpoint: 'postgres.pg', family: 'sql' }),
    word: wordText({
      type: 'action.decided',
      risk: 'safe',
      verdict: 'allow',
      rule: '',
      approvers: [],
      by: 'rule',
      reason: '',
    }),
  },
);

test('the form of a record is fixed, byte by byte', () => {
  assert.equal(
    BODY,
    '{"seq":1,"time":"1970-01-01T00:00:00.000Z","type":"action.decided","action_id":"id","session":"s",' +
      '"device":"listener/pg","profile":"oncall","run":null,"user":"dana","agent_ip":"10.1.2.3","transport":"direct",' +
      '"endpoint":"postgres.pg","family":"sql","risk":"safe","verdict":"allow","rule":null,"approvers":[],"by":"rule",' +
      '"reason":null,"summary":null,"digest":"aa","text":"SELECT 1","text_complete":true,' +
      '"facts":{"sql":{"n":9007199254740993}},"outcome":null,"data":{"facts":1}}',
  );
});

test('the hash is that of the hash before and the bytes of the record', () => {
  const expected = createHash('sha256').update(ZERO_HASH).update(Buffer.from(BODY, 'utf8')).digest('hex');
  assert.equal(hashOf(ZERO_HASH, BODY), expected);
});

test('a line gives back the text that was hashed', () => {
  const line = lineOf(BODY, ZERO_HASH, 'b'.repeat(64));
  assert.deepEqual(parseLine(line), { body: BODY, prev: ZERO_HASH, hash: 'b'.repeat(64) });
  assert.equal(JSON.parse(line).hash, 'b'.repeat(64));
  assert.equal(parseLine(BODY), null);
});

test('facts are read back exactly as they were given', () => {
  const json = fc.jsonValue().map((value) => JSON.stringify(value));
  const tricky = fc.constantFrom('{"a":"\\",\\"facts\\":1"}', '[[],{"x":[{}]}]', '"}"', '9007199254740993', '1.50');
  fc.assert(
    fc.property(fc.oneof(json, tricky), json, (facts, data) => {
      const body = `{"seq":1,"time":"1970-01-01T00:00:00.000Z","type":"x","approvers":[",\\"facts\\":"],"facts":${facts},"outcome":null,"data":${data}}`;
      const record = recordOf({ body, prev: '', hash: '' });
      assert.equal(record?.factsJson, facts === 'null' ? null : facts);
    }),
  );
});

test('a record whose clock was mad is recorded all the same', () => {
  for (const [timeMs, text] of [
    [Number.NaN, '1970-01-01T00:00:00.000Z'],
    [Number.POSITIVE_INFINITY, '1970-01-01T00:00:00.000Z'],
    [1.9, '1970-01-01T00:00:00.001Z'],
    [-1, '1969-12-31T23:59:59.999Z'],
    [8.64e15, '+275760-09-13T00:00:00.000Z'],
  ] as const) {
    assert.equal(timeText(timeMs), text);
  }
});

test('what is no record is none', () => {
  for (const body of ['', '{}', 'null', '[]', '{"seq":"1"}', BODY.slice(1)]) {
    assert.equal(recordOf({ body, prev: '', hash: '' }), null);
  }
});

test('the tables of a record are those of all its units', () => {
  assert.deepEqual(readTables('{"sql":{"tables":["b","a","b"]}}'), ['a', 'b']);
  assert.deepEqual(readTables('[{"sql":{"tables":["a"]}},{"sql":{"tables":["c"]}}]'), ['a', 'c']);
  assert.deepEqual(readTables('{"units":[{"sql":{"tables":["a"]}}]}'), ['a']);
  assert.deepEqual(readTables('{"http":{}}'), []);
  assert.deepEqual(tablesOf({ sql: { tables: 'x' } }), []);
  assert.equal(readTables('no json'), null);
});

test('words are compared in the form in which they can be stored', () => {
  assert.deepEqual(shapeWords(['plain', 'é😀', 'a\ud800b', 'x\0y']), ['plain', 'é😀', 'a\ufffdb', 'x\ufffdy']);
});
