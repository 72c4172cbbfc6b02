// The security cases of SSH commands, each with what must be refused and its twin that must pass; and the shipped read-only pack.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import type { Policy } from '../../src/rules/decision.ts';
import { createMemoryReader } from '../config/memory-reader.ts';
import { NOT_READING, READING } from '../corpus/ssh-commands.ts';
import { COMMON, makePolicy, makeRuleAction } from '../support/rule-parts.ts';
import type { RuleParts } from '../support/rule-parts.ts';
import { analysisOf, analysisOfRequest, factOf, outcomeOf } from '../support/ssh.ts';
import type { RequestOptions } from '../support/ssh.ts';

const rule = (condition: string, outcome: 'allow' | 'deny'): RuleParts => ({ family: 'ssh', condition, outcome });
const denying = (condition: string): Policy => makePolicy({ rules: [rule(condition, 'deny')], unmatched: 'allow' });
const allowing = (condition: string): Policy => makePolicy({ rules: [rule(condition, 'allow')], unmatched: 'deny' });

const SCMD = allowing(`ssh.verb == 'exec' && ssh.argv == ['uptime']`);
const LISTED = allowing(`ssh.programs.all(p, p in ['cat', 'ls'])`);
const SNOSH = denying(`ssh.verb in ['shell', 'pty']`);
const SSTDIN = denying(`ssh.stdin.contains('rm -rf')`);

type Row = readonly [command: string | Buffer, outcome: string, options?: RequestOptions];

function check(policy: Policy, rows: readonly Row[]): void {
  const denied = rows.filter(([, want]) => want !== 'allow');
  assert.ok(denied.length > 0 && denied.length < rows.length, 'every table has a refused row and an allowed twin');
  for (const [command, want, options] of rows) {
    assert.equal(outcomeOf(policy, analysisOf(command, options)), want, JSON.stringify(String(command)));
  }
}

function checkTier(rows: readonly (readonly [command: string, risk: string, options?: RequestOptions])[]): void {
  for (const [command, risk, options] of rows) {
    const { units } = analysisOf(command, options);
    assert.equal(units[0]?.risk, risk, `${command}: ${units[0]?.riskReason}`);
  }
}

test('SH-01: only one simple command is one simple command', () => {
  check(SCMD, [
    ['uptime', 'allow'],
    ['  uptime ', 'allow'],
    ['uptime; rm -rf /', 'deny'],
    ['uptime && x', 'deny'],
    ['uptime | sh', 'deny'],
    ['uptime & x', 'deny'],
    ['uptime\nx', 'deny'],
    ['uptime `x`', 'deny'],
    ['uptime $(x)', 'deny'],
    ['uptime > /etc/x', 'deny'],
    ['uptime <(x)', 'deny'],
    ['A=1 uptime', 'deny'],
    ['uptime *', 'deny'],
    ['uptime ~', 'deny'],
    ['uptime -p', 'deny'],
  ]);
});

test('SH-02: quotes are taken off as the shell does, and case is kept', () => {
  check(SCMD, [
    ['up""time', 'allow'],
    ['\\uptime', 'allow'],
    [`'uptime'`, 'allow'],
    [`$'uptime'`, 'allow'],
    [`u"p"'t'ime`, 'allow'],
    ['UPTIME', 'deny'],
    [`'uptime '`, 'deny'],
    [`$"uptime"`, 'deny'],
  ]);
});

test('SH-03: programs inside others are listed', () => {
  check(LISTED, [
    ['cat /etc/hosts', 'allow'],
    ['ls | cat', 'allow'],
    ['timeout 1 ls', 'allow'],
    [`bash -c 'cat x; ls y'`, 'allow'],
    ['ls | xargs cat', 'allow'],
    ['cat $(ls)', 'allow'],
    ['cat /etc/passwd; bash', 'deny'],
    ['cat $(bash)', 'deny'],
    ['ls | xargs rm', 'deny'],
    ['find . -exec rm {} +', 'deny'],
    [`timeout 1 sh -c 'rm x'`, 'deny'],
    [`env -S 'rm x'`, 'deny'],
    ['nice bash', 'deny'],
    [`bash -c 'cat x; rm y'`, 'deny'],
    ['ls <(rm x)', 'deny'],
    ['if ls; then rm x; fi', 'deny'],
    ['ls & rm x', 'deny'],
    ['sudo rm x', 'deny'],
    ['busybox rm x', 'deny'],
    ['docker exec c rm x', 'deny'],
    ['ssh other rm x', 'deny'],
  ]);
});

test('SH-04: what the shell makes at run time is opaque', () => {
  check(LISTED, [
    ['cat x', 'allow'],
    [`sh -c "$(echo cm0gLXJm | base64 -d)"`, 'deny'],
    ['eval "$X"', 'deny'],
    ['$SHELL', 'deny'],
    ['${IFS}rm', 'deny'],
    ['ca${X}t', 'deny'],
    ['cat ${X:-$(rm x)}', 'deny'],
    ['cat ${X@P}', 'deny'],
    ['cat $((X))', 'deny'],
    ['c?t x', 'deny'],
    ['{cat,rm} x', 'deny'],
  ]);
  for (const command of ['cat $X', 'find $X', 'rm "$X"', '$X', 'cat ${X:-y}', 'cat {a,b}']) {
    assert.equal(factOf(command, 'ssh.is_opaque'), true, command);
    assert.deepEqual(factOf(command, 'ssh.opaque_causes'), ['dynamic_word'], command);
  }
});

test('SH-05: scripts, interpreters, editors and shells that read stdin are opaque', () => {
  check(LISTED, [
    ['cat <<EOF\nx\nEOF', 'allow'],
    ['cat <<EOF | sh\nrm x\nEOF', 'deny'],
    [`bash <<< 'rm x'`, 'deny'],
    ['. ./x', 'deny'],
    [`python3 -c 'x'`, 'deny'],
    [`perl -e x`, 'deny'],
    [`awk 'BEGIN{system("x")}'`, 'deny'],
    [`vim -c '!x'`, 'deny'],
    ['less x', 'deny'],
    ['./cat', 'deny'],
  ]);
  const causes: readonly (readonly [string, string, RequestOptions?])[] = [
    ['cat x | sh', 'stdin_program'],
    [`bash <<< 'rm x'`, 'stdin_program'],
    ['. ./x', 'script'],
    ['./x', 'script'],
    ['bash x.sh', 'script'],
    ['python3 -c x', 'interpreter'],
    [`awk 'BEGIN{system("x")}'`, 'interpreter'],
    ['vim x', 'interactive'],
    ['bash -i', 'interactive'],
    ['nobody-knows-this', 'unknown_program'],
    ['git log', 'interactive', { origin: { pty: true } }],
    ['journalctl -u x', 'interactive', { origin: { pty: true } }],
  ];
  for (const [command, cause, options] of causes) {
    assert.deepEqual(factOf(command, 'ssh.opaque_causes', options), [cause], command);
  }
  assert.deepEqual(factOf('git log', 'ssh.opaque_causes'), []);
  assert.deepEqual(factOf('git --no-pager log', 'ssh.opaque_causes', { origin: { pty: true } }), []);
});

test('SH-06: assignments that change what runs are opaque, those that change how it looks are not', () => {
  check(allowing(`!ssh.is_opaque && ssh.programs.all(p, p in ['ls', 'git', 'bash'])`), [
    ['LANG=C ls', 'allow'],
    ['TZ=Europe/Berlin LC_ALL=C.UTF-8 ls', 'allow'],
    ['env LANG=C ls', 'allow'],
    ['LD_PRELOAD=/tmp/x.so ls', 'deny'],
    ['PATH=/tmp ls', 'deny'],
    ['PATH=/tmp; ls', 'deny'],
    ['BASH_ENV=x bash -c ls', 'deny'],
    ['GIT_SSH_COMMAND=x git fetch', 'deny'],
    ['PAGER=x git log', 'deny'],
    ['env PAGER=x git log', 'deny'],
    ['LANG=zh_CN.GBK ls', 'deny'],
    ['LANG=$X ls', 'deny'],
    ['for PATH in /tmp; do ls; done', 'deny'],
    ['read PATH < x; ls', 'deny'],
    ['path=/tmp; ls', 'deny'],
  ]);
});

test('SH-07: functions and aliases do not hide behind names that are known', () => {
  check(allowing(`!ssh.is_opaque && ssh.programs.all(p, p in ['cat', 'ls'])`), [
    ['ls; cat x', 'allow'],
    ['ls(){ rm x; }; ls', 'deny'],
    ['ls(){ cat x; }; ls', 'deny'],
    ['alias ls=rm', 'deny'],
    ['alias ls=rm; ls', 'deny'],
    ['function ls { rm x; }; ls', 'deny'],
  ]);
});

test('SH-08: what does not parse is opaque', () => {
  check(LISTED, [
    ['ls', 'allow'],
    ['ls "', 'deny'],
    ['if', 'deny'],
    ['ls )', 'deny'],
    ['cat <<EOF\nls', 'deny'],
    [Buffer.from([0x6c, 0x73, 0x20, 0xff]), 'deny'],
    ['ls\0', 'deny'],
    ['ls\r', 'deny'],
    ['ls \u00a0rm', 'deny'],
  ]);
  const causes: readonly (readonly [string | Buffer, string])[] = [
    ['ls "', 'syntax'],
    [Buffer.from([0xff]), 'encoding'],
    ['ls\0', 'encoding'],
    ['ls\r\n', 'encoding'],
    [`ls ${'x'.repeat(128 * 1024)}`, 'too_large'],
    ['echo é\\;rm', 'locale'],
  ];
  for (const [command, cause] of causes) {
    assert.deepEqual(factOf(command, 'ssh.opaque_causes'), [cause], String(command).slice(0, 40));
    assert.equal(analysisOf(command).units[0]?.unreadable, true);
  }
  assert.deepEqual(factOf('echo é', 'ssh.opaque_causes', { origin: { env: new Map([['LANG', 'ja_JP.SJIS']]) } }), [
    'locale',
  ]);
  assert.deepEqual(factOf('echo é', 'ssh.opaque_causes'), []);
});

test('SH-09: builtins that evaluate their arguments are opaque when there is something to evaluate', () => {
  checkTier([
    [`test -v 'a[$(id)]'`, 'destructive'],
    [`[ -v 'a[$(id)]' ]`, 'destructive'],
    [`printf -v 'a[$(id)]' x`, 'destructive'],
    [`[[ 'a[$(id)]' -eq 0 ]]`, 'destructive'],
    [`[ X -eq 0 ]`, 'destructive'],
    [`test -f /etc/hosts`, 'safe'],
    [`[ 1 -eq 0 ]`, 'safe'],
    [`printf '%s' x`, 'safe'],
  ]);
});

test('SH-10: options that write or run something are not safe', () => {
  checkTier([
    ['sort --compress-program=x y', 'destructive'],
    ['sort -k2 y', 'safe'],
    ['tar --to-command=x -xf a', 'destructive'],
    ['rg --pre x y', 'destructive'],
    ['rg -n x /srv/app', 'safe'],
    ['git -c core.pager=x log', 'destructive'],
    ['git fetch --upload-pack=x', 'destructive'],
    ['git log', 'safe'],
    ['find / -fprintf x y', 'destructive'],
    ['find /srv -printf y', 'safe'],
    ['sed -i s/a/b/ x', 'destructive'],
    [`sed '1e id' x`, 'destructive'],
    [`sed -n 1p x`, 'safe'],
    ['date -s x', 'destructive'],
    ['date -u', 'safe'],
    ['xxd a b', 'destructive'],
    ['xxd a', 'safe'],
    ['journalctl --rotate', 'destructive'],
    ['journalctl -u x', 'safe'],
  ]);
});

test('SH-11: another account is destructive, whatever follows', () => {
  for (const command of ['sudo ls', 'doas ls', 'su -c ls', 'pkexec ls', 'systemd-run ls', 'run0 ls']) {
    checkTier([[command, 'destructive']]);
    assert.equal(factOf(command, 'ssh.sudo'), true, command);
    assert.deepEqual(factOf(command, 'ssh.programs'), ['ls'], command);
  }
  checkTier([['ls', 'safe']]);
  assert.equal(factOf('ls', 'ssh.sudo'), false);
  check(allowing(`ssh.commands.all(c, c.sudo && c.user == 'postgres' && c.program == 'ls')`), [
    ['sudo -u postgres ls', 'allow'],
    ['sudo --user=postgres ls', 'allow'],
    ['su postgres -c ls', 'allow'],
    ['sudo ls', 'deny'],
    ['sudo -u $X ls', 'deny'],
    ['ls', 'deny'],
  ]);
});

test('SH-12: reading what log-ins are made of is destructive', () => {
  checkTier([
    ['cat /etc/shadow', 'destructive'],
    ['cat ~/.ssh/id_rsa', 'destructive'],
    ['head /proc/1/environ', 'destructive'],
    ['grep -r . /root/.aws', 'destructive'],
    ['cd /etc; cat shadow', 'destructive'],
    ['cat /etc/sh*', 'destructive'],
    ['grep -r x /', 'destructive'],
    ['cat /etc/hosts', 'safe'],
    ['head /proc/1/status', 'safe'],
    ['grep -r . /srv/app', 'safe'],
    ['ls /etc/shadow', 'safe'],
  ]);
});

test('SH-13: other hosts and databases are destructive', () => {
  checkTier([
    ['curl http://x', 'destructive'],
    ['nc x 1', 'destructive'],
    ['cat x > /dev/tcp/h/1', 'destructive'],
    ['ssh other', 'destructive'],
    [`psql -c 'select 1'`, 'destructive'],
    ['ping -c 1 x', 'suspicious'],
    ['cat x > /dev/null', 'safe'],
  ]);
});

test('SH-14: of a login shell that is not POSIX only plain words are read', () => {
  const fish: RequestOptions = { attributes: { shell_family: 'fish' } };
  assert.equal(factOf('ls; rm x', 'ssh.is_opaque', fish), true);
  assert.equal(factOf(`ls 'x'`, 'ssh.is_opaque', fish), true);
  assert.equal(factOf('ls -l', 'ssh.is_opaque', fish), false);
  assert.equal(factOf('ls; cat x', 'ssh.is_opaque'), false);
});

test('SH-15, SH-39: an exec that starts a shell or an SFTP server is a unit of that kind too', () => {
  check(SNOSH, [
    ['ls', 'allow'],
    [`bash -c ls`, 'allow'],
    ['bash', 'deny'],
    ['bash -i', 'deny'],
    ['', 'deny'],
    ['sh -l', 'deny'],
    ['exec $SHELL', 'deny'],
    ['exec "$SHELL" -l', 'deny'],
    ['screen', 'deny'],
    ['script /dev/null', 'deny'],
    ['sudo -i', 'deny'],
    ['sudo su', 'deny'],
    ['env bash', 'deny'],
    ['exec -l bash', 'deny'],
    ['env -S bash', 'deny'],
    ['chroot /srv', 'deny'],
    ['nsenter -t 1 -m', 'deny'],
    ['docker exec -it c bash', 'deny'],
    ['timeout 5 ls', 'allow'],
  ]);
  check(denying(`ssh.verb == 'subsystem'`), [
    ['ls', 'allow'],
    ['/usr/lib/openssh/sftp-server', 'deny'],
    ['internal-sftp', 'deny'],
    ['exec /usr/libexec/openssh/sftp-server', 'deny'],
  ]);
});

test('SH-16: a pty is judged for itself, and the exec behind it too', () => {
  assert.equal(outcomeOf(SNOSH, analysisOfRequest({ verb: 'pty', term: 'xterm' })), 'deny');
  assert.equal(outcomeOf(SNOSH, analysisOf('ls', { origin: { pty: true } })), 'allow');
});

test('stdin that is not whole is never empty', () => {
  const whole = (text: string): RequestOptions => ({ stdin: { kind: 'whole', bytes: Buffer.from(text) } });
  check(SSTDIN, [
    ['cat', 'allow', whole('hello')],
    ['cat', 'deny', whole('x; rm -rf /')],
    ['cat', 'deny'],
    ['cat', 'deny', { stdin: { kind: 'cut', cause: 'too_large' } }],
    ['cat', 'deny', { stdin: { kind: 'cut', cause: 'incomplete' } }],
    ['cat', 'deny', { ...whole('hello'), origin: { pty: true } }],
  ]);
});

test('a script on stdin that was read whole is judged like any other text', () => {
  const piped = (text: string): RequestOptions => ({ stdin: { kind: 'whole', bytes: Buffer.from(text) } });
  check(LISTED, [
    ['bash', 'allow', piped('ls /srv\nls /tmp\n')],
    ['bash', 'deny', piped('ls /srv\nrm x\n')],
    ['bash', 'deny'],
    ['bash', 'deny', piped('ls "')],
    // It would take away the lines behind it, or half of one.
    ['bash', 'deny', piped('cat\nls\n')],
    ['cat; bash', 'deny', piped('ls\n')],
    ['bash', 'deny', { ...piped('ls\n'), origin: { pty: true } }],
  ]);
  assert.equal(analysisOf('bash', piped('ls\n')).risk, 'destructive');
});

test('variables outside the list are refused', () => {
  for (const [name, want] of [
    ['LANG', 'allow'],
    ['LC_ALL', 'allow'],
    ['LD_PRELOAD', 'refuse'],
    ['BASH_ENV', 'refuse'],
    ['PATH', 'refuse'],
    ['LC_x', 'refuse'],
  ] as const) {
    assert.equal(outcomeOf(SNOSH, analysisOfRequest({ verb: 'env', name, value: 'C' })), want, name);
  }
});

test('SH-40, SH-41, SH-42: file protocols are named with their direction and paths, and their tricks are not safe', () => {
  check(allowing(`risk == 'safe' && ssh.transfer == 'rsync' && ssh.transfer_direction == 'read'`), [
    ['rsync --server --sender -vlogDtpre.iLsfxCIvu . /var/log/', 'allow'],
    ['rsync --server -logDtpr . /etc', 'deny'],
    ['rsync --server --sender --remove-source-files -logDtpr . /srv', 'deny'],
    [`rsync --server --sender '-e.iLsf'"'"'; rm' . /srv`, 'deny'],
    ['rsync --server --sender -logDtpr . /srv; id', 'deny'],
    ['rsync --daemon', 'deny'],
  ]);
  check(allowing(`risk == 'safe' && git.operation == 'fetch' && git.repo == 'o/r.git'`), [
    [`git-upload-pack 'o/r.git'`, 'allow'],
    [`git upload-pack 'o/r.git'`, 'allow'],
    [`git-upload-pack 'o/r.git'; id`, 'deny'],
    [`git-upload-pack --upload-pack=id 'o/r.git'`, 'deny'],
    [`git-upload-pack 'o/other.git'`, 'deny'],
    [`git-receive-pack 'o/r.git'`, 'deny'],
  ]);
  check(allowing(`ssh.transfer == 'scp' && ssh.transfer_direction == 'read' && risk == 'safe'`), [
    ['scp -f /var/log/syslog', 'allow'],
    ['scp -t /srv', 'deny'],
    ['scp -f /etc/shadow', 'deny'],
    ['scp -S id -f /var/log/syslog', 'deny'],
    ['scp a b:c', 'deny'],
  ]);
  assert.deepEqual(factOf('scp -r -t /srv/x', 'ssh.transfer_paths'), ['/srv/x']);
  assert.equal(factOf('scp -t /srv', 'ssh.writes_files'), true);
});

test('ssh.writes_files tells of redirects and of programs that write', () => {
  for (const [command, writes] of [
    ['ls', false],
    ['ls > /dev/null 2>&1', false],
    ['ls > x', true],
    ['cp a b', true],
    ['ls | tee x', true],
    ['sudo touch x', true],
    [`sh -c 'ls > x'`, true],
  ] as const) {
    assert.equal(factOf(command, 'ssh.writes_files'), writes, command);
  }
  assert.equal(typeof factOf('nobody-knows-this', 'ssh.writes_files'), 'object');
});

test('small changes are suspicious inside a declared directory, and destructive elsewhere', () => {
  const scratch: RequestOptions = { attributes: { scratch_dirs: ['/srv/scratch/'] } };
  checkTier([
    ['echo x >> /srv/scratch/log', 'suspicious', scratch],
    ['echo x | tee -a /srv/scratch/log', 'suspicious', scratch],
    ['echo x >> /srv/scratch/../x', 'destructive', scratch],
    ['echo x >> /srv/scratchy', 'destructive', scratch],
    ['echo x >> /srv/scratch/$X', 'destructive', scratch],
    ['echo x >> /srv/scratch/log', 'destructive'],
    ['systemctl restart nginx', 'suspicious'],
    ['systemctl stop nginx', 'destructive'],
    ['kill -HUP 12', 'suspicious'],
    ['kill -9 12', 'destructive'],
    ['touch /srv/x', 'suspicious'],
    ['touch /etc/nologin', 'destructive'],
    ['env', 'suspicious'],
    ['docker inspect x', 'suspicious'],
  ]);
});

const READ_ONLY = await packPolicy();

/** The shipped pack, included as its first lines say. */
async function packPolicy(): Promise<Policy> {
  const files = {
    'gw.hcl': `schema_version = 1
include = ["policies/ssh-readonly.hcl"]
endpoint "ssh" "bastion" {
  hosts = ["bastion.example"]
  listen = "127.0.0.1:2222"
}
credential "ssh_key" "ops" {
  endpoint = ssh.bastion
  user = "ops"
}
profile "default" {
  credentials = [ssh_key.ops]
}
`,
    'policies/ssh-readonly.hcl': readFileSync('config/policies/ssh-readonly.hcl', 'utf8'),
  };
  const { policy, diagnostics } = await loadConfig('gw.hcl', { reader: createMemoryReader(files) });
  assert.ok(policy !== null, JSON.stringify(diagnostics));
  return policy;
}

function packVerdict(command: string): string {
  const { units, risk } = analysisOf(command);
  const action = {
    ...makeRuleAction({ family: 'ssh', credential: 'ssh_key.ops' }),
    endpoint: { name: 'bastion', type: 'ssh', ref: 'ssh.bastion', family: 'ssh' as const, host: 'bastion.example' },
    units,
    risk,
  };
  return READ_ONLY.ruleSet('ssh.bastion', action.agent.profile, 'ssh_key.ops').decide(action, COMMON).kind;
}

test('the example has the pack as it is shipped', () => {
  const [shipped, copied] = ['config', 'examples/ssh-readonly-bastion'].map((folder) =>
    readFileSync(`${folder}/policies/ssh-readonly.hcl`, 'utf8'),
  );
  assert.equal(copied, shipped);
});

test('MP-41: the read-only pack lets people look', () => {
  assert.ok(READING.length >= 150);
  const denied = READING.filter((command) => packVerdict(command) !== 'allow').map(
    (command) => `${command}   (${analysisOf(command).units[0]?.riskReason})`,
  );
  assert.deepEqual(denied, []);
});

test('the read-only pack lets nobody do more than look', () => {
  assert.ok(NOT_READING.length >= 200);
  assert.deepEqual(
    NOT_READING.filter((command) => packVerdict(command) !== 'deny'),
    [],
  );
});
