// How agents log in at the gateway: what they must prove, what is no proof, and how often they may try.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import ssh2 from 'ssh2';
import { AgentLogin, readUser, type AgentProof, type LoginStep } from '../../../src/protocols/ssh/agent-login.ts';
import { MESSAGE } from '../../../src/protocols/ssh/codec.ts';
import { createHostKey, parsePrivateKey, signWith, verifySignature } from '../../../src/protocols/ssh/keys.ts';
import { writeFields, type Field } from '../../../src/protocols/ssh/wire.ts';

const SESSION = Buffer.alloc(32, 7);
const key = parsePrivateKey(createHostKey(), null);
const other = parsePrivateKey(ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private, null);
const rsa = parsePrivateKey(ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 }).private, null);

const NOTHING: AgentProof = { password: null, keys: null };
const KEY: AgentProof = { password: null, keys: [key.getPublicSSH(), rsa.getPublicSSH()] };

function open(proof: AgentProof): AgentLogin {
  const login = new AgentLogin(proof, SESSION);
  login.handle(writeFields([{ byte: MESSAGE.serviceRequest }, { string: 'ssh-userauth' }]));
  return login;
}

function request(method: string, fields: readonly Field[] = [], user: string = 'deploy'): Buffer {
  const head = [{ byte: MESSAGE.authRequest }, { string: user }, { string: 'ssh-connection' }, { string: method }];
  return writeFields([...head, ...fields]);
}

function signed(
  by: typeof key,
  shown: typeof key,
  options: { algorithm?: string; user?: string; session?: Buffer } = {},
): Buffer {
  const algorithm = options.algorithm ?? shown.type;
  const fields = [{ bool: true }, { string: algorithm }, { string: shown.getPublicSSH() }];
  const unsigned = request('publickey', fields, options.user);
  const data = writeFields([{ string: options.session ?? SESSION }, { raw: unsigned }]);
  return writeFields([{ raw: unsigned }, { string: signWith(by, by.type === 'ssh-rsa' ? algorithm : by.type, data) }]);
}

const outcome = (steps: readonly LoginStep[]): string => {
  const [step] = steps;
  return step?.kind === 'send' ? `message ${step.payload[0]}` : (step?.kind ?? 'nothing');
};

test('without anything to prove, whoever reaches the listener comes in, and asks for a user', () => {
  const steps = open(NOTHING).handle(request('none'));
  assert.deepEqual(steps, [{ kind: 'login', user: 'deploy' }]);
  assert.equal(outcome(open(NOTHING).handle(request('password', [{ bool: false }, { string: 'x' }]))), 'login');
});

test('SH-33: where something has to be proved, none is not enough, nor is what was not asked for', () => {
  assert.equal(outcome(open(KEY).handle(request('none'))), 'message 51');
  assert.equal(outcome(open(KEY).handle(request('password', [{ bool: false }, { string: '' }]))), 'message 51');
  assert.equal(outcome(open({ password: 'p', keys: null }).handle(signed(key, key))), 'message 51');
  assert.equal(outcome(open({ password: null, keys: [] }).handle(request('none'))), 'message 51');
  assert.equal(outcome(open(KEY).handle(signed(key, key))), 'login');
});

test('SH-27: the question whether a key would do is answered, and is no login', () => {
  const login = open(KEY);
  const probe = [{ bool: false }, { string: 'ssh-ed25519' }, { string: key.getPublicSSH() }];
  assert.equal(outcome(login.handle(request('publickey', probe))), 'message 60');
  assert.equal(
    outcome(
      login.handle(
        request('publickey', [{ bool: false }, { string: 'ecdsa-sha2-nistp256' }, { string: other.getPublicSSH() }]),
      ),
    ),
    'message 51',
  );
  assert.equal(login.done, false);
});

test('SH-28, SH-29: the signature must be of the key that is shown, with its algorithm, for this session and user', () => {
  const cases: readonly (readonly [name: string, payload: Buffer, outcome: string])[] = [
    ['its own', signed(key, key), 'login'],
    ['another user', signed(key, key, { user: 'root' }), 'login'],
    ['another key signs', signed(other, key), 'message 51'],
    ['a key that is not known', signed(other, other), 'message 51'],
    ['another session', signed(key, key, { session: Buffer.alloc(32) }), 'message 51'],
    ['sha-2 of an RSA key', signed(rsa, rsa, { algorithm: 'rsa-sha2-256' }), 'login'],
    [
      'sha-1 of an RSA key',
      request('publickey', [{ bool: true }, { string: 'ssh-rsa' }, { string: rsa.getPublicSSH() }, { string: 'x' }]),
      'message 51',
    ],
    ['bytes behind it', Buffer.concat([signed(key, key), Buffer.of(0)]), 'message 51'],
  ];
  for (const [name, payload, wanted] of cases) {
    assert.equal(outcome(open(KEY).handle(payload)), wanted, name);
  }
  const data = Buffer.from('data');
  const good = signWith(key, 'ssh-ed25519', data);
  const blob = key.getPublicSSH();
  assert.equal(verifySignature(blob, 'ssh-ed25519', { data, signature: good }), true);
  const changed = Buffer.from(good);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  for (const signature of [changed, Buffer.alloc(0), Buffer.alloc(83), good.subarray(0, -1)]) {
    assert.equal(verifySignature(blob, 'ssh-ed25519', { data, signature }), false);
  }
});

test('SH-30: certificates are no keys here', () => {
  const blob = writeFields([{ string: 'ssh-ed25519-cert-v01@openssh.com' }, { string: Buffer.alloc(32) }]);
  const probe = [{ bool: false }, { string: 'ssh-ed25519-cert-v01@openssh.com' }, { string: blob }];
  assert.equal(outcome(open({ password: null, keys: [blob] }).handle(request('publickey', probe))), 'message 51');
  assert.equal(outcome(open(NOTHING).handle(request('publickey', probe))), 'message 51');
});

test('SH-31, SS-02: a dozen keys may be asked about; wrong passwords may not be tried for long', () => {
  const login = open(KEY);
  for (let index = 0; index < 12; index += 1) {
    const probe = [{ bool: false }, { string: 'ecdsa-sha2-nistp256' }, { string: other.getPublicSSH() }];
    assert.equal(outcome(login.handle(request('publickey', probe))), 'message 51');
  }
  assert.equal(outcome(login.handle(signed(key, key))), 'login');
  const guessing = open({ password: 'right', keys: null });
  const guess = (text: string): string =>
    outcome(guessing.handle(request('password', [{ bool: false }, { string: text }])));
  assert.deepEqual(['1', '2', '3', '4', '5', '6'].map(guess), [
    ...Array.from({ length: 5 }, () => 'message 51'),
    'finish',
  ]);
  const asking = open(KEY);
  let ended = '';
  for (let index = 0; index < 100 && ended !== 'finish'; index += 1) {
    ended = outcome(asking.handle(request('none')));
  }
  assert.equal(ended, 'finish');
});

test('SH-46: a password is right when all of it is', () => {
  const proof = { password: 'right', keys: null };
  const say = (text: string): string =>
    outcome(open(proof).handle(request('password', [{ bool: false }, { string: text }])));
  assert.deepEqual(['right', 'righ', 'right ', '', 'wrong'].map(say), [
    'login',
    'message 51',
    'message 51',
    'message 51',
    'message 51',
  ]);
});

test('SH-36: names that could be taken for paths, options or commands are no user names', () => {
  for (const name of [
    '../../x',
    'a b',
    '-oProxyCommand=x',
    'a'.repeat(10_000),
    'a\u0007',
    'a\nb',
    '',
    '/etc',
    '$(id)',
    'a;b',
    '`id`',
    '\u202eabc',
  ]) {
    assert.equal(readUser(Buffer.from(name)), null, JSON.stringify(name));
    assert.equal(outcome(open(NOTHING).handle(request('none', [], name))), 'finish', JSON.stringify(name));
  }
  assert.equal(readUser(Buffer.of(0xff)), null);
  for (const name of ['root', 'deploy-1', 'first.last', 'DOMAIN\\user', 'a@b', 'machine$', 'jürgen', '_x']) {
    assert.equal(readUser(Buffer.from(name)), name);
  }
});

test('channels before the login is done end the connection', () => {
  assert.equal(outcome(open(KEY).handle(Buffer.of(90, 0, 0, 0, 0))), 'finish');
  assert.equal(outcome(new AgentLogin(NOTHING, SESSION).handle(request('none'))), 'finish');
});
