// The ClientHello reader: real hellos, cut and split in every way, and broken ones.
import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { takeClientHello } from '../../../src/protocols/http/client-hello.ts';
import { hello, name, split, vector16 } from '../../support/client-hello.ts';

/** What OpenSSL sends first. */
function realHello(servername: string, ALPNProtocols: string[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire: Duplex = new Duplex({
      read: () => undefined,
      write: (bytes: Buffer, _encoding, done) => {
        done();
        resolve(bytes);
        wire.destroy();
      },
    });
    const socket = connect({ socket: wire, ...(servername === '' ? {} : { servername }), ALPNProtocols });
    socket.on('error', () => undefined);
  });
}

function shown(bytes: Buffer): string {
  const taken = takeClientHello(bytes);
  return taken.kind === 'hello' ? `${taken.hello.serverName ?? '-'} ${taken.hello.protocols.join(',')}` : taken.kind;
}

test('server name and protocols of real hellos', async () => {
  assert.equal(shown(await realHello('api.example.com', ['h2', 'http/1.1'])), 'api.example.com h2,http/1.1');
  assert.equal(shown(await realHello('', ['http/1.1'])), '- http/1.1');
});

test('cut anywhere it is incomplete, and split over records of any size it is the same (TL-01, DP-17)', async () => {
  const whole = await realHello('api.example.com', ['h2']);
  for (let at = 0; at < whole.length; at += 1) {
    assert.equal(shown(whole.subarray(0, at)), 'incomplete', String(at));
  }
  for (const size of [1, 2, 3, 4, 5, 100, 511]) {
    assert.equal(shown(split(whole, size)), 'api.example.com h2', String(size));
    assert.equal(shown(split(whole, size).subarray(0, -1)), 'incomplete', String(size));
  }
  assert.equal(shown(Buffer.concat([whole, Buffer.from('more')])), 'api.example.com h2');
});

test('a long hello, with a key share of several KiB and values that mean nothing, is read', () => {
  const grease = Array.from({ length: 6000 }, (_, index) => index & 0xff);
  const bytes = hello([0x0a0a, []], [51, grease], [0, name('api.example.com')], [0xfe0d, grease.slice(0, 200)]);
  assert.equal(shown(bytes), 'api.example.com ');
  assert.equal(shown(split(bytes, 100)), 'api.example.com ');
});

test('what is no hello, or names two servers, is malformed', () => {
  const cases: Readonly<Record<string, Buffer>> = {
    'not a handshake': Buffer.from([23, 3, 3, 0, 1, 0]),
    'another version of records': Buffer.from([22, 2, 0, 0, 1, 1]),
    'an empty record': Buffer.from([22, 3, 1, 0, 0]),
    'a record over the limit': Buffer.from([22, 3, 1, 0xff, 0xff]),
    'a ServerHello': Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 40]),
    'a hello over 64 KiB': Buffer.from([22, 3, 1, 0, 4, 1, 2, 0, 0]),
    'two names in one list': hello([0, vector16([0, ...vector16([97]), 0, ...vector16([98])])]),
    'two lists': hello([0, name('a')], [0, name('b')]),
    'an empty name': hello([0, name('')]),
    'a name of another type': hello([0, vector16([1, ...vector16([97])])]),
    'an extension that ends too late': Buffer.from(
      hello([0, name('a')]).map((byte, index, all) => (index === all.length - 8 ? 99 : byte)),
    ),
    'data after a record that is none': Buffer.concat([
      split(hello([0, name('a')]), 10).subarray(0, 15),
      Buffer.from([23]),
    ]),
    'protocols that do not add up': hello([16, vector16([5, 104])]),
  };
  for (const [what, bytes] of Object.entries(cases)) {
    assert.equal(shown(bytes), 'malformed', what);
  }
  assert.equal(shown(hello()), '- ');
});

test('random bytes neither throw nor wait for more than there can be', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      takeClientHello(Buffer.from([22, 3, 1, ...bytes]));
      takeClientHello(Buffer.from(bytes));
    }),
  );
  const tiny = Buffer.concat(Array.from({ length: 30_000 }, () => Buffer.from([22, 3, 1, 0, 1, 1])));
  assert.equal(shown(tiny), 'malformed');
});
