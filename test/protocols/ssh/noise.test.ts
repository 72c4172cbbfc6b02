// Noise where the connection layer and the upstream's login read: random and changed messages, from either side, at any time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MESSAGE } from '../../../src/protocols/ssh/codec.ts';
import { UpstreamLogin } from '../../../src/protocols/ssh/login.ts';
import { writeFields } from '../../../src/protocols/ssh/wire.ts';
import { createSshWorld } from '../../support/ssh-session-world.ts';

const NUMBERS = [80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 110];
const NAMES = [
  'exec',
  'shell',
  'subsystem',
  'pty-req',
  'env',
  'signal',
  'window-change',
  'exit-status',
  'tcpip-forward',
  'session',
  'x',
];

const piece = fc.oneof(
  fc.integer({ min: 0, max: 3 }).map((value) => writeFields([{ uint32: value }])),
  fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => writeFields([{ uint32: value }])),
  fc.constantFrom(...NAMES).map((name) => writeFields([{ string: name }])),
  fc.boolean().map((value) => writeFields([{ bool: value }])),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

test('whatever either side says, nothing throws, every answer can be read, and the session ends with a reason if it ends', () => {
  const message = fc.tuple(
    fc.constantFrom('client' as const, 'upstream' as const),
    fc.constantFrom(...NUMBERS),
    fc.array(piece, { maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), fc.boolean(), (messages, opened) => {
      const kinds = ['allow', 'deny', 'park'] as const;
      let at = 0;
      const world = createSshWorld(() => kinds[(at += 1) % 3] ?? 'deny', { holdStdin: at % 2 === 0 });
      if (opened) {
        world.open();
      }
      for (const [side, number, pieces] of messages) {
        world.raw(side, Buffer.concat([Buffer.of(number), ...pieces]));
      }
      world.session.lost();
      assert.equal(world.finished.length <= 1, true);
      assert.equal(
        world.finished.every(({ detail }) => detail !== ''),
        true,
      );
    }),
    { numRuns: 400 },
  );
});

test('an upstream that says anything at all at the login neither logs us in by accident nor makes us throw', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 50, max: 79 }), fc.uint8Array({ maxLength: 40 })), { maxLength: 80 }),
      (messages) => {
        const login = new UpstreamLogin({ user: 'u', identities: [], password: 'secret' }, Buffer.alloc(32));
        login.start();
        let passwords = 0;
        for (const [number, body] of messages.filter(([type]) => type !== MESSAGE.authSuccess)) {
          for (const step of login.handle(Buffer.concat([Buffer.of(number), Buffer.from(body)]))) {
            assert.notEqual(step.kind, 'done');
            passwords += step.kind === 'send' && step.payload.includes('secret') ? 1 : 0;
          }
        }
        assert.equal(passwords <= 2, true);
      },
    ),
  );
});

test('SS-14: the banner is passed on, the ways of logging in are tried in order, only where the upstream goes on with them, and prompts are answered only when hidden', async () => {
  const sent: string[] = [];
  const identity = {
    blob: writeFields([{ string: 'ssh-ed25519' }, { string: Buffer.alloc(32) }]),
    sign: () => Promise.resolve(Buffer.from('sig')),
  };
  const login = new UpstreamLogin({ user: 'u', identities: [identity], password: 'secret' }, Buffer.alloc(32));
  const take = (payload: Buffer): void => {
    for (const step of login.handle(payload)) {
      sent.push(step.kind === 'send' ? `send ${step.payload.toString('latin1').replace(/[^a-z -]/g, '')}` : step.kind);
    }
  };
  take(writeFields([{ byte: MESSAGE.serviceAccept }, { string: 'ssh-userauth' }]));
  assert.deepEqual(sent.splice(0), ['sign']);
  take(writeFields([{ byte: MESSAGE.authBanner }, { string: 'for members' }, { string: '' }]));
  assert.deepEqual(sent.splice(0), ['banner']);
  for (const step of login.signed(Buffer.from('sig'))) {
    assert.equal(step.kind, 'send');
  }
  take(writeFields([{ byte: MESSAGE.authFailure }, { string: 'keyboard-interactive' }, { bool: false }]));
  assert.match(sent.splice(0).join(), /keyboard-interactive/);
  const prompt = (echo: boolean): Buffer =>
    writeFields([
      { byte: 60 },
      { string: '' },
      { string: '' },
      { string: '' },
      { uint32: 1 },
      { string: 'Password:' },
      { bool: echo },
    ]);
  take(prompt(false));
  assert.match(sent.splice(0).join(), /secret/);
  take(prompt(true));
  assert.deepEqual(sent.splice(0), ['failed']);
});
