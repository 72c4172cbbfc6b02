import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leafNames } from '../../../src/gateway/arriving/endpoint-names.ts';
import { createLive } from '../../../src/gateway/live.ts';
import { createRoutes, findEndpoint } from '../../../src/gateway/arriving/routing.ts';
import { ENDPOINT, makeConfig } from '../../support/gate-parts.ts';

const POLICY = {
  revision: 'r',
  ruleSet: () => {
    throw new Error('no rules here');
  },
};

test('a listener is known by its address, so that it can move between endpoints', () => {
  const other = { ...ENDPOINT, name: 'other', ref: 'postgres.other' };
  const listen = { host: '127.0.0.1', port: 15432 };
  const first = createRoutes(createLive(makeConfig({ endpoints: [{ ...ENDPOINT, listen }] }), POLICY));
  const second = createRoutes(createLive(makeConfig({ endpoints: [{ ...other, listen }] }), POLICY));
  assert.deepEqual([...first.keys()], [...second.keys()]);
  const way = second.get('127.0.0.1:15432');
  assert.equal(way?.kind === 'endpoint' && way.endpoint.ref, 'postgres.other');
});

test('listeners on any free port are one for each endpoint, and endpoints without one have none', () => {
  const endpoints = [
    ENDPOINT,
    { ...ENDPOINT, name: 'two', ref: 'postgres.two' },
    { ...ENDPOINT, name: 'three', ref: 'postgres.three', listen: null, profile: null },
  ];
  assert.equal(createRoutes(createLive(makeConfig({ endpoints }), POLICY)).size, 2);
});

test('a profile reaches an endpoint only through a credential that is bound to it', () => {
  const live = createLive(makeConfig(), POLICY);
  assert.equal(live.reaches('default', 'postgres.pg'), true);
  assert.equal(live.reaches('default', 'postgres.other'), false);
  assert.equal(live.reaches('other', 'postgres.pg'), false);
  assert.equal(createLive(makeConfig({ credentials: [] }), POLICY).reaches('default', 'postgres.pg'), false);
});

test('the leaf names the hosts, the address, and localhost; never a wildcard address', () => {
  const named = { ...ENDPOINT, hosts: [{ host: 'db.example', port: 5432, wildcard: false }] };
  const cases: [string, readonly string[]][] = [
    ['192.0.2.1', ['db.example', '192.0.2.1', 'localhost', '127.0.0.1', '::1']],
    ['0.0.0.0', ['db.example', 'localhost', '127.0.0.1', '::1']],
    ['127.0.0.1', ['db.example', '127.0.0.1', 'localhost', '::1']],
  ];
  for (const [host, expected] of cases) {
    assert.deepEqual(leafNames({ ...named, listen: { host, port: 1 } }), expected);
  }
});

test('PG-T02: a destination belongs to the closest endpoint of the profile, and to none that only looks alike', () => {
  const at = (name: string, ...hosts: readonly string[]) => ({
    ...ENDPOINT,
    name,
    ref: `postgres.${name}`,
    hosts: hosts.map((host) => ({ host, port: 443, wildcard: host.startsWith('*.') })),
  });
  const endpoints = [
    at('any', '*.example.com'),
    at('deep', '*.eu.example.com'),
    at('pg', 'api.example.com', '192.0.2.7'),
    at('unreached', 'other.example.org'),
  ];
  const [credential] = makeConfig().credentials;
  assert.ok(credential !== undefined);
  const bound = { ...credential, endpoints: ['postgres.any', 'postgres.deep', 'postgres.pg'] };
  const live = createLive(makeConfig({ endpoints, credentials: [bound] }), POLICY);
  const cases: [string, number, string | null][] = [
    ['api.example.com', 443, 'pg'],
    ['192.0.2.7', 443, 'pg'],
    ['a.example.com', 443, 'any'],
    ['a.b.example.com', 443, 'any'],
    ['a.eu.example.com', 443, 'deep'],
    ['eu.example.com', 443, 'any'],
    ['example.com', 443, null],
    ['evilexample.com', 443, null],
    ['api.example.com', 8443, null],
    ['other.example.org', 443, null],
  ];
  for (const [host, port, expected] of cases) {
    assert.equal(findEndpoint(live, 'default', { host, port })?.name ?? null, expected, `${host}:${port}`);
  }
  assert.equal(findEndpoint(live, 'nobody', { host: 'api.example.com', port: 443 }), null);
});

test('CP-15: a profile that the configuration does not have reaches nothing, though another would', () => {
  const hosts = [{ host: 'db.example', port: 5432, wildcard: false }];
  const live = createLive(makeConfig({ endpoints: [{ ...ENDPOINT, hosts }] }), POLICY);
  const target = { host: 'db.example', port: 5432 };
  assert.equal(findEndpoint(live, 'default', target)?.ref, 'postgres.pg');
  for (const profile of ['gone', '', 'Default', 'default ', '*', 'constructor', '__proto__']) {
    assert.equal(findEndpoint(live, profile, target), null, profile);
    assert.equal(live.reaches(profile, 'postgres.pg'), false, profile);
  }
});
