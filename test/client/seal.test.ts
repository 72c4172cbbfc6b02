// The filter of system calls of a run, run here as the kernel would (linux/filter.h), for both kinds of processor.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeFilter } from '../../src/client/run/seal.ts';

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const error = (number: number): number => 0x0005_0000 | number;
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];
const [X64, ARM64, X86] = [0xc000_003e, 0xc000_00b7, 0x4000_0003];

/** What a filter says of a call with two arguments. */
function ask(filter: Buffer, arch: number, call: number, args: readonly [bigint, bigint]): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call, 0);
  data.writeUInt32LE(arch, 4);
  args.forEach((value, index) => data.writeBigUInt64LE(value, 16 + index * 8));
  let held = 0;
  for (let at = 0; at * 8 < filter.length; at += 1) {
    const [then, otherwise] = [filter.readUInt8(at * 8 + 2), filter.readUInt8(at * 8 + 3)];
    const value = filter.readUInt32LE(at * 8 + 4);
    switch (filter.readUInt16LE(at * 8)) {
      case 0x20:
        held = data.readUInt32LE(value);
        break;
      case 0x15:
        at += held === value ? then : otherwise;
        break;
      case 0x35:
        at += held >= value ? then : otherwise;
        break;
      case 0x06:
        return value;
      default:
        assert.fail(`instruction ${at} is not known`);
    }
  }
  return assert.fail('the filter ends without a word');
}

const NONE: readonly [bigint, bigint] = [0n, 0n];

interface Row {
  readonly name: string;
  /** Numbers on x86-64 and arm64 (the kernel's tables of system calls). */
  readonly calls: readonly [number, number];
  readonly args?: readonly [bigint, bigint];
  readonly expected: number;
}

const ROWS: readonly Row[] = [
  { name: 'read', calls: [0, 63], expected: ALLOW },
  { name: 'execve', calls: [59, 221], expected: ALLOW },
  { name: 'ioctl TIOCGWINSZ', calls: [16, 29], args: [0n, 0x5413n], expected: ALLOW },
  { name: 'ioctl TIOCSCTTY', calls: [16, 29], args: [0n, 0x540en], expected: ALLOW },
  { name: 'ioctl TIOCSTI', calls: [16, 29], args: [0n, 0x5412n], expected: error(EPERM) },
  { name: 'ioctl TIOCSTI, more bits', calls: [16, 29], args: [0n, 0x1_0000_5412n], expected: error(EPERM) },
  { name: 'ioctl TIOCLINUX', calls: [16, 29], args: [2n, 0x541cn], expected: error(EPERM) },
  ...[1n, 2n, 10n, 16n, 17n].map((family): Row => ({
    name: `socket ${family}`,
    calls: [41, 198],
    args: [family, 1n],
    expected: ALLOW,
  })),
  ...[0n, 31n, 38n, 39n, 40n, 42n, 43n, 0xffff_ffffn, 0x1_0000_0028n].map((family): Row => ({
    name: `socket ${family}`,
    calls: [41, 198],
    args: [family, 1n],
    expected: error(EAFNOSUPPORT),
  })),
  { name: 'add_key', calls: [248, 217], expected: error(ENOSYS) },
  { name: 'request_key', calls: [249, 218], expected: error(ENOSYS) },
  { name: 'keyctl', calls: [250, 219], expected: error(ENOSYS) },
  { name: 'io_uring_setup', calls: [425, 425], expected: error(ENOSYS) },
  { name: 'io_uring_enter', calls: [426, 426], expected: error(ENOSYS) },
];

test('DP-23: what leaves a network is refused by its system call, on both kinds of processor, and the rest is not', () => {
  const [x64, arm64] = [writeFilter('x64'), writeFilter('arm64')];
  assert.ok(x64 !== null && arm64 !== null);
  for (const { name, calls, args = NONE, expected } of ROWS) {
    assert.equal(ask(x64, X64, calls[0], args), expected, `${name} on x86-64`);
    assert.equal(ask(arm64, ARM64, calls[1], args), expected, `${name} on arm64`);
  }
});

test('DP-23: another table of system calls is no way around the filter', () => {
  const [x64, arm64] = [writeFilter('x64'), writeFilter('arm64')];
  assert.ok(x64 !== null && arm64 !== null);
  // The calls of 32 bits have other numbers: 54 is their ioctl. x32 has a bit of its own.
  assert.equal(ask(x64, X86, 54, [0n, 0x5412n]), KILL);
  assert.equal(ask(arm64, X64, 16, [0n, 0x5412n]), KILL);
  assert.equal(ask(x64, X64, 0x4000_0000 | 41, [40n, 1n]), error(ENOSYS));
  assert.equal(writeFilter('mips'), null);
});
