// Which paths hold secrets, and what globs reach.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cleanPath,
  globReachesSecret,
  holdsSecrets,
  isInside,
  isSecretPath,
} from '../../../src/protocols/shell/paths.ts';

function check(name: string, is: (path: string) => boolean, yes: readonly string[], no: readonly string[]) {
  test(name, () => {
    for (const path of yes) {
      assert.ok(is(path), path);
    }
    for (const path of no) {
      assert.ok(!is(path), path);
    }
  });
}

check(
  'files that log-ins are made of are secret, however the path is written',
  isSecretPath,
  [
    '/etc/shadow',
    '/etc//shadow',
    '/etc/foo/../shadow',
    '/etc/shadow-',
    '~/.ssh/id_rsa',
    '/home/x/.SSH/config',
    '.env',
    'prod.env',
    '/proc/1/environ',
    '/proc/self/root/etc/hosts',
    '/proc/1/cwd/x',
    '/dev/sda1',
    '/root/.aws',
    '/srv/tls/server.key',
    '/var/run/secrets/kubernetes.io/serviceaccount/token',
    '/etc/nginx/credentials.conf',
    '/root/.bash_history',
  ],
  [
    '/etc/passwd',
    '/etc/hosts',
    '/var/log/syslog',
    '/proc/1/status',
    '/proc/meminfo',
    '/dev/null',
    '/srv/tls/server.crt',
    '/etc/nginx/nginx.conf',
    '/var/log/nginx/access.log',
    'environment.txt',
  ],
);

check(
  'a glob that may give a secret is taken to',
  globReachesSecret,
  [
    '/etc/*',
    '/etc/sh*',
    '/etc/s?adow',
    '/etc/[s]hadow',
    '/*/shadow',
    '/home/*/.ssh/*',
    '~/.*',
    '/root/.*/*',
    '/e*/s*',
    '*.pem',
  ],
  ['/var/log/*.log', '/var/log/nginx/*', '*.txt', '/proc/*/status', '/etc/nginx/conf.d/*.conf', '/tmp/*'],
);

check(
  'a tree that has secrets in it is taken to',
  holdsSecrets,
  ['/', '/etc', '/etc/', '/root', '/home', '/home/anyone', '~', '.', 'src', '/proc', '/root/.aws'],
  ['/var/log', '/etc/nginx', '/srv/app', '/usr/share/doc'],
);

test('paths are cleaned without losing where they lead', () => {
  assert.equal(cleanPath('/a/./b//c/../d'), '/a/b/d');
  assert.equal(cleanPath('/../..'), '/');
  assert.equal(cleanPath('../../x'), '../../x');
  assert.equal(cleanPath(''), '.');
});

test('only what is surely inside a directory is inside', () => {
  assert.ok(isInside('/tmp/agent/x', ['/tmp/agent']));
  for (const path of ['/tmp/agent', '/tmp/agentx', '/tmp/agent/../x', 'tmp/agent/x', '/tmp/agent/.ssh/id_rsa']) {
    assert.ok(!isInside(path, ['/tmp/agent']), path);
  }
});
