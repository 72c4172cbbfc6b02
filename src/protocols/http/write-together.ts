// Several pieces to one stream in one write. A stream is given; nothing is opened here.
import type { Duplex } from 'node:stream';

/** Pieces that are copied into one; a TLS record holds as much. */
const MAX_JOINED_BYTES = 16 * 1024;

/** Writes the pieces in order, all of them before anything else can be written. */
export function writeTogether(stream: Duplex, pieces: readonly Buffer[]): void {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) {
    stream.write(only);
    return;
  }
  const sizeBytes = pieces.reduce((sum, { length }) => sum + length, 0);
  if (sizeBytes <= MAX_JOINED_BYTES) {
    // One small copy costs less than a vectored write.
    stream.write(Buffer.concat(pieces, sizeBytes));
  } else {
    stream.cork();
    for (const bytes of pieces) {
      stream.write(bytes);
    }
    stream.uncork();
  }
}
