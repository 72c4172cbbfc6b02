// The server's half of SCRAM-SHA-256 against the client's half that logs in upstream, and against what no client would send.
import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { AGENT_LOGIN_OFFER, AgentLogin, type AgentLoginStep } from '../../../src/protocols/postgres/agent-login.ts';
import { takeMessage } from '../../../src/protocols/postgres/codec.ts';
import { Login, type LoginStep } from '../../../src/protocols/postgres/login.ts';
import { preparePassword, verifierOf } from '../../../src/protocols/postgres/scram.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { frame, int32 } from '../../support/raw-postgres.ts';

const SALT = Buffer.from('0123456789abcdef');
const salted = (password: string): Buffer => pbkdf2Sync(preparePassword(password), SALT, 4096, 32, 'sha256');
const verifier = verifierOf(salted('placeholder'), SALT, 4096);
const make = (user = 'agent'): AgentLogin => new AgentLogin({ verifier, user, nonce: 'server+nonce' });

function feed(login: AgentLogin, bytes: Buffer): AgentLoginStep {
  const taken = takeMessage(bytes, 10_000);
  assert.ok(taken.kind === 'message');
  return login.take(taken.type, taken.body);
}

function answer(login: Login, bytes: Buffer): LoginStep {
  const taken = takeMessage(bytes, 10_000);
  assert.ok(taken.kind === 'message');
  return login.take(taken.type, taken.body);
}

/** The whole exchange with our own client. */
function exchange(password: string, channel: 'plain' | 'unbound' = 'plain'): AgentLoginStep['kind'] {
  const agent = make();
  const client = new Login({
    user: 'agent',
    password: new Secret(password),
    methods: new Set(['scram-sha-256']),
    channel: { kind: channel },
    nonce: 'client/nonce',
  });
  let step = answer(client, AGENT_LOGIN_OFFER);
  for (;;) {
    if (step.kind === 'derive') {
      step = client.derived(pbkdf2Sync(step.password, step.salt, step.iterations, 32, 'sha256'));
    }
    assert.ok(step.kind === 'send', step.kind);
    const reply = feed(agent, step.bytes);
    if (reply.kind === 'failed') {
      return 'failed';
    }
    step = answer(client, reply.bytes);
    if (reply.kind === 'accepted') {
      // The client has checked the gateway's signature and waits for AuthenticationOk.
      assert.equal(step.kind, 'wait');
      return 'accepted';
    }
  }
}

test('who knows the password is let in, and who does not is not', () => {
  assert.equal(exchange('placeholder'), 'accepted');
  assert.equal(exchange('placeholder', 'unbound'), 'accepted');
  assert.equal(exchange('Placeholder'), 'failed');
  assert.equal(exchange(''), 'failed');
});

const initial = (mechanism: string, data: string): Buffer =>
  frame('p', mechanism, int32(Buffer.byteLength(data)), Buffer.from(data));

const REFUSED: readonly (readonly [string, Buffer, string])[] = [
  ['channel binding', initial('SCRAM-SHA-256-PLUS', 'p=tls-server-end-point,,n=,r=abc'), '28000'],
  ['channel binding under the plain name', initial('SCRAM-SHA-256', 'p=tls-unique,,n=,r=abc'), '28000'],
  ['another mechanism', initial('PLAIN', '\0agent\0placeholder'), '08P01'],
  ['another identity', initial('SCRAM-SHA-256', 'n,a=root,n=,r=abc'), '08P01'],
  ['a mandatory extension', initial('SCRAM-SHA-256', 'n,,m=x,n=,r=abc'), '08P01'],
  ['no nonce', initial('SCRAM-SHA-256', 'n,,n=,r='), '08P01'],
  ['a length that does not fit', frame('p', 'SCRAM-SHA-256', int32(99), Buffer.from('n,,n=,r=a')), '08P01'],
  ['a length of -1', frame('p', 'SCRAM-SHA-256', int32(-1)), '08P01'],
  ['a cleartext password', frame('p', 'placeholder'), '08P01'],
  ['nothing', frame('p'), '08P01'],
  ['a query', frame('Q', 'SELECT 1'), '08P01'],
];

for (const [name, bytes, code] of REFUSED) {
  test(`an agent that begins with ${name} is refused`, () => {
    const login = make();
    const step = feed(login, bytes);
    assert.equal(step.kind === 'failed' ? step.code : step.kind, code);
    // And there is no second try on the same connection.
    assert.equal(feed(login, initial('SCRAM-SHA-256', 'n,,n=,r=abc')).kind, 'failed');
  });
}

const FINALS: readonly (readonly [string, string])[] = [
  ['no proof', 'c=biws,r=abcserver+nonce'],
  ['an empty proof', 'c=biws,r=abcserver+nonce,p='],
  ['a proof of zeros', `c=biws,r=abcserver+nonce,p=${Buffer.alloc(32).toString('base64')}`],
  ['another nonce', `c=biws,r=abcserver+nonceX,p=${Buffer.alloc(32).toString('base64')}`],
  ['another header', `c=eSws,r=abcserver+nonce,p=${Buffer.alloc(32).toString('base64')}`],
];

for (const [name, text] of FINALS) {
  test(`an agent that ends with ${name} is refused`, () => {
    const login = make();
    assert.equal(feed(login, initial('SCRAM-SHA-256', 'n,,n=,r=abc')).kind, 'send');
    assert.equal(feed(login, frame('p', Buffer.from(text))).kind, 'failed');
  });
}

test('the refusal names the user and nothing else, whoever asks', () => {
  for (const user of ['agent', 'postgres', 'nobody']) {
    const login = make(user);
    feed(login, initial('SCRAM-SHA-256', 'n,,n=,r=abc'));
    const step = feed(login, frame('p', Buffer.from(FINALS[2]?.[1] ?? '')));
    assert.ok(step.kind === 'failed');
    assert.deepEqual([step.code, step.message], ['28P01', `password authentication failed for user "${user}"`]);
  }
});

test('whatever is sent, it neither throws nor lets in', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 3 }), (bodies) => {
      const login = make();
      for (const body of bodies) {
        assert.notEqual(login.take(0x70, Buffer.from(body)).kind, 'accepted');
      }
    }),
  );
});
