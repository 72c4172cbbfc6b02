// The API server's own reading of method, path and query. The first table is kube-apiserver's own (requestinfo_test.go).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paramsOf } from '../../../src/protocols/kubernetes/query.ts';
import { readTarget } from '../../../src/protocols/kubernetes/request.ts';
import type { Target } from '../../../src/protocols/kubernetes/request.ts';
import { Unknown } from '../../../src/rules/action.ts';
import { requestOf } from '../../support/kubernetes.ts';
import type { RequestOptions } from '../../support/kubernetes.ts';

/** `verb group/version namespace resource/subresource name`, `-` for "". */
function shown(target: Target): string {
  const or = (text: string): string => (text === '' ? '-' : text);
  const resource = target.subresource === '' ? target.resource : `${target.resource}/${target.subresource}`;
  return [target.verb, or(target.group), or(target.version), or(target.namespace), or(resource), or(target.name)].join(
    ' ',
  );
}

function read(line: string, options: RequestOptions = {}): string {
  const reading = readTarget(requestOf(line, options));
  return reading.kind === 'target' ? shown(reading.target) : 'refused';
}

function check(table: readonly (readonly [string, string])[]): void {
  assert.deepEqual(
    table.map(([line]) => [line, read(line)]),
    table.map(([line, want]) => [line, want]),
  );
}

test('resource requests are read as kube-apiserver reads them', () => {
  check([
    ['GET /api/v1/namespaces', 'list - v1 - namespaces -'],
    ['GET /api/v1/namespaces/other', 'get - v1 other namespaces other'],
    ['GET /api/v1/namespaces/other/pods', 'list - v1 other pods -'],
    ['GET /api/v1/namespaces/other/pods/foo', 'get - v1 other pods foo'],
    ['HEAD /api/v1/namespaces/other/pods/foo', 'get - v1 other pods foo'],
    ['GET /api/v1/pods', 'list - v1 - pods -'],
    ['HEAD /api/v1/pods', 'list - v1 - pods -'],
    ['GET /api/v1/watch/pods', 'watch - v1 - pods -'],
    ['GET /api/v1/pods?watch=true', 'watch - v1 - pods -'],
    ['GET /api/v1/pods?watch=false', 'list - v1 - pods -'],
    ['GET /api/v1/watch/namespaces/other/pods', 'watch - v1 other pods -'],
    ['GET /api/v1/namespaces/other/pods?watch=1', 'watch - v1 other pods -'],
    ['GET /api/v1/namespaces/other/pods?watch=0', 'list - v1 other pods -'],
    ['GET /api/v1/namespaces/other/pods/foo/status', 'get - v1 other pods/status foo'],
    ['PUT /api/v1/namespaces/other/finalize', 'update - v1 other namespaces/finalize other'],
    ['PUT /api/v1/namespaces/other/status', 'update - v1 other namespaces/status other'],
    ['PATCH /api/v1/namespaces/other/pods/foo', 'patch - v1 other pods foo'],
    ['DELETE /api/v1/namespaces/other/pods/foo', 'delete - v1 other pods foo'],
    ['POST /api/v1/namespaces/other/pods', 'create - v1 other pods -'],
    ['DELETE /api/v1/nodes', 'deletecollection - v1 - nodes -'],
    ['DELETE /api/v1/namespaces', 'deletecollection - v1 - namespaces -'],
    ['DELETE /api/v1/namespaces/other/pods', 'deletecollection - v1 other pods -'],
    ['DELETE /apis/extensions/v1/namespaces/other/pods', 'deletecollection extensions v1 other pods -'],
    ['POST /apis/extensions/v1/namespaces/other/pods', 'create extensions v1 other pods -'],
    ['POST /apis/extensions/v1beta3/namespaces/other/pods', 'create extensions v1beta3 other pods -'],
    ['GET /api/version/resource', 'list - version - resource -'],
    ['GET /apis/group/version/resource/name/subresource', 'get group version - resource/subresource name'],
    ['GET /apis/batch/v1/job/foo/scale', 'get batch v1 - job/scale foo'],
  ]);
});

test('a field selector names the object as the server takes it, and the request stays a list or watch', () => {
  check([
    ['GET /apis/group/version/resource', 'list group version - resource -'],
    ['GET /apis/group/version/resource?fieldSelector=metadata.name=name1', 'list group version - resource name1'],
    ['GET /apis/group/version/resource?fieldSelector=metadata.name%3D%3Dname1', 'list group version - resource name1'],
    [
      'GET /apis/group/version/resource?watch=true&fieldSelector=metadata.name=name1',
      'watch group version - resource name1',
    ],
    ['GET /apis/group/version/resource?fieldSelector=foo=bar&labelSelector=baz=qux', 'list group version - resource -'],
    ['GET /apis/group/version/resource?fieldSelector=metadata.name=name1,foo', 'list group version - resource -'],
    [
      'GET /apis/group/version/resource?fieldSelector=metadata.name=name1,foo&watch=true',
      'watch group version - resource -',
    ],
    ['DELETE /apis/group/version/resource?fieldSelector=foo=bar', 'deletecollection group version - resource -'],
    [
      'GET /apis/group/version/resource?fieldSelector=metadata.name=foo&fieldSelector=metadata.name=bar',
      'list group version - resource foo',
    ],
    ['GET /apis/group/version/resource/name?fieldSelector=foo=bar', 'get group version - resource name'],
    ['GET /apis/group/version/watch/resource?fieldSelector=metadata.name=foo', 'watch group version - resource -'],
    [
      'GET /apis/group/version/watch/resource/name?fieldSelector=metadata.name=foo',
      'watch group version - resource name',
    ],
    ['GET /api/v1/secrets?fieldSelector=metadata.name!=s', 'list - v1 - secrets -'],
  ]);
});

test('K8-01, K8-02: what the server serves as a connection is connect, whatever the method', () => {
  check([
    ['GET /api/v1/namespaces/d/pods/p/exec?command=sh', 'connect - v1 d pods/exec p'],
    ['POST /api/v1/namespaces/d/pods/p/exec?command=sh', 'connect - v1 d pods/exec p'],
    ['POST /api/v1/namespaces/d/pods/p/attach', 'connect - v1 d pods/attach p'],
    ['GET /api/v1/namespaces/d/pods/p/portforward', 'connect - v1 d pods/portforward p'],
    ['DELETE /api/v1/namespaces/d/pods/p/proxy/x', 'connect - v1 d pods/proxy p'],
    ['GET /api/v1/namespaces/d/services/s:80/proxy/admin', 'connect - v1 d services/proxy s:80'],
    ['POST /api/v1/nodes/n/proxy/exec/d/p/c?cmd=id', 'connect - v1 - nodes/proxy n'],
    ['GET /api/v1/proxy/nodes/n/logs', 'connect - v1 - nodes/proxy n'],
    ['GET /api/v1/proxy/namespaces/other/pods/foo/subpath/not/a/subresource', 'connect - v1 other pods/proxy foo'],
    // Twins: the same resources read as objects.
    ['GET /api/v1/namespaces/d/pods/p/log?follow=true', 'get - v1 d pods/log p'],
    ['GET /api/v1/nodes/n', 'get - v1 - nodes n'],
  ]);
});

test('what is asked of a proxied server is kept raw, and cannot climb out', () => {
  const proxied = (line: string): string => {
    const reading = readTarget(requestOf(line));
    return reading.kind === 'target' ? reading.target.proxyPath : 'refused';
  };
  assert.equal(proxied('GET /api/v1/namespaces/d/services/s:80/proxy/a//b%2fc;x/'), 'a//b%2fc;x/');
  assert.equal(proxied('GET /api/v1/nodes/n/proxy/logs/'), 'logs/');
  assert.equal(proxied('GET /api/v1/nodes/n/proxy'), '');
  // However the words before it are escaped.
  for (const path of ['nodes/n/prox%79/logs/a', 'n%6fdes/n/proxy/logs/a', '%6eamespaces/d/p%6fds/p/proxy/logs/a']) {
    assert.equal(proxied(`GET /api/v1/${path}`), 'logs/a', path);
  }
  assert.equal(proxied('GET /%61pi/v1/namespaces/d/services/s/proxy/logs/a'), 'logs/a');
  for (const path of ['../../../secrets', 'a/%2e%2E/b', 'x/..%2f..', '..;/x', '.', '..\\x']) {
    assert.equal(proxied(`GET /api/v1/nodes/n/proxy/${path}`), 'refused', path);
  }
});

test('K8-03, K8-04: the watch prefix and every spelling of the watch parameter', () => {
  check([
    ['GET /api/v1/watch/secrets', 'watch - v1 - secrets -'],
    ['GET /api/v1/watch/namespaces/d/secrets', 'watch - v1 d secrets -'],
    ['GET /api/v1/watch/namespaces/d/secrets/s', 'watch - v1 d secrets s'],
    ['DELETE /api/v1/watch/namespaces/d/secrets/s', 'refused'],
    ['HEAD /api/v1/watch/secrets', 'refused'],
    ['GET /api/v1/watch', 'refused'],
    ['GET /api/v1/secrets?watch=1', 'watch - v1 - secrets -'],
    ['GET /api/v1/secrets?watch=', 'watch - v1 - secrets -'],
    ['GET /api/v1/secrets?watch', 'watch - v1 - secrets -'],
    ['GET /api/v1/secrets?watch=t', 'watch - v1 - secrets -'],
    ['GET /api/v1/secrets?watch=True', 'watch - v1 - secrets -'],
    ['GET /api/v1/secrets?watch=False', 'list - v1 - secrets -'],
    ['GET /api/v1/secrets?watch=0&watch=1', 'list - v1 - secrets -'],
    ['GET /api/v1/secrets?Watch=1', 'list - v1 - secrets -'],
    ['GET /api/v1/namespaces/d/secrets/s?watch=1', 'get - v1 d secrets s'],
  ]);
});

test('K8-05: a path that is not canonical is refused', () => {
  const lines = [
    '/api/v1//namespaces/d/secrets',
    '/api//v1/namespaces/d/secrets',
    '//api/v1/secrets',
    '/api/v1/namespaces/dev/../d/secrets',
    '/api/v1/namespaces/./d/secrets',
    '/api/v1/namespaces/%2e%2e/d/secrets',
    '/api/v1/namespaces/d%2Fsecrets',
    '/api/v1/namespaces/d%5Csecrets',
    '/api/v1/namespaces/d\\secrets',
    '/api/v1/namespaces/d/secrets%00',
    '/api/v1/namespaces/d/secrets%0a',
    '/api/v1/namespaces/d/%2573ecrets',
    '/api/v1/namespaces/d/%zz',
    '/api/v1/namespaces/d/%ff',
    '/openapi/../api/v1/secrets',
    '/API/v1/secrets',
    '/api/v1/secrets/',
    '/api/v1/namespaces/d/secrets;x',
    '/api/v1/secrets?a;b=1',
    '/api/v1/secrets?a=%zz',
    '/api/v1/secrets?a=%ff',
    `/api/v1/${'a'.repeat(9000)}`,
    '',
    'api/v1/secrets',
    '*',
  ];
  assert.deepEqual(
    lines.filter((line) => read(`GET ${line}`) !== 'refused'),
    [],
  );
  check([
    ['GET /api/v1/namespaces/d/%73ecrets', 'list - v1 d secrets -'],
    ['GET /api/v1/namespaces/d/secrets', 'list - v1 d secrets -'],
  ]);
});

test('K8-06, K8-33: other methods, overrides and a GET with a body are refused', () => {
  check([
    ['OPTIONS /api/v1/namespaces/d/secrets/s', 'refused'],
    ['get /api/v1/pods', 'refused'],
    ['TRACE /api/v1/pods', 'refused'],
    ['CUSTOM /api/v1/pods', 'refused'],
    ['POST /api/v1/pods?_method=GET', 'refused'],
  ]);
  const post = 'POST /api/v1/namespaces/d/pods';
  for (const name of ['X-HTTP-Method-Override', 'x-http-method', 'X-METHOD-OVERRIDE']) {
    assert.equal(read(post, { headers: { [name]: 'GET' } }), 'refused', name);
  }
  assert.equal(read(post, { headers: { 'X-Other': 'GET' } }), 'create - v1 d pods -');
  assert.equal(read('GET /api/v1/pods', { body: '{}' }), 'refused');
  assert.equal(read('DELETE /api/v1/namespaces/d/pods/p', { body: '{}' }), 'delete - v1 d pods p');
});

test('K8-15: impersonation by the agent is refused, in any case', () => {
  for (const name of [
    'Impersonate-User',
    'Impersonate-Group',
    'Impersonate-Uid',
    'impersonate-extra-x',
    'IMPERSONATE-USER',
  ]) {
    assert.equal(read('GET /api/v1/pods', { headers: { [name]: 'admin' } }), 'refused', name);
  }
  assert.equal(read('GET /api/v1/pods', { headers: { 'X-Impersonate': 'admin' } }), 'list - v1 - pods -');
});

test('K8-17, MP-25: discovery and health are meta, and every other path is refused', () => {
  const meta = [
    '/api',
    '/apis',
    '/api/',
    '/apis/',
    '/api/v1',
    '/apis/apps',
    '/apis/apps/v1',
    '/version',
    '/version/',
    '/version?timeout=5s',
    '/healthz',
    '/livez',
    '/livez/ping',
    '/readyz?verbose',
    '/openapi/v2',
    '/openapi/v3',
    '/openapi/v3/apis/apps/v1?hash=ABC',
    '/metrics',
    '/.well-known/openid-configuration',
    '/openid/v1/jwks',
  ];
  assert.deepEqual(
    meta.filter((path) => read(`GET ${path}`) !== 'meta - - - - -'),
    [],
  );
  const others = [
    '/',
    '/logs/',
    '/logs',
    '/debug/pprof/heap',
    '/ui',
    '/swagger.json',
    '/apiss/v1',
    '/versions',
    '/openapi',
  ];
  assert.deepEqual(
    others.filter((path) => read(`GET ${path}`) !== 'refused'),
    [],
  );
  check([
    ['PUT /debug/flags/v', 'refused'],
    ['POST /apis/x/y', 'refused'],
    ['POST /version', 'refused'],
    ['HEAD /version', 'meta - - - - -'],
  ]);
});

test('K8-07, K8-08, K8-09: deletes and subresources are what they are', () => {
  check([
    ['DELETE /api/v1/namespaces/prod', 'delete - v1 prod namespaces prod'],
    ['DELETE /api/v1/namespaces/d/pods', 'deletecollection - v1 d pods -'],
    ['PUT /api/v1/namespaces/x/finalize', 'update - v1 x namespaces/finalize x'],
    ['PATCH /api/v1/namespaces/d/pods/p/ephemeralcontainers', 'patch - v1 d pods/ephemeralcontainers p'],
    ['POST /api/v1/namespaces/d/pods/p/eviction', 'create - v1 d pods/eviction p'],
    ['PUT /apis/apps/v1/namespaces/d/deployments/w/scale', 'update apps v1 d deployments/scale w'],
    ['POST /api/v1/namespaces/d/serviceaccounts/s/token', 'create - v1 d serviceaccounts/token s'],
    ['POST /api/v1/namespaces/d/pods/p/binding', 'create - v1 d pods/binding p'],
    [
      'PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/c/approval',
      'update certificates.k8s.io v1 - certificatesigningrequests/approval c',
    ],
  ]);
});

test('K8-10, K8-11, K8-12: parameters are read as the server reads scalars', () => {
  const params = (query: string): unknown => {
    const reading = readTarget(requestOf(`GET /api/v1/namespaces/d/pods/p/exec?${query}`));
    assert.equal(reading.kind, 'target');
    return Object.fromEntries(
      [...paramsOf(reading.target.query, true)].map(([key, value]) => [
        key,
        value instanceof Unknown ? `unknown:${value.cause}` : value,
      ]),
    );
  };
  assert.deepEqual(params('stdin=1'), { stdin: 'true', tty: 'false' });
  assert.deepEqual(params('stdin='), { stdin: 'true', tty: 'false' });
  assert.deepEqual(params('stdin=yes&tty=FALSE'), { stdin: 'true', tty: 'false' });
  assert.deepEqual(params('container=a+b%2B'), { stdin: 'false', tty: 'false', container: 'a b+' });
  assert.deepEqual(params('stdin=false&stdin=true'), { stdin: 'unknown:ambiguous', tty: 'false' });
  assert.deepEqual(params('command=ls&command=-c'), { stdin: 'false', tty: 'false', command: 'unknown:ambiguous' });
  assert.deepEqual(params('command=ls'), { stdin: 'false', tty: 'false', command: 'ls' });
  assert.deepEqual(params('a=b=c&&d'), { stdin: 'false', tty: 'false', a: 'b=c', d: '' });
});
