import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeTlsTrouble } from '../../src/lib/tls-trouble.ts';

const raw = (words: string): Error =>
  new Error(
    `80AC21BD777F0000:error:0A00010B:SSL routines:ssl3_get_record:${words}:../deps/openssl/ssl/record.c:350:\n`,
  );

test('a handshake that failed is told in words, without the places in the library', () => {
  const plain = 'the other side does not speak TLS on this port; name its TLS port';
  const cases: readonly (readonly [unknown, string])[] = [
    [raw('wrong version number'), plain],
    [raw('packet length too long'), plain],
    [raw('tlsv1 alert unknown ca'), 'tlsv1 alert unknown ca'],
    [new Error('self-signed certificate'), 'self-signed certificate'],
    ['odd', 'odd'],
  ];
  for (const [error, told] of cases) {
    assert.equal(describeTlsTrouble(error), told);
  }
});
