// secrets, profiles, ca, reload, status, doctor: what they ask of the gateway and what they print.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ControlError } from '../../src/client/control-client.ts';
import type { ControlClient } from '../../src/client/control-client.ts';
import { runVerb } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';

function secrets(): { readonly secrets: ControlClient['secrets']; readonly seen: unknown[] } {
  const seen: unknown[] = [];
  return {
    seen,
    secrets: {
      list: () =>
        Promise.resolve({ items: [{ name: 'shop', slot: '', updated: '2026-11-22T10:00:00.000Z' }], next: null }),
      set: (name, slot, value) => {
        seen.push([name, slot, value.reveal()]);
        return Promise.resolve();
      },
      remove: (name, slot) => {
        seen.push([name, slot]);
        return Promise.resolve();
      },
    },
  };
}

test('secrets set reads the value from stdin less one newline, and never prints it', async () => {
  for (const { args, input, seen: expected } of [
    { args: ['shop'], input: 's3cret\n', seen: ['shop', '', 's3cret'] },
    { args: ['shop', 'key'], input: ' two\nlines\n\n', seen: ['shop', 'key', ' two\nlines\n'] },
  ]) {
    const fake = secrets();
    const run = await runVerb(['secrets', 'set', ...args], { client: { secrets: fake.secrets }, input });
    assert.equal(run.code, 0);
    assert.deepEqual(fake.seen, [expected]);
    assert.doesNotMatch(run.stdout + run.stderr, /s3cret|lines/);
  }
});

test('on a terminal secrets set asks without echo', async () => {
  const fake = secrets();
  const options = { client: { secrets: fake.secrets }, terminal: true, input: 'hush\n' };
  const run = await runVerb(['secrets', 'set', 'shop'], options);
  assert.deepEqual(fake.seen, [['shop', '', 'hush']]);
  assert.doesNotMatch(run.stdout + run.stderr, /hush/);
});

test('an empty or oversized value is refused', async () => {
  for (const input of ['', '\n', 'x'.repeat(64 * 1024 + 1)]) {
    const fake = secrets();
    const run = await runVerb(['secrets', 'set', 'shop'], { client: { secrets: fake.secrets }, input });
    assert.equal(run.code, 2);
    assert.deepEqual(fake.seen, []);
  }
});

test('secrets list shows names and times, rm removes', async () => {
  const fake = secrets();
  const client = { secrets: fake.secrets };
  assert.equal((await runVerb(['secrets', 'list'], { client })).stdout, 'shop\t-\t2026-11-22T10:00:00.000Z\n');
  assert.equal((await runVerb(['secrets', 'rm', 'shop', 'key'], { client })).stdout, 'removed shop key\n');
  assert.deepEqual(fake.seen, [['shop', 'key']]);
});

test('reload prints the new revision, or the diagnostics with 1', async () => {
  const good = { reload: () => Promise.resolve({ ok: true, revision: 'r2', diagnostics: [], message: '' }) };
  const swapped = await runVerb(['reload'], { client: good });
  assert.deepEqual([swapped.code, swapped.stdout], [0, 'swapped revision r2\n']);
  const diagnostic = {
    file: 'g.hcl',
    line: 3,
    col: 5,
    end_line: 3,
    end_col: 9,
    severity: 'error',
    code: 'unknown-attribute',
    message: 'no attribute "hots"',
    fix: 'write hosts',
  } as const;
  const bad = { reload: () => Promise.resolve({ ok: false, revision: 'r1', diagnostics: [diagnostic], message: '' }) };
  const refused = await runVerb(['reload'], { client: bad });
  assert.deepEqual(
    [refused.code, refused.stdout],
    [1, 'g.hcl:3:5: error: no attribute "hots" [unknown-attribute]\n  fix: write hosts\nrefused: revision r1 stays\n'],
  );
});

test('status prints a line a check and says with its code whether all is well', async () => {
  const check = { name: 'store', state: 'fail', detail: 'disk full', fix: 'make room' } as const;
  const ill = { status: () => Promise.resolve({ ok: false, checks: [check] }) };
  const run = await runVerb(['status'], { client: ill });
  assert.deepEqual([run.code, run.stdout], [1, 'fail store: disk full; make room\n']);
  assert.deepEqual((await runVerb(['status', '--json'], { client: ill })).json(), { ok: false, checks: [check] });
  const well = { status: () => Promise.resolve({ ok: true, checks: [{ ...check, state: 'ok' as const, fix: '' }] }) };
  assert.deepEqual((await runVerb(['status'], { client: well })).code, 0);
});

test('colour is for terminals only, and neither with --no-color nor NO_COLOR', async () => {
  const check = { name: 'store', state: 'ok', detail: 'fine', fix: '' } as const;
  const client = { status: () => Promise.resolve({ ok: true, checks: [check] }) };
  const plain = 'ok store: fine\n';
  assert.equal((await runVerb(['status'], { client, terminal: true })).stdout, '\u001b[32mok\u001b[0m store: fine\n');
  assert.equal((await runVerb(['status', '--no-color'], { client, terminal: true })).stdout, plain);
  assert.equal((await runVerb(['status'], { client, terminal: true, env: { NO_COLOR: '1' } })).stdout, plain);
  assert.equal((await runVerb(['status'], { client })).stdout, plain);
});

test('profiles list and show', async () => {
  const profile = {
    name: 'responder',
    description: '',
    credentials: ['postgres_credential.shop'],
    endpoints: ['postgres.shop'],
    rules: ['no-drops', 'reads'],
    devices: [],
    context: null,
    agent_family: null,
  };
  const client: Partial<ControlClient> = {
    profiles: {
      list: () => Promise.resolve({ items: [profile], next: null }),
      show: () => Promise.resolve(profile),
    },
  };
  const list = await runVerb(['profiles', 'list'], { client });
  assert.equal(list.stdout, 'responder\tpostgres_credential.shop\tpostgres.shop\t-\n');
  const show = await runVerb(['profiles', 'show', 'responder'], { client });
  assert.match(show.stdout, /^rules +no-drops, reads$/m);
  assert.deepEqual((await runVerb(['profiles', 'show', 'responder', '--json'], { client })).json(), profile);
});

test('ca show prints the fingerprint, export the certificate', async () => {
  const shown = { fingerprint: 'AA:BB', subject: 'CN=x', not_before: 'a', not_after: 'b' };
  const ca: ControlClient['ca'] = { show: () => Promise.resolve(shown), export: () => Promise.resolve('-----BEGIN\n') };
  assert.match((await runVerb(['ca', 'show'], { client: { ca } })).stdout, /^sha256 +AA:BB$/m);
  assert.equal((await runVerb(['ca', 'export'], { client: { ca } })).stdout, '-----BEGIN\n');
});

test('doctor runs without a gateway, and fails when a check fails', async (t) => {
  const stateDir = join(temporaryFolder(t), 'state');
  const absent = { status: () => Promise.reject(new ControlError('unreachable', 'nobody there')) };
  const args = ['doctor', '--state-dir', stateDir];
  const first = await runVerb(args, { client: absent });
  assert.equal(first.code, 0, first.stdout);
  for (const line of [
    /^ok node: /m,
    /^ok sqlite: SQLite 3/m,
    /^ok sql-parser: /m,
    /^ok state-dir: .*first start/m,
    /^(ok|warn) open-files: at most \d+ open files: room for \d+ connections/m,
  ]) {
    assert.match(first.stdout, line);
  }
  assert.match(first.stdout, /^warn gateway: nobody there$/m);
  mkdirSync(join(stateDir, 'keys'), { recursive: true });
  writeFileSync(join(stateDir, 'keys', 'store.key'), '');
  chmodSync(stateDir, 0o755);
  const open = await runVerb(args, { client: absent });
  assert.match(open.stdout, /^warn state-dir: .*mode 0755; chmod 700/m);
  assert.match(open.stdout, /^warn store-key: .*beside the secrets/m);
  const ill = {
    status: () =>
      Promise.resolve({ ok: false, checks: [{ name: 'store', state: 'fail' as const, detail: '', fix: '' }] }),
  };
  assert.equal((await runVerb(args, { client: ill })).code, 1);
  const inspected = await runVerb([...args, '--json'], { client: absent, env: { NODE_OPTIONS: '--inspect=0.0.0.0' } });
  assert.equal(inspected.code, 1);
  assert.match(inspected.stdout, /^\{"ok":false,"checks":\[\{"name":"node","state":"fail"/);
});
