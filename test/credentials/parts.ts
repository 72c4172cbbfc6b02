// Parts for tests of credentials.
import type { CredentialConfig, SecretSource } from '../../src/config/config.ts';

const AT = { file: 'gateway.hcl', line: 1, column: 1, endLine: 1, endColumn: 2 };

export interface CredentialChanges extends Partial<CredentialConfig> {
  /** Source of the unnamed slot. */
  readonly source?: SecretSource;
}

export function credentialOf(name: string, { source, ...changes }: CredentialChanges = {}): CredentialConfig {
  return {
    type: 'postgres_credential',
    name,
    ref: `postgres_credential.${name}`,
    endpoints: ['postgres.pg'],
    description: '',
    placeholder: null,
    secrets: source === undefined ? {} : { '': source },
    slots: [{ name: '', required: true }],
    attributes: {},
    at: AT,
    ...changes,
  };
}

export { AT };
