// `credential` blocks to `CredentialConfig`.
import type { CredentialConfig, SecretSource } from './config.ts';
import type { Declared, Draft } from './declare.ts';
import type { DecodedBlock } from './decode.ts';
import { credentialTypes } from './schema-credentials.ts';
import { MINUTE_MS, SECOND_MS } from './schema-types.ts';

/** All credentials in declaration order. */
export function buildCredentials(draft: Draft): readonly CredentialConfig[] {
  return draft.all('credential').map(buildCredential);
}

/** Endpoints that a rule or credential names, each once, in the order written. */
export function endpointsOf(block: DecodedBlock): readonly string[] {
  const single = block.text('endpoint');
  return [...new Set(single === null ? block.texts('endpoints') : [single])];
}

function buildCredential({ type, name, ref, block }: Declared): CredentialConfig {
  const secrets: Record<string, SecretSource> = {};
  for (const secret of block.nested('secret')) {
    const source = buildSource(secret);
    if (source !== null && !Object.hasOwn(secrets, secret.label)) {
      secrets[secret.label] = source;
    }
  }
  const placeholder = block.text('placeholder');
  return {
    type,
    name,
    ref,
    endpoints: endpointsOf(block),
    description: block.text('description') ?? '',
    placeholder: placeholder === '' ? null : placeholder,
    secrets,
    slots: credentialTypes[type]?.slots ?? [],
    attributes: block.record(['endpoint', 'endpoints', 'description', 'placeholder']),
    at: block.at,
  };
}

function buildSource(block: DecodedBlock): SecretSource | null {
  const env = block.text('env');
  const file = block.text('file');
  const store = block.text('store');
  const argv = block.texts('command');
  if (env !== null) {
    return { kind: 'env', variable: env };
  }
  if (file !== null) {
    return { kind: 'file', path: file };
  }
  if (store !== null) {
    return { kind: 'store', name: store };
  }
  if (argv.length === 0) {
    return null;
  }
  return {
    kind: 'command',
    argv,
    passEnv: block.texts('pass_env'),
    timeoutMs: block.number('timeout') ?? 10 * SECOND_MS,
    ttlMs: block.number('ttl') ?? 15 * MINUTE_MS,
  };
}
