// Cancel keys of our own. A client never learns the upstream's key; a CancelRequest with one of ours reaches the session that it was
// given to, and only from the same device (notes P6).
import { randomBytes, timingSafeEqual } from 'node:crypto';

/** A key that was handed out. */
export interface CancelKey {
  readonly processId: number;
  readonly secretKey: number;
  /** The session is over: the key is nobody's from now on. */
  release(): void;
}

interface Entry {
  readonly secret: Buffer;
  readonly device: string;
  readonly cancel: () => void;
}

/** All keys of one gateway. */
export class CancelKeys {
  readonly #entries = new Map<number, Entry>();

  /** A fresh key for a session of this device. */
  issue(device: string, cancel: () => void): CancelKey {
    const random = randomBytes(8);
    let processId = random.readUInt32BE(0) & 0x7fff_ffff;
    while (processId === 0 || this.#entries.has(processId)) {
      processId = randomBytes(4).readUInt32BE(0) & 0x7fff_ffff;
    }
    const secret = random.subarray(4);
    const entry = { secret, device, cancel };
    this.#entries.set(processId, entry);
    return {
      processId,
      secretKey: secret.readUInt32BE(0),
      release: () => {
        if (this.#entries.get(processId) === entry) {
          this.#entries.delete(processId);
        }
      },
    };
  }

  /** Cancels what the key's session is doing. False when the key is not one of ours or belongs to another device. */
  request(processId: number, secretKey: Buffer, device: string): boolean {
    const entry = this.#entries.get(processId);
    const known =
      entry !== undefined &&
      entry.device === device &&
      entry.secret.length === secretKey.length &&
      timingSafeEqual(entry.secret, secretKey);
    if (known) {
      entry.cancel();
    }
    return known;
  }
}
