// CityHash128 of version 1.0.2, the checksum of ClickHouse's compressed frames. Later versions of CityHash give other values. Numbers of
// 64 bits are kept as two halves: BigInt would be a hundred times slower. Checked in tests against frames of real clients and servers.

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

  addAt(view: DataView, at: number): this {
    const otherLo = view.getInt32(at, true);
    const lo = (this.lo + otherLo) | 0;
    const carry = lo >>> 0 < otherLo >>> 0 ? 1 : 0;
    this.lo = lo;
    this.hi = (this.hi + view.getInt32(at + 4, true) + carry) | 0;
    return this;
  }

  sub(other: U64): this {
    const lo = (this.lo - other.lo) | 0;
    const borrow = this.lo >>> 0 < other.lo >>> 0 ? 1 : 0;
    this.lo = lo;
    this.hi = (this.hi - other.hi - borrow) | 0;
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

/** State of the loop over long texts: named as in the original. */
class Loop {
  readonly x = new U64();
  readonly y = new U64();
  readonly z = new U64();
  readonly v0 = new U64();
  readonly v1 = new U64();
  readonly w0 = new U64();
  readonly w1 = new U64();
  readonly #a = new U64();
  readonly #b = new U64();
  readonly #c = new U64();

  constructor(view: DataView, at: number, size: number, seed: readonly [U64, U64]) {
    const { x, y, z, v0, v1, w0, w1 } = this;
    x.copy(seed[0]);
    y.copy(seed[1]);
    z.copy(num(size)).mul(K1);
    v0.copy(y).xor(K1).rotate(49).mul(K1).addAt(view, at);
    v1.copy(v0)
      .rotate(42)
      .mul(K1)
      .addAt(view, at + 8);
    w0.copy(y).add(z).rotate(35).mul(K1).add(x);
    w1.copy(x)
      .addAt(view, at + 88)
      .rotate(53)
      .mul(K1);
  }

  /** 64 bytes; x and z change places afterwards, which whoever calls does by calling the mirrored form. */
  step(view: DataView, at: number, x: U64, z: U64): void {
    const { y, v0, v1, w0, w1 } = this;
    x.add(y)
      .add(v0)
      .addAt(view, at + 16)
      .rotate(37)
      .mul(K1);
    y.add(v1)
      .addAt(view, at + 48)
      .rotate(42)
      .mul(K1);
    x.xor(w1);
    y.xor(v0);
    z.xor(w0).rotate(33);
    // v = weak(s, v.second * k1, x + w.first); w = weak(s + 32, z + w.second, y)
    v0.copy(v1).mul(K1);
    v1.copy(x).add(w0);
    this.weak(view, at, v0, v1);
    w0.copy(z).add(w1);
    w1.copy(y);
    this.weak(view, at + 32, w0, w1);
  }

  /** WeakHashLen32WithSeeds: (a, b) becomes the hash of 32 bytes under the seeds a and b. */
  weak(view: DataView, at: number, a: U64, b: U64): void {
    const first = this.#a.copy(a).addAt(view, at);
    const second = this.#b
      .copy(b)
      .add(first)
      .addAt(view, at + 24)
      .rotate(21);
    const start = this.#c.copy(first);
    first.addAt(view, at + 8).addAt(view, at + 16);
    second.add(this.#sum.copy(first).rotate(44));
    a.copy(first).addAt(view, at + 24);
    b.copy(second).add(start);
  }

  readonly #sum = new U64();
}

function hashLong(view: DataView, from: number, total: number, seed: readonly [U64, U64]): readonly [U64, U64] {
  const loop = new Loop(view, from, total, seed);
  const { x, y, z, v0, v1, w0, w1 } = loop;
  let at = from;
  let size = total;
  for (; size >= 128; size -= 128) {
    loop.step(view, at, x, z);
    loop.step(view, at + 64, z, x);
    at += 128;
  }
  const scratch = new U64();
  y.add(scratch.copy(w0).rotate(37).mul(K0)).add(z);
  x.add(scratch.copy(v0).add(z).rotate(49).mul(K0));
  for (let done = 0; done < size;) {
    done += 32;
    const chunk = at + size - done;
    y.sub(x).rotate(42).mul(K0).add(v1);
    w0.addAt(view, chunk + 16);
    x.rotate(49).mul(K0).add(w0);
    w0.add(v0);
    loop.weak(view, chunk, v0, v1);
  }
  const a = hashLen16(x, v0);
  const b = hashLen16(y, w0);
  const low = hashLen16(new U64().copy(a).add(v1), w1).add(b);
  return [low, hashLen16(a.add(w1), b.add(v1))];
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
