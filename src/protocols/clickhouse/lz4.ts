// One LZ4 block (lz4_Block_format.md), decoded into exactly as many bytes as its frame says. Total: a block that does not fill the output
// to the last byte, or that looks outside of it, is none.

/** A match is at least this long. */
const MIN_MATCH = 4;
/** Up to here a loop is faster than a call. */
const SHORT = 32;
/** A length that goes on in further bytes. */
const LONG = 15;

/** False for what is no LZ4 block of as many bytes as `output` has. */
export function decodeLz4(input: Buffer, output: Buffer): boolean {
  const end = input.length;
  const size = output.length;
  let at = 0;
  let to = 0;
  while (at < end) {
    const token = input[at] ?? 0;
    at += 1;
    let literals = token >> 4;
    if (literals === LONG) {
      const more = moreLength(input, at);
      literals += more;
      at += Math.floor(more / 255) + 1;
    }
    if (literals > end - at || literals > size - to) {
      return false;
    }
    if (literals > SHORT) {
      output.set(input.subarray(at, at + literals), to);
    } else {
      for (let index = 0; index < literals; index += 1) {
        output[to + index] = input[at + index] ?? 0;
      }
    }
    at += literals;
    to += literals;
    if (at === end) {
      // The last sequence has literals only.
      return to === size;
    }
    const offset = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8);
    at += 2;
    let length = (token & 15) + MIN_MATCH;
    if (length === LONG + MIN_MATCH) {
      const more = moreLength(input, at);
      length += more;
      at += Math.floor(more / 255) + 1;
    }
    if (offset === 0 || offset > to || length > size - to || at > end) {
      return false;
    }
    copyMatch(output, to, offset, length);
    to += length;
  }
  return false;
}

/** Sum of the bytes of a length, each but the last 255. Endless where they do not end. */
function moreLength(input: Buffer, from: number): number {
  let sum = 0;
  for (let at = from; ; at += 1) {
    const byte = input[at];
    if (byte === undefined) {
      return Infinity;
    }
    sum += byte;
    if (byte !== 255) {
      return sum;
    }
  }
}

/** A match may overlap what it makes: then its bytes repeat. */
function copyMatch(output: Buffer, to: number, offset: number, length: number): void {
  if (offset >= length && length > SHORT) {
    output.copyWithin(to, to - offset, to - offset + length);
    return;
  }
  for (let index = to; index < to + length; index += 1) {
    output[index] = output[index - offset] ?? 0;
  }
}
