// CityHash128 of version 1.0.2, the checksum of ClickHouse's compressed frames. Later versions of CityHash give other values. Checked in tests
// against the algorithm in plain arithmetic, and against what real clients and servers take.
import { CITYHASH_WASM } from './cityhash-wasm.ts';

/** A number of 64 bits. Operations change it in place, since a block of a megabyte needs a hundred thousand of them. */
class U64 {
  lo: number;
  hi: number;

  constructor(hi: number = 0, lo: number = 0) {
    this.hi = hi | 0;
    this.lo = lo | 0;
  }

  copy(other: U64): this {
    this.lo = other.lo;
    this.hi = other.hi;
    return this;
  }

  load(view: DataView, at: number): this {
    this.lo = view.getInt32(at, true);
    this.hi = view.getInt32(at + 4, true);
    return this;
  }

  add(other: U64): this {
    const lo = (this.lo + other.lo) | 0;
    const carry = lo >>> 0 < this.lo >>> 0 ? 1 : 0;
    this.lo = lo;
    this.hi = (this.hi + other.hi + carry) | 0;
    return this;
  }

  xor(other: U64): this {
    this.lo ^= other.lo;
    this.hi ^= other.hi;
    return this;
  }

  /** To the right, by 1 to 63 bits. */
  rotate(bits: number): this {
    const lo = bits < 32 ? this.lo : this.hi;
    const hi = bits < 32 ? this.hi : this.lo;
    const shift = bits & 31;
    if (shift === 0) {
      this.lo = lo;
      this.hi = hi;
    } else {
      this.lo = (lo >>> shift) | (hi << (32 - shift));
      this.hi = (hi >>> shift) | (lo << (32 - shift));
    }
    return this;
  }

  /** x ^ (x >> 47). */
  shiftMix(): this {
    this.lo ^= this.hi >>> 15;
    return this;
  }

  mul(other: U64): this {
    const a0 = this.lo & 0xffff;
    const a1 = this.lo >>> 16;
    const b0 = other.lo & 0xffff;
    const b1 = other.lo >>> 16;
    const low = Math.imul(a0, b0);
    const middle = (low >>> 16) + (Math.imul(a0, b1) & 0xffff) + (Math.imul(a1, b0) & 0xffff);
    const high =
      Math.imul(a1, b1) +
      (Math.imul(a0, b1) >>> 16) +
      (Math.imul(a1, b0) >>> 16) +
      (middle >>> 16) +
      Math.imul(this.hi, other.lo) +
      Math.imul(this.lo, other.hi);
    this.lo = (middle << 16) | (low & 0xffff);
    this.hi = high | 0;
    return this;
  }
}

const K0 = new U64(0xc3a5c85c, 0x97cb3127);
const K1 = new U64(0xb492b66f, 0xbe98f273);
const K2 = new U64(0x9ae16a3b, 0x2f90404f);
const K3 = new U64(0xc949d7c7, 0x509e6557);
const K_MUL = new U64(0x9ddfea08, 0xeb382d69);

/** Of a number of 128 bits: (low, high) as HashLen16(u, v). */
function hashLen16(u: U64, v: U64): U64 {
  const a = new U64().copy(u).xor(v).mul(K_MUL).shiftMix();
  return new U64().copy(v).xor(a).mul(K_MUL).shiftMix().mul(K_MUL);
}

function num(value: number): U64 {
  return new U64(Math.floor(value / 0x1_0000_0000), value >>> 0);
}

function fetch(view: DataView, at: number): U64 {
  return new U64().load(view, at);
}

function hashLen0to16(view: DataView, at: number, size: number): U64 {
  if (size > 8) {
    const a = fetch(view, at);
    const b = fetch(view, at + size - 8);
    return hashLen16(a, new U64().copy(b).add(num(size)).rotate(size)).xor(b);
  }
  if (size >= 4) {
    return hashLen16(num(view.getUint32(at, true) * 8 + size), num(view.getUint32(at + size - 4, true)));
  }
  if (size > 0) {
    const a = view.getUint8(at);
    const b = view.getUint8(at + (size >> 1));
    const c = view.getUint8(at + size - 1);
    const y = num(a + (b << 8)).mul(K2);
    const z = num(size + (c << 2)).mul(K3);
    return y.xor(z).shiftMix().mul(K2);
  }
  return new U64().copy(K2);
}

/** For texts of less than 128 bytes. Gives (low, high). */
function murmur(view: DataView, at: number, size: number, seed: readonly [U64, U64]): readonly [U64, U64] {
  const a = new U64().copy(seed[0]);
  const b = new U64().copy(seed[1]);
  let c = new U64();
  let d = new U64();
  if (size <= 16) {
    a.mul(K1).shiftMix().mul(K1);
    c.copy(b)
      .mul(K1)
      .add(hashLen0to16(view, at, size));
    d.copy(a)
      .add(size >= 8 ? fetch(view, at) : c)
      .shiftMix();
  } else {
    c = hashLen16(fetch(view, at + size - 8).add(K1), a);
    d = hashLen16(new U64().copy(b).add(num(size)), new U64().copy(c).add(fetch(view, at + size - 16)));
    a.add(d);
    for (let done = 0; done + 16 < size; done += 16) {
      a.xor(
        fetch(view, at + done)
          .mul(K1)
          .shiftMix()
          .mul(K1),
      ).mul(K1);
      b.xor(a);
      c.xor(
        fetch(view, at + done + 8)
          .mul(K1)
          .shiftMix()
          .mul(K1),
      ).mul(K1);
      d.xor(c);
    }
  }
  const first = hashLen16(a, c);
  const second = hashLen16(d, b);
  return [new U64().copy(first).xor(second), hashLen16(second, first)];
}

interface Loop {
  readonly memory: WebAssembly.Memory;
  readonly hash: (from: number, size: number) => void;
}

/** Texts of 128 bytes and more: the loop is in WebAssembly, fifteen times as fast. The memory is one for all, and used by one at a time. */
const loop = ((): Loop => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(CITYHASH_WASM, 'base64')));
  const { memory, hash } = exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof hash !== 'function') {
    throw new TypeError('cityhash.wat exports a memory and a function');
  }
  return { memory, hash: (from, size) => void hash(from, size) };
})();

/** Where the text begins; in front of it is the seed. */
const TEXT_AT = 64;
const PAGE_BYTES = 64 * 1024;

function hashLong(view: DataView, from: number, size: number, seed: readonly [U64, U64]): readonly [U64, U64] {
  const { memory, hash } = loop;
  const missing = TEXT_AT + size - memory.buffer.byteLength;
  if (missing > 0) {
    memory.grow(Math.ceil(missing / PAGE_BYTES));
  }
  const inside = new DataView(memory.buffer);
  seed.forEach(({ lo, hi }, index) => {
    inside.setInt32(index * 8, lo, true);
    inside.setInt32(index * 8 + 4, hi, true);
  });
  new Uint8Array(memory.buffer, TEXT_AT, size).set(new Uint8Array(view.buffer, view.byteOffset + from, size));
  hash(TEXT_AT, size);
  return [fetch(inside, 0), fetch(inside, 8)];
}

function hashWithSeed(view: DataView, at: number, size: number, seed: readonly [U64, U64]): readonly [U64, U64] {
  return size < 128 ? murmur(view, at, size, seed) : hashLong(view, at, size, seed);
}

/** The checksum as it stands in a frame: low half first, little-endian. */
export function cityHash128(bytes: Buffer): Buffer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = bytes.length;
  const out = Buffer.allocUnsafe(16);
  const [low, high] =
    size >= 16
      ? hashWithSeed(view, 16, size - 16, [fetch(view, 0).xor(K3), fetch(view, 8)])
      : size >= 8
        ? hashWithSeed(view, 0, 0, [fetch(view, 0).xor(num(size).mul(K0)), fetch(view, size - 8).xor(K1)])
        : hashWithSeed(view, 0, size, [K0, K1]);
  out.writeInt32LE(low.lo, 0);
  out.writeInt32LE(low.hi, 4);
  out.writeInt32LE(high.lo, 8);
  out.writeInt32LE(high.hi, 12);
  return out;
}
