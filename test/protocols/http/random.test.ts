// Whatever an agent sends, naming its call and putting a credential into it end with a value, and never with a secret beside its slot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalTarget } from '../../../src/protocols/http/canonical.ts';
import type { RequestState } from '../../../src/protocols/http/flavour.ts';
import { injectCredential } from '../../../src/protocols/http/inject.ts';
import { placeholderHints } from '../../../src/protocols/http/placeholders.ts';
import { providers } from '../../../src/protocols/http/providers/all.ts';
import { parsePush } from '../../../src/protocols/http/providers/git-push.ts';
import type { HttpRequest } from '../../../src/protocols/http/request.ts';
import { makeEndpoint } from '../../support/rule-parts.ts';
import { dispatched } from './parts.ts';

const STATE: RequestState = { config: makeEndpoint('http', 'risk'), hasCredential: true };

const pick = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);
const latin1 = fc.string({
  unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 30,
});
const segment = fc.oneof(
  latin1,
  pick(
    'batch',
    'compute',
    'v1',
    'projects',
    'p',
    '..',
    '%2f',
    '%',
    '',
    'o',
    'repos',
    'info',
    'refs',
    'git-receive-pack',
    'a:b',
    'service',
  ),
);
const pair = fc.tuple(
  fc.oneof(latin1, pick('Action', 'action', 'X-Amz-Credential', 'X-Amz-Signature', 'acl', 'key')),
  latin1,
);
const field = fc.record({
  name: fc.oneof(
    pick('Authorization', 'Cookie', 'X-Amz-Target', 'Content-Type', 'x-amz-content-sha256', 'Content-Encoding'),
    fc.stringMatching(/^[a-z]{1,8}$/),
  ),
  value: fc.oneof(
    latin1,
    pick(
      'AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request, SignedHeaders=host, Signature=0',
      'multipart/mixed; boundary=B',
      'gzip',
      'Basic !!',
      'Bearer PH',
    ),
  ),
});
const request: fc.Arbitrary<HttpRequest> = fc.record({
  version: fc.constant('1.1' as const),
  method: pick('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'FOO', 'get'),
  scheme: fc.constant('https' as const),
  host: pick(
    'compute.googleapis.com',
    'www.googleapis.com',
    's3.amazonaws.com',
    'b.s3.eu-west-1.amazonaws.com',
    'ec2.eu-west-1.amazonaws.com',
    'lambda.eu-west-1.amazonaws.com',
    'api.github.com',
    'amazonaws.com',
    'h.example',
  ),
  port: fc.constant(443),
  rawPath: fc.array(segment, { maxLength: 8 }).map((segments) => `/${segments.join('/').replaceAll('?', '')}`),
  rawQuery: fc.option(
    fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&')),
  ),
  fields: fc.array(field, { maxLength: 5 }),
  upgrade: fc.constant('none'),
  framing: pick('none', 'length', 'stream') as fc.Arbitrary<HttpRequest['framing']>,
  contentLength: fc.constant(null),
});
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ maxLength: 200 }),
  pick('Action=X&Action=Y', '--B\n\n--B--', '0000', '{"dryRun":1}'),
);

test('providers name any request without a fault, and only what they know is safe', () => {
  fc.assert(
    fc.property(request, body, (sent, bytes) => {
      const canonical = canonicalTarget(sent, STATE);
      const whole = { kind: 'whole', bytes: Buffer.from(bytes as string) } as const;
      for (const provider of providers) {
        provider.needsBody(sent, canonical);
        const reading = provider.read(sent, whole, canonical, STATE);
        if (reading?.facts['http.action_class'] === 'unknown' && reading.parts === undefined) {
          assert.notEqual(reading.risk, 'safe');
        }
        provider.read(sent, { kind: 'unread' }, canonical, STATE);
      }
    }),
    { numRuns: 1500 },
  );
});

test('the head of a push is read without a fault, whatever its bytes', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          pick('0000', '0004', 'ffff', '0032', 'push-cert\0', `${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/x`),
          latin1,
        ),
      ),
      (pieces) => {
        parsePush(Buffer.from(pieces.join(''), 'latin1'));
      },
    ),
    { numRuns: 1500 },
  );
});

test('a credential goes into any request once, in its own slot, or nothing is sent', () => {
  const SECRET = 'the-real-secret';
  const credentials = [
    dispatched('bearer_token', SECRET, { idempotency_key: true }),
    dispatched('basic_auth', SECRET, { username: 'u' }),
    dispatched('cookie_token', SECRET, { cookie_name: 'sid' }),
    dispatched('gemini_api_key', SECRET),
    dispatched('github_oauth', SECRET),
    dispatched('aws_credential', { access_key_id: 'AKIA', secret_access_key: SECRET }),
  ];
  fc.assert(
    fc.property(request, fc.constantFrom(...credentials), (sent, credential) => {
      const hints = placeholderHints(sent);
      if (typeof hints === 'function') {
        hints(credential);
      }
      const parts = {
        nowMs: 0,
        body: { kind: 'unread' } as const,
        endpoint: { type: 'https', attributes: {} },
        placeholders: ['PH'],
      };
      const result = injectCredential(sent, credential, parts);
      if (result.kind === 'refused') {
        assert.doesNotMatch(result.why, new RegExp(SECRET));
        return;
      }
      const text = JSON.stringify(result.request);
      assert.ok(!text.includes('"PH') && !text.includes('Bearer PH'));
      assert.equal(result.request.rawPath, sent.rawPath);
      assert.equal(
        result.request.fields.filter(({ name }) => name.toLowerCase() === 'authorization').length <= 1,
        true,
      );
    }),
    { numRuns: 1500 },
  );
});
