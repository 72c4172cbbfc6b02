// Placeholders: which slot chooses a credential, and that none of them leaves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectCredential } from '../../../src/protocols/http/inject.ts';
import { findPlaceholder, placeholderHints } from '../../../src/protocols/http/placeholders.ts';
import type { HttpRequest } from '../../../src/protocols/http/request.ts';
import type { CandidateCredential } from '../../../src/protocols/protocol.ts';
import { dispatched, requestOf } from './parts.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const URL_OF = 'https://api.example.com/v1/x';

test('a placeholder is what stands whole in the slot of the credential that is asked about', () => {
  const token: CandidateCredential = { type: 'bearer_token', attributes: {} };
  const header: CandidateCredential = { type: 'header_token', attributes: { header: 'X-Token', prefix: 'v1 ' } };
  const cookie: CandidateCredential = { type: 'cookie_token', attributes: { cookie_name: 'sid' } };
  const of = (type: string): CandidateCredential => ({ type, attributes: {} });
  const rows: readonly (readonly [string, CandidateCredential, string, readonly string[], string | null])[] = [
    ['bearer', token, URL_OF, ['Authorization: Bearer PH'], 'PH'],
    ['bearer, another case', token, URL_OF, ['authorization: bearer  PH'], 'PH'],
    ['bearer, not whole', token, URL_OF, ['Authorization: Bearer PH2'], 'PH2'],
    ['bearer, two', token, URL_OF, ['Authorization: Bearer PH', 'Authorization: Bearer PH'], null],
    ['bearer, in another header', token, URL_OF, ['X-Api-Key: PH'], null],
    ['bearer, as Basic', token, URL_OF, [`Authorization: ${basic('x:PH')}`], null],
    ['none', token, URL_OF, [], null],
    ['basic', of('basic_auth'), URL_OF, [`Authorization: ${basic('anybody:PH:x')}`], 'PH:x'],
    ['basic, as the user', of('basic_auth'), URL_OF, [`Authorization: ${basic('PH')}`], null],
    ['a header', header, URL_OF, ['x-token: PH'], 'PH'],
    ['a header with its prefix', header, URL_OF, ['x-token: v1 PH'], 'PH'],
    ['a cookie', cookie, URL_OF, ['Cookie: a=1; sid=PH'], 'PH'],
    ['a cookie, twice', cookie, URL_OF, ['Cookie: sid=PH; sid=other'], null],
    ['another cookie', cookie, URL_OF, ['Cookie: xsid=PH'], null],
    ['anthropic', of('anthropic_manual_key'), URL_OF, ['x-api-key: PH'], 'PH'],
    ['gemini, header', of('gemini_api_key'), URL_OF, ['x-goog-api-key: PH'], 'PH'],
    ['gemini, query', of('gemini_api_key'), `${URL_OF}?a=1&key=P%48`, [], 'PH'],
    ['gemini, query twice', of('gemini_api_key'), `${URL_OF}?key=PH&key=PH`, [], null],
    ['github, token', of('github_oauth'), URL_OF, ['Authorization: token PH'], 'PH'],
    [
      'github, Basic for git',
      of('github_oauth'),
      'https://github.com/o/r.git/info/refs',
      [`Authorization: ${basic('x:PH')}`],
      'PH',
    ],
    ['github, Basic elsewhere', of('github_oauth'), URL_OF, [`Authorization: ${basic('x:PH')}`], null],
    ['discord', of('discord_bot_token'), URL_OF, ['Authorization: Bot PH'], 'PH'],
    ['a type without placeholders', of('aws_credential'), URL_OF, ['Authorization: Bearer PH'], null],
  ];
  for (const [name, candidate, target, fields, want] of rows) {
    const hints = placeholderHints(requestOf(target, { fields }));
    assert.equal(typeof hints, 'function');
    const said = typeof hints === 'function' ? hints(candidate) : {};
    assert.equal(said['placeholder'] ?? null, want, name);
  }
});

test('a placeholder is found wherever it stands in the head', () => {
  const rows: readonly (readonly [string, HttpRequest, string | null])[] = [
    ['path', requestOf('https://h.example/a/PH-1/b'), 'the path'],
    ['path, escaped', requestOf('https://h.example/a/P%48-1'), 'the path'],
    ['query', requestOf('https://h.example/a?x=PH-1'), 'the query'],
    ['query, escaped', requestOf('https://h.example/a?x=%50H%2d1'), 'the query'],
    ['query, a plus for a space', requestOf('https://h.example/a?x=with+space'), 'the query'],
    ['header', requestOf('https://h.example/a', { fields: ['X: a', 'Y: before PH-1 behind'] }), 'the header Y'],
    [
      'Basic',
      requestOf('https://h.example/a', { fields: [`Authorization: ${basic('u:PH-1')}`] }),
      'the header Authorization',
    ],
    ['cookie, escaped', requestOf('https://h.example/a', { fields: ['Cookie: a=P%48-1'] }), 'the header Cookie'],
    ['name of a header', requestOf('https://h.example/a', { fields: ['PH-1: a'] }), 'the header PH-1'],
    [
      'not ASCII',
      requestOf('https://h.example/a', { fields: [`X: ${Buffer.from('schlüssel').toString('latin1')}`] }),
      'the header X',
    ],
    ['part of one', requestOf('https://h.example/PH-/1'), null],
    ['none', requestOf('https://h.example/a?b=c', { fields: ['X: y'] }), null],
  ];
  for (const [name, request, want] of rows) {
    assert.equal(findPlaceholder(request, ['PH-1', 'with space', 'schlüssel']), want, name);
  }
  assert.equal(findPlaceholder(requestOf('https://h.example/PH-1'), []), null);
});

test('HT-48, HT-49, HX-12: nothing is sent while a placeholder stands where it is not replaced', () => {
  const parts = {
    nowMs: 0,
    body: { kind: 'unread' },
    endpoint: { type: 'https', attributes: {} },
    placeholders: ['PH-1', 'PH-2'],
  } as const;
  const token = dispatched('bearer_token', 'S');
  const rows: readonly (readonly [
    string,
    ReturnType<typeof dispatched> | null,
    string,
    readonly string[],
    'ready' | 'refused',
  ])[] = [
    ['in its slot', token, URL_OF, ['Authorization: Bearer PH-1'], 'ready'],
    ['another one in the slot', token, URL_OF, ['Authorization: Bearer PH-2'], 'ready'],
    ['in its slot, without a credential', null, URL_OF, ['Authorization: Bearer PH-1'], 'refused'],
    [
      'in its slot, where nothing is injected',
      dispatched('passthrough', {}),
      URL_OF,
      ['Authorization: Bearer PH-1'],
      'refused',
    ],
    ['none, without a credential', null, URL_OF, ['Authorization: Bearer mine'], 'ready'],
    ['in a query', token, `${URL_OF}?q=PH-1`, [], 'refused'],
    ['in a path', token, `${URL_OF}/PH-1`, [], 'refused'],
    ['in another header', token, URL_OF, ['X-Note: PH-2'], 'refused'],
    [
      'in another cookie',
      dispatched('cookie_token', 'S', { cookie_name: 'sid' }),
      URL_OF,
      ['Cookie: a=PH-1; sid=PH-1'],
      'refused',
    ],
    [
      'in the cookie',
      dispatched('cookie_token', 'S', { cookie_name: 'sid' }),
      URL_OF,
      ['Cookie: a=1; sid=PH-1'],
      'ready',
    ],
    ['in the key of a query that is replaced', dispatched('gemini_api_key', 'S'), `${URL_OF}?key=PH-1`, [], 'ready'],
    ['in another parameter', dispatched('gemini_api_key', 'S'), `${URL_OF}?key=PH-1&x=PH-1`, [], 'refused'],
    ['a token in the query', token, `${URL_OF}?access_token=mine`, [], 'refused'],
  ];
  for (const [name, credential, target, fields, want] of rows) {
    const result = injectCredential(requestOf(target, { fields }), credential, parts);
    assert.equal(result.kind, want, name);
    if (result.kind === 'ready') {
      assert.doesNotMatch(JSON.stringify(result.request), /PH-/, name);
    } else {
      assert.doesNotMatch(result.why, /PH-/, name);
    }
  }
});
