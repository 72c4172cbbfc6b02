// Access tokens: what is made of a configured key, how long it is kept, and what is never told.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import type { CredentialConfig } from '../../src/config/config.ts';
import { createDeriver } from '../../src/credentials/derive.ts';
import type { Deriver } from '../../src/credentials/derive.ts';
import type { Posted } from '../../src/credentials/post-form.ts';
import { GatewayError } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { credentialOf } from './parts.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function keyFile(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    type: 'service_account',
    client_email: 'bot@p.iam.gserviceaccount.com',
    private_key: PEM,
    private_key_id: 'kid-1',
    token_uri: 'https://oauth2.googleapis.com/token',
    ...changes,
  });
}

interface World {
  readonly clock: FakeClock;
  readonly deriver: Deriver;
  /** Forms that were posted. */
  readonly posts: { readonly url: string; readonly form: URLSearchParams }[];
  answer: () => Promise<Posted>;
}

function createWorld(env: Readonly<Record<string, string>> = { PATH: process.env['PATH'] ?? '' }): World {
  const clock = new FakeClock();
  const world: World = {
    clock,
    posts: [],
    answer: async () => ({
      status: 200,
      text: JSON.stringify({ access_token: `token-${world.posts.length}`, expires_in: 3600, token_type: 'Bearer' }),
    }),
    deriver: createDeriver({
      clock,
      env: () => env,
      post: (url, form) => {
        world.posts.push({ url, form: new URLSearchParams(form) });
        return world.answer();
      },
    }),
  };
  return world;
}

const google = credentialOf('g', { type: 'google_gke_credential', ref: 'google_gke_credential.g' });

async function tokenOf(world: World, key: string = keyFile(), credential: CredentialConfig = google): Promise<string> {
  const slots = await world.deriver.derive(credential, new Map([['sa_key', new Secret(key)]]));
  return slots.get('access_token')?.reveal() ?? '';
}

async function refusal(made: Promise<unknown>): Promise<string> {
  const error: unknown = await made.then(
    () => assert.fail('nothing was refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof GatewayError);
  assert.equal(error.code, 'SECRET_MISSING');
  return error.message;
}

test("a service account's key is exchanged for a token by a signed assertion", async () => {
  const world = createWorld();
  assert.equal(await tokenOf(world), 'token-1');
  const [post] = world.posts;
  assert.equal(post?.url, 'https://oauth2.googleapis.com/token');
  assert.equal(post?.form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const [head = '', claims = '', signature = ''] = (post?.form.get('assertion') ?? '').split('.');
  const good = verify(
    'RSA-SHA256',
    Buffer.from(`${head}.${claims}`),
    createPublicKey(privateKey),
    Buffer.from(signature, 'base64url'),
  );
  assert.ok(good);
  const read = (part: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as never;
  assert.deepEqual(read(head), { alg: 'RS256', typ: 'JWT', kid: 'kid-1' });
  const { iss, aud, iat, exp } = read(claims);
  assert.deepEqual([iss, aud], ['bot@p.iam.gserviceaccount.com', 'https://oauth2.googleapis.com/token']);
  assert.equal(Number(exp) - Number(iat), 3600);
  assert.ok(Math.abs(Number(iat) * 1000 - world.clock.now()) <= 60_000);
});

test('KU-10: a token is kept until 80 % of its life, by credential and key', async () => {
  const world = createWorld();
  const [one, two] = await Promise.all([tokenOf(world), tokenOf(world)]);
  assert.deepEqual([one, two, world.posts.length], ['token-1', 'token-1', 1]);
  await world.clock.advance(0.79 * 3600_000);
  assert.equal(await tokenOf(world), 'token-1');
  await world.clock.advance(0.02 * 3600_000);
  assert.equal(await tokenOf(world), 'token-2');
  assert.equal(await tokenOf(world, keyFile({ private_key_id: 'kid-2' })), 'token-3');
  assert.equal(await tokenOf(world, keyFile(), { ...google, ref: 'google_gke_credential.h' }), 'token-4');
  world.deriver.forget();
  assert.equal(await tokenOf(world), 'token-5');
});

test('KU-10: a renewal that fails serves what still holds, and refuses what does not', async () => {
  const world = createWorld();
  assert.equal(await tokenOf(world), 'token-1');
  world.answer = () => Promise.reject(new Error('connect ECONNREFUSED'));
  await world.clock.advance(0.9 * 3600_000);
  assert.equal(await tokenOf(world), 'token-1');
  await world.clock.advance(0.11 * 3600_000);
  assert.match(await refusal(tokenOf(world)), /cannot get an access token .* ECONNREFUSED/);
});

test('a key or answer that is not what it should be is told without any part of it', async () => {
  const rows: readonly (readonly [string, string, Posted | null, RegExp])[] = [
    ['not JSON', 'SENSITIVE', null, /what should be JSON is not/],
    ['no key', keyFile({ private_key: '' }), null, /has no private_key/],
    ['not PEM', keyFile({ private_key: 'SENSITIVE' }), null, /is not a PEM key/],
    ['plain http', keyFile({ token_uri: 'http://evil.example/SENSITIVE' }), null, /is no https URL/],
    [
      'refused',
      keyFile(),
      { status: 400, text: '{"error":"invalid_grant","error_description":"SENSITIVE"}' },
      /answered 400 \(invalid_grant\)/,
    ],
    ['an error of its own', keyFile(), { status: 403, text: '{"error":"SENSITIVE text"}' }, /answered 403$/],
    ['no token', keyFile(), { status: 200, text: '{"SENSITIVE":1}' }, /without a token/],
    ['no life', keyFile(), { status: 200, text: '{"access_token":"SENSITIVE"}' }, /without a token/],
  ];
  for (const [name, key, answer, want] of rows) {
    const world = createWorld();
    if (answer !== null) {
      world.answer = () => Promise.resolve(answer);
    }
    const message = await refusal(tokenOf(world, key));
    assert.match(message, want, name);
    assert.doesNotMatch(message, /SENSITIVE/, name);
  }
});

test('a token that an upstream refused is not served again, and is made anew at most twice a minute', async () => {
  const world = createWorld();
  assert.equal(await tokenOf(world), 'token-1');
  world.deriver.drop(google);
  assert.equal(await tokenOf(world), 'token-2');
  world.deriver.drop(google);
  assert.equal(await tokenOf(world), 'token-2');
  await world.clock.advance(31_000);
  world.deriver.drop(google);
  assert.equal(await tokenOf(world), 'token-3');
});

test('other credentials are as they were configured', async () => {
  const secrets = new Map([['', new Secret('s')]]);
  assert.equal(await createWorld().deriver.derive(credentialOf('x', { type: 'bearer_token' }), secrets), secrets);
});
