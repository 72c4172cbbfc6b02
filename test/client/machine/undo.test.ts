// What was made to route a machine is undone from wherever it broke off, and nothing else is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openJournal, type Journal } from '../../../src/client/machine/journal.ts';
import { makeMachine, repairWays } from '../../../src/client/machine/make.ts';
import { completeNames } from '../../../src/client/machine/names.ts';
import type { MachinePlan } from '../../../src/client/machine/plan.ts';
import type { MachineSystem } from '../../../src/client/machine/system.ts';
import { undoMachine, undoSteps } from '../../../src/client/machine/undo.ts';
import { temporaryFolder, type CleanUp } from '../../support/temp.ts';

const PLAN: MachinePlan = {
  interfaceName: 'clawpatrol0',
  addresses: ['10.77.0.2', 'fdc1::2'],
  resolver: '10.77.0.1',
  mtu: 1420,
  gatewayKey: 'KEY',
  outer: { ip: '198.51.100.1', port: 51_820 },
  enrol: { ip: '198.51.100.1', port: 8444 },
  direct: [],
  inbound: [],
  own: ['192.0.2.7'],
  priority: 100,
  v6: 'on',
  callerPorts: { low: 32_768, high: 60_999 },
  udpServices: [51_820],
};

/** A system that keeps what programs would keep, fails when told so, and says what is left. */
class FakeSystem {
  readonly #objects = new Map<string, string>();
  readonly files = new Map<string, string>([
    ['/proc/sys/net/ipv4/conf/all/src_valid_mark', '0\n'],
    ['/etc/resolv.conf', 'nameserver 192.0.2.53\n'],
    ['/run/systemd/system', ''],
    ['/proc/self/mountinfo', ''],
  ]);
  readonly links = new Set<string>();
  commands = 0;
  failAt = Number.POSITIVE_INFINITY;

  readonly system: MachineSystem = {
    run: (program, args, input) => this.#run(program, args, input ?? ''),
    startDetached: () => {},
    readText: (path) => this.files.get(path) ?? null,
    writeText: (path, text) => void this.files.set(path, text),
    remove: (path) => void this.files.delete(path),
    exists: (path) => this.files.has(path),
    isLink: (path) => this.links.has(path),
    uptimeMs: () => 0,
    bootId: () => 'boot',
    sleep: () => Promise.resolve(),
  };

  left(): readonly string[] {
    const files = [...this.files].map(([path, text]) => `${path}=${text}`);
    return [...this.#objects.keys(), ...files].toSorted();
  }

  /** Somebody else takes what begins so. */
  take(start: string): void {
    for (const key of [...this.#objects.keys()].filter((one) => one.startsWith(start))) {
      this.#objects.delete(key);
    }
  }

  #run(program: string, args: readonly string[], input: string): Promise<string> {
    this.commands += 1;
    if (this.commands === this.failAt) {
      return Promise.reject(new Error('killed'));
    }
    const line = [program, ...args].join(' ');
    const [, version = '', kind = '', verb = '', ...rest] = line.split(' ');
    if (verb === 'add' && this.#objects.has(`${version} ${kind} ${rest.join(' ')}`)) {
      return Promise.reject(new Error('RTNETLINK answers: File exists'));
    }
    if (verb === 'add' && (kind === 'rule' || kind === 'route')) {
      this.#objects.set(`${version} ${kind} ${rest.join(' ')}`, '');
    } else if (verb === 'delete' && (kind === 'rule' || kind === 'route')) {
      return this.#objects.delete(`${version} ${kind} ${rest.join(' ')}`)
        ? Promise.resolve('')
        : Promise.reject(new Error('RTNETLINK answers: No such process'));
    } else if (line.endsWith('rule show')) {
      const rules = [...this.#objects.keys()].filter((key) => key.startsWith(`${kind} rule `));
      return Promise.resolve(JSON.stringify(rules.map((key) => ({ priority: Number(key.split(' ')[3]) }))));
    } else if (line.startsWith('ip link add')) {
      this.#objects.set('link', '');
    } else if (line.includes('alias')) {
      this.#objects.set('link', 'clawpatrol machine');
    } else if (line.startsWith('ip link delete')) {
      this.#objects.delete('link');
    } else if (line === 'ip -json link show') {
      const alias = this.#objects.get('link');
      const link = alias === '' ? { ifname: 'clawpatrol0' } : { ifname: 'clawpatrol0', ifalias: alias };
      return Promise.resolve(JSON.stringify(alias === undefined ? [] : [link]));
    } else if (line === 'nft -f -') {
      this.#objects.set('fence', '');
      if (input.endsWith(`delete table inet clawpatrol_machine_clawpatrol0\n`)) {
        this.#objects.delete('fence');
      }
    } else if (program === 'mount') {
      this.files.set('/proc/self/mountinfo', `1 1 0:1 ${args[1]} ${args[2]} rw`);
    } else if (program === 'umount') {
      this.files.set('/proc/self/mountinfo', '');
    } else if (program === 'systemctl') {
      this.#objects.set('enabled', '');
      if (args[0] !== 'enable') {
        this.#objects.delete('enabled');
      }
    }
    return Promise.resolve('');
  }
}

function begin(t: CleanUp) {
  const folder = temporaryFolder(t, 'clawpatrol-journal');
  const file = openJournal(folder);
  const journal: Journal = { version: 1, boot: 'boot', deadlineMs: 0, guard: 'g', plan: PLAN, steps: [] };
  const unit = { node: '/usr/bin/node', main: '/main.js', home: '/root', caDir: folder };
  file.write(journal);
  const make = async (system: MachineSystem): Promise<void> => {
    await makeMachine({ journal, privateKey: 'KEY', file, system, unit });
    await completeNames(file, file.read() ?? journal, system);
  };
  return { file, journal, make };
}

test('TR-19, LC-07: wherever it breaks off, undoing brings back what was there, and the journal goes', async (t) => {
  const whole = new FakeSystem();
  await begin(t).make(whole.system);
  assert.ok(whole.commands > 15);
  for (let at = 1; at <= whole.commands; at += 1) {
    const fake = new FakeSystem();
    const before = fake.left();
    fake.failAt = at;
    const { file, make } = begin(t);
    await assert.rejects(make(fake.system), /killed/);
    assert.deepEqual(await undoMachine(file, fake.system), [], `command ${at}`);
    assert.deepEqual(fake.left(), before, `command ${at}`);
    assert.equal(file.read(), null);
  }
  // The twin: what nothing undoes is there.
  assert.ok(whole.left().length > new FakeSystem().left().length + 5);
});

test('an undoing that breaks off is told, keeps the journal, and can be repeated', async (t) => {
  const fake = new FakeSystem();
  const before = fake.left();
  const { file, make } = begin(t);
  await make(fake.system);
  fake.failAt = fake.commands + 3;
  const troubles = await undoMachine(file, fake.system);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0] ?? '', /is still there: killed/);
  assert.notEqual(file.read(), null);
  assert.deepEqual(await undoMachine(file, fake.system), []);
  assert.deepEqual(fake.left(), before);
});

test('what somebody else has changed since stays, and is told', async () => {
  const fake = new FakeSystem();
  const setting = { kind: 'setting', path: '/proc/x', before: '0\n', written: '1\n' } as const;
  const file = { kind: 'file', path: '/etc/made', text: 'ours' } as const;
  fake.files.set('/proc/x', '2\n');
  fake.files.set('/etc/made', 'theirs');
  const troubles = await undoSteps([setting, file], fake.system);
  assert.deepEqual(troubles, [
    '/etc/made was made by us, and somebody else has changed it since',
    '/proc/x was 0, and somebody else has made it 2 since',
  ]);
  assert.deepEqual([fake.files.get('/proc/x'), fake.files.get('/etc/made')], ['2\n', 'theirs']);
  await fake.system.run('ip', ['link', 'add', 'dev', 'clawpatrol0']);
  await fake.system.run('ip', ['link', 'set', 'dev', 'clawpatrol0', 'alias', 'x']);
  // The twin: what is as we left it goes.
  assert.deepEqual(await undoSteps([{ kind: 'link', name: 'clawpatrol0' }], fake.system), []);
  fake.files.set('/proc/x', '1\n');
  assert.deepEqual(await undoSteps([setting], fake.system), []);
  assert.equal(fake.files.get('/proc/x'), '0\n');
});

test('of keeping and undoing the first one holds', (t) => {
  for (const [first, second] of [
    ['kept', 'undone'],
    ['undone', 'kept'],
  ] as const) {
    const file = openJournal(temporaryFolder(t, 'clawpatrol-journal'));
    assert.equal(file.decided(), null);
    assert.equal(file.decide(first), first);
    assert.equal(file.decide(second), first);
    assert.equal(file.decided(), first);
  }
});

const RESOLVED = '/run/systemd/resolve/io.systemd.Resolve';
const STUB_TEXT = 'nameserver 127.0.0.53\n';

test('at a start of the system names wait for whoever answers them, and a link that leads nowhere stays', async (t) => {
  const check = async (late: Readonly<Record<string, string>>, expected: readonly string[]): Promise<void> => {
    const { file, journal } = begin(t);
    const fake = new FakeSystem();
    fake.files.delete('/etc/resolv.conf');
    fake.links.add('/etc/resolv.conf');
    const kinds = async (): Promise<readonly string[]> => {
      await completeNames(file, file.read() ?? journal, fake.system);
      return (file.read()?.steps ?? []).map(({ kind }) => kind);
    };
    assert.deepEqual(await kinds(), []);
    for (const [path, text] of Object.entries(late)) {
      fake.files.set(path, text);
    }
    assert.deepEqual(await kinds(), expected);
    assert.deepEqual(await kinds(), expected);
    const before = fake.files.get('/etc/resolv.conf');
    assert.deepEqual(await undoMachine(file, fake.system), []);
    assert.equal(fake.files.get('/etc/resolv.conf'), before);
  };
  await check({ '/etc/resolv.conf': STUB_TEXT, [RESOLVED]: '' }, ['resolved']);
  await check({ '/etc/resolv.conf': 'nameserver 192.0.2.53\n' }, ['cover']);
  await check({ '/etc/resolv.conf': 'nameserver 192.0.2.53\n', [RESOLVED]: '' }, ['cover', 'resolved']);
  // An earlier version had taken such a link for nothing: what leads elsewhere by now is not ours to take.
  const fake = new FakeSystem();
  fake.links.add('/etc/resolv.conf');
  fake.files.set('/etc/resolv.conf', STUB_TEXT);
  assert.deepEqual(await undoSteps([{ kind: 'file', path: '/etc/resolv.conf', text: 'ours' }], fake.system), []);
  assert.equal(fake.files.get('/etc/resolv.conf'), STUB_TEXT);
});

test('what resolved does not take yet is not in the journal, and is told again', async (t) => {
  const { file, journal } = begin(t);
  const fake = new FakeSystem();
  fake.files.set('/etc/resolv.conf', STUB_TEXT);
  fake.files.set(RESOLVED, '');
  fake.failAt = 1;
  await assert.rejects(completeNames(file, journal, fake.system), /killed/);
  assert.deepEqual(file.read()?.steps, []);
  const made = await completeNames(file, journal, fake.system);
  assert.deepEqual(made, [{ kind: 'resolved', name: 'clawpatrol0' }]);
  assert.deepEqual(file.read()?.steps, made);
});

test('rules and routes that somebody else takes away are put back, and only they', async (t) => {
  const fake = new FakeSystem();
  await begin(t).make(fake.system);
  const whole = fake.left();
  assert.equal(await repairWays(PLAN, fake.system), false);
  for (const taken of ['-4 rule pref 101', '-6 rule', '-4 r']) {
    fake.take(taken);
    assert.notDeepEqual(fake.left(), whole);
    assert.equal(await repairWays(PLAN, fake.system), true, taken);
    assert.deepEqual(fake.left(), whole, taken);
  }
});
