// What each credential puts into a request, what it takes out of it, and when nothing is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectCredential } from '../../../src/protocols/http/inject.ts';
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
