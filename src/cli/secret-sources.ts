// validate --secrets: whether the places exist that secrets are taken from. Looks at names and permissions, never at values.
import { access, constants } from 'node:fs/promises';
import type { Config, CredentialConfig, SecretSource } from '../config/config.ts';
import type { Diagnostic } from '../config/diagnostic.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A diagnostic for every explicit source that is not there. A slot without one may be in the store, which is not opened here. */
export async function findMissingSecrets(config: Config, env: Environment): Promise<Diagnostic[]> {
  const findings = config.credentials.flatMap((credential) =>
    Object.entries(credential.secrets).map(([slot, source]) => findMissing(credential, slot, { source, env })),
  );
  return (await Promise.all(findings)).filter((finding) => finding !== null);
}

async function findMissing(
  credential: CredentialConfig,
  slot: string,
  { source, env }: { readonly source: SecretSource; readonly env: Environment },
): Promise<Diagnostic | null> {
  const whose = slot === '' ? credential.ref : `${credential.ref}, slot ${slot}`;
  const missing = (message: string, fix: string): Diagnostic => ({
    at: credential.at,
    severity: 'error',
    code: 'secret-missing',
    message: `${whose}: ${message}`,
    fix,
  });
  switch (source.kind) {
    case 'env': {
      const value = env[source.variable] ?? '';
      if (value === '') {
        return missing(`${source.variable} is not set`, `set ${source.variable} in the gateway's environment`);
      }
      return value.startsWith('@') && !(await canRead(value.slice(1)))
        ? missing(`${source.variable} names a file that cannot be read`, 'write the path of a readable file after @')
        : null;
    }
    case 'file':
      return (await canRead(source.path))
        ? null
        : missing(`${source.path} cannot be read`, 'make the file, readable by the gateway only');
    case 'command':
    case 'store':
      return null;
  }
}

async function canRead(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
