import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, type RecordType } from 'dns-packet';
import fc from 'fast-check';
import { takeQuestion, writeReply } from '../../../src/gateway/tunnel/dns-message.ts';

function query(name: string, type: RecordType = 'A', more: object = {}): Buffer {
  return encode({ type: 'query', id: 77, flags: 256, questions: [{ name, type }], ...more });
}

function rcodeOf(reply: Buffer): string {
  return String(Reflect.get(decode(reply), 'rcode'));
}

test('a question is read as dns-packet wrote it, and given back byte for byte', () => {
  for (const name of ['db.internal.test', 'dB.InTernaL.tesT', 'a', '_ldap._tcp.x', `${'x'.repeat(63)}.y`]) {
    const taken = takeQuestion(query(name, 'AAAA'));
    assert.ok(taken.kind === 'question');
    assert.deepEqual([taken.question.name, taken.question.type], [name.toLowerCase(), 28]);
    const reply = decode(writeReply(taken.question, { rcode: 'NXDOMAIN', negativeTtlSeconds: 5 }));
    assert.deepEqual([reply.id, reply.questions?.[0]?.name, reply.authorities?.[0]?.type], [77, name, 'SOA']);
  }
});

test('DP-14: what is not exactly one plain question is refused in words that resolvers know, or not answered', () => {
  const plain = query('db.test');
  const counts = (at: number, count: number): Buffer => {
    const message = Buffer.from(plain);
    message.writeUInt16BE(count, at);
    return message;
  };
  const pointer = Buffer.concat([plain.subarray(0, 12), Buffer.from('c00c00010001', 'hex')]);
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['two questions', counts(4, 2), 'FORMERR'],
    ['no question', counts(4, 0), 'FORMERR'],
    ['an answer in the question', counts(6, 1), 'FORMERR'],
    ['a name that points at itself', pointer, 'FORMERR'],
    ['cut in the name', plain.subarray(0, 15), 'FORMERR'],
    ['cut in the type', plain.subarray(0, plain.length - 3), 'FORMERR'],
    ['something behind the question', Buffer.concat([plain, Buffer.of(0)]), 'FORMERR'],
    ['an additional record that is not there', counts(10, 1), 'FORMERR'],
    ['64 KiB', Buffer.concat([plain, Buffer.alloc(65_000)]), 'FORMERR'],
    [
      'an update',
      encode({ type: 'query', id: 1, flags: 5 << 11, questions: [{ name: 'x.test', type: 'SOA' }] }),
      'NOTIMP',
    ],
    ['DP-10: a zone transfer', query('db.test', 'AXFR'), 'REFUSED'],
  ];
  for (const [what, message, rcode] of cases) {
    const taken = takeQuestion(message);
    assert.ok(taken.kind === 'refused', what);
    assert.equal(rcodeOf(taken.reply), rcode, what);
  }
  const answer = encode({ type: 'response', id: 1, questions: [{ name: 'x.test', type: 'A' }] });
  for (const message of [Buffer.alloc(0), plain.subarray(0, 11), answer]) {
    assert.equal(takeQuestion(message).kind, 'dropped');
  }
  assert.equal(takeQuestion(plain).kind, 'question');
});

test('labels that no host has are no name, however the dots lie', () => {
  const odd = Buffer.concat([query('x').subarray(0, 12), Buffer.from('\x09db.secret\x00\x00\x01\x00\x01', 'latin1')]);
  const taken = takeQuestion(odd);
  assert.ok(taken.kind === 'question');
  assert.equal(taken.question.name, null);
});

test('EDNS is answered with EDNS and the reason; another version of it is refused', () => {
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 4096,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    options: [],
  } as const;
  const taken = takeQuestion(query('x.test', 'A', { additionals: [opt] }));
  assert.ok(taken.kind === 'question' && taken.question.edns);
  const reply = writeReply(taken.question, { rcode: 'NXDOMAIN', blocked: 'not declared' });
  assert.equal(decode(reply).additionals?.[0]?.type, 'OPT');
  assert.ok(reply.includes('not declared'));
  const next = takeQuestion(query('x.test', 'A', { additionals: [{ ...opt, ednsVersion: 1 }] }));
  assert.ok(next.kind === 'refused');
});

test('random bytes give a value, and never more than a short answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const taken = takeQuestion(Buffer.from(bytes));
      assert.ok(taken.kind !== 'refused' || taken.reply.length < 600);
    }),
    { numRuns: 2000 },
  );
});
