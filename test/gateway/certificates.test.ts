import 'reflect-metadata';
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { connect, TLSSocket } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { openCertificates } from '../../src/gateway/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temp.ts';

const KEY = Buffer.alloc(32, 7);

test('the CA is made once, sealed, and opens again only with the same store key', async (t) => {
  const stateDir = temporaryFolder(t, 'ca');
  const clock = new FakeClock(Date.now());
  const first = await openCertificates({ stateDir, storeKey: KEY, clock });
  const again = await openCertificates({ stateDir, storeKey: KEY, clock });
  assert.equal(again.ca.fingerprint, first.ca.fingerprint);
  const certificate = new X509Certificate(first.ca.pem);
  assert.equal(certificate.ca, true);
  assert.equal(certificate.fingerprint256, first.ca.fingerprint);
  const path = join(stateDir, 'keys', 'ca.key');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readFileSync(path).includes('PRIVATE'), false);
  await assert.rejects(openCertificates({ stateDir, storeKey: Buffer.alloc(32, 8), clock }), { code: 'STORE_KEY' });
  writeFileSync(join(stateDir, 'keys', 'ca.crt'), 'nonsense');
  await assert.rejects(openCertificates({ stateDir, storeKey: KEY, clock }), { code: 'STATE_DIR' });
});

test('a client that trusts the CA accepts the leaf for its names, and for no other', async (t) => {
  const stateDir = temporaryFolder(t, 'ca');
  const certificates = await openCertificates({ stateDir, storeKey: KEY, clock: new FakeClock(Date.now()) });
  const context = await certificates.serverContext(['db.example', 'localhost', '127.0.0.1']);
  const shake = async (servername: string): Promise<PeerCertificate> => {
    const [client, server] = duplexPair();
    const secured = new TLSSocket(server, { isServer: true, secureContext: context });
    secured.on('error', () => {});
    const socket = connect({ socket: client, ca: certificates.ca.pem, servername });
    await once(socket, 'secureConnect');
    const peer = socket.getPeerCertificate();
    socket.destroy();
    secured.destroy();
    return peer;
  };
  const peer = await shake('db.example');
  assert.match(peer.subjectaltname ?? '', /DNS:db\.example, DNS:localhost, IP Address:127\.0\.0\.1/);
  await assert.rejects(shake('other.example'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('TL-03: a leaf says whose it is, by whom, for what and since when, also to a client whose clock is behind', async (t) => {
  const clock = new FakeClock(Date.now());
  const certificates = await openCertificates({ stateDir: temporaryFolder(t, 'ca'), storeKey: KEY, clock });
  const context = await certificates.serverContext(['db.example']);
  const [client, server] = duplexPair();
  const secured = new TLSSocket(server, { isServer: true, secureContext: context });
  const socket = connect({ socket: client, ca: certificates.ca.pem, servername: 'db.example' });
  await once(socket, 'secureConnect');
  const leaf = new x509.X509Certificate(socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0));
  socket.destroy();
  secured.destroy();
  const authority = new x509.X509Certificate(certificates.ca.pem);
  const issuerKey = authority.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  assert.ok(issuerKey !== undefined);
  assert.equal(leaf.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId, issuerKey);
  assert.match(leaf.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? '', /^[0-9a-f]{40}$/);
  assert.deepEqual(
    [...(leaf.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [])],
    [x509.ExtendedKeyUsage.serverAuth],
  );
  assert.equal(leaf.getExtension(x509.BasicConstraintsExtension)?.ca, false);
  assert.ok(leaf.notBefore.getTime() <= clock.now() - 3_500_000, leaf.notBefore.toISOString());
});

test('TL-02: names without number take bounded room, and after 31 days every leaf is a new one', async (t) => {
  const clock = new FakeClock(Date.now());
  const certificates = await openCertificates({
    stateDir: temporaryFolder(t, 'ca'),
    storeKey: KEY,
    clock,
    maxLeaves: 20,
  });
  const first = await certificates.serverContext(['first.example']);
  assert.equal(await certificates.serverContext(['first.example']), first);
  for (let index = 0; index < 20; index += 1) {
    await certificates.serverContext([`${index}.example`]);
  }
  const anew = await certificates.serverContext(['first.example']);
  assert.notEqual(anew, first, 'the oldest had to go');
  await clock.advance(31 * 86_400_000);
  assert.notEqual(await certificates.serverContext(['first.example']), anew);
});

test('a leaf is kept while it is good and made anew before its end', async (t) => {
  const clock = new FakeClock(Date.now());
  const certificates = await openCertificates({ stateDir: temporaryFolder(t, 'ca'), storeKey: KEY, clock });
  const first = await certificates.serverContext(['a', 'b']);
  assert.equal(await certificates.serverContext(['b', 'a']), first);
  assert.notEqual(await certificates.serverContext(['a']), first);
  await clock.advance(19 * 86_400_000);
  assert.equal(await certificates.serverContext(['a', 'b']), first);
  await clock.advance(2 * 86_400_000);
  assert.notEqual(await certificates.serverContext(['a', 'b']), first);
});
