// What routes a whole machine: lines for `ip`, the fence, and which sessions stay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findInbound, findUdpServices, readSshConnection } from '../../../src/client/machine/inbound.ts';
import {
  choosePriority,
  closedRoutesOf,
  openLines,
  readNetwork,
  rulesOf,
  type MachinePlan,
} from '../../../src/client/machine/plan.ts';
import { writeMachineRules } from '../../../src/client/machine/ruleset.ts';
import { unitText } from '../../../src/client/machine/unit.ts';

const PLAN: MachinePlan = {
  interfaceName: 'clawpatrol0',
  addresses: ['10.77.0.2', 'fdc1::2'],
  resolver: '10.77.0.1',
  mtu: 1420,
  gatewayKey: 'KEY',
  outer: { ip: '198.51.100.1', port: 51_820 },
  enrol: { ip: '2001:db8::1', port: 8444 },
  direct: ['192.168.0.0/16', 'fd00::/8'],
  inbound: [{ local: { ip: '192.0.2.7', port: 22 }, remote: { ip: '203.0.113.5', port: 50_000 } }],
  own: ['192.0.2.7'],
  priority: 100,
  v6: 'on',
  callerPorts: { low: 32_768, high: 60_999 },
  udpServices: [51_820],
};

function words(lines: ReturnType<typeof rulesOf>): readonly string[] {
  return lines.map(({ version, words: rest }) => `${version} ${rest.join(' ')}`);
}

test('what must not go through the tunnel is looked up before it, and only that', () => {
  const lines = words(rulesOf(PLAN));
  assert.deepEqual(lines.slice(0, -2), [
    '-4 pref 100 to 198.51.100.1 ipproto udp dport 51820 lookup main',
    '-6 pref 100 to 2001:db8::1 ipproto tcp dport 8444 uidrange 0-0 lookup main',
    '-4 pref 100 ipproto udp sport 68 dport 67 lookup main',
    '-4 pref 100 from 192.0.2.7 lookup main',
    '-4 pref 100 to 192.168.0.0/16 lookup main',
    '-6 pref 100 to fd00::/8 lookup main',
  ]);
  for (const line of lines.slice(-2)) {
    assert.match(line, /^-[46] pref 101 not fwmark 0x636d[0-9a-f]{4} lookup 6\d{5}$/);
  }
});

test('without IPv6 nothing of it is set up; with IPv6 switched off it leads nowhere', () => {
  assert.ok(words(rulesOf({ ...PLAN, v6: 'absent' })).every((line) => line.startsWith('-4')));
  assert.deepEqual(
    closedRoutesOf({ ...PLAN, v6: 'off' }).map(({ version }) => version),
    ['-4', '-6'],
  );
  assert.doesNotMatch(openLines({ ...PLAN, v6: 'off' }), /fdc1|::\/0/);
  assert.match(openLines(PLAN), /^address add fdc1::2\/128 dev clawpatrol0 nodad$/m);
  assert.match(openLines(PLAN), /^route add ::\/0 dev clawpatrol0 table 6\d{5}$/m);
});

test('our rules stand before every rule of the machine’s own', () => {
  for (const [taken, expected] of [
    [[0, 32_766, 32_767], 100],
    [[0, 5210, 32_766], 100],
    [[0, 50, 32_766], 48],
    [[0, 3], 1],
    [[0, 2], null],
  ] as const) {
    assert.equal(choosePriority(taken), expected, taken.join());
  }
});

test('a network is one of those, and everything is none', () => {
  for (const [text, expected] of [
    ['192.168.0.0/16', '192.168.0.0/16'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['fd00::1', 'fd00::1/128'],
    ['0.0.0.0/0', null],
    ['::/0', null],
    ['10.0.0.0/33', null],
    ['10.0.0.0/8/8', null],
    ['lan', null],
    ['10.0.0.0/8; drop', null],
  ] as const) {
    assert.equal(readNetwork(text), expected, text);
  }
});

test('sessions that others have opened are those at a port where somebody listens; loopback is none', () => {
  const text = `  sl  local_address rem_address   st tx_queue
   0: 00000000:0016 00000000:0000 0A 00000000:00000000
   1: 0700A8C0:0016 057100CB:C350 01 00000000:00000000
   2: 0700A8C0:9C40 08080808:01BB 01 00000000:00000000
   3: 0100007F:0016 0100007F:C350 01 00000000:00000000
   4: not a row
`;
  const v6 = `  sl  local_address rem_address   st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A
   1: B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:C350 01
   2: 0000000000000000FFFF00000700A8C0:1F90 0000000000000000FFFF0000057100CB:C351 01
`;
  assert.deepEqual(findInbound([text, v6]), [
    { local: { ip: '192.168.0.7', port: 22 }, remote: { ip: '203.0.113.5', port: 50_000 } },
    { local: { ip: '2001:db8:0:0:0:0:0:1', port: 8080 }, remote: { ip: '2001:db8:0:0:0:0:0:2', port: 50_000 } },
    { local: { ip: '192.168.0.7', port: 8080 }, remote: { ip: '203.0.113.5', port: 50_001 } },
  ]);
  assert.deepEqual(readSshConnection('203.0.113.5 50000 192.0.2.7 22'), {
    local: { ip: '192.0.2.7', port: 22 },
    remote: { ip: '203.0.113.5', port: 50_000 },
  });
  for (const bad of [undefined, '', 'a b c d', '203.0.113.5 50000 192.0.2.7', '203.0.113.5 0 192.0.2.7 22']) {
    assert.equal(readSshConnection(bad), null);
  }
});

test('of UDP those are waited for who root waits for, from anybody', () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
  10: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 0 2
  11: 00000000:D000 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 77 2
  12: 0700A8C0:D001 08080808:01BB 01 00000000:00000000 00:00000000 00000000     0        0 78 2
  13: 0100007F:D002 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 79 2
`;
  assert.deepEqual(findUdpServices([text, '']), [51_820]);
});

test('the fence ends in refusals, and names what may pass by family', () => {
  const text = writeMachineRules(PLAN);
  assert.match(text, /elements = \{ 192\.0\.2\.7 \. 22 \. 203\.0\.113\.5 \. 50000 \}/);
  assert.match(text, /ip daddr 198\.51\.100\.1 udp dport 51820 accept/);
  assert.match(text, /ip6 daddr 2001:db8::1 tcp dport 8444 meta skuid 0 accept/);
  assert.match(text, /elements = \{ fd00::\/8 \}/);
  assert.match(text, /set services \{ type inet_service; elements = \{ 51820 \}; \}/);
  const outward = text.slice(text.indexOf('chain outward'), text.indexOf('chain inward'));
  assert.match(outward.trimEnd(), /reject with icmpx type admin-prohibited\n {2}\}$/);
});

test('words of the unit stay words, whatever the folders are called', () => {
  const text = unitText({ node: '/opt/my node/bin', main: '/a"b', home: '/home/x', caDir: '/100%/$HOME' });
  assert.match(text, /^ExecStart="\/opt\/my node\/bin" "\/a\\"b" "join" "--resume" "--ca-dir" "\/100%%\/\$\$HOME"$/m);
});
