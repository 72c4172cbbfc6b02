// The canonical spelling of header names, the one that `http.headers` has its keys in.
import { isToken } from '../lib/token.ts';

/** `x-api-key` → `X-Api-Key`: capitals at the start and after each hyphen. A name that is no token stays as it is. */
export function canonicalHeader(name: string): string {
  if (!isToken(name)) {
    return name;
  }
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/**
 * Fields in which clients put what they log in with. Rules may read them; records and evidence do not hold them: the gateway replaces
 * them, and nobody needs to see them.
 */
const SECRET_FIELDS =
  /^(?:authorization|cookie|x-api-key|api-key|x-goog-api-key|x-auth-token|private-token|job-token|x-amz-security-token|x-vault-token|sec-websocket-protocol)$/i;

/** What stands in place of a value that is not shown. */
export const MASKED = '[masked]';

/** Whether a header field holds what somebody logs in with. */
export function isSecretHeader(name: string): boolean {
  return SECRET_FIELDS.test(name);
}
