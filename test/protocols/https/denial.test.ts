// How refusals read: JSON for most clients, the status of a call for those of gRPC.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Refusal } from '../../../src/protocols/http/flavour.ts';
import { refuseHttps } from '../../../src/protocols/https/denial.ts';
import { linesOf, requestOf } from '../http/parts.ts';

const REFUSAL: Refusal = { status: 403, code: 'denied', reason: 'no', rule: 'r', hint: 'ask', action: 'id' };

const grpcRequest = (contentType: string, version: '1.1' | '2' = '2') =>
  requestOf('POST https://a.test/demo.Demo/Wipe', { version, fields: [`content-type: ${contentType}`] });

test('a refusal is JSON that says why, by which rule and what to do; what is empty is left out', () => {
  const { status, body } = refuseHttps(REFUSAL, null);
  assert.equal(status, 403);
  assert.deepEqual(JSON.parse(body.toString()), {
    error: { code: 'denied', reason: 'no', rule: 'r', hint: 'ask', action: 'id', message: 'clawpatrol: no; rule r' },
  });
  const short = refuseHttps({ ...REFUSAL, rule: '', hint: '', action: '' }, grpcRequest('application/json'));
  assert.deepEqual(JSON.parse(short.body.toString()), {
    error: { code: 'denied', reason: 'no', message: 'clawpatrol: no' },
  });
});

test('a call of gRPC over HTTP/2 ends with a status and the reason, and nothing else is taken for one', () => {
  for (const type of ['application/grpc', 'application/grpc+proto', 'Application/gRPC; charset=x']) {
    const { status, fields, body } = refuseHttps(REFUSAL, grpcRequest(type));
    assert.deepEqual([status, body.length], [200, 0]);
    assert.deepEqual(linesOf(fields), [
      'Content-Type: application/grpc',
      'Grpc-Status: 7',
      'Grpc-Message: no; rule r; ask; action id',
    ]);
  }
  for (const request of [
    grpcRequest('application/grpc-web'),
    grpcRequest('application/grpcx'),
    grpcRequest('application/grpc', '1.1'),
    requestOf('POST https://a.test/', { version: '2' }),
    null,
  ]) {
    assert.equal(refuseHttps(REFUSAL, request).status, 403);
  }
});

test('the status of a call follows that of HTTP, and its message is percent-encoded', () => {
  const cases = { 400: 13, 401: 16, 403: 7, 421: 13, 502: 14, 503: 14, 504: 14 };
  for (const [status, want] of Object.entries(cases)) {
    const bare = { ...REFUSAL, status: Number(status), rule: '', hint: '', action: '', reason: '100 % ü\n' };
    const lines = linesOf(refuseHttps(bare, grpcRequest('application/grpc')).fields);
    assert.equal(lines[1], `Grpc-Status: ${want}`);
    assert.match(lines[2] ?? '', /^Grpc-Message: 100 %25 %C3%BC/);
    assert.doesNotMatch(lines[2] ?? '', /[^\x20-\x7e]/);
  }
});
