// Host keys on disk: made once, sealed, each tied to its own endpoint; and what clients are told of them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EndpointConfig } from '../../src/config/config.ts';
import { describeKnownHosts } from '../../src/gateway/known-hosts.ts';
import { createSshKeys } from '../../src/gateway/ssh-keys.ts';
import { temporaryFolder } from '../support/temp.ts';

const storeKey = randomBytes(32);
const files = (stateDir: string): readonly string[] => readdirSync(join(stateDir, 'keys'));

test('an endpoint has one key, which is made once, kept sealed and read again', (t) => {
  const stateDir = temporaryFolder(t);
  let made = 0;
  const create = (): string => `secret-${(made += 1)}`;
  const keys = createSshKeys({ stateDir, storeKey });
  assert.equal(keys.hostKey('ssh.a', create), 'secret-1');
  assert.equal(keys.hostKey('ssh.a', create), 'secret-1');
  assert.equal(keys.hostKey('ssh.b', create), 'secret-2');
  assert.equal(createSshKeys({ stateDir, storeKey }).hostKey('ssh.a', create), 'secret-1');
  for (const name of files(stateDir)) {
    const path = join(stateDir, 'keys', name);
    assert.equal(readFileSync(path, 'latin1').includes('secret'), false);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }
});

test('a key opens with its own store key and under its own name only', (t) => {
  const stateDir = temporaryFolder(t);
  const keys = createSshKeys({ stateDir, storeKey });
  keys.hostKey('ssh.a', () => 'a');
  const [first = ''] = files(stateDir);
  keys.hostKey('ssh.b', () => 'b');
  const second = files(stateDir).find((name) => name !== first) ?? '';
  assert.throws(() => createSshKeys({ stateDir, storeKey: randomBytes(32) }).hostKey('ssh.a', () => 'x'), /store key/);
  copyFileSync(join(stateDir, 'keys', first), join(stateDir, 'keys', second));
  assert.throws(() => createSshKeys({ stateDir, storeKey }).hostKey('ssh.b', () => 'x'), /store key/);
});

test('what an upstream showed first is known by endpoint, host and port', (t) => {
  const keys = createSshKeys({ stateDir: temporaryFolder(t), storeKey });
  assert.equal(keys.findUpstreamKey('ssh.a', 'h:22'), null);
  keys.keepUpstreamKey('ssh.a', 'h:22', 'ssh-ed25519 AAAA');
  assert.equal(keys.findUpstreamKey('ssh.a', 'h:22'), 'ssh-ed25519 AAAA');
  assert.equal(keys.findUpstreamKey('ssh.a', 'h:23'), null);
  assert.equal(keys.findUpstreamKey('ssh.b', 'h:22'), null);
});

test('clients are told the names under which an endpoint is reached, as known_hosts writes them', (t) => {
  const keys = createSshKeys({ stateDir: temporaryFolder(t), storeKey });
  const endpoint = (listen: { host: string; port: number } | null): EndpointConfig =>
    ({
      type: 'ssh',
      ref: 'ssh.a',
      listen,
      hosts: [
        { host: 'a.example', port: 22, wildcard: false },
        { host: 'b.example', port: 2222, wildcard: false },
      ],
    }) as unknown as EndpointConfig;
  const names = (listen: { host: string; port: number } | null): readonly string[] =>
    describeKnownHosts([endpoint(listen)], { keys, boundPort: () => 4022 })[0]?.names ?? [];
  assert.deepEqual(names(null), ['a.example', '[b.example]:2222']);
  assert.deepEqual(names({ host: '127.0.0.1', port: 0 }), ['[127.0.0.1]:4022', 'a.example', '[b.example]:2222']);
  assert.deepEqual(names({ host: '0.0.0.0', port: 4022 })[0], '[*]:4022');
  assert.deepEqual(describeKnownHosts([{ ...endpoint(null), type: 'https' }], { keys, boundPort: () => null }), []);
});
