// ND-10: a secret that somebody shows is compared in a time that does not tell where it differs: by `timingSafeEqual`, which takes equal
// lengths only. Each place lets the right one in, and no other, and asks for nothing else than that.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createReplayGuard,
  findPagerDutyFault,
  findWebhookFault,
  pagerDutySignature,
  webhookSignature,
} from '../src/approvals/signature.ts';
import { openOperators } from '../src/dashboard/operators.ts';
import { createPasswords } from '../src/dashboard/password.ts';
import { sameText } from '../src/dashboard/sessions.ts';
import { openJoinTokens } from '../src/devices/join-tokens.ts';
import { hasPossession, provePossession } from '../src/devices/possession.ts';
import { openDeviceRegistry } from '../src/devices/registry.ts';
import { openRunRegistry } from '../src/devices/runs.ts';
import { createWireguardKeys } from '../src/devices/wireguard.ts';
import { Secret } from '../src/lib/secret.ts';
import { CancelKeys } from '../src/protocols/postgres/cancel.ts';
import { AgentLogin } from '../src/protocols/ssh/agent-login.ts';
import { MESSAGE } from '../src/protocols/ssh/codec.ts';
import { writeFields } from '../src/protocols/ssh/wire.ts';
import { FakeClock } from './support/fake-clock.ts';
import { temporaryFolder, type CleanUp } from './support/temp.ts';

interface Place {
  /** Where under src/ the comparison stands. */
  readonly file: string;
  /** What is right, as text. */
  readonly right: string;
  /** Whether it is let in. */
  readonly takes: (given: string) => boolean | Promise<boolean>;
}

/** Another one of the same length: its first letter differs, or its last. */
function wrongOnes(right: string): readonly string[] {
  const other = (letter: string): string => (letter === 'a' ? 'b' : 'a');
  return [other(right.charAt(0)) + right.slice(1), right.slice(0, -2) + other(right.at(-2) ?? '') + right.slice(-1)];
}

async function places(t: CleanUp): Promise<readonly Place[]> {
  const clock = new FakeClock();
  const stateDir = temporaryFolder(t, 'clawpatrol-compare');
  const isKey = (text: string): boolean => text.startsWith('key');
  const registry = openDeviceRegistry({ stateDir, clock, isKey, lastNumber: () => 254 });
  const device = registry.enrol({ name: 'laptop', publicKey: 'key1', profile: 'p', user: '' });
  const deviceToken = registry.issueToken(device.id);
  const runs = openRunRegistry({
    stateDir,
    clock,
    isKey,
    isDevices: () => false,
    lastNumber: 6,
    highestDevice: () => 2,
  });
  const runToken = runs.startWithToken({ device: device.id, profile: 'p', label: '' }).token;
  const tokens = openJoinTokens({ stateDir, clock });
  const joinToken = tokens.create({ profile: 'p', usesLeft: 1, expiresMs: clock.now() + 1_000, by: 'x' }).text;
  const operators = openOperators({ stateDir, clock });
  operators.add({ name: 'ada', role: 'admin', email: '', slack: '', password: null });
  const operatorToken = operators.issueToken('ada', clock.now() + 1_000) ?? '';
  const passwords = createPasswords({ n: 1024, r: 8, p: 1 });
  const hash = await passwords.hash('correct horse battery');
  const secret = new Secret('signing secret');
  const body = Buffer.from('{}');
  const seconds = String(Math.floor(clock.now() / 1000));
  const [ours, theirs] = [createWireguardKeys(), createWireguardKeys()];
  const proof = provePossession({ privateKey: theirs.privateKey, publicKey: ours.publicKey }, 'code') ?? '';
  const keys = new CancelKeys();
  const key = keys.issue('device', () => undefined);
  const cancelSecret = Buffer.alloc(4);
  cancelSecret.writeUInt32BE(key.secretKey);
  return [
    { file: 'devices/registry.ts', right: deviceToken, takes: (given) => registry.authenticate(given) !== null },
    { file: 'devices/runs.ts', right: runToken, takes: (given) => runs.authenticate(given) !== null },
    { file: 'devices/join-tokens.ts', right: joinToken, takes: (given) => tokens.find(given) !== null },
    {
      file: 'devices/possession.ts',
      right: proof,
      takes: (given) => hasPossession({ privateKey: ours.privateKey, publicKey: theirs.publicKey }, 'code', given),
    },
    { file: 'dashboard/operators.ts', right: operatorToken, takes: (given) => operators.findByToken(given) !== null },
    { file: 'dashboard/password.ts', right: 'correct horse battery', takes: (given) => passwords.verify(given, hash) },
    // Cookies' second half, and the code of the first set-up.
    { file: 'dashboard/sessions.ts', right: 'a-csrf-token', takes: (given) => sameText(given, 'a-csrf-token') },
    {
      file: 'approvals/signature.ts',
      right: pagerDutySignature(secret, body),
      takes: (given) => findPagerDutyFault({ body, header: () => given }, secret) === null,
    },
    {
      file: 'approvals/signature.ts',
      right: webhookSignature(secret, seconds, body),
      takes: (given) =>
        findWebhookFault(
          { body, header: () => given },
          { secret, nowMs: clock.now(), replays: createReplayGuard(clock) },
        ) === null,
    },
    {
      file: 'protocols/postgres/cancel.ts',
      right: cancelSecret.toString('latin1'),
      takes: (given) => keys.request(key.processId, Buffer.from(given, 'latin1'), 'device'),
    },
    {
      file: 'protocols/ssh/agent-login.ts',
      right: 'agent password',
      takes(given) {
        const login = new AgentLogin({ password: 'agent password', keys: null }, Buffer.alloc(32));
        login.handle(writeFields([{ byte: MESSAGE.serviceRequest }, { string: 'ssh-userauth' }]));
        const head = [{ string: 'deploy' }, { string: 'ssh-connection' }, { string: 'password' }];
        const asked = [{ byte: MESSAGE.authRequest }, ...head, { bool: false }, { string: given }];
        return login.handle(writeFields(asked)).some(({ kind }) => kind === 'login');
      },
    },
  ];
}

/** Compared in the course of a login of several messages, or of a socket; their own tests show who is let in. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'protocols/postgres/agent-login.ts': 'protocols/postgres/agent-login.test.ts',
  'protocols/postgres/login.ts': 'protocols/postgres/login.test.ts',
  'client/run/proxy-front.ts': 'client/proxy-run.test.ts',
};

test('ND-10: every secret that is shown is compared in constant time, let in when it is right, and only then', async (t) => {
  const real = crypto.timingSafeEqual;
  const compared: boolean[] = [];
  // Throws by itself where the lengths differ.
  crypto.timingSafeEqual = (one, other) => {
    const same = real(one, other);
    compared.push(same);
    return same;
  };
  syncBuiltinESMExports();
  try {
    for (const { file, right, takes } of await places(t)) {
      for (const given of wrongOnes(right)) {
        compared.length = 0;
        assert.equal(await takes(given), false, `${file}: ${given}`);
        // A signature of another form is none, whatever is compared.
        assert.ok(
          compared.length > 0 || given.slice(0, 1) !== right.slice(0, 1),
          `${file}: how was ${given} compared?`,
        );
        assert.ok(!compared.includes(true), file);
      }
      for (const given of ['', right.slice(0, -1), `${right}x`]) {
        assert.equal(await takes(given), false, `${file}: ${given}`);
      }
      compared.length = 0;
      assert.equal(await takes(right), true, file);
      assert.ok(compared.includes(true), `${file}: nothing was compared in constant time`);
    }
  } finally {
    crypto.timingSafeEqual = real;
    syncBuiltinESMExports();
  }
});

test('ND-10: no place that compares so is left out here', async (t) => {
  const src = join(process.cwd(), 'src');
  const users = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) => name.endsWith('.ts') && /timingSafeEqual|\bsameText\(/.test(readFileSync(join(src, name), 'utf8')),
    )
    // They ask `sameText`, which is among the places.
    .filter((name) => !['dashboard/dashboard.ts', 'dashboard/login.ts', 'dashboard/setup.ts'].includes(name));
  const tested = (await places(t)).map(({ file }) => file);
  assert.deepEqual(users.toSorted(), [...new Set([...tested, ...Object.keys(ELSEWHERE)])].toSorted());
  for (const name of Object.values(ELSEWHERE)) {
    assert.match(readFileSync(join(process.cwd(), 'test', name), 'utf8'), /wrong|does not/, name);
  }
});
