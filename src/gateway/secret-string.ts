// Values of secret strings: text with `{{secret:…}}` references (config reference 4.4), resolved when they are used.
import { readFileSync } from 'node:fs';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { Secret } from '../lib/secret.ts';

/** Where references lead. */
export interface SecretStringSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The encrypted store's unnamed slot of that name. */
  readonly findStored: (name: string) => Secret | null;
}

/** The text with every reference replaced. `what` names it in messages. Throws GatewayError SECRET_MISSING. */
export function resolveSecretString(text: string, what: string, sources: SecretStringSources): Secret {
  return new Secret(
    text.replace(/\{\{secret:(?:(env|file|store):)?([^{}]*)\}\}/g, (_, kind: string | undefined, name: string) => {
      const value = findValue(kind ?? 'env', name, sources);
      // What is empty is no secret: whatever it signs anybody could sign.
      if (value === null || value === '') {
        const where = kind === 'store' ? 'the encrypted store' : 'the environment';
        const why = value === null || kind !== 'file' ? `${where} has no ${name}` : `${name} is empty`;
        throw new GatewayError('SECRET_MISSING', 'operator', `${what}: ${why}`);
      }
      return value;
    }),
  );
}

function findValue(kind: string, name: string, { env, findStored }: SecretStringSources): string | null {
  switch (kind) {
    case 'store':
      return findStored(name)?.reveal() ?? null;
    case 'file':
      return readSecretFile(name);
    default: {
      const value = env[name];
      if (value === undefined || value === '') {
        return null;
      }
      return value.startsWith('@') ? readSecretFile(value.slice(1)) : value;
    }
  }
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new GatewayError('SECRET_MISSING', 'operator', `cannot read ${path}: ${messageOf(error)}`);
  }
}
