// What holds for every verb: help, usage, unknown words, errors as JSON, how the gateway is found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VERBS } from '../../src/cli/cli.ts';
import { ControlError } from '../../src/client/control-client.ts';
import type { ControlAddress, ControlClient } from '../../src/client/control-client.ts';
import { runVerb } from '../support/cli.ts';
import { temporaryFolder } from '../support/temp.ts';

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

test('an unknown verb with --json is an object on stdout as well, wherever --json stands', async () => {
  const cases: readonly [readonly string[], string][] = [
    [['aprovals', '--json'], 'unknown verb "aprovals"; did you mean approvals?'],
    [['--json', 'aprovals', 'list'], 'unknown verb "aprovals"; did you mean approvals?'],
    [['--json', 'elephant'], 'unknown verb "elephant"'],
    [['--json'], 'no verb'],
    [['approvals', 'lst', '--json'], "unknown command 'lst'; Did you mean list?"],
    [['--json', 'approvals'], 'one of list, show, approve, deny is missing'],
  ];
  for (const [args, message] of cases) {
    const run = await runVerb(args);
    assert.equal(run.code, 2, args.join(' '));
    assert.deepEqual(run.json(), { error: { code: 'usage', message } });
    assert.match(run.stderr, /Usage: clawpatrol/);
  }
});

test('--json and --no-color stand before the verb, behind a noun and behind its sub-verb', async () => {
  const grants = { items: [], next: null };
  const client: Partial<ControlClient> = {
    grants: {
      list: () => Promise.resolve(grants),
      show: () => Promise.reject(new Error('not asked')),
      revoke: () => Promise.reject(new Error('not asked')),
      preview: () => Promise.reject(new Error('not asked')),
    },
  };
  for (const args of [
    ['--json', 'grants', 'list'],
    ['grants', '--json', 'list'],
    ['grants', 'list', '--json'],
    ['--no-color', 'grants', '--json', 'list', '--all'],
  ]) {
    const run = await runVerb(args, { client });
    assert.deepEqual([run.code, run.json()], [0, grants], args.join(' '));
  }
  assert.equal((await runVerb(['--no-color', 'grants', 'list'], { client })).stdout, '');
});

test('help VERB is VERB --help', async () => {
  for (const words of [['explain'], ['approvals'], ['approvals', 'show']]) {
    assert.equal((await runVerb(['help', ...words])).stdout, (await runVerb([...words, '--help'])).stdout);
  }
  assert.equal((await runVerb(['help'])).stdout, (await runVerb(['--help'])).stdout);
  assert.equal((await runVerb(['help', 'aprovals'])).code, 2);
});

test('what is wrong with a command line stays in sight: one line of usage, and where the rest is', async () => {
  const { stderr } = await runVerb(['explain', 'x.hcl', '--endpoit', 'y']);
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    "error: unknown option '--endpoit'",
    '(Did you mean --endpoint?)',
    '',
    'Usage: clawpatrol explain [options] <config>',
    'clawpatrol explain --help says what each of them is.',
  ]);
});

test('no help speaks of defaults that nobody can type, and each example parses', async () => {
  const verbs = (await Promise.all(Object.values(VERBS).map((load) => load()))).flatMap(({ command }) =>
    'verbs' in command
      ? command.verbs.map((verb) => ({ verb, path: [command.name, verb.name] }))
      : [{ verb: command, path: [command.name] }],
  );
  for (const { verb, path } of verbs) {
    assert.doesNotMatch((await runVerb([...path, '--help'])).stdout, /default: \[\]/, path.join(' '));
    for (const example of verb.examples ?? []) {
      assert.ok(example.startsWith(`${path.join(' ')} `), example);
      const known = new Set([
        ...(verb.options ?? []).flatMap(([notation]) => notation.match(/-{1,2}[a-z-]+/g) ?? []),
        '--json',
      ]);
      const [own = ''] = example.split(/ -- | # /);
      const flags = own.replaceAll(/'[^']*'|"[^"]*"/g, '').match(/(?<= )-{1,2}[a-z][a-z-]*/g) ?? [];
      assert.deepEqual(
        flags.filter((flag) => !known.has(flag)),
        [],
        example,
      );
    }
  }
});

test('join and env say what comes first on a machine that has not joined', async (t) => {
  const env = { HOME: temporaryFolder(t) };
  assert.match(
    (await runVerb(['join'], { env })).stderr,
    /name the gateway: clawpatrol join https:\/\/HOST:PORT#sha256=/,
  );
  assert.match((await runVerb(['join', 'nonsense'], { env })).stderr, /"nonsense" is no URL/);
  assert.match(
    (await runVerb(['env'], { env })).stderr,
    /has not joined \(no .*\): clawpatrol join https:\/\/GATEWAY first/,
  );
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
