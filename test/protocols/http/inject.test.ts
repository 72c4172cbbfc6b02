// What each credential puts into a request, what it takes out of it, and when nothing is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectCredential, injectionNeedsBody } from '../../../src/protocols/http/inject.ts';
import type { Injection, InjectionParts } from '../../../src/protocols/http/inject.ts';
import type { HttpRequest } from '../../../src/protocols/http/request.ts';
import type { DispatchedCredential } from '../../../src/protocols/protocol.ts';
import { dispatched, linesOf, requestOf } from './parts.ts';

const HTTPS = { type: 'https', attributes: {} };

function inject(
  request: HttpRequest,
  credential: DispatchedCredential | null,
  changes: Partial<InjectionParts> = {},
): Injection {
  return injectCredential(request, credential, {
    nowMs: Date.UTC(2026, 10, 22, 5, 40),
    body: { kind: 'unread' },
    endpoint: HTTPS,
    placeholders: ['PH-OTHER', 'PH-THIS'],
    ...changes,
  });
}

function check(
  name: string,
  request: HttpRequest,
  credential: DispatchedCredential | null,
  want: { readonly fields?: readonly string[]; readonly query?: string | null; readonly refused?: RegExp },
): void {
  const result = inject(request, credential);
  if (want.refused !== undefined) {
    assert.equal(result.kind, 'refused', name);
    assert.match(result.kind === 'refused' ? result.why : '', want.refused, name);
    return;
  }
  assert.equal(result.kind, 'ready', `${name}: ${result.kind === 'refused' ? result.why : ''}`);
  if (result.kind === 'ready') {
    assert.deepEqual(linesOf(result.request.fields), want.fields, name);
    assert.equal(result.request.rawQuery, want.query ?? request.rawQuery, name);
    assert.equal(result.request.rawPath, request.rawPath, name);
  }
}

const at = (...fields: string[]): HttpRequest => requestOf('https://api.example.com/v1/x?a=1', { fields });
const jwt = `x.${Buffer.from('{"https://api.openai.com/auth":{"chatgpt_account_id":"acc-1"}}').toString('base64url')}.y`;
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('each type puts its secret into its own slot, in place of what the agent sent there', () => {
  const header = { header: 'X-Token', prefix: 'v1 ' };
  const rows: readonly (readonly [string, HttpRequest, DispatchedCredential, readonly string[]])[] = [
    ['bearer, none sent', at('Accept: a'), dispatched('bearer_token', 'S'), ['Accept: a', 'Authorization: Bearer S']],
    [
      'bearer, replaced where it stood and under its name',
      at('authorization: Bearer PH-THIS', 'Accept: a'),
      dispatched('bearer_token', 'S'),
      ['authorization: Bearer S', 'Accept: a'],
    ],
    [
      'bearer, sent twice',
      at('Authorization: Bearer PH-THIS', 'Accept: a', 'AUTHORIZATION: Bearer mine'),
      dispatched('bearer_token', 'S'),
      ['Authorization: Bearer S', 'Accept: a'],
    ],
    [
      "the agent's own accounts in other slots go",
      at('Cookie: session=mine', 'x-api-key: mine', 'Private-Token: mine', 'X-Other: kept'),
      dispatched('bearer_token', 'S'),
      ['X-Other: kept', 'Authorization: Bearer S'],
    ],
    ['basic', at(), dispatched('basic_auth', 'pw', { username: 'bot' }), [`Authorization: ${basic('bot:pw')}`]],
    ['basic, not ASCII', at(), dispatched('basic_auth', 'pä', { username: 'ü' }), [`Authorization: ${basic('ü:pä')}`]],
    ['a header', at('x-token: PH-THIS'), dispatched('header_token', 'S', header), ['x-token: v1 S']],
    [
      'a header, which the agent spells as servers behind CGI read it too',
      at('X_Token: mine', 'x-token: PH-THIS', 'X_Other: kept', 'X-token_: kept'),
      dispatched('header_token', 'S', header),
      ['x-token: v1 S', 'X_Other: kept', 'X-token_: kept'],
    ],
    ['the same alone', at('x_token: mine'), dispatched('header_token', 'S', header), ['X-Token: v1 S']],
    [
      'a header, and a bearer of the agent',
      at('Authorization: Bearer mine'),
      dispatched('header_token', 'S', { header: 'X-Token', prefix: '' }),
      ['X-Token: S'],
    ],
    [
      'one cookie among others',
      at('Cookie: a=1; sid=mine; b=2', 'Cookie: sid=again'),
      dispatched('cookie_token', 'S', { cookie_name: 'sid' }),
      ['Cookie: a=1; b=2; sid=S'],
    ],
    ['no cookie before', at(), dispatched('cookie_token', 'S', { cookie_name: 'sid' }), ['Cookie: sid=S']],
    [
      'a client certificate',
      at('Authorization: Bearer mine'),
      dispatched('mtls_credential', { cert: 'c', key: 'k' }),
      [],
    ],
    [
      'anthropic key',
      at('Authorization: Bearer mine', 'X-Api-Key: PH-THIS'),
      dispatched('anthropic_manual_key', 'S'),
      ['X-Api-Key: S'],
    ],
    [
      'anthropic subscription, beta joined',
      at('anthropic-beta: tools-1', 'x-api-key: mine'),
      dispatched('anthropic_oauth_subscription', 'S'),
      ['anthropic-beta: tools-1,oauth-2025-04-20', 'Authorization: Bearer S'],
    ],
    [
      'anthropic subscription, beta already there',
      at('anthropic-beta: oauth-2025-04-20, tools-1'),
      dispatched('anthropic_oauth_subscription', 'S'),
      ['anthropic-beta: oauth-2025-04-20, tools-1', 'Authorization: Bearer S'],
    ],
    [
      'codex, account of the token',
      at('chatgpt-account-id: mine'),
      dispatched('openai_codex_oauth', jwt),
      ['chatgpt-account-id: acc-1', `Authorization: Bearer ${jwt}`],
    ],
    [
      'codex, a token that names no account',
      at('chatgpt-account-id: mine'),
      dispatched('openai_codex_oauth', 'opaque'),
      ['Authorization: Bearer opaque'],
    ],
    ['notion', at(), dispatched('notion_oauth', 'S'), ['Authorization: Bearer S', 'Notion-Version: 2022-06-28']],
    [
      'notion, version of the agent',
      at('Notion-Version: 2025-09-03'),
      dispatched('notion_mcp_oauth', 'S'),
      ['Notion-Version: 2025-09-03', 'Authorization: Bearer S'],
    ],
    ['discord', at('Authorization: Bot PH-THIS'), dispatched('discord_bot_token', 'S'), ['Authorization: Bot S']],
    ['github', at('authorization: token PH-THIS'), dispatched('github_oauth', 'S'), ['authorization: Bearer S']],
    [
      'google',
      at(),
      dispatched('google_gke_credential', { sa_key: '{}', access_token: 'S' }),
      ['Authorization: Bearer S'],
    ],
    [
      'a bearer token in the protocols of a WebSocket',
      at('Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.bWluZQ, v5.channel.k8s.io'),
      dispatched('bearer_token', 'S'),
      ['Sec-WebSocket-Protocol: v5.channel.k8s.io', 'Authorization: Bearer S'],
    ],
  ];
  for (const [name, request, credential, fields] of rows) {
    check(name, request, credential, { fields });
  }
});

test('a credential that lacks a value, or whose value cannot stand where it belongs, is a refusal', () => {
  const rows: readonly (readonly [string, DispatchedCredential, RegExp])[] = [
    ['no value', dispatched('bearer_token', {}), /bearer_token\.one has no value/],
    ['an empty one', dispatched('bearer_token', ''), /has no value/],
    ['a line end', dispatched('bearer_token', 'a\r\nX-Admin: 1'), /cannot stand in a header/],
    ['a NUL', dispatched('basic_auth', 'a\0', { username: 'u' }), /cannot stand in a header/],
    ['outer space', dispatched('header_token', 'a ', { header: 'X', prefix: '' }), /cannot stand in a header/],
    [
      'a cookie with a semicolon',
      dispatched('cookie_token', 'a; b=c', { cookie_name: 'sid' }),
      /cannot stand in a cookie/,
    ],
    ['no access token', dispatched('google_gke_credential', { sa_key: '{}' }), /slot access_token has no value/],
    ['no secret key', dispatched('aws_credential', { access_key_id: 'A' }), /slot secret_access_key has no value/],
    ['no key id', dispatched('aws_credential', { secret_access_key: 'A' }), /slot access_key_id has no value/],
    [
      'an empty session token',
      dispatched('aws_credential', { access_key_id: 'A', secret_access_key: 'B', session_token: '' }),
      /slot session_token has no value/,
    ],
    ['an empty kubeconfig', dispatched('kubeconfig_credential', { ca: 'x' }), /neither token nor client certificate/],
    ['telegram', dispatched('telegram_bot_token', 'S'), /Telegram/],
    ['a type for something else', dispatched('postgres_credential', 'S'), /cannot be put into an HTTP request/],
    ['a name from the prototype', dispatched('constructor', 'S'), /cannot be put into an HTTP request/],
  ];
  for (const [name, credential, refused] of rows) {
    check(name, at(), credential, { refused });
  }
});

test('HT-58: an account that the agent chose goes upstream under no name', () => {
  const token = dispatched('bearer_token', 'S');
  const on = (query: string): HttpRequest => requestOf(`https://api.example.com/v1/x?${query}`, { fields: [] });
  for (const query of [
    'access_token=mine',
    'Access%5FToken=mine',
    'a=1;access_token=mine',
    'private_token=mine',
    'job_token=mine',
  ]) {
    check(query, on(query), token, { refused: /names an account beside the gateway's credential/ });
  }
  check('a harmless query', on('token_type=access_token;a=1'), token, { fields: ['Authorization: Bearer S'] });
  check('under another spelling', at('X_Api_Key: mine', 'Private_Token: mine', 'X_Trace: b'), token, {
    fields: ['X_Trace: b', 'Authorization: Bearer S'],
  });
});

test('no text of a refusal holds a secret', () => {
  for (const credential of [
    dispatched('bearer_token', 'SENSITIVE\n'),
    dispatched('cookie_token', 'SENSITIVE;', { cookie_name: 'sid' }),
    dispatched('aws_credential', { access_key_id: 'SENSITIVE', secret_access_key: 'SENSITIVE' }),
  ]) {
    assert.doesNotMatch(JSON.stringify(inject(at(), credential)), /SENSITIVE/);
  }
});

test('git paths at GitHub get Basic, and Slack calls the token that they take', () => {
  const token = dispatched('github_oauth', 'S');
  const on = (target: string): HttpRequest => requestOf(target, { fields: ['Authorization: Basic bWluZTptaW5l'] });
  const bot = dispatched('slack_tokens', { bot: 'xoxb', app: 'xapp' });
  const rows: readonly (readonly [string, DispatchedCredential, string])[] = [
    ['https://github.com/o/r.git/info/refs?service=git-upload-pack', token, basic('x-access-token:S')],
    ['https://github.com/o/r.git/git-receive-pack', token, basic('x-access-token:S')],
    ['https://github.com/o/r.git/info/lfs/objects/batch', token, basic('x-access-token:S')],
    ['https://api.github.com/repos/o/r', token, 'Bearer S'],
    ['https://slack.com/api/chat.postMessage', bot, 'Bearer xoxb'],
    ['https://slack.com/api/apps.connections.open', bot, 'Bearer xapp'],
  ];
  for (const [target, credential, want] of rows) {
    check(target, on(target), credential, { fields: [`Authorization: ${want}`] });
  }
  check(
    'without the token of the app',
    on('https://slack.com/api/apps.connections.open'),
    dispatched('slack_tokens', { bot: 'b' }),
    {
      refused: /slot app has no value/,
    },
  );
});

test('the key of Gemini also takes the place of the one in the query, once', () => {
  const key = dispatched('gemini_api_key', 'S+1');
  const sent = (query: string): HttpRequest => requestOf(`https://g.example/v1/x?${query}`);
  check('in the query', sent('key=PH-THIS&a=%20b'), key, {
    fields: ['x-goog-api-key: S+1'],
    query: 'key=S%2B1&a=%20b',
  });
  check('twice', sent('a=1&key=x&key=y'), key, { fields: ['x-goog-api-key: S+1'], query: 'a=1&key=S%2B1' });
  check('not there', sent('a=1'), key, { fields: ['x-goog-api-key: S+1'], query: 'a=1' });
});

test('a write without an Idempotency-Key gets one that hangs on all of it', () => {
  const credential = dispatched('bearer_token', 'S', { idempotency_key: true });
  const keyOf = (target: string, body: string | null, fields: readonly string[] = []): string | undefined => {
    const request = requestOf(target, { fields, framing: body === '' ? 'none' : 'length', contentLength: 1 });
    const held = body === null ? { kind: 'unread' as const } : { kind: 'whole' as const, bytes: Buffer.from(body) };
    const result = inject(request, credential, { body: held });
    return result.kind === 'ready'
      ? result.request.fields.find(({ name }) => name === 'Idempotency-Key')?.value
      : 'refused';
  };
  const one = keyOf('POST https://api.example.com/v1/x', 'body');
  assert.match(one ?? '', /^[0-9a-f]{32}$/);
  assert.equal(keyOf('POST https://api.example.com/v1/x', 'body'), one);
  for (const other of [
    keyOf('POST https://api.example.com/v1/x', 'bodz'),
    keyOf('POST https://api.example.com/v1/y', 'body'),
    keyOf('PUT https://api.example.com/v1/x', 'body'),
    keyOf('POST https://api.example.org/v1/x', 'body'),
    keyOf('POST https://api.example.com/v1/x?a', 'body'),
  ]) {
    assert.match(other ?? '', /^[0-9a-f]{32}$/);
    assert.notEqual(other, one);
  }
  assert.equal(keyOf('GET https://api.example.com/v1/x', ''), undefined);
  assert.equal(keyOf('POST https://api.example.com/v1/x', null), undefined, 'a body that was not held');
  assert.equal(keyOf('POST https://api.example.com/v1/x', 'body', ['Idempotency-Key: mine']), 'mine');
  const post = requestOf('POST https://api.example.com/v1/x', { framing: 'stream' });
  assert.equal(injectionNeedsBody(post, credential, HTTPS), true);
  assert.equal(injectionNeedsBody(post, dispatched('bearer_token', 'S', { idempotency_key: false }), HTTPS), false);
  assert.equal(injectionNeedsBody(post, null, HTTPS), false);
});

test('at a Kubernetes endpoint an AWS key gives a token for its cluster, and a kubeconfig what its user has', () => {
  const keys = dispatched('aws_credential', { access_key_id: 'AKIA', secret_access_key: 'secret' });
  const request = requestOf('https://k8s.example/api/v1/pods', { fields: ['Authorization: Bearer mine'] });
  const of = (credential: DispatchedCredential, attributes = {}): string => {
    const result = inject(request, credential, { endpoint: { type: 'kubernetes', attributes } });
    return result.kind === 'ready' ? linesOf(result.request.fields).join() : result.why;
  };
  assert.match(of(keys, { cluster_name: 'prod', region: 'eu-west-1' }), /^Authorization: Bearer k8s-aws-v1\.[\w-]+$/);
  assert.match(of(keys), /names no cluster_name and region/);
  assert.equal(of(dispatched('kubeconfig_credential', { access_token: 'T' })), 'Authorization: Bearer T');
  assert.equal(
    of(dispatched('kubeconfig_credential', { username: 'u', password: 'p' })),
    `Authorization: ${basic('u:p')}`,
  );
  assert.equal(of(dispatched('kubeconfig_credential', { cert: 'c', key: 'k' })), '');
});

test('an AWS request goes out signed by our key, and a placeholder beside the signature stops it', () => {
  const keys = dispatched(
    'aws_credential',
    { access_key_id: 'AKIAREAL', secret_access_key: 'secret' },
    { unsigned_payload: false },
  );
  const auth =
    'Authorization: AWS4-HMAC-SHA256 Credential=PH-THIS/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0';
  const request = requestOf('https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances', {
    fields: [auth, 'Cookie: mine=1'],
  });
  const result = inject(request, keys);
  const lines = result.kind === 'ready' ? linesOf(result.request.fields) : assert.fail(result.why);
  assert.match(lines.join('\n'), /Credential=AKIAREAL\/20261122\/eu-west-1\/ec2\/aws4_request/);
  assert.doesNotMatch(lines.join('\n'), /PH-THIS|Cookie/);
  const beside = { ...request, rawQuery: `${request.rawQuery}&x=PH-THIS` };
  assert.equal(inject(beside, keys).kind, 'refused');
});
