// Two transports that talk to each other without sockets: handshakes cut anywhere, keys that change, peers that lie or send noise.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import Protocol from 'ssh2/lib/protocol/Protocol.js';
import kex from 'ssh2/lib/protocol/kex.js';
import { AgentLogin } from '../../../src/protocols/ssh/agent-login.ts';
import { createHostKey, parsePrivateKey } from '../../../src/protocols/ssh/keys.ts';
import { Transport } from '../../../src/protocols/ssh/transport.ts';

const hostKey = parsePrivateKey(createHostKey(), null);

interface End {
  readonly transport: Transport;
  readonly out: Buffer[];
  readonly payloads: Buffer[];
  secured: number;
  ended: string[];
}

function end(role: ConstructorParameters<typeof Transport>[0]): End {
  const made: { out: Buffer[]; payloads: Buffer[]; secured: number; ended: string[] } = {
    out: [],
    payloads: [],
    secured: 0,
    ended: [],
  };
  const transport = new Transport(role, {
    write: (bytes) => void made.out.push(Buffer.from(bytes)),
    secured: () => {
      made.secured += 1;
    },
    payload: (payload) => void made.payloads.push(Buffer.from(payload)),
    ended: (why, how) => void made.ended.push(`${how}: ${why}`),
  });
  return Object.assign(made, { transport });
}

const server = (): End => end({ hostKey });
const client = (verify: (key: Buffer) => boolean = () => true): End => end({ verify });

/** Carries everything over, cut into pieces of these sizes, until nobody says anything more. */
function run(a: End, b: End, cut: () => number = () => 65_536): void {
  for (let round = 0; round < 200 && a.out.length + b.out.length > 0; round += 1) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      let bytes = Buffer.concat(from.out.splice(0));
      while (bytes.length > 0) {
        const size = Math.max(1, cut());
        to.transport.receive(bytes.subarray(0, size));
        bytes = bytes.subarray(size);
      }
    }
  }
}

function connect(cut?: () => number): readonly [End, End] {
  const ends = [client(), server()] as const;
  ends.forEach(({ transport }) => transport.start());
  run(...ends, cut);
  return ends;
}

test('a handshake works however its bytes are cut, and both ends have the same session', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }), (sizes) => {
      let at = 0;
      const [a, b] = connect(() => sizes[(at += 1) % sizes.length] ?? 1);
      assert.deepEqual([a.secured, b.secured, a.ended, b.ended], [1, 1, [], []]);
      assert.deepEqual(a.transport.sessionId, b.transport.sessionId);
      a.transport.send(Buffer.of(80, 1, 2), Buffer.of(3));
      run(a, b, () => sizes[(at += 1) % sizes.length] ?? 1);
      assert.deepEqual(b.payloads, [Buffer.of(80, 1, 2, 3)]);
    }),
    { numRuns: 15 },
  );
});

test('keys change in the middle of a stream, asked for by either end, and nothing is lost or turned round', () => {
  const [a, b] = connect();
  for (let index = 0; index < 40; index += 1) {
    if (index % 10 === 5) {
      (index % 20 === 5 ? a : b).transport.rekey();
    }
    a.transport.send(Buffer.of(94, index));
    b.transport.send(Buffer.of(94, 100 + index));
    if (index % 3 === 0) {
      run(a, b);
    }
  }
  run(a, b);
  assert.deepEqual(
    b.payloads.map((payload) => payload[1]),
    Array.from({ length: 40 }, (_, index) => index),
  );
  assert.deepEqual(
    a.payloads.map((payload) => payload[1]),
    Array.from({ length: 40 }, (_, index) => 100 + index),
  );
});

test('SH-34: with another host key the handshake ends before anything else is sent', () => {
  const a = client(() => false);
  const b = server();
  a.transport.start();
  b.transport.start();
  run(a, b);
  assert.deepEqual([a.secured, b.secured, a.payloads, b.payloads], [0, 0, [], []]);
  assert.equal(a.ended.length, 1);
});

test('SH-31: lengths of nothing and of everything, and noise at every phase, end the connection and throw nothing', () => {
  const first = [0, 1, 4, 35_001, 0x7fff_ffff, 0xffff_ffff].map((length) => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt32BE(length, 0);
    return Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), bytes]);
  });
  for (const bytes of [
    ...first,
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(10_000, 'x'),
    Buffer.alloc(300_000),
  ]) {
    const b = server();
    b.transport.start();
    b.transport.receive(bytes);
    b.transport.receive(Buffer.alloc(300_000));
    assert.equal(b.transport.ended, true, bytes.subarray(0, 20).toString('latin1'));
  }
  for (let round = 0; round < 60; round += 1) {
    const a = client();
    const b = server();
    a.transport.start();
    b.transport.start();
    let left = round;
    run(a, b, () => {
      left -= 1;
      return 97;
    });
    assert.equal(left < round, true);
    b.transport.receive(randomBytes(1 + round * 31));
    b.transport.receive(randomBytes(40_000));
    assert.equal(b.transport.ended, true);
  }
});

test('a byte that is changed on the way ends the connection', () => {
  const [a, b] = connect();
  a.transport.send(Buffer.of(80), Buffer.alloc(100));
  const bytes = Buffer.concat(a.out.splice(0));
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  b.transport.receive(bytes);
  assert.deepEqual([b.payloads.length, b.transport.ended], [0, true]);
});

test('SH-31: key exchanges without end are cut off, and so is a handshake that talks too much', () => {
  const b = server();
  b.transport.start();
  b.transport.receive(Buffer.from('SSH-2.0-x\r\n'));
  // A well-formed packet that says nothing (SSH_MSG_IGNORE), again and again.
  const ignore = Buffer.alloc(16);
  ignore.writeUInt32BE(12, 0);
  ignore[4] = 6;
  ignore[5] = 2;
  for (let count = 0; count < 20_000 && !b.transport.ended; count += 1) {
    b.transport.receive(ignore);
  }
  assert.equal(b.transport.ended, true);
});

test('messages of numbers that nobody knows are answered so, and the connection lives', () => {
  const [a, b] = connect();
  a.transport.send(Buffer.of(200, 1));
  run(a, b);
  assert.deepEqual([b.payloads, b.transport.ended], [[], false]);
  a.transport.send(Buffer.of(80));
  run(a, b);
  assert.equal(b.payloads.length, 1);
});

test('random messages at the login and after it never throw, and the login comes to an end', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 30 }), (messages) => {
      const login = new AgentLogin({ password: 'x', keys: null }, Buffer.alloc(32));
      for (const message of messages) {
        const steps = login.handle(Buffer.from(message));
        assert.equal(
          steps.some(({ kind }) => kind === 'login'),
          false,
        );
      }
    }),
  );
});

test('SH-32: without strict key exchange, ciphers that do not see what was cut away in front of them are refused', () => {
  const cases: readonly (readonly [cipher: string, mac: string, secured: number])[] = [
    ['chacha20-poly1305@openssh.com', 'hmac-sha2-256', 0],
    ['aes128-ctr', 'hmac-sha2-256-etm@openssh.com', 0],
    ['aes128-ctr', 'hmac-sha2-256', 1],
    ['aes128-gcm@openssh.com', 'hmac-sha2-256', 1],
  ];
  for (const [cipher, mac, secured] of cases) {
    const b = server();
    const direction = { cipher: [cipher], mac: [mac], compress: ['none'], lang: [] };
    const offer = new kex.KexInit({
      kex: ['curve25519-sha256'],
      serverHostKey: ['ssh-ed25519'],
      cs: { ...direction },
      sc: { ...direction },
    });
    const sent: Buffer[] = [];
    const old = new Protocol({
      server: false,
      ident: 'old',
      offer,
      hostVerifier: () => true,
      onWrite: (bytes) => void sent.push(Buffer.from(bytes)),
      onError: () => undefined,
      messageHandlers: {},
    });
    b.transport.start();
    old.start();
    for (let round = 0; round < 20 && sent.length + b.out.length > 0; round += 1) {
      b.transport.receive(Buffer.concat(sent.splice(0)));
      const back = Buffer.concat(b.out.splice(0));
      try {
        old.parse(back, 0, back.length);
      } catch {
        // It was told goodbye.
      }
    }
    assert.equal(b.secured, secured, `${cipher} ${mac}`);
    assert.equal(b.transport.ended, secured === 0, `${cipher} ${mac}`);
  }
});
