// The text of a request that people judge and the record keeps: readable, marked where it is cut, with a digest over what is sent.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { HttpEvidence } from '../../../src/protocols/http/action.ts';
import { requestHead } from '../../../src/protocols/http/h1-write.ts';
import type { BodyReading, HttpRequest } from '../../../src/protocols/http/request.ts';
import { requestOf } from './parts.ts';

const TARGET = 'POST https://api.example.com/v1/x';
const JSON_TEXT = '{"name":"ü"}';

test('HX-16: a sample shows a body decoded, says where it is cut, and its digest is over what is sent', () => {
  const coded = gzipSync(JSON_TEXT);
  const gzip = requestOf(TARGET, { fields: ['Content-Encoding: gzip'], contentLength: coded.length });
  const plain = requestOf(TARGET, { contentLength: 100 });
  const text = Buffer.from(JSON_TEXT);
  const cases: readonly (readonly [string, HttpRequest, BodyReading, complete: boolean, shown: RegExp])[] = [
    ['whole', plain, { kind: 'whole', bytes: text }, true, /\n\n\{"name":"ü"\}$/],
    ['gzip', gzip, { kind: 'whole', bytes: coded }, true, /\n\n\{"name":"ü"\}\n\[decoded from gzip\]$/],
    ['no gzip', gzip, { kind: 'whole', bytes: text }, true, /\n\n\{"name":"ü"\}$/],
    ['cut', plain, { kind: 'cut', cause: 'too_large', bytes: text }, false, /ü"\}\n\[cut after 13 bytes\]$/],
    ['ended early', plain, { kind: 'cut', cause: 'incomplete', bytes: text }, false, /\n\[cut after 13 bytes\]$/],
    [
      'cut gzip',
      gzip,
      { kind: 'cut', cause: 'too_large', bytes: coded.subarray(0, 12) },
      false,
      /\[cut after 12 bytes\]$/,
    ],
    ['not held', plain, { kind: 'unread' }, false, /\[a body of 100 bytes that was not held\]$/],
  ];
  for (const [name, request, body, complete, shown] of cases) {
    const evidence = new HttpEvidence(request, body);
    assert.equal(evidence.complete, complete, name);
    assert.match(evidence.text, shown, name);
    const sent = body.kind === 'unread' ? Buffer.alloc(0) : body.bytes;
    const head = requestHead(request, { expectContinue: false, keepAlive: true });
    assert.equal(evidence.digest(), createHash('sha256').update(head).update(sent).digest('hex'), name);
  }
});
