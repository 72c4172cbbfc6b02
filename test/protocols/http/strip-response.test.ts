// What an answer does not tell the agent, and how an injected secret is found again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMask } from '../../../src/protocols/http/mask.ts';
import { stripResponse } from '../../../src/protocols/http/strip-response.ts';
import { dispatched, fieldOf, linesOf, requestOf } from './parts.ts';

const SECRET = 'gh/p+s3cret="ü"';

test('HT-51: an injected secret is masked in every form in which it may come back', () => {
  const mask = createMask([SECRET]);
  const bytes = Buffer.from(SECRET);
  const rows: readonly (readonly [string, string])[] = [
    ['as it is', `Bearer ${SECRET} refused`],
    ['as header bytes', bytes.toString('latin1')],
    ['percent', `https://h/?t=${encodeURIComponent(SECRET)}`],
    ['percent, lower case', encodeURIComponent(SECRET).toLowerCase()],
    ['JSON', JSON.stringify({ token: SECRET })],
    ['hex', bytes.toString('hex')],
    ['base64', bytes.toString('base64')],
    ['base64 behind one byte', Buffer.from(`u${SECRET}`).toString('base64')],
    ['base64 behind two', Buffer.from(`u:${SECRET} and more`).toString('base64')],
    ['base64url', bytes.toString('base64url')],
  ];
  for (const [name, text] of rows) {
    assert.match(mask(text), /\[secret\]/, name);
    assert.doesNotMatch(mask(text), /s3cret/, name);
  }
  assert.equal(mask('nothing of it'), 'nothing of it');
  assert.equal(createMask(['ab'])('ab stays: it would be found everywhere'), 'ab stays: it would be found everywhere');
});

test('HT-52, HX-10: cookies, challenges and tokens of an endpoint with a credential stay here', () => {
  const fields = [
    'Content-Type: text/html',
    'Set-Cookie: session=1',
    'WWW-Authenticate: Basic realm="x"',
    'www-authenticate: Bearer',
    'Authentication-Info: nextnonce=1',
    `Location: https://h/?t=${encodeURIComponent(SECRET)}`,
    'ETag: "1"',
  ].map(fieldOf);
  const mask = createMask([SECRET]);
  const token = dispatched('github_oauth', SECRET);
  const seen = (target: string, credential: typeof token | null): readonly string[] =>
    linesOf(stripResponse(fields, { request: requestOf(target), credential, mask }));
  assert.deepEqual(seen('https://api.github.com/user', token), [
    'Content-Type: text/html',
    'Location: https://h/?t=[secret]',
    'ETag: "1"',
  ]);
  const challenge = 'WWW-Authenticate: Basic realm="x"';
  assert.ok(seen('https://github.com/o/r.git/info/refs?service=git-upload-pack', token).includes(challenge));
  assert.equal(seen('https://github.com/o/r.git/info/refs', token).includes('www-authenticate: Bearer'), false);
  assert.deepEqual(seen('https://h.example/', null), linesOf(fields));
  assert.deepEqual(seen('https://h.example/', dispatched('passthrough', {})), linesOf(fields));
});
