// Units and tiers put together: when the body is needed, what providers add, batches of requests inside a request.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { createHttpAnalyser, httpNeedsBody } from '../../../src/protocols/http/analyser.ts';
import { DEFAULT_BODY_BYTES } from '../../../src/protocols/http/body.ts';
import type { Provider } from '../../../src/protocols/http/providers/provider.ts';
import { providers } from '../../../src/protocols/http/providers/all.ts';
import type { AttributeValue } from '../../../src/config/config.ts';
import { httpFacts } from '../../../src/protocols/http/facts.ts';
import { Unknown } from '../../../src/rules/action.ts';
import { analysisOf, makeHttpEndpoint, makeRequest, makeState, verdictOf } from '../../support/http.ts';
import type { RequestParts } from '../../support/http.ts';
import { makePolicy } from '../../support/rule-parts.ts';

const named = createHttpAnalyser({ providers });
const plain = createHttpAnalyser({ providers: [] });

const JSON_TYPE = ['Content-Type', 'application/json'] as const;
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
const MULTIPART_TYPE = ['Content-Type', 'multipart/form-data; boundary=B'] as const;

interface Needs {
  readonly parts: RequestParts;
  readonly reads?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly unmatched?: 'risk' | 'allow' | 'deny';
  readonly want: boolean;
}

test('the body is held only where something hangs on it', () => {
  const post: RequestParts = { body: '{}', headers: [JSON_TYPE], target: '/v1/x' };
  const ec2: RequestParts = { body: 'Action=RunInstances', headers: [FORM_TYPE], host: 'ec2.eu-west-1.amazonaws.com' };
  const compute: RequestParts = {
    body: 'x',
    headers: [['Content-Type', 'multipart/mixed; boundary=B']],
    target: '/batch/compute/v1',
    host: 'compute.googleapis.com',
  };
  const untyped: RequestParts = { body: '{}', target: '/v1/x' };
  const long: RequestParts = { ...post, body: Buffer.alloc(DEFAULT_BODY_BYTES + 1) };
  const cases: readonly Needs[] = [
    { parts: post, want: false },
    { parts: post, reads: ['http.method', 'http.path', 'http.headers', 'risk'], want: false },
    { parts: post, reads: ['http.body'], want: true },
    { parts: post, reads: ['http.body_json'], want: true },
    { parts: { ...post, method: 'GET' }, reads: ['http.body_json'], want: true },
    { parts: { ...post, method: 'DELETE' }, reads: ['http.body_sha256'], want: true },
    { parts: post, reads: ['http.form'], want: true },
    { parts: post, reads: ['http.body_size'], want: false },
    { parts: { ...post, streamed: true }, reads: ['http.body_size'], want: true },
    { parts: post, reads: ['graphql.fields'], want: true },
    { parts: post, reads: ['rpc.methods'], want: true },
    { parts: post, reads: ['mcp.tool'], want: false },
    { parts: { ...post, headers: [JSON_TYPE, ['Mcp-Session-Id', 'x']] }, reads: ['mcp.tool'], want: true },
    { parts: post, attributes: { mcp: true }, reads: ['mcp.tool'], unmatched: 'deny', want: true },
    { parts: post, attributes: { mcp: true }, want: true },
    { parts: post, attributes: { mcp: true }, unmatched: 'allow', want: false },
    { parts: { ...post, target: '/graphql' }, want: true },
    { parts: { ...post, target: '/graphql' }, unmatched: 'deny', want: false },
    { parts: { ...post, target: '/graphql' }, unmatched: 'deny', reads: ['risk'], want: true },
    { parts: { ...post, headers: [FORM_TYPE] }, unmatched: 'allow', want: true },
    { parts: { ...post, headers: [MULTIPART_TYPE] }, unmatched: 'allow', want: true },
    { parts: { ...post, headers: [MULTIPART_TYPE], streamed: true }, unmatched: 'allow', want: true },
    { parts: { ...long, headers: [MULTIPART_TYPE] }, unmatched: 'allow', want: false },
    { parts: { ...long, headers: [FORM_TYPE] }, unmatched: 'allow', want: false },
    { parts: { ...long, headers: [FORM_TYPE, ['Content-Encoding', 'gzip']] }, unmatched: 'allow', want: true },
    { parts: { ...long, headers: [MULTIPART_TYPE] }, reads: ['http.effective_method'], want: true },
    // Some servers take a POST without a type for a form; what has no length either may be one half of a conversation.
    { parts: untyped, unmatched: 'allow', want: true },
    { parts: { ...untyped, method: 'PUT' }, unmatched: 'allow', want: false },
    { parts: { ...untyped, streamed: true }, unmatched: 'allow', want: false },
    { parts: { ...untyped, streamed: true }, reads: ['http.effective_method'], want: true },
    { parts: { ...long, headers: [] }, unmatched: 'allow', want: false },
    { parts: ec2, unmatched: 'deny', reads: ['aws.action'], want: true },
    // Mutations are named by what stands in the body.
    { parts: { ...post, target: '/graphql' }, unmatched: 'allow', reads: ['github.action'], want: true },
    { parts: { ...post, target: '/graphql/' }, unmatched: 'deny', reads: ['http.action_class'], want: true },
    { parts: post, unmatched: 'allow', reads: ['github.action'], want: false },
    { parts: compute, want: true },
    { parts: compute, unmatched: 'deny', reads: ['gcp.method'], want: true },
    { parts: compute, unmatched: 'deny', want: false },
    { parts: { ...compute, method: 'PUT' }, unmatched: 'allow', reads: ['gcp.method'], want: true },
    { parts: { ...compute, method: 'PUT', target: '/x' }, unmatched: 'allow', reads: ['gcp.method'], want: false },
    { parts: {}, reads: ['http.body', 'graphql.fields', 'rpc.methods'], want: false },
    { parts: { body: '' }, reads: ['http.body'], want: false },
  ];
  for (const { parts, reads = [], attributes = {}, unmatched = 'risk', want } of cases) {
    const state = { config: makeHttpEndpoint(attributes, unmatched), hasCredential: false };
    const { request } = makeRequest(parts);
    const got = named.needsBody(request, state, (fact) => reads.includes(fact));
    assert.equal(got, want, `${parts.target ?? ''} ${reads.join()} ${unmatched} ${JSON.stringify(attributes)}`);
  }
  const { request } = makeRequest(post);
  assert.equal(
    httpNeedsBody(request, makeState(), (fact) => fact === 'graphql.fields'),
    false,
  );
  assert.equal(
    httpNeedsBody(request, makeState(), (fact) => fact === 'http.body'),
    true,
  );
});

test('a body that nothing reads makes nothing opaque', () => {
  const body = { kind: 'unread' } as const;
  for (const parts of [
    { body: '{', target: '/graphql' },
    { body: '{', headers: [['Mcp-Session-Id', 'x']] },
    { body: 'x', target: '/batch/compute/v1', host: 'compute.googleapis.com' },
  ] as const) {
    const { units, refused } = analysisOf(parts, { body, analyser: named });
    assert.deepEqual([units.length, units[0]?.unreadable, refused], [1, false, null], parts.body);
  }
});

const deny = (condition: string): ReturnType<typeof makePolicy> =>
  makePolicy({ rules: [{ condition, family: 'http', outcome: 'deny' }], unmatched: 'allow' });

const COMPUTE = 'compute.googleapis.com';
const INSTANCE = '/compute/v1/projects/p/zones/z/instances/i';

function batch(...parts: readonly string[]): RequestParts {
  const body = parts.map((part) => `--B\r\nContent-Type: application/http\r\n\r\n${part}\r\n`).join('');
  return {
    method: 'POST',
    host: COMPUTE,
    target: '/batch/compute/v1',
    headers: [['Content-Type', 'multipart/mixed; boundary=B']],
    body: `${body}--B--\r\n`,
  };
}

test('PV-01, PV-02, PV-05: a call has its name wherever it stands, and every part of a batch is a unit', () => {
  const policy = deny("gcp.method == 'compute.instances.delete'");
  const judge = { analyser: named };
  const remove = `DELETE ${INSTANCE} HTTP/1.1\r\n\r\n`;
  const get = `GET ${INSTANCE} HTTP/1.1\r\n\r\n`;
  assert.equal(verdictOf(policy, { method: 'DELETE', host: COMPUTE, target: INSTANCE }, judge), 'deny');
  assert.equal(verdictOf(policy, { method: 'GET', host: COMPUTE, target: INSTANCE }, judge), 'allow');
  assert.equal(verdictOf(policy, batch(get, remove), judge), 'deny');
  assert.equal(verdictOf(policy, batch(get, get), judge), 'allow');
  const { units, risk } = analysisOf(batch(get, remove), judge);
  assert.deepEqual(
    units.map(({ facts }) => [facts.get('gcp.method'), facts.get('http.method'), facts.get('http.path')]),
    [
      ['compute.instances.get', 'get', INSTANCE],
      ['compute.instances.delete', 'delete', INSTANCE],
    ],
  );
  assert.equal(risk, 'destructive');
  const override: RequestParts = {
    method: 'POST',
    host: COMPUTE,
    target: INSTANCE,
    headers: [['X-HTTP-Method-Override', 'DELETE']],
  };
  assert.equal(verdictOf(policy, override, judge), 'refuse');
  assert.equal(verdictOf(policy, override, { ...judge, attributes: { method_override: 'judge' } }), 'deny');
  const hidden = batch(`POST ${INSTANCE} HTTP/1.1\r\nX-HTTP-Method-Override: DELETE\r\n\r\n`);
  assert.equal(verdictOf(policy, hidden, judge), 'refuse');
});

test('PV-03: a batch that cannot be read as a whole is opaque as a whole', () => {
  const broken = {
    ...batch(`GET ${INSTANCE} HTTP/1.1\r\n\r\n`),
    headers: [['Content-Type', 'multipart/mixed; boundary=C']],
  } as const;
  const { units, risk } = analysisOf(broken, { analyser: named });
  assert.equal(risk, 'destructive');
  assert.equal(units.length, 1);
  assert.equal(units[0]?.unreadable, true);
  assert.equal(verdictOf(makePolicy({ unmatched: 'allow' }), broken, { analyser: named }), 'deny');
  const many = batch(...Array.from({ length: 1001 }, () => `GET ${INSTANCE} HTTP/1.1\r\n\r\n`));
  assert.equal(analysisOf(many, { analyser: named }).risk, 'destructive');
});

test('PV-08, PV-14: AWS actions in forms, GitHub mutations by field', () => {
  const judge = { analyser: named };
  const terminate = deny("aws.action == 'ec2:TerminateInstances'");
  const ec2 = (body: string, target: string = '/'): RequestParts => ({
    host: 'ec2.eu-west-1.amazonaws.com',
    target,
    headers: [FORM_TYPE],
    body,
  });
  assert.equal(verdictOf(terminate, ec2('Action=TerminateInstances&Version=2016-11-15'), judge), 'deny');
  assert.equal(verdictOf(terminate, ec2('Action=DescribeInstances&Version=2016-11-15'), judge), 'allow');
  assert.equal(verdictOf(terminate, ec2('Action=DescribeInstances', '/?Action=TerminateInstances'), judge), 'refuse');
  const merge = deny("github.action == 'graphql/mergePullRequest'");
  const graphql = (query: string): RequestParts => ({
    host: 'api.github.com',
    target: '/graphql',
    headers: [JSON_TYPE],
    body: JSON.stringify({ query }),
  });
  const two = graphql('mutation { a: addComment { id } b: mergePullRequest(input: {}) { id } }');
  assert.equal(verdictOf(merge, two, judge), 'deny');
  assert.equal(verdictOf(merge, graphql('mutation { addComment { id } }'), judge), 'allow');
  // What would run is not known: a rule that names a mutation cannot tell, and so denies, whatever another one allows.
  assert.equal(verdictOf(merge, { ...two, body: '{"extensions":{"persistedQuery":{}}}' }, judge), 'deny');
  assert.ok(analysisOf({ ...two, body: '{' }, judge).units[0]?.facts.get('github.action') instanceof Unknown);
  for (const target of ['/graphql/', '/%67raphql', '/GraphQL', '//graphql']) {
    assert.equal(verdictOf(merge, { ...two, target }, judge), 'deny', target);
    const host = 'ghes.corp';
    assert.equal(verdictOf(merge, { ...two, host, target: `/api${target}` }, judge), 'deny', `${host} ${target}`);
  }
  assert.deepEqual(
    analysisOf(two, judge).units.map(({ facts }) => facts.get('github.action')),
    ['graphql/addComment', 'graphql/mergePullRequest'],
  );
  assert.equal(analysisOf(graphql('{ viewer { login } }'), judge).risk, 'safe');
  assert.equal(verdictOf(makePolicy({}), graphql('mutation { mergePullRequest { id } }'), judge), 'approve');
});

test('what a client claims to be never lowers what a provider says', () => {
  const judge = { analyser: named };
  const ec2 = { host: 'ec2.eu-west-1.amazonaws.com', method: 'POST' } as const;
  for (const parts of [
    { ...ec2, target: '/graphql?Action=TerminateInstances', headers: [JSON_TYPE], body: '{"query":"{a}"}' },
    {
      ...ec2,
      target: '/?Action=TerminateInstances',
      headers: [JSON_TYPE, ['Mcp-Session-Id', 'x']],
      body: '{"jsonrpc":"2.0","method":"ping"}',
    },
  ] as const) {
    assert.equal(analysisOf(parts, judge).risk, 'destructive', parts.target);
  }
});

test('MP-37: everyday reads at clouds are safe', () => {
  const cases: readonly RequestParts[] = [
    { host: COMPUTE, target: '/compute/v1/projects/p/zones/z/instances' },
    { host: COMPUTE, method: 'POST', target: '/compute/v1/projects/p/zones/z/operations/o/wait' },
    { host: 'sts.amazonaws.com', headers: [FORM_TYPE], body: 'Action=GetCallerIdentity&Version=2011-06-15' },
    { host: 'ec2.eu-west-1.amazonaws.com', headers: [FORM_TYPE], body: 'Action=DescribeInstances&Version=2016-11-15' },
    { host: 'bucket.s3.eu-west-1.amazonaws.com', target: '/key' },
    {
      host: 'api.github.com',
      target: '/graphql',
      headers: [JSON_TYPE],
      body: '{"query":"query P { repository { pullRequests { nodes { id } } } }"}',
    },
  ];
  for (const parts of cases) {
    const { risk, units } = analysisOf(parts, { analyser: named });
    assert.equal(risk, 'safe', `${parts.host ?? ''}${parts.target ?? ''} ${units[0]?.riskReason ?? ''}`);
  }
});

test('a provider that throws nothing and knows nothing changes nothing', () => {
  const silent: Provider = { needsBody: () => false, read: () => null };
  const parts = { method: 'POST', body: 'x', target: '/a' } as const;
  const analyser = createHttpAnalyser({ providers: [silent] });
  assert.equal(analysisOf(parts, { analyser }).risk, analysisOf(parts, { analyser: plain }).risk);
  assert.equal(analysisOf(parts, { analyser }).summary, 'POST api.example.com/a');
});

test('the facts of a request for a protocol of its own', () => {
  const { request, body } = makeRequest({ target: '/a?b=c', body: 'a=1', headers: [FORM_TYPE] });
  const facts = httpFacts(request, body, makeState());
  assert.equal(facts.get('http.path'), '/a');
  assert.deepEqual(facts.get('http.form'), new Map([['a', ['1']]]));
  assert.equal(facts.get('http.body_size'), 3n);
  assert.equal(facts.get('http.body_sha256'), hash('sha256', 'a=1', 'hex'));
  assert.equal(facts.get('graphql.type'), 'none');
  assert.equal(facts.get('risk'), undefined);
  const cut = httpFacts(request, { kind: 'cut', cause: 'too_large', bytes: Buffer.from('a') }, makeState());
  assert.equal(cut.get('http.body_size'), 3n);
  assert.ok(cut.get('http.body_sha256') instanceof Unknown);
  const streamed = makeRequest({ body: 'x', streamed: true }).request;
  assert.equal(httpFacts(streamed, { kind: 'unread' }, makeState()).get('http.body_size'), 9_223_372_036_854_775_807n);
});
