// OpenSSH's client through the real daemon to a real sshd: programs that run, programs that do not, and what is recorded of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/daemon.ts';
import { fileScope } from '../support/scope.ts';
import { allow, startSshGateway } from '../support/ssh-gateway.ts';
import { startSshd } from '../support/sshd.ts';

const scope = fileScope();
const sshd = await startSshd(scope);
const { gateway, client } = await startSshGateway(scope, sshd, {
  rules: { echo: allow("ssh.verb == 'exec' && ssh.command.startsWith('echo')") },
});

test('a program that is allowed runs: both streams and the exit status are its own', async () => {
  const done = await client.ssh(['echo out; echo err >&2; exit 3']);
  assert.deepEqual(done, { code: 3, stdout: 'out\n', stderr: 'err\n' });
  // What is safe is recorded up to a tenth of a second later, in one record with its outcome if that came by then, else in two.
  await eventually('its end is recorded', () => gateway.cli('audit', 'search', '--json').stdout.includes('exit 3"'));
});

test('a program that is denied is told why on stderr and by status 126, and never runs', async () => {
  const done = await client.ssh(['touch', `${sshd.folder}/made`]);
  assert.equal(done.code, 126);
  assert.match(done.stderr, /^clawpatrol: denied: .*\(action [0-9a-f-]{36}\)\r?\n$/);
  assert.deepEqual(await client.ssh([`echo ${sshd.folder}/*`]).then(({ stdout }) => stdout.includes('made')), false);
});
