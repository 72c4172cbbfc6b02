// What `clawpatrol kubeconfig` tells kubectl to dial.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AttributeValue, Config, EndpointConfig } from '../../src/config/config.ts';
import { kubernetesAddress } from '../../src/dashboard/shapes.ts';

type Endpoint = Pick<EndpointConfig, 'listen' | 'listenTls' | 'hosts'>;

const NO_ATTRIBUTES: Readonly<Record<string, AttributeValue>> = {};
const PROD: Endpoint = {
  listen: null,
  listenTls: 'auto',
  hosts: [{ host: 'k8s.example', port: 6443, wildcard: false }],
};
const NOTHING = { proxy: null, wireguard: null, tailscale: null };
const PROXY = { listen: { host: '127.0.0.1', port: 3128 } } as Config['gateway']['proxy'];

test('kubectl dials the listener, else the server’s own name through the tunnel, else by the proxy', () => {
  const cases: readonly (readonly [Partial<Endpoint>, Partial<Config['gateway']>, string | null, string])[] = [
    [{ listen: { host: '0.0.0.0', port: 16443 } }, { wireguard: NO_ATTRIBUTES }, 'https://localhost:16443', ''],
    [{ listen: { host: '127.0.0.1', port: 80 }, listenTls: 'off' }, {}, 'http://127.0.0.1:80', ''],
    [{}, { wireguard: NO_ATTRIBUTES, proxy: PROXY }, 'https://k8s.example:6443', ''],
    [{}, { tailscale: NO_ATTRIBUTES }, 'https://k8s.example:6443', ''],
    [{}, { proxy: PROXY }, 'https://k8s.example:6443', 'http://127.0.0.1:3128'],
    [{}, {}, null, ''],
    [{ hosts: [{ host: 'example', port: 443, wildcard: true }] }, { wireguard: NO_ATTRIBUTES }, null, ''],
  ];
  for (const [endpoint, gateway, server, proxyUrl] of cases) {
    const found = kubernetesAddress({ ...PROD, ...endpoint }, { ...NOTHING, ...gateway });
    assert.deepEqual(found, server === null ? null : { server, proxy_url: proxyUrl });
  }
});
