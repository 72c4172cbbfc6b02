import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { askForPackets, readPackets } from '../../../src/gateway/tunnel/packet-log.ts';

/** One message of nfnetlink_log, with a few of the attributes that the kernel sends before the payload. */
function message(payload: Buffer, type: number = 0x0400): Buffer {
  const attribute = (kind: number, value: Buffer): Buffer => {
    const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
    bytes.writeUInt16LE(4 + value.length, 0);
    bytes.writeUInt16LE(kind, 2);
    value.copy(bytes, 4);
    return bytes;
  };
  const body = Buffer.concat([Buffer.alloc(4), attribute(1, Buffer.from('08000000', 'hex')), attribute(9, payload)]);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, body]);
}

const V4_UDP = Buffer.from('4500002100004000401100000a4d000209090909303901bb000d0000', 'hex');
const V6_UDP = Buffer.from(
  '6000000000081140fdc1a7b07a0100000000000000000002200148604860000000000000000088880035003500080000',
  'hex',
);
const V4_ICMP = Buffer.from('4500001c00004000400100000a4d00020a4d00010800f7ff00000000', 'hex');
const V4_GRE = Buffer.from('4500001c00004000402f00000a4d00020a4d000100000000', 'hex');

test('refused packets are told with who sent them, where to, and by which protocol', () => {
  const bytes = Buffer.concat([V4_UDP, V6_UDP, V4_ICMP, V4_GRE].map((payload) => message(payload)));
  assert.deepEqual(
    readPackets(bytes).map(({ protocol, protocolNumber, source, destination, port }) => [
      protocol,
      protocolNumber,
      source,
      destination,
      port,
    ]),
    [
      ['udp', 17, '10.77.0.2', '9.9.9.9', 443],
      ['udp', 17, 'fdc1:a7b0:7a01::2', '2001:4860:4860::8888', 53],
      ['icmp', 1, '10.77.0.2', '10.77.0.1', null],
      ['other', 47, '10.77.0.2', '10.77.0.1', null],
    ],
  );
});

test('a later fragment has no port, and messages of other kinds are passed over', () => {
  const fragment = Buffer.from(V4_UDP);
  fragment.writeUInt16BE(0x00b9, 6);
  assert.deepEqual(
    readPackets(Buffer.concat([message(V4_UDP, 2), message(fragment)])).map(({ port }) => port),
    [null],
  );
});

test('what is asked of the kernel names the group and how much is copied', () => {
  const [bindTo, copy] = askForPackets(0x1234);
  assert.deepEqual([bindTo?.readUInt16LE(4), bindTo?.readUInt16BE(18), bindTo?.[24]], [0x0401, 0x1234, 1]);
  assert.deepEqual([copy?.readUInt32BE(24), copy?.[28]], [128, 2]);
});

test('random bytes give packets or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 80 }), (bytes, payload) => {
      readPackets(Buffer.concat([message(Buffer.from(payload)), Buffer.from(bytes)]));
    }),
    { numRuns: 2000 },
  );
});
