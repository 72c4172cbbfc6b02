// What holds for every verb: help, usage, unknown words, errors as JSON, how the gateway is found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VERBS } from '../../src/cli/cli.ts';
import { ControlError } from '../../src/client/control-client.ts';
import type { ControlAddress } from '../../src/client/control-client.ts';
import { runVerb } from '../support/cli.ts';

test('no verb, an unknown verb and an unknown flag print usage on stderr and exit 2', async () => {
  for (const args of [
    [],
    ['aprovals'],
    ['version', '--nope'],
    ['approvals'],
    ['approvals', 'nope'],
    ['approvals', 'show'],
  ]) {
    const { code, stdout, stderr } = await runVerb(args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '', args.join(' '));
    assert.match(stderr, /Usage: clawpatrol/, args.join(' '));
  }
  assert.match((await runVerb(['aprovals'])).stderr, /did you mean approvals\?/);
});

test('--help prints usage on stdout and exits 0, for the program, every verb and every sub-verb', async () => {
  const calls: string[][] = [['--help'], ['-h']];
  for (const load of Object.values(VERBS)) {
    const { command } = await load();
    calls.push([command.name, '--help']);
    if ('verbs' in command) {
      calls.push(...command.verbs.map((verb) => [command.name, verb.name, '-h']));
    }
  }
  for (const args of calls) {
    const { code, stdout, stderr } = await runVerb(args);
    assert.equal(code, 0, args.join(' '));
    assert.match(stdout, /Usage: clawpatrol/, args.join(' '));
    assert.equal(stderr, '', args.join(' '));
  }
});

test('with --json a usage error is an object on stdout as well', async () => {
  const run = await runVerb(['approvals', 'show', '--json']);
  assert.equal(run.code, 2);
  assert.deepEqual(run.json(), { error: { code: 'usage', message: "missing required argument 'id'" } });
  assert.match(run.stderr, /Usage/);
});

test('verbs that need more words, and verbs of later versions, end with a usage error', async () => {
  for (const verb of ['join', 'run', 'devices', 'grants', 'kubeconfig', 'context', 'login', 'plugins']) {
    assert.equal((await runVerb([verb])).code, 2, verb);
  }
});

test('version prints one line, and an object with --json before or after the verb', async () => {
  const { code, stdout } = await runVerb(['--version']);
  assert.equal(code, 0);
  assert.match(stdout, /^clawpatrol \d+\.\d+\.\d+ \([0-9a-z]+\) node \d+\.\d+\.\d+ [a-z0-9]+-[a-z0-9]+\n$/);
  for (const args of [
    ['--json', 'version'],
    ['version', '--json'],
  ]) {
    const value = (await runVerb(args)).json();
    assert.deepEqual(Object.keys(Object(value)), ['version', 'commit', 'node', 'platform']);
  }
});

test('a failed call of the gateway gives its exit code and, with --json, its code', async () => {
  const cases = [
    { error: new ControlError('unreachable', 'nobody there'), code: 3 },
    { error: new ControlError('unauthorised', 'not you'), code: 4 },
    { error: new ControlError('not_found', 'no such thing'), code: 1 },
  ];
  for (const { error, code } of cases) {
    const client = { status: () => Promise.reject(error) };
    const text = await runVerb(['status'], { client });
    assert.deepEqual([text.code, text.stdout, text.stderr], [code, '', `clawpatrol: ${error.message}\n`]);
    const asJson = await runVerb(['status', '--json'], { client });
    assert.deepEqual(asJson.json(), { error: { code: error.code, message: error.message } });
    assert.equal(asJson.code, code);
  }
});

test('the gateway is found by flag, by environment, by state directory, by home', async () => {
  const client = { status: () => Promise.resolve({ ok: true, checks: [] }) };
  const tcp: ControlAddress = { kind: 'tcp', host: '127.0.0.1', port: 81 };
  const unix = (path: string): ControlAddress => ({ kind: 'unix', path });
  const cases: { args: string[]; env: Record<string, string>; address: ControlAddress }[] = [
    { args: ['--gateway', 'unix:/a.sock'], env: { CLAWPATROL_GATEWAY: 'unix:/b.sock' }, address: unix('/a.sock') },
    { args: [], env: { CLAWPATROL_GATEWAY: 'http://127.0.0.1:81' }, address: tcp },
    { args: [], env: { STATE_DIRECTORY: '/s', HOME: '/h' }, address: unix('/s/control.sock') },
    { args: [], env: { HOME: '/h' }, address: unix('/h/.clawpatrol/control.sock') },
  ];
  for (const { args, env, address } of cases) {
    const seen: ControlAddress[] = [];
    await runVerb(['status', ...args], { client, env, onConnect: (found) => seen.push(found) });
    assert.deepEqual(seen, [address]);
  }
  assert.equal((await runVerb(['status', '--gateway', 'nonsense'], { client })).code, 2);
  assert.equal((await runVerb(['status', '--token-file', '/nonexistent'], { client })).code, 2);
});

test('completion prints a script for each shell and refuses others', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await runVerb(['completion', shell]);
    assert.equal(code, 0);
    assert.match(stdout, /approvals/);
    assert.match(stdout, /digest/);
  }
  assert.equal((await runVerb(['completion', 'tcsh'])).code, 2);
});
