// What SSH requests mean beside their commands: facts, tiers, summaries. Commands are tested with the shell model.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointConfig } from '../../../src/config/config.ts';
import { createSshAnalyser, sshFacts } from '../../../src/protocols/ssh/facts.ts';
import type { SshOrigin, SshRequest, SshRequestKind } from '../../../src/protocols/ssh/request.ts';
import { unreadable } from '../../../src/protocols/shell/reader.ts';
import type { ShellReader } from '../../../src/protocols/shell/model.ts';
import { Unknown } from '../../../src/rules/action.ts';
import { factsObject } from '../../../src/rules/facts.ts';

const ENDPOINT = { attributes: {}, hosts: [] } as unknown as EndpointConfig;
const ORIGIN: SshOrigin = { user: 'deploy', host: 'build', channel: 3, env: new Map(), pty: false };
const closed: ShellReader = {
  readLine: () => unreadable('syntax'),
  readArgv: () => unreadable('syntax'),
  readScript: () => unreadable('syntax'),
};
const analyser = createSshAnalyser({ shell: closed });

const analyse = (request: SshRequestKind, origin: Partial<SshOrigin> = {}) =>
  analyser.analyse({ ...ORIGIN, ...origin, ...request }, ENDPOINT);

const sftp = (op: Extract<SshRequest, { verb: 'sftp' }>['op'], path: string, more: object = {}): SshRequestKind => ({
  verb: 'sftp',
  op,
  path: Buffer.from(path),
  target: Buffer.alloc(0),
  writes: false,
  extension: '',
  ...more,
});

test('every fact of the schema has a value for every kind of request', () => {
  const requests: SshRequestKind[] = [
    { verb: 'exec', command: Buffer.from('ls'), stdin: { kind: 'unread' } },
    { verb: 'shell', stdin: { kind: 'unread' } },
    { verb: 'subsystem', name: Buffer.from('sftp') },
    { verb: 'forward', forwardHost: 'DB', forwardPort: 5432 },
    { verb: 'remote_forward', forwardHost: '', forwardPort: 0 },
    { verb: 'socket_forward', path: '/run/x' },
    { verb: 'agent_forward' },
    { verb: 'x11' },
    { verb: 'pty', term: 'xterm' },
    { verb: 'env', name: 'LANG', value: 'C' },
    { verb: 'signal', signal: 'INT' },
    sftp('open', '/etc/hosts'),
  ];
  const names = [...sshFacts().facts.keys()].filter((name) => /^(?:ssh|git)\.|^risk/.test(name));
  for (const request of requests) {
    for (const unit of analyse(request).units) {
      for (const name of names) {
        assert.notEqual(unit.facts.get(name), undefined, `${request.verb} ${name}`);
      }
      assert.equal(unit.facts.get('ssh.nothing'), undefined);
      factsObject(unit, 'ssh');
    }
  }
});

test('a command that could not be read has no facts of its commands, and is destructive', () => {
  const { units, risk } = analyse({ verb: 'exec', command: Buffer.from('ls'), stdin: { kind: 'unread' } });
  const [unit] = units;
  assert.equal(risk, 'destructive');
  assert.equal(unit?.unreadable, true);
  for (const name of ['ssh.commands', 'ssh.programs', 'ssh.argv', 'ssh.is_simple', 'ssh.sudo', 'ssh.writes_files']) {
    assert.ok(unit?.facts.get(name) instanceof Unknown, name);
  }
  assert.equal(unit?.facts.get('ssh.is_opaque'), true);
  assert.deepEqual(unit?.facts.get('ssh.opaque_causes'), ['syntax']);
});

const TIERS: readonly (readonly [SshRequestKind, string])[] = [
  [{ verb: 'shell', stdin: { kind: 'unread' } }, 'destructive'],
  [{ verb: 'pty', term: 'xterm' }, 'destructive'],
  [{ verb: 'subsystem', name: Buffer.from('sftp') }, 'safe'],
  [{ verb: 'subsystem', name: Buffer.from('netconf') }, 'destructive'],
  [{ verb: 'forward', forwardHost: 'db', forwardPort: 5432 }, 'destructive'],
  [{ verb: 'signal', signal: 'INT' }, 'safe'],
  [{ verb: 'env', name: 'LC_ALL', value: 'C' }, 'safe'],
  [{ verb: 'env', name: 'LD_PRELOAD', value: 'x' }, 'destructive'],
  [sftp('open', '/var/log/syslog'), 'safe'],
  [sftp('open', '/var/log/syslog', { writes: true }), 'suspicious'],
  [sftp('open', '/etc/shadow'), 'destructive'],
  [sftp('open', '/srv/pub/../../etc/shadow'), 'destructive'],
  [sftp('stat', '/etc/shadow'), 'safe'],
  [sftp('opendir', '/root/.ssh'), 'safe'],
  [sftp('open', '/root/.ssh/authorized_keys', { writes: true }), 'destructive'],
  [sftp('setstat', '/srv/x'), 'suspicious'],
  [sftp('mkdir', '/srv/x'), 'suspicious'],
  [sftp('remove', '/srv/x'), 'destructive'],
  [sftp('rename', '/srv/x', { target: Buffer.from('/srv/y') }), 'destructive'],
  [sftp('extended', '/srv/x', { extension: 'statvfs@openssh.com' }), 'safe'],
  [sftp('extended', '', { extension: 'unknown@example.com' }), 'destructive'],
];

test('each kind of request has its tier', () => {
  for (const [request, risk] of TIERS) {
    assert.equal(analyse(request).risk, risk, JSON.stringify(request));
  }
});

test('paths of SFTP are cleaned, and Unknown where a link may lead elsewhere', () => {
  const path = (text: string) => analyse(sftp('stat', text)).units[0]?.facts.get('ssh.sftp_path');
  for (const [text, clean] of [
    ['/srv/pub', '/srv/pub'],
    ['/srv//pub/./', '/srv/pub'],
    ['/../etc', '/etc'],
    ['../x', '../x'],
    ['.', '.'],
  ] as const) {
    assert.equal(path(text), clean);
  }
  assert.ok(path('/srv/pub/../../etc/passwd') instanceof Unknown);
  assert.ok(path('link/../x') instanceof Unknown);
  assert.ok(analyse(sftp('stat', '')).units[0]?.facts.get('ssh.sftp_path') === '');
  const bad = analyse({ ...sftp('stat', ''), path: Buffer.from([0xff]) } as SshRequestKind);
  assert.ok(bad.units[0]?.facts.get('ssh.sftp_path') instanceof Unknown);
});

test('a variable outside the list is refused, one inside is not', () => {
  assert.notEqual(analyse({ verb: 'env', name: 'BASH_ENV', value: 'x' }).refused, null);
  assert.equal(analyse({ verb: 'env', name: 'LC_TIME', value: 'C' }).refused, null);
});

test('stdin is a fact only when all of it is there', () => {
  const stdin = (request: SshRequestKind, origin: Partial<SshOrigin> = {}) =>
    analyse(request, origin).units[0]?.facts.get('ssh.stdin');
  const whole = { kind: 'whole', bytes: Buffer.from('rm -rf /') } as const;
  assert.equal(stdin({ verb: 'exec', command: Buffer.from('sh'), stdin: whole }), 'rm -rf /');
  assert.equal(stdin({ verb: 'signal', signal: 'INT' }), '');
  const unknown = [
    stdin({ verb: 'exec', command: Buffer.from('sh'), stdin: { kind: 'cut', cause: 'too_large' } }),
    stdin({ verb: 'exec', command: Buffer.from('sh'), stdin: { kind: 'unread' } }),
    stdin({ verb: 'exec', command: Buffer.from('sh'), stdin: whole }, { pty: true }),
    stdin({ verb: 'subsystem', name: Buffer.from('sftp') }),
  ];
  for (const value of unknown) {
    assert.ok(value instanceof Unknown);
  }
});

test('the digest is of everything that is forwarded', () => {
  const digest = (command: string, stdin: string, user = 'deploy') =>
    analyse(
      { verb: 'exec', command: Buffer.from(command), stdin: { kind: 'whole', bytes: Buffer.from(stdin) } },
      { user },
    ).evidence.digest();
  const digests = [digest('sh', ''), digest('sh', 'x'), digest('shx', ''), digest('sh', '', 'root')];
  assert.equal(new Set(digests).size, digests.length);
  assert.equal(digest('sh', 'x'), digest('sh', 'x'));
});

test('the summary names account, host and command, and nothing in it can move a cursor', () => {
  const { summary } = analyse({ verb: 'exec', command: Buffer.from('ls\u001b[2J'), stdin: { kind: 'unread' } });
  assert.match(summary, /^deploy@build: ls\\u\{1b\}\[2J$/);
});
