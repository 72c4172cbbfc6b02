// What the kernel lets arrive of the devices' connections follows from the configuration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findArriving } from '../../../src/gateway/tunnel/gate-ports.ts';
import { layOut } from '../../../src/gateway/tunnel/layout.ts';
import { writeRuleset } from '../../../src/gateway/tunnel/ruleset.ts';
import { makeConfig } from '../../support/gate-parts.ts';

const LAYOUT = layOut({ subnetCidr: '10.77.0.0/24', listenPort: 51_820, interfaceName: 'clawpatrol0', mtu: 1420 });
const PORTS = { tcp4: 1001, tcp6: 1002, dns: 1003 };

function arrivingOf(unknownHost: 'deny' | 'passthrough') {
  const config = makeConfig();
  const [endpoint] = config.endpoints;
  assert.ok(endpoint !== undefined);
  const host = (name: string, port: number) => ({ host: name, port, wildcard: name.startsWith('*.') });
  return findArriving({
    ...config,
    gateway: { ...config.gateway, vipSubnets: ['10.78.0.0/16', 'fd78::/64'] },
    defaults: { ...config.defaults, unknownHost },
    endpoints: [
      {
        ...endpoint,
        family: 'sql',
        hosts: [host('db.test', 5432), host('192.0.2.4', 5433), host('2001:db8::4', 5434)],
      },
      { ...endpoint, family: 'http', hosts: [host('*.api.test', 443), host('api.test', 8443)] },
    ],
  });
}

test('declared ports of names, declared addresses, and ports where a server name may tell (TR-01)', () => {
  const arriving = arrivingOf('deny');
  assert.deepEqual(arriving, {
    anywhere: [53, 443, 8443],
    virtual: [
      { version: 4, network: '10.78.0.0/16' },
      { version: 6, network: 'fd78::/64' },
    ],
    virtualPorts: [443, 5432, 8443],
    addresses: [
      { version: 4, ip: '10.78.255.254', port: null },
      { version: 6, ip: 'fd78::fffe', port: null },
      { version: 4, ip: '192.0.2.4', port: 5433 },
      { version: 6, ip: '2001:db8::4', port: 5434 },
    ],
  });
  const rules = writeRuleset(LAYOUT, PORTS, arriving);
  const chain =
    /chain arriving \{\n([^}]*?\n)  \}\n  chain catch/s.exec(rules.replaceAll(/\{ ([^{}\n]+) \}/g, '<$1>'))?.[1] ?? '';
  assert.deepEqual(chain.trim().split(/\n +/).slice(0, 3), [
    'tcp dport <53, 443, 8443> return',
    'ip daddr 10.78.0.0/16 tcp dport <443, 5432, 8443> return',
    'ip6 daddr fd78::/64 tcp dport <443, 5432, 8443> return',
  ]);
  assert.match(chain, /ip daddr 192\.0\.2\.4 tcp dport 5433 return/);
  assert.match(chain, /log group \d+ snaplen \d+\n +meta l4proto tcp reject with tcp reset\n$/);
});

test('where what is not declared may pass, everything arrives', () => {
  assert.equal(arrivingOf('passthrough'), 'everything');
  assert.match(writeRuleset(LAYOUT, PORTS, 'everything'), /chain arriving \{\n    return\n  \}/);
});
