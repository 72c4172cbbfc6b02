// SFTP between an agent and an upstream: frames cut anywhere, lengths of every kind, what is judged and what goes by what was opened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SftpRequest } from '../../../src/protocols/ssh/request.ts';
import {
  FrameReader,
  MAX_FRAME_BYTES,
  SFTP_TYPE,
  parseCall,
  writeFrame,
  type Frame,
} from '../../../src/protocols/ssh/sftp-codec.ts';
import { SftpFilter } from '../../../src/protocols/ssh/sftp-filter.ts';
import { WireReader, writeFields, type Field } from '../../../src/protocols/ssh/wire.ts';
import type { Action } from '../../../src/rules/action.ts';
import { FakeClock } from '../../support/fake-clock.ts';

type Decide = (request: SftpRequest) => 'allow' | 'deny' | 'park';

interface World {
  readonly filter: SftpFilter;
  /** Frames in short, as `type id`. */
  readonly up: string[];
  readonly down: string[];
  readonly asked: string[];
  readonly settled: string[];
  readonly broken: string[];
  readonly parked: ((kind: 'allow' | 'deny') => void)[];
  held: number;
  ask(type: number, id: number, fields: readonly Field[]): void;
  reply(type: number, id: number, fields: readonly Field[]): void;
}

const short = (list: string[]): ((bytes: Buffer) => void) => {
  const reader = new FrameReader();
  return (bytes) => void reader.read(bytes, (frame) => list.push(`${frame.type} ${frame.id}${reason(frame)}`));
};

function reason(frame: Frame): string {
  if (frame.type !== SFTP_TYPE.status) {
    return '';
  }
  const reader = new WireReader(Buffer.concat(frame.pieces), 9);
  return ` ${reader.uint32()} ${reader.string().toString()}`;
}

function start(decide: Decide): World {
  const up: string[] = [];
  const down: string[] = [];
  const asked: string[] = [];
  const settled: string[] = [];
  const broken: string[] = [];
  const parked: ((kind: 'allow' | 'deny') => void)[] = [];
  const world = { held: 0 };
  const filter = new SftpFilter({
    host: {
      clock: new FakeClock(),
      judge: (request, answer) => {
        const sftp = request as SftpRequest;
        const name = `${sftp.op}${sftp.writes ? '+' : ''} ${sftp.path.toString()}${sftp.target.length > 0 ? ` ${sftp.target.toString()}` : ''}`;
        asked.push(name);
        const action = { id: 'a', summary: name } as Action;
        const give = (kind: 'allow' | 'deny'): void =>
          answer.decided(
            kind === 'allow' ? { kind } : { kind, cause: 'deny', rule: 'r', reason: 'no', word: '', hint: '' },
            action,
          );
        const kind = decide(sftp);
        if (kind === 'park') {
          parked.push(give);
        } else {
          give(kind);
        }
        return { withdraw: () => undefined };
      },
      settle: (action, { kind, status }) => void settled.push(`${action.summary}: ${kind} ${status}`),
      refused: () => undefined,
      send: () => undefined,
      needsStdin: () => false,
      record: () => null,
      heldBytes: 0,
      stdinTimeoutMs: () => 0,
      finish: () => undefined,
    },
    origin: { user: 'u', host: 'h', channel: 0, env: new Map(), pty: false },
    toUpstream: short(up),
    toClient: short(down),
    held: (bytes) => {
      world.held = bytes;
    },
    broken: (why) => void broken.push(why),
  });
  filter.fromClient(writeFrame(SFTP_TYPE.init, [{ uint32: 3 }]));
  filter.fromUpstream(
    writeFrame(SFTP_TYPE.version, [
      { uint32: 3 },
      { string: 'posix-rename@openssh.com' },
      { string: '1' },
      { string: 'vendor-secret' },
      { string: '1' },
    ]),
  );
  up.length = 0;
  down.length = 0;
  return Object.assign(world, {
    filter,
    up,
    down,
    asked,
    settled,
    broken,
    parked,
    ask: (type: number, id: number, fields: readonly Field[]) =>
      filter.fromClient(writeFrame(type, [{ uint32: id }, ...fields])),
    reply: (type: number, id: number, fields: readonly Field[]) =>
      filter.fromUpstream(writeFrame(type, [{ uint32: id }, ...fields])),
  });
}

const NO_ATTRIBUTES = { uint32: 0 };
const reads: Decide = ({ op, writes }) =>
  ['open', 'opendir', 'stat', 'lstat', 'readlink', 'realpath'].includes(op) && !writes ? 'allow' : 'deny';

test('any cutting of the stream gives the same frames', () => {
  const frames = [
    writeFrame(SFTP_TYPE.init, [{ uint32: 3 }]),
    writeFrame(SFTP_TYPE.stat, [{ uint32: 1 }, { string: '/etc' }]),
    writeFrame(SFTP_TYPE.write, [
      { uint32: 2 },
      { string: 'h' },
      { uint32: 0 },
      { uint32: 0 },
      { string: Buffer.alloc(5000, 'x') },
    ]),
    writeFrame(SFTP_TYPE.close, [{ uint32: 3 }, { string: 'h' }]),
  ];
  const stream = Buffer.concat(frames);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      const reader = new FrameReader();
      const seen: Buffer[] = [];
      let at = 0;
      for (let index = 0; at < stream.length; index += 1) {
        const size = sizes[index % sizes.length] ?? 1;
        assert.equal(
          reader.read(stream.subarray(at, at + size), (frame) => seen.push(Buffer.concat(frame.pieces))),
          true,
        );
        at += size;
      }
      assert.deepEqual(seen, frames);
      assert.equal(reader.heldBytes, 0);
    }),
  );
});

test('lengths that no frame has end it before anything is held', () => {
  for (const length of [0, 4, MAX_FRAME_BYTES + 1, 0x7fff_ffff, 0xffff_ffff]) {
    const reader = new FrameReader();
    assert.equal(
      reader.read(writeFields([{ uint32: length }]), () => assert.fail()),
      false,
      String(length),
    );
  }
  for (const length of [5, MAX_FRAME_BYTES]) {
    assert.equal(
      new FrameReader().read(writeFields([{ uint32: length }]), () => assert.fail()),
      true,
    );
  }
});

test('requests that do not end where their fields do are malformed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 }), (type, body) => {
      const bytes = writeFrame(type, [{ uint32: 1 }, { raw: Buffer.from(body) }]);
      new FrameReader().read(bytes, (frame) => void parseCall(frame));
    }),
  );
  const stat = writeFrame(SFTP_TYPE.stat, [{ uint32: 1 }, { string: '/x' }, { byte: 0 }]);
  new FrameReader().read(stat, (frame) => assert.equal(parseCall(frame), null));
});

test('SS-15: only the extensions that are understood are offered to the client', () => {
  const bytes: Buffer[] = [];
  const world = start(reads);
  assert.deepEqual(world.broken, []);
  const filter = new SftpFilter({
    host: { refused: () => undefined } as never,
    origin: {} as never,
    toUpstream: () => undefined,
    toClient: (piece) => bytes.push(piece),
    held: () => undefined,
    broken: () => assert.fail(),
  });
  filter.fromClient(writeFrame(SFTP_TYPE.init, [{ uint32: 6 }]));
  filter.fromUpstream(
    writeFrame(SFTP_TYPE.version, [
      { uint32: 3 },
      { string: 'vendor' },
      { string: '1' },
      { string: 'copy-data' },
      { string: '1' },
    ]),
  );
  assert.deepEqual(
    Buffer.concat(bytes),
    writeFrame(SFTP_TYPE.version, [{ uint32: 3 }, { string: 'copy-data' }, { string: '1' }]),
  );
});

test('SH-37: what changes something is judged as what it is; a denial is a status with its reason, and others go on', () => {
  const world = start(reads);
  const path = { string: '/srv/a' };
  const attributes = { uint32: 4 };
  const cases: readonly (readonly [type: number, fields: readonly Field[], asked: string])[] = [
    [SFTP_TYPE.open, [path, { uint32: 2 }, NO_ATTRIBUTES], 'open+ /srv/a'],
    [SFTP_TYPE.open, [path, { uint32: 1 | 4 }, NO_ATTRIBUTES], 'open+ /srv/a'],
    [SFTP_TYPE.open, [path, { uint32: 1 | 8 }, NO_ATTRIBUTES], 'open+ /srv/a'],
    [SFTP_TYPE.open, [path, { uint32: 1 | 16 }, NO_ATTRIBUTES], 'open+ /srv/a'],
    [SFTP_TYPE.remove, [path], 'remove /srv/a'],
    [SFTP_TYPE.rename, [path, { string: '/b' }], 'rename /srv/a /b'],
    [SFTP_TYPE.setstat, [path, attributes, { uint32: 0o777 }], 'setstat /srv/a'],
    [SFTP_TYPE.mkdir, [path, NO_ATTRIBUTES], 'mkdir /srv/a'],
    [SFTP_TYPE.rmdir, [path], 'rmdir /srv/a'],
    [SFTP_TYPE.symlink, [{ string: '/to' }, path], 'symlink /srv/a /to'],
    [SFTP_TYPE.extended, [{ string: 'posix-rename@openssh.com' }, path, { string: '/b' }], 'rename /srv/a /b'],
    [SFTP_TYPE.extended, [{ string: 'hardlink@openssh.com' }, path, { string: '/b' }], 'hardlink /srv/a /b'],
    [SFTP_TYPE.extended, [{ string: 'lsetstat@openssh.com' }, path, NO_ATTRIBUTES], 'setstat /srv/a'],
  ];
  cases.forEach(([type, fields, asked], index) => {
    world.ask(type, index, fields);
    assert.equal(world.asked.at(-1), asked);
    assert.match(world.down.at(-1) ?? '', new RegExp(`^101 ${index} 3 clawpatrol: denied by rule "r": no`), asked);
  });
  assert.deepEqual(world.up, []);
  world.ask(SFTP_TYPE.extended, 90, [{ string: 'unheard-of' }]);
  assert.match(world.down.at(-1) ?? '', /^101 90 8 /);
  world.ask(SFTP_TYPE.stat, 91, [path]);
  assert.deepEqual(world.up, [`${SFTP_TYPE.stat} 91`]);
  assert.deepEqual(world.broken, []);
});

test('reading and writing go by what was opened, and by nothing else', () => {
  const world = start(() => 'allow');
  const handle = { string: 'h1' };
  const at = [{ uint32: 0 }, { uint32: 0 }];
  world.ask(SFTP_TYPE.read, 1, [handle, ...at, { uint32: 10 }]);
  assert.match(world.down.pop() ?? '', /^101 1 4 no such handle/);
  world.ask(SFTP_TYPE.open, 2, [{ string: '/a' }, { uint32: 1 }, NO_ATTRIBUTES]);
  world.reply(SFTP_TYPE.handle, 2, [handle]);
  world.ask(SFTP_TYPE.read, 3, [handle, ...at, { uint32: 10 }]);
  world.reply(SFTP_TYPE.data, 3, [{ string: '0123456789' }]);
  world.ask(SFTP_TYPE.write, 4, [handle, ...at, { string: 'x' }]);
  assert.match(world.down.pop() ?? '', /^101 4 3 it was not opened for writing/);
  world.ask(SFTP_TYPE.fsetstat, 5, [handle, NO_ATTRIBUTES]);
  assert.equal(world.asked.at(-1), 'setstat /a');
  world.ask(SFTP_TYPE.close, 6, [handle]);
  world.ask(SFTP_TYPE.read, 7, [handle, ...at, { uint32: 10 }]);
  assert.match(world.down.pop() ?? '', /^101 7 4 no such handle/);
  assert.deepEqual(world.up, ['3 2', '5 3', '10 5', '4 6']);
  assert.deepEqual(world.settled, ['open /a: ok read 10 bytes, wrote 0']);
});

test('an operation that waits holds nobody else, and the end of the stream waits for it', () => {
  const world = start(({ op }) => (op === 'remove' ? 'park' : 'allow'));
  world.ask(SFTP_TYPE.remove, 1, [{ string: '/a' }]);
  world.ask(SFTP_TYPE.stat, 2, [{ string: '/b' }]);
  assert.deepEqual(world.up, ['17 2']);
  assert.equal(world.held > 0, true);
  let ended = false;
  world.filter.end(() => {
    ended = true;
  });
  assert.equal(ended, false);
  world.parked[0]?.('allow');
  assert.deepEqual([world.up, ended, world.held], [['17 2', '13 1'], true, 0]);
});

test('numbers that are in use, answers that nobody waits for, and handles given twice end it', () => {
  const twice = start(() => 'allow');
  twice.ask(SFTP_TYPE.stat, 1, [{ string: '/a' }]);
  twice.ask(SFTP_TYPE.stat, 1, [{ string: '/b' }]);
  assert.equal(twice.broken.length, 1);
  const unasked = start(() => 'allow');
  unasked.reply(SFTP_TYPE.handle, 9, [{ string: 'h' }]);
  assert.equal(unasked.broken.length, 1);
  const handles = start(() => 'allow');
  for (const id of [1, 2]) {
    handles.ask(SFTP_TYPE.open, id, [{ string: '/a' }, { uint32: 1 }, NO_ATTRIBUTES]);
    handles.reply(SFTP_TYPE.handle, id, [{ string: 'same' }]);
  }
  assert.equal(handles.broken.length, 1);
});

test('noise in either direction never throws', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.boolean(),
          fc.integer({ min: 0, max: 210 }),
          fc.integer({ min: 0, max: 3 }),
          fc.uint8Array({ maxLength: 60 }),
        ),
        { maxLength: 40 },
      ),
      (frames) => {
        const world = start(() => 'allow');
        for (const [fromClient, type, id, body] of frames) {
          const fields = [{ raw: Buffer.from(body) }];
          if (fromClient) {
            world.ask(type, id, fields);
          } else {
            world.reply(type, id, fields);
          }
        }
        world.filter.lost();
      },
    ),
  );
});
