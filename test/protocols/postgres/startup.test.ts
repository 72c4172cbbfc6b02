// The client's first bytes: encryption requests, cancels, versions, and the parameters of the startup packet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CANCEL_REQUEST,
  GSSENC_REQUEST,
  SSL_REQUEST,
  cancelRequest,
  startupPacket,
  untypedPacket,
} from '../../../src/protocols/postgres/codec.ts';
import { Startup, type StartupStep } from '../../../src/protocols/postgres/startup.ts';

const SSL = untypedPacket(SSL_REQUEST, Buffer.alloc(0));
const GSS = untypedPacket(GSSENC_REQUEST, Buffer.alloc(0));

function packet(parameters: Readonly<Record<string, string>>): Buffer {
  return startupPacket(new Map(Object.entries({ user: 'u', ...parameters })));
}

/** Packet with any pairs, also ones that a Map cannot hold. */
function rawPacket(code: number, body: string | Buffer): Buffer {
  return untypedPacket(code, Buffer.from(body));
}

function codeOf(step: StartupStep): string {
  const text = step.kind === 'refused' ? (step.error?.toString('latin1') ?? 'silence') : step.kind;
  return /\0C(.{5})\0/.exec(text)?.[1] ?? text;
}

test('PG-T01: encryption requests are answered in any order, each once, and the startup packet behind them still works', () => {
  for (const order of [[SSL], [GSS], [GSS, SSL], [SSL, GSS]]) {
    const startup = new Startup('off');
    for (const request of order) {
      const step = startup.take(request);
      assert.deepEqual(step.kind === 'answer' && step.bytes.toString(), 'N');
    }
    assert.equal(startup.take(packet({})).kind, 'startup');
  }
});

test('a repeated encryption request, one with a body, and one inside TLS are refused in silence', () => {
  const check = (startup: Startup, bytes: Buffer) => assert.equal(codeOf(startup.take(bytes)), 'silence');
  for (const request of [SSL, GSS]) {
    const startup = new Startup('off');
    startup.take(request);
    check(startup, request);
  }
  check(new Startup('auto'), rawPacket(SSL_REQUEST, 'x'));
  const secured = new Startup('auto');
  secured.take(SSL);
  secured.secured();
  check(secured, SSL);
});

test('TLS is accepted unless it is off, and clear bytes behind the request drop the connection', () => {
  const accepted = new Startup('auto').take(SSL);
  assert.equal(accepted.kind === 'secure' && accepted.answer.toString(), 'S');
  for (const mode of ['auto', 'required', 'off'] as const) {
    for (const request of [SSL, GSS]) {
      assert.equal(codeOf(new Startup(mode).take(Buffer.concat([request, packet({})]))), 'silence');
    }
  }
});

test('direct TLS begins with a handshake record, and is refused where TLS is off', () => {
  const step = new Startup('auto').take(Buffer.from([0x16, 3, 1]));
  assert.deepEqual([step.kind, step.kind === 'secure' && step.direct], ['secure', true]);
  assert.equal(codeOf(new Startup('off').take(Buffer.from([0x16, 3, 1]))), 'silence');
});

test('where TLS is required a clear startup packet is refused, and a secured one is not', () => {
  assert.equal(codeOf(new Startup('required').take(packet({}))), '28000');
  const startup = new Startup('required');
  startup.take(SSL);
  startup.secured();
  assert.equal(startup.take(packet({})).kind, 'startup');
});

for (const length of [0, 1, 3, 4, 7, 10_001, 2 ** 31 - 1, 2 ** 32 - 1]) {
  test(`PG-T04: a startup packet whose length says ${length} is refused`, () => {
    const bytes = packet({});
    bytes.writeUInt32BE(length, 0);
    assert.equal(new Startup('auto').take(bytes).kind, 'refused');
  });
}

test('PG-T04: a startup packet of the largest size is taken, cut anywhere it is incomplete', () => {
  const overhead = packet({ application_name: '' }).length;
  const whole = packet({ application_name: 'x'.repeat(10_000 - overhead) });
  assert.equal(whole.length, 10_000);
  const startup = new Startup('auto');
  for (let cut = 0; cut < whole.length; cut += 97) {
    assert.equal(startup.take(whole.subarray(0, cut)).kind, 'incomplete');
  }
  assert.equal(startup.take(whole).kind, 'startup');
});

test('the protocol version is negotiated down within 3, and other versions are refused', () => {
  const body = Buffer.from('user\0u\0\0');
  const plain = new Startup('auto').take(rawPacket(196_608, body));
  assert.equal(plain.kind === 'startup' && plain.request.negotiation, null);
  const newer = new Startup('auto').take(rawPacket(196_610, Buffer.from('user\0u\0_pq_.x\0on\0\0')));
  assert.ok(newer.kind === 'startup' && newer.request.negotiation?.includes('_pq_.x'));
  assert.ok(newer.kind === 'startup' && !newer.request.parameters.has('_pq_.x'));
  assert.equal(codeOf(new Startup('auto').take(rawPacket(131_072, body))), '0A000');
});

test('a cancel gives the key, and one of a wrong size is refused', () => {
  const step = new Startup('auto').take(cancelRequest(7, Buffer.from([1, 2, 3, 4])));
  assert.deepEqual(step.kind === 'cancel' && [step.processId, step.secretKey.toString('hex')], [7, '01020304']);
  assert.equal(codeOf(new Startup('auto').take(rawPacket(CANCEL_REQUEST, Buffer.alloc(7)))), 'silence');
  assert.equal(codeOf(new Startup('auto').take(rawPacket(CANCEL_REQUEST, Buffer.alloc(261)))), 'silence');
});

test('PG-T03: parameters that keep the meaning of text pass in order and unchanged', () => {
  const sent = {
    database: 'app',
    application_name: 'psql "x"',
    client_encoding: "'utf-8'",
    DateStyle: 'ISO',
    options: '-c statement_timeout=5s --search-path=a\\ b',
    enable_seqscan: 'off',
    jit: 'off',
    standard_conforming_strings: 'on',
  };
  const step = new Startup('auto').take(packet(sent));
  assert.ok(step.kind === 'startup');
  const { database, ...others } = sent;
  assert.equal(step.request.database, database);
  assert.deepEqual([...step.request.parameters], Object.entries(others));
});

const REFUSED: readonly Readonly<Record<string, string>>[] = [
  { replication: 'database' },
  { session_authorization: 'x' },
  { role: 'x' },
  { ROLE: 'x' },
  { client_encoding: 'EUC_JIS_2004' },
  { client_encoding: 'SJIS' },
  { standard_conforming_strings: 'off' },
  { backslash_quote: 'on' },
  { jit_provider: 'evil' },
  { no_such_parameter: '1' },
  { 'x.y': '1' },
  { default_transaction_read_only: 'off' },
  { options: '-c role=x' },
  { options: '-crole=x' },
  { options: '--role=x' },
  { options: '-c session_authorization=x' },
  { options: '-d 5' },
  { options: '-c' },
  { options: '-c role' },
  { options: '--=x' },
  { options: '-c jit=off -c jit=on' },
  { options: '-c datestyle=ISO', DateStyle: 'ISO' },
  { options: '-c client\\_encoding=SJIS' },
];
for (const parameters of REFUSED) {
  test(`startup ${JSON.stringify(parameters)} is refused`, () => {
    assert.equal(codeOf(new Startup('auto').take(packet(parameters))), '42501');
  });
}

const MALFORMED: readonly [string, string | Buffer][] = [
  ['duplicate', 'user\0u\0application_name\0a\0application_name\0b\0\0'],
  ['duplicate in other case', 'user\0u\0timezone\0a\0TimeZone\0b\0\0'],
  ['duplicate user', 'user\0u\0user\0v\0\0'],
  ['no end of a value', 'user\0u'],
  ['no end of the list', 'user\0u\0'],
  ['bytes behind the end', 'user\0u\0\0x'],
  ['invalid UTF-8', Buffer.from([0x75, 0x73, 0x65, 0x72, 0, 0xff, 0, 0])],
];
for (const [name, body] of MALFORMED) {
  test(`a startup packet with ${name} is refused`, () => {
    assert.equal(codeOf(new Startup('auto').take(rawPacket(196_608, body))), '08P01');
  });
}

test('a startup packet must name a role', () => {
  assert.equal(codeOf(new Startup('auto').take(rawPacket(196_608, 'database\0d\0\0'))), '28000');
  assert.equal(codeOf(new Startup('auto').take(rawPacket(196_608, 'user\0\0\0'))), '28000');
});

test('names that would be special elsewhere are only data', () => {
  const odd = `' " ? / : @ \\ %00 ${'x'.repeat(4000)}`;
  const step = new Startup('auto').take(packet({ user: odd, database: odd }));
  assert.deepEqual(step.kind === 'startup' && [step.request.user, step.request.database], [odd, odd]);
});
