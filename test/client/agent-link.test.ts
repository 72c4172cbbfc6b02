// Which proxy leads to the gateway's own name, as programs read the environment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProxy } from '../../src/client/agent-link.ts';

const AT = 'http://10.0.0.1:3128';

test('the proxy of the environment is used unless the name is excepted', () => {
  for (const [env, host] of [
    [{}, null],
    [{ HTTPS_PROXY: '' }, null],
    [{ HTTPS_PROXY: AT }, '10.0.0.1:3128'],
    [{ https_proxy: '10.0.0.2:1', HTTPS_PROXY: AT }, '10.0.0.2:1'],
    [{ ALL_PROXY: AT }, '10.0.0.1:3128'],
    [{ HTTP_PROXY: AT }, null],
    [{ HTTPS_PROXY: AT, NO_PROXY: 'localhost,127.0.0.1' }, '10.0.0.1:3128'],
    [{ HTTPS_PROXY: AT, NO_PROXY: 'x.test, .internal' }, null],
    [{ HTTPS_PROXY: AT, no_proxy: '*' }, null],
    [{ HTTPS_PROXY: AT, no_proxy: 'clawpatrol.internal' }, null],
    [{ HTTPS_PROXY: AT, no_proxy: 'patrol.internal' }, '10.0.0.1:3128'],
  ] as const) {
    assert.equal(findProxy(env)?.host ?? null, host, JSON.stringify(env));
  }
  assert.throws(() => findProxy({ HTTPS_PROXY: 'socks5://x:1' }), /plain HTTP/);
  assert.throws(() => findProxy({ HTTPS_PROXY: 'http://[' }), /no URL/);
});
