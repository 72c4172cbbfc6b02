// Credentials: endpoints they fit, slots, variables that two of them share (config reference, 1.5 and 2.6).
import type { CheckParts } from './check-parts.ts';
import { typeOf } from './check-rules.ts';
import type { CredentialConfig } from './config.ts';
import type { DecodedBlock } from './decode.ts';
import { secretVariable } from './names.ts';
import { credentialTypes } from './schema-credentials.ts';
import type { CredentialType } from './schema-credentials.ts';

/** Checks every credential. */
export function checkCredentials(parts: CheckParts): void {
  const blocks = new Map(parts.draft.all('credential').map(({ ref, block }) => [ref, block]));
  const variables = new Map<string, CredentialConfig>();
  for (const credential of parts.config.credentials) {
    const block = blocks.get(credential.ref);
    const type = credentialTypes[credential.type];
    if (block !== undefined && type !== undefined) {
      checkFit(credential, { block, type }, parts);
      checkSlots(credential, { block, type }, parts);
      checkVariables(credential, { block, variables }, parts);
    }
  }
}

interface Subject {
  readonly block: DecodedBlock;
  readonly type: CredentialType;
}

function checkFit(credential: CredentialConfig, { block, type }: Subject, { config, report }: CheckParts): void {
  const at = block.place(block.written('endpoint') ? 'endpoint' : 'endpoints');
  for (const endpoint of credential.endpoints) {
    const endpointType = typeOf(endpoint);
    if (!type.fits.includes(endpointType)) {
      const fitting = Object.keys(credentialTypes).filter(
        (name) => credentialTypes[name]?.fits.includes(endpointType) === true,
      );
      const message = `a ${credential.type} cannot serve ${endpoint}`;
      const fix = `for ${endpointType} write one of: ${fitting.join(', ')}`;
      report.error(at, { code: 'incompatible-credential', message, fix });
    } else if (credential.type === 'aws_credential' && endpointType === 'kubernetes') {
      const cluster = config.endpoints.find(({ ref }) => ref === endpoint)?.attributes['cluster_name'];
      if (typeof cluster !== 'string' || cluster === '') {
        const message = `${endpoint} names no cluster, and a token for EKS is made for one`;
        report.error(at, { code: 'missing-attribute', message, fix: 'write cluster_name and region on the endpoint' });
      }
    }
  }
  checkHeader(credential, block, report);
}

/** Fields that frame a message or route it are the gateway's own to write. */
const NO_HEADER_TOKEN =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;

function checkHeader({ type }: CredentialConfig, block: DecodedBlock, report: CheckParts['report']): void {
  const header = type === 'header_token' ? block.text('header') : null;
  if (header !== null && NO_HEADER_TOKEN.test(header)) {
    const message = `no secret can stand in the header ${header}: it frames or routes the message`;
    report.error(block.place('header'), {
      code: 'out-of-range',
      message,
      fix: 'name the header that the upstream reads its token from',
    });
  }
}

function checkSlots(credential: CredentialConfig, { block, type }: Subject, { report }: CheckParts): void {
  const seen = new Set<string>();
  const slots = type.slots.map((slot) => slot.name);
  const named = slots.map((slot) => (slot === '' ? 'no label' : `"${slot}"`)).join(', ');
  for (const secret of block.nested('secret')) {
    if (!slots.includes(secret.label)) {
      const message =
        secret.label === ''
          ? `a ${credential.type} has no unnamed slot`
          : `a ${credential.type} has no slot "${secret.label}"`;
      report.error(secret.labelAt, { code: 'bad-slot', message, fix: `its slots are: ${named}` });
    } else if (seen.has(secret.label)) {
      const message = `the slot ${secret.label === '' ? 'without a name' : `"${secret.label}"`} has two secrets`;
      report.error(secret.labelAt, { code: 'bad-slot', message, fix: 'keep one of the two' });
    }
    seen.add(secret.label);
    checkCommandOnly(secret, report);
  }
  const proves = seen.has('private_key') || seen.has('password') || block.written('agent_socket');
  if (credential.type === 'ssh_key' && seen.size > 0 && !proves) {
    const message = 'an ssh_key needs a private_key, a password or an agent_socket';
    report.error(block.at, { code: 'missing-attribute', message, fix: 'write secret "private_key" { … }' });
  }
}

function checkCommandOnly(secret: DecodedBlock, report: CheckParts['report']): void {
  for (const name of ['pass_env', 'timeout', 'ttl']) {
    if (secret.written(name) && !secret.written('command')) {
      const message = `"${name}" goes with "command" only`;
      report.error(secret.place(name), { code: 'exclusive-attributes', message, fix: `remove ${name}` });
    }
  }
  if (secret.text('store') === '') {
    report.error(secret.place('store'), {
      code: 'empty-value',
      message: '"store" is empty',
      fix: 'name the stored value',
    });
  }
}

/** Credentials without a secret block fall back to variables named after them; two names may give one variable. */
function checkVariables(
  credential: CredentialConfig,
  { block, variables }: { readonly block: DecodedBlock; readonly variables: Map<string, CredentialConfig> },
  { report }: CheckParts,
): void {
  if (block.nested('secret').length > 0) {
    return;
  }
  for (const variable of credential.slots.map((slot) => secretVariable(credential.name, slot.name))) {
    const first = variables.get(variable);
    if (first !== undefined && first.ref !== credential.ref) {
      const message = `${credential.ref} and ${first.ref} both fall back to the variable ${variable}`;
      const fix = 'rename one of them, or write a secret block';
      report.warning(block.at, { code: 'secret-env-clash', message, fix });
    }
    variables.set(variable, first ?? credential);
  }
}
