// How a machine shows that it has the private half of the key that it brings: public halves are no secret, and whoever came with another
// machine's would be given that machine's token. Both sides derive one secret (X25519) and sign the code of the request with it. Pure.
import { createHmac, createPrivateKey, createPublicKey, diffieHellman, timingSafeEqual } from 'node:crypto';
import { PRIVATE_HEADER, PUBLIC_HEADER } from './wireguard.ts';

/** A proof for the request of that device code, base64url; null where one of the keys is none that a secret can be derived with. */
export function provePossession(
  { privateKey, publicKey }: { readonly privateKey: string; readonly publicKey: string },
  deviceCode: string,
): string | null {
  try {
    const own = Buffer.concat([PRIVATE_HEADER, Buffer.from(privateKey, 'base64')]);
    const other = Buffer.concat([PUBLIC_HEADER, Buffer.from(publicKey, 'base64')]);
    const secret = diffieHellman({
      privateKey: createPrivateKey({ key: own, format: 'der', type: 'pkcs8' }),
      publicKey: createPublicKey({ key: other, format: 'der', type: 'spki' }),
    });
    return createHmac('sha256', secret).update(`clawpatrol join\n${deviceCode}`, 'utf8').digest('base64url');
  } catch {
    // A public half of small order: everybody would know the secret, and OpenSSL derives none.
    return null;
  }
}

/** Whether `proof` is what the other half of `publicKey` gives. `privateKey`: ours. */
export function hasPossession(
  keys: { readonly privateKey: string; readonly publicKey: string },
  deviceCode: string,
  proof: string,
): boolean {
  const expected = Buffer.from(provePossession(keys, deviceCode) ?? '');
  const given = Buffer.from(proof);
  return expected.length > 0 && given.length === expected.length && timingSafeEqual(given, expected);
}
