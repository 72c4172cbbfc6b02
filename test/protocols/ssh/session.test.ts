// The connection layer between two recorded peers: what is judged, what goes on, in which order answers come, and how much is held.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SshRequest } from '../../../src/protocols/ssh/request.ts';
import { writeFields } from '../../../src/protocols/ssh/wire.ts';
import { createSshWorld, type SshWorld } from '../../support/ssh-session-world.ts';

const all = (): 'allow' => 'allow';
const none = (): 'deny' => 'deny';
const exec = (world: SshWorld, command: string): void => world.request('exec', [{ string: command }]);
const PTY = [
  { string: 'xterm' },
  { uint32: 80 },
  { uint32: 24 },
  { uint32: 0 },
  { uint32: 0 },
  { string: Buffer.of(0) },
] as const;

test('an allowed program is asked for upstream byte for byte, and its streams, status and end come back in order', () => {
  const world = createSshWorld(all);
  world.open();
  exec(world, 'uptime');
  assert.deepEqual(world.sent(), ['upstream request 200 exec ?']);
  world.from('upstream', { kind: 'success', channel: 0 });
  world.data('client', 0, 'in');
  world.from('client', { kind: 'eof', channel: 0 });
  world.data('upstream', 0, 'out');
  const status = writeFields([{ uint32: 3 }]);
  world.from('upstream', { kind: 'request', channel: 0, name: 'exit-status', wantReply: false, data: status });
  world.from('upstream', { kind: 'eof', channel: 0 });
  world.from('upstream', { kind: 'close', channel: 0 });
  assert.deepEqual(world.sent(), [
    'client success 100',
    'upstream data 200 in',
    'upstream eof 200',
    'client data 100 out',
    'client request 100 exit-status',
    'client eof 100',
    'upstream close 200',
    'client close 100',
  ]);
  assert.deepEqual(
    world.settled.map(({ outcome }) => [outcome.kind, outcome.status, outcome.bytesToClient]),
    [['ok', 'exit 3', 3]],
  );
  world.from('client', { kind: 'close', channel: 0 });
  assert.equal(world.session.idle, true);
});

test('a denied program is told on stderr and by status 126; nothing of it reaches the upstream but the end of its channel', () => {
  const world = createSshWorld(none);
  world.open();
  exec(world, 'rm x');
  const sent = world.sent();
  assert.deepEqual(
    sent.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['client success', 'upstream close', 'client stderr', 'client request', 'client eof', 'client close'],
  );
  assert.match(sent[2] ?? '', /^client stderr 100 clawpatrol: denied by rule "no": not this \(action [0-9a-f]+\)\r\n$/);
  assert.equal(world.find('client', 'request')?.data.readUInt32BE(0), 126);
});

test('SH-16: a terminal is refused for itself, and the command beside it judged for itself', () => {
  const world = createSshWorld((request) => (request.verb === 'pty' ? 'deny' : 'allow'));
  world.open();
  world.request('pty-req', PTY);
  exec(world, 'ls');
  assert.deepEqual(world.sent(), ['client failure 100', 'upstream request 200 exec ?']);
  assert.equal(world.asked[1]?.request.pty, false);
  const granted = createSshWorld(all);
  granted.open();
  granted.request('pty-req', PTY);
  exec(granted, 'ls');
  assert.equal(granted.asked[1]?.request.pty, true);
});

test('answers come in the order of the requests, whatever is known first', () => {
  const world = createSshWorld((request) => (request.verb === 'exec' ? 'deny' : 'allow'));
  world.open();
  world.request('pty-req', PTY);
  exec(world, 'rm');
  assert.deepEqual(world.sent(), ['upstream request 200 pty-req ?', 'upstream close 200']);
  world.from('upstream', { kind: 'success', channel: 0 });
  assert.deepEqual(
    world.sent().map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['client success', 'client success', 'client stderr', 'client request', 'client eof', 'client close'],
  );
});

test('SH-19, SH-21, SS-05: one program a channel: whatever asks for a second is refused, and the first goes on', () => {
  const starts = [
    ['exec', [{ string: 'ls' }]],
    ['shell', []],
    ['subsystem', [{ string: 'sftp' }]],
  ] as const;
  for (const [first, firstFields] of starts) {
    for (const [second, secondFields] of starts) {
      const world = createSshWorld(all);
      world.open();
      world.request(first, firstFields);
      world.request(second, secondFields);
      world.from('upstream', { kind: 'success', channel: 0 });
      assert.deepEqual(
        world.sent().filter((line) => !line.includes('adjust')),
        [`upstream request 200 ${first} ?`, 'client success 100', 'client failure 100'],
        `${first} ${second}`,
      );
      assert.equal(world.asked.length, 1);
    }
  }
});

test('SH-20: data before a program is asked for, and after its end, is for none', () => {
  const world = createSshWorld(all);
  world.open();
  world.data('client', 0, 'early');
  exec(world, 'sh');
  world.from('upstream', { kind: 'success', channel: 0 });
  world.data('client', 0, 'in time');
  world.from('client', { kind: 'eof', channel: 0 });
  world.data('client', 0, 'late');
  const data = world.sent().filter((line) => line.startsWith('upstream data'));
  assert.deepEqual(data, ['upstream data 200 in time']);
});

test('SS-03: what comes with the request waits until the program runs, and then comes in order', () => {
  const world = createSshWorld((request) => (request.verb === 'exec' ? 'park' : 'allow'));
  world.open();
  exec(world, 'cat');
  world.data('client', 0, 'one ');
  world.data('client', 0, 'two');
  world.from('client', { kind: 'eof', channel: 0 });
  assert.match(world.sent().join('\n'), /^client success 100\nclient stderr 100 clawpatrol: waiting for oncall/);
  world.asked[0]?.answer('allow');
  assert.deepEqual(world.sent(), ['upstream request 200 exec ?']);
  world.from('upstream', { kind: 'success', channel: 0 });
  assert.deepEqual(world.sent(), ['upstream data 200 one two', 'upstream eof 200']);
});

test('SH-43: a request whose client is gone is withdrawn', () => {
  for (const gone of ['close', 'lost'] as const) {
    const world = createSshWorld(() => 'park');
    world.open();
    exec(world, 'rm');
    if (gone === 'close') {
      world.from('client', { kind: 'close', channel: 0 });
    } else {
      world.session.lost();
    }
    assert.equal(world.asked[0]?.withdrawn, true, gone);
    assert.equal(
      world.sent().some((line) => line.includes('exec')),
      false,
    );
  }
});

test('SH-17, SH-18, SS-05: stdin is held to its end, its cap or the timeout, and judged as what it is', async () => {
  const stdins: readonly (readonly [name: string, run: (world: SshWorld) => void | Promise<void>, kind: string])[] = [
    ['ended', (world) => world.from('client', { kind: 'eof', channel: 0 }), 'whole'],
    ['silent', (world) => world.clock.advance(10_001), 'cut'],
    [
      'at the cap',
      (world) => {
        world.data('client', 0, Buffer.alloc(1000));
        world.from('client', { kind: 'eof', channel: 0 });
      },
      'whole',
    ],
    ['over the cap', (world) => world.data('client', 0, Buffer.alloc(1001)), 'cut'],
  ];
  for (const [name, run, kind] of stdins) {
    const world = createSshWorld(all, { holdStdin: true });
    world.open();
    exec(world, 'bash');
    assert.equal(world.asked.length, 0, name);
    assert.match(world.sent().join('\n'), /client success 100/, name);
    await run(world);
    const request = world.asked[0]?.request as Extract<SshRequest, { verb: 'exec' }>;
    assert.equal(request.stdin.kind, kind, name);
  }
});

test('SH-22, SH-24: channels that nobody may open are refused in the words of the protocol', () => {
  const to = (host: string, port: number): Buffer =>
    writeFields([{ string: host }, { uint32: port }, { string: '127.0.0.1' }, { uint32: 1 }]);
  const cases: readonly (readonly [type: string, data: Buffer, answer: RegExp])[] = [
    ['direct-tcpip', to('db.example', 5432), /^client open-failure 7 1 administratively prohibited/],
    ['direct-tcpip', to('db.example', 0), /^client open-failure 7 1 /],
    ['direct-tcpip', to('db.example', 70_000), /^client open-failure 7 1 /],
    ['direct-tcpip', Buffer.concat([to('db.example', 5432), Buffer.of(0)]), /^client open-failure 7 1 /],
    [
      'direct-streamlocal@openssh.com',
      writeFields([{ string: '/s' }, { string: '' }, { uint32: 0 }]),
      /open-failure 7 1/,
    ],
    ['tun@openssh.com', Buffer.alloc(8), /^client open-failure 7 1 .*administratively prohibited/],
    ['forwarded-tcpip', to('x', 1), /^client open-failure 7 1 /],
    ['x11', Buffer.alloc(0), /^client open-failure 7 1 /],
    ['auth-agent@openssh.com', Buffer.alloc(0), /^client open-failure 7 1 /],
    ['unheard-of', Buffer.alloc(0), /^client open-failure 7 3 .*administratively prohibited/],
  ];
  for (const [type, data, answer] of cases) {
    const world = createSshWorld(none);
    world.from('client', { kind: 'open', type, sender: 7, windowBytes: 1000, packetBytes: 1000, data });
    assert.match(world.sent().join('\n'), answer, type);
    assert.equal(world.finished.length, 0);
  }
  const world = createSshWorld(all);
  world.from('client', {
    kind: 'open',
    type: 'direct-tcpip',
    sender: 7,
    windowBytes: 1000,
    packetBytes: 1000,
    data: to('DB.example', 5432),
  });
  assert.deepEqual(world.sent(), ['upstream open direct-tcpip 0']);
  world.from('upstream', { kind: 'confirmation', channel: 0, sender: 9, windowBytes: 500, packetBytes: 1000 });
  world.data('client', 0, 'x');
  world.from('upstream', { kind: 'adjust', channel: 0, addBytes: 5 });
  assert.deepEqual(world.sent(), ['client confirmation 7 500', 'upstream data 9 x', 'client adjust 7 5']);
});

test('SH-23, SS-01, SS-09: global requests are answered as they want to be, in order', () => {
  const world = createSshWorld((request) => (request.verb === 'remote_forward' ? 'park' : 'allow'));
  const bind = writeFields([{ string: '' }, { uint32: 0 }]);
  const ask = (name: string, data: Buffer = Buffer.alloc(0)): void =>
    world.from('client', { kind: 'global', name, wantReply: true, data });
  ask('keepalive@openssh.com');
  ask('hostkeys-prove-00@openssh.com');
  ask('unheard-of');
  assert.deepEqual(world.sent(), ['client global-success', 'client global-failure', 'client global-failure']);
  ask('tcpip-forward', bind);
  ask('keepalive@openssh.com');
  assert.deepEqual(world.sent(), []);
  world.asked[0]?.answer('deny');
  assert.deepEqual(world.sent(), ['client global-failure', 'client global-success']);
  world.from('upstream', { kind: 'global', name: 'hostkeys-00@openssh.com', wantReply: false, data: Buffer.of(1) });
  world.from('upstream', { kind: 'global', name: 'keepalive@openssh.com', wantReply: true, data: Buffer.alloc(0) });
  assert.deepEqual(world.sent(), ['upstream global-failure']);
});

test('a forward that was allowed has the port that the upstream chose, and only its connections come through', () => {
  const world = createSshWorld(all);
  const bind = writeFields([{ string: 'localhost' }, { uint32: 0 }]);
  world.from('client', { kind: 'global', name: 'tcpip-forward', wantReply: true, data: bind });
  world.from('upstream', { kind: 'global-success', data: writeFields([{ uint32: 4711 }]) });
  world.sent();
  const open = (port: number): void =>
    world.from('upstream', {
      kind: 'open',
      type: 'forwarded-tcpip',
      sender: 5,
      windowBytes: 1000,
      packetBytes: 1000,
      data: writeFields([{ string: 'localhost' }, { uint32: port }, { string: '10.0.0.1' }, { uint32: 9 }]),
    });
  open(4712);
  assert.match(world.sent().join('\n'), /^upstream open-failure 5 1/);
  open(4711);
  assert.deepEqual(world.sent(), ['client open forwarded-tcpip 0']);
});

test('SH-25: variables that change programs, and what nobody knows, are refused, and the channel lives', () => {
  const world = createSshWorld(all);
  world.open();
  for (const name of ['LD_PRELOAD', 'BASH_ENV', 'PATH', 'LC_', 'LANG\u0000']) {
    world.request('env', [{ string: name }, { string: 'x' }]);
  }
  world.request('unheard-of');
  assert.deepEqual(
    world.sent(),
    Array.from({ length: 6 }, () => 'client failure 100'),
  );
  world.request('env', [{ string: 'LC_ALL' }, { string: 'C' }]);
  assert.deepEqual(world.sent(), ['upstream request 200 env ?']);
  exec(world, 'ls');
  assert.deepEqual([...(world.asked.at(-1)?.request.env ?? [])], [['LC_ALL', 'C']]);
});

test('SH-26: a request that does not end where its fields do is refused', () => {
  const bad: readonly (readonly [name: string, data: Buffer])[] = [
    ['exec', Buffer.concat([writeFields([{ string: 'ls' }]), Buffer.of(0)])],
    ['exec', Buffer.of(0, 0, 0, 9, 108)],
    ['exec', Buffer.alloc(0)],
    ['shell', Buffer.of(1)],
    ['subsystem', Buffer.of(0, 0, 0, 1)],
    ['pty-req', Buffer.of(0, 0, 0, 0)],
    ['env', Buffer.of(0, 0, 0, 0)],
    ['x11-req', Buffer.of(0)],
    ['auth-agent-req@openssh.com', Buffer.of(0)],
  ];
  for (const [name, data] of bad) {
    const world = createSshWorld(all);
    world.open();
    world.from('client', { kind: 'request', channel: 0, name, wantReply: true, data });
    assert.deepEqual(world.sent(), ['client failure 100'], name);
    assert.equal(world.asked.length, 0);
    exec(world, 'ls');
    assert.deepEqual(world.sent(), ['upstream request 200 exec ?'], name);
  }
  const world = createSshWorld(all);
  world.open();
  world.raw('client', Buffer.concat([Buffer.of(96, 0, 0, 0, 0), Buffer.of(0)]));
  assert.equal(world.finished[0]?.kind, 'protocol-error');
});

test('SS-06: windows reach from end to end: nobody may send what the other has no room for', () => {
  const world = createSshWorld(all);
  world.open({ windowBytes: 10 });
  assert.equal(world.find('upstream', 'open')?.windowBytes, 10);
  assert.equal(world.find('client', 'confirmation')?.windowBytes, 50_000);
  exec(world, 'yes');
  world.from('upstream', { kind: 'success', channel: 0 });
  world.data('upstream', 0, '0123456789');
  world.sent();
  world.from('client', { kind: 'adjust', channel: 0, addBytes: 4 });
  assert.deepEqual(world.sent(), ['upstream adjust 200 4']);
  world.data('upstream', 0, '01234');
  assert.equal(world.finished[0]?.kind, 'protocol-error');
});

test('when it drains, nothing new begins, and it ends when what runs has ended', () => {
  const world = createSshWorld(all);
  world.open();
  exec(world, 'sleep 1');
  world.session.drain('the gateway is stopping');
  world.from('client', {
    kind: 'open',
    type: 'session',
    sender: 1,
    windowBytes: 1,
    packetBytes: 999,
    data: Buffer.alloc(0),
  });
  assert.match(world.sent().at(-1) ?? '', /^client open-failure 1 4/);
  world.from('upstream', { kind: 'close', channel: 0 });
  assert.equal(world.finished.length, 0);
  world.from('client', { kind: 'close', channel: 0 });
  assert.equal(world.finished[0]?.kind, 'drained');
});

test('what runs on a terminal is recorded with what is typed; where it cannot be, it does not run', () => {
  const world = createSshWorld(all);
  world.open();
  world.request('pty-req', PTY);
  world.request('shell');
  world.from('upstream', { kind: 'success', channel: 0 });
  world.from('upstream', { kind: 'success', channel: 0 });
  world.data('client', 0, 'ls');
  world.data('upstream', 0, 'file');
  world.request('window-change', [{ uint32: 100 }, { uint32: 30 }, { uint32: 0 }, { uint32: 0 }], false);
  world.from('upstream', { kind: 'close', channel: 0 });
  assert.equal(world.recorded.text, 'i:ls;o:file;r:100x30;end');
  const dark = createSshWorld(all, { records: false });
  dark.open();
  dark.request('pty-req', PTY);
  dark.request('shell');
  assert.equal(
    dark.sent().some((line) => line === 'upstream request 200 shell ?'),
    false,
  );
  assert.equal(dark.settled.at(-1)?.outcome.kind, 'not-run');
});

test('SS-04: of fifty channels one waits, and holds up none of the others', () => {
  const world = createSshWorld((request) =>
    'command' in request && request.command.toString() === 'wait' ? 'park' : 'allow',
  );
  for (let channel = 0; channel < 50; channel += 1) {
    const data = Buffer.alloc(0);
    world.from('client', {
      kind: 'open',
      type: 'session',
      sender: 100 + channel,
      windowBytes: 9,
      packetBytes: 32_768,
      data,
    });
  }
  // They are confirmed in another order than they were asked for.
  for (let channel = 49; channel >= 0; channel -= 1) {
    world.from('upstream', {
      kind: 'confirmation',
      channel,
      sender: 200 + channel,
      windowBytes: 9,
      packetBytes: 32_768,
    });
  }
  world.sent();
  for (let channel = 0; channel < 50; channel += 1) {
    const data = writeFields([{ string: channel === 0 ? 'wait' : 'ls' }]);
    world.from('client', { kind: 'request', channel, name: 'exec', wantReply: true, data });
  }
  const started = (): readonly string[] => world.sent().filter((line) => line.startsWith('upstream request'));
  assert.deepEqual(
    started(),
    Array.from({ length: 49 }, (_, index) => `upstream request ${201 + index} exec ?`),
  );
  world.asked[0]?.answer('allow');
  assert.deepEqual(started(), ['upstream request 200 exec ?']);
});

test('SS-11: a request has exactly one answer, whichever way it is decided and whatever the upstream says to it', () => {
  const rows: readonly (readonly [
    name: string,
    judged: 'allow' | 'deny' | 'park',
    then: (world: SshWorld) => void,
    want: string,
  ])[] = [
    ['granted', 'allow', (world) => world.from('upstream', { kind: 'success', channel: 0 }), 'success'],
    ['refused upstream', 'allow', (world) => world.from('upstream', { kind: 'failure', channel: 0 }), 'failure'],
    ['closed upstream', 'allow', (world) => world.from('upstream', { kind: 'close', channel: 0 }), 'failure'],
    ['denied', 'deny', () => undefined, 'failure'],
    [
      'approved and refused upstream',
      'park',
      (world) => {
        world.asked[0]?.answer('allow');
        world.from('upstream', { kind: 'failure', channel: 0 });
      },
      'failure',
    ],
    ['denied by a person', 'park', (world) => world.asked[0]?.answer('deny'), 'failure'],
  ];
  for (const [name, judged, then, want] of rows) {
    const world = createSshWorld(() => judged);
    world.open();
    world.request('pty-req', PTY);
    then(world);
    const answers = world.sent().filter((line) => /^client (success|failure) /.test(line));
    assert.deepEqual(answers, [`client ${want} 100`], name);
  }
});
