// The gateway's certificate authority, made at first start, and the leaves that direct listeners show to clients. The CA's private key
// is sealed with the store key; leaves live in memory only.
// The container inside @peculiar/x509 needs the metadata API to exist before it is loaded.
import 'reflect-metadata';
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { replaceFile, writeNewFile } from '../audit/durable-file.ts';
import { findKeyFile, makeKeyFolder } from '../audit/key-files.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { Lru } from '../lib/lru.ts';
import { seal, unseal } from '../lib/seal.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const KEY_CONTEXT = 'keys/ca.key';
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const LEAF_DAYS = 30;
/** A leaf is made anew when less than this is left of it. */
const LEAF_RENEW_MS = 10 * DAY_MS;
/** Clients whose clock is behind ours must not find a certificate of the future. */
const BACKDATE_MS = 3_600_000;
const MAX_LEAVES = 512;

/** What an operator sees of the CA. */
export interface CertificateAuthority {
  /** SHA-256 of the certificate, colon-separated upper-case hex. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The certificate, PEM. */
  readonly pem: string;
}

export interface Certificates {
  readonly ca: CertificateAuthority;
  /** Server side of TLS with a leaf for these names and addresses; kept until it nears its end. */
  serverContext(names: readonly string[]): Promise<SecureContext>;
}

export interface CertificatesParts {
  readonly stateDir: string;
  readonly storeKey: Buffer;
  readonly clock: Clock;
  /** Leaves that are kept; the one that was not asked for longest goes first. */
  readonly maxLeaves?: number;
}

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** Loads the CA, or makes it at first start. Throws GatewayError STORE_KEY or STATE_DIR. */
export async function openCertificates(parts: CertificatesParts): Promise<Certificates> {
  x509.cryptoProvider.set(webcrypto);
  const folder = join(parts.stateDir, 'keys');
  const certificatePath = join(folder, 'ca.crt');
  const keyPath = join(folder, 'ca.key');
  const sealed = findKeyFile(keyPath);
  const authority =
    sealed === null
      ? await createAuthority({ folder, certificatePath, keyPath }, parts)
      : await loadAuthority(sealed, { certificatePath, keyPath }, parts.storeKey);
  const leaves = new Lru<string, { readonly context: Promise<SecureContext>; readonly renewMs: number }>(
    parts.maxLeaves ?? MAX_LEAVES,
  );
  return {
    ca: describe(authority.certificate),
    serverContext(names) {
      const key = names.toSorted().join('\n');
      const nowMs = parts.clock.now();
      const found = leaves.find(key);
      if (found !== null && nowMs < found.renewMs) {
        return found.context;
      }
      const context = createLeaf(authority, names, nowMs);
      leaves.put(key, { context, renewMs: nowMs + LEAF_DAYS * DAY_MS - LEAF_RENEW_MS });
      // A failure is told to whoever asked, and not kept.
      context.catch(() => leaves.delete(key));
      return context;
    },
  };
}

interface Paths {
  readonly certificatePath: string;
  readonly keyPath: string;
}

async function createAuthority(
  { folder, certificatePath, keyPath }: Paths & { readonly folder: string },
  { storeKey, clock }: CertificatesParts,
): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const nowMs = clock.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: ['Claw Patrol gateway CA'] }, { OU: [randomBytes(4).toString('hex')] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      // May sign leaves and no further authorities.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  try {
    makeKeyFolder(folder);
    // The key last: a certificate without its key is overwritten by the next start, a key without its certificate would be lost.
    replaceFile(certificatePath, Buffer.from(`${certificate.toString('pem')}\n`));
    writeNewFile(keyPath, seal(storeKey, pkcs8, KEY_CONTEXT));
  } catch (error) {
    throw new GatewayError('STATE_DIR', 'operator', `cannot keep the gateway's CA in ${folder}: ${messageOf(error)}`);
  }
  return { certificate, key: keys.privateKey };
}

async function loadAuthority(sealed: Buffer, paths: Paths, storeKey: Buffer): Promise<Authority> {
  const pkcs8 = unseal(storeKey, sealed, KEY_CONTEXT);
  if (pkcs8 === null) {
    const fix =
      'give the store key it was sealed with, or move keys/ca.key and keys/ca.crt away to start with a new CA';
    throw new GatewayError('STORE_KEY', 'operator', `${paths.keyPath} does not open with this store key; ${fix}`);
  }
  const pem = findKeyFile(paths.certificatePath);
  if (pem === null) {
    const fix = 'put it back, or move keys/ca.key away to start with a new CA';
    throw new GatewayError('STATE_DIR', 'operator', `${paths.certificatePath} is missing; ${fix}`);
  }
  try {
    const certificate = new x509.X509Certificate(pem.toString('latin1'));
    const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);
    return { certificate, key };
  } catch (error) {
    throw new GatewayError(
      'STATE_DIR',
      'operator',
      `the CA in ${paths.certificatePath} is broken: ${messageOf(error)}`,
    );
  }
}

async function createLeaf(authority: Authority, names: readonly string[], nowMs: number): Promise<SecureContext> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: ['Claw Patrol gateway'] }],
    issuer: authority.certificate.subject,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + LEAF_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return createSecureContext({
    cert: `${leaf.toString('pem')}\n${authority.certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    minVersion: 'TLSv1.2',
  });
}

/** Positive, 126 random bits (RFC 5280, section 4.1.2.2: at most 20 bytes). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function describe(certificate: x509.X509Certificate): CertificateAuthority {
  const digest = createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex').toUpperCase();
  return {
    fingerprint: (digest.match(/../g) ?? []).join(':'),
    subject: certificate.subject,
    notBeforeMs: certificate.notBefore.getTime(),
    notAfterMs: certificate.notAfter.getTime(),
    pem: `${certificate.toString('pem')}\n`,
  };
}
