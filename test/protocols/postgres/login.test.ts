// The gateway's login, against an upstream that is played by hand: RFC 7677 example values, and every way to cheat.
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../src/lib/secret.ts';
import { BACK, errorMessage } from '../../../src/protocols/postgres/codec.ts';
import {
  DEFAULT_AUTH_METHODS,
  Login,
  endPointBinding,
  type LoginParts,
  type LoginStep,
} from '../../../src/protocols/postgres/login.ts';

const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const ALL: LoginParts['methods'] = new Set(['scram-sha-256', 'md5', 'cleartext', 'trust']);

function parts(changes: Partial<LoginParts> = {}): LoginParts {
  return {
    user: 'user',
    password: new Secret('pencil'),
    methods: new Set(DEFAULT_AUTH_METHODS),
    channel: { kind: 'plain' },
    nonce: NONCE,
    ...changes,
  };
}

/** Body of an authentication request. */
function request(code: number, data: string | Buffer = ''): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(code, 0);
  return Buffer.concat([head, Buffer.from(data)]);
}

function take(login: Login, code: number, data: string | Buffer = ''): LoginStep {
  return login.take(BACK.authentication, request(code, data));
}

function sent(step: LoginStep): string {
  assert.equal(step.kind, 'send');
  return step.kind === 'send' ? step.bytes.subarray(5).toString('latin1') : '';
}

function causeOf(step: LoginStep): string {
  return step.kind === 'failed' ? step.cause : step.kind;
}

const SCRAM = 'SCRAM-SHA-256\0\0';
const FIRST = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;

/** Plays the upstream's side of SCRAM for what the client sent. */
function play(login: Login, first: string = FIRST, mechanisms: string = SCRAM): { proof: string; signature: string } {
  const initial = sent(take(login, 10, mechanisms));
  const bare = initial.slice(initial.indexOf('n=,r='));
  const derive = take(login, 11, first);
  assert.equal(derive.kind, 'derive');
  if (derive.kind !== 'derive') {
    return { proof: '', signature: '' };
  }
  const salted = pbkdf2Sync(derive.password, derive.salt, derive.iterations, 32, 'sha256');
  const proof = sent(login.derived(salted));
  const auth = `${bare},${first},${proof.slice(0, proof.indexOf(',p='))}`;
  const serverKey = createHmac('sha256', salted).update('Server Key').digest();
  return { proof, signature: createHmac('sha256', serverKey).update(auth).digest('base64') };
}

test('SCRAM-SHA-256 gives a proof, verifies the server, and only then believes it', () => {
  const login = new Login(parts());
  const { proof, signature } = play(login);
  assert.match(proof, /^c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj\)hNlF\$k0,p=/);
  assert.equal(take(login, 12, `v=${signature}`).kind, 'wait');
  assert.equal(take(login, 0).kind, 'done');
});

test('the proof is that of the example in RFC 7677', () => {
  // The example names the user in the message; PostgreSQL leaves it empty, so only the key derivation can be compared.
  const salted = pbkdf2Sync('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096, 32, 'sha256');
  const login = new Login(parts());
  take(login, 10, SCRAM);
  const derive = take(login, 11, FIRST);
  assert.ok(derive.kind === 'derive' && derive.password === 'pencil' && derive.iterations === 4096);
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const auth = `n=,r=${NONCE},${FIRST},c=biws,r=${FIRST.slice(2, FIRST.indexOf(','))}`;
  const signature = createHmac('sha256', createHash('sha256').update(clientKey).digest()).update(auth).digest();
  const expected = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString('base64');
  assert.ok(sent(login.derived(salted)).endsWith(`,p=${expected}`));
});

test('under TLS the channel is bound when the upstream can, and a removed offer shows', () => {
  const endPoint = Buffer.from('hash of the certificate');
  const bound = new Login(parts({ channel: { kind: 'tls', endPoint } }));
  const initial = sent(take(bound, 10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0'));
  assert.match(initial, /^SCRAM-SHA-256-PLUS\0.{4}p=tls-server-end-point,,n=,r=/s);
  take(bound, 11, FIRST);
  const proof = sent(bound.derived(Buffer.alloc(32)));
  const header = Buffer.concat([Buffer.from('p=tls-server-end-point,,'), endPoint]).toString('base64');
  assert.ok(proof.startsWith(`c=${header},`));
  const cases: readonly [LoginParts['channel'], string][] = [
    [{ kind: 'tls', endPoint }, 'y,,'],
    [{ kind: 'unbound' }, 'n,,'],
    [{ kind: 'plain' }, 'n,,'],
  ];
  for (const [channel, gs2] of cases) {
    assert.ok(sent(take(new Login(parts({ channel })), 10, SCRAM)).includes(`${gs2}n=,r=`));
  }
});

test('Ok without the final SCRAM message is not believed, at any point', () => {
  const early = new Login(parts());
  take(early, 10, SCRAM);
  assert.equal(causeOf(take(early, 0)), 'broken');
  const late = new Login(parts());
  play(late);
  assert.equal(causeOf(take(late, 0)), 'broken');
  assert.equal(causeOf(take(late, 0)), 'broken');
});

test('a wrong server signature ends the login', () => {
  for (const signature of ['v=', `v=${Buffer.alloc(32).toString('base64')}`, 'e=other-error', 'x'.repeat(9000)]) {
    const login = new Login(parts());
    play(login);
    assert.equal(causeOf(take(login, 12, signature)), 'broken');
  }
});

const BAD_FIRST: readonly [string, string][] = [
  ['a nonce that is not ours', 'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
  ['our nonce with nothing added', `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
  ['a nonce of 10 MiB', `r=${NONCE}${'x'.repeat(10 * 1024 * 1024)},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
  ['too few iterations', FIRST.replace('i=4096', 'i=4095')],
  ['10^9 iterations', FIRST.replace('i=4096', 'i=1000000000')],
  ['iterations beyond any integer', FIRST.replace('i=4096', 'i=99999999999999999999')],
  ['no salt', FIRST.replace('W22ZaJ0SNY7soEsUEjb6gQ==', '')],
  ['a mandatory extension', `m=x,${FIRST}`],
  ['nothing', ''],
];
for (const [name, first] of BAD_FIRST) {
  test(`a SCRAM challenge with ${name} is refused, and no proof is sent`, () => {
    const login = new Login(parts());
    take(login, 10, SCRAM);
    assert.equal(causeOf(take(login, 11, first)), 'broken');
  });
}

test('the largest number of iterations is accepted', () => {
  const login = new Login(parts());
  take(login, 10, SCRAM);
  assert.equal(take(login, 11, FIRST.replace('i=4096', 'i=1000000')).kind, 'derive');
});

test('md5 and cleartext are refused unless the credential lists them', () => {
  for (const [code, data] of [
    [3, ''],
    [5, 'salt'],
  ] as const) {
    assert.equal(causeOf(take(new Login(parts()), code, data)), 'policy');
  }
  const clear = new Login(parts({ methods: ALL }));
  assert.equal(sent(take(clear, 3)), 'pencil\0');
  assert.equal(take(clear, 0).kind, 'done');
  const md5 = new Login(parts({ methods: ALL }));
  const inner = createHash('md5').update('penciluser').digest('hex');
  const outer = createHash('md5').update(`${inner}salt`).digest('hex');
  assert.equal(sent(take(md5, 5, 'salt')), `md5${outer}\0`);
  assert.equal(causeOf(take(new Login(parts({ methods: ALL })), 5, 'sal')), 'broken');
});

test('trust is accepted by default and can be taken off the list', () => {
  assert.equal(take(new Login(parts({ password: null })), 0).kind, 'done');
  assert.equal(causeOf(take(new Login(parts({ methods: new Set(['scram-sha-256']) })), 0)), 'policy');
});

test('a credential without a password can only be trusted', () => {
  for (const [code, data] of [
    [3, ''],
    [5, 'salt'],
    [10, SCRAM],
  ] as const) {
    assert.equal(causeOf(take(new Login(parts({ password: null, methods: ALL })), code, data)), 'policy');
  }
});

test('other methods, unknown mechanisms and messages out of order are refused', () => {
  const check = (expected: string, ...requests: readonly (readonly [number, string])[]) => {
    const login = new Login(parts({ methods: ALL }));
    const steps = requests.map(([code, data]) => take(login, code, data));
    assert.equal(causeOf(steps.at(-1) ?? { kind: 'wait' }), expected);
  };
  check('policy', [7, '']);
  check('policy', [9, '']);
  check('policy', [10, 'OTHER\0\0']);
  check('broken', [10, 'x'.repeat(9000)]);
  check('broken', [11, FIRST]);
  check('broken', [12, 'v=']);
  check('broken', [3, ''], [3, '']);
  check('broken', [10, SCRAM], [3, '']);
  assert.equal(causeOf(new Login(parts()).take(BACK.ready, Buffer.from('I'))), 'broken');
  assert.equal(causeOf(new Login(parts()).take(BACK.authentication, Buffer.from([0]))), 'broken');
  assert.equal(causeOf(new Login(parts()).derived(Buffer.alloc(32))), 'broken');
  assert.equal(new Login(parts()).take(BACK.notice, Buffer.alloc(0)).kind, 'wait');
});

test('an error of the upstream gives its code, and one without a code does not crash', () => {
  const body = errorMessage({ severity: 'FATAL', code: '28P01', message: 'for user "real"' }).subarray(5);
  const step = new Login(parts()).take(BACK.error, body);
  assert.deepEqual(step.kind === 'failed' && [step.cause, step.code], ['refused', '28P01']);
  const empty = new Login(parts()).take(BACK.error, Buffer.alloc(0));
  assert.deepEqual(empty.kind === 'failed' && [empty.cause, empty.code], ['refused', '']);
});

test('passwords outside of ASCII are prepared as PostgreSQL does', () => {
  const cases: readonly [string, string][] = [
    ['pencil', 'pencil'],
    ['I\u00adX', 'IX'],
    ['a\u00a0b', 'a b'],
    ['\u2168', 'IX'],
    ['ta\u0007b\u00e9', 'ta\u0007b\u00e9'],
  ];
  for (const [password, prepared] of cases) {
    const login = new Login(parts({ password: new Secret(password) }));
    take(login, 10, SCRAM);
    const derive = take(login, 11, FIRST);
    assert.equal(derive.kind === 'derive' && derive.password, prepared);
  }
});

test('the channel binding hash follows the signature algorithm of the certificate', () => {
  const certificate = (oid: string) => {
    const algorithm = Buffer.from(`06${(oid.length / 2).toString(16).padStart(2, '0')}${oid}`, 'hex');
    const inner = Buffer.concat([Buffer.from([0x30, 2, 5, 0, 0x30, algorithm.length]), algorithm]);
    return Buffer.concat([Buffer.from([0x30, 0x81, inner.length]), inner]);
  };
  const cases: readonly [string, string | null][] = [
    ['2a864886f70d01010b', 'sha256'],
    ['2a864886f70d010105', 'sha256'],
    ['2a8648ce3d040303', 'sha384'],
    ['2b6570', null],
  ];
  for (const [oid, hash] of cases) {
    const der = certificate(oid);
    const expected = hash === null ? null : createHash(hash).update(der).digest();
    assert.deepEqual(endPointBinding(der), expected);
    for (let cut = 0; cut < der.length; cut += 1) {
      assert.equal(endPointBinding(der.subarray(0, cut)), null);
    }
  }
});
