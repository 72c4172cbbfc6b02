// Judging a described action: which endpoint, profile and credential it meets, and fixtures that contradict the parser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config, EndpointConfig } from '../../../src/config/config.ts';
import { judgeOffline } from '../../../src/gateway/judging/offline.ts';
import type { Judged, OfflineParts, Unclaimed } from '../../../src/gateway/judging/offline.ts';
import { BadSample, parseAction } from '../../../src/gateway/judging/sample.ts';
import type { SampleFault } from '../../../src/gateway/judging/sample.ts';
import { GatewayError } from '../../../src/lib/errors.ts';
import type { Protocol } from '../../../src/protocols/protocol.ts';
import { Unknown } from '../../../src/rules/action.ts';
import type { Action, FactValue, Unit } from '../../../src/rules/action.ts';
import type { CommonFacts, Policy } from '../../../src/rules/decision.ts';

const at = { file: 'g.hcl', line: 1, column: 1, endLine: 1, endColumn: 1 };

function endpoint(
  type: string,
  name: string,
  hosts: readonly string[],
  family: EndpointConfig['family'],
): EndpointConfig {
  return {
    type,
    name,
    ref: `${type}.${name}`,
    family,
    hosts: hosts.map((text) => {
      const [host = '', port = '0'] = text.split(':');
      return { host, port: Number(port), wildcard: host.startsWith('*') };
    }),
    description: '',
    tunnel: null,
    retentionMs: null,
    listen: null,
    profile: null,
    listenAllow: [],
    listenTls: 'auto',
    unmatched: 'risk',
    caCert: null,
    attributes: {},
    at,
  };
}

const ENDPOINTS = [
  endpoint('postgres', 'pg', ['pg.example:5432'], 'sql'),
  endpoint('postgres', 'lone', ['lone.example:5432'], 'sql'),
  endpoint('https', 'wide', ['*.example.com:443'], 'http'),
  endpoint('https', 'api', ['api.example.com:443'], 'http'),
  endpoint('ssh', 'api-shell', ['api.example.com:22'], 'ssh'),
  endpoint('postgres', 'twin-a', ['twin.example:5432'], 'sql'),
  endpoint('postgres', 'twin-b', ['twin.example:5432'], 'sql'),
];

/** Only what is read of a configuration. */
function config(unknownHost: 'deny' | 'passthrough' = 'deny'): Config {
  const credential = (name: string, endpoints: string[]): unknown => ({
    name,
    ref: `postgres_credential.${name}`,
    endpoints,
  });
  const profile = (name: string, names: string[]): unknown => ({
    name,
    credentials: names.map((each) => ({ credential: `postgres_credential.${each}`, constraints: {} })),
  });
  const parts: unknown = {
    defaults: { unknownHost },
    endpoints: ENDPOINTS,
    credentials: [
      credential('ro', ['postgres.pg']),
      credential('rw', ['postgres.pg']),
      credential('one', ['postgres.lone']),
      credential('a', ['postgres.twin-a']),
      credential('b', ['postgres.twin-b']),
    ],
    profiles: [profile('reader', ['ro', 'one', 'a']), profile('writer', ['rw', 'b'])],
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a part of a configuration, as large as the test needs
  return parts as Config;
}

function unit(facts: Readonly<Record<string, FactValue>>): Unit {
  return {
    facts: { get: (name) => facts[name] },
    risk: 'suspicious',
    riskCauses: [],
    riskReason: '',
    unreadable: false,
  };
}

interface Seen {
  action?: Action;
  common?: CommonFacts;
  ruleSet?: readonly unknown[];
}

/** A world whose parser gives `units` and whose rules allow everything, noting what they were asked. */
function world(units: readonly Unit[], seen: Seen = {}, unknownHost?: 'deny' | 'passthrough'): OfflineParts {
  const protocol: Pick<Protocol, 'analyse'> = {
    analyse: ({ fields }) => {
      if (fields['statement'] === 'malformed') {
        throw new GatewayError('CLIENT_PROTOCOL', 'client', 'the sample is malformed');
      }
      const evidence = { text: '', parameters: [], sizeBytes: 0, complete: true, digest: () => '' };
      return { units, evidence, summary: 's', refused: null };
    },
  };
  const policy: Policy = {
    revision: '',
    ruleSet: (...asked) => {
      seen.ruleSet = asked;
      return {
        decide: () => assert.fail('explain is asked'),
        reads: () => true,
        names: () => true,
        explain: (action, common) => {
          seen.action ??= action;
          seen.common = common;
          const decision = {
            kind: 'allow',
            by: 'rule',
            rule: 'r',
            reason: '',
            cannotTell: null,
            approvers: [],
          } as const;
          return { decision: { ...decision, unit: 0, holds: 'once' }, trace: [] };
        },
      };
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `analyse` is called offline
  return { config: config(unknownHost), policy, protocols: new Map([['postgres', protocol as Protocol]]) };
}

const PLAIN = [unit({ 'sql.verb': 'delete', 'sql.tables': ['t', 'public.t', 'u'], 'sql.functions': ['now'] })];

async function judge(action: object, parts: OfflineParts = world(PLAIN)): Promise<Judged | Unclaimed> {
  return judgeOffline(parts, parseAction(action, true));
}

async function fails(action: object, code: SampleFault, message: RegExp, parts?: OfflineParts): Promise<void> {
  await assert.rejects(
    () => judge(action, parts),
    (error) => error instanceof BadSample && error.code === code && message.test(error.message),
    JSON.stringify(action),
  );
}

const sql = { statement: 'DELETE …' };

test('the endpoint is the pinned one, or the one that claims the host', async () => {
  const cases: [object, string | null][] = [
    [{ endpoint: 'pg', sql }, 'postgres.pg'],
    [{ endpoint: 'postgres.pg', sql }, 'postgres.pg'],
    [{ host: 'pg.example:5432', sql }, 'postgres.pg'],
    [{ host: 'PG.Example.', sql }, 'postgres.pg'],
    [{ host: 'pg.example:5433', sql }, null],
    [{ host: 'nowhere.example', sql }, null],
    [{ host: 'twin.example', profile: 'writer', sql }, 'postgres.twin-b'],
  ];
  for (const [action, ref] of cases) {
    const judged = await judge(action);
    assert.equal(judged.kind === 'judged' ? judged.endpoint.ref : null, ref, JSON.stringify(action));
  }
  await fails({ endpoint: 'pgg', sql }, 'unknown-endpoint', /did you mean "pg"/);
  await fails({ host: 'twin.example', sql }, 'ambiguous-host', /claimed by postgres\.twin-a, postgres\.twin-b/);
  await fails({ sql }, 'bad-action', /name the endpoint or the host/);
});

test('an exact host wins over a wildcard, which does not cover its bare suffix; a family chooses among ports', async () => {
  const http = { method: 'GET', path: '/' };
  // None of these types has a protocol in this world, so the message tells which endpoint was found.
  await fails({ host: 'api.example.com', http }, 'not-served', /^https\.api: /);
  await fails({ host: 'a.b.example.com:443', http }, 'not-served', /^https\.wide: /);
  await fails({ host: 'api.example.com', ssh: { verb: 'exec' } }, 'not-served', /^ssh\.api-shell: /);
  await fails({ host: 'api.example.com:22', http }, 'family-mismatch', /ssh\.api-shell takes ssh actions/);
  assert.equal((await judge({ host: 'example.com:443', http })).kind, 'unclaimed');
});

test('a host that nobody claims gets what unknown_host says', async () => {
  for (const verdict of ['deny', 'passthrough'] as const) {
    const judged = await judge({ host: 'nowhere.example', sql }, world(PLAIN, {}, verdict));
    assert.equal(judged.kind === 'unclaimed' ? judged.verdict : null, verdict);
  }
});

test('profile and credential are the named ones, the only ones, or none', async () => {
  const cases: [object, readonly [string, string | null]][] = [
    [{ endpoint: 'lone', sql }, ['reader', 'postgres_credential.one']],
    [{ endpoint: 'pg', sql }, ['', null]],
    [{ endpoint: 'pg', profile: 'writer', sql }, ['writer', 'postgres_credential.rw']],
    [{ endpoint: 'pg', profile: 'profile.reader', sql }, ['reader', 'postgres_credential.ro']],
    [{ endpoint: 'pg', credential: 'rw', sql }, ['', 'postgres_credential.rw']],
  ];
  for (const [action, [profile, credential]] of cases) {
    const seen: Seen = {};
    await judge(action, world(PLAIN, seen));
    assert.deepEqual(seen.ruleSet?.slice(1), [profile, credential], JSON.stringify(action));
  }
  await fails({ endpoint: 'pg', profile: 'raeder', sql }, 'bad-action', /did you mean "reader"/);
  await fails({ endpoint: 'lone', profile: 'writer', sql }, 'bad-action', /holds no credential of postgres\.lone/);
  await fails(
    { endpoint: 'lone', credential: 'ro', sql },
    'bad-action',
    /no credential "ro" is bound to postgres\.lone/,
  );
});

test('what was not given about the agent is unknown, what was given is not', async () => {
  const seen: Seen = {};
  await judge({ endpoint: 'pg', sql }, world(PLAIN, seen));
  const all = ['agent.device', 'agent.ip', 'agent.profile', 'agent.run', 'agent.transport', 'agent.user'];
  assert.deepEqual([...(seen.common?.unknownFacts ?? [])].toSorted(), all);
  assert.equal(seen.common?.nowMs, null);
  const given: Seen = {};
  await judge({ endpoint: 'pg', profile: 'reader', peer_ip: '10.0.0.1', run: 'r1', sql }, world(PLAIN, given));
  assert.deepEqual([...(given.common?.unknownFacts ?? [])].toSorted(), [
    'agent.device',
    'agent.transport',
    'agent.user',
  ]);
  assert.equal(given.action?.agent.ip, '10.0.0.1');
});

test('facts that a fixture states must agree with the parser', async () => {
  const agreeing = [
    { verb: 'delete' },
    { verb: 'DELETE' },
    { tables: ['t', 'u'] },
    { tables: ['u', 'public.t', 't'] },
    { functions: ['now'] },
  ];
  for (const stated of agreeing) {
    assert.equal((await judge({ endpoint: 'pg', sql: { ...sql, ...stated } })).kind, 'judged', JSON.stringify(stated));
  }
  const disagreeing: [object, RegExp][] = [
    [{ verb: 'select' }, /says "select", and the statement is "delete"/],
    [{ tables: ['t'] }, /"u" is in the statement and not stated/],
    [{ tables: ['t', 'u', 'v'] }, /"v" is stated and not in the statement/],
    [{ tables: [] }, /not stated/],
    [{ functions: ['now', 'sleep'] }, /"sleep" is stated/],
  ];
  for (const [stated, message] of disagreeing) {
    await fails({ endpoint: 'pg', sql: { ...sql, ...stated } }, 'bad-action', message);
  }
});

test('stated facts stand in for what the parser could not tell, and for nothing else', async () => {
  const seen: Seen = {};
  const unknown = new Unknown('unparseable');
  const parts = world([unit({ 'sql.verb': unknown, 'sql.tables': unknown, 'sql.effects': unknown })], seen);
  await judge({ endpoint: 'pg', sql: { ...sql, verb: 'Select', tables: ['t'] } }, parts);
  const facts = seen.action?.units[0]?.facts;
  assert.equal(facts?.get('sql.verb'), 'select');
  assert.deepEqual(facts?.get('sql.tables'), ['t']);
  assert.equal(facts?.get('sql.effects'), unknown);
});

test('what the protocol calls malformed is a bad action', async () => {
  await fails({ endpoint: 'pg', sql: { statement: 'malformed' } }, 'bad-action', /the sample is malformed/);
});
