// What an answer from an endpoint with a credential does not tell the agent: cookies and tokens that the upstream gives to whoever holds
// the credential, challenges to log in otherwise, and the injected secret itself where the upstream repeats it (attack reference, HT-51, HT-52).
import type { DispatchedCredential } from '../protocol.ts';
import { isGitPath } from './git-path.ts';
import type { Mask } from './mask.ts';
import type { Field, HttpRequest } from './request.ts';

const STRIPPED: readonly string[] = [
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
  'proxy-authenticate',
  'authentication-info',
  'proxy-authentication-info',
  'authorization',
  'x-amz-security-token',
  'x-amz-s3session-token',
  'x-subject-token',
  'x-auth-token',
  'x-vault-token',
];

/** Fields of the head or of trailers as the agent gets them. Where no credential is injected, all of them. */
export function stripResponse(
  fields: readonly Field[],
  {
    request,
    credential,
    mask,
  }: { readonly request: HttpRequest; readonly credential: DispatchedCredential | null; readonly mask: Mask },
): readonly Field[] {
  if (credential === null || credential.type === 'passthrough') {
    return fields;
  }
  return fields.flatMap((field) => {
    const name = field.name.toLowerCase();
    if (STRIPPED.includes(name) && !isNeeded(field, request)) {
      return [];
    }
    const value = mask(field.value);
    return value === field.value ? [field] : [{ name: field.name, value }];
  });
}

/** git logs in only after it was asked to by Basic; without the challenge it cannot even say that the login failed. */
function isNeeded({ name, value }: Field, request: HttpRequest): boolean {
  return name.toLowerCase() === 'www-authenticate' && isGitPath(request.rawPath) && /^basic(?:\s|$)/i.test(value);
}
