// The client certificate that a credential shows on the upstream dial, and the CA that it brings along.
import type { DispatchedCredential } from '../protocol.ts';
import type { Secret } from '../../lib/secret.ts';

export interface ClientCertificate {
  /** PEM, chain included. */
  readonly cert: Secret;
  /** PEM. */
  readonly key: Secret;
}

/** Null for credentials that prove themselves otherwise. */
export function clientCertificate(credential: DispatchedCredential | null): ClientCertificate | null {
  if (credential === null || !['mtls_credential', 'kubeconfig_credential'].includes(credential.type)) {
    return null;
  }
  const cert = credential.secrets.get('cert');
  const key = credential.secrets.get('key');
  return cert === undefined || key === undefined ? null : { cert, key };
}

/** PEM of the CA that the upstream's certificate must come from, where the credential brings one; the endpoint's `ca_cert` goes first. */
export function credentialCa(credential: DispatchedCredential | null): string | null {
  return credential !== null && ['mtls_credential', 'kubeconfig_credential'].includes(credential.type)
    ? (credential.secrets.get('ca')?.reveal() ?? null)
    : null;
}
